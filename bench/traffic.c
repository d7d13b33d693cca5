/* SPDX-License-Identifier: BSD-3-Clause */
/* traffic.c: see traffic.h. */
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define LOAD_PERCENT  85
#define FRAMES_MIN    (1u << 12)
#define FLOWS_FEW     64 /* the least that an engine can have */
#define BYTES_A_FLOW  137   /* that there is room for, of an engine, about */
#define UDP_MS        30000 /* AWS-46: an unanswered UDP flow ends */
#define SETTLE_MS_MAX 120000
#define ALLOCATION    128 /* bytes in front of an engine's memory, for its size */

/* ---- memory ----------------------------------------------------------------------------------- */

static void *engine_allocate(void *context, size_t size, size_t align)
{
	struct traffic *traffic = context;
	size_t *memory = memory_take(size + ALLOCATION);

	(void)align; /* ALLOCATION, behind the start of a page */
	if (memory == NULL)
		return NULL;
	*memory = size + ALLOCATION;
	traffic->bytes += size;
	return (uint8_t *)memory + ALLOCATION;
}

static void engine_release(void *context, void *memory)
{
	size_t *start = (size_t *)((uint8_t *)memory - ALLOCATION);

	(void)context;
	memory_give(start, *start);
}

/* ---- policy ----------------------------------------------------------------------------------- */

/* Rules for hosts of their own, but for the last, which admits everything. */
static void rules_fill(struct sekisho_rule_spec *rules, struct sekisho_prefix *peers,
		       char (*names)[24], uint32_t count)
{
	static const bool literal = true;

	for (uint32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "g/%u", i);
		peers[i] = (struct sekisho_prefix){
			{172, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, SEKISHO_IPV4, 32};
		if (i + 1 == count)
			peers[i] = (struct sekisho_prefix){{0}, SEKISHO_IPV4, 0};
		rules[i] = (struct sekisho_rule_spec){.name = names[i],
						      .direction = SEKISHO_EGRESS,
						      .protocol = SEKISHO_PROTOCOL_ALL,
						      .icmp_type = SEKISHO_ICMP_ANY,
						      .icmp_code = SEKISHO_ICMP_ANY,
						      .peers = &peers[i],
						      .peer_is_literal = &literal,
						      .peer_count = 1};
	}
}

static bool policy_make(struct traffic *traffic, char *message, unsigned message_size)
{
	static const uint16_t group_index = 0;
	static const struct sekisho_prefix local = {{10}, SEKISHO_IPV4, 8};
	uint32_t count = traffic->plan.rules;
	struct sekisho_prefix *peers = calloc(count, sizeof(*peers));
	struct sekisho_rule_spec *rules = calloc(count, sizeof(*rules));
	char(*names)[24] = calloc(count, sizeof(*names));
	struct sekisho_group_spec group = {"g", rules, count};
	struct sekisho_endpoint_spec endpoint = {.name = "e",
						 .addresses = &local,
						 .address_count = 1,
						 .groups = &group_index,
						 .group_count = 1};
	struct sekisho_policy_spec spec;

	sekisho_policy_spec_init(&spec, traffic->plan.semantics);
	spec.groups = &group;
	spec.endpoints = &endpoint;
	spec.group_count = spec.endpoint_count = 1;
	spec.matcher = traffic->plan.matcher;
	spec.limits = (struct sekisho_limits_spec){0};
	if (peers != NULL && rules != NULL && names != NULL) {
		rules_fill(rules, peers, names, count);
		traffic->policy =
			sekisho_policy_create(&spec, traffic->names, message, message_size);
	}
	free(peers);
	free(rules);
	free(names);
	return traffic->policy != NULL;
}

/* ---- bursts ----------------------------------------------------------------------------------- */

static unsigned judge(struct traffic *traffic, const struct sekisho_frame *frames, unsigned count)
{
	struct sekisho_verdict verdicts[FRAMES_BURST], others[FRAMES_BURST];
	struct sekisho_engine *const engines[2] = {traffic->engine, traffic->beside};
	struct sekisho_verdict *const both[2] = {verdicts, others};
	unsigned passed = 0;

	if (traffic->beside != NULL)
		sekisho_engine_burst_both(engines, traffic->now_ms, frames, count, both);
	else
		sekisho_engine_burst(traffic->engine, traffic->now_ms, frames, count, verdicts);
	for (unsigned i = 0; i < count; i++)
		passed += verdicts[i].action == SEKISHO_PASS;
	return passed;
}

unsigned traffic_burst(struct traffic *traffic, struct frames *frames)
{
	struct sekisho_frame burst[FRAMES_BURST];

	frames_take(frames, burst);
	return judge(traffic, burst, FRAMES_BURST);
}

void traffic_idle(struct traffic *traffic)
{
	judge(traffic, NULL, 0);
}

uint32_t traffic_flows(const struct traffic *traffic)
{
	struct sekisho_stats stats;

	sekisho_engine_stats(traffic->engine, &stats);
	return (uint32_t)stats.flows;
}

