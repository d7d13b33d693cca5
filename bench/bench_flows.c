/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_flows.c: see bench_flows.h. */
#include "bench_flows.h"

#include <stdio.h>
#include <stdlib.h>

#include "frames.h"
#include "memory.h"

static struct flow_key key_of(uint32_t number)
{
	struct flow_key key = {
		.local = {10, 0, 0, 1},
		.peer = {198, 51, (uint8_t)(number >> 20), (uint8_t)(number >> 12)},
		.local_port = (uint16_t)(20000 + (number & 0xfff)),
		.peer_port = 443,
		.protocol = 17,
		.family = SEKISHO_IPV4,
	};

	return key;
}

static size_t keys_size(const struct bench_flows_plan *plan)
{
	return ((size_t)plan->flows + plan->fresh) * sizeof(struct flow_key);
}

void bench_flows_destroy(struct bench_flows *flows)
{
	memory_give(flows->memory.flows, flow_table_flows_size(flows->plan.room));
	memory_give(flows->memory.buckets, flow_table_buckets_size(flows->plan.room));
	memory_give(flows->memory.limit, limit_size(flows->plan.room));
	memory_give(flows->keys, keys_size(&flows->plan));
	free(flows);
}

static bool memories_take(struct bench_flows *flows)
{
	const struct bench_flows_plan *plan = &flows->plan;

	flows->memory = (struct flow_table_memory){
		.flows = memory_take(flow_table_flows_size(plan->room)),
		.buckets = memory_take(flow_table_buckets_size(plan->room)),
		.limit = memory_take(limit_size(plan->room)),
		.live_by_rule = &flows->no_rules};
	flows->keys = memory_take(keys_size(plan));
	return flows->memory.flows != NULL && flows->memory.buckets != NULL &&
	       flows->memory.limit != NULL && flows->keys != NULL;
}

static void shuffle(struct flow_key *keys, uint32_t count)
{
	uint64_t random = FRAMES_RANDOM;

	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)((uint64_t)frames_draw(&random) * i >> 32);
		struct flow_key swapped = keys[i - 1];

		keys[i - 1] = keys[j];
		keys[j] = swapped;
	}
}

static struct flow *insert(struct bench_flows *flows, const struct flow_key *key)
{
	return flow_table_insert(&flows->table, key, flow_table_hash(&flows->table, key));
}

struct bench_flows *bench_flows_create(const struct bench_flows_plan *plan, char *message,
				       unsigned message_size)
{
	static const uint8_t random[32] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
	struct bench_flows *flows = calloc(1, sizeof(*flows));

	snprintf(message, message_size, "not enough memory");
	if (flows == NULL)
		return NULL;
	flows->plan = *plan;
	if (!memories_take(flows)) {
		bench_flows_destroy(flows);
		return NULL;
	}
	flow_table_init(&flows->table, flows->plan.room, &flows->memory, (struct flow_table_random){random, random});
	for (uint32_t i = 0; i < flows->plan.flows + flows->plan.fresh; i++)
		flows->keys[i] = key_of(i);
	for (uint32_t i = 0; i < flows->plan.flows; i++)
		if (insert(flows, &flows->keys[i]) == NULL) {
			snprintf(message, message_size, "flow %u of %u finds no room", i,
				 flows->plan.flows);
			bench_flows_destroy(flows);
			return NULL;
		}
	shuffle(flows->keys, flows->plan.flows);
	return flows;
}

unsigned bench_flows_find(struct bench_flows *flows)
{
	const struct flow_table *table = &flows->table;
	const struct flow *candidate[BENCH_FLOWS_BURST];
	const struct flow_key *keys;
	uint64_t hash[BENCH_FLOWS_BURST];
	unsigned found = 0;

	if (flows->next + BENCH_FLOWS_BURST > flows->plan.flows)
		flows->next = 0;
	keys = &flows->keys[flows->next];
	flows->next += BENCH_FLOWS_BURST;
	memory_prefetch(&flows->keys[flows->next], BENCH_FLOWS_BURST * sizeof(*keys));
	for (unsigned i = 0; i < BENCH_FLOWS_BURST; i++) {
		hash[i] = flow_table_hash(table, &keys[i]);
		flow_table_prefetch(table, hash[i]);
	}
	for (unsigned i = 0; i < BENCH_FLOWS_BURST; i++) {
		candidate[i] = flow_table_candidate(table, hash[i]);
		__builtin_prefetch(candidate[i]);
	}
	for (unsigned i = 0; i < BENCH_FLOWS_BURST; i++)
		if (candidate[i] == NULL)
			candidate[i] = flow_table_second_candidate(table, hash[i]);
	for (unsigned i = 0; i < BENCH_FLOWS_BURST; i++)
		found += flow_is(candidate[i], &keys[i]) ||
			 flow_table_find(table, &keys[i], hash[i]) != NULL;
	return found;
}

void bench_flows_insert(struct bench_flows *flows, const struct flow_key *keys,
			struct flow **inserted)
{
	uint64_t hash[BENCH_FLOWS_BURST];

	for (unsigned i = 0; i < BENCH_FLOWS_BURST; i++) {
		hash[i] = flow_table_hash(&flows->table, &keys[i]);
		flow_table_prefetch(&flows->table, hash[i]);
	}
	for (unsigned i = 0; i < BENCH_FLOWS_BURST; i++)
		inserted[i] = flow_table_insert(&flows->table, &keys[i], hash[i]);
}
