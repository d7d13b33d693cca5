/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shrink.c: leave out events, then rules, then make each field plain; keep what still differs in the same
 * way. Repeated until nothing more can go.
 */
#include "shrink.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What is to stay while all else goes. */
struct fault {
	check *finds;
	struct difference difference;
};

static bool still_differs(const struct sequence *sequence, const struct fault *fault)
{
	const struct difference *as = &fault->difference;
	struct difference difference;

	if (sequence->count == 0)
		return false;
	difference = fault->finds(sequence);
	return difference.found && difference.what == as->what &&
	       strcmp(difference.says[0], as->says[0]) == 0 &&
	       strcmp(difference.says[1], as->says[1]) == 0;
}

/* ---- Fewer events ----------------------------------------------------------------------------- */

/* Without `count` events from `first` on; their time passes all the same, or does not. */
static void leave_out(struct sequence *sequence, unsigned first, unsigned count, bool time_passes)
{
	uint32_t gap = 0;

	for (unsigned i = first; i < first + count; i++)
		gap += sequence->event[i].gap_ms;
	memmove(&sequence->event[first], &sequence->event[first + count],
		(sequence->count - first - count) * sizeof(sequence->event[0]));
	sequence->count -= count;
	if (time_passes && first < sequence->count)
		sequence->event[first].gap_ms += gap;
}

static bool fewer_events(struct sequence *sequence, const struct fault *fault)
{
	static struct sequence tried;
	bool shorter = false;

	for (unsigned size = sequence->count / 2; size > 0; size /= 2)
		for (unsigned first = 0; first + size <= sequence->count;) {
			bool kept = false;

			for (int time_passes = 0; time_passes < 2 && !kept; time_passes++) {
				tried = *sequence;
				leave_out(&tried, first, size, time_passes);
				kept = still_differs(&tried, fault);
			}
			if (kept) {
				*sequence = tried;
				shorter = true;
			} else {
				first++;
			}
		}
	return shorter;
}

/* ---- Plainer events --------------------------------------------------------------------------- */

/* Groups of fields that are set to their plain values, from the coarse to the fine. */
typedef void plainer(struct event *event, const struct event *plain);

static void plain_damage(struct event *event, const struct event *plain)
{
	event->damage = plain->damage;
}

static void plain_ip(struct event *event, const struct event *plain)
{
	event->ip_extra = plain->ip_extra;
	event->vlan_tags = plain->vlan_tags;
	event->hop_limit = plain->hop_limit;
}

static void plain_zone(struct event *event, const struct event *plain)
{
	event->zone = plain->zone;
}

static void plain_fragment(struct event *event, const struct event *plain)
{
	event->fragment = plain->fragment;
}

static void plain_length(struct event *event, const struct event *plain)
{
	event->length = plain->length;
}

static void plain_window(struct event *event, const struct event *plain)
{
	event->window = plain->window;
	event->scale = plain->scale;
}

static void plain_payload(struct event *event, const struct event *plain)
{
	event->payload = plain->payload;
	event->payload_size = plain->payload_size;
}

static void plain_ike_flags(struct event *event, const struct event *plain)
{
	(void)plain;
	event->ike.flags &= 0x20;
	event->ike.message = 0;
	event->ike.length_off = 0;
}

static void plain_gap(struct event *event, const struct event *plain)
{
	event->gap_ms = plain->gap_ms;
}

static void plain_gap_of_1(struct event *event, const struct event *plain)
{
	(void)plain;
	event->gap_ms = event->gap_ms > 1 ? 1 : event->gap_ms;
}

static void plain_addresses(struct event *event, const struct event *plain)
{
	bool egress = event->direction == SEKISHO_EGRESS;

	(void)plain;
	event->tuple.source = egress ? ADDRESS_ENDPOINT : ADDRESS_PEER;
	event->tuple.destination = egress ? ADDRESS_PEER : ADDRESS_ENDPOINT;
}

static void plain_icmp(struct event *event, const struct event *plain)
{
	event->tuple.icmp_code = plain->tuple.icmp_code;
	event->tuple.icmp_sequence = plain->tuple.icmp_sequence;
	event->mtu = plain->mtu;
	event->quoted_bytes = plain->quoted_bytes;
}

static void plain_family(struct event *event, const struct event *plain)
{
	if (event->tuple.protocol == IPPROTO_TCP || event->tuple.protocol == IPPROTO_UDP)
		event->family = plain->family;
}

static void plain_quoted(struct event *event, const struct event *plain)
{
	(void)plain;
	event->quoted.source = event->tuple.destination;
	event->quoted.destination = event->tuple.source;
}

