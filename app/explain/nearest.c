/* SPDX-License-Identifier: BSD-3-Clause */
/* nearest.c: the rule that comes nearest to a packet that it does not admit. */
#include <netinet/in.h>

#include "explain.h"

static bool has_peer(const struct sekisho_rule_spec *rule, uint8_t family, const uint8_t *peer)
{
	for (size_t i = 0; i < rule->peer_count; i++)
		if (sekisho_prefix_holds(&rule->peers[i], family, peer))
			return true;
	return false;
}

static bool has_port(const struct sekisho_rule_spec *rule, uint16_t port)
{
	for (size_t i = 0; i < rule->port_count; i++)
		if (port >= rule->ports[i].first && port <= rule->ports[i].last)
			return true;
	return rule->port_count == 0;
}

static bool has_icmp(const struct sekisho_rule_spec *rule, const struct sekisho_tuple *tuple)
{
	return (rule->icmp_type == SEKISHO_ICMP_ANY || rule->icmp_type == tuple->icmp_type) &&
	       (rule->icmp_code == SEKISHO_ICMP_ANY || rule->icmp_code == tuple->icmp_code);
}

/* What of a rule does not fit; ports and types are asked of a rule of the packet's own protocol only. */
static struct nearest distance_of(const struct sekisho_rule_spec *rule,
				  const struct sekisho_tuple *tuple, const uint8_t *peer)
{
	struct nearest away = {.peer = !has_peer(rule, tuple->family, peer)};

	if (rule->protocol == SEKISHO_PROTOCOL_ALL)
		return away;
	away.protocol = rule->protocol != tuple->protocol;
	if (away.protocol)
		return away;
	if (tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP)
		away.ports = !has_port(rule, tuple->destination_port);
	if (tuple->has_icmp)
		away.icmp = !has_icmp(rule, tuple);
	return away;
}

/* A protocol that is another one is farther away than ports, ports than a peer. */
static unsigned cost_of(const struct nearest *away)
{
	return away->protocol * 4u + away->ports * 2u + away->icmp * 2u + away->peer;
}

bool nearest_find(const struct explain_subject *subject, const struct sekisho_explanation *found,
		  struct nearest *nearest)
{
	unsigned direction = subject->frame->direction & 1, best = 0;
	const uint8_t *peer =
		direction == SEKISHO_EGRESS ? found->tuple.destination : found->tuple.source;
	const struct sekisho_endpoint_spec *endpoint;
	bool any = false;

	if (found->endpoint == 0)
		return false;
	endpoint = &subject->spec->endpoints[found->endpoint - 1];
	for (size_t i = 0; i < endpoint->group_count; i++) {
		const struct sekisho_group_spec *group =
			&subject->spec->groups[endpoint->groups[i]];

		for (size_t r = 0; r < group->rule_count; r++) {
			struct nearest away = distance_of(&group->rules[r], &found->tuple, peer);

			if (group->rules[r].direction != direction ||
			    (any && cost_of(&away) >= best))
				continue;
			any = true;
			best = cost_of(&away);
			*nearest = away;
			nearest->group = endpoint->groups[i];
			nearest->rule = r;
		}
	}
	return any;
}
