/* SPDX-License-Identifier: BSD-3-Clause */
/* hash_baseline.c: see hash_baseline.h. */
#include "hash_baseline.h"

#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "frames.h"
#include "memory.h"

#define LINE         64
#define LOAD_PERCENT 85
#define PAGE         ((size_t)2 << 20)

struct hash_key {
	uint32_t local, peer;
	uint16_t local_port, peer_port;
	uint32_t rest;
};

struct hash_baseline {
	char name[32]; /* of the heap and the hash */
	void *heap;
	size_t heap_size;
	bool heap_added;
	struct rte_hash *hash;
	struct hash_key *keys;   /* in a random order */
	uint8_t (*states)[LINE]; /* by the position that the hash gives */
	uint32_t count, entries;
	uint32_t next; /* key to look up */
};

void hash_baseline_destroy(struct hash_baseline *hash)
{
	rte_hash_free(hash->hash);
	if (hash->heap_added) {
		rte_malloc_heap_memory_remove(hash->name, hash->heap, hash->heap_size);
		rte_malloc_heap_destroy(hash->name);
	}
	memory_give(hash->heap, hash->heap_size);
	memory_give(hash->states, ((size_t)hash->entries + 1) * LINE);
	memory_give(hash->keys, (size_t)hash->count * sizeof(*hash->keys));
	free(hash);
}

/* A heap of our kind of memory, as large as a hash of so many entries may be. */
static bool heap_make(struct hash_baseline *hash)
{
	size_t rounded = 1;

	while (rounded < hash->entries)
		rounded *= 2;
	hash->heap_size = (rounded * 96 + (size_t)hash->entries * 64 + 32 * PAGE) / PAGE * PAGE;
	hash->heap = memory_take(hash->heap_size);
	if (hash->heap == NULL || rte_malloc_heap_create(hash->name) != 0)
		return false;
	hash->heap_added = rte_malloc_heap_memory_add(hash->name, hash->heap, hash->heap_size, NULL,
						      0, PAGE) == 0;
	if (!hash->heap_added)
		rte_malloc_heap_destroy(hash->name);
	return hash->heap_added;
}

static bool hash_make(struct hash_baseline *hash)
{
	const struct rte_hash_parameters parameters = {
		.name = hash->name,
		.entries = hash->entries,
		.key_len = sizeof(struct hash_key),
		.hash_func = rte_hash_crc,
		.socket_id = rte_malloc_heap_get_socket(hash->name),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};

	hash->hash = rte_hash_create(&parameters);
	hash->keys = memory_take((size_t)hash->count * sizeof(*hash->keys));
	hash->states = memory_take(((size_t)hash->entries + 1) * LINE);
	return hash->hash != NULL && hash->keys != NULL && hash->states != NULL;
}

static bool hash_fill(struct hash_baseline *hash)
{
	uint32_t *order = frames_shuffled(hash->count);
	bool filled = order != NULL;

	for (uint32_t i = 0; filled && i < hash->count; i++) {
		hash->keys[i] = (struct hash_key){0x0a000001, 0xc6336401 + (order[i] >> 12),
						  (uint16_t)(20000 + (order[i] & 0xfff)), 443, 17};
		filled = rte_hash_add_key(hash->hash, &hash->keys[i]) >= 0;
	}
	free(order);
	return filled;
}

struct hash_baseline *hash_baseline_create(uint32_t keys)
{
	static unsigned serial;
	struct hash_baseline *hash = calloc(1, sizeof(*hash));

	if (hash == NULL)
		return NULL;
	snprintf(hash->name, sizeof(hash->name), "baseline%u", serial++);
	hash->count = keys;
	hash->entries = (uint32_t)((uint64_t)keys * 100 / LOAD_PERCENT);
	if (heap_make(hash) && hash_make(hash) && hash_fill(hash))
		return hash;
	hash_baseline_destroy(hash);
	return NULL;
}

static inline void find(struct hash_baseline *hash, int32_t *positions)
{
	const void *keys[HASH_BASELINE_BURST];

	if (hash->next + HASH_BASELINE_BURST > hash->count)
		hash->next = 0;
	for (unsigned i = 0; i < HASH_BASELINE_BURST; i++)
		keys[i] = &hash->keys[hash->next++];
	memory_prefetch(&hash->keys[hash->next], HASH_BASELINE_BURST * sizeof(*hash->keys));
	rte_hash_lookup_bulk(hash->hash, keys, HASH_BASELINE_BURST, positions);
}

void hash_baseline_find(struct hash_baseline *hash)
{
	int32_t positions[HASH_BASELINE_BURST];

	find(hash, positions);
}

void hash_baseline_update(struct hash_baseline *hash)
{
	int32_t positions[HASH_BASELINE_BURST];

	find(hash, positions);
	for (unsigned i = 0; i < HASH_BASELINE_BURST; i++)
		__builtin_prefetch(hash->states[positions[i]], 1);
	for (unsigned i = 0; i < HASH_BASELINE_BURST; i++)
		(*(uint64_t *)hash->states[positions[i]])++;
}