static void plain_policy(struct event *event, const struct event *plain)
{
	event->policy = plain->policy;
}

static plainer *const plainers[] = {
	plain_damage,    plain_ip,      plain_zone,      plain_fragment, plain_length,
	plain_window,    plain_payload, plain_ike_flags, plain_gap,      plain_gap_of_1,
	plain_addresses, plain_quoted,  plain_icmp,      plain_family,   plain_policy,
};

/* One group of fields, of all events at once: what flows share is plain for all or for none. */
static bool plainer_together(struct sequence *sequence, plainer *set, const struct fault *fault)
{
	static struct sequence tried;
	const struct event plain = event_plain();

	tried = *sequence;
	for (unsigned i = 0; i < tried.count; i++)
		set(&tried.event[i], &plain);
	if (memcmp(tried.event, sequence->event, sequence->count * sizeof(tried.event[0])) == 0 ||
	    !still_differs(&tried, fault))
		return false;
	*sequence = tried;
	return true;
}

static bool plainer_events(struct sequence *sequence, const struct fault *fault)
{
	const struct event plain = event_plain();
	bool simpler = false;

	for (size_t p = 0; p < sizeof(plainers) / sizeof(plainers[0]); p++)
		simpler |= plainer_together(sequence, plainers[p], fault);
	for (unsigned i = 0; i < sequence->count; i++)
		for (size_t p = 0; p < sizeof(plainers) / sizeof(plainers[0]); p++) {
			struct event before = sequence->event[i];

			plainers[p](&sequence->event[i], &plain);
			if (memcmp(&before, &sequence->event[i], sizeof(before)) == 0)
				continue;
			if (still_differs(sequence, fault))
				simpler = true;
			else
				sequence->event[i] = before;
		}
	return simpler;
}

/* ---- Fewer rules ------------------------------------------------------------------------------ */

static bool without_rule(struct sequence *sequence, struct plan *plan, unsigned group, size_t rule,
			 const struct fault *fault)
{
	struct sekisho_group_spec *rules = &plan->groups[group];
	struct sekisho_rule_spec taken = plan->rules[group][rule];
	struct sekisho_policy *before = plan->policy;
	char message[128];

	rules->rule_count--;
	memmove(&plan->rules[group][rule], &plan->rules[group][rule + 1],
		(rules->rule_count - rule) * sizeof(taken));
	plan->policy =
		sekisho_policy_create(&plan->spec, sequence->pool->names, message, sizeof(message));
	if (plan->policy != NULL && still_differs(sequence, fault)) {
		sekisho_policy_destroy(before);
		return true;
	}
	sekisho_policy_destroy(plan->policy);
	plan->policy = before;
	memmove(&plan->rules[group][rule + 1], &plan->rules[group][rule],
		(rules->rule_count - rule) * sizeof(taken));
	plan->rules[group][rule] = taken;
	rules->rule_count++;
	return false;
}

/* The sequence's plans are its own by now. */
static bool fewer_rules(struct sequence *sequence, struct plan *plans, const struct fault *fault)
{
	bool fewer = false;

	for (unsigned p = 0; p < SEQUENCE_POLICIES; p++)
		for (unsigned g = 0; g < 2; g++)
			for (size_t r = plans[p].groups[g].rule_count; r-- > 0;)
				fewer |= without_rule(sequence, &plans[p], g, r, fault);
	return fewer;
}

struct difference shrink(struct sequence *sequence, check *finds, struct difference difference)
{
	const struct fault fault = {finds, difference};
	static struct plan plans[SEQUENCE_POLICIES];
	char message[128];
	bool smaller = true;

	for (unsigned p = 0; p < SEQUENCE_POLICIES; p++) {
		plan_copy(&plans[p], &sequence->plans[p]);
		plans[p].policy = sekisho_policy_create(&plans[p].spec, sequence->pool->names,
							message, sizeof(message));
		if (plans[p].policy == NULL) {
			fprintf(stderr, "model: %s\n", message);
			return difference;
		}
	}
	sequence->plans = plans;
	while (smaller) {
		smaller = fewer_events(sequence, &fault);
		smaller |= plainer_events(sequence, &fault);
		smaller |= fewer_rules(sequence, plans, &fault);
	}
	return finds(sequence);
}

/* ---- Printing --------------------------------------------------------------------------------- */

