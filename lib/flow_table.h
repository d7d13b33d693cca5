/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_table.h: the flows of one core.
 *
 * A pool of 128-byte entries, and over it a hash of 64-byte buckets: ten 16-bit tags and ten
 * 32-bit indices. A key may stand in two buckets, the second found from the first and the tag alone,
 * so that an entry can be moved without its key (cuckoo hashing with partial keys: Fan et al.,
 * "MemC3", NSDI 2013). Probes are bounded: two buckets, twenty tags. When the pool is full, 98 of 100
 * slots are used; the first bucket has most keys, and so a look-up mostly reads one line.
 * An entry of the pool that is in no bucket may be a proof's memory (flow->extension).
 *
 * Wider vectors were tried: all of it for AVX2 takes 3 % fewer instructions a packet and no less time (49.7
 * ns for 49.8 at 1 M flows, 29.1 for 29.3 at 1 k), for AVX-512 it takes 4 to 5 ns more. So there is no
 * dispatch at run time; SSE2 where the compiler says that it is there, and a portable way that tests compare.
 *
 * One thread owns a table. All memory is taken at init.
 */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "limit.h"

#define FLOW_BUCKET_SLOTS 10

struct flow_bucket {
	uint16_t tag[FLOW_BUCKET_SLOTS]; /* 0: empty */
	uint32_t index[FLOW_BUCKET_SLOTS];
	uint8_t unused[4];
};

_Static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");

/* Somebody to be told of each flow that ends, just before it is taken out. */
typedef void flow_ended(void *context, const struct flow *flow, enum sekisho_end why);

struct flow_table {
	struct flow *flows;
	struct flow_bucket *buckets;
	uint32_t bucket_count;
	uint32_t capacity;
	uint32_t free_head; /* a list through expires_at of free entries */
	uint32_t used;      /* entries in the hash that are flows */
	uint32_t taken;     /* entries that are not free: flows, address pairs, proofs' memories */
	uint32_t sweep;     /* where ageing goes on */
	uint32_t swept_at;  /* tick */
	uint32_t resumed_at; /* tick, of flows that are behind */
	uint32_t sweep_per_ms; /* entries */
	uint32_t sweep_due;    /* entries to look at, of the time until then */
	struct flow_hash_secret secret;
	struct flow_hash_secret proof_secret; /* of what proofs remember; it may outlive the table */
	struct limit limit;
	uint32_t *live_by_rule; /* flows now, by the number of the rule that opened them */
	uint64_t expired, recycled, closed, created;
	flow_ended *ended; /* NULL: nobody is told */
	void *ended_context;
};

/* Sizes of the two memories for `capacity` flows, in bytes; both want 64-byte alignment. */
size_t flow_table_flows_size(uint32_t capacity);
size_t flow_table_buckets_size(uint32_t capacity);

/* A table's memories, zeroed: of the sizes above, of limit_size(), and a counter for each rule number. */
struct flow_table_memory {
	void *flows, *buckets, *limit;
	uint32_t *live_by_rule;
	uint32_t limit_flows; /* that `limit` is for; 0: as many as the table's */
};

/* 32 random bytes each: for the places in the table, and for what proofs remember. */
struct flow_table_random {
	const uint8_t *places, *proofs;
};

/* Lay a table into its memories. */
void flow_table_init(struct flow_table *table, uint32_t capacity,
		     const struct flow_table_memory *memory, struct flow_table_random random);

static inline uint64_t flow_table_hash(const struct flow_table *table, const struct flow_key *key)
{
	return flow_key_hash(key, &table->secret);
}

/* Where a hash leads first: the upper bits of a product, so that any number of buckets will do. */
static inline uint32_t flow_table_bucket(const struct flow_table *table, uint64_t hash)
{
	return (uint32_t)((hash & UINT32_MAX) * table->bucket_count >> 32);
}

/* The tag is from hash bits that choose no bucket; 0 means empty. */
static inline uint16_t flow_table_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag ? tag : 1;
}

/* The other bucket of a tag: the two add up, modulo their number, to one that the tag alone gives. */
static inline uint32_t flow_table_other(const struct flow_table *table, uint32_t bucket,
					uint16_t tag)
{
	uint32_t sum = (uint32_t)((uint64_t)(tag * 0x9e3779b1u) * table->bucket_count >> 32);

	return sum >= bucket ? sum - bucket : sum + table->bucket_count - bucket;
}

/* The slots of a bucket that have a tag, as bits; where there is no better way than one by one. */
static inline unsigned flow_bucket_slots_portable(const struct flow_bucket *bucket, uint16_t tag)
{
	unsigned slots = 0;

	for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++)
		slots |= (unsigned)(bucket->tag[i] == tag) << i;
	return slots;
}

