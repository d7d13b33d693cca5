/* SPDX-License-Identifier: BSD-3-Clause */
/* policy.c: from a description to a snapshot; and the names that rules keep across snapshots. */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy_origin {
	uint32_t rule, line;
	char *file;
};

/* ---- rule names ------------------------------------------------------------------------------- */

struct sekisho_rule_names {
	uint32_t capacity, count, slot_mask;
	uint32_t *slots; /* open addressing: number plus one */
	char *names[];
};

struct sekisho_rule_names *sekisho_rule_names_create(uint32_t capacity)
{
	struct sekisho_rule_names *names;
	uint32_t slots = 16;

	names = calloc(1, sizeof(*names) + (size_t)capacity * sizeof(names->names[0]));
	if (names == NULL)
		return NULL;
	while (slots < capacity * 2u && slots < UINT32_C(1) << 31)
		slots *= 2;
	names->capacity = capacity;
	names->slot_mask = slots - 1;
	names->slots = calloc(slots, sizeof(*names->slots));
	if (names->slots == NULL) {
		free(names);
		return NULL;
	}
	return names;
}

void sekisho_rule_names_destroy(struct sekisho_rule_names *names)
{
	if (names == NULL)
		return;
	for (uint32_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->slots);
	free(names);
}

const char *sekisho_rule_name(const struct sekisho_rule_names *names, uint32_t rule)
{
	return rule < sekisho_rule_names_count(names) ? names->names[rule] : NULL;
}

uint32_t sekisho_rule_names_capacity(const struct sekisho_rule_names *names)
{
	return names->capacity;
}

uint32_t sekisho_rule_names_count(const struct sekisho_rule_names *names)
{
	return __atomic_load_n(&names->count, __ATOMIC_ACQUIRE);
}

