/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_usage.c: groups, prefix lists and network ACLs that nothing uses, references to nothing. */
#include "linter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What references are looked up in. */
struct usage {
	struct linter *linter;
	struct names groups, lists;
	bool *list_is_used;
};

/* What is behind one of a rule's peers, if it is a reference. */
static void look_up(struct usage *usage, const char *peer, const struct linter_subject *subject)
{
	struct linter *linter = usage->linter;

	if (strncmp(peer, POLICY_GROUP, strlen(POLICY_GROUP)) == 0) {
		size_t group = names_find(&usage->groups, peer + strlen(POLICY_GROUP));

		if (group != NAMES_NONE && linter_carriers(linter, (uint32_t)group) == 0)
			linter_say(
				linter, LINT_EMPTY_REFERENCE,
				&(struct linter_subject){subject->path, subject->rule, "AWS-110"},
				"'%s' stands for no address: no endpoint carries the group", peer);
	} else if (strncmp(peer, POLICY_LIST, strlen(POLICY_LIST)) == 0) {
		size_t list = names_find(&usage->lists, peer + strlen(POLICY_LIST));

		if (list == NAMES_NONE)
			return;
		usage->list_is_used[list] = true;
		if (linter->schema->prefix_lists[list].entries_count == 0)
			linter_say(
				linter, LINT_EMPTY_REFERENCE,
				&(struct linter_subject){subject->path, subject->rule, "AWS-111"},
				"'%s' stands for no address: the prefix list is empty", peer);
	}
}

static void look_up_all(struct usage *usage)
{
	const struct linter *linter = usage->linter;

	for (size_t r = 0; r < linter->rule_count; r++) {
		const struct linter_rule *rule = &linter->rules[r];
		const struct schema_rule *from = linter_written(linter, rule);
		bool ingress = rule->spec->direction == SEKISHO_INGRESS;
		char *const *peers = ingress ? from->from : from->to;
		unsigned count = ingress ? from->from_count : from->to_count;
		char path[LINTER_PATH], at[LINTER_PATH + 32];

		linter_rule_path(linter, rule, path);
		for (unsigned i = 0; i < count; i++) {
			snprintf(at, sizeof(at), "%s.%s[%u]", path, ingress ? "from" : "to", i);
			look_up(usage, peers[i],
				&(struct linter_subject){at, rule->spec->name, NULL});
		}
	}
}

static void find_unused_lists(const struct usage *usage)
{
	struct linter *linter = usage->linter;

	for (size_t i = 0; i < linter->schema->prefix_lists_count; i++) {
		char path[LINTER_PATH];

		if (usage->list_is_used[i])
			continue;
		snprintf(path, sizeof(path), "prefix_lists[%zu]", i);
		linter_say(linter, LINT_UNUSED_LIST, &(struct linter_subject){.path = path},
			   "no rule names prefix list '%s'", linter->schema->prefix_lists[i].name);
	}
}

static void find_unused_groups(struct linter *linter)
{
	for (uint32_t g = 0; g < linter->spec->group_count; g++) {
		char path[LINTER_PATH];

		if (linter_carriers(linter, g) > 0)
			continue;
		snprintf(path, sizeof(path), "groups[%u]", g);
		linter_say(linter, LINT_UNUSED_GROUP, &(struct linter_subject){.path = path},
			   "no endpoint carries group '%s'%s", linter->spec->groups[g].name,
			   linter->spec->groups[g].rule_count > 0 ? ", so its rules never match"
								  : "");
	}
}

static void find_lone_endpoints(struct linter *linter)
{
	for (size_t e = 0; e < linter->spec->endpoint_count; e++) {
		char path[LINTER_PATH];

		if (linter->spec->endpoints[e].group_count > 0)
			continue;
		snprintf(path, sizeof(path), "endpoints[%zu]", e);
		linter_say(
			linter, LINT_NO_GROUPS,
			&(struct linter_subject){.path = path, .clauses = "AWS-6"},
			"endpoint '%s' carries no group, so nothing is admitted to it or from it",
			linter->spec->endpoints[e].name);
	}
}

static void find_unused_acls(struct linter *linter)
{
	for (size_t a = 0; a < linter->spec->acl_count; a++) {
		char path[LINTER_PATH];

		if (linter->schema->network_acls[a].endpoints_count > 0)
			continue;
		snprintf(path, sizeof(path), "network_acls[%zu]", a);
		linter_say(linter, LINT_UNUSED_ACL, &(struct linter_subject){.path = path},
			   "network ACL '%s' names no endpoint, so it judges nothing",
			   linter->spec->acls[a].name);
	}
}

void lint_usage(struct linter *linter)
{
	const struct schema_policy *schema = linter->schema;
	struct usage usage = {
		.linter = linter,
		.list_is_used = calloc(schema->prefix_lists_count + 1, sizeof(bool)),
	};
	const struct spelling groups = policy_groups(schema), lists = policy_lists(schema);

	if (usage.list_is_used != NULL && names_init(&usage.groups, &groups) &&
	    names_init(&usage.lists, &lists)) {
		look_up_all(&usage);
		find_unused_lists(&usage);
	} else {
		linter->failed = true;
	}
	names_fini(&usage.groups);
	names_fini(&usage.lists);
	free(usage.list_is_used);
	find_unused_groups(linter);
	find_lone_endpoints(linter);
	find_unused_acls(linter);
}
