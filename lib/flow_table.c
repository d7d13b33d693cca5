/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_table.c: buckets of tags and indices over a pool; see flow_table.h. */
#include "flow_table.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SWEEP_ROUND_MS 2000 /* all entries are looked at once in this time */
#define RANDOM_TWIST   0xa5 /* the sources' secret differs from the flows' */

/* Two thirds of the slots are used when the pool is full: one displacement then finds room. */
static uint32_t bucket_count(uint32_t capacity)
{
	uint64_t wanted = ((uint64_t)capacity * 3 / 2 + FLOW_BUCKET_SLOTS - 1) / FLOW_BUCKET_SLOTS;
	uint32_t count = 2;

	while (count < wanted)
		count *= 2;
	return count;
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
		     const struct flow_table_memory *memory, const uint8_t *random)
{
	uint8_t twisted[32];

	memset(table, 0, sizeof(*table));
	table->flows = memory->flows;
	table->buckets = memory->buckets;
	table->live_by_rule = memory->live_by_rule;
	table->capacity = capacity;
	table->sweep_per_ms = capacity / SWEEP_ROUND_MS + 1;
	table->bucket_mask = bucket_count(capacity) - 1;
	for (uint32_t i = 0; i < capacity; i++)
		table->flows[i].expires_at = i + 1 < capacity ? i + 1 : FLOW_NONE;
	flow_hash_secret_init(&table->secret, random);
	for (size_t i = 0; i < sizeof(twisted); i++)
		twisted[i] = random[i] ^ RANDOM_TWIST;
	limit_init(&table->limit, capacity, memory->limit, twisted);
}

/* The tag is from hash bits that choose no bucket; 0 means empty. */
static uint16_t tag_of(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag ? tag : 1;
}

static uint32_t other_bucket(const struct flow_table *table, uint32_t bucket, uint16_t tag)
{
	/* its own inverse, and never the same bucket */
	return bucket ^ (((uint32_t)tag * 0x5bd1e995u | 1u) & table->bucket_mask);
}

/* The slots of a bucket that have a tag, as bits. */
static inline unsigned slots_with(const struct flow_bucket *bucket, uint16_t tag)
{
#ifdef __SSE2__
	__m128i tags = _mm_load_si128((const __m128i *)bucket->tag);
	__m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
#else
	unsigned slots = 0;

	for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++)
		slots |= (unsigned)(bucket->tag[i] == tag) << i;
	return slots;
#endif
}

static struct flow *find_in(const struct flow_table *table, const struct flow_bucket *bucket,
			    uint16_t tag, const struct flow_key *key)
{
	for (unsigned slots = slots_with(bucket, tag); slots != 0; slots &= slots - 1) {
		struct flow *flow = &table->flows[bucket->index[__builtin_ctz(slots)]];

		if (flow_key_equal(&flow->key, key))
			return flow;
	}
	return NULL;
}

struct flow *flow_table_candidate(const struct flow_table *table, uint64_t hash)
{
	uint32_t first = (uint32_t)hash & table->bucket_mask;
	uint16_t tag = tag_of(hash);
	const struct flow_bucket *bucket = &table->buckets[first];
	unsigned slots = slots_with(bucket, tag);

	if (slots == 0) {
		bucket = &table->buckets[other_bucket(table, first, tag)];
		slots = slots_with(bucket, tag);
		if (slots == 0)
			return NULL;
	}
	return &table->flows[bucket->index[__builtin_ctz(slots)]];
}

struct flow *flow_table_find(const struct flow_table *table, const struct flow_key *key,
			     uint64_t hash)
{
	uint32_t first = (uint32_t)hash & table->bucket_mask;
	uint16_t tag = tag_of(hash);
	struct flow *flow = find_in(table, &table->buckets[first], tag, key);

	if (flow != NULL)
		return flow;
	return find_in(table, &table->buckets[other_bucket(table, first, tag)], tag, key);
}

static int empty_slot(const struct flow_bucket *bucket)
{
	for (int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		if (bucket->tag[i] == 0)
			return i;
	}
	return -1;
}

/* Move one entry of a full bucket to its other bucket; the slot that became free, or -1. */
static int displace(struct flow_table *table, uint32_t bucket)
{
	struct flow_bucket *from = &table->buckets[bucket];

	for (int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		struct flow_bucket *to = &table->buckets[other_bucket(table, bucket, from->tag[i])];
		int slot = empty_slot(to);

		if (slot < 0)
			continue;
		to->tag[slot] = from->tag[i];
		to->index[slot] = from->index[i];
		from->tag[i] = 0;
		return i;
	}
	return -1;
}

/* A free slot in one of a hash's two buckets; NULL if even a displacement finds none. */
static struct flow_bucket *slot_for(struct flow_table *table, uint64_t hash, int *slot)
{
	uint32_t bucket = (uint32_t)hash & table->bucket_mask;
	uint32_t pair[2] = {bucket, other_bucket(table, bucket, tag_of(hash))};

	for (int i = 0; i < 2; i++) {
		*slot = empty_slot(&table->buckets[pair[i]]);
		if (*slot >= 0)
			return &table->buckets[pair[i]];
	}
	for (int i = 0; i < 2; i++) {
		*slot = displace(table, pair[i]);
		if (*slot >= 0)
			return &table->buckets[pair[i]];
	}
	return NULL;
}

static struct flow *pool_take(struct flow_table *table)
{
	struct flow *flow;

	if (table->free_head == FLOW_NONE)
		return NULL;
	flow = &table->flows[table->free_head];
	table->free_head = flow->expires_at;
	table->taken++;
	memset(flow, 0, sizeof(*flow));
	flow->extension = FLOW_NONE;
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
	int slot;
	struct flow_bucket *bucket;
	struct flow *flow;

	if (table->free_head == FLOW_NONE)
		return NULL;
	bucket = slot_for(table, hash, &slot);
	if (bucket == NULL)
		return NULL;
	flow = pool_take(table);
	flow->key = *key;
	flow->rule[0] = flow->rule[1] = SEKISHO_RULE_NONE;
	bucket->tag[slot] = tag_of(hash);
	bucket->index[slot] = flow_table_index(table, flow);
	table->changes++;
	if (!(key->family & FLOW_KEY_PAIR)) {
		table->used++;
		table->created++;
	}
	return flow;
}

void flow_table_remove(struct flow_table *table, struct flow *flow)
{
	uint64_t hash = flow_table_hash(table, &flow->key);
	uint32_t first = (uint32_t)hash & table->bucket_mask;
	uint32_t pair[2] = {first, other_bucket(table, first, tag_of(hash))};
	uint32_t index = flow_table_index(table, flow);

	for (int i = 0; i < 2; i++) {
		struct flow_bucket *bucket = &table->buckets[pair[i]];

		for (int j = 0; j < FLOW_BUCKET_SLOTS; j++) {
			if (bucket->tag[j] != 0 && bucket->index[j] == index)
				bucket->tag[j] = 0;
		}
	}
	table->changes++;
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

void *flow_table_extend(struct flow_table *table, struct flow *flow)
{
	struct flow *memory = pool_take(table);

	if (memory == NULL)
		return NULL;
	memset(memory, 0, sizeof(*memory));
	flow->extension = flow_table_index(table, memory);
	return memory;
}
