/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * changes_settings.c: settings, compared one by one. What has a name is found by it, whatever its
 * place in the file.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes_build.h"
#include "names.h"

/* A setting that is a word; its name is printed. */
static void compare_words(struct changes *changes, const char *from, const char *to,
			  const char *format, ...) __attribute__((format(printf, 4, 5)));

static void compare_words(struct changes *changes, const char *from, const char *to,
			  const char *format, ...)
{
	struct change_text text = {0};
	va_list arguments;
	char *name;

	if (strcmp(from, to) == 0)
		return;
	va_start(arguments, format);
	if (vasprintf(&name, format, arguments) < 0)
		name = NULL;
	va_end(arguments);
	change_text_add(&text, "%s -> %s", from, to);
	changes_add_setting(changes, CHANGE_CHANGED, &text, "%s", name ? name : "?");
	free(name);
}

static void compare_numbers(struct changes *changes, const char *name, uint32_t from, uint32_t to)
{
	char words[2][16];

	snprintf(words[0], sizeof(words[0]), "%u", from);
	snprintf(words[1], sizeof(words[1]), "%u", to);
	compare_words(changes, words[0], words[1], "%s", name);
}

/* ---- timers, limits, knobs -------------------------------------------------------------------- */

/* Seconds of the policy, or of an endpoint by its name, where 0 is the policy's. */
static void compare_timers(struct changes *changes, const char *endpoint, const uint32_t *from,
			   const uint32_t *to)
{
	for (unsigned t = 0; t < SEKISHO_TIMEOUT_COUNT; t++) {
		struct change_text text = {0};

		if (from[t] == to[t])
			continue;
		if (from[t] == 0)
			change_text_add(&text, "the policy's -> %u s", to[t]);
		else if (to[t] == 0)
			change_text_add(&text, "%u s -> the policy's", from[t]);
		else
			change_text_add(&text, "%u s -> %u s", from[t], to[t]);
		changes_add_setting(changes, CHANGE_CHANGED, &text, "%s%s%stimeouts.%s",
				    endpoint ? "endpoints." : "", endpoint ? endpoint : "",
				    endpoint ? "." : "", sekisho_timeouts[t].name);
	}
}

static void print_ports(char text[64], const struct sekisho_strict_spec *strict, unsigned grammar)
{
	size_t at = 0;

	snprintf(text, 64, "none");
	for (unsigned i = 0; i < strict->port_count[grammar]; i++)
		at += (size_t)snprintf(text + at, 64 - at, "%s%u", i ? ", " : "",
				       strict->ports[grammar][i]);
}

static void compare_knobs(struct changes *changes, const struct sekisho_policy_spec *from,
			  const struct sekisho_policy_spec *to)
{
	static const char *const symmetric[] = {
		[SEKISHO_SYMMETRIC_RULE] = "rule", [SEKISHO_SYMMETRIC_TUPLE] = "tuple"};
	static const char *const esp[] = {
		[SEKISHO_ESP_RULE] = "rule", [SEKISHO_ESP_FOLLOWS_IKE] = "follows-ike"};
	static const char *const truth[] = {"false", "true"};
	static const char *const grammars[] = {
#define X(id, name, port, known_by, clause) name,
		SEKISHO_GRAMMARS(X)
#undef X
	};
	const struct sekisho_strict_spec *a = &from->strict, *b = &to->strict;

	compare_words(changes, symmetric[a->symmetric_udp], symmetric[b->symmetric_udp],
		      "strict.symmetric_udp");
	compare_words(changes, esp[a->esp], esp[b->esp], "strict.esp");
	compare_words(changes, truth[a->verify_checksums], truth[b->verify_checksums],
		      "strict.verify_checksums");
	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++) {
		char ports[2][64];

		print_ports(ports[0], a, g);
		print_ports(ports[1], b, g);
		compare_words(changes, ports[0], ports[1], "strict.ports.%s", grammars[g]);
	}
	compare_words(changes, truth[from->aws.tcp_pickup], truth[to->aws.tcp_pickup],
		      "aws.tcp_pickup");
	compare_numbers(changes, "limits.half_open_percent", from->limits.half_open_percent,
			to->limits.half_open_percent);
	compare_numbers(changes, "limits.half_open_per_source", from->limits.half_open_per_source,
			to->limits.half_open_per_source);
	compare_numbers(changes, "limits.flows_per_source", from->limits.flows_per_source,
			to->limits.flows_per_source);
}

