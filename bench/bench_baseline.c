/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_baseline.c: what the subjects are held against, in the same run.
 *
 *	empty/FLOWS		the same frames described in the same bursts, and nothing decided
 *	memory-limit/FLOWS	two random cache lines a packet: memory_limit.h
 *	rte_hash/FLOWS		DPDK's rte_hash and a state for each key: hash_baseline.h
 *	rte_hash-look-up/FLOWS	the look-up alone
 */
#include <stdio.h>
#include <stdlib.h>

#include "hash_baseline.h"
#include "memory_limit.h"
#include "subjects.h"
#include "traffic.h"

/* ---- empty ------------------------------------------------------------------------------------ */

static void *empty_setup(const void *plan, char *message, unsigned message_size)
{
	const struct subjects_number *flows = plan;
	const struct traffic_plan traffic = {
		.live = flows->value, .rules = 1, .matcher = SEKISHO_MATCHER_COMPILED};

	return traffic_create(&traffic, message, message_size);
}

static void empty_teardown(void *world)
{
	traffic_destroy(world);
}

static void empty_run(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	struct sekisho_frame burst[FRAMES_BURST];
	uint64_t sum = 0, packets = 0;

	while (gbench_next(state)) {
		frames_take(&traffic->live, burst);
		for (unsigned i = 0; i < FRAMES_BURST; i++)
			sum += burst[i].data[30];
		packets += FRAMES_BURST;
	}
	__asm__ volatile("" : : "r"(sum));
	gbench_items(state, packets);
}

/* ---- memory limit ----------------------------------------------------------------------------- */

static void limit_teardown(void *world)
{
	memory_limit_fini(world);
	free(world);
}

static void *limit_setup(const void *plan, char *message, unsigned message_size)
{
	const struct subjects_number *flows = plan;
	struct memory_limit *limit = calloc(1, sizeof(*limit));

	if (limit != NULL && memory_limit_init(limit, flows->value))
		return limit;
	snprintf(message, message_size, "not enough memory");
	if (limit != NULL)
		limit_teardown(limit);
	return NULL;
}

static void limit_run(struct gbench_state *state, void *world)
{
	uint64_t packets = 0;

	while (gbench_next(state)) {
		memory_limit_burst(world);
		packets += MEMORY_LIMIT_BURST;
	}
	gbench_items(state, packets);
}

/* ---- rte_hash --------------------------------------------------------------------------------- */

static void *hash_setup(const void *plan, char *message, unsigned message_size)
{
	const struct subjects_number *flows = plan;

	snprintf(message, message_size, "not enough memory");
	return hash_baseline_create(flows->value);
}

static void hash_teardown(void *world)
{
	hash_baseline_destroy(world);
}

static void hash_run(struct gbench_state *state, void *world)
{
	uint64_t packets = 0;

	while (gbench_next(state)) {
		hash_baseline_update(world);
		packets += HASH_BASELINE_BURST;
	}
	gbench_items(state, packets);
}

static void hash_look_up_run(struct gbench_state *state, void *world)
{
	uint64_t packets = 0;

	while (gbench_next(state)) {
		hash_baseline_find(world);
		packets += HASH_BASELINE_BURST;
	}
	gbench_items(state, packets);
}

void bench_baseline_register(void)
{
	static const struct {
		const char *name;
		struct gbench_kind kind;
	} subjects[] = {
		{"empty", {empty_setup, empty_run, empty_teardown, 0}},
		{"memory-limit", {limit_setup, limit_run, limit_teardown, 0}},
		{"rte_hash", {hash_setup, hash_run, hash_teardown, 0}},
		{"rte_hash-look-up", {hash_setup, hash_look_up_run, hash_teardown, 0}},
	};

	for (unsigned s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++)
		for (unsigned i = 0; i < SUBJECTS_FLOWS; i++)
			gbench_register(&subjects[s].kind, subjects[s].name,
					subjects_flows[i].label, &subjects_flows[i]);
}
