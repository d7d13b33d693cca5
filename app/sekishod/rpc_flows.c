/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_flows.c: a page of flows, asked from their owners without waiting for them.
 *
 * A *walk* is one flows.list request. It puts a question into a worker's mailbox, looks for a moment
 * whether the worker has answered (it mostly has, within microseconds), and else leaves the rest to
 * the timer. A worker that does not answer for a second fails the request. The cursor that clients
 * see is "worker:position".
 *
 * Many clients may walk at once; a mailbox serves one question at a time and remembers whose it is.
 * When the asker goes away before the answer, the mailbox is nobody's and the answer is thrown away.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

#define PAGE_MAX       256
#define WORKER_DEAD_MS 1000
#define EXCHANGES_MAX  64 /* in one go */
#define PAGE_EXCHANGES 4096 /* in one page: an empty region of the table must not hold a client long */
#define SPINS_MAX      2000

struct flow_walk {
	struct rpc_call call;
	uint64_t number;
	unsigned worker;
	uint32_t position;
	unsigned left; /* flows that still fit on the page */
	unsigned exchanges;
	uint64_t heard_ms; /* when a worker last answered */
	json_t *flows;
};

static const char *protocol_word(unsigned protocol, char *number, size_t size)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_SCTP:
		return "sctp";
	case 33:
		return "dccp";
	case IPPROTO_UDPLITE:
		return "udplite";
	}
	snprintf(number, size, "%u", protocol);
	return number;
}

static bool protocol_has_ports(unsigned protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == 33 || protocol == IPPROTO_UDPLITE;
}

/* "198.51.100.1:500", "[2001:db8::1]:500", or without a port where the protocol has none. */
static void address_print(const struct sekisho_flow_info *flow, const uint8_t *address, uint16_t port,
			  char *text, size_t size)
{
	char plain[INET6_ADDRSTRLEN];
	bool six = flow->family == SEKISHO_IPV6;

	inet_ntop(six ? AF_INET6 : AF_INET, address, plain, sizeof(plain));
	if (!protocol_has_ports(flow->protocol))
		snprintf(text, size, "%s", plain);
	else
		snprintf(text, size, six ? "[%s]:%u" : "%s:%u", plain, port);
}

static json_t *pair_json(const uint64_t pair[2])
{
	return json_pack("{s:I,s:I}", sekisho_direction_word(SEKISHO_EGRESS),
			 (json_int_t)pair[SEKISHO_EGRESS], sekisho_direction_word(SEKISHO_INGRESS),
			 (json_int_t)pair[SEKISHO_INGRESS]);
}

/* Rules and numbers of the packets that opened it, by direction; null where none did. */
static void openers_json(const struct daemon *daemon, const struct sekisho_flow_info *flow,
			 json_t *row)
{
	json_t *rules = json_object(), *opened_by = json_object();

	for (unsigned side = 0; side < 2; side++) {
		const char *word = sekisho_direction_word(side);
		const char *rule = flow->opened[side]
					   ? sekisho_rule_name(daemon->names, flow->rule[side])
					   : NULL;

		json_object_set_new(rules, word, rule ? json_string(rule) : json_null());
		json_object_set_new(opened_by, word,
				    flow->opened[side]
					    ? json_integer((json_int_t)flow->opened_by[side])
					    : json_null());
	}
	json_object_set_new(row, "rules", rules);
	json_object_set_new(row, "opened_by", opened_by);
}

/* The SPIs of ESP by direction, newest first; nothing where none is counted. */
static void spis_json(const struct sekisho_flow_info *flow, json_t *row)
{
	json_t *spis;

	if (flow->spis[0][0].spi == 0 && flow->spis[1][0].spi == 0)
		return;
	spis = json_object();
	for (unsigned side = 0; side < 2; side++) {
		json_t *list = json_array();

		for (unsigned i = 0; i < SEKISHO_FLOW_SPIS && flow->spis[side][i].spi != 0; i++) {
			char spi[16];

			snprintf(spi, sizeof(spi), "0x%08x", flow->spis[side][i].spi);
			json_array_append_new(list,
					      json_pack("{s:s,s:I}", "spi", spi, "packets",
							(json_int_t)flow->spis[side][i].packets));
		}
		json_object_set_new(spis, sekisho_direction_word(side), list);
	}
	json_object_set_new(row, "spis", spis);
}

static json_t *flow_json(const struct daemon *daemon, const struct sekisho_flow_info *flow)
{
	char number[8], local[64], peer[64], text[160];
	const char *protocol = protocol_word(flow->protocol, number, sizeof(number));
	bool out = flow->opener == SEKISHO_EGRESS;
	json_t *row;

	address_print(flow, flow->local, flow->local_port, local, sizeof(local));
	address_print(flow, flow->peer, flow->peer_port, peer, sizeof(peer));
	snprintf(text, sizeof(text), "%s %s > %s", protocol, out ? local : peer, out ? peer : local);
	row = json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:s?,s:s,s:o,s:o,s:I,s:I}", "edge",
			daemon->edges[flow->zone].name, "zone", (int)flow->zone, "flow", text,
			"protocol", protocol, "local", local, "peer", peer, "state", flow->state,
			"opener", sekisho_direction_word(flow->opener), "packets",
			pair_json(flow->packets), "bytes", pair_json(flow->bytes), "age_ms",
			(json_int_t)flow->age_ms, "expires_ms", (json_int_t)flow->expires_ms);
	if (row != NULL) {
		openers_json(daemon, flow, row);
		spis_json(flow, row);
	}
	return row;
}

