/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_new.c: packets that open flows: a miss, the rules, a new entry; UDP, aws-like, 64 bytes.
 *
 *	rules/new/RULES		into a table of 1M flows, 15/16 of which are live all the time
 *
 * Whenever the last sixteenth has been opened the clock is stopped, those flows expire, and it goes
 * on.
 */
#include <stdio.h>

#include "subjects.h"
#include "traffic.h"

#define FRESH (SUBJECTS_LIVE / 16)

static void *setup(const void *plan, char *message, unsigned message_size)
{
	return traffic_create(plan, message, message_size);
}

static void teardown(void *world)
{
	traffic_destroy(world);
}

static void run(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	uint64_t bursts = 0, passed = 0;

	while (gbench_next(state)) {
		passed += traffic_burst(traffic, &traffic->fresh);
		bursts++;
		if (traffic->fresh.next < traffic->fresh.count)
			continue;
		gbench_pause(state);
		if (!traffic_settle(traffic)) {
			gbench_fail(state, "flows that are over do not leave the table");
			return;
		}
		gbench_resume(state);
	}
	gbench_items(state, bursts * FRAMES_BURST);
	gbench_expect_none_lost(state, bursts * FRAMES_BURST - passed);
	gbench_counter(state, "flows", traffic->plan.live + traffic->plan.fresh);
}

void bench_new_register(void)
{
	static const struct gbench_kind kind = {setup, run, teardown, 0};
	static struct traffic_plan plans[SUBJECTS_RULES];

	for (unsigned i = 0; i < SUBJECTS_RULES; i++) {
		/* TCP, which lives on for days while the others expire */
		plans[i] = (struct traffic_plan){.kind = FRAMES_TCP,
						 .live = SUBJECTS_LIVE - FRESH,
						 .fresh = FRESH,
						 .rules = subjects_rules[i].value,
						 .matcher = SEKISHO_MATCHER_COMPILED};
		gbench_register(&kind, "rules/new", subjects_rules[i].label, &plans[i]);
	}
}