/* ---- endpoints -------------------------------------------------------------------------------- */

/* An endpoint of one of the two policies. */
struct side {
	const struct sekisho_policy_spec *spec;
	const struct sekisho_endpoint_spec *endpoint;
};

static const char *group_at(const struct side *side, size_t i)
{
	return side->spec->groups[side->endpoint->groups[i]].name;
}

static const char *group_name_at(const void *list, size_t i)
{
	return group_at(list, i);
}

/* The groups that one carries and the other does not. False: no memory. */
static bool add_groups(struct change_text *text, const char *word, const struct side *side,
		       const struct side *other)
{
	const struct spelling list = {group_name_at, other, other->endpoint->group_count};
	struct names names;
	bool first = true;

	if (!names_init(&names, &list))
		return false;
	for (size_t i = 0; i < side->endpoint->group_count; i++) {
		const char *group = group_at(side, i);

		if (names_find(&names, group) != NAMES_NONE)
			continue;
		if (first)
			change_text_add(text, "%s%s ", text->length ? "; " : "", word);
		change_text_add(text, "%s%s", first ? "" : ", ", group);
		first = false;
	}
	names_fini(&names);
	return true;
}

static const char *acl_of(const struct side *side)
{
	return side->endpoint->acl != 0 ? side->spec->acls[side->endpoint->acl - 1].name : "none";
}

static void compare_endpoint(struct changes *changes, const struct side *from,
			     const struct side *to)
{
	const struct sekisho_endpoint_spec *a = from->endpoint, *b = to->endpoint;
	struct change_text addresses = {0}, groups = {0};

	change_text_sets(&addresses, a->addresses, a->address_count, b->addresses,
			 b->address_count);
	changes_add_setting(changes, CHANGE_CHANGED, &addresses, "endpoints.%s.addresses", a->name);
	if (!add_groups(&groups, "adds", to, from) || !add_groups(&groups, "drops", from, to))
		changes->failed = true;
	changes_add_setting(changes, CHANGE_CHANGED, &groups, "endpoints.%s.groups", a->name);
	compare_timers(changes, a->name, a->timeouts, b->timeouts);
	compare_words(changes, acl_of(from), acl_of(to), "endpoints.%s network ACL", a->name);
	compare_words(changes, a->auto_tracked ? "true" : "false",
		      b->auto_tracked ? "true" : "false", "endpoints.%s.auto_tracked", a->name);
}

static const char *endpoint_name_at(const void *list, size_t i)
{
	return ((const struct sekisho_endpoint_spec *)list)[i].name;
}

/* Endpoints of one policy that the other has not by name; those that it has are compared. */
static void walk_endpoints(struct changes *changes, const struct sekisho_policy_spec *spec,
			   const struct sekisho_policy_spec *other, enum change_kind lone)
{
	const struct spelling list = {endpoint_name_at, other->endpoints, other->endpoint_count};
	struct names names;

	if (!names_init(&names, &list)) {
		changes->failed = true;
		return;
	}
	for (size_t e = 0; e < spec->endpoint_count; e++) {
		const struct sekisho_endpoint_spec *endpoint = &spec->endpoints[e];
		size_t twin = names_find(&names, endpoint->name);
		struct change_text text = {0};

		if (twin == NAMES_NONE) {
			change_text_blocks(&text, endpoint->addresses, endpoint->address_count);
			changes_add_setting(changes, lone, &text, "endpoints.%s", endpoint->name);
		} else if (lone == CHANGE_REMOVED) {
			compare_endpoint(changes, &(struct side){spec, endpoint},
					 &(struct side){other, &other->endpoints[twin]});
		}
	}
	names_fini(&names);
}

/* ---- network ACLs ----------------------------------------------------------------------------- */

