/* SPDX-License-Identifier: BSD-3-Clause */
/* engine_create.c: an engine's life, and what it tells; everything that is not the packet path. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "track.h"

#define FLOWS_MIN         64
#define FRAGMENTS_DEFAULT 4096
#define HELD_BYTES_DEFAULT (4u << 20)
#define LIMIT_SHARES       4
#define RANDOM_TWIST      0x5a /* the fragments' secret differs from the flows' */

static void *libc_allocate(void *context, size_t size, size_t align)
{
	void *memory;

	(void)context;
	size = (size + align - 1) / align * align;
	memory = aligned_alloc(align, size);
	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}

static void libc_release(void *context, void *memory)
{
	(void)context;
	free(memory);
}

static struct fragment_limits fragment_limits(const struct sekisho_engine_config *config)
{
	return (struct fragment_limits){
		.datagrams = config->fragments ? config->fragments : FRAGMENTS_DEFAULT,
		.frames = config->held ? config->held : SEKISHO_HELD_DEFAULT,
		.bytes = config->held_bytes ? config->held_bytes : HELD_BYTES_DEFAULT,
	};
}

/*
 * For how many flows the engine counts sources. In a sum over engines there are the flows of all, so cells
 * for all are needed; but not without end, or sketches would outgrow the tables.
 */
static uint32_t limit_flows(const struct sekisho_engine_config *config)
{
	uint64_t most = (uint64_t)config->flows * LIMIT_SHARES;

	if (config->flows_together <= config->flows)
		return config->flows;
	return config->flows_together < most ? config->flows_together : (uint32_t)most;
}

/* Take all memories; false if one is not to be had. */
static bool take_memory(struct sekisho_engine *engine)
{
	const struct sekisho_engine_config *config = &engine->config;
	const struct fragment_limits fragments = fragment_limits(config);
	size_t rules = (size_t)sekisho_rule_names_capacity(config->names) + 1;
	size_t sizes[] = {
		flow_table_flows_size(config->flows),
		flow_table_buckets_size(config->flows),
		limit_size(limit_flows(config)),
		fragment_table_size(&fragments),
		(size_t)config->zones * sizeof(struct engine_zone),
		rules * sizeof(struct sekisho_rule_stats),
		rules * sizeof(uint32_t),
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		engine->memory[i] = config->allocate(config->context, sizes[i], 128);
		if (engine->memory[i] == NULL)
			return false;
	}
	return true;
}

struct sekisho_engine *sekisho_engine_create(const struct sekisho_engine_config *config,
					     char *message, size_t message_size)
{
	const struct fragment_limits fragments = fragment_limits(config);
	struct flow_table_memory memory;
	struct sekisho_engine *engine;
	uint8_t random[32];

	if (config->flows < FLOWS_MIN || config->zones == 0) {
		snprintf(message, message_size, "an engine needs at least %d flows and one zone",
			 FLOWS_MIN);
		return NULL;
	}
	engine = calloc(1, sizeof(*engine));
	if (engine == NULL) {
		snprintf(message, message_size, "not enough memory for an engine");
		return NULL;
	}
	engine->config = *config;
	if (engine->config.allocate == NULL) {
		engine->config.allocate = libc_allocate;
		engine->config.release = libc_release;
	}
	if (!take_memory(engine)) {
		snprintf(message, message_size, "not enough memory for %u flows", config->flows);
		sekisho_engine_destroy(engine);
		return NULL;
	}
	memory = (struct flow_table_memory){engine->memory[0], engine->memory[1],
					    engine->memory[2], engine->memory[6],
					    limit_flows(config)};
	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = config->hash_key[i] ^ RANDOM_TWIST;
	flow_table_init(&engine->table, config->flows, &memory,
			(struct flow_table_random){config->hash_key, config->proof_key});
	fragment_table_init(&engine->fragments, &fragments, engine->memory[3], random);
	engine->zones = engine->memory[4];
	engine->telemetry.rules = engine->memory[5];
	engine->telemetry.rule_capacity = sekisho_rule_names_capacity(config->names);
	return engine;
}

void sekisho_engine_destroy(struct sekisho_engine *engine)
{
	if (engine == NULL)
		return;
	for (size_t i = 0; i < sizeof(engine->memory) / sizeof(engine->memory[0]); i++) {
		if (engine->memory[i] != NULL)
			engine->config.release(engine->config.context, engine->memory[i]);
	}
	free(engine);
}

void sekisho_engines_share_limits(struct sekisho_engine *const *engines, unsigned count)
{
	for (unsigned i = 0; i + 1 < count; i++)
		assert(engines[i]->table.limit.cells == engines[count - 1]->table.limit.cells);
	for (unsigned i = count - 1; i-- > 0;)
		limit_join(&engines[i]->table.limit, &engines[i + 1]->table.limit);
	if (count > 1)
		limit_join(&engines[count - 1]->table.limit, &engines[0]->table.limit);
}

