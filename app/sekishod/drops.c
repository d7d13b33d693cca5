/* SPDX-License-Identifier: BSD-3-Clause */
/* drops.c: an array by edge, direction and reason; a hash of those with a rule. */
#include "counter.h"
#include "drops.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS  2048 /* a power of two */
#define PROBES 8

/* A key is set once, after which its slot is never another's. */
struct slot {
	_Atomic uint64_t key; /* 0: free */
	_Atomic uint64_t packets;
};

struct drops {
	unsigned edges;
	struct slot slots[SLOTS];
	_Atomic uint64_t without_rule[]; /* by edge, direction, reason */
};

struct drops *drops_create(unsigned edges)
{
	struct drops *drops = calloc(1, sizeof(*drops) + (size_t)edges * 2 * SEKISHO_REASON_COUNT *
								 sizeof(drops->without_rule[0]));

	if (drops != NULL)
		drops->edges = edges;
	return drops;
}

/* Never 0, as of the words no two are the same for different rows. */
static uint64_t key_of(unsigned edge, unsigned direction, const struct sekisho_verdict *verdict)
{
	return (uint64_t)1 << 63 | (uint64_t)edge << 41 | (uint64_t)direction << 40 |
	       (uint64_t)verdict->reason << 32 | verdict->rule;
}

/* The counter of a key; NULL if there is no room. */
static _Atomic uint64_t *slot_find(struct drops *drops, uint64_t key)
{
	uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	for (unsigned i = 0; i < PROBES; i++) {
		struct slot *slot = &drops->slots[(at + i) & (SLOTS - 1)];
		uint64_t found = atomic_load_explicit(&slot->key, memory_order_relaxed);

		if (found == 0)
			atomic_store_explicit(&slot->key, key, memory_order_relaxed);
		if (found == 0 || found == key)
			return &slot->packets;
	}
	return NULL;
}

void drops_count(struct drops *drops, unsigned edge, unsigned direction,
		 const struct sekisho_verdict *verdict)
{
	_Atomic uint64_t *counter = NULL;

	if (verdict->rule != SEKISHO_RULE_NONE)
		counter = slot_find(drops, key_of(edge, direction, verdict));
	if (counter == NULL)
		counter = &drops->without_rule[(edge * 2 + direction) * SEKISHO_REASON_COUNT +
					       verdict->reason];
	counter_add(counter, 1);
}

unsigned drops_rows(const struct drops *drops)
{
	return SLOTS + drops->edges * 2 * SEKISHO_REASON_COUNT;
}

unsigned drops_read(const struct drops *drops, struct drops_row *rows)
{
	unsigned count = 0;

	for (unsigned i = 0; i < drops->edges * 2 * SEKISHO_REASON_COUNT; i++) {
		rows[count] = (struct drops_row){
			.edge = (uint16_t)(i / SEKISHO_REASON_COUNT / 2),
			.direction = i / SEKISHO_REASON_COUNT % 2,
			.reason = (uint8_t)(i % SEKISHO_REASON_COUNT),
			.rule = SEKISHO_RULE_NONE,
			.packets =
				atomic_load_explicit(&drops->without_rule[i], memory_order_relaxed),
		};
		count += rows[count].packets > 0;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		uint64_t key = atomic_load_explicit(&drops->slots[i].key, memory_order_relaxed);

		rows[count] = (struct drops_row){
			.edge = (uint16_t)(key >> 41),
			.direction = key >> 40 & 1,
			.reason = (uint8_t)(key >> 32),
			.rule = (uint32_t)key,
			.packets = atomic_load_explicit(&drops->slots[i].packets,
							memory_order_relaxed),
		};
		count += key != 0 && rows[count].packets > 0;
	}
	return count;
}