static const char *acl_name_at(const void *list, size_t i)
{
	return ((const struct sekisho_acl_spec *)list)[i].name;
}

static const char *entry_name_at(const void *list, size_t i)
{
	return ((const struct sekisho_acl_entry_spec *)list)[i].match.name;
}

static void compare_entry(struct changes *changes, const struct sekisho_acl_entry_spec *from,
			  const struct sekisho_acl_entry_spec *to)
{
	struct change_text text = {0};

	if (from->deny != to->deny)
		change_text_add(&text, "%s -> %s: ", from->deny ? "deny" : "allow",
				to->deny ? "deny" : "allow");
	if (config_rules_differ(&from->match, &to->match))
		change_text_rules(&text, &from->match, &to->match);
	else if (from->deny != to->deny)
		change_text_rule(&text, &to->match);
	changes_add_setting(changes, CHANGE_CHANGED, &text, "%s", from->match.name);
}

/* Entries of one ACL that the other has not by number; those that it has are compared. */
static void walk_entries(struct changes *changes, const struct sekisho_acl_spec *acl,
			 const struct sekisho_acl_spec *other, enum change_kind lone)
{
	const struct spelling list = {entry_name_at, other->entries, other->entry_count};
	struct names names;

	if (!names_init(&names, &list)) {
		changes->failed = true;
		return;
	}
	for (size_t i = 0; i < acl->entry_count; i++) {
		const struct sekisho_acl_entry_spec *entry = &acl->entries[i];
		size_t twin = names_find(&names, entry->match.name);
		struct change_text text = {0};

		if (twin == NAMES_NONE) {
			change_text_add(&text, "%s ", entry->deny ? "deny" : "allow");
			change_text_rule(&text, &entry->match);
			changes_add_setting(changes, lone, &text, "%s", entry->match.name);
		} else if (lone == CHANGE_REMOVED) {
			compare_entry(changes, entry, &other->entries[twin]);
		}
	}
	names_fini(&names);
}

static void walk_acls(struct changes *changes, const struct sekisho_policy_spec *spec,
		      const struct sekisho_policy_spec *other, enum change_kind lone)
{
	const struct spelling list = {acl_name_at, other->acls, other->acl_count};
	struct names names;

	if (!names_init(&names, &list)) {
		changes->failed = true;
		return;
	}
	for (size_t i = 0; i < spec->acl_count; i++) {
		const struct sekisho_acl_spec *acl = &spec->acls[i];
		size_t twin = names_find(&names, acl->name);
		struct change_text text = {0};

		if (twin == NAMES_NONE) {
			change_text_add(&text, "%zu entr%s", acl->entry_count,
					acl->entry_count == 1 ? "y" : "ies");
			changes_add_setting(changes, lone, &text, "network_acls.%s", acl->name);
			continue;
		}
		walk_entries(changes, acl, &other->acls[twin], lone);
		if (lone != CHANGE_REMOVED)
			continue;
		change_text_sets(&text, acl->subnets, acl->subnet_count, other->acls[twin].subnets,
				 other->acls[twin].subnet_count);
		changes_add_setting(changes, CHANGE_CHANGED, &text, "network_acls.%s.subnets",
				    acl->name);
	}
	names_fini(&names);
}

void changes_add_settings(struct changes *changes, const struct sekisho_policy_spec *from,
			  const struct sekisho_policy_spec *to)
{
	struct change_text text = {0};

	compare_words(changes, sekisho_semantics_word(from->semantics),
		      sekisho_semantics_word(to->semantics), "semantics");
	compare_timers(changes, NULL, from->timeouts, to->timeouts);
	compare_knobs(changes, from, to);
	change_text_sets(&text, from->never_filtered, from->never_filtered_count,
			 to->never_filtered, to->never_filtered_count);
	changes_add_setting(changes, CHANGE_CHANGED, &text, "never_filtered");
	walk_endpoints(changes, from, to, CHANGE_REMOVED);
	walk_endpoints(changes, to, from, CHANGE_ADDED);
	walk_acls(changes, from, to, CHANGE_REMOVED);
	walk_acls(changes, to, from, CHANGE_ADDED);
}
