/* SPDX-License-Identifier: BSD-3-Clause */
/* policies.c: see policies.h. */
#include "policies.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define SETS      8
#define RULES_MAX 5
#define KNOBS     5

static const struct sekisho_prefix everything[] = {{.family = 4}, {.family = 6}};
static const struct sekisho_prefix peer[] = {
	{.address = {198, 51, 100, 100}, .family = 4, .length = 32},
	{.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 100}, .family = 6, .length = 128}};
static const struct sekisho_prefix locals[2][2] = {
	{{.address = {198, 51, 100, 2}, .family = 4, .length = 32},
	 {.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 2}, .family = 6, .length = 128}},
	{{.address = {198, 51, 100, 3}, .family = 4, .length = 32},
	 {.address = {0x20, 0x01, 0x0d, 0xb8, [15] = 3}, .family = 6, .length = 128}}};
static const bool literal[2] = {true, true}, by_reference[2] = {false, false};
static const struct sekisho_port_range web[] = {{80, 80}, {443, 443}}, ike[] = {{500, 500}},
				       all_ports[] = {{0, 65535}};

/* A rule in short; from or to everything, or the one peer. */
struct brief {
	const char *name; /* NULL ends the set */
	uint8_t direction;
	uint16_t protocol;
	const struct sekisho_prefix *peers;
	const struct sekisho_port_range *ports;
	size_t port_count;
};

#define ANY SEKISHO_PROTOCOL_ALL
static const struct brief sets[SETS][RULES_MAX] = {
	/* the founding case */
	{{"esp-in", SEKISHO_INGRESS, IPPROTO_ESP, peer, NULL, 0},
	 {"all-out", SEKISHO_EGRESS, ANY, everything, NULL, 0}},
	/* nothing */
	{{NULL}},
	/* open both ways: untracked */
	{{"all-in", SEKISHO_INGRESS, ANY, everything, NULL, 0},
	 {"all-out", SEKISHO_EGRESS, ANY, everything, NULL, 0}},
	/* a web server */
	{{"web-in", SEKISHO_INGRESS, IPPROTO_TCP, everything, web, 2},
	 {"ike-in", SEKISHO_INGRESS, IPPROTO_UDP, peer, ike, 1},
	 {"ping-in", SEKISHO_INGRESS, IPPROTO_ICMP, everything, NULL, 0},
	 {"tcp-out", SEKISHO_EGRESS, IPPROTO_TCP, everything, all_ports, 1},
	 {"udp-out", SEKISHO_EGRESS, IPPROTO_UDP, everything, NULL, 0}},
	/* only from outside */
	{{"all-in", SEKISHO_INGRESS, ANY, everything, NULL, 0}},
	/* one peer, both ways */
	{{"peer-in", SEKISHO_INGRESS, ANY, peer, NULL, 0},
	 {"peer-out", SEKISHO_EGRESS, ANY, peer, NULL, 0}},
	/* only to outside */
	{{"all-out", SEKISHO_EGRESS, ANY, everything, NULL, 0}},
	/* the web server, to one peer only */
	{{"web-in", SEKISHO_INGRESS, IPPROTO_TCP, peer, web, 2},
	 {"udp-out", SEKISHO_EGRESS, IPPROTO_UDP, peer, NULL, 0}},
};

static struct sekisho_rule_names *names;
static struct sekisho_policy *policies[2 * KNOBS * SETS];

struct sekisho_rule_names *policies_names(void)
{
	return names;
}

struct sekisho_policy *policies_get(unsigned which)
{
	return policies[which % (2 * KNOBS * SETS)];
}

/* Expand a set; the number of its rules. */
static size_t expand(const struct brief *set, struct sekisho_rule_spec *rules)
{
	size_t count = 0;

	for (; count < RULES_MAX && set[count].name != NULL; count++)
		rules[count] = (struct sekisho_rule_spec){
			.name = set[count].name,
			.direction = set[count].direction,
			.protocol = set[count].protocol,
			.icmp_type = SEKISHO_ICMP_ANY,
			.icmp_code = SEKISHO_ICMP_ANY,
			.ports = set[count].ports,
			.port_count = set[count].port_count,
			.peers = set[count].peers,
			.peer_is_literal = set[count].peers == peer ? by_reference : literal,
			.peer_count = 2,
		};
	return count;
}

