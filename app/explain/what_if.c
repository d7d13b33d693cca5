/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * what_if.c: the same packet under other conditions. Each is tried for real, by the path, with a policy
 * that is built for it where it needs another; only what gives another verdict or reason is told.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/* What is tried: a policy like the subject's but for one thing. */
struct variant {
	struct sekisho_policy_spec spec;
	struct sekisho_group_spec *groups;
	struct sekisho_rule_spec *rules; /* of the group that is changed */
	struct sekisho_prefix *peers;
	struct sekisho_port_range *ports;
	bool *literal;
};

static void variant_fini(struct variant *variant)
{
	free(variant->groups);
	free(variant->rules);
	free(variant->peers);
	free(variant->ports);
	free(variant->literal);
}

static void *copy(const void *from, size_t count, size_t size, size_t more)
{
	void *memory = calloc(count + more + 1, size);

	if (memory != NULL && count > 0)
		memcpy(memory, from, count * size);
	return memory;
}

/* The rules of one group may be changed then. False: no memory. */
static bool variant_open_group(struct variant *variant, size_t group)
{
	variant->groups =
		copy(variant->spec.groups, variant->spec.group_count, sizeof(*variant->groups), 0);
	if (variant->groups == NULL)
		return false;
	variant->rules = copy(variant->groups[group].rules, variant->groups[group].rule_count,
			      sizeof(*variant->rules), 0);
	variant->groups[group].rules = variant->rules;
	variant->spec.groups = variant->groups;
	return variant->rules != NULL;
}

__attribute__((format(printf, 4, 5))) static void tell(json_t *array,
						       const struct explain_subject *subject,
						       const struct sekisho_explanation *then,
						       const char *format, ...)
{
	const struct sekisho_verdict *verdict = &then->verdict;
	const char *rule = sekisho_rule_name(subject->names, verdict->rule);
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(array,
			      json_pack("{s:s,s:s,s:s,s:s,s:s?}", "if", text, "verdict",
					verdict->action == SEKISHO_DROP ? "drop" : "pass", "reason",
					sekisho_reason_word(verdict->reason), "because",
					sekisho_reason_sentence(verdict->reason), "rule", rule));
}

static bool differs(const struct sekisho_explanation *a, const struct sekisho_explanation *b)
{
	return a->verdict.action != b->verdict.action || a->verdict.reason != b->verdict.reason;
}

/* Explain under a variant; false if it cannot be built. */
static bool try_variant(const struct explain_subject *subject, struct variant *variant,
			const struct sekisho_excerpt *excerpt, struct sekisho_explanation *then)
{
	char message[256];
	struct sekisho_policy *policy;
	bool done;

	variant->spec.matcher = SEKISHO_MATCHER_LINEAR;
	policy = sekisho_policy_create(&variant->spec, subject->names, message, sizeof(message));
	done = policy != NULL &&
	       sekisho_explain(policy, subject->names, subject->frame, excerpt, then);
	sekisho_policy_destroy(policy);
	return done;
}

static void without_flow(const struct explain_subject *subject,
			 const struct sekisho_explanation *found, json_t *array)
{
	struct sekisho_excerpt excerpt = *subject->excerpt;
	struct sekisho_explanation then;

	excerpt.count = 0;
	if (found->met == SEKISHO_MET_LIVE &&
	    sekisho_explain(subject->policy, subject->names, subject->frame, &excerpt, &then) &&
	    differs(found, &then))
		tell(array, subject, &then, "there were no flow");
}

static void other_semantics(const struct explain_subject *subject,
			    const struct sekisho_explanation *found, json_t *array)
{
	struct variant variant = {.spec = *subject->spec};
	struct sekisho_explanation then;

	variant.spec.semantics =
		subject->spec->semantics == SEKISHO_STRICT ? SEKISHO_AWS_LIKE : SEKISHO_STRICT;
	if (try_variant(subject, &variant, subject->excerpt, &then) && differs(found, &then))
		tell(array, subject, &then, "the semantics were %s",
		     sekisho_semantics_word(variant.spec.semantics));
	variant_fini(&variant);
}

/* Find the rule of a name; false if no group has it. */
static bool find_rule(const struct sekisho_policy_spec *spec, const char *name, size_t *group,
		      size_t *rule)
{
	for (size_t g = 0; g < spec->group_count; g++)
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			if (strcmp(spec->groups[g].rules[r].name, name) == 0) {
				*group = g;
				*rule = r;
				return true;
			}
	return false;
}

/* Without the rule that admits it, and without a flow that this rule may have opened. */
static void without_rule(const struct explain_subject *subject,
			 const struct sekisho_explanation *found, json_t *array)
{
	const char *name = sekisho_rule_name(subject->names, found->verdict.rule);
	struct variant variant = {.spec = *subject->spec};
	struct sekisho_explanation then;
	size_t group, rule;

	if (found->verdict.action != SEKISHO_PASS || name == NULL ||
	    sekisho_reason_admitted_by(found->verdict.reason) != SEKISHO_BY_RULE ||
	    !find_rule(subject->spec, name, &group, &rule))
		return;
	if (variant_open_group(&variant, group)) {
		size_t left = --variant.groups[group].rule_count - rule;

		memmove(&variant.rules[rule], &variant.rules[rule + 1],
			left * sizeof(*variant.rules));
		if (try_variant(subject, &variant, subject->excerpt, &then) &&
		    differs(found, &then))
			tell(array, subject, &then, "there were no rule %s", name);
	}
	variant_fini(&variant);
}