/* The number of a name, a new one if need be; SEKISHO_RULE_NONE when there is no room. */
static uint32_t names_number(struct sekisho_rule_names *names, const char *name)
{
	uint32_t hash = 2166136261u;
	uint32_t slot;

	for (const char *p = name; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	for (slot = hash & names->slot_mask; names->slots[slot] != 0;
	     slot = (slot + 1) & names->slot_mask) {
		if (strcmp(names->names[names->slots[slot] - 1], name) == 0)
			return names->slots[slot] - 1;
	}
	if (names->count == names->capacity)
		return SEKISHO_RULE_NONE;
	names->names[names->count] = strdup(name);
	if (names->names[names->count] == NULL)
		return SEKISHO_RULE_NONE;
	names->slots[slot] = names->count + 1;
	__atomic_store_n(&names->count, names->count + 1, __ATOMIC_RELEASE);
	return names->count - 1;
}

/* ---- building --------------------------------------------------------------------------------- */

static void numbers_free(uint32_t **numbers, size_t count)
{
	for (size_t g = 0; numbers != NULL && g < count; g++)
		free(numbers[g]);
	free(numbers);
}

static int origin_compare(const void *a, const void *b)
{
	const struct policy_origin *left = a, *right = b;

	return (left->rule > right->rule) - (left->rule < right->rule);
}

/* Number all rules and note where each was written; NULL when there is no room. */
static uint32_t **number_rules(struct sekisho_policy *policy, const struct sekisho_policy_spec *spec,
			       struct sekisho_rule_names *names)
{
	uint32_t **numbers = calloc(spec->group_count + 1, sizeof(*numbers));
	size_t total = 0;

	for (size_t g = 0; g < spec->group_count; g++)
		total += spec->groups[g].rule_count;
	policy->origins = calloc(total + 1, sizeof(*policy->origins));
	if (numbers == NULL || policy->origins == NULL)
		goto fail;
	for (size_t g = 0; g < spec->group_count; g++) {
		const struct sekisho_group_spec *group = &spec->groups[g];

		numbers[g] = calloc(group->rule_count + 1, sizeof(**numbers));
		if (numbers[g] == NULL)
			goto fail;
		for (size_t r = 0; r < group->rule_count; r++) {
			const struct sekisho_rule_spec *rule = &group->rules[r];
			struct policy_origin *origin = &policy->origins[policy->origin_count];

			numbers[g][r] = names_number(names, rule->name);
			if (numbers[g][r] == SEKISHO_RULE_NONE)
				goto fail;
			*origin = (struct policy_origin){
				.rule = numbers[g][r],
				.line = rule->line,
				.file = rule->file ? strdup(rule->file) : NULL,
			};
			policy->origin_count++;
		}
	}
	qsort(policy->origins, policy->origin_count, sizeof(*policy->origins), origin_compare);
	return numbers;
fail:
	numbers_free(numbers, spec->group_count);
	return NULL;
}

static bool build_timeouts(struct sekisho_policy *policy, const struct sekisho_policy_spec *spec)
{
	policy->timeouts = calloc(spec->endpoint_count + 1, sizeof(*policy->timeouts));
	if (policy->timeouts == NULL)
		return false;
	for (unsigned t = 0; t < SEKISHO_TIMEOUT_COUNT; t++) {
		uint32_t own = spec->timeouts[t];

		if (own == 0)
			own = sekisho_timeouts[t].initial[spec->semantics];
		policy->timeouts[0][t] = own * 1000;
		for (size_t e = 0; e < spec->endpoint_count; e++) {
			uint32_t seconds = spec->endpoints[e].timeouts[t];

			policy->timeouts[e + 1][t] = (seconds ? seconds : own) * 1000;
		}
	}
	return true;
}

static bool build_never_filtered(struct sekisho_policy *policy,
				 const struct sekisho_policy_spec *spec)
{
	policy->never_filtered =
		calloc(spec->never_filtered_count + 1, sizeof(*policy->never_filtered));
	if (policy->never_filtered == NULL)
		return false;
	for (size_t i = 0; i < spec->never_filtered_count; i++)
		policy->never_filtered[i] = spec->never_filtered[i];
	policy->never_filtered_count = spec->never_filtered_count;
	return true;
}

struct sekisho_policy *sekisho_policy_create(const struct sekisho_policy_spec *spec,
					     struct sekisho_rule_names *names, char *message,
					     size_t message_size)
{
	static uint32_t generations;
	struct sekisho_policy *policy = calloc(1, sizeof(*policy));
	uint32_t **numbers = NULL;

	if (policy != NULL)
		numbers = number_rules(policy, spec, names);
	if (numbers == NULL) {
		snprintf(message, message_size, "no room for the policy's rules: at most %u names",
			 names->capacity);
		sekisho_policy_destroy(policy);
		return NULL;
	}
	policy->rules = rules_create(spec, (const uint32_t *const *)numbers);
	numbers_free(numbers, spec->group_count);
	if (policy->rules == NULL || !build_timeouts(policy, spec) ||
	    !build_never_filtered(policy, spec)) {
		snprintf(message, message_size, "not enough memory for the policy");
		sekisho_policy_destroy(policy);
		return NULL;
	}
	policy->profile = semantics_profile(spec->semantics);
	policy->semantics = spec->semantics;
	policy->strict = spec->strict;
	policy->aws = spec->aws;
	policy->limits = spec->limits;
	policy->generation = __atomic_add_fetch(&generations, 1, __ATOMIC_RELAXED);
	return policy;
}

void sekisho_policy_destroy(struct sekisho_policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = 0; i < policy->origin_count; i++)
		free(policy->origins[i].file);
	free(policy->origins);
	free(policy->never_filtered);
	free(policy->timeouts);
	rules_destroy(policy->rules);
	free(policy);
}

/* ---- reading ---------------------------------------------------------------------------------- */

uint32_t sekisho_policy_generation(const struct sekisho_policy *policy)
{
	return policy->generation;
}

enum sekisho_semantics sekisho_policy_semantics(const struct sekisho_policy *policy)
{
	return policy->semantics;
}

const char *sekisho_policy_rule_origin(const struct sekisho_policy *policy, uint32_t rule,
				       uint32_t *line)
{
	const struct policy_origin wanted = {.rule = rule};
	const struct policy_origin *origin =
		bsearch(&wanted, policy->origins, policy->origin_count, sizeof(wanted), origin_compare);

	*line = origin ? origin->line : 0;
	return origin ? origin->file : NULL;
}

bool policy_never_filters(const struct sekisho_policy *policy, uint8_t family,
			  const uint8_t *address)
{
	for (size_t i = 0; i < policy->never_filtered_count; i++) {
		if (rules_prefix_holds(&policy->never_filtered[i], family, address))
			return true;
	}
	return false;
}

enum sekisho_direction sekisho_policy_direction(const struct sekisho_policy *policy,
						const struct sekisho_tuple *tuple)
{
	if (tuple->family == 0 || rules_endpoint(policy->rules, tuple->family, tuple->destination))
		return SEKISHO_INGRESS;
	return rules_endpoint(policy->rules, tuple->family, tuple->source) ? SEKISHO_EGRESS
									   : SEKISHO_INGRESS;
}
