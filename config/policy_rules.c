/* SPDX-License-Identifier: BSD-3-Clause */
/* policy_rules.c: groups and rules judged, their references resolved to blocks of addresses. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "builder.h"

#define RULES_MAX 200000u
#define PLACE     320 /* a path and one more key */

static const char *group_name(const void *list, size_t i)
{
	return ((const struct schema_group *)list)[i].name;
}

static const char *list_name(const void *list, size_t i)
{
	return ((const struct schema_list *)list)[i].name;
}

/* Blocks in the making. */
struct peers {
	struct sekisho_prefix *prefixes;
	bool *literal;
	size_t count, room;
};

static void peers_add(struct config_policy *config, struct peers *peers,
		      const struct sekisho_prefix *prefix, bool literal)
{
	if (peers->count == peers->room) {
		size_t room = peers->room ? peers->room * 2 : 4;
		struct sekisho_prefix *prefixes = policy_own(config, room, sizeof(*prefixes));
		bool *flags = policy_own(config, room, sizeof(*flags));

		if (prefixes == NULL || flags == NULL)
			return;
		if (peers->count > 0) {
			memcpy(prefixes, peers->prefixes, peers->count * sizeof(*prefixes));
			memcpy(flags, peers->literal, peers->count * sizeof(*flags));
		}
		*peers = (struct peers){prefixes, flags, peers->count, room};
	}
	peers->prefixes[peers->count] = *prefix;
	peers->literal[peers->count++] = literal;
}

/* The addresses of all endpoints that carry a group. */
static void peers_add_group(struct config_policy *config, struct peers *peers, const char *name,
			    const char *path)
{
	const struct schema_policy *schema = config->schema;
	size_t group = 0;

	while (group < schema->groups_count && strcmp(schema->groups[group].name, name) != 0)
		group++;
	if (group == schema->groups_count) {
		const char *near = policy_nearest(name, group_name, schema->groups,
						  schema->groups_count);

		POLICY_ERROR(config, path, "no group '%s'%s%s%s", name, near ? "; did you mean '" : "",
			     near ? near : "", near ? "'?" : "");
		return;
	}
	for (size_t e = 0; e < config->spec.endpoint_count; e++) {
		const struct sekisho_endpoint_spec *endpoint = &config->endpoints[e];

		for (size_t g = 0; g < endpoint->group_count; g++) {
			if (endpoint->groups[g] != group)
				continue;
			for (size_t a = 0; a < endpoint->address_count; a++)
				peers_add(config, peers, &endpoint->addresses[a], false);
			break;
		}
	}
}

static void peers_add_list(struct config_policy *config, struct peers *peers, const char *name,
			   const char *path)
{
	const struct schema_policy *schema = config->schema;

	for (size_t i = 0; i < schema->prefix_lists_count; i++) {
		const struct schema_list *list = &schema->prefix_lists[i];

		if (strcmp(list->name, name) != 0)
			continue;
		for (size_t e = 0; e < list->entries_count; e++) {
			struct sekisho_prefix prefix;

			if (address_parse(list->entries[e], &prefix))
				peers_add(config, peers, &prefix, false);
		}
		return;
	}
	const char *near = policy_nearest(name, list_name, schema->prefix_lists,
					  schema->prefix_lists_count);
	POLICY_ERROR(config, path, "no prefix list '%s'%s%s%s", name, near ? "; did you mean '" : "",
		     near ? near : "", near ? "'?" : "");
}

static void add_peers(struct config_policy *config, struct sekisho_rule_spec *out,
		      const struct schema_rule *rule, const char *path)
{
	bool ingress = out->direction == SEKISHO_INGRESS;
	char *const *list = ingress ? rule->from : rule->to;
	size_t count = ingress ? rule->from_count : rule->to_count;
	struct peers peers = {0};

	if (ingress ? rule->to != NULL : rule->from != NULL)
		POLICY_ERROR(config, path, "an %s rule has '%s', not '%s'",
			     ingress ? "ingress" : "egress", ingress ? "from" : "to",
			     ingress ? "to" : "from");
	if (count == 0)
		POLICY_ERROR(config, path, "the rule has no '%s': at least one block, group:NAME or "
			     "prefix_list:NAME is needed", ingress ? "from" : "to");
	for (size_t i = 0; i < count; i++) {
		struct sekisho_prefix prefix;
		char at[PLACE];

		snprintf(at, sizeof(at), "%s.%s[%zu]", path, ingress ? "from" : "to", i);
		if (strncmp(list[i], "group:", 6) == 0)
			peers_add_group(config, &peers, list[i] + 6, at);
		else if (strncmp(list[i], "prefix_list:", 12) == 0)
			peers_add_list(config, &peers, list[i] + 12, at);
		else if (address_parse(list[i], &prefix))
			peers_add(config, &peers, &prefix, true);
		else
			POLICY_ERROR(config, at, "'%s' is no address block, group:NAME or "
				     "prefix_list:NAME", list[i]);
	}
	out->peers = peers.prefixes;
	out->peer_is_literal = peers.literal;
	out->peer_count = peers.count;
}

