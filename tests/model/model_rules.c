/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_rules.c: rules as AWS describes them (AWS-100..111), and which flows they leave untracked
 * (AWS-10..20).
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

bool model_prefix_holds(const struct sekisho_prefix *prefix, uint8_t family, const uint8_t *address)
{
	if (prefix->family != family) /* AWS-106: a rule never crosses families */
		return false;
	for (unsigned bit = 0; bit < prefix->length; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		if ((prefix->address[bit / 8] & mask) != (address[bit / 8] & mask))
			return false;
	}
	return true;
}

static const uint8_t *local_of(const struct model_packet *packet)
{
	return packet->direction == SEKISHO_EGRESS ? packet->source : packet->destination;
}

static const uint8_t *peer_of(const struct model_packet *packet)
{
	return packet->direction == SEKISHO_EGRESS ? packet->destination : packet->source;
}

/* The endpoint that has this inside address, or NULL. */
static const struct sekisho_endpoint_spec *endpoint_of(const struct sekisho_policy_spec *policy,
						       uint8_t family, const uint8_t *local)
{
	for (size_t e = 0; e < policy->endpoint_count; e++)
		for (size_t a = 0; a < policy->endpoints[e].address_count; a++)
			if (model_prefix_holds(&policy->endpoints[e].addresses[a], family, local))
				return &policy->endpoints[e];
	return NULL;
}

uint64_t model_timeout(const struct sekisho_policy_spec *policy, uint8_t family,
		       const uint8_t *local, enum sekisho_timeout timeout)
{
	const struct sekisho_endpoint_spec *endpoint = endpoint_of(policy, family, local);
	uint32_t seconds = endpoint != NULL ? endpoint->timeouts[timeout] : 0;

	if (seconds == 0)
		seconds = policy->timeouts[timeout];
	if (seconds == 0)
		seconds = sekisho_timeouts[timeout].initial[policy->semantics];
	return seconds * UINT64_C(1000);
}

/* AWS-102: a number, or all. AWS-106: ICMP is IPv4's, and ICMPv6 IPv6's. */
static bool protocol_matches(const struct sekisho_rule_spec *rule,
			     const struct model_packet *packet)
{
	if ((rule->protocol == IPPROTO_ICMP && packet->family == 6) ||
	    (rule->protocol == IPPROTO_ICMPV6 && packet->family == 4))
		return false;
	return rule->protocol == SEKISHO_PROTOCOL_ALL || rule->protocol == packet->protocol;
}

/* AWS-104: the destination port is compared, and no other; for TCP and UDP only. */
static bool port_matches(const struct sekisho_rule_spec *rule, const struct model_packet *packet)
{
	if (rule->port_count == 0 || (packet->kind != MODEL_TCP && packet->kind != MODEL_UDP))
		return true;
	for (size_t i = 0; i < rule->port_count; i++)
		if (packet->destination_port >= rule->ports[i].first &&
		    packet->destination_port <= rule->ports[i].last)
			return true;
	return false;
}

/* AWS-105: type and code of ICMP, each may be any. */
static bool icmp_matches(const struct sekisho_rule_spec *rule, const struct model_packet *packet)
{
	if (packet->protocol != IPPROTO_ICMP && packet->protocol != IPPROTO_ICMPV6)
		return true;
	return (rule->icmp_type == SEKISHO_ICMP_ANY || rule->icmp_type == packet->type) &&
	       (rule->icmp_code == SEKISHO_ICMP_ANY || rule->icmp_code == packet->code);
}

/* AWS-100, 111: the peer is in any of the rule's blocks. */
static bool peer_matches(const struct sekisho_rule_spec *rule, const struct model_packet *packet)
{
	for (size_t i = 0; i < rule->peer_count; i++)
		if (model_prefix_holds(&rule->peers[i], packet->family, peer_of(packet)))
			return true;
	return false;
}

static bool rule_matches(const struct sekisho_rule_spec *rule, const struct model_packet *packet)
{
	return rule->direction == packet->direction && protocol_matches(rule, packet) &&
	       port_matches(rule, packet) && icmp_matches(rule, packet) &&
	       peer_matches(rule, packet);
}

static bool endpoint_carries(const struct sekisho_endpoint_spec *endpoint, size_t group)
{
	for (size_t i = 0; i < endpoint->group_count; i++)
		if (endpoint->groups[i] == group)
			return true;
	return false;
}

/* The first rule of an endpoint's groups, in the order of the file, of which `matches` is true. */
static const struct sekisho_rule_spec *
first_rule(const struct sekisho_policy_spec *policy, const struct model_packet *packet,
	   bool (*matches)(const struct sekisho_rule_spec *, const struct model_packet *))
{
	const struct sekisho_endpoint_spec *endpoint =
		endpoint_of(policy, packet->family, local_of(packet));

	if (endpoint == NULL)
		return NULL;
	for (size_t g = 0; g < policy->group_count; g++)
		for (size_t r = 0;
		     endpoint_carries(endpoint, g) && r < policy->groups[g].rule_count; r++)
			if (matches(&policy->groups[g].rules[r], packet))
				return &policy->groups[g].rules[r];
	return NULL;
}

