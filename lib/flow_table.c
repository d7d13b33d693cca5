/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_table.c: buckets of tags and indices over a pool; see flow_table.h. */
#include "flow_table.h"

#include <string.h>

#define STEPS_MAX      24   /* buckets that are looked through for an entry that can move */
#define SWEEP_ROUND_MS 2000 /* all entries are looked at once in this time */
#define SWEEP_MS_MAX   1024 /* but no more of them in a millisecond */
#define RANDOM_TWIST   0xa5 /* the sources' secret differs from the flows' */

/* With the pool full, 98 slots of 100 are used. */
static uint32_t bucket_count(uint32_t capacity)
{
	uint64_t slots = (uint64_t)capacity * 100 / 98 + FLOW_BUCKET_SLOTS;

	return (uint32_t)(slots / FLOW_BUCKET_SLOTS + 1);
}

size_t flow_table_flows_size(uint32_t capacity)
{
	return (size_t)capacity * sizeof(struct flow);
}

size_t flow_table_buckets_size(uint32_t capacity)
{
	return (size_t)bucket_count(capacity) * sizeof(struct flow_bucket);
}

void flow_table_init(struct flow_table *table, uint32_t capacity,
		     const struct flow_table_memory *memory, struct flow_table_random random)
{
	uint8_t twisted[32];

	memset(table, 0, sizeof(*table));
	table->flows = memory->flows;
	table->buckets = memory->buckets;
	table->live_by_rule = memory->live_by_rule;
	table->capacity = capacity;
	table->sweep_per_ms = capacity / SWEEP_ROUND_MS + 1;
	if (table->sweep_per_ms > SWEEP_MS_MAX)
		table->sweep_per_ms = SWEEP_MS_MAX;
	table->bucket_count = bucket_count(capacity);
	for (uint32_t i = 0; i < capacity; i++)
		table->flows[i].expires_at = i + 1 < capacity ? i + 1 : FLOW_NONE;
	flow_hash_secret_init(&table->secret, random.places);
	flow_hash_secret_init(&table->proof_secret, random.proofs);
	for (size_t i = 0; i < sizeof(twisted); i++)
		twisted[i] = random.places[i] ^ RANDOM_TWIST;
	limit_init(&table->limit, memory->limit_flows ? memory->limit_flows : capacity,
		   memory->limit, twisted);
}

/* ---- buckets ---------------------------------------------------------------------------------- */

static struct flow *find_in(const struct flow_table *table, const struct flow_bucket *bucket,
			    uint16_t tag, const struct flow_key *key)
{
	for (unsigned slots = flow_bucket_slots(bucket, tag); slots != 0; slots &= slots - 1) {
		struct flow *flow = &table->flows[bucket->index[__builtin_ctz(slots)]];

		if (flow_key_equal(&flow->key, key))
			return flow;
	}
	return NULL;
}

struct flow *flow_table_find(const struct flow_table *table, const struct flow_key *key,
			     uint64_t hash)
{
	uint32_t first = flow_table_bucket(table, hash);
	uint16_t tag = flow_table_tag(hash);
	struct flow *flow = find_in(table, &table->buckets[first], tag, key);

	if (flow != NULL)
		return flow;
	return find_in(table, &table->buckets[flow_table_other(table, first, tag)], tag, key);
}

static int empty_slot(const struct flow_bucket *bucket)
{
	unsigned slots = flow_bucket_slots(bucket, 0);

	return slots == 0 ? -1 : __builtin_ctz(slots);
}

/* A full bucket that has been come to, because an entry of the one before could move to it. */
struct step {
	uint32_t bucket;
	int before;    /* the step that it was come from; -1: the new entry's own bucket */
	unsigned slot; /* of the entry there that could move */
};

struct place {
	struct flow_bucket *bucket;
	int slot;
};

static void entry_move(struct flow_bucket *to, int to_slot, struct flow_bucket *from,
		       unsigned from_slot)
{
	to->tag[to_slot] = from->tag[from_slot];
	to->index[to_slot] = from->index[from_slot];
	from->tag[from_slot] = 0;
}

/* A slot of a step's bucket is empty: move entries into it, back to where the steps began. */
static struct place walk_back(struct flow_table *table, const struct step *step,
			      const struct step *steps, unsigned slot)
{
	struct flow_bucket *bucket = &table->buckets[step->bucket];

	while (step->before >= 0) {
		const struct step *before = &steps[step->before];
		struct flow_bucket *from = &table->buckets[before->bucket];

		entry_move(bucket, (int)slot, from, step->slot);
		slot = step->slot;
		bucket = from;
		step = before;
	}
	return (struct place){bucket, (int)slot};
}

static bool is_among(const struct step *steps, unsigned count, uint32_t bucket)
{
	for (unsigned i = 0; i < count; i++) {
		if (steps[i].bucket == bucket)
			return true;
	}
	return false;
}

