/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_matches.c: rules that no packet gets to, and rules with blocks that none gets to.
 *
 * Each block of a rule is given the cause why nothing matches it, if there is one, on any endpoint
 * that carries the rule. If all blocks have one the rule is dead, and the other parts leave it
 * alone.
 */
#include "linter.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Why nothing matches: (ID, clauses, after "no packet can match it: "). */
#define CAUSES(X)                                                                       \
	X(NO_ADDRESS, "AWS-110", "its peers stand for no address")                      \
	X(NO_IPV4, "AWS-106", "no endpoint that carries the group has an IPv4 address") \
	X(NO_IPV6, "AWS-106", "no endpoint that carries the group has an IPv6 address") \
	X(ICMP_OF_IPV4, "AWS-105, AWS-106", "ICMP of IPv6 is protocol icmpv6")          \
	X(ICMP_OF_IPV6, "AWS-105, AWS-106", "ICMP of IPv4 is protocol icmp")            \
	X(BAD_SOURCE, "STRICT-70",                                                      \
	  "a packet with a multicast, broadcast or loopback source is dropped")         \
	X(ITSELF, "STRICT-70",                                                          \
	  "it is for the endpoint's own address only, and a packet from an "            \
	  "address to itself is dropped")                                               \
	X(NEVER_FILTERED, "AWS-115", "what it is for is on the never-filtered list")    \
	X(ICMP_ERROR, "STRICT-60",                                                      \
	  "under strict an ICMP error passes by the flow that it quotes, and "          \
	  "by no rule")                                                                 \
	X(NEIGHBOUR, "STRICT-62", "neighbour discovery passes without rules")           \
	X(SEVERAL, "AWS-106", "none of its blocks can match, for several reasons")

enum cause {
	CAUSE_NONE,
#define X(id, clauses, sentence) CAUSE_##id,
	CAUSES(X)
#undef X
};

static const struct {
	const char *clauses, *sentence;
} causes[] = {[CAUSE_NONE] = {"", ""},
#define X(id, clauses, sentence) [CAUSE_##id] = {clauses, sentence},
	      CAUSES(X)
#undef X
};

/* What blocks of a rule are compared with. */
struct matches {
	struct linter *linter;
	/* of the endpoints that carry the present group, IPv4 and IPv6 */
	bool family[2];
	const struct sekisho_prefix *lone[2]; /* the only address of the only endpoint, or NULL */
};

/* ---- causes ----------------------------------------------------------------------------------- */

static enum cause of_family(const struct matches *matches, const struct sekisho_rule_spec *rule,
			    uint8_t family)
{
	if (!matches->family[family == SEKISHO_IPV6])
		return family == SEKISHO_IPV6 ? CAUSE_NO_IPV6 : CAUSE_NO_IPV4;
	if (rule->protocol == IPPROTO_ICMP && family == SEKISHO_IPV6)
		return CAUSE_ICMP_OF_IPV4;
	if (rule->protocol == IPPROTO_ICMPV6 && family == SEKISHO_IPV4)
		return CAUSE_ICMP_OF_IPV6;
	return CAUSE_NONE;
}

static bool is_itself(const struct matches *matches, const struct sekisho_prefix *peer)
{
	const struct sekisho_prefix *lone = matches->lone[peer->family == SEKISHO_IPV6];

	return lone != NULL && lone->length == peer->length &&
	       memcmp(lone->address, peer->address, sizeof(peer->address)) == 0;
}

static enum cause of_peer(const struct matches *matches, const struct sekisho_rule_spec *rule,
			  const struct sekisho_prefix *peer)
{
	enum cause cause = of_family(matches, rule, peer->family);

	if (cause != CAUSE_NONE)
		return cause;
	if (is_itself(matches, peer))
		return CAUSE_ITSELF;
	if (rule->direction == SEKISHO_INGRESS &&
	    lint_ranges_hold(&matches->linter->no_source, peer))
		return CAUSE_BAD_SOURCE;
	if (lint_ranges_hold(&matches->linter->unfiltered, peer))
		return CAUSE_NEVER_FILTERED;
	return CAUSE_NONE;
}

/* Of what the rule is for, whatever its peers. */
static enum cause of_icmp(const struct linter *linter, const struct sekisho_rule_spec *rule)
{
	int type = rule->icmp_type;
	bool error;

	if (type == SEKISHO_ICMP_ANY)
		return CAUSE_NONE;
	if (rule->protocol == IPPROTO_ICMPV6 && type >= 133 && type <= 136)
		return CAUSE_NEIGHBOUR;
	error = rule->protocol == IPPROTO_ICMP
			? (type >= 3 && type <= 5) || type == 11 || type == 12
			: (type >= 1 && type <= 4) || type == 137;
	return error && linter->spec->semantics == SEKISHO_STRICT ? CAUSE_ICMP_ERROR : CAUSE_NONE;
}

/* ---- findings --------------------------------------------------------------------------------- */

