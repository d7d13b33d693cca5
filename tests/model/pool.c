/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool.c: policies for sequences. The first of a family is random; the others are what might be
 * committed after it: fewer rules, rules opened to everybody, rules narrowed, or quite another policy.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"

static const char *const rule_names[3][PLAN_RULES] = {
	{"vpn/0", "vpn/1", "vpn/2", "vpn/3", "vpn/4", "vpn/5", "vpn/6", "vpn/7", "vpn/8", "vpn/9",
	 "vpn/10", "vpn/11"},
	{"web/0", "web/1", "web/2", "web/3", "web/4", "web/5", "web/6", "web/7", "web/8", "web/9",
	 "web/10", "web/11"},
	{"network_acl:edge/0", "network_acl:edge/1", "network_acl:edge/2", "network_acl:edge/3",
	 "network_acl:edge/4", "network_acl:edge/5"},
};

static struct sekisho_prefix prefix(uint8_t family, unsigned address, uint8_t length)
{
	struct sekisho_prefix made = {.family = family, .length = length};
	const uint8_t *from = event_address(family, address);

	for (unsigned bit = 0; bit < length; bit++)
		made.address[bit / 8] |= (uint8_t)(from[bit / 8] & 0x80 >> bit % 8);
	return made;
}

static uint8_t host(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

/* ---- Rules ------------------------------------------------------------------------------------ */

/* Rules stand in groups 0 and 1; "group" 2 is the network ACL. */
static struct sekisho_rule_spec *rule_of(struct plan *plan, unsigned g, unsigned r)
{
	return g < 2 ? &plan->rules[g][r] : &plan->entries[r].match;
}

/* Which peers a rule is for; blocks of both families or of one. */
static void choose_peers(struct random *random, struct plan *plan, unsigned g, unsigned r)
{
	struct sekisho_rule_spec *rule = rule_of(plan, g, r);
	struct sekisho_prefix *peers = plan->peers[g][r];
	bool *literal = plan->literal[g][r];

	rule->peers = peers;
	rule->peer_is_literal = literal;
	rule->peer_count = 2;
	literal[0] = literal[1] = true;
	switch (random_below(random, 10)) {
	case 0: /* halves are not the whole: AWS-19 */
		peers[0] = (struct sekisho_prefix){.family = 4, .length = 1};
		peers[1] = (struct sekisho_prefix){.family = 4, .length = 1, .address = {0x80}};
		break;
	case 1: /* nor is what a prefix list holds */
		literal[0] = literal[1] = false;
		peers[0] = prefix(4, 0, 0);
		peers[1] = prefix(6, 0, 0);
		break;
	case 2:
		peers[0] = prefix(random_chance(random, 50) ? 4 : 6, 0, 0);
		rule->peer_count = 1;
		break;
	case 3:
	case 4:
		peers[0] = prefix(4, ADDRESS_PEER, (uint8_t)(24 + 8 * random_below(random, 2)));
		peers[1] = prefix(6, ADDRESS_PEER, (uint8_t)(64 + 64 * random_below(random, 2)));
		break;
	case 5:
		peers[0] = prefix(4, ADDRESS_PEER_B, host(4));
		peers[1] = prefix(6, ADDRESS_PEER_B, host(6));
		break;
	default:
		peers[0] = prefix(4, 0, 0);
		peers[1] = prefix(6, 0, 0);
	}
}

static void choose_ports(struct random *random, struct plan *plan, unsigned g, unsigned r)
{
	static const struct sekisho_port_range ranges[] = {
		{80, 80},      {443, 443}, {500, 500}, {4500, 4500}, {53, 53},      {123, 123},
		{1024, 65535}, {0, 65535}, {1, 65535}, {4000, 4003}, {51820, 51820}};
	struct sekisho_rule_spec *rule = rule_of(plan, g, r);

	if (rule->protocol != IPPROTO_TCP && rule->protocol != IPPROTO_UDP)
		return;
	rule->ports = plan->ports[g][r];
	rule->port_count = random_below(random, 3);
	for (size_t i = 0; i < rule->port_count; i++)
		plan->ports[g][r][i] = RANDOM_OF(random, ranges);
}

static void choose_rule(struct random *random, struct plan *plan, unsigned g, unsigned r)
{
	static const uint16_t protocols[] = {
		SEKISHO_PROTOCOL_ALL, SEKISHO_PROTOCOL_ALL, SEKISHO_PROTOCOL_ALL, IPPROTO_TCP,
		IPPROTO_TCP,          IPPROTO_UDP,          IPPROTO_UDP,          IPPROTO_UDP,
		IPPROTO_ICMP,         IPPROTO_ICMPV6,       IPPROTO_ESP,          IPPROTO_GRE};
	static const int16_t types[] = {SEKISHO_ICMP_ANY, 8, 0, 3, 128, 129, 1, 13};
	struct sekisho_rule_spec *rule = rule_of(plan, g, r);

	*rule = (struct sekisho_rule_spec){
		.name = rule_names[g][r],
		.direction = random_chance(random, 50) ? SEKISHO_INGRESS : SEKISHO_EGRESS,
		.protocol = RANDOM_OF(random, protocols),
		.icmp_type = SEKISHO_ICMP_ANY,
		.icmp_code = SEKISHO_ICMP_ANY,
	};
	if (rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6) {
		rule->icmp_type = RANDOM_OF(random, types);
		if (rule->icmp_type != SEKISHO_ICMP_ANY && random_chance(random, 30))
			rule->icmp_code = (int16_t)random_below(random, 5);
	}
	choose_peers(random, plan, g, r);
	choose_ports(random, plan, g, r);
}

/* The rules that the founding case has: inbound only ESP from the peer, outbound everything. */
static void found(struct plan *plan)
{
	for (unsigned r = 0; r < 2; r++) {
		plan->rules[0][r] =
			(struct sekisho_rule_spec){.name = rule_names[0][r],
						   .icmp_type = SEKISHO_ICMP_ANY,
						   .icmp_code = SEKISHO_ICMP_ANY,
						   .peers = plan->peers[0][r],
						   .peer_is_literal = plan->literal[0][r],
						   .peer_count = 2};
		plan->literal[0][r][0] = plan->literal[0][r][1] = true;
	}
	plan->rules[0][0].direction = SEKISHO_INGRESS;
	plan->rules[0][0].protocol = IPPROTO_ESP;
	plan->peers[0][0][0] = prefix(4, ADDRESS_PEER, host(4));
	plan->peers[0][0][1] = prefix(6, ADDRESS_PEER, host(6));
	plan->rules[0][1].direction = SEKISHO_EGRESS;
	plan->rules[0][1].protocol = SEKISHO_PROTOCOL_ALL;
	plan->peers[0][1][0] = prefix(4, 0, 0);
	plan->peers[0][1][1] = prefix(6, 0, 0);
	plan->groups[0].rule_count = 2;
	plan->groups[1].rule_count = 0;
}

/* A network ACL that lets most things pass, for it stands before or after all else. */
static void choose_acl(struct random *random, struct plan *plan)
{
	plan->acl.entry_count = random_below(random, PLAN_ENTRIES);
	for (unsigned r = 0; r < plan->acl.entry_count; r++) {
		choose_rule(random, plan, 2, r);
		plan->entries[r].number = (uint16_t)(1 + random_below(random, 100));
		for (unsigned other = 0; other < r; other++)
			if (plan->entries[other].number == plan->entries[r].number)
				plan->entries[r].number = (uint16_t)(1000 + r);
		plan->entries[r].deny = random_chance(random, 40);
	}
	plan->subnet = prefix(4, ADDRESS_PEER_B, 24);
	plan->acl.subnet_count = random_below(random, 2);
	for (unsigned e = 0; e < 2; e++)
		plan->endpoints[e].acl = random_chance(random, 70);
}

/* ---- What stands around the rules --------------------------------------------------------------- */

static void choose_endpoints(struct random *random, struct plan *plan)
{
	static const uint16_t both[2] = {0, 1};

	plan->spec.endpoint_count = random_chance(random, 30) ? 1 : 2;
	for (unsigned e = 0; e < 2; e++) {
		unsigned address = e == 0 ? ADDRESS_ENDPOINT : ADDRESS_ENDPOINT_B;

		plan->addresses[e][0] = prefix(4, address, host(4));
		plan->addresses[e][1] = prefix(6, address, host(6));
		plan->endpoints[e] = (struct sekisho_endpoint_spec){.name = e == 0 ? "a" : "b",
								    .addresses = plan->addresses[e],
								    .address_count = 2};
		plan->endpoints[e].auto_tracked = random_chance(random, 15);
		plan->endpoints[e].groups = e == 0 ? both : both + random_below(random, 2);
		plan->endpoints[e].group_count = e == 0 ? 1 + random_below(random, 2) : 1;
	}
}

/* Knobs and timers; the same for all of a family, for what a change of them does is not in a clause. */
static void choose_knobs(struct random *random, struct sekisho_policy_spec *spec)
{
	if (random_chance(random, 20))
		spec->strict.symmetric_udp = SEKISHO_SYMMETRIC_TUPLE;
	if (random_chance(random, 30))
		spec->strict.esp = SEKISHO_ESP_FOLLOWS_IKE;
	if (random_chance(random, 10))
		spec->strict.verify_checksums = false;
	if (random_chance(random, 30))
		spec->aws.tcp_pickup = false;
	if (random_chance(random, 20))
		spec->timeouts[SEKISHO_TIMEOUT_UDP] = 47;
	if (random_chance(random, 20))
		spec->timeouts[SEKISHO_TIMEOUT_TCP_ESTABLISHED] = 60;
	if (random_chance(random, 20))
		spec->limits.half_open_percent = 1 + random_below(random, 20);
	if (random_chance(random, 10))
		spec->limits.half_open_per_source = 1 + random_below(random, 4);
	if (random_chance(random, 10))
		spec->limits.flows_per_source = 1 + random_below(random, 8);
}

static void finish(struct plan *plan)
{
	static const char *const group_names[2] = {"vpn", "web"};

	for (unsigned g = 0; g < 2; g++) {
		plan->groups[g].name = group_names[g];
		plan->groups[g].rules = plan->rules[g];
	}
	plan->never_filtered[0] = prefix(4, ADDRESS_NEVER_FILTERED, host(4));
	plan->never_filtered[1] = prefix(6, ADDRESS_NEVER_FILTERED, host(6));
	plan->acl.name = "edge";
	plan->acl.entries = plan->entries;
	plan->acl.subnets = &plan->subnet;
	plan->spec.acls = &plan->acl;
	plan->spec.acl_count = 1;
	plan->spec.groups = plan->groups;
	plan->spec.group_count = 2;
	plan->spec.endpoints = plan->endpoints;
	plan->spec.never_filtered = plan->never_filtered;
	plan->spec.never_filtered_count = 2;
}

/* What a pointer into `from` is in its copy. */
static const void *moved(const void *pointer, const struct plan *from, const struct plan *to)
{
	return pointer == NULL ? NULL
			       : (const char *)to + ((const char *)pointer - (const char *)from);
}

void plan_copy(struct plan *to, const struct plan *from)
{
	*to = *from;
	for (unsigned g = 0; g < 3; g++)
		for (unsigned r = 0; r < (g < 2 ? PLAN_RULES : PLAN_ENTRIES); r++) {
			struct sekisho_rule_spec *rule = rule_of(to, g, r);

			rule->peers = moved(rule->peers, from, to);
			rule->peer_is_literal = moved(rule->peer_is_literal, from, to);
			rule->ports = moved(rule->ports, from, to);
		}
	for (unsigned e = 0; e < 2; e++)
		to->endpoints[e].addresses = to->addresses[e];
	finish(to);
}

static void choose_rules(struct random *random, struct plan *plan)
{
	if (random_chance(random, 30)) {
		found(plan);
		return;
	}
	for (unsigned g = 0; g < 2; g++) {
		plan->groups[g].rule_count = random_below(random, g == 0 ? PLAN_RULES : 4);
		for (unsigned r = 0; r < plan->groups[g].rule_count; r++)
			choose_rule(random, plan, g, r);
	}
}

/* Take some rules away; those behind close up and keep their names. */
static void withdraw_rules(struct random *random, struct plan *plan)
{
	for (unsigned g = 0; g < 2; g++) {
		struct sekisho_group_spec *group = &plan->groups[g];
		size_t kept = 0;

		for (size_t r = 0; r < group->rule_count; r++)
			if (random_chance(random, 60))
				plan->rules[g][kept++] = plan->rules[g][r];
		group->rule_count = kept;
	}
}

/* Open or narrow some rules. */
static void turn_rules(struct random *random, struct plan *plan)
{
	for (unsigned g = 0; g < 2; g++)
		for (unsigned r = 0; r < plan->groups[g].rule_count; r++)
			if (random_chance(random, 50))
				choose_peers(random, plan, g, r);
}

static void choose_family(struct random *random, struct plan *family, unsigned number)
{
	enum sekisho_semantics semantics = number % 2 == 0 ? SEKISHO_STRICT : SEKISHO_AWS_LIKE;

	memset(family, 0, sizeof(*family) * SEQUENCE_POLICIES);
	sekisho_policy_spec_init(&family[0].spec, semantics);
	choose_knobs(random, &family[0].spec);
	choose_endpoints(random, &family[0]);
	if (random_chance(random, 15))
		choose_acl(random, &family[0]);
	choose_rules(random, &family[0]);
	finish(&family[0]);
	for (unsigned p = 1; p < SEQUENCE_POLICIES; p++)
		plan_copy(&family[p], &family[0]);
	withdraw_rules(random, &family[1]);
	turn_rules(random, &family[2]);
	choose_rules(random, &family[3]);
}

struct pool *pool_create(uint64_t seed)
{
	struct pool *pool = malloc(sizeof(*pool));
	struct random random = {seed / POOL_SEQUENCES};
	char message[128] = "no memory for policies";

	if (pool == NULL || (pool->names = sekisho_rule_names_create(PLAN_NAMES)) == NULL)
		goto failed;
	pool->seed = seed / POOL_SEQUENCES;
	for (unsigned f = 0; f < POOL_FAMILIES; f++) {
		choose_family(&random, pool->plan[f], f);
		for (unsigned p = 0; p < SEQUENCE_POLICIES; p++) {
			struct plan *plan = &pool->plan[f][p];

			plan->policy = sekisho_policy_create(&plan->spec, pool->names, message,
							     sizeof(message));
			if (plan->policy == NULL)
				goto failed;
		}
	}
	return pool;
failed:
	fprintf(stderr, "model: %s\n", message);
	exit(2);
}

void pool_destroy(struct pool *pool)
{
	for (unsigned f = 0; f < POOL_FAMILIES; f++)
		for (unsigned p = 0; p < SEQUENCE_POLICIES; p++)
			sekisho_policy_destroy(pool->plan[f][p].policy);
	sekisho_rule_names_destroy(pool->names);
	free(pool);
}
