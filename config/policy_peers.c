/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy_peers.c: what the `from` and `to` of rules stand for. A reference to a group is the
 * addresses of the endpoints that carry it, one to a prefix list its entries; both are worked out
 * once, and a rule with a single reference shares them. Rules multiply: a thousand that name a list
 * of thousands are millions of blocks, so what the policy stands for in all is counted and has a
 * bound.
 */
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "builder.h"

#define BOXES_MAX 4000000u
#define PLACE     320

static const char *group_name_at(const void *list, size_t i)
{
	return ((const struct schema_group *)list)[i].name;
}

static const char *list_name_at(const void *list, size_t i)
{
	return ((const struct schema_list *)list)[i].name;
}

struct spelling policy_groups(const struct schema_policy *schema)
{
	return (struct spelling){group_name_at, schema->groups, schema->groups_count};
}

struct spelling policy_lists(const struct schema_policy *schema)
{
	return (struct spelling){list_name_at, schema->prefix_lists, schema->prefix_lists_count};
}

void policy_charge(struct config_policy *config, size_t boxes, const char *path)
{
	bool over = config->boxes > BOXES_MAX;

	config->boxes = boxes > BOXES_MAX ? BOXES_MAX + 1 : config->boxes + boxes;
	if (!over && config->boxes > BOXES_MAX)
		POLICY_ERROR(config, path,
			     "up to here, the policy stands for more than %u blocks of "
			     "addresses, counted once for each rule and range of ports",
			     BOXES_MAX);
}

static bool peers_reserve(struct config_policy *config, struct peers *peers, size_t count)
{
	size_t room = peers->room ? peers->room : 4;
	struct sekisho_prefix *prefixes;
	bool *literal;

	while (room < peers->count + count)
		room *= 2;
	if (room == peers->room)
		return true;
	prefixes = policy_own(config, room, sizeof(*prefixes));
	literal = policy_own(config, room, sizeof(*literal));
	if (prefixes == NULL || literal == NULL)
		return false;
	if (peers->count > 0) {
		memcpy(prefixes, peers->prefixes, peers->count * sizeof(*prefixes));
		memcpy(literal, peers->literal, peers->count * sizeof(*literal));
	}
	*peers = (struct peers){prefixes, literal, peers->count, room};
	return true;
}

static void peers_add(struct config_policy *config, struct peers *peers,
		      const struct sekisho_prefix *prefixes, size_t count, bool literal)
{
	if (count == 0 || config->boxes > BOXES_MAX || !peers_reserve(config, peers, count))
		return;
	memcpy(peers->prefixes + peers->count, prefixes, count * sizeof(*prefixes));
	for (size_t i = 0; i < count; i++)
		peers->literal[peers->count++] = literal;
}

/* ---- references ------------------------------------------------------------------------------- */

bool policy_build_references(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	const struct spelling groups = policy_groups(schema), lists = policy_lists(schema);

	config->group_peers = policy_own(config, groups.count + 1, sizeof(*config->group_peers));
	config->list_peers = policy_own(config, lists.count + 1, sizeof(*config->list_peers));
	if (config->group_peers == NULL || config->list_peers == NULL ||
	    !policy_build_names(config, &config->group_names, &groups) ||
	    !policy_build_names(config, &config->list_names, &lists))
		return false;
	policy_refuse_duplicates(config, &config->group_names, "groups", "group");
	policy_refuse_duplicates(config, &config->list_names, "prefix_lists", "prefix list");
	for (size_t i = 0; i < lists.count; i++) {
		const struct schema_list *list = &schema->prefix_lists[i];
		struct sekisho_prefix *entries;
		char at[128];

		snprintf(at, sizeof(at), "prefix_lists[%zu].entries", i);
		entries = policy_build_blocks(config, list->entries, list->entries_count, at);
		if (entries != NULL)
			peers_add(config, &config->list_peers[i], entries, list->entries_count,
				  false);
	}
	return true;
}