/* AWS-101: allow only, an OR over all rules of all groups; the first is the one that is told. */
const struct sekisho_rule_spec *model_rule(const struct sekisho_policy_spec *policy,
					   const struct model_packet *packet)
{
	return first_rule(policy, packet, rule_matches);
}

/* AWS-10, 19: the peer is 0.0.0.0/0 or ::/0, literally, in the rule itself. */
static bool rule_is_open(const struct sekisho_rule_spec *rule, uint8_t family)
{
	for (size_t i = 0; i < rule->peer_count; i++)
		if (rule->peers[i].family == family && rule->peers[i].length == 0 &&
		    rule->peer_is_literal[i])
			return true;
	return false;
}

/* AWS-10 (b), 11: an open rule permits it; its ports may be narrow. */
static bool open_rule_permits(const struct sekisho_rule_spec *rule,
			      const struct model_packet *packet)
{
	return rule_matches(rule, packet) && rule_is_open(rule, packet->family);
}

/* AWS-10 (c): an open rule for this direction and protocol permits any port, 0 to 65535. */
static bool open_rule_permits_any_port(const struct sekisho_rule_spec *rule,
				       const struct model_packet *packet)
{
	bool any = rule->port_count == 0;

	for (size_t i = 0; i < rule->port_count; i++)
		any = any || (rule->ports[i].first == 0 && rule->ports[i].last == 65535);
	return any && rule->direction == packet->direction && protocol_matches(rule, packet) &&
	       rule_is_open(rule, packet->family);
}

/* The packet that would answer this one. */
static struct model_packet way_back(const struct model_packet *packet)
{
	struct model_packet back = *packet;

	memcpy(back.source, packet->destination, 16);
	memcpy(back.destination, packet->source, 16);
	back.source_port = packet->destination_port;
	back.destination_port = packet->source_port;
	back.direction = !packet->direction;
	return back;
}

/* AWS-10 (b), (c): a flow that begins with this packet has nothing to track. */
static bool flow_is_open(const struct sekisho_policy_spec *policy,
			 const struct model_packet *packet)
{
	struct model_packet back = way_back(packet);

	return first_rule(policy, packet, open_rule_permits) != NULL &&
	       first_rule(policy, &back, open_rule_permits_any_port) != NULL;
}

/*
 * AWS-10: TCP or UDP; open both ways; not of an auto-tracked endpoint (AWS-20). A packet may be the
 * beginning of its flow or a reply in it (AWS-11: both directions of port 80 are untracked), and
 * without state nobody can tell which, so either will do.
 */
bool model_is_untracked(const struct sekisho_policy_spec *policy, const struct model_packet *packet)
{
	const struct sekisho_endpoint_spec *endpoint =
		endpoint_of(policy, packet->family, local_of(packet));
	struct model_packet back = way_back(packet);

	if (packet->kind != MODEL_TCP && packet->kind != MODEL_UDP)
		return false;
	if (endpoint == NULL || endpoint->auto_tracked)
		return false;
	return flow_is_open(policy, packet) || flow_is_open(policy, &back);
}

/* ---- Network ACLs ----------------------------------------------------------------------------- */

/* AWS-132: the entry of the lowest number that matches, of this direction's list. */
static const struct sekisho_acl_entry_spec *acl_entry(const struct sekisho_acl_spec *acl,
						      const struct model_packet *packet)
{
	const struct sekisho_acl_entry_spec *first = NULL;

	for (size_t i = 0; i < acl->entry_count; i++)
		if (rule_matches(&acl->entries[i].match, packet) &&
		    (first == NULL || acl->entries[i].number < first->number))
			first = &acl->entries[i];
	return first;
}

/* AWS-135: what no entry matches is denied; that has a name too, one for a direction of one ACL. */
const char *model_acl_denies(const struct sekisho_policy_spec *policy,
			     const struct model_packet *packet)
{
	static char rest[2][64];
	const struct sekisho_endpoint_spec *endpoint =
		endpoint_of(policy, packet->family, local_of(packet));
	const struct sekisho_acl_entry_spec *entry;
	const struct sekisho_acl_spec *acl;

	if (endpoint == NULL || endpoint->acl == 0)
		return NULL;
	acl = &policy->acls[endpoint->acl - 1];
	for (size_t i = 0; i < acl->subnet_count; i++)
		if (model_prefix_holds(&acl->subnets[i], packet->family, peer_of(packet)))
			return NULL; /* AWS-130 */
	entry = acl_entry(acl, packet);
	if (entry != NULL)
		return entry->deny ? entry->match.name : NULL;
	snprintf(rest[packet->direction], sizeof(rest[0]), "network_acl:%s/%s-*", acl->name,
		 packet->direction == SEKISHO_INGRESS ? "in" : "out");
	return rest[packet->direction];
}
