/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_flows.c: the list of flows: who is in it, for how long, and who may come in (AWS-2, 28, 35, 42, 51;
 * STRICT-16, 17, 23, 41).
 */
#include <netinet/in.h>
#include <string.h>

#include "model.h"

static uint8_t icmp_of(uint8_t family)
{
	return family == SEKISHO_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* AWS-2, 28, 35: which flow a packet is of; the same for both directions. */
struct model_key model_key(const struct model_packet *packet)
{
	bool egress = packet->direction == SEKISHO_EGRESS;
	struct model_key key = {
		.zone = packet->zone, .family = packet->family, .protocol = packet->protocol};

	memcpy(key.local, egress ? packet->source : packet->destination, 16);
	memcpy(key.peer, egress ? packet->destination : packet->source, 16);
	if (packet->kind == MODEL_TCP || packet->kind == MODEL_UDP) {
		key.local_port = egress ? packet->source_port : packet->destination_port;
		key.peer_port = egress ? packet->destination_port : packet->source_port;
	} else if (packet->kind == MODEL_QUERY) {
		key.local_port = packet->id;
		key.peer_port = model_icmp_request(packet->type);
	} else if (packet->protocol == icmp_of(packet->family)) {
		key.local_port = packet->code; /* chosen: other ICMP is of its type and code */
		key.peer_port = 0x100 | packet->type;
	}
	return key;
}

static bool same_key(const struct model_key *a, const struct model_key *b)
{
	return a->zone == b->zone && a->family == b->family && a->protocol == b->protocol &&
	       a->local_port == b->local_port && a->peer_port == b->peer_port &&
	       memcmp(a->local, b->local, 16) == 0 && memcmp(a->peer, b->peer, 16) == 0;
}

struct model_flow *model_find(struct model *model, const struct model_packet *packet)
{
	struct model_key key = model_key(packet);

	for (unsigned i = 0; i < model->flows.count; i++)
		if (same_key(&model->flows.flow[i].key, &key))
			return &model->flows.flow[i];
	return NULL;
}

void model_remove(struct model *model, struct model_flow *flow)
{
	*flow = model->flows.flow[--model->flows.count];
}

static bool is_half_open(const struct model_flow *flow)
{
	return flow->state == SYN_SENT || flow->state == SYN_CROSSED || flow->state == SYN_RECEIVED;
}

/* An established or answered flow never makes room for another. */
static bool may_make_room(const struct model_flow *flow)
{
	return flow->state == UNANSWERED || flow->state == PICKED_UP || is_half_open(flow);
}

/*
 * Make room under pressure: the first opened of those that may go. Of two that were opened in the same
 * millisecond either may be the first, and nothing is to be said of what follows.
 */
static bool recycle(struct model *model, bool (*may_go)(const struct model_flow *))
{
	struct model_flow *oldest = NULL;
	bool tie = false;

	for (unsigned i = 0; i < model->flows.count; i++) {
		struct model_flow *flow = &model->flows.flow[i];

		if (!may_go(flow) || (oldest != NULL && flow->opened_at > oldest->opened_at))
			continue;
		tie = oldest != NULL && flow->opened_at == oldest->opened_at;
		oldest = flow;
	}
	if (oldest == NULL)
		return false;
	model->undecided |= tie;
	model_remove(model, oldest);
	return true;
}

/* ---- Timers: AWS-42, 49a; STRICT-16, 23, 41 ----------------------------------------------------- */

static enum sekisho_timeout timer_of(const struct model_flow *flow)
{
	static const enum sekisho_timeout tcp[] = {
		[SYN_SENT] = SEKISHO_TIMEOUT_TCP_SYN_SENT,
		[SYN_CROSSED] = SEKISHO_TIMEOUT_TCP_SYN_RECEIVED,
		[PICKED_UP] = SEKISHO_TIMEOUT_TCP_SYN_SENT,
		[SYN_RECEIVED] = SEKISHO_TIMEOUT_TCP_SYN_RECEIVED,
		[ESTABLISHED] = SEKISHO_TIMEOUT_TCP_ESTABLISHED,
		[FIN_WAIT] = SEKISHO_TIMEOUT_TCP_FIN_WAIT,
		[CLOSE_WAIT] = SEKISHO_TIMEOUT_TCP_CLOSE_WAIT,
		[LAST_ACK] = SEKISHO_TIMEOUT_TCP_LAST_ACK,
		[TIME_WAIT] = SEKISHO_TIMEOUT_TCP_TIME_WAIT,
		[CLOSED] = SEKISHO_TIMEOUT_TCP_CLOSED,
	};

	switch (flow->key.protocol) {
	case IPPROTO_TCP:
		return tcp[flow->state];
	case IPPROTO_UDP:
		return flow->state == STREAM ? SEKISHO_TIMEOUT_UDP_STREAM : SEKISHO_TIMEOUT_UDP;
	default:
		return flow->key.protocol == icmp_of(flow->key.family) ? SEKISHO_TIMEOUT_ICMP
								       : SEKISHO_TIMEOUT_OTHER;
	}
}

/* Each packet that passes sets the idle timer anew. */
void model_refresh(struct model *model, struct model_flow *flow)
{
	flow->expires_at =
		model->now + model_timeout(model->policy[flow->key.zone], flow->key.family,
					   flow->key.local, timer_of(flow));
}

static void end_flow(struct model *model, struct model_flow *flow)
{
	if (model->ghosts < MODEL_FLOWS)
		model->ghost[model->ghosts++] =
			(struct model_ghost){*flow, flow->expires_at + MODEL_GHOST_MS};
	model_remove(model, flow);
}

void model_step(struct model *model, uint64_t now)
{
	model->now = now;
	for (unsigned i = model->ghosts; i-- > 0;)
		if (model->ghost[i].until <= now)
			model->ghost[i] = model->ghost[--model->ghosts];
	for (unsigned i = model->flows.count; i-- > 0;)
		if (model->flows.flow[i].expires_at <= now)
			end_flow(model, &model->flows.flow[i]);
	for (unsigned i = model->flows.pairs; i-- > 0;)
		if (model->flows.pair[i].expires_at <= now)
			model->flows.pair[i] = model->flows.pair[--model->flows.pairs];
	model_end_datagrams(model);
}

/* ---- Room: STRICT-17, AWS-51 ------------------------------------------------------------------- */

/* The address that has opened a flow, or would. */
static const uint8_t *source_of(const struct model_key *key, unsigned opener)
{
	return opener == SEKISHO_EGRESS ? key->local : key->peer;
}

static bool is_from_source_of(const struct model_flow *flow, const struct model_packet *packet)
{
	return flow->key.zone == packet->zone && flow->key.family == packet->family &&
	       memcmp(source_of(&flow->key, flow->opener), packet->source, 16) == 0;
}

/* What the source of a packet has, or all sources have where `packet` is NULL. */
struct census {
	unsigned flows, half_open;
};

static void count_flow(struct census *census, const struct model_flow *flow,
		       const struct model_packet *packet)
{
	if (packet != NULL && !is_from_source_of(flow, packet))
		return;
	census->flows++;
	census->half_open += is_half_open(flow);
}

static struct census count_flows(const struct model *model, const struct model_packet *packet)
{
	struct census census = {0};

	for (unsigned i = 0; i < model->flows.count; i++)
		count_flow(&census, &model->flows.flow[i], packet);
	return census;
}

/* STRICT-17: ceilings on what is new; a ceiling of 0 is none. */
static bool is_enough(struct census census, const struct sekisho_limits_spec *limits,
		      bool half_open)
{
	return (limits->flows_per_source != 0 && census.flows >= limits->flows_per_source) ||
	       (half_open && limits->half_open_per_source != 0 &&
		census.half_open >= limits->half_open_per_source);
}

static bool source_has_enough(const struct model *model, const struct model_packet *packet,
			      bool half_open)
{
	const struct sekisho_limits_spec *limits = &model->policy[packet->zone]->limits;
	struct census census = count_flows(model, packet);

	if (is_enough(census, limits, half_open))
		return true;
	for (unsigned i = 0; i < model->ghosts; i++)
		count_flow(&census, &model->ghost[i].flow, packet);
	return is_enough(census, limits, half_open) && model->heard == SEKISHO_REASON_LIMIT_SOURCE;
}

static bool half_open_are_enough(const struct model *model, const struct model_packet *packet)
{
	uint32_t percent = model->policy[packet->zone]->limits.half_open_percent;
	uint32_t most = model->config.flows * percent / 100;

	if (percent != 0 && most == 0)
		most = 1; /* chosen: a ceiling is never so low that nothing gets in */
	return percent != 0 && count_flows(model, NULL).half_open >= most;
}

/* A new flow for a packet, or NULL and why not. Under pressure the oldest half-open goes first. */
struct model_flow *model_create(struct model *model, const struct model_packet *packet,
				enum sekisho_reason *reason)
{
	bool half_open =
		packet->kind == MODEL_TCP && (packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	struct model_flow *flow;

	*reason = SEKISHO_REASON_LIMIT_SOURCE;
	if (source_has_enough(model, packet, half_open))
		return NULL;
	*reason = SEKISHO_REASON_LIMIT_HALF_OPEN;
	if (half_open && half_open_are_enough(model, packet) && !recycle(model, is_half_open))
		return NULL;
	*reason = SEKISHO_REASON_TABLE_FULL;
	if (model->flows.count == model->config.flows && !recycle(model, may_make_room))
		return NULL;
	flow = &model->flows.flow[model->flows.count++];
	*flow = (struct model_flow){.key = model_key(packet),
				    .opened_at = model->now,
				    .opener = packet->direction,
				    .grammar = MODEL_NO_GRAMMAR};
	return flow;
}
