/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_space.c: see bench_space.h.
 *
 * Peers come from 198.18.0.0/15 where the rule lets them, which is set aside for measuring (RFC 2544).
 * Whether the flows really pass is seen when they are opened: a network ACL may still deny them.
 */
#include "bench_space.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define PORT_BITS        15
#define FIRST_PORT       16384
#define SERVICE          443
#define MEASURING        0xc6120000u /* 198.18.0.0 */
#define MEASURING_LENGTH 15
#define HOST_BITS_MAX    16 /* more peers are not needed */

static uint32_t address_of(const struct sekisho_prefix *prefix)
{
	uint32_t address;

	memcpy(&address, prefix->address, sizeof(address));
	return ntohl(address);
}

static bool prefix_holds(const struct sekisho_prefix *prefix, uint32_t address, unsigned length)
{
	uint32_t mask = prefix->length == 0 ? 0 : UINT32_MAX << (32 - prefix->length);

	return prefix->length <= length && ((address_of(prefix) ^ address) & mask) == 0;
}

/* Peers of a prefix: where they begin; returns how many. */
static uint32_t peers_of(const struct sekisho_prefix *prefix, uint32_t *first)
{
	unsigned bits = 32u - prefix->length;

	*first = address_of(prefix);
	if (prefix_holds(prefix, MEASURING, MEASURING_LENGTH)) {
		*first = MEASURING + 1;
		bits = HOST_BITS_MAX;
	} else if (bits > 1) {
		(*first)++; /* not the network's own address, nor its broadcast */
	}
	if (bits > HOST_BITS_MAX)
		bits = HOST_BITS_MAX;
	return bits > 1 ? (1u << bits) - 2 : 1u << bits;
}

/* The flows that one peer prefix of a rule admits to or from a local address. */
static struct bench_space space_of(const struct sekisho_rule_spec *rule, uint32_t local,
				   const struct sekisho_prefix *peers, enum frames_kind kind)
{
	struct bench_space found = {
		.kind = kind,
		.space = {.local = local,
			  .first_port = FIRST_PORT,
			  .service_port = rule->port_count > 0 ? rule->ports[0].first : SERVICE,
			  .port_bits = PORT_BITS,
			  .opener = rule->direction}};

	found.flows = (uint64_t)peers_of(peers, &found.space.peer) << PORT_BITS;
	return found;
}

static bool rule_is_of(const struct sekisho_rule_spec *rule, enum frames_kind kind)
{
	return rule->protocol == SEKISHO_PROTOCOL_ALL ||
	       rule->protocol == (kind == FRAMES_TCP ? IPPROTO_TCP : IPPROTO_UDP);
}

static void group_look(const struct sekisho_group_spec *group, uint32_t local,
		       struct bench_space *largest)
{
	for (size_t r = 0; r < group->rule_count; r++) {
		const struct sekisho_rule_spec *rule = &group->rules[r];

		if (!rule_is_of(rule, largest->kind))
			continue;
		for (size_t p = 0; p < rule->peer_count; p++) {
			struct bench_space found;

			if (rule->peers[p].family != SEKISHO_IPV4)
				continue;
			found = space_of(rule, local, &rule->peers[p], largest->kind);
			if (found.flows > largest->flows)
				*largest = found;
		}
	}
}

struct bench_space bench_space_largest(const struct sekisho_policy_spec *spec,
				       enum frames_kind kind)
{
	struct bench_space largest = {.kind = kind};

	for (size_t e = 0; e < spec->endpoint_count; e++) {
		const struct sekisho_endpoint_spec *endpoint = &spec->endpoints[e];

		for (size_t a = 0; a < endpoint->address_count; a++) {
			uint32_t local;

			if (endpoint->addresses[a].family != SEKISHO_IPV4)
				continue;
			local = address_of(&endpoint->addresses[a]);
			if (endpoint->addresses[a].length < 31)
				local++;
			for (size_t g = 0; g < endpoint->group_count; g++)
				group_look(&spec->groups[endpoint->groups[g]], local, &largest);
		}
	}
	return largest;
}
