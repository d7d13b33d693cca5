/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mirror.c: what holds of a direction holds of the other. Inside and outside are changed over: each address
 * outside becomes an endpoint, whose rules are the original's, turned round, as far as they were for that
 * address. Only events of the first endpoint can be seen in the mirror; the others are left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"
#include "properties.h"
#include "record.h"

#define SIDES (ADDRESS_COUNT - 1) /* addresses that are not the endpoint's */

/* A mirrored policy with all that it points to. */
struct mirror {
	struct sekisho_policy_spec spec;
	struct sekisho_endpoint_spec endpoints[SIDES];
	struct sekisho_prefix addresses[SIDES][2];
	uint16_t group[SIDES];
	struct sekisho_group_spec groups[SIDES];
	struct sekisho_rule_spec rules[SIDES][2 * PLAN_RULES];
	struct sekisho_prefix peers[SIDES][2 * PLAN_RULES][2];
	bool literal[SIDES][2 * PLAN_RULES][2];
};

static struct sekisho_prefix host(uint8_t family, unsigned address)
{
	struct sekisho_prefix prefix = {.family = family, .length = family == 4 ? 32 : 128};

	memcpy(prefix.address, event_address(family, address), family == 4 ? 4 : 16);
	return prefix;
}

/* The peers of a mirrored rule: the endpoint, or everybody where the rule was open to all (AWS-10). */
static size_t mirror_peers(const struct sekisho_rule_spec *rule, unsigned side,
			   struct sekisho_prefix *peers, bool *literal)
{
	size_t count = 0;

	for (uint8_t family = 4; family <= 6; family += 2) {
		bool holds = false, open = false;

		for (size_t i = 0; i < rule->peer_count; i++) {
			holds = holds || model_prefix_holds(&rule->peers[i], family,
							    event_address(family, side));
			open = open || (rule->peers[i].family == family &&
					rule->peers[i].length == 0 && rule->peer_is_literal[i]);
		}
		literal[count] = open;
		if (open)
			peers[count++] = (struct sekisho_prefix){.family = family};
		else if (holds)
			peers[count++] = host(family, ADDRESS_ENDPOINT);
	}
	return count;
}

static void mirror_rule(struct mirror *mirror, unsigned s, unsigned side,
			const struct sekisho_rule_spec *rule)
{
	struct sekisho_group_spec *group = &mirror->groups[s];
	struct sekisho_rule_spec *turned = &mirror->rules[s][group->rule_count];

	*turned = *rule;
	turned->direction = !rule->direction;
	turned->peers = mirror->peers[s][group->rule_count];
	turned->peer_is_literal = mirror->literal[s][group->rule_count];
	turned->peer_count = mirror_peers(rule, side, mirror->peers[s][group->rule_count],
					  mirror->literal[s][group->rule_count]);
	if (turned->peer_count > 0)
		group->rule_count++;
}

/* The first endpoint is always there, and carries group 0, or both. */
static void mirror_side(struct mirror *mirror, unsigned s, unsigned side, const struct plan *plan)
{
	const struct sekisho_endpoint_spec *endpoint = &plan->endpoints[0];

	mirror->group[s] = (uint16_t)s;
	mirror->groups[s] = (struct sekisho_group_spec){.name = "g", .rules = mirror->rules[s]};
	mirror->addresses[s][0] = host(4, side);
	mirror->addresses[s][1] = host(6, side);
	mirror->endpoints[s] =
		(struct sekisho_endpoint_spec){.name = "e",
					       .addresses = mirror->addresses[s],
					       .address_count = 2,
					       .groups = &mirror->group[s],
					       .group_count = 1,
					       .auto_tracked = endpoint->auto_tracked};
	for (size_t g = 0; g < endpoint->group_count; g++)
		for (size_t r = 0; r < plan->groups[g].rule_count; r++)
			mirror_rule(mirror, s, side, &plan->rules[g][r]);
}

/* The mirrored policy of a plan, which is in use until it is destroyed. */
static struct sekisho_policy *mirror_policy(const struct plan *plan, const struct pool *pool)
{
	static struct mirror mirror;
	struct sekisho_policy *policy;
	char message[128];
	unsigned s = 0;

	mirror.spec = plan->spec;
	mirror.spec.acl_count = 0;
	for (unsigned side = 0; side < ADDRESS_COUNT; side++)
		if (side != ADDRESS_ENDPOINT)
			mirror_side(&mirror, s++, side, plan);
	mirror.spec.groups = mirror.groups;
	mirror.spec.endpoints = mirror.endpoints;
	mirror.spec.group_count = mirror.spec.endpoint_count = SIDES;
	policy = sekisho_policy_create(&mirror.spec, pool->names, message, sizeof(message));
	if (policy == NULL) {
		fprintf(stderr, "model: %s\n", message);
		exit(2);
	}
	return policy;
}

/* Between the first endpoint and somebody else, as far as the event's fields say. */
static bool has_mirror_image(const struct event *event)
{
	bool egress = event->direction == SEKISHO_EGRESS;
	unsigned local = egress ? event->tuple.source : event->tuple.destination;
	unsigned peer = egress ? event->tuple.destination : event->tuple.source;

	if (event->kind != EVENT_PACKET)
		return true;
	return event->damage.xor_with == 0 && local == ADDRESS_ENDPOINT && peer != ADDRESS_ENDPOINT;
}

static void keep_mirrored(struct sequence *kept, const struct sequence *sequence)
{
	uint32_t gap = 0;

	*kept = *sequence;
	kept->count = 0;
	for (unsigned i = 0; i < sequence->count; i++) {
		gap += sequence_gap(sequence, i);
		if (!has_mirror_image(&sequence->event[i]))
			continue;
		kept->event[kept->count] = sequence->event[i];
		kept->event[kept->count++].gap_ms = gap;
		gap = 0;
	}
}

struct difference property_mirror(const struct sequence *sequence)
{
	static struct sequence kept, turned;
	static struct plan plans[SEQUENCE_POLICIES]; /* with nothing but policies */
	static struct record one, other;
	struct difference difference = {.found = false};
	unsigned same[SEQUENCE_EVENTS];

	if (!record_is_exact(sequence) || sequence->plans[0].endpoints[0].acl != 0)
		return difference; /* an ACL comes before the one direction and after the other */
	keep_mirrored(&kept, sequence);
	turned = kept;
	turned.plans = plans;
	for (unsigned p = 0; p < SEQUENCE_POLICIES; p++)
		plans[p].policy = mirror_policy(&sequence->plans[p], sequence->pool);
	for (unsigned i = 0; i < kept.count; i++) {
		same[i] = i;
		turned.event[i].direction = !turned.event[i].direction;
	}
	record(&kept, DRIVE_BURST, &one);
	record(&turned, DRIVE_BURST, &other);
	for (unsigned p = 0; p < SEQUENCE_POLICIES; p++)
		sekisho_policy_destroy(plans[p].policy);
	difference = record_difference(&one, &other, same, kept.count);
	difference.what = "inside and outside changed over";
	difference.sides[0] = "the engine";
	difference.sides[1] = "in the mirror it";
	return difference;
}