static void tell_dead(struct linter *linter, struct linter_rule *rule, enum cause cause)
{
	rule->is_dead = true;
	LINTER_SAY_RULE(linter, LINT_NEVER_MATCHES, rule, causes[cause].clauses,
			"no packet can match it: %s", causes[cause].sentence);
}

/* Some of its blocks match nothing: how many of each family, and why. */
static void tell_wider(struct linter *linter, const struct linter_rule *rule, const size_t *idle)
{
	for (enum cause cause = CAUSE_NO_IPV4; cause <= CAUSE_ICMP_OF_IPV6; cause++) {
		bool is_ipv6 = cause == CAUSE_NO_IPV6 || cause == CAUSE_ICMP_OF_IPV4;

		if (idle[cause] == 1)
			LINTER_SAY_RULE(linter, LINT_WIDER, rule, causes[cause].clauses,
					"its IPv%d block matches nothing: %s", is_ipv6 ? 6 : 4,
					causes[cause].sentence);
		else if (idle[cause] > 1)
			LINTER_SAY_RULE(linter, LINT_WIDER, rule, causes[cause].clauses,
					"its %zu IPv%d blocks match nothing: %s", idle[cause],
					is_ipv6 ? 6 : 4, causes[cause].sentence);
	}
}

/* Whether the network ACLs of all endpoints that carry a rule deny all of it. */
static bool denied_by_acls(const struct matches *matches, const struct linter_rule *rule)
{
	struct linter *linter = matches->linter;
	const struct sekisho_rule_spec *spec = rule->spec;
	uint16_t last = 0;

	if (lint_boxes_count(spec) > LINTER_ACL_BOXES)
		return false;
	for (uint32_t c = linter->group_carriers[rule->group];
	     c < linter->group_carriers[rule->group + 1]; c++) {
		uint16_t acl = linter->spec->endpoints[linter->carriers[c]].acl;
		struct lint_box boxes[LINTER_ACL_BOXES], *end;

		if (acl == 0)
			return false;
		if (acl == last)
			continue;
		last = acl;
		end = lint_boxes_of(boxes, spec, 0);
		for (const struct lint_box *box = boxes; box < end; box++) {
			if (!linter_acl_denies(linter, acl, box, spec->direction))
				return false;
		}
	}
	return true;
}

static void look_at_rule(const struct matches *matches, struct linter_rule *rule)
{
	const struct sekisho_rule_spec *spec = rule->spec;
	enum cause cause = of_icmp(matches->linter, spec);
	size_t idle[CAUSE_SEVERAL + 1] = {0}, idle_count = 0;

	if (spec->peer_count == 0)
		cause = CAUSE_NO_ADDRESS;
	for (size_t i = 0; cause == CAUSE_NONE && i < spec->peer_count; i++)
		idle[of_peer(matches, spec, &spec->peers[i])]++;
	for (enum cause c = CAUSE_NO_ADDRESS; c < CAUSE_SEVERAL; c++) {
		idle_count += idle[c];
		if (cause == CAUSE_NONE && idle[c] > 0 && idle[c] == spec->peer_count)
			cause = c;
	}
	if (cause == CAUSE_NONE && idle_count == spec->peer_count)
		cause = CAUSE_SEVERAL;
	if (cause != CAUSE_NONE) {
		tell_dead(matches->linter, rule, cause);
		return;
	}
	tell_wider(matches->linter, rule, idle);
	if (matches->linter->spec->acl_count > 0 && denied_by_acls(matches, rule)) {
		rule->is_dead = true;
		LINTER_SAY_RULE(
			matches->linter, LINT_DENIED_BY_ACL, rule, "AWS-145",
			"no packet can match it: the network ACL denies all that it admits");
	}
}

/* What the endpoints that carry a group have. */
static void note_carriers(struct matches *matches, uint32_t group)
{
	const struct linter *linter = matches->linter;
	const uint32_t *carrier = &linter->carriers[linter->group_carriers[group]];
	size_t count = linter_carriers(linter, group);

	memset(matches->family, 0, sizeof(matches->family));
	memset(matches->lone, 0, sizeof(matches->lone));
	for (size_t i = 0; i < count; i++) {
		const struct sekisho_endpoint_spec *endpoint = &linter->spec->endpoints[carrier[i]];

		for (size_t a = 0; a < endpoint->address_count; a++) {
			const struct sekisho_prefix *address = &endpoint->addresses[a];
			unsigned f = address->family == SEKISHO_IPV6;
			bool is_first = !matches->family[f];
			bool is_whole = address->length == (f ? 128 : 32);

			matches->lone[f] = is_first && is_whole ? address : NULL;
			matches->family[f] = true;
		}
	}
}

void lint_matches(struct linter *linter)
{
	struct matches matches = {.linter = linter};

	for (uint32_t g = 0; g < linter->spec->group_count; g++) {
		if (linter_carriers(linter, g) == 0)
			continue; /* that has been told of the group */
		note_carriers(&matches, g);
		for (uint32_t r = linter->group_rules[g]; r < linter->group_rules[g + 1]; r++)
			look_at_rule(&matches, &linter->rules[r]);
	}
}
