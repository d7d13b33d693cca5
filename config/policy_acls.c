/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy_acls.c: network ACLs judged (AWS-130..146). An entry matches as a rule does, but only
 * blocks of addresses, no groups and no prefix lists (AWS-133).
 */
#include <stdio.h>
#include <string.h>

#include "builder.h"

#define NUMBER_MAX 32766 /* AWS-132 */
#define ACLS_MAX   65000 /* the library counts them in 16 bits */
#define PLACE      320

/* Put the endpoints that the ACL names under it; none may be under two. */
static void attach(struct config_policy *config, const struct schema_acl *acl, size_t index)
{
	for (size_t i = 0; i < acl->endpoints_count; i++) {
		char at[PLACE];
		size_t e;

		snprintf(at, sizeof(at), "network_acls[%zu].endpoints[%zu]", index, i);
		e = policy_find(config, &config->endpoint_names, "endpoint", acl->endpoints[i], at);
		if (e == NAMES_NONE || e >= config->spec.endpoint_count)
			continue;
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
	static const char *const words[] = {"allow", "deny"};
	static const struct spelling actions = {spelling_word_at, words, 2};
	bool ingress = out->match.direction == SEKISHO_INGRESS;
	char at[PLACE], hint[SPELLING_HINT];

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
		POLICY_ERROR(config, at, "'%s' is not allowed: allow or deny%s", entry->action,
			     spelling_near(hint, entry->action, &actions));
	}
	out->match.name = policy_print(config, POLICY_ACL_PREFIX "%s/%s-%u", acl->name,
				       ingress ? "in" : "out", entry->number);
}

/*
 * Entries of one direction; two with one number leave open which is first. taken[n] is the list
 * that had number n last, so that it serves all lists of the policy.
 */
static void build_entries(struct config_policy *config, size_t index, bool ingress,
			  uint32_t taken[NUMBER_MAX + 1], struct sekisho_acl_entry_spec *out)
{
	const struct schema_acl *acl = &config->schema->network_acls[index];
	const struct schema_acl_entry *entries = ingress ? acl->ingress : acl->egress;
	unsigned count = ingress ? acl->ingress_count : acl->egress_count;
	const char *word = ingress ? "ingress" : "egress";
	uint32_t list = (uint32_t)index * 2 + ingress + 1;

	for (unsigned i = 0; i < count; i++) {
		char path[PLACE - 64], at[PLACE];

		snprintf(path, sizeof(path), "network_acls[%zu].%s[%u]", index, word, i);
		out[i].match.direction = ingress ? SEKISHO_INGRESS : SEKISHO_EGRESS;
		build_entry(config, &out[i], acl, &entries[i], path);
		if (entries[i].number > NUMBER_MAX)
			continue;
		if (taken[entries[i].number] == list) {
			snprintf(at, sizeof(at), "%s.number", path);
			POLICY_ERROR(config, at, "%s entry %u is there twice", word,
				     entries[i].number);
		}
		taken[entries[i].number] = list;
	}
}

static const char *acl_name_at(const void *list, size_t i)
{
	return ((const struct schema_acl *)list)[i].name;
}

static void refuse_names(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	const struct spelling list = {acl_name_at, schema->network_acls,
				      schema->network_acls_count};
	struct names names;

	for (size_t a = 0; a < list.count; a++) {
		const char *name = schema->network_acls[a].name;
		char at[PLACE];

		snprintf(at, sizeof(at), "network_acls[%zu].name", a);
		if (name[0] == '\0' || strpbrk(name, "/ \t") != NULL)
			POLICY_ERROR(config, at,
				     "'%s' is no name: not empty, without blanks and '/'", name);
	}
	if (policy_build_names(config, &names, &list))
		policy_refuse_duplicates(config, &names, "network_acls", "network ACL");
	names_fini(&names);
}

static bool build_acl(struct config_policy *config, size_t a, uint32_t taken[NUMBER_MAX + 1])
{
	const struct schema_acl *acl = &config->schema->network_acls[a];
	size_t count = (size_t)acl->ingress_count + acl->egress_count;
	struct sekisho_acl_entry_spec *entries = policy_own(config, count + 1, sizeof(*entries));
	char at[PLACE];

	if (entries == NULL)
		return false;
	build_entries(config, a, true, taken, entries);
	build_entries(config, a, false, taken, entries + acl->ingress_count);
	snprintf(at, sizeof(at), "network_acls[%zu].subnets", a);
	config->acls[a] = (struct sekisho_acl_spec){
		.name = acl->name,
		.entries = entries,
		.entry_count = count,
		.subnets = policy_build_blocks(config, acl->subnets, acl->subnets_count, at),
		.subnet_count = acl->subnets_count,
	};
	attach(config, acl, a);
	return true;
}

void policy_build_acls(struct config_policy *config)
{
	size_t count = config->schema->network_acls_count;
	uint32_t *taken = policy_own(config, NUMBER_MAX + 1, sizeof(*taken));

	if (count > ACLS_MAX) {
		POLICY_ERROR(config, "network_acls", "%zu network ACLs, at most %d are allowed",
			     count, ACLS_MAX);
		return;
	}
	config->acls = policy_own(config, count + 1, sizeof(*config->acls));
	if (config->acls == NULL || taken == NULL)
		return;
	refuse_names(config);
	for (size_t a = 0; a < count; a++) {
		if (!build_acl(config, a, taken))
			return;
	}
	config->spec.acls = config->acls;
	config->spec.acl_count = count;
}
