/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compare.c: drives model and engine with the same frames. The model gets them one by one, the engine in
 * bursts of random size. Compared are all fields of each verdict, what is held and released, and in the
 * end every counter and every flow with its timer.
 */
#include "compare.h"

#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	const struct sequence *sequence;
	struct model model;
	/* what the model expects of the counters */
	struct sekisho_stats stats;
	struct sekisho_rule_stats rules[PLAN_NAMES];
	uint32_t lengths[SEQUENCE_EVENTS]; /* of frames, by event */
	struct model_verdict verdicts[SEQUENCE_EVENTS];
	struct difference difference;
};

static uint64_t reasons[SEKISHO_REASON_COUNT]; /* of all runs */

const uint64_t *compare_reasons(void)
{
	return reasons;
}

/* ---- Differences ------------------------------------------------------------------------------ */

static void differ(struct run *run, unsigned event, const char *what, const char *model,
		   const char *engine)
{
	if (run->difference.found || run->model.undecided)
		return;
	run->difference = (struct difference){
		.found = true, .event = event, .what = what, .sides = {"the model", "the engine"}};
	snprintf(run->difference.says[0], sizeof(run->difference.says[0]), "%s", model);
	snprintf(run->difference.says[1], sizeof(run->difference.says[1]), "%s", engine);
}

static void expect_number(struct run *run, unsigned event, const char *what, uint64_t model,
			  uint64_t engine)
{
	char words[2][32];

	if (model == engine)
		return;
	snprintf(words[0], sizeof(words[0]), "%llu", (unsigned long long)model);
	snprintf(words[1], sizeof(words[1]), "%llu", (unsigned long long)engine);
	differ(run, event, what, words[0], words[1]);
}

static void expect_word(struct run *run, unsigned event, const char *what, const char *model,
			const char *engine)
{
	model = model != NULL ? model : "none";
	engine = engine != NULL ? engine : "none";
	if (strcmp(model, engine) != 0)
		differ(run, event, what, model, engine);
}

/* ---- Verdicts --------------------------------------------------------------------------------- */

static uint32_t rule_number(const struct run *run, const char *name)
{
	const struct sekisho_rule_names *names = run->sequence->pool->names;
	uint32_t count = sekisho_rule_names_count(names);

	for (uint32_t rule = 0; rule < count; rule++)
		if (strcmp(sekisho_rule_name(names, rule), name) == 0)
			return rule;
	return SEKISHO_RULE_NONE;
}

/* Count a verdict as the engine should have. */
static void count(struct run *run, const struct model_verdict *verdict, uint32_t length)
{
	struct sekisho_rule_stats *rule;
	uint32_t number;

	run->stats.by_reason[verdict->reason]++;
	reasons[verdict->reason]++;
	run->stats.flows_created += verdict->opened;
	if (verdict->rule == NULL)
		return;
	number = rule_number(run, verdict->rule);
	if (number >= PLAN_NAMES)
		return;
	rule = &run->rules[number];
	rule->packets++;
	rule->bytes += length;
	rule->flows += verdict->reason == SEKISHO_REASON_RULE_MATCH; /* either side's opening */
}

static void expect_verdict(struct run *run, unsigned event, const struct model_verdict *model,
			   const struct sekisho_verdict *engine)
{
	const struct sekisho_rule_names *names = run->sequence->pool->names;

	expect_word(run, event, "reason", sekisho_reason_word(model->reason),
		    sekisho_reason_word(engine->reason));
	expect_number(run, event, "action", sekisho_reason_action(model->reason), engine->action);
	expect_word(run, event, "bound", sekisho_bound_word(model->bound),
		    sekisho_bound_word(engine->bound));
	expect_word(run, event, "rule", model->rule, sekisho_rule_name(names, engine->rule));
	expect_number(run, event, "opened", model->opened, engine->opened);
	expect_number(run, event, "packet", model->packet, engine->packet);
	expect_number(run, event, "opened by", model->opened_by, engine->opened_by);
}

