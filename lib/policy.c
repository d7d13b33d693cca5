/* SPDX-License-Identifier: BSD-3-Clause */
/* policy.c: from a description to a snapshot; and the names that rules keep across snapshots. */
#include "policy.h"
#include "classifier.h"
#include "prefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy_origin {
	uint32_t rule, line;
	uint8_t direction;
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

static int origin_compare(const void *a, const void *b)
{
	const struct policy_origin *left = a, *right = b;

	return (left->rule > right->rule) - (left->rule < right->rule);
}

/* The numbers of all rules, while a policy is built; as struct rules_numbers reads them. */
struct numbers {
	uint32_t **groups, **acls;
	size_t group_count, acl_count;
};

static void numbers_fini(struct numbers *numbers)
{
	for (size_t g = 0; numbers->groups != NULL && g < numbers->group_count; g++)
		free(numbers->groups[g]);
	for (size_t a = 0; numbers->acls != NULL && a < numbers->acl_count; a++)
		free(numbers->acls[a]);
	free(numbers->groups);
	free(numbers->acls);
}

static bool numbers_init(struct numbers *numbers, const struct sekisho_policy_spec *spec)
{
	bool good = true;

	*numbers = (struct numbers){.groups = calloc(spec->group_count + 1, sizeof(uint32_t *)),
				    .acls = calloc(spec->acl_count + 1, sizeof(uint32_t *)),
				    .group_count = spec->group_count,
				    .acl_count = spec->acl_count};
	if (numbers->groups == NULL || numbers->acls == NULL)
		return false;
	for (size_t g = 0; g < spec->group_count; g++) {
		numbers->groups[g] = calloc(spec->groups[g].rule_count + 1, sizeof(uint32_t));
		good = good && numbers->groups[g] != NULL;
	}
	for (size_t a = 0; a < spec->acl_count; a++) {
		numbers->acls[a] = calloc(spec->acls[a].entry_count + 2, sizeof(uint32_t));
		good = good && numbers->acls[a] != NULL;
	}
	return good;
}

/* Number one rule and note where it was written. */
static bool number_rule(struct sekisho_policy *policy, struct sekisho_rule_names *names,
			const struct sekisho_rule_spec *rule, uint32_t *number)
{
	*number = names_number(names, rule->name);
	if (*number == SEKISHO_RULE_NONE)
		return false;
	policy->origins[policy->origin_count++] =
		(struct policy_origin){.rule = *number,
				       .line = rule->line,
				       .direction = rule->direction,
				       .file = rule->file ? strdup(rule->file) : NULL};
	return true;
}

/* An ACL's entries, and by direction what denies the rest, AWS's `*` (AWS-135). */
static bool number_acl(struct sekisho_policy *policy, struct sekisho_rule_names *names,
		       const struct sekisho_acl_spec *acl, uint32_t *numbers)
{
	for (size_t e = 0; e < acl->entry_count; e++) {
		if (!number_rule(policy, names, &acl->entries[e].match, &numbers[e]))
			return false;
	}
	for (unsigned d = 0; d < 2; d++) {
		char name[512];

		snprintf(name, sizeof(name), "network_acl:%s/%s-*", acl->name,
			 d == SEKISHO_INGRESS ? "in" : "out");
		numbers[acl->entry_count + d] = names_number(names, name);
		if (numbers[acl->entry_count + d] == SEKISHO_RULE_NONE)
			return false;
	}
	return true;
}

uint32_t sekisho_policy_spec_names(const struct sekisho_policy_spec *spec)
{
	size_t total = 0;

	for (size_t g = 0; g < spec->group_count; g++)
		total += spec->groups[g].rule_count;
	for (size_t a = 0; a < spec->acl_count; a++)
		total += spec->acls[a].entry_count + 2;
	return total < UINT32_MAX ? (uint32_t)total : UINT32_MAX;
}

/* Number all rules; false when there is no room. */
static bool number_rules(struct sekisho_policy *policy, const struct sekisho_policy_spec *spec,
			 struct sekisho_rule_names *names, struct numbers *numbers)
{
	size_t total = sekisho_policy_spec_names(spec);

	policy->origins = calloc(total + 1, sizeof(*policy->origins));
	if (policy->origins == NULL || !numbers_init(numbers, spec))
		return false;
	for (size_t g = 0; g < spec->group_count; g++) {
		for (size_t r = 0; r < spec->groups[g].rule_count; r++) {
			if (!number_rule(policy, names, &spec->groups[g].rules[r],
					 &numbers->groups[g][r]))
				return false;
		}
	}
	for (size_t a = 0; a < spec->acl_count; a++) {
		if (!number_acl(policy, names, &spec->acls[a], numbers->acls[a]))
			return false;
	}
	qsort(policy->origins, policy->origin_count, sizeof(*policy->origins), origin_compare);
	return true;
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
	struct numbers numbers = {0};
	bool good = policy != NULL && number_rules(policy, spec, names, &numbers);

	if (good) {
		const struct rules_numbers by_list = {(const uint32_t *const *)numbers.groups,
						      (const uint32_t *const *)numbers.acls};

		policy->rules = rules_create(spec, &by_list, message, message_size);
		good = policy->rules != NULL;
	} else {
		snprintf(message, message_size, "no room for the policy's rules: at most %u names",
			 names->capacity);
	}
	numbers_fini(&numbers);
	if (good && (!build_timeouts(policy, spec) || !build_never_filtered(policy, spec))) {
		snprintf(message, message_size, "not enough memory for the policy");
		good = false;
	}
	if (!good) {
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

bool sekisho_policy_rule_origin(const struct sekisho_policy *policy, uint32_t rule,
				struct sekisho_rule_origin *origin)
{
	const struct policy_origin wanted = {.rule = rule};
	const struct policy_origin *found = bsearch(&wanted, policy->origins, policy->origin_count,
						    sizeof(wanted), origin_compare);

	if (found == NULL)
		return false;
	*origin = (struct sekisho_rule_origin){found->file, found->line, found->direction};
	return true;
}

bool policy_never_filters(const struct sekisho_policy *policy, uint8_t family,
			  const uint8_t *address)
{
	for (size_t i = 0; i < policy->never_filtered_count; i++) {
		if (prefix_holds(&policy->never_filtered[i], family, address))
			return true;
	}
	return false;
}

bool sekisho_prefix_holds(const struct sekisho_prefix *prefix, uint8_t family,
			  const uint8_t *address)
{
	return prefix_holds(prefix, family, address);
}

enum sekisho_direction sekisho_policy_direction(const struct sekisho_policy *policy,
						const struct sekisho_tuple *tuple)
{
	if (tuple->family == 0 || rules_endpoint(policy->rules, tuple->family, tuple->destination))
		return SEKISHO_INGRESS;
	return rules_endpoint(policy->rules, tuple->family, tuple->source) ? SEKISHO_EGRESS
									   : SEKISHO_INGRESS;
}
