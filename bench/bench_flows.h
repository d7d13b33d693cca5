/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_flows.h: a flow table by itself, with keys of the flows in it and of others. */
#ifndef BENCH_FLOWS_H
#define BENCH_FLOWS_H

#include "flow_table.h"

#define BENCH_FLOWS_BURST 32

struct bench_flows_plan {
	uint32_t flows; /* in the table all the time */
	uint32_t room;
	uint32_t fresh; /* keys besides, to insert */
};

struct bench_flows {
	struct bench_flows_plan plan;
	struct flow_table table;
	struct flow_table_memory memory;
	uint32_t no_rules;     /* what live_by_rule points to */
	struct flow_key *keys; /* of the flows, in a random order, then the fresh ones */
	uint32_t next;         /* key to look up */
};

/* Make a table with its flows. NULL, and a sentence in `message`, on failure. */
struct bench_flows *bench_flows_create(const struct bench_flows_plan *plan, char *message,
				       unsigned message_size);
void bench_flows_destroy(struct bench_flows *flows);

/* Find the next burst of keys, in the stages of the packet path; how many were there. */
unsigned bench_flows_find(struct bench_flows *flows);

/* Insert the burst of keys from `keys` on, whose buckets are asked for before. NULL: no room. */
void bench_flows_insert(struct bench_flows *flows, const struct flow_key *keys,
			struct flow **inserted);

#endif
