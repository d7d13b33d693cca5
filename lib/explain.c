/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explain.c: what the path would say to one packet, without anything happening.
 *
 * Two steps. The owner of an engine takes an *excerpt*: the few entries of its flow table that the packet
 * could meet, and the room that there is. That is bounded, touches nothing, and is done between two
 * bursts. Anybody may then *explain* by it: a small engine is laid out as the excerpt says, and the packet
 * goes through sekisho_engine_burst() of that, so what decides is the path itself and not a second opinion
 * on it. The same excerpt may be explained under other policies, or without its flows: what would change
 * the verdict is found by asking.
 *
 * Room is made to be as it was: where the table had few entries free, so has the small one; where
 * something could have made way, something stands in its place that can. For a fragment the excerpt has
 * what is known of the rest of its datagram as well.
 */
#include <stdlib.h>

#include "job.h"

#define SCRATCH_FLOWS 64

/* ---- taking ----------------------------------------------------------------------------------- */

static void take_entry(const struct sekisho_engine *engine, const struct flow_key *key,
		       struct sekisho_excerpt *excerpt)
{
	const struct flow_table *table = &engine->table;
	const struct flow *flow = flow_table_find(table, key, flow_table_hash(table, key));
	struct sekisho_excerpt_entry *entry = &excerpt->entries[excerpt->count];

	if (flow == NULL)
		return;
	memcpy(entry->flow, flow, sizeof(*flow));
	entry->judged = flow->generation == engine->zones[key->zone].policy->generation;
	entry->extended = flow->extension != FLOW_NONE;
	if (entry->extended)
		memcpy(entry->extension, flow_table_extension(table, flow), sizeof(*flow));
	excerpt->count++;
}

/* The entry of a key's address pair, where proofs remember what is of several flows. */
static void take_pair(const struct sekisho_engine *engine, const struct flow_key *key,
		      struct sekisho_excerpt *excerpt)
{
	struct flow_key pair = {.zone = key->zone, .family = key->family | FLOW_KEY_PAIR};

	memcpy(pair.local, key->local, sizeof(pair.local));
	memcpy(pair.peer, key->peer, sizeof(pair.peer));
	take_entry(engine, &pair, excerpt);
}

_Static_assert(sizeof(struct flow) == sizeof(((struct sekisho_excerpt_entry *)0)->flow),
	       "an entry of an excerpt holds one of the table");

_Static_assert(sizeof(struct fragment_sample) <= SEKISHO_EXCERPT_DATAGRAM,
	       "an excerpt holds a datagram");

static void take_datagram(const struct sekisho_engine *engine, const struct packet *packet,
			  const struct sekisho_frame *frame, struct sekisho_excerpt *excerpt)
{
	const struct fragment_origin origin = {
		.zone = frame->zone, .direction = frame->direction & 1, .now = excerpt->now_ms};
	struct fragment_sample sample;

	fragment_sample_take(&engine->fragments, packet, &origin, &sample);
	memcpy(excerpt->datagram, &sample, sizeof(sample));
	excerpt->fragment = true;
}

void sekisho_engine_excerpt(const struct sekisho_engine *engine, uint32_t now_ms,
			    const struct sekisho_frame *frame, struct sekisho_excerpt *excerpt)
{
	const struct flow_table *table = &engine->table;
	unsigned direction = frame->direction & 1;
	struct packet packet, quoted;
	struct flow_key key;

	memset(excerpt, 0, sizeof(*excerpt));
	memcpy(excerpt->proof_key, engine->config.proof_key, sizeof(excerpt->proof_key));
	excerpt->now_ms = now_ms;
	excerpt->resumed_ms = table->resumed_at;
	excerpt->received = engine->telemetry.received;
	excerpt->capacity = table->capacity;
	excerpt->free_entries = table->capacity - table->taken;
	excerpt->half_open = table->limit.half_open;
	for (unsigned v = 0; v < 2; v++)
		excerpt->recyclable[v] = flow_age_can_recycle(table, now_ms, v);
	packet_parse(&packet, frame->data, frame->captured, frame->length);
	job_key_make(&key, &packet, frame->zone, direction);
	limit_count(&table->limit, &key, direction, &excerpt->source_flows,
		    &excerpt->source_half_open);
	if (packet.reason != PACKET_REASON_NONE || packet.kind == PACKET_ARP)
		return;
	if (packet.is_fragment)
		take_datagram(engine, &packet, frame, excerpt);
	if (packet.l4_kind == PACKET_L4_ICMP_ERROR) {
		if (packet_parse_quoted(&quoted, &packet)) {
			memset(&key, 0, sizeof(key));
			job_key_make(&key, &quoted, frame->zone, !direction);
			take_entry(engine, &key, excerpt);
		}
		return;
	}
	take_entry(engine, &key, excerpt);
	take_pair(engine, &key, excerpt);
}

