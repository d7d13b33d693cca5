/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * diff.c: which rules change between two policies. They are matched by name, and compared by what they
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

	*diff = (struct config_diff){0};
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