/* A network ACL: ping and what belongs to ports over 1023 may come in, but from the other peer all. */
static const struct sekisho_port_range high_ports[] = {{1024, 65535}};
#define ENTRY(entry_name, entry_number, denies, way, number_of_protocol, range) \
	{                                                                       \
		.number = entry_number, .deny = denies, .match = {              \
			.name = entry_name,                                     \
			.direction = way,                                       \
			.protocol = number_of_protocol,                         \
			.icmp_type = SEKISHO_ICMP_ANY,                          \
			.icmp_code = SEKISHO_ICMP_ANY,                          \
			.ports = range,                                         \
			.port_count = (range) != NULL,                          \
			.peers = everything,                                    \
			.peer_is_literal = literal,                             \
			.peer_count = 2,                                        \
		}                                                               \
	}
static const struct sekisho_acl_entry_spec entries[] = {
	ENTRY("acl-out", 100, false, SEKISHO_EGRESS, ANY, NULL),
	ENTRY("acl-ping", 90, false, SEKISHO_INGRESS, IPPROTO_ICMP, NULL),
	ENTRY("acl-no-udp", 95, true, SEKISHO_INGRESS, IPPROTO_UDP, ike),
	ENTRY("acl-udp", 100, false, SEKISHO_INGRESS, IPPROTO_UDP, high_ports),
	ENTRY("acl-tcp", 101, false, SEKISHO_INGRESS, IPPROTO_TCP, high_ports),
};
static const struct sekisho_prefix other_peer = {
	.address = {198, 51, 100, 101}, .family = 4, .length = 32};
static const struct sekisho_acl_spec acl = {.name = "acl",
					    .entries = entries,
					    .entry_count = sizeof(entries) / sizeof(entries[0]),
					    .subnets = &other_peer,
					    .subnet_count = 1};

/* Turn knobs: none, those of strict and aws-like, the ceilings, the endpoints' own, a network ACL. */
static void turn(struct sekisho_policy_spec *spec, struct sekisho_endpoint_spec *endpoints,
		 unsigned knobs)
{
	if (knobs == 1) {
		spec->strict.symmetric_udp = SEKISHO_SYMMETRIC_TUPLE;
		spec->strict.esp = SEKISHO_ESP_FOLLOWS_IKE;
		spec->strict.verify_checksums = false;
		spec->aws.tcp_pickup = false;
	} else if (knobs == 2) {
		spec->limits = (struct sekisho_limits_spec){10, 3, 6};
	} else if (knobs == 3) {
		endpoints[1].timeouts[SEKISHO_TIMEOUT_TCP_ESTABLISHED] = 60;
		endpoints[1].timeouts[SEKISHO_TIMEOUT_UDP] = 60;
		endpoints[1].auto_tracked = true;
		spec->never_filtered = locals[0];
		spec->never_filtered_count = 1;
	} else if (knobs == 4) {
		spec->acls = &acl;
		spec->acl_count = 1;
		endpoints[0].acl = 1;
	}
}

static struct sekisho_policy *build(unsigned semantics, unsigned knobs, unsigned set)
{
	static const uint16_t first_group = 0;
	struct sekisho_rule_spec rules[RULES_MAX];
	struct sekisho_group_spec group = {
		.name = "g", .rules = rules, .rule_count = expand(sets[set], rules)};
	struct sekisho_endpoint_spec endpoints[2];
	struct sekisho_policy_spec spec;
	struct sekisho_policy *policy;
	char message[256];

	sekisho_policy_spec_init(&spec, semantics);
	for (unsigned i = 0; i < 2; i++)
		endpoints[i] = (struct sekisho_endpoint_spec){.name = i ? "b" : "a",
							      .addresses = locals[i],
							      .address_count = 2,
							      .groups = &first_group,
							      .group_count = 1};
	turn(&spec, endpoints, knobs);
	spec.groups = &group;
	spec.group_count = 1;
	spec.endpoints = endpoints;
	spec.endpoint_count = 2;
	policy = sekisho_policy_create(&spec, names, message, sizeof(message));
	FUZZ_CHECK(policy != NULL);
	return policy;
}

void policies_init(void)
{
	unsigned at = 0;

	names = sekisho_rule_names_create(32);
	FUZZ_CHECK(names != NULL);
	for (unsigned knobs = 0; knobs < KNOBS; knobs++)
		for (unsigned set = 0; set < SETS; set++)
			for (unsigned semantics = 0; semantics < 2; semantics++)
				policies[at++] = build(semantics, knobs, set);
}
