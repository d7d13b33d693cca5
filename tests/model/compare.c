/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compare.c: drives model and engine with the same frames. The model gets them one by one, the engine in
 * bursts of random size. Compared are all fields of each verdict, what is held and released, and in the
 * end every counter and every flow with its timer.
 */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 16

struct run {
	const struct sequence *sequence;
	struct model model;
	struct sekisho_engine *engine;
	struct random random; /* sizes of bursts */
	uint64_t now;         /* ms since the beginning */
	/* the burst that is being filled */
	struct sekisho_frame frame[BURST];
	unsigned index[BURST]; /* of their events */
	unsigned count, limit;
	uint8_t bytes[BURST][EVENT_FRAME_MAX];
	/* what the model expects of the counters */
	struct sekisho_stats stats;
	struct sekisho_rule_stats rules[PLAN_NAMES];
	uint32_t lengths[SEQUENCE_EVENTS]; /* of frames, by event */
	struct model_verdict *verdicts;
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
	run->difference = (struct difference){.found = true, .event = event, .what = what};
	snprintf(run->difference.model, sizeof(run->difference.model), "%s", model);
	snprintf(run->difference.engine, sizeof(run->difference.engine), "%s", engine);
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

static void compare_releases(struct run *run, unsigned event)
{
	struct sekisho_release release[4];
	struct model_release expected;
	unsigned got, max = 1 + random_below(&run->random, 4);

	do {
		got = sekisho_engine_release(run->engine, release, max);
		for (unsigned i = 0; i < got; i++) {
			unsigned held = (unsigned)(uintptr_t)release[i].handle;

			if (!take_release(run, release[i].handle, &expected)) {
				differ(run, event, "release", "none of this frame",
				       sekisho_reason_word(release[i].verdict.reason));
				return;
			}
			count(run, &expected.verdict, run->lengths[held]);
			if (run->verdicts != NULL)
				run->verdicts[held] = expected.verdict;
			expect_verdict(run, held, &expected.verdict, &release[i].verdict);
			expect_number(run, held, "released zone", expected.zone, release[i].zone);
			expect_number(run, held, "released direction", expected.direction,
				      release[i].direction);
		}
	} while (got == max);
	if (run->model.releases > 0)
		differ(run, event, "release",
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
	const struct sekisho_rule_names *names = run->sequence->pool->names;
	unsigned event = run->sequence->count - 1;

	expect_word(run, event, "flow state", state_words[flow->state], info->state);
	expect_number(run, event, "flow opener", flow->opener, info->opener);
	expect_number(run, event, "flow age", run->now - flow->opened_at, info->age_ms);
	expect_number(run, event, "flow expires", flow->expires_at - run->now, info->expires_ms);
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

static void compare_flows(struct run *run)
{
	struct sekisho_flow_info info[MODEL_FLOWS];
	uint32_t cursor = 0, start = run->sequence->start_ms;
	unsigned told = 0;

	do {
		told += sekisho_engine_flows(run->engine, (uint32_t)(start + run->now), &cursor, 16,
					     &info[told], MODEL_FLOWS - told);
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
static void compare_counters(struct run *run)
{
	unsigned event = run->sequence->count - 1;
	struct sekisho_rule_stats rule;
	struct sekisho_stats stats;
	uint64_t sum = 0;

	sekisho_engine_stats(run->engine, &stats);
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
		sekisho_engine_rule_stats(run->engine, r, &rule);
		expect_number(run, event, "rule packets", run->rules[r].packets, rule.packets);
		expect_number(run, event, "rule bytes", run->rules[r].bytes, rule.bytes);
		expect_number(run, event, "rule flows", run->rules[r].flows, rule.flows);
	}
}

/* ---- The run ---------------------------------------------------------------------------------- */

static void flush(struct run *run)
{
	struct sekisho_verdict verdict[BURST];
	struct model_verdict expected;
	unsigned last = run->count > 0 ? run->index[run->count - 1] : 0;

	model_step(&run->model, run->now);
	sekisho_engine_burst(run->engine, (uint32_t)(run->sequence->start_ms + run->now),
			     run->frame, run->count, verdict);
	for (unsigned i = 0; i < run->count; i++) {
		expected = model_judge(&run->model, &run->frame[i], verdict[i].reason);
		run->stats.received_bytes += run->frame[i].length;
		run->lengths[run->index[i]] = run->frame[i].length;
		if (expected.reason == SEKISHO_REASON_FRAGMENT_HELD)
			reasons[expected.reason]++; /* counted when it is released */
		else
			count(run, &expected, run->frame[i].length);
		if (run->verdicts != NULL)
			run->verdicts[run->index[i]] = expected;
		expect_verdict(run, run->index[i], &expected, &verdict[i]);
	}
	run->count = 0;
	run->limit = 1 + random_below(&run->random, BURST);
	compare_releases(run, last);
}

static void add_frame(struct run *run, unsigned index)
{
	const struct event *event = &run->sequence->event[index];
	struct sekisho_frame *frame = &run->frame[run->count];

	*frame = (struct sekisho_frame){.data = run->bytes[run->count],
					.handle = (void *)(uintptr_t)index,
					.zone = event->zone,
					.direction = event->direction};
	frame->length = event_build(event, run->bytes[run->count]);
	frame->captured = event_captured(event, frame->length);
	run->index[run->count++] = index;
}

static void set_policy(struct run *run, unsigned zone, unsigned policy)
{
	const struct plan *plan = &run->sequence->plans[policy];

	run->model.policy[zone] = &plan->spec;
	sekisho_engine_set_policy(run->engine, (uint16_t)zone, plan->policy);
}

/* STRICT-4: flows may be judged again at their next packet, or all of them in steps. */
static void rejudge(struct run *run)
{
	uint32_t now = (uint32_t)(run->sequence->start_ms + run->now);

	if (random_chance(&run->random, 50))
		return;
	model_step(&run->model, run->now);
	model_rejudge(&run->model);
	while (sekisho_engine_rejudge(run->engine, now))
		;
}

static void begin(struct run *run)
{
	const struct model_config *sizes = &run->sequence->config;
	struct sekisho_engine_config config = {
		.flows = sizes->flows,
		.fragments = sizes->datagrams,
		.held = sizes->held,
		.held_bytes = sizes->held_bytes,
		.zones = MODEL_ZONES,
		.names = run->sequence->pool->names,
		.hash_key = {1, 2, 3, 4},
	};
	char message[128];

	model_init(&run->model, sizes);
	run->engine = sekisho_engine_create(&config, message, sizeof(message));
	if (run->engine == NULL) {
		fprintf(stderr, "model: %s\n", message);
		exit(2);
	}
	for (unsigned zone = 0; zone < MODEL_ZONES; zone++)
		set_policy(run, zone, zone);
	run->random = (struct random){run->sequence->seed};
	run->limit = 1 + random_below(&run->random, BURST);
}

struct difference compare_sequence(const struct sequence *sequence, struct model_verdict *verdicts)
{
	static struct run run; /* large, and one at a time */

	run.sequence = sequence;
	run.verdicts = verdicts;
	run.now = run.count = 0;
	run.stats = (struct sekisho_stats){0};
	memset(run.rules, 0, sizeof(run.rules));
	run.difference.found = false;
	begin(&run);
	for (unsigned i = 0; i < sequence->count && !run.difference.found && !run.model.undecided;
	     i++) {
		const struct event *event = &sequence->event[i];
		uint32_t gap = sequence_gap(sequence, i);

		if (run.count > 0 &&
		    (gap > 0 || event->kind == EVENT_POLICY || run.count == run.limit))
			flush(&run);
		run.now += gap;
		if (gap >= MODEL_GHOST_MS) /* an engine that is idle is called all the same */
			flush(&run);
		if (event->kind == EVENT_PACKET) {
			add_frame(&run, i);
		} else {
			set_policy(&run, event->zone, event->policy);
			rejudge(&run);
		}
	}
	flush(&run);
	if (!run.difference.found)
		compare_flows(&run);
	if (!run.difference.found)
		compare_counters(&run);
	sekisho_engine_destroy(run.engine);
	return run.difference;
}
