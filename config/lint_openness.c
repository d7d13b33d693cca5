/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_openness.c: rules that let everybody in to what few should reach, and rules so open on both
 * ways that aws-like keeps no state for their flows (AWS-10).
 */
#include "linter.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- open to all ------------------------------------------------------------------------------ */

/* TCP services that manage a host or hold its data. */
static const struct {
	uint16_t port;
	const char *name;
} services[] = {
	{22, "SSH"},
	{23, "Telnet"},
	{135, "RPC"},
	{445, "SMB"},
	{1433, "SQL Server"},
	{2375, "Docker"},
	{3306, "MySQL"},
	{3389, "RDP"},
	{5432, "PostgreSQL"},
	{5900, "VNC"},
	{5985, "WinRM"},
	{6379, "Redis"},
	{9200, "Elasticsearch"},
	{11211, "memcached"},
	{27017, "MongoDB"},
};

static bool admits_port(const struct sekisho_rule_spec *spec, uint16_t port)
{
	for (size_t i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].first <= port && port <= spec->ports[i].last)
			return true;
	}
	return spec->port_count == 0;
}

/* Which of the services a rule lets reach: "tcp 22 (SSH), 3389 (RDP)"; empty for none. */
static void list_services(const struct sekisho_rule_spec *spec, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	if (spec->protocol == SEKISHO_PROTOCOL_ALL) {
		snprintf(text, size, "everything");
		return;
	}
	if (spec->protocol != IPPROTO_TCP)
		return;
	if (spec->port_count == 0) {
		snprintf(text, size, "every TCP port");
		return;
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]) && at < size; i++) {
		if (admits_port(spec, services[i].port))
			at += (size_t)snprintf(text + at, size - at, "%s%u (%s)",
					       at ? ", " : "tcp ", services[i].port,
					       services[i].name);
	}
}

static void find_open_to_all(struct linter *linter)
{
	for (size_t r = 0; r < linter->rule_count; r++) {
		const struct linter_rule *rule = &linter->rules[r];
		const struct sekisho_rule_spec *spec = rule->spec;
		char text[512];
		bool all = false;

		if (spec->direction != SEKISHO_INGRESS || rule->is_dead ||
		    linter_carriers(linter, rule->group) == 0)
			continue;
		for (size_t i = 0; i < spec->peer_count && !all; i++)
			all = spec->peers[i].length == 0;
		list_services(spec, text, sizeof(text));
		if (all && text[0] != '\0')
			LINTER_SAY_RULE(linter, LINT_OPEN_TO_ALL, rule, "AWS-101",
					"everybody may reach %s", text);
	}
}

/* ---- untracked flows -------------------------------------------------------------------------- */

enum { TCP, UDP, PROTOCOLS };

/* Of a rule: what it is open for, and on how many endpoints its flows are untracked. */
struct openness {
	bool open[PROTOCOLS][2]; /* to a /0 that is written in it (AWS-19), by family */
	bool all_ports;
	uint32_t endpoints, back; /* a rule of the way back, on one of them */
};

static struct openness openness_of(const struct sekisho_rule_spec *spec)
{
	struct openness openness = {.all_ports = spec->port_count == 0};
	bool tcp = spec->protocol == SEKISHO_PROTOCOL_ALL || spec->protocol == IPPROTO_TCP;
	bool udp = spec->protocol == SEKISHO_PROTOCOL_ALL || spec->protocol == IPPROTO_UDP;

	for (size_t i = 0; i < spec->port_count; i++)
		openness.all_ports |=
			spec->ports[i].first == 0 && spec->ports[i].last == UINT16_MAX;
	for (size_t i = 0; i < spec->peer_count && (tcp || udp); i++) {
		bool is_ipv6 = spec->peers[i].family == SEKISHO_IPV6;

		if (spec->peers[i].length > 0 || !spec->peer_is_literal[i])
			continue;
		openness.open[TCP][is_ipv6] |= tcp;
		openness.open[UDP][is_ipv6] |= udp;
	}
	return openness;
}

/* The first rule of a class that opens each way: [direction][protocol][family]. */
struct ways {
	uint32_t rule[2][PROTOCOLS][2];
};

