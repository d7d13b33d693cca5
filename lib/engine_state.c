/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_state.c: the state of an engine as a number, for searches that must know whether two ways lead
 * to the same.
 *
 * Entries of the table are hashed one by one and summed up, so that it does not matter where in the
 * table they are. What only tells people of a flow, such as counters and rules, is left out.
 */
#include <netinet/in.h>

#include "engine.h"

/* What of a flow can make a difference to a packet. */
struct essence {
	struct flow_key key;
	uint32_t left_ms;
	uint16_t timeouts, turns;
	uint8_t state, opened, opener, grammar;
	uint8_t spoke[2]; /* by direction: track_quotes() asks for it */
	uint8_t unused[2];
	uint8_t track[sizeof(((struct flow *)0)->track)];
	uint8_t memory[sizeof(struct flow)];
};

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, (const uint8_t *)bytes + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash;
}

_Static_assert(sizeof(struct essence) % sizeof(uint64_t) == 0, "it is hashed by words");

static uint64_t flow_digest(const struct flow_table *table, const struct flow *flow,
			    uint32_t left_ms)
{
	const void *memory = flow_table_extension(table, flow);
	struct essence essence;

	memset(&essence, 0, sizeof(essence));
	essence.key = flow->key;
	essence.left_ms = left_ms;
	essence.timeouts = flow->timeouts;
	essence.turns = flow->syn_mark;
	essence.state = flow->state;
	essence.opened = flow->opened;
	essence.opener = flow->opener;
	essence.grammar = flow->grammar;
	essence.spoke[0] = flow->packets[0] != 0;
	essence.spoke[1] = flow->packets[1] != 0;
	memcpy(essence.track, &flow->track, sizeof(essence.track));
	/* that of ESP only counts */
	if (memory != NULL && flow->key.protocol != IPPROTO_ESP)
		memcpy(essence.memory, memory, sizeof(essence.memory));
	return mix(1, &essence, sizeof(essence));
}

/* Keep the times in order, each once; the longest go if there are too many. */
static void timers_add(struct sekisho_state *state, uint32_t left_ms)
{
	unsigned at = 0;

	while (at < state->timer_count && state->left_ms[at] < left_ms)
		at++;
	if (at == SEKISHO_STATE_TIMERS ||
	    (at < state->timer_count && state->left_ms[at] == left_ms))
		return;
	if (state->timer_count < SEKISHO_STATE_TIMERS)
		state->timer_count++;
	for (unsigned i = state->timer_count - 1; i > at; i--)
		state->left_ms[i] = state->left_ms[i - 1];
	state->left_ms[at] = left_ms;
}

void sekisho_engine_state(const struct sekisho_engine *engine, uint32_t now_ms,
			  struct sekisho_state *state)
{
	const struct flow_table *table = &engine->table;

	*state = (struct sekisho_state){0};
	for (uint32_t i = 0; i < table->capacity; i++) {
		const struct flow *flow = &table->flows[i];

		if (flow->key.family == 0 || flow_time_reached(now_ms, flow->expires_at))
			continue;
		state->digest += flow_digest(table, flow, flow->expires_at - now_ms);
		timers_add(state, flow->expires_at - now_ms);
	}
}