/* A policy says 0 where it has no ceiling. */
static uint32_t ceiling(uint32_t limit)
{
	return limit == 0 ? UINT32_MAX : limit;
}

uint32_t engine_half_open_ceiling(const struct sekisho_policy *policy, uint32_t capacity)
{
	uint32_t percent = policy->limits.half_open_percent;
	uint64_t half_open = (uint64_t)capacity * percent / 100;

	if (percent != 0 && half_open == 0)
		half_open = 1; /* a small share of a small table is no reason to have no ceiling */
	return ceiling((uint32_t)half_open);
}

void sekisho_engine_set_policy(struct sekisho_engine *engine, uint16_t zone,
			       const struct sekisho_policy *policy)
{
	const struct sekisho_limits_spec *limits = &policy->limits;

	engine->rejudge_left = engine->table.capacity;
	engine->zones[zone] = (struct engine_zone){
		.policy = policy,
		.timeouts = policy->timeouts,
		.ceilings = {.half_open = engine_half_open_ceiling(policy, engine->table.capacity),
			     .half_open_per_source = ceiling(limits->half_open_per_source),
			     .flows_per_source = ceiling(limits->flows_per_source)},
		.track = {.profile = policy->profile,
			  .strict = &policy->strict,
			  .aws = &policy->aws,
			  .table = &engine->table,
			  .generation = policy->generation},
		.verifies_checksums =
			policy->profile->checksums_verified && policy->strict.verify_checksums,
		.has_acls = rules_have_acls(policy->rules),
		.matches_many = rules_gain_by_many(policy->rules),
		.has_never_filtered = policy->never_filtered_count > 0,
	};
}

/* ---- what it tells ---------------------------------------------------------------------------- */

void sekisho_engine_stats(const struct sekisho_engine *engine, struct sekisho_stats *stats)
{
	const struct flow_table *table = &engine->table;

	telemetry_read(&engine->telemetry, stats);
	stats->held = __atomic_load_n(&engine->fragments.frames, __ATOMIC_RELAXED);
	stats->flows = __atomic_load_n(&table->used, __ATOMIC_RELAXED);
	stats->flows_capacity = table->capacity;
	stats->flows_available = table->capacity - __atomic_load_n(&table->taken, __ATOMIC_RELAXED);
	stats->flows_half_open = __atomic_load_n(&table->limit.half_open, __ATOMIC_RELAXED);
	stats->flows_created = __atomic_load_n(&table->created, __ATOMIC_RELAXED);
	stats->flows_expired = __atomic_load_n(&table->expired, __ATOMIC_RELAXED);
	stats->flows_recycled = __atomic_load_n(&table->recycled, __ATOMIC_RELAXED);
	stats->flows_closed = __atomic_load_n(&table->closed, __ATOMIC_RELAXED);
}

void sekisho_engine_rule_stats(const struct sekisho_engine *engine, uint32_t rule,
			       struct sekisho_rule_stats *stats)
{
	telemetry_read_rule(&engine->telemetry, rule, stats);
	if (rule < engine->telemetry.rule_capacity)
		stats->live = __atomic_load_n(&engine->table.live_by_rule[rule], __ATOMIC_RELAXED);
}

const char *sekisho_flow_state_word(unsigned state)
{
	return state < FLOW_STATE_COUNT ? track_state_word((enum flow_state)state) : NULL;
}

void engine_flow_describe(const struct flow_table *table, const struct flow *flow, uint32_t now,
			  struct sekisho_flow_info *info)
{
	*info = (struct sekisho_flow_info){
		.zone = flow->key.zone,
		.family = flow->key.family,
		.protocol = flow->key.protocol,
		.local_port = flow->key.local_port,
		.peer_port = flow->key.peer_port,
		.opener = flow->opener,
		.state = track_state_word(flow->state),
		.age_ms = now - flow->opened_at,
		.expires_ms = flow->expires_at - now,
	};
	memcpy(info->local, flow->key.local, sizeof(info->local));
	memcpy(info->peer, flow->key.peer, sizeof(info->peer));
	for (unsigned d = 0; d < 2; d++) {
		info->opened[d] = flow->opened >> d & 1;
		info->rule[d] = flow->rule[d];
		info->opened_by[d] = flow->opened_by[d];
		info->packets[d] = flow->packets[d];
		info->bytes[d] = flow->bytes[d];
	}
	track_other_spis(table, flow, info->spis);
}