/* The same without the entry of a network ACL that denies it. */
static void without_entry(const struct explain_subject *subject,
			  const struct sekisho_explanation *found, json_t *array)
{
	const char *name = sekisho_rule_name(subject->names, found->denied_by);
	struct variant variant = {.spec = *subject->spec};
	struct sekisho_endpoint_spec *endpoints;
	struct sekisho_explanation then;

	if (name == NULL || found->endpoint == 0)
		return;
	endpoints = copy(subject->spec->endpoints, subject->spec->endpoint_count,
			 sizeof(*endpoints), 0);
	if (endpoints == NULL)
		return;
	endpoints[found->endpoint - 1].acl = 0;
	variant.spec.endpoints = endpoints;
	if (try_variant(subject, &variant, subject->excerpt, &then) && differs(found, &then))
		tell(array, subject, &then, "its endpoint had no network ACL (%s denies it)", name);
	free(endpoints);
	variant_fini(&variant);
}

/* Let a rule admit the packet, by what of it does not fit. False: no memory. */
static bool widen(struct variant *variant, const struct nearest *nearest,
		  const struct sekisho_tuple *tuple, unsigned direction)
{
	struct sekisho_rule_spec *rule = &variant->rules[nearest->rule];
	const uint8_t *peer = direction == SEKISHO_EGRESS ? tuple->destination : tuple->source;

	if (nearest->protocol) {
		rule->protocol = tuple->protocol;
		rule->port_count = 0;
		rule->icmp_type = rule->icmp_code = SEKISHO_ICMP_ANY;
	}
	if (nearest->icmp) {
		rule->icmp_type = tuple->icmp_type;
		rule->icmp_code = SEKISHO_ICMP_ANY;
	}
	if (nearest->ports) {
		variant->ports = copy(rule->ports, rule->port_count, sizeof(*rule->ports), 1);
		if (variant->ports == NULL)
			return false;
		variant->ports[rule->port_count++] = (struct sekisho_port_range){
			tuple->destination_port, tuple->destination_port};
		rule->ports = variant->ports;
	}
	if (nearest->peer) {
		struct sekisho_prefix *one;

		variant->peers = copy(rule->peers, rule->peer_count, sizeof(*rule->peers), 1);
		variant->literal = calloc(rule->peer_count + 1, sizeof(bool));
		if (variant->peers == NULL || variant->literal == NULL)
			return false;
		if (rule->peer_is_literal != NULL)
			memcpy(variant->literal, rule->peer_is_literal,
			       rule->peer_count * sizeof(bool));
		one = &variant->peers[rule->peer_count++];
		one->family = tuple->family;
		one->length = tuple->family == SEKISHO_IPV6 ? 128 : 32;
		memcpy(one->address, peer, tuple->family == SEKISHO_IPV6 ? 16 : 4);
		rule->peers = variant->peers;
		rule->peer_is_literal = variant->literal;
	}
	return true;
}

static void nearest_words(const struct nearest *nearest, char *text, size_t size)
{
	const char *const parts[] = {nearest->protocol ? "its protocol" : NULL,
				     nearest->ports ? "its destination port" : NULL,
				     nearest->icmp ? "its ICMP type" : NULL,
				     nearest->peer ? "its peer's address" : NULL};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && used < size; i++)
		if (parts[i] != NULL)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used > 0 ? " and " : "", parts[i]);
}

/* With the nearest rule made to match. */
static void with_nearest(const struct explain_subject *subject,
			 const struct sekisho_explanation *found, json_t *array)
{
	struct variant variant = {.spec = *subject->spec};
	struct sekisho_explanation then;
	struct nearest nearest;
	char parts[128];

	if (!found->sound || found->rule != SEKISHO_RULE_NONE ||
	    !nearest_find(subject, found, &nearest))
		return;
	nearest_words(&nearest, parts, sizeof(parts));
	if (variant_open_group(&variant, nearest.group) &&
	    widen(&variant, &nearest, &found->tuple, subject->frame->direction & 1) &&
	    try_variant(subject, &variant, subject->excerpt, &then) && differs(found, &then)) {
		const struct sekisho_rule_spec *rule =
			&subject->spec->groups[nearest.group].rules[nearest.rule];

		if (rule->file != NULL)
			tell(array, subject, &then, "rule %s (%s:%u) admitted %s as well",
			     rule->name, rule->file, rule->line, parts);
		else
			tell(array, subject, &then, "rule %s admitted %s as well", rule->name,
			     parts);
	}
	variant_fini(&variant);
}

void what_if_append(const struct explain_subject *subject, const struct sekisho_explanation *found,
		    json_t *array)
{
	without_flow(subject, found, array);
	other_semantics(subject, found, array);
	without_rule(subject, found, array);
	without_entry(subject, found, array);
	with_nearest(subject, found, array);
}