bool traffic_settle(struct traffic *traffic)
{
	traffic->now_ms += UDP_MS;
	for (uint32_t i = 0; i < SETTLE_MS_MAX; i++) {
		traffic->now_ms++;
		traffic_idle(traffic);
		if (traffic_flows(traffic) == traffic->plan.live)
			return true;
	}
	return false;
}

/* Every live flow's handshake, or its first questions and answers. */
static bool flows_open(struct traffic *traffic, char *message, unsigned message_size)
{
	uint32_t live = traffic->plan.live;
	uint64_t passed = 0, sent = (uint64_t)live * FRAMES_STEPS;
	struct frames_step step = {.space = &frames_space_default, .kind = traffic->plan.kind};
	struct sekisho_frame burst[FRAMES_BURST];
	uint8_t bytes[FRAMES_BURST][64];

	for (; step.first < live; step.first += FRAMES_BURST) {
		step.count = live - step.first < FRAMES_BURST ? live - step.first : FRAMES_BURST;
		for (step.step = 0; step.step < FRAMES_STEPS; step.step++) {
			frames_step_write(&step, bytes, burst);
			passed += judge(traffic, burst, step.count);
		}
	}
	if (passed == sent)
		return true;
	snprintf(message, message_size, "only %llu of %llu packets passed",
		 (unsigned long long)passed, (unsigned long long)sent);
	return false;
}

/* ---- life ------------------------------------------------------------------------------------- */

static bool frames_make(struct traffic *traffic)
{
	const struct traffic_plan *plan = &traffic->plan;
	uint32_t count = plan->live < FRAMES_MIN ? FRAMES_MIN : plan->live;
	const struct frames_plan live = {.kind = plan->kind,
					 .size = plan->size,
					 .flows = plan->live,
					 .count = count,
					 .both_directions = true};
	const struct frames_plan fresh = {.kind = FRAMES_UDP,
					  .size = plan->size,
					  .first = plan->live,
					  .flows = plan->fresh,
					  .count = plan->fresh};

	return (plan->live == 0 || frames_init(&traffic->live, &live)) &&
	       (plan->fresh == 0 || frames_init(&traffic->fresh, &fresh));
}

static struct sekisho_engine *engine_make(struct traffic *traffic, uint32_t room, char *message,
					  unsigned message_size)
{
	struct sekisho_engine_config config = {.flows = room,
					       .zones = 1,
					       .names = traffic->names,
					       .allocate = engine_allocate,
					       .release = engine_release,
					       .context = traffic};
	struct sekisho_engine *engine;

	/* always the same, so that runs can be compared */
	for (unsigned i = 0; i < sizeof(config.hash_key); i++)
		config.hash_key[i] = (uint8_t)(i * 37 + 11);
	traffic->bytes = 0;
	engine = sekisho_engine_create(&config, message, message_size);
	if (engine != NULL)
		sekisho_engine_set_policy(engine, 0, traffic->policy);
	return engine;
}

static bool engines_make(struct traffic *traffic, uint32_t room, char *message,
			 unsigned message_size)
{
	if (traffic->plan.shadowed) {
		traffic->beside = engine_make(traffic, room, message, message_size);
		if (traffic->beside == NULL)
			return false;
	}
	traffic->engine = engine_make(traffic, FLOWS_FEW, message, message_size);
	if (traffic->engine == NULL)
		return false;
	traffic->fixed_bytes = traffic->bytes;
	sekisho_engine_destroy(traffic->engine);
	traffic->engine = engine_make(traffic, room, message, message_size);
	return traffic->engine != NULL;
}

struct traffic *traffic_create(const struct traffic_plan *plan, char *message,
			       unsigned message_size)
{
	uint64_t flows = (uint64_t)plan->live + plan->fresh;
	uint32_t room = plan->room ? plan->room : (uint32_t)(flows * 100 / LOAD_PERCENT) + 64;
	struct traffic *traffic;

	if (!memory_suffices((size_t)room * BYTES_A_FLOW * (1 + plan->shadowed) +
				     (size_t)frames_length(plan->size, 6) * plan->live,
			     message, message_size))
		return NULL;
	traffic = calloc(1, sizeof(*traffic));
	if (traffic == NULL)
		return NULL;
	traffic->plan = *plan;
	traffic->now_ms = 1000;
	traffic->names = sekisho_rule_names_create(plan->rules);
	snprintf(message, message_size, "not enough memory");
	if (traffic->names != NULL && policy_make(traffic, message, message_size) &&
	    engines_make(traffic, room, message, message_size) &&
	    flows_open(traffic, message, message_size) && frames_make(traffic))
		return traffic;
	traffic_destroy(traffic);
	return NULL;
}

void traffic_destroy(struct traffic *traffic)
{
	if (traffic == NULL)
		return;
	sekisho_engine_destroy(traffic->engine);
	sekisho_engine_destroy(traffic->beside);
	sekisho_policy_destroy(traffic->policy);
	if (traffic->names != NULL)
		sekisho_rule_names_destroy(traffic->names);
	frames_fini(&traffic->live);
	frames_fini(&traffic->fresh);
	free(traffic);
}
