/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_listing.c: what listing 1M flows, or saving them in the flow image, costs the worker whose flows they are:
 * the steps that it takes between bursts, one after the other through the whole table.
 *
 *	listing		steps of SEKISHO_FLOWS_SCAN and SEKISHO_FLOWS_MAX; "worst_burst_us" is the longest
 *	saving		the same, of SEKISHO_EXPORT_SCAN and SEKISHO_EXPORT_FLOWS
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
#define STEPS (2 * SUBJECTS_LIVE / SEKISHO_EXPORT_FLOWS) /* more than a walk can take */

#define LIVE                                                                           \
	{                                                                              \
		.live = SUBJECTS_LIVE, .rules = 1, .matcher = SEKISHO_MATCHER_COMPILED \
	}

#define MAILBOX 1024  /* flows that an answer of the daemon has room for */
#define BOX     65536 /* bytes of records that the daemon writes at once */

struct world;

/* Take a step of a walk. True if it was the last. */
typedef bool step(struct world *world);

struct plan {
	struct traffic_plan traffic;
	step *step;
};

struct world {
	struct traffic *traffic;
	step *step;
	uint64_t told; /* flows, of this walk */
	uint32_t cursor;
	struct sekisho_flow_info flows[MAILBOX + SEKISHO_FLOWS_MAX];
	struct sekisho_export export;
	size_t used;
	uint8_t box[BOX];
	uint32_t steps[STEPS];
};

static void *setup(const void *plan, char *message, unsigned message_size)
{
	struct world *world = malloc(sizeof(*world));

	snprintf(message, message_size, "not enough memory");
	if (world == NULL)
		return NULL;
	world->traffic =
		traffic_create(&((const struct plan *)plan)->traffic, message, message_size);
	world->step = ((const struct plan *)plan)->step;
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

static bool step_list(struct world *world)
{
	world->told += sekisho_engine_flows(
		world->traffic->engine, world->traffic->now_ms, &world->cursor, SEKISHO_FLOWS_SCAN,
		&world->flows[world->told % MAILBOX], SEKISHO_FLOWS_MAX);
	return world->cursor == 0;
}

static bool step_save(struct world *world)
{
	world->export.now_ms = world->export.base_ms = world->traffic->now_ms;
	world->used += sekisho_engine_export(world->traffic->engine, &world->export,
					     world->box + world->used, BOX - world->used);
	if (BOX - world->used < SEKISHO_RECORD_MAX)
		world->used = 0;
	world->told = world->export.records;
	return world->export.done;
}

/* One walk; returns how many steps it took. */
static uint32_t walk(struct world *world)
{
	uint32_t steps = 0;
	bool last;

	world->told = 0;
	world->cursor = 0;
	world->used = 0;
	world->export = (struct sekisho_export){0};
	do {
		uint64_t start = rte_rdtsc(), ticks;

		last = world->step(world);
		ticks = rte_rdtsc() - start;
		if (steps < STEPS && ticks < world->steps[steps])
			world->steps[steps] = (uint32_t)ticks;
		steps++;
	} while (!last);
	return steps;
}

static void run(struct gbench_state *state, void *given)
{
	struct histogram times = {0};
	struct world *world = given;
	uint64_t told = 0, worst = 0, walks = 0;
	uint32_t steps = 0;

	memset(world->steps, 0xff, sizeof(world->steps));
	while (gbench_next(state)) {
		steps = walk(world);
		told += world->told;
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
	static const struct plan list = {LIVE, step_list}, save = {LIVE, step_save};

	gbench_register(&kind, "listing", NULL, &list);
	gbench_register(&kind, "saving", NULL, &save);
}
