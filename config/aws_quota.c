/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aws_quota.c: a policy counted as AWS counts (AWS-121): a block is one rule of its family, a reference
 * to a group one of each, a prefix list as many as it has entries. A rule with several ranges of ports is
 * several of AWS's.
 */
#include "aws_quota.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "builder.h"

#define RULES_MAX       60 /* of a group, by direction and family */
#define GROUPS_MAX      5  /* of an interface */
#define ALL_GROUPS_MAX  2500
#define LISTS_MAX       100
#define ENTRIES_MAX     1000 /* of a list */
#define ACLS_MAX        200
#define ACL_ENTRIES_MAX 20 /* of a direction */

struct audit {
	const struct config_policy *config;
	const struct schema_policy *schema;
	struct remarks *remarks;
};

/* One thing counted against one quota. */
static void compare(const struct audit *audit, const char *path, size_t count, size_t most,
		    const char *what)
{
	if (count > most)
		remark_add(audit->remarks, REMARK_NOTE,
			   (struct remark_place){audit->config->name, path},
			   "%zu %s: AWS's quota is %zu", count, what, most);
}

/* Index 0 is IPv4, 1 is IPv6. */
static void count_block(const char *text, size_t counts[2])
{
	struct sekisho_prefix prefix;

	if (address_parse(text, &prefix))
		counts[prefix.family == SEKISHO_IPV6]++;
}

static void count_list(const struct audit *audit, const char *name, size_t counts[2])
{
	for (unsigned l = 0; l < audit->schema->prefix_lists_count; l++) {
		const struct schema_list *list = &audit->schema->prefix_lists[l];

		if (strcmp(list->name, name) != 0)
			continue;
		for (unsigned e = 0; e < list->entries_count; e++)
			count_block(list->entries[e], counts);
	}
}

static void count_rule(const struct audit *audit, const struct schema_rule *rule, size_t counts[2])
{
	char *const *peers = rule->from != NULL ? rule->from : rule->to;
	unsigned count = rule->from != NULL ? rule->from_count : rule->to_count;
	size_t ranges = rule->ports_count > 0 ? rule->ports_count : 1, own[2] = {0, 0};

	for (unsigned i = 0; i < count; i++) {
		if (strncmp(peers[i], "group:", 6) == 0) {
			own[0]++;
			own[1]++;
		} else if (strncmp(peers[i], "prefix_list:", 12) == 0) {
			count_list(audit, peers[i] + 12, own);
		} else {
			count_block(peers[i], own);
		}
	}
	counts[0] += own[0] * ranges;
	counts[1] += own[1] * ranges;
}

static void audit_rules(const struct audit *audit, const char *path,
			const struct schema_rule *rules, unsigned count)
{
	size_t counts[2] = {0, 0};

	for (unsigned r = 0; r < count; r++)
		count_rule(audit, &rules[r], counts);
	compare(audit, path, counts[0], RULES_MAX, "rules for IPv4 (AWS-118)");
	compare(audit, path, counts[1], RULES_MAX, "rules for IPv6 (AWS-118)");
}

static void audit_acl(const struct audit *audit, unsigned index)
{
	const struct sekisho_acl_spec *acl = &audit->config->spec.acls[index];
	size_t counts[2] = {0, 0};
	char path[64];

	for (size_t e = 0; e < acl->entry_count; e++) {
		const struct sekisho_rule_spec *match = &acl->entries[e].match;

		counts[match->direction] +=
			match->peer_count * (match->port_count > 0 ? match->port_count : 1);
	}
	for (int d = 0; d < 2; d++) {
		snprintf(path, sizeof(path), "network_acls[%u].%s", index,
			 sekisho_direction_word(d));
		compare(audit, path, counts[d], ACL_ENTRIES_MAX, "entries (AWS-143)");
	}
}

void aws_quota_tell(const struct config_policy *config, struct remarks *remarks)
{
	const struct audit audit = {config, config->schema, remarks};
	const struct schema_policy *schema = config->schema;
	char path[64];

	compare(&audit, "groups", schema->groups_count, ALL_GROUPS_MAX, "groups (AWS-120)");
	compare(&audit, "prefix_lists", schema->prefix_lists_count, LISTS_MAX,
		"prefix lists (AWS-122)");
	compare(&audit, "network_acls", schema->network_acls_count, ACLS_MAX,
		"network ACLs (AWS-143)");
	for (unsigned g = 0; g < schema->groups_count; g++) {
		const struct schema_group *group = &schema->groups[g];

		snprintf(path, sizeof(path), "groups[%u].ingress", g);
		audit_rules(&audit, path, group->ingress, group->ingress_count);
		snprintf(path, sizeof(path), "groups[%u].egress", g);
		audit_rules(&audit, path, group->egress, group->egress_count);
	}
	for (unsigned e = 0; e < schema->endpoints_count; e++) {
		snprintf(path, sizeof(path), "endpoints[%u].groups", e);
		compare(&audit, path, schema->endpoints[e].groups_count, GROUPS_MAX,
			"groups of one interface (AWS-119)");
	}
	for (unsigned l = 0; l < schema->prefix_lists_count; l++) {
		snprintf(path, sizeof(path), "prefix_lists[%u].entries", l);
		compare(&audit, path, schema->prefix_lists[l].entries_count, ENTRIES_MAX,
			"entries (AWS-122)");
	}
	for (unsigned a = 0; a < schema->network_acls_count; a++)
		audit_acl(&audit, a);
}