/* Find what the model has released of this handle, and take it off the list. */
static bool take_release(struct run *run, const void *handle, struct model_release *taken)
{
	struct model *model = &run->model;

	for (unsigned i = 0; i < model->releases; i++) {
		if (model->release[i].handle != handle)
			continue;
		*taken = model->release[i];
		for (unsigned j = 0; j < i; j++)
			if (model->release[j].datagram == taken->datagram)
				return false; /* out of order */
		memmove(&model->release[i], &model->release[i + 1],
			(--model->releases - i) * sizeof(model->release[0]));
		return true;
	}
	return false;
}

static void on_release(void *context, const struct sekisho_release *release)
{
	struct run *run = context;
	unsigned held = (unsigned)(uintptr_t)release->handle;
	struct model_release expected;

	if (!take_release(run, release->handle, &expected)) {
		differ(run, held, "release", "none of this frame",
		       sekisho_reason_word(release->verdict.reason));
		return;
	}
	count(run, &expected.verdict, run->lengths[held]);
	run->verdicts[held] = expected.verdict;
	expect_verdict(run, held, &expected.verdict, &release->verdict);
	expect_number(run, held, "released zone", expected.zone, release->zone);
	expect_number(run, held, "released direction", expected.direction, release->direction);
}

static void on_released(void *context, const struct drive_burst *burst)
{
	struct run *run = context;

	if (run->model.releases > 0)
		differ(run, burst->last_event, "release",
		       sekisho_reason_word(run->model.release[0].verdict.reason), "none");
	run->model.releases = 0;
}

/* ---- Flows and counters ------------------------------------------------------------------------- */

static const char *const state_words[] = {
	[UNANSWERED] = "unanswered", [ANSWERED] = "answered",       [STREAM] = "stream",
	[SYN_SENT] = "syn-sent",     [SYN_CROSSED] = "syn-crossed", [SYN_RECEIVED] = "syn-received",
	[PICKED_UP] = "picked-up",   [ESTABLISHED] = "established", [FIN_WAIT] = "fin-wait",
	[CLOSE_WAIT] = "close-wait", [LAST_ACK] = "last-ack",       [TIME_WAIT] = "time-wait",
	[CLOSED] = "closed",
};

static bool is_same_flow(const struct model_flow *flow, const struct sekisho_flow_info *info)
{
	return flow->key.zone == info->zone && flow->key.family == info->family &&
	       flow->key.protocol == info->protocol && flow->key.local_port == info->local_port &&
	       flow->key.peer_port == info->peer_port &&
	       memcmp(flow->key.local, info->local, 16) == 0 &&
	       memcmp(flow->key.peer, info->peer, 16) == 0;
}

static void compare_flow(struct run *run, const struct model_flow *flow,
			 const struct sekisho_flow_info *info)
{
	uint64_t now = run->model.now;
	const struct sekisho_rule_names *names = run->sequence->pool->names;
	unsigned event = run->sequence->count - 1;

	expect_word(run, event, "flow state", state_words[flow->state], info->state);
	expect_number(run, event, "flow opener", flow->opener, info->opener);
	expect_number(run, event, "flow age", now - flow->opened_at, info->age_ms);
	expect_number(run, event, "flow expires", flow->expires_at - now, info->expires_ms);
	for (unsigned d = 0; d < 2; d++) {
		expect_number(run, event, "flow opened", flow->opened[d], info->opened[d]);
		expect_number(run, event, "flow packets", flow->packets[d], info->packets[d]);
		expect_number(run, event, "flow bytes", flow->bytes[d], info->bytes[d]);
		if (!flow->opened[d])
			continue;
		expect_word(run, event, "flow rule", flow->rule[d],
			    sekisho_rule_name(names, info->rule[d]));
		expect_number(run, event, "flow opened by", flow->opened_by[d], info->opened_by[d]);
	}
}

static void compare_flows(struct run *run, const struct sekisho_engine *engine)
{
	struct sekisho_flow_info info[MODEL_FLOWS];
	uint32_t cursor = 0, now = (uint32_t)(run->sequence->start_ms + run->model.now);
	unsigned told = 0;

	do {
		told += sekisho_engine_flows(engine, now, &cursor, 16, &info[told],
					     MODEL_FLOWS - told);
	} while (cursor != 0 && told < MODEL_FLOWS);
	expect_number(run, run->sequence->count - 1, "flows", run->model.flows.count, told);
	for (unsigned i = 0; i < told; i++) {
		const struct model_flow *same = NULL;

		for (unsigned f = 0; f < run->model.flows.count; f++)
			if (is_same_flow(&run->model.flows.flow[f], &info[i]))
				same = &run->model.flows.flow[f];
		if (same != NULL)
			compare_flow(run, same, &info[i]);
		else
			differ(run, run->sequence->count - 1, "flows", "none", info[i].state);
	}
}