/* ---- Walks ------------------------------------------------------------------------------------ */

/* Take the answer of a mailbox for the walk that asked. */
static void walk_take(struct flow_walk *walk, struct mailbox *mailbox)
{
	struct daemon *daemon = walk->call.control->daemon;

	for (unsigned i = 0; i < mailbox->count; i++)
		json_array_append_new(walk->flows, flow_json(daemon, &mailbox->flows[i]));
	walk->left -= mailbox->count;
	walk->position = mailbox->cursor;
	if (walk->position == 0)
		walk->worker++;
	walk->exchanges++;
	walk->heard_ms = clock_ms();
}

/* One question and, if it comes soon, its answer. false when it is to be tried again later. */
static bool walk_exchange(struct flow_walk *walk)
{
	struct worker *worker = &walk->call.control->daemon->workers[walk->worker];
	struct mailbox *mailbox = &worker->mailbox;
	int state = atomic_load_explicit(&mailbox->state, memory_order_acquire);

	if (state == MAILBOX_DONE && mailbox->owner == 0)
		state = MAILBOX_IDLE;
	if (state == MAILBOX_IDLE) {
		mailbox->owner = walk->number;
		mailbox->cursor = walk->position;
		mailbox->question = MAILBOX_LIST;
		mailbox->max = walk->left < SEKISHO_FLOWS_MAX ? walk->left : SEKISHO_FLOWS_MAX;
		state = MAILBOX_REQUESTED;
		atomic_store_explicit(&mailbox->state, state, memory_order_release);
	}
	if (mailbox->owner != walk->number)
		return false;
	for (unsigned i = 0; i < SPINS_MAX && state != MAILBOX_DONE; i++)
		state = atomic_load_explicit(&mailbox->state, memory_order_acquire);
	if (state != MAILBOX_DONE)
		return false;
	walk_take(walk, mailbox);
	mailbox->owner = 0;
	atomic_store_explicit(&mailbox->state, MAILBOX_IDLE, memory_order_relaxed);
	return true;
}

/* Go on for a while. true when the page is done, or has failed. */
static bool walk_advance(struct flow_walk *walk)
{
	struct daemon *daemon = walk->call.control->daemon;

	for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
		if (walk->left == 0 || walk->worker == daemon->worker_count ||
		    walk->exchanges == PAGE_EXCHANGES)
			return true;
		if (walk_exchange(walk))
			continue;
		if (clock_ms() - walk->heard_ms <= WORKER_DEAD_MS)
			return false;
		rpc_fail(&walk->call, RPC_WORKER, "worker %u does not answer",
			 daemon->workers[walk->worker].lcore);
		return true;
	}
	return false;
}

static void walk_finish(struct flow_walk *walk)
{
	json_t *cursor = json_null();
	char text[32];

	if (walk->worker < walk->call.control->daemon->worker_count) {
		snprintf(text, sizeof(text), "%u:%u", walk->worker, walk->position);
		cursor = json_string(text);
	}
	if (walk->call.code == 0)
		walk->call.result = json_pack("{s:O,s:o}", "flows", walk->flows, "cursor", cursor);
	else
		json_decref(cursor);
}

/* Let go of what the walk holds but its call, which is answered or dropped by the caller. */
static void walk_fini(struct control *control, struct flow_walk *walk)
{
	for (unsigned i = 0; i < control->daemon->worker_count; i++)
		if (control->daemon->workers[i].mailbox.owner == walk->number)
			control->daemon->workers[i].mailbox.owner = 0;
	json_decref(walk->flows);
	walk->flows = NULL;
}

void flow_walk_continue(struct control *control, struct client *client)
{
	struct flow_walk *walk = client->walk;

	if (!walk_advance(walk))
		return;
	walk_finish(walk);
	client->walk = NULL;
	rpc_answer(&walk->call);
	walk_fini(control, walk);
	free(walk);
}

void flow_walk_destroy(struct control *control, struct flow_walk *walk)
{
	walk_fini(control, walk);
	rpc_drop(&walk->call);
	free(walk);
}

/* Read params into the walk. false if they are wrong. */
static bool walk_params(struct flow_walk *walk, const json_t *params)
{
	const json_t *cursor = json_object_get(params, "cursor");
	const json_t *limit = json_object_get(params, "limit");
	json_int_t most = limit == NULL ? 64 : json_integer_value(limit);
	char after;

	if (most < 1 || most > PAGE_MAX)
		return false;
	walk->left = (unsigned)most;
	if (cursor == NULL || json_is_null(cursor))
		return true;
	return json_is_string(cursor) &&
	       sscanf(json_string_value(cursor), "%u:%u%c", &walk->worker, &walk->position,
		      &after) == 2 &&
	       walk->worker < walk->call.control->daemon->worker_count;
}

void rpc_flows_list(struct rpc_call *call)
{
	static uint64_t walks;
	struct flow_walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	walk->call = *call;
	if (!walk_params(walk, call->params)) {
		free(walk);
		rpc_fail(call, RPC_PARAMS, "cursor must be one that was given, limit 1 to %d",
			 PAGE_MAX);
		return;
	}
	walk->number = ++walks;
	walk->heard_ms = clock_ms();
	walk->flows = json_array();
	/* The method's name is the request's, which does not outlive this line. */
	walk->call.method = "flows.list";
	call->later = true;
	call->client->walk = walk;
	flow_walk_continue(call->control, call->client);
}
