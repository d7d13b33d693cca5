/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_table.c: the flow table by itself, without packets.
 *
 *	look-up/FLOWS	hash and find 32 keys that are there, as the packet path does, at 85 %
 *	insert/PERCENT	hash and insert keys, 32 at a time, into a table for 1M that is so full
 */
#include "bench_flows.h"
#include "subjects.h"

#define LOAD_PERCENT 85
#define WINDOW       8192 /* keys that are inserted and taken out again */

static void *setup(const void *plan, char *message, unsigned message_size)
{
	return bench_flows_create(plan, message, message_size);
}

static void teardown(void *world)
{
	bench_flows_destroy(world);
}

static void look_up_run(struct gbench_state *state, void *world)
{
	struct bench_flows *flows = world;
	uint64_t sought = 0, found = 0;

	while (gbench_next(state)) {
		found += bench_flows_find(flows);
		sought += BENCH_FLOWS_BURST;
	}
	gbench_items(state, sought);
	gbench_counter(state, "flows", flows->plan.flows);
	gbench_expect_none_lost(state, sought - found);
}

/* Take out what was inserted; returns how many found no room. */
static unsigned remove_all(struct flow_table *table, struct flow **inserted, unsigned count)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < count; i++)
		if (inserted[i] != NULL)
			flow_table_remove(table, inserted[i]);
		else
			refused++;
	return refused;
}

static void insert_run(struct gbench_state *state, void *world)
{
	static struct flow *inserted[WINDOW];
	struct bench_flows *flows = world;
	const struct bench_flows_plan *plan = &flows->plan;
	uint64_t done = 0, refused = 0;
	unsigned window = 0;

	while (gbench_next(state)) {
		bench_flows_insert(flows, &flows->keys[plan->flows + window], &inserted[window]);
		window += BENCH_FLOWS_BURST;
		done += BENCH_FLOWS_BURST;
		if (window < plan->fresh)
			continue;
		gbench_pause(state);
		refused += remove_all(&flows->table, inserted, window);
		window = 0;
		gbench_resume(state);
	}
	refused += remove_all(&flows->table, inserted, window);
	gbench_items(state, done);
	gbench_counter(state, "flows", plan->flows);
	gbench_counter(state, "slots_used_percent",
		       100.0 * plan->flows * sizeof(struct flow_bucket) / FLOW_BUCKET_SLOTS /
			       (double)flow_table_buckets_size(plan->room));
	gbench_expect_none_lost(state, refused);
}

void bench_table_register(void)
{
	static const struct gbench_kind look_up = {setup, look_up_run, teardown, 0};
	static const struct gbench_kind insert = {setup, insert_run, teardown, 0};
	static const struct subjects_number loads[] = {
		{"50", 50}, {"60", 60}, {"70", 70}, {"80", 80}, {"85", 85}, {"90", 90}, {"95", 95}};
	static struct bench_flows_plan flows[SUBJECTS_FLOWS];
	static struct bench_flows_plan inserts[sizeof(loads) / sizeof(loads[0])];

	for (unsigned i = 0; i < SUBJECTS_FLOWS; i++) {
		flows[i].flows = subjects_flows[i].value;
		flows[i].room = (uint32_t)((uint64_t)flows[i].flows * 100 / LOAD_PERCENT);
		gbench_register(&look_up, "look-up", subjects_flows[i].label, &flows[i]);
	}
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		inserts[i] = (struct bench_flows_plan){
			.flows = (uint32_t)((uint64_t)SUBJECTS_LIVE * loads[i].value / 100),
			.room = SUBJECTS_LIVE,
			.fresh = WINDOW};
		gbench_register(&insert, "insert", loads[i].label, &inserts[i]);
	}
}