static void add_ports(struct config_policy *config, struct sekisho_rule_spec *out,
		      const struct schema_rule *rule, const char *path)
{
	struct sekisho_port_range *ports;
	char at[PLACE];

	if (rule->ports_count == 0)
		return;
	snprintf(at, sizeof(at), "%s.ports", path);
	if (out->protocol != IPPROTO_TCP && out->protocol != IPPROTO_UDP) {
		POLICY_ERROR(config, at, "protocol '%s' has no ports; only tcp and udp have",
			     rule->protocol);
		return;
	}
	ports = policy_own(config, rule->ports_count, sizeof(*ports));
	for (size_t i = 0; ports != NULL && i < rule->ports_count; i++) {
		snprintf(at, sizeof(at), "%s.ports[%zu]", path, i);
		if (!reader_has(config->reader, at))
			snprintf(at, sizeof(at), "%s.ports", path);
		if (!address_parse_ports(rule->ports[i], &ports[i]))
			POLICY_ERROR(config, at, "'%s' is no port or range of ports: 0..65535, as 500 "
				     "or 1024-65535", rule->ports[i]);
	}
	out->ports = ports;
	out->port_count = rule->ports_count;
}

static int16_t icmp_number(struct config_policy *config, const struct sekisho_rule_spec *out,
			   const int32_t *number, const char *path, const char *key)
{
	char at[PLACE];

	if (number == NULL)
		return SEKISHO_ICMP_ANY;
	snprintf(at, sizeof(at), "%s.%s", path, key);
	if (out->protocol != IPPROTO_ICMP && out->protocol != IPPROTO_ICMPV6)
		POLICY_ERROR(config, at, "only icmp and icmpv6 have an %s", key);
	if (*number < -1 || *number > 255)
		POLICY_ERROR(config, at, "%d is no %s: 0..255, or -1 for any", *number, key);
	return (int16_t)*number;
}

/* A rule without an id gets one from what it says, so that it stays the same wherever it stands. */
static const char *rule_id(struct config_policy *config, const struct schema_rule *rule,
			   const struct sekisho_rule_spec *out)
{
	uint32_t hash = 2166136261u;
	const char *words[3] = {rule->protocol, rule->icmp_type ? "t" : "", rule->icmp_code ? "c" : ""};

#define MIX(text) \
	for (const char *p_ = text; *p_; p_++) \
		hash = (hash ^ (uint8_t)*p_) * 16777619u; \
	hash = (hash ^ 0x1f) * 16777619u
	if (rule->id != NULL)
		return rule->id;
	for (int i = 0; i < 3; i++) {
		MIX(words[i]);
	}
	hash = (hash ^ (uint32_t)out->icmp_type) * 16777619u;
	hash = (hash ^ (uint32_t)out->icmp_code) * 16777619u;
	for (unsigned i = 0; i < rule->ports_count; i++) {
		MIX(rule->ports[i]);
	}
	for (unsigned i = 0; i < rule->from_count; i++) {
		MIX(rule->from[i]);
	}
	for (unsigned i = 0; i < rule->to_count; i++) {
		MIX(rule->to[i]);
	}
#undef MIX
	return policy_print(config, "%s-%s-%08x", out->direction == SEKISHO_INGRESS ? "in" : "out",
			    rule->protocol, hash);
}

