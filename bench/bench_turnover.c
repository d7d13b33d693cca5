/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_turnover.c: flows are opened and expire at the same rate, with 1M alive all the time.
 *
 *	turnover	UDP, aws-like, 100 rules: 1M flows in the 30 s after which one ends
 *
 * The traffic's clock goes on by what a burst of new flows takes at that rate, about a millisecond,
 * and a few idle bursts follow, as a worker would have them in that time. The same sequence is gone
 * through a few times from the same start, and each burst counts with the shortest time that it took:
 * what the machine does to one of the passes falls out, what the work itself costs is there every
 * time.
 */
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subjects.h"
#include "timing.h"
#include "traffic.h"

#define RULES   100
#define PASSES  5
#define IDLE    7     /* bursts without a packet after each with new flows */
#define LIFE_MS 30000 /* AWS-46 */
#define STEPS   (SUBJECTS_LIVE / FRAMES_BURST) /* bursts of new flows in LIFE_MS */

/* The shortest time that each burst took, in ticks: of the one with new flows, of its idle ones. */
struct step {
	uint32_t opening, idle[IDLE];
};

struct world {
	const struct traffic_plan *plan;
	struct step *steps;
	struct traffic *traffic;
};

static void *setup(const void *plan, char *message, unsigned message_size)
{
	struct world *world = calloc(1, sizeof(*world));

	snprintf(message, message_size, "not enough memory");
	if (world == NULL)
		return NULL;
	world->plan = plan;
	world->steps = malloc(STEPS * sizeof(*world->steps));
	if (world->steps != NULL)
		return world;
	free(world);
	return NULL;
}

static void teardown(void *given)
{
	struct world *world = given;

	free(world->steps);
	free(world);
}

static void note(uint32_t *shortest, uint64_t start)
{
	uint64_t ticks = rte_rdtsc() - start;

	if (ticks < *shortest)
		*shortest = (uint32_t)ticks;
}

/* One burst of new flows and what follows it; returns how many were opened. */
static unsigned step_run(struct traffic *traffic, uint32_t number, struct step *step)
{
	uint64_t start;
	unsigned opened;

	traffic->now_ms = 1000 + (uint32_t)((uint64_t)number * LIFE_MS / STEPS);
	start = rte_rdtsc();
	opened = traffic_burst(traffic, &traffic->fresh);
	note(&step->opening, start);
	for (unsigned i = 0; i < IDLE; i++) {
		start = rte_rdtsc();
		traffic_idle(traffic);
		note(&step->idle[i], start);
	}
	return opened;
}

/* A traffic in which the first flows are about to end. */
static bool begin(struct world *world, char *message, unsigned message_size)
{
	world->traffic = traffic_create(world->plan, message, message_size);
	for (uint32_t i = 0; world->traffic != NULL && i < STEPS; i++)
		step_run(world->traffic, i, &(struct step){0});
	return world->traffic != NULL;
}

static void report(struct gbench_state *state, const struct step *steps)
{
	struct histogram opening = {0};
	uint64_t worst = 0;

	for (uint32_t i = 0; i < STEPS; i++) {
		histogram_add(&opening, steps[i].opening);
		if (steps[i].opening > worst)
			worst = steps[i].opening;
		for (unsigned j = 0; j < IDLE; j++)
			if (steps[i].idle[j] > worst)
				worst = steps[i].idle[j];
	}
	gbench_counter(state, "worst_burst_us", timing_ns(worst) / 1000);
	timing_report(state, &opening);
}

static void run(struct gbench_state *state, void *given)
{
	struct world *world = given;
	uint64_t opened = 0, flows = 0, recycled = 0, passes = 0;
	struct sekisho_stats stats;
	char message[256];

	memset(world->steps, 0xff, STEPS * sizeof(*world->steps));
	while (gbench_next(state)) {
		gbench_pause(state);
		if (!begin(world, message, sizeof(message))) {
			gbench_fail(state, message);
			return;
		}
		gbench_resume(state);
		for (uint32_t i = 0; i < STEPS; i++)
			opened += step_run(world->traffic, STEPS + i, &world->steps[i]);
		gbench_pause(state);
		sekisho_engine_stats(world->traffic->engine, &stats);
		flows += stats.flows;
		recycled += stats.flows_recycled;
		passes++;
		traffic_destroy(world->traffic);
		gbench_resume(state);
	}
	gbench_items(state, opened);
	gbench_expect_none_lost(state, passes * SUBJECTS_LIVE - opened);
	gbench_counter(state, "flows", (double)(flows / passes));
	gbench_counter(state, "recycled", (double)(recycled / passes));
	report(state, world->steps);
}

void bench_turnover_register(void)
{
	static const struct gbench_kind kind = {setup, run, teardown, PASSES};
	/* twice as many frames as live: when a tuple comes again, its former flow is long over */
	static const struct traffic_plan plan = {.fresh = 2 * SUBJECTS_LIVE,
						 .room = SUBJECTS_LIVE / 85 * 100,
						 .rules = RULES,
						 .matcher = SEKISHO_MATCHER_COMPILED};

	gbench_register(&kind, "turnover", NULL, &plan);
}
