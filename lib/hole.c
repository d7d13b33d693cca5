/* SPDX-License-Identifier: BSD-3-Clause */
/* hole.c: which flows let in what no rule does, and of that how much. */
#include <netinet/in.h>

#include "packet.h"
#include "policy.h"
#include "track.h"

const char *sekisho_hole_word(enum sekisho_hole hole)
{
	static const char *const words[] = {"none", "any-packet", "in-window",
					    "answers-with-proof"};

	return words[hole];
}

static bool is_icmp(const struct sekisho_flow_info *flow)
{
	return flow->protocol == track_icmp_of(flow->family);
}

/* The type of what answers a query: the one below a request in ICMP, the one above it in ICMPv6. */
static uint8_t answer_type(const struct sekisho_flow_info *flow)
{
	uint8_t type = (uint8_t)flow->peer_port;

	if (flow->family == SEKISHO_IPV6)
		return (uint8_t)(type + 1);
	return type == 8 ? 0 : (uint8_t)(type + 1);
}

/* Whether a rule lets in, or a network ACL keeps out, what comes back to the flow. */
static bool rules_decide(const struct sekisho_policy *policy, const struct sekisho_flow_info *flow)
{
	const struct rules_query query = {
		.local = flow->local,
		.peer = flow->peer,
		.direction = SEKISHO_INGRESS,
		.family = flow->family,
		.protocol = flow->protocol,
		.port = is_icmp(flow) ? 0 : flow->local_port,
		.icmp_type = is_icmp(flow) ? answer_type(flow) : 0,
	};
	uint32_t denied_by;

	return rules_match(policy->rules, &query).rule != SEKISHO_RULE_NONE ||
	       !rules_acl_allows(policy->rules, &query, &denied_by);
}

static enum sekisho_hole under_proof(const struct sekisho_policy *policy,
				     const struct sekisho_flow_info *flow)
{
	static const enum sekisho_hole of_udp[] = {
		[TRACK_ANSWERS_BY_TUPLE] = SEKISHO_HOLE_ANY,
		[TRACK_ANSWERS_BY_GRAMMAR] = SEKISHO_HOLE_ANSWERS,
		[TRACK_ANSWERS_BY_NOTHING] = SEKISHO_HOLE_NONE,
	};

	switch (flow->protocol) {
	case IPPROTO_TCP:
		return SEKISHO_HOLE_WINDOW;
	case IPPROTO_UDP:
		return of_udp[track_udp_answers(&policy->strict, flow->local_port,
						flow->peer_port)];
	default:
		if (is_icmp(flow))
			return SEKISHO_HOLE_ANSWERS;
		return flow->protocol == IPPROTO_ESP &&
				       policy->strict.esp == SEKISHO_ESP_FOLLOWS_IKE
			       ? SEKISHO_HOLE_ANY
			       : SEKISHO_HOLE_NONE;
	}
}

enum sekisho_hole sekisho_policy_hole(const struct sekisho_policy *policy,
				      const struct sekisho_flow_info *flow)
{
	if (!flow->opened[SEKISHO_EGRESS] || flow->opened[SEKISHO_INGRESS] ||
	    packet_is_bad_source(flow->family, flow->peer) || rules_decide(policy, flow))
		return SEKISHO_HOLE_NONE;
	return policy->profile->answers_need_proof ? under_proof(policy, flow) : SEKISHO_HOLE_ANY;
}
