/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shadow.c: see shadow.h. Counters have one writer. A pair's samples are behind a sequence lock: odd
 * while the worker writes.
 *
 * Rejected: comparing by reason as well. Two policies have different reasons to do the same, and who
 * tries a policy asks what would no longer pass, or would from now on.
 */
#include "counter.h"
#include "shadow.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

#define WAITS      4096u /* packets that one engine holds; a power of two */
#define SAMPLE_MS  1000  /* a pair's samples are so far apart, but for the first ones */
#define READ_TRIES 16
#define PAIR_NONE  UINT8_MAX

/* A packet that an engine holds, until both have decided. */
struct wait {
	uint64_t packet; /* its number; 0: free */
	uint8_t decided; /* bits of who has */
	struct shadow_sample sample;
};

struct pair {
	_Atomic uint64_t packets;
	uint8_t reasons[2];
	_Atomic uint32_t turn;
	_Atomic uint32_t kept; /* samples, ever */
	struct shadow_sample samples[SHADOW_SAMPLES];
};

struct shadow {
	struct sekisho_engine *engines[2]; /* the enforced one is the worker's */
	uint64_t ahead; /* of the numbers of the enforced one's packets, since it began before */
	_Atomic uint64_t packets, differ, uncompared;
	_Atomic unsigned pair_count;
	uint8_t pair_of[SEKISHO_REASON_COUNT][SEKISHO_REASON_COUNT];
	struct pair pairs[SHADOW_PAIRS];
	struct wait waits[WAITS];
};

/* ---- the policy ------------------------------------------------------------------------------- */

int shadow_policy_build(struct shadow_policy *shadow, struct config_policy *config,
			char message[SHADOW_MESSAGE_SIZE])
{
	struct sekisho_policy_spec spec = *config_policy_spec(config);

	shadow->config = config;
	spec.matcher = SEKISHO_MATCHER_COMPILED;
	snprintf(message, SHADOW_MESSAGE_SIZE, "no memory");
	shadow->names = sekisho_rule_names_create(sekisho_policy_spec_names(&spec) + 1);
	if (shadow->names != NULL)
		shadow->policy = sekisho_policy_create(&spec, shadow->names, message,
						       SHADOW_MESSAGE_SIZE);
	return shadow->policy == NULL ? -ENOMEM : 0;
}

void shadow_policy_fini(struct shadow_policy *shadow)
{
	if (shadow->policy != NULL)
		sekisho_policy_destroy(shadow->policy);
	if (shadow->names != NULL)
		sekisho_rule_names_destroy(shadow->names);
	config_policy_destroy(shadow->config);
	*shadow = (struct shadow_policy){0};
}

struct shadow *shadow_create(const struct shadow_policy *policy, struct sekisho_engine *enforced,
			     const struct sekisho_engine_config *like,
			     char message[SHADOW_MESSAGE_SIZE])
{
	struct sekisho_engine_config config = *like;
	struct shadow *shadow = calloc(1, sizeof(*shadow));

	if (shadow == NULL) {
		snprintf(message, SHADOW_MESSAGE_SIZE, "no memory for the shadow");
		return NULL;
	}
	memset(shadow->pair_of, PAIR_NONE, sizeof(shadow->pair_of));
	config.names = policy->names;
	shadow->engines[SHADOW_ENFORCED] = enforced;
	shadow->engines[SHADOW_BESIDE] =
		sekisho_engine_create(&config, message, SHADOW_MESSAGE_SIZE);
	if (shadow->engines[SHADOW_BESIDE] == NULL) {
		free(shadow);
		return NULL;
	}
	for (uint16_t zone = 0; zone < config.zones; zone++)
		sekisho_engine_set_policy(shadow->engines[SHADOW_BESIDE], zone, policy->policy);
	return shadow;
}

void shadow_destroy(struct shadow *shadow)
{
	if (shadow == NULL)
		return;
	sekisho_engine_destroy(shadow->engines[SHADOW_BESIDE]);
	free(shadow);
}

struct sekisho_engine *shadow_engine(const struct shadow *shadow)
{
	return shadow->engines[SHADOW_BESIDE];
}