/* TCP that has been closed lives on for a while, so that late segments find it; then it has not expired. */
static enum sekisho_end end_of(const struct flow *flow, enum sekisho_end why)
{
	return why == SEKISHO_END_EXPIRED && flow->state >= FLOW_LAST_ACK ? SEKISHO_END_CLOSED
									  : why;
}

/* The table's word that a flow ends, passed on. */
static void flow_ends(void *context, const struct flow *flow, enum sekisho_end why)
{
	const struct sekisho_engine *engine = context;
	uint32_t now = engine->telemetry.now_ms;
	struct sekisho_flow_end end = {.why = end_of(flow, why)};

	engine_flow_describe(&engine->table, flow, now, &end.flow);
	end.flow.expires_ms = 0;
	if (flow_time_reached(now, flow->expires_at))
		end.ago_ms = now - flow->expires_at;
	engine->tell_end(engine->tell_context, &end);
}

void sekisho_engine_tell_ends(struct sekisho_engine *engine, sekisho_flow_ended *tell,
			      void *context)
{
	engine->tell_end = tell;
	engine->tell_context = context;
	engine->table.ended = tell != NULL ? flow_ends : NULL;
	engine->table.ended_context = engine;
}

unsigned sekisho_engine_tell_rest(struct sekisho_engine *engine, uint32_t *cursor, unsigned scan)
{
	const struct flow_table *table = &engine->table;
	unsigned count = 0;

	if (engine->tell_end == NULL || *cursor >= table->capacity) {
		*cursor = 0;
		return 0;
	}
	while (scan-- > 0) {
		const struct flow *flow = &table->flows[*cursor];

		*cursor = *cursor + 1 == table->capacity ? 0 : *cursor + 1;
		if (flow->key.family != 0 && !(flow->key.family & FLOW_KEY_PAIR)) {
			bool over = flow_time_reached(engine->telemetry.now_ms, flow->expires_at);

			flow_ends(engine, flow, over ? SEKISHO_END_EXPIRED : SEKISHO_END_SHUTDOWN);
			count++;
		}
		if (*cursor == 0)
			break;
	}
	return count;
}

unsigned sekisho_engine_flows(const struct sekisho_engine *engine, uint32_t now_ms,
			      uint32_t *cursor, unsigned scan, struct sekisho_flow_info *out,
			      unsigned max)
{
	const struct flow_table *table = &engine->table;
	unsigned count = 0;

	if (*cursor >= table->capacity) {
		*cursor = 0;
		return 0;
	}
	while (scan-- > 0 && count < max) {
		const struct flow *flow = &table->flows[*cursor];

		*cursor = *cursor + 1 == table->capacity ? 0 : *cursor + 1;
		if (flow->key.family != 0 && !(flow->key.family & FLOW_KEY_PAIR) &&
		    !flow_time_reached(now_ms, flow->expires_at)) {
			engine_flow_describe(table, flow, now_ms, &out[count]);
			out[count++].next = *cursor;
		}
		if (*cursor == 0)
			break;
	}
	return count;
}

/* ---- tuples ----------------------------------------------------------------------------------- */

const char *sekisho_bound_word(enum sekisho_bound bound)
{
	static const char *const words[] = {NULL, "data-upper", "data-lower", "ack-upper",
					    "ack-lower"};

	return words[bound];
}

void sekisho_frame_tuple(const struct sekisho_frame *frame, struct sekisho_tuple *tuple)
{
	struct packet packet;

	packet_parse(&packet, frame->data, frame->captured, frame->length);
	*tuple = (struct sekisho_tuple){
		.ether_type = packet.ether_type,
		.family = packet.kind == PACKET_IP ? packet.family : 0,
		.protocol = packet.protocol,
		.has_ports = packet.l4_kind == PACKET_L4_TCP || packet.l4_kind == PACKET_L4_UDP,
		.has_icmp = packet.l4_kind == PACKET_L4_ICMP_QUERY ||
			    packet.l4_kind == PACKET_L4_ICMP_ERROR ||
			    packet.l4_kind == PACKET_L4_ICMP_OTHER ||
			    packet.l4_kind == PACKET_L4_ND,
		.is_fragment = packet.is_fragment && packet.fragment_offset != 0,
		.source_port = packet.source_port,
		.destination_port = packet.destination_port,
	};
	if (packet.l4_offset > packet.ip_offset)
		tuple->ip_length = packet.l4_offset - packet.ip_offset + packet.l4_length;
	if (packet.l4_kind == PACKET_L4_TCP)
		tuple->tcp_flags = packet.tcp.flags;
	if (tuple->has_icmp) {
		tuple->icmp_type = packet.icmp.type;
		tuple->icmp_code = packet.icmp.code;
	}
	memcpy(tuple->source, packet.source, sizeof(tuple->source));
	memcpy(tuple->destination, packet.destination, sizeof(tuple->destination));
}
