/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules.c: the plain linear matcher. Each rule becomes one entry for each peer block and port range;
 * the entries of one group and direction stand together.
 */
#include "rules.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct sekisho_prefix peer;
	uint32_t rule;
	uint16_t protocol; /* or SEKISHO_PROTOCOL_ALL */
	uint16_t port_first, port_last;
	int16_t icmp_type, icmp_code;
	bool everywhere; /* a /0 written in the rule itself (AWS-10, 19) */
};

struct span {
	uint32_t first, count;
};

struct endpoint {
	struct sekisho_prefix *addresses;
	size_t address_count;
	uint16_t *groups;
	size_t group_count;
	bool auto_tracked;
	bool open[2][2][2]; /* [direction][TCP, UDP][IPv4, IPv6]: a rule admits all ports of all */
};

struct rules {
	struct entry *entries;
	struct span (*groups)[2]; /* by group and direction */
	struct endpoint *endpoints;
	size_t endpoint_count;
};

bool rules_prefix_holds(const struct sekisho_prefix *prefix, uint8_t family, const uint8_t *address)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;

	if (prefix->family != family || memcmp(prefix->address, address, whole) != 0)
		return false;
	return rest == 0 || ((prefix->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool entry_matches(const struct entry *entry, const struct rules_query *query)
{
	if (entry->protocol != SEKISHO_PROTOCOL_ALL) {
		if (entry->protocol != query->protocol)
			return false;
		if (query->protocol == IPPROTO_TCP || query->protocol == IPPROTO_UDP) {
			if (query->port < entry->port_first || query->port > entry->port_last)
				return false;
		} else if (query->protocol == IPPROTO_ICMP || query->protocol == IPPROTO_ICMPV6) {
			if (entry->icmp_type != SEKISHO_ICMP_ANY &&
			    entry->icmp_type != query->icmp_type)
				return false;
			if (entry->icmp_code != SEKISHO_ICMP_ANY &&
			    entry->icmp_code != query->icmp_code)
				return false;
		}
	}
	return rules_prefix_holds(&entry->peer, query->family, query->peer);
}

uint16_t rules_endpoint(const struct rules *rules, uint8_t family, const uint8_t *address)
{
	for (size_t i = 0; i < rules->endpoint_count; i++) {
		const struct endpoint *endpoint = &rules->endpoints[i];

		for (size_t j = 0; j < endpoint->address_count; j++) {
			if (rules_prefix_holds(&endpoint->addresses[j], family, address))
				return (uint16_t)(i + 1);
		}
	}
	return 0;
}

/* AWS-10 (a), (c) and (d): could this packet's flow be untracked, if its rule is open too? */
static bool way_back_is_open(const struct endpoint *endpoint, const struct rules_query *query)
{
	if (endpoint->auto_tracked ||
	    (query->protocol != IPPROTO_TCP && query->protocol != IPPROTO_UDP))
		return false;
	return endpoint->open[!query->direction][query->protocol == IPPROTO_UDP]
			     [query->family == SEKISHO_IPV6];
}

struct rules_match rules_match(const struct rules *rules, const struct rules_query *query)
{
	struct rules_match match = {.rule = SEKISHO_RULE_NONE};
	const struct endpoint *endpoint;
	bool back;

	match.endpoint = rules_endpoint(rules, query->family, query->local);
	if (match.endpoint == 0)
		return match;
	endpoint = &rules->endpoints[match.endpoint - 1];
	back = way_back_is_open(endpoint, query);
	for (size_t g = 0; g < endpoint->group_count; g++) {
		struct span span = rules->groups[endpoint->groups[g]][query->direction];

		for (uint32_t i = span.first; i < span.first + span.count; i++) {
			const struct entry *entry = &rules->entries[i];

			if (!entry_matches(entry, query))
				continue;
			if (match.rule == SEKISHO_RULE_NONE)
				match.rule = entry->rule;
			match.open |= back && entry->everywhere;
			if (match.open || !back)
				return match;
		}
	}
	return match;
}

/* ---- building --------------------------------------------------------------------------------- */

static size_t entries_of(const struct sekisho_rule_spec *rule)
{
	return rule->peer_count * (rule->port_count ? rule->port_count : 1);
}

static void add_rule(struct entry *out, const struct sekisho_rule_spec *rule, uint32_t number)
{
	static const struct sekisho_port_range all = {0, UINT16_MAX};
	const struct sekisho_port_range *ports = rule->port_count ? rule->ports : &all;
	size_t count = rule->port_count ? rule->port_count : 1;

	for (size_t i = 0; i < rule->peer_count; i++) {
		for (size_t j = 0; j < count; j++) {
			*out++ = (struct entry){
				.peer = rule->peers[i],
				.rule = number,
				.protocol = rule->protocol,
				.port_first = ports[j].first,
				.port_last = ports[j].last,
				.icmp_type = rule->icmp_type,
				.icmp_code = rule->icmp_code,
				.everywhere = rule->peers[i].length == 0 && rule->peer_is_literal[i],
			};
		}
	}
}

static bool build_groups(struct rules *rules, const struct sekisho_policy_spec *spec,
			 const uint32_t *const *numbers)
{
	size_t total = 0;
	uint32_t at = 0;

	for (size_t g = 0; g < spec->group_count; g++) {
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			total += entries_of(&spec->groups[g].rules[r]);
	}
	rules->entries = calloc(total + 1, sizeof(*rules->entries));
	rules->groups = calloc(spec->group_count + 1, sizeof(*rules->groups));
	if (rules->entries == NULL || rules->groups == NULL || total > UINT32_MAX)
		return false;
	for (size_t g = 0; g < spec->group_count; g++) {
		for (unsigned d = 0; d < 2; d++) {
			rules->groups[g][d].first = at;
			for (size_t r = 0; r < spec->groups[g].rule_count; r++) {
				const struct sekisho_rule_spec *rule = &spec->groups[g].rules[r];

				if (rule->direction != d)
					continue;
				add_rule(&rules->entries[at], rule, numbers[g][r]);
				at += (uint32_t)entries_of(rule);
			}
			rules->groups[g][d].count = at - rules->groups[g][d].first;
		}
	}
	return true;
}

static void *copy(const void *from, size_t size)
{
	void *to = malloc(size ? size : 1);

	if (to != NULL && size != 0)
		memcpy(to, from, size);
	return to;
}

/* AWS-10 (c): rules that admit every port to or from everywhere. */
static void note_open_ways(const struct rules *rules, struct endpoint *endpoint)
{
	static const uint8_t protocols[2] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t g = 0; g < endpoint->group_count; g++) {
		for (unsigned d = 0; d < 2; d++) {
			struct span span = rules->groups[endpoint->groups[g]][d];

			for (uint32_t i = span.first; i < span.first + span.count; i++) {
				const struct entry *e = &rules->entries[i];

				if (!e->everywhere || e->port_first != 0 || e->port_last != UINT16_MAX)
					continue;
				for (unsigned p = 0; p < 2; p++) {
					if (e->protocol == SEKISHO_PROTOCOL_ALL ||
					    e->protocol == protocols[p])
						endpoint->open[d][p][e->peer.family == SEKISHO_IPV6] =
							true;
				}
			}
		}
	}
}

static bool build_endpoints(struct rules *rules, const struct sekisho_policy_spec *spec)
{
	rules->endpoints = calloc(spec->endpoint_count + 1, sizeof(*rules->endpoints));
	if (rules->endpoints == NULL)
		return false;
	rules->endpoint_count = spec->endpoint_count;
	for (size_t i = 0; i < spec->endpoint_count; i++) {
		const struct sekisho_endpoint_spec *from = &spec->endpoints[i];
		struct endpoint *to = &rules->endpoints[i];

		to->addresses = copy(from->addresses, from->address_count * sizeof(*to->addresses));
		to->groups = copy(from->groups, from->group_count * sizeof(*to->groups));
		if (to->addresses == NULL || to->groups == NULL)
			return false;
		to->address_count = from->address_count;
		to->group_count = from->group_count;
		to->auto_tracked = from->auto_tracked;
		note_open_ways(rules, to);
	}
	return true;
}

struct rules *rules_create(const struct sekisho_policy_spec *spec, const uint32_t *const *numbers)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (rules == NULL)
		return NULL;
	if (!build_groups(rules, spec, numbers) || !build_endpoints(rules, spec)) {
		rules_destroy(rules);
		return NULL;
	}
	return rules;
}

void rules_destroy(struct rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->endpoint_count; i++) {
		free(rules->endpoints[i].addresses);
		free(rules->endpoints[i].groups);
	}
	free(rules->endpoints);
	free(rules->groups);
	free(rules->entries);
	free(rules);
}
