/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy_acls.c: network ACLs judged (AWS-130..146). An entry matches as a rule does, but only blocks of
 * addresses, no groups and no prefix lists (AWS-133).
 */
#include <stdio.h>
#include <string.h>

#include "builder.h"

#define NUMBER_MAX 32766 /* AWS-132 */
#define PLACE      320

/* Put the endpoints that the ACL names under it; none may be under two. */
static void attach(struct config_policy *config, const struct schema_acl *acl, size_t index)
{
	for (size_t i = 0; i < acl->endpoints_count; i++) {
		char at[PLACE];
		size_t e = 0;

		snprintf(at, sizeof(at), "network_acls[%zu].endpoints[%zu]", index, i);
		while (e < config->spec.endpoint_count &&
		       strcmp(config->endpoints[e].name, acl->endpoints[i]) != 0)
			e++;
		if (e == config->spec.endpoint_count) {
			POLICY_ERROR(config, at, "no endpoint '%s'", acl->endpoints[i]);
			continue;
		}
		if (config->endpoints[e].acl != 0)
			POLICY_ERROR(config, at, "endpoint '%s' has a network ACL already: '%s'",
				     acl->endpoints[i],
				     config->acls[config->endpoints[e].acl - 1].name);
		config->endpoints[e].acl = (uint16_t)(index + 1);
	}
}

static void refuse_references(struct config_policy *config, const struct schema_rule *rule,
			      const char *path)
{
	char *const *list = rule->from ? rule->from : rule->to;
	unsigned count = rule->from ? rule->from_count : rule->to_count;

	for (unsigned i = 0; i < count; i++) {
		char at[PLACE];

		if (strncmp(list[i], "group:", 6) != 0 && strncmp(list[i], "prefix_list:", 12) != 0)
			continue;
		snprintf(at, sizeof(at), "%s.%s[%u]", path, rule->from ? "from" : "to", i);
		POLICY_ERROR(config, at,
			     "'%s' is no address block, and network ACLs know no others", list[i]);
	}
}

static void build_entry(struct config_policy *config, struct sekisho_acl_entry_spec *out,
			const struct schema_acl *acl, const struct schema_acl_entry *entry,
			const char *path)
{
	bool ingress = out->match.direction == SEKISHO_INGRESS;
	char at[PLACE];

	policy_build_match(config, &out->match, &entry->match, path);
	refuse_references(config, &entry->match, path);
	out->number = entry->number;
	if (entry->number < 1 || entry->number > NUMBER_MAX) {
		snprintf(at, sizeof(at), "%s.number", path);
		POLICY_ERROR(config, at, "number %u is out of bounds: 1..%d", entry->number,
			     NUMBER_MAX);
	}
	out->deny = strcmp(entry->action, "deny") == 0;
	if (!out->deny && strcmp(entry->action, "allow") != 0) {
		snprintf(at, sizeof(at), "%s.action", path);
		POLICY_ERROR(config, at, "'%s' is not allowed: allow or deny", entry->action);
	}
	out->match.name = policy_print(config, POLICY_ACL_PREFIX "%s/%s-%u", acl->name,
				       ingress ? "in" : "out", entry->number);
}

/* Entries of one direction; two with one number leave open which is first. */
static void build_entries(struct config_policy *config, size_t index, bool ingress,
			  struct sekisho_acl_entry_spec *out)
{
	const struct schema_acl *acl = &config->schema->network_acls[index];
	const struct schema_acl_entry *entries = ingress ? acl->ingress : acl->egress;
	unsigned count = ingress ? acl->ingress_count : acl->egress_count;
	const char *word = ingress ? "ingress" : "egress";
	bool *taken = policy_own(config, NUMBER_MAX + 1, sizeof(*taken));

	for (unsigned i = 0; taken != NULL && i < count; i++) {
		char path[PLACE - 64], at[PLACE];

		snprintf(path, sizeof(path), "network_acls[%zu].%s[%u]", index, word, i);
		out[i].match.direction = ingress ? SEKISHO_INGRESS : SEKISHO_EGRESS;
		build_entry(config, &out[i], acl, &entries[i], path);
		if (entries[i].number > NUMBER_MAX)
			continue;
		if (taken[entries[i].number]) {
			snprintf(at, sizeof(at), "%s.number", path);
			POLICY_ERROR(config, at, "%s entry %u is there twice", word,
				     entries[i].number);
		}
		taken[entries[i].number] = true;
	}
}

void policy_build_acls(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;

	config->acls = policy_own(config, schema->network_acls_count + 1, sizeof(*config->acls));
	if (config->acls == NULL)
		return;
	for (size_t a = 0; a < schema->network_acls_count; a++) {
		const struct schema_acl *acl = &schema->network_acls[a];
		size_t count = (size_t)acl->ingress_count + acl->egress_count;
		struct sekisho_acl_entry_spec *entries =
			policy_own(config, count + 1, sizeof(*entries));
		char at[PLACE];

		snprintf(at, sizeof(at), "network_acls[%zu].name", a);
		if (acl->name[0] == '\0' || strpbrk(acl->name, "/ \t") != NULL)
			POLICY_ERROR(config, at,
				     "'%s' is no name: not empty, without blanks and '/'",
				     acl->name);
		for (size_t i = 0; i < a; i++) {
			if (strcmp(schema->network_acls[i].name, acl->name) == 0)
				POLICY_ERROR(config, at, "network ACL '%s' is there twice",
					     acl->name);
		}
		if (entries == NULL)
			return;
		build_entries(config, a, true, entries);
		build_entries(config, a, false, entries + acl->ingress_count);
		snprintf(at, sizeof(at), "network_acls[%zu].subnets", a);
		config->acls[a] = (struct sekisho_acl_spec){
			.name = acl->name,
			.entries = entries,
			.entry_count = count,
			.subnets =
				policy_build_blocks(config, acl->subnets, acl->subnets_count, at),
			.subnet_count = acl->subnets_count,
		};
		attach(config, acl, a);
	}
	config->spec.acls = config->acls;
	config->spec.acl_count = schema->network_acls_count;
}
