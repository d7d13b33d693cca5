/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sequence.h: what a run is made of: policies, sizes of tables, and events in the order of time.
 *
 * Everything about a sequence follows from its seed, its policies from the seed of its pool: those that
 * are near in seed share a pool, for making policies is slow.
 */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "event.h"
#include "model.h"
#include "random.h"

#define SEQUENCE_EVENTS   192 /* of the longest; most have less than 50 */
#define SEQUENCE_POLICIES 4

/* A policy's description with all that it points to, and the policy made from it. */
#define PLAN_RULES   12 /* of a group */
#define PLAN_ENTRIES 6  /* of the network ACL */
#define PLAN_NAMES   (2 * PLAN_RULES + PLAN_ENTRIES + 2)

struct plan {
	struct sekisho_policy_spec spec;
	struct sekisho_group_spec groups[2];
	struct sekisho_acl_spec acl;
	struct sekisho_acl_entry_spec entries[PLAN_ENTRIES];
	struct sekisho_prefix subnet;
	struct sekisho_endpoint_spec endpoints[2];
	struct sekisho_prefix addresses[2][2]; /* of each endpoint, by family */
	struct sekisho_rule_spec rules[2][PLAN_RULES];
	/* what they point to; the last third is the ACL's */
	struct sekisho_port_range ports[3][PLAN_RULES][2];
	struct sekisho_prefix peers[3][PLAN_RULES][2];
	bool literal[3][PLAN_RULES][2];
	struct sekisho_prefix never_filtered[2];
	struct sekisho_policy *policy;
};

/* Copy a plan, but for the policy; the copy points to its own parts. */
void plan_copy(struct plan *to, const struct plan *from);

/* Policies in families: the members of one share knobs, sizes and the names of rules. */
#define POOL_FAMILIES 24

struct pool {
	uint64_t seed;
	struct sekisho_rule_names *names;
	struct plan plan[POOL_FAMILIES][SEQUENCE_POLICIES];
};

#define POOL_SEQUENCES 2048 /* sequences that share a pool */

/* Make the pool that a sequence of this seed uses. Ends the program where memory does not suffice. */
struct pool *pool_create(uint64_t seed);
void pool_destroy(struct pool *pool);

struct sequence {
	uint64_t seed;
	const struct pool *pool;
	const struct plan *plans; /* SEQUENCE_POLICIES; zone z begins with plans[z] */
	enum sekisho_semantics semantics;
	struct model_config config;
	uint32_t start_ms;     /* the engine's clock when it begins */
	uint32_t least_gap_ms; /* 1 where it matters which of two flows was opened first */
	uint32_t tail_ms;      /* that go by after the last event */
	unsigned count;
	struct event event[SEQUENCE_EVENTS];
};

/* How long after the one before an event comes. */
static inline uint32_t sequence_gap(const struct sequence *sequence, unsigned index)
{
	uint32_t gap = sequence->event[index].gap_ms;

	return gap < sequence->least_gap_ms ? sequence->least_gap_ms : gap;
}

/* Generate the sequence of a seed; `pool` is the one of that seed. */
void sequence_generate(struct sequence *sequence, const struct pool *pool, uint64_t seed);

#endif
