/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_table.h: the flows of one core.
 *
 * A pool of 128-byte entries, and over it a hash of 64-byte buckets: eight 16-bit tags and eight
 * 32-bit indices. A key may stand in two buckets, the second found from the first and the tag alone,
 * so that an entry can be moved without its key. Probes are bounded: two buckets, sixteen tags.
 * An entry of the pool that is in no bucket may be a proof's memory (flow->extension).
 *
 * One thread owns a table. All memory is taken at init.
 */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include "limit.h"

#define FLOW_BUCKET_SLOTS 8

struct flow_bucket {
	uint16_t tag[FLOW_BUCKET_SLOTS]; /* 0: empty */
	uint32_t index[FLOW_BUCKET_SLOTS];
	uint8_t unused[16];
};

_Static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");

struct flow_table {
	struct flow *flows;
	struct flow_bucket *buckets;
	uint32_t bucket_mask;
	uint32_t capacity;
	uint32_t free_head; /* a list through expires_at of free entries */
	uint32_t used;      /* entries in the hash that are flows */
	uint32_t taken;     /* entries that are not free: flows, address pairs, proofs' memories */
	uint32_t changes;   /* counts inserts and removes */
	uint32_t sweep;     /* where ageing goes on */
	uint32_t swept_at;  /* tick */
	uint32_t sweep_per_ms; /* entries */
	struct flow_hash_secret secret;
	struct limit limit;
	uint32_t *live_by_rule; /* flows now, by the number of the rule that opened them */
	uint64_t expired, recycled, closed, created;
};

/* Sizes of the two memories for `capacity` flows, in bytes; both want 64-byte alignment. */
size_t flow_table_flows_size(uint32_t capacity);
size_t flow_table_buckets_size(uint32_t capacity);

/* A table's memories, zeroed: of the sizes above, of limit_size(), and a counter for each rule number. */
struct flow_table_memory {
	void *flows, *buckets, *limit;
	uint32_t *live_by_rule;
};

/* Lay a table into its memories. `random` is 32 bytes. */
void flow_table_init(struct flow_table *table, uint32_t capacity,
		     const struct flow_table_memory *memory, const uint8_t *random);

static inline uint64_t flow_table_hash(const struct flow_table *table, const struct flow_key *key)
{
	return flow_key_hash(key, &table->secret);
}

static inline void flow_table_prefetch(const struct flow_table *table, uint64_t hash)
{
	__builtin_prefetch(&table->buckets[hash & table->bucket_mask]);
}

/*
 * The entry that a hash leads to, mostly that of its key, and not looked at; NULL if there is none. For
 * the stage before flow_table_find(), which is still to be asked when the entry is of another key.
 */
struct flow *flow_table_candidate(const struct flow_table *table, uint64_t hash);

/* The entry of a key, expired or not; NULL if there is none. */
struct flow *flow_table_find(const struct flow_table *table, const struct flow_key *key,
			     uint64_t hash);

/* A new zeroed entry with this key, which must not be in the table. NULL when there is no room. */
struct flow *flow_table_insert(struct flow_table *table, const struct flow_key *key, uint64_t hash);

/* Take an entry out, with its extension. */
void flow_table_remove(struct flow_table *table, struct flow *flow);

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

/* Look at some entries, as many as time has gone by since the last call, and remove those that are over. */
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

#endif