/* ---- explaining ------------------------------------------------------------------------------- */

/* calloc gives pages that nobody has touched; what lies before an aligned place tells where it began. */
static void *scratch_allocate(void *context, size_t size, size_t align)
{
	char *memory = calloc(1, size + align + sizeof(void *)), *place;

	(void)context;
	if (memory == NULL)
		return NULL;
	place = memory + sizeof(void *);
	place += (align - (uintptr_t)place % align) % align;
	memcpy(place - sizeof(void *), &memory, sizeof(memory));
	return place;
}

static void scratch_release(void *context, void *place)
{
	void *memory;

	(void)context;
	memcpy(&memory, (char *)place - sizeof(void *), sizeof(memory));
	free(memory);
}

/* Put an entry of the excerpt where it was, in the only zone. */
static void put_entry(struct sekisho_engine *engine, const struct sekisho_policy *policy,
		      const struct sekisho_excerpt_entry *entry)
{
	struct flow_table *table = &engine->table;
	struct flow was, *flow;

	memcpy(&was, entry->flow, sizeof(was));
	was.key.zone = 0;
	flow = flow_table_insert(table, &was.key, flow_table_hash(table, &was.key));
	if (flow == NULL)
		return;
	*flow = was;
	flow->extension = FLOW_NONE;
	flow->generation = entry->judged ? policy->generation : policy->generation - 1;
	for (unsigned d = 0; d < 2 && !(was.key.family & FLOW_KEY_PAIR); d++) {
		flow->rule[d] = SEKISHO_RULE_NONE;
		if (was.rule[d] < engine->telemetry.rule_capacity)
			flow_table_set_rule(table, flow, d, was.rule[d]);
	}
	if (entry->extended)
		memcpy(flow_table_extend(table, flow), entry->extension, sizeof(*flow));
}

/* A flow that can make way, as the table had one; opened long ago, so that it is the first to go. */
static void put_victim(struct sekisho_engine *engine, uint32_t now, bool half_open)
{
	const struct flow_key key = {.zone = UINT16_MAX, .family = SEKISHO_IPV4, .protocol = 6};
	struct flow_table *table = &engine->table;
	struct flow *flow = flow_table_insert(table, &key, flow_table_hash(table, &key));

	if (flow == NULL)
		return;
	flow->state = half_open ? FLOW_SYN_SENT : FLOW_UNANSWERED;
	flow->opened_at = now - (1u << 30);
	flow->expires_at = now + 1;
}

/* Leave as many entries free as there were. */
static void take_room(struct flow_table *table, uint32_t free_entries)
{
	while (table->capacity - table->taken > free_entries) {
		table->free_head = table->flows[table->free_head].expires_at;
		table->taken++;
	}
}

static void lay_out(struct sekisho_engine *engine, const struct sekisho_policy *policy,
		    const struct sekisho_frame *frame, const struct sekisho_excerpt *excerpt)
{
	struct flow_table *table = &engine->table;
	struct packet packet;
	struct flow_key key;

	sekisho_engine_set_policy(engine, 0, policy);
	engine->zones[0].ceilings.half_open = engine_half_open_ceiling(policy, excerpt->capacity);
	engine->telemetry.received = excerpt->received;
	engine->telemetry.now_ms = excerpt->now_ms;
	table->swept_at = excerpt->now_ms;
	table->resumed_at = excerpt->resumed_ms;
	for (unsigned i = 0; i < excerpt->count; i++)
		put_entry(engine, policy, &excerpt->entries[i]);
	if (excerpt->recyclable[FLOW_VICTIM_UNANSWERED])
		put_victim(engine, excerpt->now_ms, excerpt->recyclable[FLOW_VICTIM_HALF_OPEN]);
	take_room(table, excerpt->free_entries);
	table->limit.half_open = excerpt->half_open;
	packet_parse(&packet, frame->data, frame->captured, frame->length);
	job_key_make(&key, &packet, 0, frame->direction & 1);
	limit_set(&table->limit, &key, frame->direction & 1, excerpt->source_flows,
		  excerpt->source_half_open);
}