/* The same, by the best way there is. */
static inline unsigned flow_bucket_slots(const struct flow_bucket *bucket, uint16_t tag)
{
#ifdef __SSE2__
	/* the first eight tags, and the last eight, of which six have been among the first */
	__m128i first = _mm_load_si128((const __m128i *)bucket->tag);
	__m128i last = _mm_loadu_si128((const __m128i *)(bucket->tag + FLOW_BUCKET_SLOTS - 8));
	__m128i sought = _mm_set1_epi16((short)tag);
	unsigned both = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(
		_mm_cmpeq_epi16(first, sought), _mm_cmpeq_epi16(last, sought)));

	return (both & 0xff) | (both >> 8 << (FLOW_BUCKET_SLOTS - 8));
#else
	return flow_bucket_slots_portable(bucket, tag);
#endif
}

/* Ask for the bucket where a hash leads first. */
static inline void flow_table_prefetch(const struct flow_table *table, uint64_t hash)
{
	__builtin_prefetch(&table->buckets[flow_table_bucket(table, hash)]);
}

/* The entry in a bucket that a tag leads to; NULL if there is none. */
static inline struct flow *flow_bucket_candidate(const struct flow_table *table,
						 const struct flow_bucket *bucket, uint16_t tag)
{
	unsigned slots = flow_bucket_slots(bucket, tag);

	return slots == 0 ? NULL : &table->flows[bucket->index[__builtin_ctz(slots)]];
}

/*
 * The entry that a hash leads to, mostly that of its key, and not looked at, in two stages before
 * flow_table_find(), which is still to be asked when the entry is of another key or there is none. The
 * first asks for its lines, or where nothing in the first bucket has the tag for the other bucket; then
 * it is NULL, and the second stage looks there and asks for the lines.
 */
static inline struct flow *flow_table_candidate(const struct flow_table *table, uint64_t hash)
{
	uint32_t first = flow_table_bucket(table, hash);
	uint16_t tag = flow_table_tag(hash);
	struct flow *flow = flow_bucket_candidate(table, &table->buckets[first], tag);

	if (flow == NULL)
		__builtin_prefetch(&table->buckets[flow_table_other(table, first, tag)]);
	return flow;
}

static inline struct flow *flow_table_second_candidate(const struct flow_table *table,
						       uint64_t hash)
{
	uint16_t tag = flow_table_tag(hash);
	uint32_t other = flow_table_other(table, flow_table_bucket(table, hash), tag);
	struct flow *flow = flow_bucket_candidate(table, &table->buckets[other], tag);

	flow_prefetch(flow);
	return flow;
}

/* The entry of a key, expired or not; NULL if there is none. */
struct flow *flow_table_find(const struct flow_table *table, const struct flow_key *key,
			     uint64_t hash);

/* A new zeroed entry with this key, which must not be in the table. NULL when there is no room. */
struct flow *flow_table_insert(struct flow_table *table, const struct flow_key *key, uint64_t hash);

/* Take an entry out, with its extension. */
void flow_table_remove(struct flow_table *table, struct flow *flow);

/* The same for an entry whose time is over, and for a flow that ends before: counted, and told of. */
void flow_table_end(struct flow_table *table, struct flow *flow, enum sekisho_end why);

/* Note which rule opens a flow in a direction, or with SEKISHO_RULE_NONE that none does any more. */
static inline void flow_table_set_rule(struct flow_table *table, struct flow *flow,
				       unsigned direction, uint32_t rule)
{
	if (flow->rule[direction] != SEKISHO_RULE_NONE)
		table->live_by_rule[flow->rule[direction]]--;
	if (rule != SEKISHO_RULE_NONE)
		table->live_by_rule[rule]++;
	flow->rule[direction] = rule;
}

/* A second, zeroed entry for a proof's memory; NULL when there is no room. Freed with the flow. */
void *flow_table_extend(struct flow_table *table, struct flow *flow);

/* The memory that flow_table_extend() gave, or NULL. */
static inline void *flow_table_extension(const struct flow_table *table, const struct flow *flow)
{
	return flow->extension == FLOW_NONE ? NULL : &table->flows[flow->extension];
}

static inline uint32_t flow_table_index(const struct flow_table *table, const struct flow *flow)
{
	return (uint32_t)(flow - table->flows);
}

/* ---- flow_age.c ---- */

/* Look at a few entries, by the time that has gone by, and remove those that are over. */
void flow_age_sweep(struct flow_table *table, uint32_t now);

/* Which live flows may make room for others; never an established or answered one. */
enum flow_victim {
	FLOW_VICTIM_HALF_OPEN, /* TCP only: to stay under the half-open ceiling */
	FLOW_VICTIM_UNANSWERED /* those and all that only one side has spoken on */
};

/*
 * Make room: among a bounded number of entries remove one past its time, or else the victim that was
 * opened first. Not `spare`, which may be NULL: a flow that wants the room. False if there was none.
 */
bool flow_age_recycle(struct flow_table *table, uint32_t now, enum flow_victim victims,
		      const struct flow *spare);

/* Whether it would make room now; nothing changes. */
bool flow_age_can_recycle(const struct flow_table *table, uint32_t now, enum flow_victim victims);

#endif