static void print_prefix(const struct sekisho_prefix *prefix, bool literal)
{
	const uint8_t *a = prefix->address;

	if (prefix->family == SEKISHO_IPV4)
		printf(" %u.%u.%u.%u/%u", a[0], a[1], a[2], a[3], prefix->length);
	else
		printf(" %02x%02x:%02x%02x:..:%02x/%u", a[0], a[1], a[2], a[3], a[15],
		       prefix->length);
	printf("%s", literal ? "" : "(list)");
}

static void print_rule(const struct sekisho_rule_spec *rule)
{
	printf("    %s %s protocol %u", rule->name, sekisho_direction_word(rule->direction),
	       rule->protocol);
	for (size_t i = 0; i < rule->port_count; i++)
		printf(" ports %u-%u", rule->ports[i].first, rule->ports[i].last);
	if (rule->icmp_type != SEKISHO_ICMP_ANY)
		printf(" type %d code %d", rule->icmp_type, rule->icmp_code);
	for (size_t i = 0; i < rule->peer_count; i++)
		print_prefix(&rule->peers[i], rule->peer_is_literal[i]);
	printf("\n");
}

static void print_acl(const struct sekisho_acl_spec *acl, const struct sekisho_policy_spec *spec)
{
	if (spec->endpoints[0].acl == 0 &&
	    (spec->endpoint_count < 2 || spec->endpoints[1].acl == 0))
		return;
	printf("    network ACL of%s%s%s:\n", spec->endpoints[0].acl ? " a" : "",
	       spec->endpoint_count > 1 && spec->endpoints[1].acl ? " b" : "",
	       acl->subnet_count > 0 ? ", not for 203.0.113.0/24" : "");
	for (size_t i = 0; i < acl->entry_count; i++) {
		printf("    %u %s", acl->entries[i].number,
		       acl->entries[i].deny ? "deny" : "allow");
		print_rule(&acl->entries[i].match);
	}
}

static void print_plan(const struct plan *plan, unsigned number)
{
	const struct sekisho_policy_spec *spec = &plan->spec;

	printf("  policy %u: %s, symmetric_udp %d, esp %d, verify_checksums %d, pickup %d, "
	       "half-open %u%%, per source %u and %u\n",
	       number, sekisho_semantics_word(spec->semantics), spec->strict.symmetric_udp,
	       spec->strict.esp, spec->strict.verify_checksums, spec->aws.tcp_pickup,
	       spec->limits.half_open_percent, spec->limits.half_open_per_source,
	       spec->limits.flows_per_source);
	for (size_t e = 0; e < spec->endpoint_count; e++) {
		printf("    endpoint %s%s: groups", spec->endpoints[e].name,
		       spec->endpoints[e].auto_tracked ? " (auto-tracked)" : "");
		for (size_t g = 0; g < spec->endpoints[e].group_count; g++)
			printf(" %s", spec->groups[spec->endpoints[e].groups[g]].name);
		printf("\n");
	}
	for (unsigned g = 0; g < 2; g++)
		for (size_t r = 0; r < plan->groups[g].rule_count; r++)
			print_rule(&plan->rules[g][r]);
	print_acl(&plan->acl, spec);
}

static bool uses_policy(const struct sequence *sequence, unsigned policy)
{
	for (unsigned i = 0; i < sequence->count; i++) {
		const struct event *event = &sequence->event[i];

		if (event->kind == EVENT_POLICY ? event->policy == policy : event->zone == policy)
			return true;
	}
	return false;
}

void shrink_print(const struct sequence *sequence, const struct difference *difference)
{
	struct model_verdict verdicts[SEQUENCE_EVENTS] = {0};
	char text[2 * EVENT_FRAME_MAX + 64];
	uint64_t at = 0;

	compare_verdicts(sequence, verdicts);
	printf("seed %llu: %s: %s says %s, %s %s, at row %u\n", (unsigned long long)sequence->seed,
	       difference->what, difference->sides[0], difference->says[0], difference->sides[1],
	       difference->says[1], difference->event + 1);
	for (unsigned p = 0; p < SEQUENCE_POLICIES; p++)
		if (uses_policy(sequence, p))
			print_plan(&sequence->plans[p], p);
	for (unsigned i = 0; i < sequence->count; i++) {
		const struct event *event = &sequence->event[i];

		at += sequence_gap(sequence, i);
		if (event->kind == EVENT_POLICY) {
			printf("  /* zone %u has policy %u */\n", event->zone, event->policy);
			continue;
		}
		event_print(event, text, sizeof(text));
		printf("  {%llu, \"%s\", \"%s\"},%s\n", (unsigned long long)at, text,
		       sekisho_reason_word(verdicts[i].reason),
		       event->zone != 0 ? " /* zone 1 */" : "");
	}
}