void policy_build_members(struct config_policy *config)
{
	size_t groups = config->schema->groups_count;
	uint32_t *seen =
		policy_own(config, groups + 1, sizeof(*seen)); /* last endpoint, plus one */

	for (size_t e = 0; seen != NULL && e < config->spec.endpoint_count; e++) {
		const struct sekisho_endpoint_spec *endpoint = &config->endpoints[e];
		char at[128];

		snprintf(at, sizeof(at), "endpoints[%zu]", e);
		for (size_t i = 0; i < endpoint->group_count; i++) {
			uint16_t group = endpoint->groups[i];

			if (group >= groups || seen[group] == e + 1)
				continue; /* an error was told; or carried twice */
			seen[group] = (uint32_t)e + 1;
			policy_charge(config, endpoint->address_count, at);
			peers_add(config, &config->group_peers[group], endpoint->addresses,
				  endpoint->address_count, false);
		}
	}
}

/* ---- rules ------------------------------------------------------------------------------------ */

/* What a reference stands for; NULL if the word is none, or with an error if it goes nowhere. */
static const struct peers *referred(struct config_policy *config, const char *word,
				    const char *path)
{
	static const struct peers nowhere;
	size_t found;

	if (strncmp(word, POLICY_GROUP, strlen(POLICY_GROUP)) == 0) {
		found = policy_find(config, &config->group_names, "group",
				    word + strlen(POLICY_GROUP), path);
		return found != NAMES_NONE ? &config->group_peers[found] : &nowhere;
	}
	if (strncmp(word, POLICY_LIST, strlen(POLICY_LIST)) == 0) {
		found = policy_find(config, &config->list_names, "prefix list",
				    word + strlen(POLICY_LIST), path);
		return found != NAMES_NONE ? &config->list_peers[found] : &nowhere;
	}
	return NULL;
}

static void say_no_peer(struct config_policy *config, const char *word, const char *path)
{
	const char *kind = names_find(&config->group_names, word) != NAMES_NONE  ? POLICY_GROUP
			   : names_find(&config->list_names, word) != NAMES_NONE ? POLICY_LIST
										 : NULL;

	if (kind != NULL)
		POLICY_ERROR(config, path,
			     "'%s' is no address block, " POLICY_GROUP "NAME or " POLICY_LIST
			     "NAME; did you mean '%s%s'?",
			     word, kind, word);
	else
		POLICY_ERROR(config, path,
			     "'%s' is no address block, " POLICY_GROUP "NAME or " POLICY_LIST
			     "NAME",
			     word);
}

static void add_peer(struct config_policy *config, struct peers *peers, const char *word,
		     const char *path)
{
	const struct peers *reference = referred(config, word, path);
	struct sekisho_prefix prefix;

	if (reference != NULL)
		peers_add(config, peers, reference->prefixes, reference->count, false);
	else if (address_parse(word, &prefix))
		peers_add(config, peers, &prefix, 1, true);
	else
		say_no_peer(config, word, path);
}

void policy_build_peers(struct config_policy *config, struct sekisho_rule_spec *out,
			const struct schema_rule *rule, const char *path)
{
	bool ingress = out->direction == SEKISHO_INGRESS;
	const char *key = ingress ? "from" : "to", *other = ingress ? "to" : "from";
	char *const *list = ingress ? rule->from : rule->to;
	size_t count = ingress ? rule->from_count : rule->to_count;
	const struct peers *shared = NULL;
	struct peers peers = {0};
	char at[PLACE];

	if (ingress ? rule->to != NULL : rule->from != NULL)
		POLICY_ERROR(config, path, "an %s rule has '%s', not '%s'",
			     ingress ? "ingress" : "egress", key, other);
	else if (count == 0)
		POLICY_ERROR(config, path,
			     "the rule has no '%s': at least one block, " POLICY_GROUP
			     "NAME or " POLICY_LIST "NAME is needed",
			     key);
	if (count == 1) {
		snprintf(at, sizeof(at), "%s.%s[0]", path, key);
		shared = referred(config, list[0], at);
	}
	for (size_t i = 0; shared == NULL && i < count; i++) {
		snprintf(at, sizeof(at), "%s.%s[%zu]", path, key, i);
		add_peer(config, &peers, list[i], at);
	}
	if (shared == NULL)
		shared = &peers;
	out->peers = shared->prefixes;
	out->peer_is_literal = shared->literal;
	out->peer_count = shared->count;
	policy_charge(config, shared->count * (rule->ports_count ? rule->ports_count : 1), path);
}