/* ---- counting --------------------------------------------------------------------------------- */

/* The pair of two reasons; NULL if there are too many. */
static struct pair *pair_of(struct shadow *shadow, const struct sekisho_verdict verdicts[2])
{
	uint8_t *index =
		&shadow->pair_of[verdicts[SHADOW_ENFORCED].reason][verdicts[SHADOW_BESIDE].reason];
	unsigned next = atomic_load_explicit(&shadow->pair_count, memory_order_relaxed);

	if (*index == PAIR_NONE) {
		if (next == SHADOW_PAIRS)
			return NULL;
		*index = (uint8_t)next;
		for (unsigned i = 0; i < 2; i++)
			shadow->pairs[next].reasons[i] = verdicts[i].reason;
		atomic_store_explicit(&shadow->pair_count, next + 1, memory_order_release);
	}
	return &shadow->pairs[*index];
}

static void pair_keep(struct pair *pair, const struct shadow_sample *sample)
{
	uint32_t turn = atomic_load_explicit(&pair->turn, memory_order_relaxed);
	uint32_t kept = atomic_load_explicit(&pair->kept, memory_order_relaxed);

	atomic_store_explicit(&pair->turn, turn + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	pair->samples[kept % SHADOW_SAMPLES] = *sample;
	atomic_store_explicit(&pair->kept, kept + 1, memory_order_relaxed);
	atomic_store_explicit(&pair->turn, turn + 2, memory_order_release);
}

/* Whether the pair wants one more sample now: its first ones, and then one a while. */
static bool pair_wants(const struct pair *pair, uint32_t now_ms)
{
	uint32_t kept = atomic_load_explicit(&pair->kept, memory_order_relaxed);

	return kept < SHADOW_SAMPLES ||
	       (int32_t)(now_ms - pair->samples[(kept - 1) % SHADOW_SAMPLES].at_ms) >= SAMPLE_MS;
}

/* Both have decided, and differ. The sample is made only if it is wanted. */
static void note(struct shadow *shadow, const struct sekisho_verdict verdicts[2], uint32_t now_ms,
		 const struct sekisho_frame *frame, const struct shadow_sample *made)
{
	struct pair *pair = pair_of(shadow, verdicts);
	struct shadow_sample sample;

	counter_add(&shadow->differ, 1);
	if (pair == NULL)
		return;
	counter_add(&pair->packets, 1);
	if (!pair_wants(pair, now_ms))
		return;
	if (made != NULL) {
		sample = *made;
	} else {
		sample = (struct shadow_sample){.zone = frame->zone, .direction = frame->direction};
		sekisho_frame_tuple(frame, &sample.tuple);
	}
	sample.at_ms = now_ms;
	memcpy(sample.verdicts, verdicts, sizeof(sample.verdicts));
	pair_keep(pair, &sample);
}

/* ---- packets that are held -------------------------------------------------------------------- */

/* At least one of the engines holds this packet. */
static void wait_begin(struct shadow *shadow, uint32_t now_ms, const struct sekisho_frame *frame,
		       const struct sekisho_verdict verdicts[2])
{
	uint64_t packet = verdicts[SHADOW_ENFORCED].packet;
	struct wait *wait = &shadow->waits[packet & (WAITS - 1)];

	if (wait->packet != 0)
		counter_add(&shadow->uncompared, 1);
	*wait = (struct wait){
		.packet = packet,
		.sample = {.at_ms = now_ms, .zone = frame->zone, .direction = frame->direction}};
	sekisho_frame_tuple(frame, &wait->sample.tuple);
	for (unsigned i = 0; i < 2; i++) {
		wait->sample.verdicts[i] = verdicts[i];
		if (verdicts[i].action != SEKISHO_HOLD)
			wait->decided |= (uint8_t)(1u << i);
	}
}

/* One of the engines has decided at last. */
static void wait_decide(struct shadow *shadow, unsigned who, uint64_t packet,
			const struct sekisho_verdict *verdict)
{
	struct wait *wait = &shadow->waits[packet & (WAITS - 1)];
	const struct sekisho_verdict *verdicts = wait->sample.verdicts;

	if (wait->packet != packet)
		return; /* counted when it was forgotten */
	wait->sample.verdicts[who] = *verdict;
	wait->decided |= (uint8_t)(1u << who);
	if (wait->decided != 3)
		return;
	wait->packet = 0;
	counter_add(&shadow->packets, 1);
	if (verdicts[0].action != verdicts[1].action)
		note(shadow, verdicts, wait->sample.at_ms, NULL, &wait->sample);
}

void shadow_released(struct shadow *shadow, const struct sekisho_release *releases,
		     unsigned released)
{
	for (unsigned i = 0; i < released; i++)
		wait_decide(shadow, SHADOW_ENFORCED, releases[i].verdict.packet,
			    &releases[i].verdict);
}

/* Its own, whose numbers are as far behind as it began later. */
static void own_released(struct shadow *shadow)
{
	struct sekisho_release releases[DAEMON_BURST];
	unsigned released;

	do {
		released = sekisho_engine_release(shadow->engines[SHADOW_BESIDE], releases,
						  DAEMON_BURST);
		for (unsigned i = 0; i < released; i++)
			wait_decide(shadow, SHADOW_BESIDE,
				    releases[i].verdict.packet + shadow->ahead,
				    &releases[i].verdict);
	} while (released == DAEMON_BURST);
}

/* ---- the burst -------------------------------------------------------------------------------- */

void shadow_burst(struct shadow *shadow, uint32_t now_ms, const struct sekisho_frame *frames,
		  unsigned frame_count, struct sekisho_verdict *enforced)
{
	struct sekisho_verdict beside[DAEMON_BURST];
	unsigned held = 0;

	sekisho_engine_burst_both(shadow->engines, now_ms, frames, frame_count,
				  (struct sekisho_verdict *const[2]){enforced, beside});
	if (frame_count > 0)
		shadow->ahead = enforced[0].packet - beside[0].packet;
	for (unsigned i = 0; i < frame_count; i++) {
		const struct sekisho_verdict verdicts[2] = {enforced[i], beside[i]};

		if (enforced[i].action == beside[i].action && beside[i].action != SEKISHO_HOLD)
			continue;
		if (enforced[i].action != SEKISHO_HOLD && beside[i].action != SEKISHO_HOLD) {
			note(shadow, verdicts, now_ms, &frames[i], NULL);
			continue;
		}
		wait_begin(shadow, now_ms, &frames[i], verdicts);
		held++;
	}
	counter_add(&shadow->packets, frame_count - held);
	own_released(shadow);
}

/* ---- reading ---------------------------------------------------------------------------------- */

void shadow_counts_read(const struct shadow *shadow, struct shadow_counts *counts)
{
	counts->packets = atomic_load_explicit(&shadow->packets, memory_order_relaxed);
	counts->differ = atomic_load_explicit(&shadow->differ, memory_order_relaxed);
	counts->uncompared = atomic_load_explicit(&shadow->uncompared, memory_order_relaxed);
}

bool shadow_pair_read(const struct shadow *shadow, unsigned index, struct shadow_pair *to)
{
	const struct pair *pair = &shadow->pairs[index];
	struct shadow_sample samples[SHADOW_SAMPLES];
	uint32_t before, after, kept = 0;

	if (index >= atomic_load_explicit(&shadow->pair_count, memory_order_acquire))
		return false;
	*to = (struct shadow_pair){
		.reasons = {pair->reasons[0], pair->reasons[1]},
		.packets = atomic_load_explicit(&pair->packets, memory_order_relaxed)};
	for (unsigned try = 0; try < READ_TRIES; try++) {
		before = atomic_load_explicit(&pair->turn, memory_order_acquire);
		memcpy(samples, pair->samples, sizeof(samples));
		kept = atomic_load_explicit(&pair->kept, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&pair->turn, memory_order_relaxed);
		if (before != after || before % 2 != 0)
			continue;
		for (uint32_t i = 0; i < kept && i < SHADOW_SAMPLES; i++)
			to->samples[to->sample_count++] = samples[(kept - 1 - i) % SHADOW_SAMPLES];
		break;
	}
	return true;
}
