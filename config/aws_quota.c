/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aws_quota.c: a policy counted as AWS counts (AWS-121): a block is one rule of its family, a
 * reference to a group one of each, a prefix list as many as it has entries. A rule with several
 * ranges of ports is several of AWS's.
 */
#include "aws_quota.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Blocks, IPv4 and IPv6. */
struct counts {
	size_t family[2];
};

struct audit {
	const struct config_policy *config;
	const struct schema_policy *schema;
	void (*tell)(void *context, const struct aws_excess *excess);
	void *context;
	struct names list_names;
	struct counts *lists; /* of the entries of each prefix list */
};

/* One thing counted against one quota. */
static void compare(const struct audit *audit, const struct aws_excess *counted)
{
	if (counted->count > counted->quota)
		audit->tell(audit->context, counted);
}

static void count_block(const char *text, struct counts *counts)
{
	struct sekisho_prefix prefix;

	if (address_parse(text, &prefix))
		counts->family[prefix.family == SEKISHO_IPV6]++;
}

static bool count_lists(struct audit *audit)
{
	const struct spelling lists = policy_lists(audit->schema);

	audit->lists = calloc(lists.count + 1, sizeof(*audit->lists));
	if (audit->lists == NULL || !names_init(&audit->list_names, &lists))
		return false;
	for (size_t l = 0; l < lists.count; l++) {
		const struct schema_list *list = &audit->schema->prefix_lists[l];

		for (unsigned e = 0; e < list->entries_count; e++)
			count_block(list->entries[e], &audit->lists[l]);
	}
	return true;
}

/* What one peer of a rule counts for. */
static struct counts count_peer(const struct audit *audit, const char *peer)
{
	struct counts counts = {{0, 0}};
	size_t list;

	if (strncmp(peer, POLICY_GROUP, strlen(POLICY_GROUP)) == 0)
		return (struct counts){{1, 1}};
	if (strncmp(peer, POLICY_LIST, strlen(POLICY_LIST)) == 0) {
		list = names_find(&audit->list_names, peer + strlen(POLICY_LIST));
		return list != NAMES_NONE ? audit->lists[list] : counts;
	}
	count_block(peer, &counts);
	return counts;
}

static void count_rule(const struct audit *audit, const struct schema_rule *rule,
		       struct counts *counts)
{
	char *const *peers = rule->from != NULL ? rule->from : rule->to;
	unsigned count = rule->from != NULL ? rule->from_count : rule->to_count;
	size_t ranges = rule->ports_count > 0 ? rule->ports_count : 1;

	for (unsigned i = 0; i < count; i++) {
		struct counts peer = count_peer(audit, peers[i]);

		counts->family[0] += peer.family[0] * ranges;
		counts->family[1] += peer.family[1] * ranges;
	}
}

static void audit_rules(const struct audit *audit, const char *path,
			const struct schema_rule *rules, unsigned count)
{
	struct counts counts = {{0, 0}};

	for (unsigned r = 0; r < count; r++)
		count_rule(audit, &rules[r], &counts);
	compare(audit, &(struct aws_excess){path, "rules for IPv4", "AWS-118", counts.family[0],
					    RULES_MAX});
	compare(audit, &(struct aws_excess){path, "rules for IPv6", "AWS-118", counts.family[1],
					    RULES_MAX});
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
		compare(audit, &(struct aws_excess){path, "entries", "AWS-143", counts[d],
						    ACL_ENTRIES_MAX});
	}
}

static void audit_all(const struct audit *audit)
{
	const struct schema_policy *schema = audit->schema;
	char path[64];

	compare(audit, &(struct aws_excess){"groups", "groups", "AWS-120", schema->groups_count,
					    ALL_GROUPS_MAX});
	compare(audit, &(struct aws_excess){"prefix_lists", "prefix lists", "AWS-122",
					    schema->prefix_lists_count, LISTS_MAX});
	compare(audit, &(struct aws_excess){"network_acls", "network ACLs", "AWS-143",
					    schema->network_acls_count, ACLS_MAX});
	for (unsigned g = 0; g < schema->groups_count; g++) {
		const struct schema_group *group = &schema->groups[g];

		snprintf(path, sizeof(path), "groups[%u].ingress", g);
		audit_rules(audit, path, group->ingress, group->ingress_count);
		snprintf(path, sizeof(path), "groups[%u].egress", g);
		audit_rules(audit, path, group->egress, group->egress_count);
	}
	for (unsigned e = 0; e < schema->endpoints_count; e++) {
		snprintf(path, sizeof(path), "endpoints[%u].groups", e);
		compare(audit, &(struct aws_excess){path, "groups of one interface", "AWS-119",
						    schema->endpoints[e].groups_count, GROUPS_MAX});
	}
	for (unsigned l = 0; l < schema->prefix_lists_count; l++) {
		snprintf(path, sizeof(path), "prefix_lists[%u].entries", l);
		compare(audit,
			&(struct aws_excess){path, "entries", "AWS-122",
					     schema->prefix_lists[l].entries_count, ENTRIES_MAX});
	}
	for (unsigned a = 0; a < schema->network_acls_count; a++)
		audit_acl(audit, a);
}

bool aws_quota_look(const struct config_policy *config,
		    void (*tell)(void *context, const struct aws_excess *excess), void *context)
{
	struct audit audit = {
		.config = config, .schema = config->schema, .tell = tell, .context = context};
	bool counted = count_lists(&audit);

	if (counted)
		audit_all(&audit);
	names_fini(&audit.list_names);
	free(audit.lists);
	return counted;
}

/* Where notes go. */
struct notes {
	struct remarks *remarks;
	const char *file;
};

static void note(void *context, const struct aws_excess *excess)
{
	const struct notes *notes = context;

	remark_add(notes->remarks, REMARK_NOTE, (struct remark_place){notes->file, excess->path},
		   "%zu %s (%s): AWS's quota is %zu", excess->count, excess->what, excess->clause,
		   excess->quota);
}

void aws_quota_tell(const struct config_policy *config, struct remarks *remarks)
{
	struct notes notes = {remarks, config->name};

	if (!aws_quota_look(config, note, &notes))
		remark_add(remarks, REMARK_ERROR, (struct remark_place){config->name, NULL},
			   "not enough memory");
}
