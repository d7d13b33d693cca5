/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_listing.c: what listing 1M flows costs the worker whose flows they are: the steps that it takes between
 * bursts (SEKISHO_FLOWS_SCAN, SEKISHO_FLOWS_MAX), one after the other through the whole table.
 *
 *	listing		each step by itself; "worst_burst_us" is the longest
 *
 * Each step counts with the shortest time of a few walks: what the machine does to one of them falls out.
 */
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subjects.h"
#include "timing.h"
#include "traffic.h"

#define WALKS 5
#define STEPS (2 * SUBJECTS_LIVE / SEKISHO_FLOWS_MAX) /* more than a walk can take */

#define MAILBOX 1024 /* flows that an answer of the daemon has room for */

struct world {
	struct traffic *traffic;
	struct sekisho_flow_info flows[MAILBOX + SEKISHO_FLOWS_MAX];
	uint32_t steps[STEPS];
};

static void *setup(const void *plan, char *message, unsigned message_size)
{
	struct world *world = malloc(sizeof(*world));

	snprintf(message, message_size, "not enough memory");
	if (world == NULL)
		return NULL;
	world->traffic = traffic_create(plan, message, message_size);
	if (world->traffic != NULL)
		return world;
	free(world);
	return NULL;
}

static void teardown(void *given)
{
	struct world *world = given;

	traffic_destroy(world->traffic);
	free(world);
}

/* One walk; returns how many flows it was told of, and how many steps it took. */
static uint64_t walk(struct world *world, uint32_t *steps)
{
	struct traffic *traffic = world->traffic;
	uint32_t cursor = 0;
	uint64_t told = 0;

	*steps = 0;
	do {
		uint64_t start = rte_rdtsc(), ticks;

		told += sekisho_engine_flows(traffic->engine, traffic->now_ms, &cursor,
					     SEKISHO_FLOWS_SCAN, &world->flows[told % MAILBOX],
					     SEKISHO_FLOWS_MAX);
		ticks = rte_rdtsc() - start;
		if (*steps < STEPS && ticks < world->steps[*steps])
			world->steps[*steps] = (uint32_t)ticks;
		++*steps;
	} while (cursor != 0);
	return told;
}

static void run(struct gbench_state *state, void *given)
{
	struct histogram times = {0};
	struct world *world = given;
	uint64_t told = 0, worst = 0, walks = 0;
	uint32_t steps = 0;

	memset(world->steps, 0xff, sizeof(world->steps));
	while (gbench_next(state)) {
		told += walk(world, &steps);
		walks++;
	}
	gbench_items(state, told);
	gbench_expect_none_lost(state, walks * traffic_flows(world->traffic) - told);
	for (uint32_t i = 0; i < steps && i < STEPS; i++) {
		histogram_add(&times, world->steps[i]);
		if (world->steps[i] > worst)
			worst = world->steps[i];
	}
	gbench_counter(state, "steps", steps);
	gbench_counter(state, "worst_burst_us", timing_ns(worst) / 1000);
	timing_report(state, &times);
}

void bench_listing_register(void)
{
	static const struct gbench_kind kind = {setup, run, teardown, WALKS};
	static const struct traffic_plan plan = {
		.live = SUBJECTS_LIVE, .rules = 1, .matcher = SEKISHO_MATCHER_COMPILED};

	gbench_register(&kind, "listing", NULL, &plan);
}