/* The flow that the packet meets, as it is before the packet; the first entry, if any. */
static void tell_flow(const struct sekisho_engine *engine, const struct sekisho_excerpt *excerpt,
		      struct sekisho_explanation *out)
{
	struct flow was;

	if (excerpt->count == 0)
		return;
	memcpy(&was, excerpt->entries[0].flow, sizeof(was));
	if (was.key.family & FLOW_KEY_PAIR)
		return;
	was.key.zone = 0;
	for (uint32_t i = 0; i < engine->table.capacity; i++) {
		const struct flow *flow = &engine->table.flows[i];

		if (!flow_is(flow, &was.key))
			continue;
		out->met = flow_time_reached(excerpt->now_ms, flow->expires_at)
				   ? SEKISHO_MET_EXPIRED
				   : SEKISHO_MET_LIVE;
		engine_flow_describe(&engine->table, flow, excerpt->now_ms, &out->flow);
	}
}

/* The datagram of a fragment: laid out as it was, and told of. */
static void put_datagram(struct sekisho_engine *engine, const struct sekisho_excerpt *excerpt,
			 struct sekisho_explanation *out)
{
	const struct fragment_datagram *datagram;
	struct fragment_sample sample;

	memcpy(&sample, excerpt->datagram, sizeof(sample));
	fragment_sample_put(&engine->fragments, &sample);
	datagram = &sample.datagram;
	if (!sample.found || flow_time_reached(excerpt->now_ms, datagram->expires_at))
		return;
	out->datagram =
		(struct sekisho_datagram){.pieces = datagram->pieces,
					  .decided = datagram->decided,
					  .reason = datagram->reason,
					  .expires_ms = datagram->expires_at - excerpt->now_ms};
}

/* What lists, rules and network ACLs say to it, whatever the flow says. */
static void tell_rules(struct sekisho_engine *engine, const struct sekisho_frame *frame,
		       struct sekisho_explanation *out)
{
	struct sekisho_verdict verdict = {.rule = SEKISHO_RULE_NONE};
	struct job job = {.zone = &engine->zones[0],
			  .verdict = &verdict,
			  .frame = frame,
			  .direction = frame->direction & 1,
			  .denied_by = SEKISHO_RULE_NONE};
	struct rules_match match;

	out->rule = out->denied_by = SEKISHO_RULE_NONE;
	packet_parse(&job.packet, frame->data, frame->captured, frame->length);
	if (job.packet.reason != PACKET_REASON_NONE || job.packet.kind == PACKET_ARP)
		return;
	out->sound = true;
	out->is_fragment = job.packet.is_fragment;
	job_key_make(&job.key, &job.packet, 0, job.direction);
	match = engine_match(&job);
	out->rule = match.rule;
	out->endpoint = match.endpoint;
	out->open = match.open;
	if (engine_acl_denies(&job))
		out->denied_by = job.denied_by;
}

bool sekisho_explain(const struct sekisho_policy *policy, const struct sekisho_rule_names *names,
		     const struct sekisho_frame *frame, const struct sekisho_excerpt *excerpt,
		     struct sekisho_explanation *out)
{
	struct sekisho_engine_config config = {.flows = SCRATCH_FLOWS,
					       .fragments = 4,
					       .held = 4,
					       .zones = 1,
					       .names = names,
					       .allocate = scratch_allocate,
					       .release = scratch_release};
	struct sekisho_frame only = *frame;
	struct sekisho_engine *engine;
	char message[128];

	memset(out, 0, sizeof(*out));
	memcpy(config.proof_key, excerpt->proof_key, sizeof(config.proof_key));
	engine = sekisho_engine_create(&config, message, sizeof(message));
	if (engine == NULL)
		return false;
	only.zone = 0;
	lay_out(engine, policy, &only, excerpt);
	sekisho_frame_tuple(&only, &out->tuple);
	if (excerpt->fragment)
		put_datagram(engine, excerpt, out);
	tell_flow(engine, excerpt, out);
	tell_rules(engine, &only, out);
	sekisho_engine_burst(engine, excerpt->now_ms, &only, 1, &out->verdict);
	sekisho_engine_destroy(engine);
	return true;
}