/*
 * A free slot in one of two full buckets, made by moving others: breadth first, the nearest empty slot
 * among the other buckets of the entries of at most STEPS_MAX buckets. No bucket if there is none.
 */
static struct place make_place(struct flow_table *table, const uint32_t pair[2])
{
	struct step steps[STEPS_MAX] = {{pair[0], -1, 0}, {pair[1], -1, 0}};
	unsigned count = 2;

	for (unsigned at = 0; at < count; at++) {
		struct flow_bucket *bucket = &table->buckets[steps[at].bucket];

		for (unsigned slot = 0; slot < FLOW_BUCKET_SLOTS; slot++) {
			uint32_t other =
				flow_table_other(table, steps[at].bucket, bucket->tag[slot]);
			int empty = empty_slot(&table->buckets[other]);

			if (empty >= 0) {
				entry_move(&table->buckets[other], empty, bucket, slot);
				return walk_back(table, &steps[at], steps, slot);
			}
			if (count < STEPS_MAX && !is_among(steps, count, other))
				steps[count++] = (struct step){other, (int)at, slot};
		}
	}
	return (struct place){NULL, -1};
}

/* A free slot in one of a hash's two buckets, the first if it has one; no bucket if there is none. */
static struct place place_for(struct flow_table *table, uint64_t hash)
{
	uint32_t bucket = flow_table_bucket(table, hash);
	uint32_t pair[2] = {bucket, flow_table_other(table, bucket, flow_table_tag(hash))};

	for (int i = 0; i < 2; i++) {
		int slot = empty_slot(&table->buckets[pair[i]]);

		if (slot >= 0)
			return (struct place){&table->buckets[pair[i]], slot};
	}
	return make_place(table, pair);
}

/* ---- the pool --------------------------------------------------------------------------------- */

/* What an entry begins as. Copied, since GCC clears so much by a string instruction, which is slow to start. */
static const struct flow empty = {
	.rule = {SEKISHO_RULE_NONE, SEKISHO_RULE_NONE},
	.extension = FLOW_NONE,
};

static struct flow *pool_take(struct flow_table *table)
{
	struct flow *flow;

	if (table->free_head == FLOW_NONE)
		return NULL;
	flow = &table->flows[table->free_head];
	table->free_head = flow->expires_at;
	table->taken++;
	*flow = empty;
	return flow;
}

static void pool_give(struct flow_table *table, uint32_t index)
{
	struct flow *flow = &table->flows[index];

	table->taken--;
	flow->key.family = 0;
	flow->expires_at = table->free_head;
	table->free_head = index;
}

struct flow *flow_table_insert(struct flow_table *table, const struct flow_key *key, uint64_t hash)
{
	struct place place;
	struct flow *flow;

	if (table->free_head == FLOW_NONE)
		return NULL;
	place = place_for(table, hash);
	if (place.bucket == NULL)
		return NULL;
	flow = pool_take(table);
	flow->key = *key;
	place.bucket->tag[place.slot] = flow_table_tag(hash);
	place.bucket->index[place.slot] = flow_table_index(table, flow);
	if (!(key->family & FLOW_KEY_PAIR)) {
		table->used++;
		table->created++;
	}
	return flow;
}

void flow_table_remove(struct flow_table *table, struct flow *flow)
{
	uint64_t hash = flow_table_hash(table, &flow->key);
	uint32_t first = flow_table_bucket(table, hash);
	uint32_t pair[2] = {first, flow_table_other(table, first, flow_table_tag(hash))};
	uint32_t index = flow_table_index(table, flow);

	for (int i = 0; i < 2; i++) {
		struct flow_bucket *bucket = &table->buckets[pair[i]];

		for (int j = 0; j < FLOW_BUCKET_SLOTS; j++) {
			if (bucket->tag[j] != 0 && bucket->index[j] == index)
				bucket->tag[j] = 0;
		}
	}
	if (!(flow->key.family & FLOW_KEY_PAIR)) {
		table->used--;
		limit_leave(&table->limit, flow);
		for (unsigned d = 0; d < 2; d++)
			flow_table_set_rule(table, flow, d, SEKISHO_RULE_NONE);
	}
	if (flow->extension != FLOW_NONE)
		pool_give(table, flow->extension);
	pool_give(table, index);
}

void flow_table_end(struct flow_table *table, struct flow *flow, enum sekisho_end why)
{
	if (!(flow->key.family & FLOW_KEY_PAIR)) {
		if (why == SEKISHO_END_EXPIRED)
			table->expired++;
		else if (why == SEKISHO_END_RECYCLED)
			table->recycled++;
		else
			table->closed++;
		if (__builtin_expect(table->ended != NULL, 0))
			table->ended(table->ended_context, flow, why);
	}
	flow_table_remove(table, flow);
}

void *flow_table_extend(struct flow_table *table, struct flow *flow)
{
	struct flow *memory = pool_take(table);

	if (memory == NULL)
		return NULL;
	memset(memory, 0, sizeof(*memory));
	flow->extension = flow_table_index(table, memory);
	return memory;
}