void policy_build_match(struct config_policy *config, struct sekisho_rule_spec *out,
			const struct schema_rule *rule, const char *path)
{
	char at[PLACE];

	snprintf(at, sizeof(at), "%s.protocol", path);
	if (!address_parse_protocol(rule->protocol, &out->protocol))
		POLICY_ERROR(config, at, "'%s' is no protocol: %s", rule->protocol,
			     address_protocol_names);
	out->icmp_type = icmp_number(config, out, rule->icmp_type, path, "icmp_type");
	out->icmp_code = icmp_number(config, out, rule->icmp_code, path, "icmp_code");
	if (out->icmp_type == SEKISHO_ICMP_ANY && out->icmp_code != SEKISHO_ICMP_ANY) {
		snprintf(at, sizeof(at), "%s.icmp_code", path);
		POLICY_ERROR(config, at, "an icmp_code needs an icmp_type (AWS-105)");
	}
	add_ports(config, out, rule, path);
	add_peers(config, out, rule, path);
	out->file = config->name;
	out->line = reader_line(config->reader, path);
}

static void add_rule(struct config_policy *config, struct sekisho_rule_spec *out,
		     const struct schema_group *group, const struct schema_rule *rule,
		     const char *path)
{
	char at[PLACE];

	policy_build_match(config, out, rule, path);
	if (rule->id != NULL && (rule->id[0] == '\0' || strpbrk(rule->id, "/ \t") != NULL)) {
		snprintf(at, sizeof(at), "%s.id", path);
		POLICY_ERROR(config, at, "'%s' is no rule id: not empty, without blanks and '/'",
			     rule->id);
	}
	out->name = policy_print(config, "%s/%s", group->name, rule_id(config, rule, out));
}

static int by_name(const void *a, const void *b)
{
	const struct sekisho_rule_spec *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Two rules of one group with one id: the second is told. */
static void refuse_duplicates(struct config_policy *config, const struct sekisho_group_spec *group)
{
	const struct sekisho_rule_spec **sorted =
		policy_own(config, group->rule_count + 1, sizeof(*sorted));

	if (sorted == NULL || group->rule_count < 2)
		return;
	for (size_t i = 0; i < group->rule_count; i++)
		sorted[i] = &group->rules[i];
	qsort(sorted, group->rule_count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < group->rule_count; i++) {
		if (sorted[i]->name == NULL || sorted[i - 1]->name == NULL ||
		    strcmp(sorted[i]->name, sorted[i - 1]->name) != 0)
			continue;
		reader_error_at(config->name, sorted[i]->line, 1, config->errors,
				"rule '%s' is there twice, also in line %u; give each its own id",
				sorted[i]->name, sorted[i - 1]->line);
	}
}

void policy_build_groups(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	size_t total = 0;

	config->groups = policy_own(config, schema->groups_count + 1, sizeof(*config->groups));
	if (config->groups == NULL)
		return;
	for (size_t g = 0; g < schema->groups_count; g++) {
		const struct schema_group *group = &schema->groups[g];
		size_t count = (size_t)group->ingress_count + group->egress_count;
		struct sekisho_rule_spec *rules;
		char path[256];

		total += count;
		snprintf(path, sizeof(path), "groups[%zu].name", g);
		if (group->name[0] == '\0' || strpbrk(group->name, "/ \t") != NULL ||
		    strncmp(group->name, POLICY_ACL_PREFIX, strlen(POLICY_ACL_PREFIX)) == 0)
			POLICY_ERROR(config, path, "'%s' is no group name: not empty, without blanks "
				     "and '/', and no " POLICY_ACL_PREFIX, group->name);
		for (size_t i = 0; i < g; i++) {
			if (strcmp(schema->groups[i].name, group->name) == 0)
				POLICY_ERROR(config, path, "group '%s' is there twice", group->name);
		}
		rules = policy_own(config, count + 1, sizeof(*rules));
		if (rules == NULL || total > RULES_MAX) {
			POLICY_ERROR(config, path, "more than %u rules", RULES_MAX);
			return;
		}
		for (size_t r = 0; r < count; r++) {
			bool ingress = r < group->ingress_count;
			size_t i = ingress ? r : r - group->ingress_count;

			rules[r].direction = ingress ? SEKISHO_INGRESS : SEKISHO_EGRESS;
			snprintf(path, sizeof(path), "groups[%zu].%s[%zu]", g,
				 ingress ? "ingress" : "egress", i);
			add_rule(config, &rules[r], group,
				 ingress ? &group->ingress[i] : &group->egress[i], path);
		}
		config->groups[g] = (struct sekisho_group_spec){
			.name = group->name, .rules = rules, .rule_count = count};
		refuse_duplicates(config, &config->groups[g]);
	}
	config->spec.groups = config->groups;
	config->spec.group_count = schema->groups_count;
}
