/* SPDX-License-Identifier: BSD-3-Clause */
/* policy_rules.c: groups and rules judged, their references resolved to blocks of addresses. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "builder.h"

#define RULES_MAX 200000u
#define RULE_PATH 64              /* "groups[N].ingress[N]" */
#define PLACE     (RULE_PATH + 32) /* and one more key */

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
			POLICY_ERROR(config, at,
				     "'%s' is no port or range of ports: 0..65535, as 500 or "
				     "1024-65535",
				     rule->ports[i]);
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

/* FNV-1a with an end mark, so that "a", "b" and "ab", "" differ. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
	return (hash ^ 0x1f) * UINT64_C(1099511628211);
}

static uint64_t mix_list(uint64_t hash, char *const *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		hash = mix(hash, list[i]);
	return hash;
}

/*
 * A rule without an id gets one from what it says, so that it stays the same wherever it stands. 48
 * bits: among 200000 rules, two that differ have the same id once in 14000 files.
 */
static const char *rule_id(struct config_policy *config, const struct schema_rule *rule,
			   const struct sekisho_rule_spec *out)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	char icmp[32];

	if (rule->id != NULL)
		return rule->id;
	snprintf(icmp, sizeof(icmp), "%d %d", out->icmp_type, out->icmp_code);
	hash = mix(mix(hash, rule->protocol), icmp);
	hash = mix_list(hash, rule->ports, rule->ports_count);
	hash = mix_list(hash, rule->from, rule->from_count);
	hash = mix_list(hash, rule->to, rule->to_count);
	return policy_print(config, "%s-%s-%012llx",
			    out->direction == SEKISHO_INGRESS ? "in" : "out", rule->protocol,
			    (unsigned long long)(hash >> 16));
}

/* The protocol, and what only some protocols have. */
static void add_protocol(struct config_policy *config, struct sekisho_rule_spec *out,
			 const struct schema_rule *rule, const char *path)
{
	char at[PLACE], hint[SPELLING_HINT];

	out->icmp_type = out->icmp_code = SEKISHO_ICMP_ANY;
	if (!address_parse_protocol(rule->protocol, &out->protocol)) {
		snprintf(at, sizeof(at), "%s.protocol", path);
		POLICY_ERROR(config, at, "'%s' is no protocol: %s%s", rule->protocol,
			     address_protocol_names,
			     spelling_near(hint, rule->protocol, &address_protocols));
		return;
	}
	out->icmp_type = icmp_number(config, out, rule->icmp_type, path, "icmp_type");
	out->icmp_code = icmp_number(config, out, rule->icmp_code, path, "icmp_code");
	if (out->icmp_type == SEKISHO_ICMP_ANY && out->icmp_code != SEKISHO_ICMP_ANY) {
		snprintf(at, sizeof(at), "%s.icmp_code", path);
		POLICY_ERROR(config, at, "an icmp_code needs an icmp_type (AWS-105)");
	}
	add_ports(config, out, rule, path);
}

void policy_build_match(struct config_policy *config, struct sekisho_rule_spec *out,
			const struct schema_rule *rule, const char *path)
{
	add_protocol(config, out, rule, path);
	policy_build_peers(config, out, rule, path);
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

/* The path of a rule of a group; ingress comes first. */
static void rule_path(const struct schema_policy *schema, size_t g, size_t r, char path[RULE_PATH])
{
	size_t ingress = schema->groups[g].ingress_count;

	if (r < ingress)
		snprintf(path, RULE_PATH, "groups[%zu].ingress[%zu]", g, r);
	else
		snprintf(path, RULE_PATH, "groups[%zu].egress[%zu]", g, r - ingress);
}

static const char *rule_name_at(const void *list, size_t i)
{
	const char *name = ((const struct sekisho_rule_spec *)list)[i].name;

	return name != NULL ? name : ""; /* no memory, which has been told */
}

static void say_twice(void *context, size_t position, size_t earlier)
{
	struct config_policy *config = context;
	size_t g = config->spec.group_count;
	const struct sekisho_group_spec *group = &config->groups[g];
	char path[RULE_PATH];

	rule_path(config->schema, g, position, path);
	POLICY_ERROR(config, path,
		     "rule '%s' is there twice, also in line %u; give each its own id",
		     group->rules[position].name, group->rules[earlier].line);
}

/* Two rules of the group in the making with one id: the second is told. */
static void refuse_duplicates(struct config_policy *config)
{
	const struct sekisho_group_spec *group = &config->groups[config->spec.group_count];
	const struct spelling list = {rule_name_at, group->rules, group->rule_count};
	struct names names;

	if (policy_build_names(config, &names, &list))
		names_duplicates(&names, say_twice, config);
	names_fini(&names);
}

static bool build_group(struct config_policy *config, size_t g)
{
	const struct schema_group *group = &config->schema->groups[g];
	size_t count = (size_t)group->ingress_count + group->egress_count;
	struct sekisho_rule_spec *rules = policy_own(config, count + 1, sizeof(*rules));
	char path[RULE_PATH];

	snprintf(path, sizeof(path), "groups[%zu].name", g);
	if (group->name[0] == '\0' || strpbrk(group->name, "/ \t") != NULL ||
	    strncmp(group->name, POLICY_ACL_PREFIX, strlen(POLICY_ACL_PREFIX)) == 0)
		POLICY_ERROR(config, path,
			     "'%s' is no group name: not empty, without blanks and '/', and "
			     "no " POLICY_ACL_PREFIX,
			     group->name);
	for (size_t r = 0; rules != NULL && r < count; r++) {
		bool ingress = r < group->ingress_count;

		rules[r].direction = ingress ? SEKISHO_INGRESS : SEKISHO_EGRESS;
		rule_path(config->schema, g, r, path);
		add_rule(config, &rules[r], group,
			 ingress ? &group->ingress[r] : &group->egress[r - group->ingress_count],
			 path);
	}
	config->groups[g] = (struct sekisho_group_spec){
		.name = group->name, .rules = rules, .rule_count = count};
	return rules != NULL;
}

/* Whether there are few enough rules; says so, where they become too many, if not. */
static bool are_few_enough(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	size_t total = 0;

	for (size_t g = 0; g < schema->groups_count; g++) {
		char path[RULE_PATH];

		total += (size_t)schema->groups[g].ingress_count + schema->groups[g].egress_count;
		if (total <= RULES_MAX)
			continue;
		snprintf(path, sizeof(path), "groups[%zu].name", g);
		POLICY_ERROR(config, path, "more than %u rules, up to this group", RULES_MAX);
		return false;
	}
	return true;
}

void policy_build_groups(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;

	config->groups = policy_own(config, schema->groups_count + 1, sizeof(*config->groups));
	if (config->groups == NULL || !are_few_enough(config))
		return;
	config->spec.groups = config->groups;
	for (size_t g = 0; g < schema->groups_count; g++) {
		if (!build_group(config, g))
			return;
		refuse_duplicates(config);
		config->spec.group_count++;
	}
}
