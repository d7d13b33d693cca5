/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * diff.c: what changes between two policies. Rules are matched by name, and compared by what they
 * admit, after references are resolved: a rule from `group:NAME` changes when that group's addresses
 * do, and one that only moved, or got another description, does not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

/* The rules of a policy by name. */
struct index {
	const struct sekisho_rule_spec **rules;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	const struct sekisho_rule_spec *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int index_init(struct index *index, const struct sekisho_policy_spec *spec)
{
	size_t total = 0;

	for (size_t g = 0; g < spec->group_count; g++)
		total += spec->groups[g].rule_count;
	*index = (struct index){.rules = calloc(total + 1, sizeof(index->rules[0]))};
	if (index->rules == NULL)
		return -ENOMEM;
	for (size_t g = 0; g < spec->group_count; g++)
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			index->rules[index->count++] = &spec->groups[g].rules[r];
	qsort(index->rules, index->count, sizeof(index->rules[0]), by_name);
	return 0;
}

static bool prefix_equal(const struct sekisho_prefix *a, const struct sekisho_prefix *b)
{
	return a->family == b->family && a->length == b->length &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static bool prefixes_equal(const struct sekisho_prefix *a, size_t a_count,
			   const struct sekisho_prefix *b, size_t b_count)
{
	bool equal = a_count == b_count;

	for (size_t i = 0; equal && i < a_count; i++)
		equal = prefix_equal(&a[i], &b[i]);
	return equal;
}

static bool rule_equal(const struct sekisho_rule_spec *a, const struct sekisho_rule_spec *b)
{
	if (a->direction != b->direction || a->protocol != b->protocol ||
	    a->icmp_type != b->icmp_type || a->icmp_code != b->icmp_code ||
	    a->port_count != b->port_count ||
	    !prefixes_equal(a->peers, a->peer_count, b->peers, b->peer_count))
		return false;
	for (size_t i = 0; i < a->port_count; i++)
		if (a->ports[i].first != b->ports[i].first || a->ports[i].last != b->ports[i].last)
			return false;
	for (size_t i = 0; i < a->peer_count; i++)
		if (a->peer_is_literal[i] != b->peer_is_literal[i])
			return false;
	return true;
}

bool config_rules_differ(const struct sekisho_rule_spec *a, const struct sekisho_rule_spec *b)
{
	return !rule_equal(a, b);
}

/* The entries as they are written: what matters is their numbers, but their order is kept as well. */
static bool acl_equal(const struct sekisho_acl_spec *a, const struct sekisho_acl_spec *b)
{
	bool equal = strcmp(a->name, b->name) == 0 && a->entry_count == b->entry_count &&
		     prefixes_equal(a->subnets, a->subnet_count, b->subnets, b->subnet_count);

	for (size_t i = 0; equal && i < a->entry_count; i++)
		equal = a->entries[i].number == b->entries[i].number &&
			a->entries[i].deny == b->entries[i].deny &&
			rule_equal(&a->entries[i].match, &b->entries[i].match);
	return equal;
}

/* Which groups an endpoint has is told by their names: their places may differ. */
static bool endpoint_equal(const struct sekisho_policy_spec *from,
			   const struct sekisho_endpoint_spec *a,
			   const struct sekisho_policy_spec *to,
			   const struct sekisho_endpoint_spec *b)
{
	bool equal = strcmp(a->name, b->name) == 0 && a->auto_tracked == b->auto_tracked &&
		     a->acl == b->acl && a->group_count == b->group_count &&
		     memcmp(a->timeouts, b->timeouts, sizeof(a->timeouts)) == 0 &&
		     prefixes_equal(a->addresses, a->address_count, b->addresses, b->address_count);

	for (size_t i = 0; equal && i < a->group_count; i++)
		equal = strcmp(from->groups[a->groups[i]].name, to->groups[b->groups[i]].name) == 0;
	return equal;
}

/* Knobs are compared byte by byte: they hold no pointers, and sekisho_policy_spec_init() clears all. */
static bool settings_equal(const struct sekisho_policy_spec *a, const struct sekisho_policy_spec *b)
{
	bool equal = a->semantics == b->semantics && a->endpoint_count == b->endpoint_count &&
		     a->acl_count == b->acl_count &&
		     memcmp(a->timeouts, b->timeouts, sizeof(a->timeouts)) == 0 &&
		     memcmp(&a->strict, &b->strict, sizeof(a->strict)) == 0 &&
		     memcmp(&a->aws, &b->aws, sizeof(a->aws)) == 0 &&
		     memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0 &&
		     prefixes_equal(a->never_filtered, a->never_filtered_count, b->never_filtered,
				    b->never_filtered_count);

	for (size_t e = 0; equal && e < a->endpoint_count; e++)
		equal = endpoint_equal(a, &a->endpoints[e], b, &b->endpoints[e]);
	for (size_t i = 0; equal && i < a->acl_count; i++)
		equal = acl_equal(&a->acls[i], &b->acls[i]);
	return equal;
}

/* Walk both lists at once; `diff->rules` has room for all. */
static void rules_compare(struct config_diff *diff, const struct index *from,
			  const struct index *to)
{
	size_t f = 0, t = 0, count = 0;

	while (f < from->count || t < to->count) {
		int order = f == from->count ? 1
			    : t == to->count ? -1
					     : by_name(&from->rules[f], &to->rules[t]);
		struct config_rule_change change = {
			.from = order <= 0 ? from->rules[f++] : NULL,
			.to = order >= 0 ? to->rules[t++] : NULL,
		};

		if (order == 0 && rule_equal(change.from, change.to))
			continue;
		diff->added += order > 0;
		diff->removed += order < 0;
		diff->changed += order == 0;
		diff->rules[count++] = change;
	}
}

int config_diff_init(struct config_diff *diff, const struct sekisho_policy_spec *from,
		     const struct sekisho_policy_spec *to)
{
	struct index old = {0}, new = {0};
	int rc = index_init(&old, from);

	*diff = (struct config_diff){.settings = !settings_equal(from, to)};
	if (rc == 0)
		rc = index_init(&new, to);
	if (rc == 0) {
		diff->rules = calloc(old.count + new.count + 1, sizeof(diff->rules[0]));
		rc = diff->rules == NULL ? -ENOMEM : 0;
	}
	if (rc == 0)
		rules_compare(diff, &old, &new);
	free(old.rules);
	free(new.rules);
	return rc;
}

void config_diff_fini(struct config_diff *diff)
{
	free(diff->rules);
	*diff = (struct config_diff){0};
}
