/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explained.c: what is explained of a packet is what becomes of it. Before each packet of a sequence the
 * engine gives an excerpt, by which the packet is explained; then the engine judges it.
 */
#include "properties.h"

#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

struct explained {
	const struct sequence *sequence;
	const struct sekisho_policy *policy[MODEL_ZONES];
	struct sekisho_explanation explanation;
	struct difference difference;
};

static void use_policy(void *context, unsigned zone, const struct plan *plan)
{
	struct explained *explained = context;

	explained->policy[zone] = plan->policy;
}

static void explain(void *context, const struct sekisho_engine *engine, uint32_t clock,
		    const struct drive_burst *burst)
{
	struct explained *explained = context;
	struct sekisho_excerpt excerpt;

	if (burst->count == 0)
		return;
	sekisho_engine_excerpt(engine, clock, &burst->frame[0], &excerpt);
	if (!sekisho_explain(explained->policy[burst->frame[0].zone],
			     explained->sequence->pool->names, &burst->frame[0], &excerpt,
			     &explained->explanation)) {
		fputs("model: no memory to explain\n", stderr);
		exit(2);
	}
}

static void say(char *text, size_t size, const struct sekisho_verdict *verdict)
{
	snprintf(text, size, "%s, bound %u, opened %u by %llu, rule %d",
		 sekisho_reason_word(verdict->reason), verdict->bound, verdict->opened,
		 (unsigned long long)verdict->opened_by, (int)verdict->rule);
}

static void compare(void *context, const struct drive_burst *burst)
{
	struct explained *explained = context;
	const struct sekisho_verdict *ours = &explained->explanation.verdict;
	const struct sekisho_verdict *real = &burst->verdict[0];
	struct difference *difference = &explained->difference;

	if (burst->count == 0 || difference->found)
		return;
	if (ours->reason == real->reason && ours->rule == real->rule &&
	    ours->bound == real->bound && ours->opened == real->opened &&
	    ours->opened_by == real->opened_by && ours->packet == real->packet)
		return;
	difference->found = true;
	difference->event = burst->event[0];
	difference->what = "what is explained";
	difference->sides[0] = "the explanation";
	difference->sides[1] = "the engine";
	say(difference->says[0], sizeof(difference->says[0]), ours);
	say(difference->says[1], sizeof(difference->says[1]), real);
}

static bool enough(void *context)
{
	return ((const struct explained *)context)->difference.found;
}

struct difference property_explained(const struct sequence *sequence)
{
	static const struct drive_hooks hooks = {
		.policy = use_policy, .ahead = explain, .burst = compare, .enough = enough};
	struct explained explained = {.sequence = sequence};

	drive(sequence, 1, &hooks, &explained);
	return explained.difference;
}
