/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_json.c: a flow for people, and for filters. */
#include "flow_json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <protocols.h>

#include "counters.h"

static bool protocol_has_ports(unsigned protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == 33 || protocol == IPPROTO_UDPLITE;
}

/* "198.51.100.1:500", "[2001:db8::1]:500", or without a port where the protocol has none. */
static void address_print(const struct sekisho_flow_info *flow, const uint8_t *address,
			  uint16_t port, char *text, size_t size)
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

/*
 * What has opened it, first the opener: a packet, its rule, and where that is written, if it still is. Only of
 * the opener's it is known how long ago.
 */
static json_t *why_json(const struct daemon *daemon, const struct sekisho_flow_info *flow)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 2; i++) {
		unsigned side = i == 0 ? flow->opener : !flow->opener;
		struct sekisho_rule_origin origin = {0};
		json_t *why;

		if (!flow->opened[side])
			continue;
		why = json_pack("{s:s,s:I,s:s?,s:n,s:n,s:n}", "direction",
				sekisho_direction_word(side), "packet",
				(json_int_t)flow->opened_by[side], "rule",
				sekisho_rule_name(daemon->names, flow->rule[side]), "file", "line",
				"age_ms");
		if (i == 0)
			json_object_set_new(why, "age_ms", json_integer(flow->age_ms));
		if (counters_rule_origin(daemon, flow->rule[side], &origin))
			json_object_update_new(why, json_pack("{s:s?,s:I}", "file", origin.file,
							      "line", (json_int_t)origin.line));
		json_array_append_new(list, why);
	}
	return list;
}

/* The tuple's numbers, each by itself, for programs. */
static void numbers_json(const struct sekisho_flow_info *flow, json_t *row)
{
	int family = flow->family == SEKISHO_IPV6 ? AF_INET6 : AF_INET;
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];

	inet_ntop(family, flow->local, local, sizeof(local));
	inet_ntop(family, flow->peer, peer, sizeof(peer));
	json_object_update_new(row, json_pack("{s:i,s:s,s:s}", "protocol_number", flow->protocol,
					      "local_address", local, "peer_address", peer));
	if (protocol_has_ports(flow->protocol))
		json_object_update_new(row, json_pack("{s:i,s:i}", "local_port", flow->local_port,
						      "peer_port", flow->peer_port));
	else if (flow->protocol == IPPROTO_ICMP || flow->protocol == IPPROTO_ICMPV6)
		json_object_update_new(row, json_pack("{s:i,s:i}", "icmp_id", flow->local_port,
						      "icmp_type", flow->peer_port & 0xff));
}

/* A flow's tuple in words. */
struct words {
	char number[8], local[64], peer[64], flow[160];
	const char *protocol; /* may be `number` */
};

static void words_init(struct words *words, const struct sekisho_flow_info *flow)
{
	bool out = flow->opener == SEKISHO_EGRESS;

	snprintf(words->number, sizeof(words->number), "%u", flow->protocol);
	words->protocol = protocols_name(flow->protocol);
	if (words->protocol == NULL)
		words->protocol = words->number;
	address_print(flow, flow->local, flow->local_port, words->local, sizeof(words->local));
	address_print(flow, flow->peer, flow->peer_port, words->peer, sizeof(words->peer));
	snprintf(words->flow, sizeof(words->flow), "%s %s > %s", words->protocol,
		 out ? words->local : words->peer, out ? words->peer : words->local);
}

void flow_json_add_last(const struct sekisho_flow_info *flow, json_t *event)
{
	struct words words;

	words_init(&words, flow);
	json_object_set_new(event, "flow", json_string(words.flow));
	json_object_set_new(event, "state", json_string(flow->state));
	json_object_set_new(event, "packets", pair_json(flow->packets));
	json_object_set_new(event, "bytes", pair_json(flow->bytes));
	spis_json(flow, event);
}

json_t *flow_json(const struct daemon *daemon, const struct sekisho_flow_info *flow,
		  enum flow_json_detail detail)
{
	struct words words;
	char text[160];
	json_t *row;

	words_init(&words, flow);
	row = json_pack("{s:s,s:i,s:s,s:s,s:s,s:s,s:s?,s:s,s:o,s:o,s:I,s:I}", "edge",
			daemon->edges[flow->zone].name, "zone", (int)flow->zone, "flow",
			words.flow, "protocol", words.protocol, "local", words.local, "peer",
			words.peer, "state", flow->state, "opener",
			sekisho_direction_word(flow->opener), "packets", pair_json(flow->packets),
			"bytes", pair_json(flow->bytes), "age_ms", (json_int_t)flow->age_ms,
			"expires_ms", (json_int_t)flow->expires_ms);
	if (row == NULL)
		return NULL;
	numbers_json(flow, row);
	openers_json(daemon, flow, row);
	spis_json(flow, row);
	if (detail == FLOW_JSON_HOLE) {
		snprintf(text, sizeof(text), "%s %s > %s", words.protocol, words.peer, words.local);
		json_object_set_new(row, "inbound", json_string(text));
		json_object_set_new(row, "lets_in",
				    json_string(sekisho_hole_word(sekisho_policy_hole(
					    daemon->edges[flow->zone].snapshot->policy, flow))));
	}
	if (detail != FLOW_JSON_FACTS)
		json_object_set_new(row, "why", why_json(daemon, flow));
	return row;
}

struct filter_subject flow_subject(const struct daemon *daemon,
				   const struct sekisho_flow_info *flow)
{
	struct filter_subject subject = {
		.family = flow->family,
		.protocol = flow->protocol,
		.direction = flow->opener,
		.has_ports = protocol_has_ports(flow->protocol),
		.address = {flow->peer, flow->local},
		.port = {flow->peer_port, flow->local_port},
		.edge = daemon->edges[flow->zone].name,
		.rule = sekisho_rule_name(daemon->names, flow->rule[flow->opener]),
		.state = flow->state,
	};

	if (flow->opener == SEKISHO_EGRESS) {
		subject.address[FILTER_SOURCE] = flow->local;
		subject.address[FILTER_DESTINATION] = flow->peer;
		subject.port[FILTER_SOURCE] = flow->local_port;
		subject.port[FILTER_DESTINATION] = flow->peer_port;
	}
	return subject;
}

void flow_tuple(const struct sekisho_flow_info *flow, struct sekisho_tuple *tuple)
{
	bool out = flow->opener == SEKISHO_EGRESS;
	bool icmp = flow->protocol == IPPROTO_ICMP || flow->protocol == IPPROTO_ICMPV6;

	*tuple = (struct sekisho_tuple){
		.family = flow->family,
		.protocol = flow->protocol,
		.has_ports = protocol_has_ports(flow->protocol),
		.has_icmp = icmp,
	};
	memcpy(tuple->source, out ? flow->local : flow->peer, sizeof(tuple->source));
	memcpy(tuple->destination, out ? flow->peer : flow->local, sizeof(tuple->destination));
	if (tuple->has_ports) {
		tuple->source_port = out ? flow->local_port : flow->peer_port;
		tuple->destination_port = out ? flow->peer_port : flow->local_port;
	} else if (icmp) {
		/* of a query's flow, its code is 0 and its type is known; of others both are */
		bool query = flow->peer_port <= UINT8_MAX;

		tuple->icmp_type = (uint8_t)flow->peer_port;
		tuple->icmp_code = query ? 0 : (uint8_t)flow->local_port;
	}
}