static void find_ways(const struct linter *linter, const struct linter_class *class,
		      const struct openness *found, struct ways *ways)
{
	for (unsigned i = 0; i < 8; i++)
		ways->rule[i / 4][i / 2 % 2][i % 2] = LINTER_NONE;
	for (size_t g = 0; g < class->group_count; g++) {
		uint32_t end = linter->group_rules[class->groups[g] + 1];

		for (uint32_t r = linter->group_rules[class->groups[g]]; r < end; r++) {
			uint8_t direction = linter->rules[r].spec->direction;

			for (unsigned i = 0; i < 4 && found[r].all_ports; i++) {
				uint32_t *way = &ways->rule[direction][i / 2][i % 2];

				if (*way == LINTER_NONE && found[r].open[i / 2][i % 2])
					*way = r;
			}
		}
	}
}

static void look_at_class(const struct linter *linter, const struct linter_class *class,
			  struct openness *found)
{
	struct ways ways;

	find_ways(linter, class, found, &ways);
	for (size_t g = 0; g < class->group_count; g++) {
		uint32_t end = linter->group_rules[class->groups[g] + 1];

		for (uint32_t r = linter->group_rules[class->groups[g]]; r < end; r++) {
			uint8_t direction = linter->rules[r].spec->direction;

			for (unsigned i = 0; i < 4; i++) {
				uint32_t back = ways.rule[!direction][i / 2][i % 2];

				if (back == LINTER_NONE || !class->family[i % 2] ||
				    !found[r].open[i / 2][i % 2])
					continue;
				if (found[r].endpoints == 0)
					found[r].back = back;
				found[r].endpoints += (uint32_t) class->count;
				break;
			}
		}
	}
}

static void say_untracked(struct linter *linter, const struct linter_rule *rule,
			  const struct openness *found)
{
	const struct sekisho_rule_spec *back = linter->rules[found->back].spec;
	size_t carriers = linter_carriers(linter, rule->group);
	char extent[64] = "";

	if (found->endpoints < carriers)
		snprintf(extent, sizeof(extent), "; on %u of %zu endpoints", found->endpoints,
			 carriers);
	LINTER_SAY_RULE(
		linter, LINT_UNTRACKED, rule, "AWS-10, AWS-14, AWS-32, AWS-61",
		"its flows have no state, as rule %s in line %u lets any answer through: they "
		"end at once when either rule goes, and ICMP errors about them need a rule%s",
		back->name, back->line, extent);
}

/* What each rule is open for; NULL: no memory. Stops early where there is too much to look at. */
static struct openness *look_at_all(struct linter *linter)
{
	struct openness *found = calloc(linter->rule_count + 1, sizeof(*found));

	if (found == NULL || linter->spec->semantics != SEKISHO_AWS_LIKE)
		return found;
	for (size_t r = 0; r < linter->rule_count; r++)
		found[r] = openness_of(linter->rules[r].spec);
	for (size_t c = 0; c < linter->class_count; c++) {
		const struct linter_class *class = &linter->classes[c];
		size_t rules = 0;

		for (size_t g = 0; g < class->group_count; g++)
			rules += linter->group_rules[class->groups[g] + 1] -
				 linter->group_rules[class->groups[g]];
		if (class->endpoint->auto_tracked)
			continue;
		if (!linter_spend(linter, rules * 8))
			break;
		look_at_class(linter, class, found);
	}
	return found;
}

bool lint_list_untracked(struct linter *linter, struct lint_untracked *untracked)
{
	struct openness *found = look_at_all(linter);

	for (size_t r = 0; found != NULL && r < linter->rule_count; r++) {
		if (found[r].endpoints > 0)
			untracked->rules[untracked->count++] = linter->rules[r].spec;
	}
	free(found);
	return found != NULL;
}

void lint_openness(struct linter *linter)
{
	struct openness *found = look_at_all(linter);

	linter->failed = found == NULL;
	find_open_to_all(linter);
	for (size_t r = 0; found != NULL && r < linter->rule_count; r++) {
		if (found[r].endpoints > 0)
			say_untracked(linter, &linter->rules[r], &found[r]);
	}
	free(found);
}