/* Each reason has moved its own counter and no other; nothing is lost (conservation). */
static void compare_counters(struct run *run, const struct sekisho_engine *engine)
{
	unsigned event = run->sequence->count - 1;
	struct sekisho_rule_stats rule;
	struct sekisho_stats stats;
	uint64_t sum = 0;

	sekisho_engine_stats(engine, &stats);
	for (unsigned r = 0; r < SEKISHO_REASON_COUNT; r++) {
		expect_number(run, event, sekisho_reason_word(r), run->stats.by_reason[r],
			      stats.by_reason[r]);
		sum += stats.by_reason[r];
	}
	expect_number(run, event, "received", run->model.received, stats.received);
	expect_number(run, event, "held", run->model.held, stats.held);
	expect_number(run, event, "conservation", stats.received, sum + stats.held);
	expect_number(run, event, "received bytes", run->stats.received_bytes,
		      stats.received_bytes);
	expect_number(run, event, "flows created", run->stats.flows_created, stats.flows_created);
	for (uint32_t r = 0; r < sekisho_rule_names_count(run->sequence->pool->names); r++) {
		sekisho_engine_rule_stats(engine, r, &rule);
		expect_number(run, event, "rule packets", run->rules[r].packets, rule.packets);
		expect_number(run, event, "rule bytes", run->rules[r].bytes, rule.bytes);
		expect_number(run, event, "rule flows", run->rules[r].flows, rule.flows);
	}
}

/* ---- The run ---------------------------------------------------------------------------------- */

static void on_burst(void *context, const struct drive_burst *burst)
{
	struct run *run = context;

	model_step(&run->model, burst->now);
	for (unsigned i = 0; i < burst->count; i++) {
		unsigned event = burst->event[i];
		uint32_t length = burst->frame[i].length;
		struct model_verdict expected =
			model_judge(&run->model, &burst->frame[i], burst->verdict[i].reason);

		run->stats.received_bytes += length;
		run->lengths[event] = length;
		run->verdicts[event] = expected;
		if (expected.reason == SEKISHO_REASON_FRAGMENT_HELD)
			reasons[expected.reason]++; /* counted when it is released */
		else
			count(run, &expected, length);
		expect_verdict(run, event, &expected, &burst->verdict[i]);
	}
}

static void on_policy(void *context, unsigned zone, const struct plan *plan)
{
	struct run *run = context;

	run->model.policy[zone] = &plan->spec;
}

static void on_rejudged(void *context, uint64_t now)
{
	struct run *run = context;

	model_step(&run->model, now);
	model_rejudge(&run->model);
}

static bool on_enough(void *context)
{
	struct run *run = context;

	return run->difference.found || run->model.undecided;
}

static void on_end(void *context, const struct sekisho_engine *engine, uint64_t now)
{
	struct run *run = context;

	(void)now;
	compare_flows(run, engine);
	compare_counters(run, engine);
}

static const struct run *run_sequence(const struct sequence *sequence)
{
	static const struct drive_hooks hooks = {.policy = on_policy,
						 .rejudged = on_rejudged,
						 .burst = on_burst,
						 .release = on_release,
						 .released = on_released,
						 .enough = on_enough,
						 .end = on_end};
	static struct run run; /* large, and one at a time */

	run.sequence = sequence;
	run.stats = (struct sekisho_stats){0};
	memset(run.rules, 0, sizeof(run.rules));
	memset(run.verdicts, 0, sequence->count * sizeof(run.verdicts[0]));
	run.difference.found = false;
	model_init(&run.model, &sequence->config);
	drive(sequence, DRIVE_BURST, &hooks, &run);
	return &run;
}

struct difference compare_sequence(const struct sequence *sequence)
{
	return run_sequence(sequence)->difference;
}

void compare_verdicts(const struct sequence *sequence, struct model_verdict *verdicts)
{
	memcpy(verdicts, run_sequence(sequence)->verdicts, sequence->count * sizeof(verdicts[0]));
}
