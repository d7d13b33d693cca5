/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_rules.c: rules and network ACLs. The compiled matcher must agree with the linear one on random
 * policies and packets; `test_rules N` takes N packets instead of the default.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "rules.h"

#define GROUPS    6
#define RULES     24 /* of a group */
#define ACLS      3
#define ENDPOINTS 5
#define PEERS     3 /* of a rule, at most */

static uint64_t packets_wanted = 200000;
static uint64_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

/* ---- random policies -------------------------------------------------------------------------- */

struct random_policy {
	struct sekisho_prefix peers[GROUPS * RULES + ACLS * RULES][PEERS];
	bool literal[PEERS];
	struct sekisho_port_range ports[GROUPS * RULES + ACLS * RULES][2];
	struct sekisho_rule_spec rules[GROUPS][RULES];
	struct sekisho_group_spec groups[GROUPS];
	struct sekisho_acl_entry_spec entries[ACLS][RULES];
	struct sekisho_acl_spec acls[ACLS];
	struct sekisho_prefix addresses[ENDPOINTS][2];
	uint16_t attached[ENDPOINTS][GROUPS];
	struct sekisho_endpoint_spec endpoints[ENDPOINTS];
	struct sekisho_policy_spec spec;
	unsigned used; /* rows of peers and ports */
};

/* Few values, so that blocks contain one another and packets meet them. */
static void random_address(uint8_t *address, uint8_t family)
{
	memset(address, 0, 16);
	for (unsigned i = 0; i < (family == SEKISHO_IPV6 ? 16u : 4u); i++)
		address[i] = (uint8_t)(draw(3) * 0x41);
}

static struct sekisho_prefix random_prefix(void)
{
	struct sekisho_prefix prefix = {.family = draw(2) ? SEKISHO_IPV4 : SEKISHO_IPV6};
	unsigned bits = prefix.family == SEKISHO_IPV4 ? 32 : 128;

	random_address(prefix.address, prefix.family);
	prefix.length = (uint8_t)(draw(4) == 0 ? 0 : draw(bits + 1));
	for (unsigned i = prefix.length; i < bits; i++)
		prefix.address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return prefix;
}

static uint8_t random_protocol(void)
{
	static const uint8_t protocols[] = {IPPROTO_TCP,    IPPROTO_UDP, IPPROTO_ICMP,
					    IPPROTO_ICMPV6, 50,          47};

	return protocols[draw(sizeof(protocols))];
}

static struct sekisho_rule_spec random_rule(struct random_policy *policy, const char *kind)
{
	unsigned row = policy->used++;
	struct sekisho_rule_spec rule = {.direction = (uint8_t)draw(2),
					 .icmp_type = SEKISHO_ICMP_ANY,
					 .icmp_code = SEKISHO_ICMP_ANY,
					 .peers = policy->peers[row],
					 .peer_is_literal = policy->literal,
					 .peer_count = 1 + draw(PEERS)};
	char name[32];

	snprintf(name, sizeof(name), "%s/%u", kind, row);
	rule.name = strdup(name);
	rule.protocol = draw(5) == 0 ? SEKISHO_PROTOCOL_ALL : random_protocol();
	for (unsigned i = 0; i < rule.peer_count; i++)
		policy->peers[row][i] = random_prefix();
	if ((rule.protocol == IPPROTO_TCP || rule.protocol == IPPROTO_UDP) && draw(4) != 0) {
		rule.ports = policy->ports[row];
		rule.port_count = 1 + draw(2);
		for (unsigned i = 0; i < rule.port_count; i++) {
			uint16_t first = (uint16_t)draw(64);

			policy->ports[row][i] = (struct sekisho_port_range){
				first, (uint16_t)(first + draw(3) * draw(40))};
		}
	}
	if ((rule.protocol == IPPROTO_ICMP || rule.protocol == IPPROTO_ICMPV6) && draw(2)) {
		rule.icmp_type = (int16_t)draw(4);
		rule.icmp_code = draw(2) ? (int16_t)draw(3) : SEKISHO_ICMP_ANY;
	}
	return rule;
}

static void random_endpoint(struct random_policy *policy, unsigned index)
{
	struct sekisho_endpoint_spec *endpoint = &policy->endpoints[index];

	policy->addresses[index][0] =
		(struct sekisho_prefix){{10, (uint8_t)index}, SEKISHO_IPV4, draw(2) ? 32 : 16};
	policy->addresses[index][1] =
		(struct sekisho_prefix){{0xfd, (uint8_t)index}, SEKISHO_IPV6, draw(2) ? 128 : 16};
	*endpoint = (struct sekisho_endpoint_spec){.name = "e",
						   .addresses = policy->addresses[index],
						   .address_count = 2,
						   .groups = policy->attached[index],
						   .group_count = draw(GROUPS),
						   .acl = (uint16_t)draw(ACLS + 1),
						   .auto_tracked = draw(4) == 0};
	for (unsigned g = 0; g < GROUPS; g++)
		policy->attached[index][g] = (uint16_t)((g + index) % GROUPS);
}

static void random_policy(struct random_policy *policy)
{
	memset(policy, 0, sizeof(*policy));
	sekisho_policy_spec_init(&policy->spec, SEKISHO_AWS_LIKE);
	for (unsigned i = 0; i < PEERS; i++)
		policy->literal[i] = true;
	for (unsigned g = 0; g < GROUPS; g++) {
		for (unsigned r = 0; r < RULES; r++)
			policy->rules[g][r] = random_rule(policy, "g");
		policy->groups[g] = (struct sekisho_group_spec){"g", policy->rules[g], RULES};
	}
	for (unsigned a = 0; a < ACLS; a++) {
		for (unsigned e = 0; e < RULES; e++) {
			policy->entries[a][e].match = random_rule(policy, "a");
			policy->entries[a][e].number = (uint16_t)(1 + draw(2000) * RULES + e);
			policy->entries[a][e].deny = draw(2);
		}
		policy->acls[a] =
			(struct sekisho_acl_spec){"a", policy->entries[a], RULES, NULL, 0};
	}
	for (unsigned e = 0; e < ENDPOINTS; e++)
		random_endpoint(policy, e);
	policy->spec.groups = policy->groups;
	policy->spec.group_count = GROUPS;
	policy->spec.acls = policy->acls;
	policy->spec.acl_count = ACLS;
	policy->spec.endpoints = policy->endpoints;
	policy->spec.endpoint_count = ENDPOINTS;
}

static void random_policy_fini(struct random_policy *policy)
{
	for (unsigned i = 0; i < GROUPS * RULES; i++)
		free((char *)policy->rules[i / RULES][i % RULES].name);
	for (unsigned i = 0; i < ACLS * RULES; i++)
		free((char *)policy->entries[i / RULES][i % RULES].match.name);
}

/* Rules alone, numbered by their place. */
static struct rules *build(struct random_policy *policy, enum sekisho_matcher matcher)
{
	static uint32_t numbers[GROUPS + ACLS][RULES + 2];
	const uint32_t *groups[GROUPS], *acls[ACLS];
	const struct rules_numbers by_list = {groups, acls};
	char message[256];
	struct rules *rules;

	for (unsigned l = 0; l < GROUPS + ACLS; l++) {
		for (unsigned r = 0; r < RULES + 2; r++)
			numbers[l][r] = 1000 * l + r;
		if (l < GROUPS)
			groups[l] = numbers[l];
		else
			acls[l - GROUPS] = numbers[l];
	}
	policy->spec.matcher = matcher;
	rules = rules_create(&policy->spec, &by_list, message, sizeof(message));
	if (rules == NULL)
		fail_msg("%s", message);
	return rules;
}

/* A packet's query, whose addresses are put where the caller has room for them. */
static struct rules_query random_query(uint8_t family, uint8_t local[16], uint8_t peer[16])
{
	memset(local, 0, 16);
	local[0] = family == SEKISHO_IPV4 ? 10 : 0xfd;
	local[1] = (uint8_t)draw(ENDPOINTS + 1);
	local[3] = (uint8_t)draw(2);
	random_address(peer, family);
	return (struct rules_query){.local = local,
				    .peer = peer,
				    .direction = (uint8_t)draw(2),
				    .family = family,
				    .protocol = random_protocol(),
				    .icmp_type = (uint8_t)draw(5),
				    .icmp_code = (uint8_t)draw(4),
				    .port = (uint16_t)draw(120)};
}

static void same_match(struct rules_match a, struct rules_match b)
{
	assert_int_equal(a.rule, b.rule);
	assert_int_equal(a.endpoint, b.endpoint);
	assert_int_equal(a.open, b.open);
}

/* As many together find what each finds alone. */
static void compare_many(const struct rules *rules)
{
	uint8_t local[RULES_MANY][16], peer[RULES_MANY][16];
	struct rules_query queries[RULES_MANY];
	struct rules_match matches[RULES_MANY];
	unsigned count = 1 + draw(RULES_MANY);

	for (unsigned i = 0; i < count; i++)
		queries[i] = random_query(SEKISHO_IPV4, local[i], peer[i]);
	rules_match_many(rules, queries, count, matches);
	for (unsigned i = 0; i < count; i++)
		same_match(matches[i], rules_match(rules, &queries[i]));
}

static void compare(const struct rules *linear, const struct rules *compiled)
{
	uint8_t local[16], peer[16];
	const struct rules_query query =
		random_query(draw(2) ? SEKISHO_IPV4 : SEKISHO_IPV6, local, peer);
	uint32_t rule_a = 0, rule_b = 0;

	same_match(rules_match(linear, &query), rules_match(compiled, &query));
	assert_int_equal(rules_acl_allows(linear, &query, &rule_a),
			 rules_acl_allows(compiled, &query, &rule_b));
	assert_int_equal(rule_a, rule_b);
}

static void matchers_agree(void **state)
{
	static struct random_policy policy;
	uint64_t packets = 0;

	(void)state;
	while (packets < packets_wanted) {
		struct rules *linear, *compiled;

		random_policy(&policy);
		linear = build(&policy, SEKISHO_MATCHER_LINEAR);
		compiled = build(&policy, SEKISHO_MATCHER_COMPILED);
		for (unsigned i = 0; i < 20000; i++, packets++)
			compare(linear, compiled);
		for (unsigned i = 0; i < 500; i++) {
			compare_many(linear);
			compare_many(compiled);
		}
		rules_destroy(linear);
		rules_destroy(compiled);
		random_policy_fini(&policy);
	}
}

/* ---- network ACLs through the engine ---------------------------------------------------------- */

struct acl_bench {
	struct bench bench;
	struct sekisho_acl_entry_spec entries[8];
	size_t entry_count;
	const struct sekisho_prefix *subnets;
};

static void acl_entry(struct acl_bench *bench, uint16_t number, uint8_t direction,
		      uint16_t protocol, bool deny)
{
	char name[64];

	snprintf(name, sizeof(name), "network_acl:edge/%u-%u", direction, number);
	bench->entries[bench->entry_count++] = (struct sekisho_acl_entry_spec){
		.match = bench_rule(strdup(name), direction, protocol, bench_everything),
		.number = number,
		.deny = deny};
}

/* The endpoint under the ACL; its groups let everything out, and TCP in. */
static void acl_install(struct acl_bench *bench, enum sekisho_semantics semantics)
{
	static const uint16_t group = 0;
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/tcp-in", SEKISHO_INGRESS, IPPROTO_TCP, bench_peer),
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_peer),
	};
	const struct sekisho_group_spec groups = {"vpn", rules, 2};
	const struct sekisho_acl_spec acl = {"edge", bench->entries, bench->entry_count,
					     bench->subnets, bench->subnets != NULL};
	const struct sekisho_endpoint_spec endpoint = {.name = "b",
						       .addresses = bench_local,
						       .address_count = 2,
						       .groups = &group,
						       .group_count = 1,
						       .acl = 1};
	struct sekisho_policy *old = bench->bench.policy;
	struct sekisho_policy_spec spec;
	char message[128];

	sekisho_policy_spec_init(&spec, semantics);
	spec.groups = &groups;
	spec.endpoints = &endpoint;
	spec.acls = &acl;
	spec.group_count = spec.endpoint_count = spec.acl_count = 1;
	bench->bench.policy =
		sekisho_policy_create(&spec, bench->bench.names, message, sizeof(message));
	assert_non_null(bench->bench.policy);
	sekisho_engine_set_policy(bench->bench.engine, 0, bench->bench.policy);
	sekisho_policy_destroy(old);
}

static void acl_clear(struct acl_bench *bench)
{
	for (size_t i = 0; i < bench->entry_count; i++)
		free((char *)bench->entries[i].match.name);
	bench->entry_count = 0;
}

static void acl_run(struct acl_bench *bench, const struct row *rows, size_t count)
{
	bench_run(&bench->bench, rows, count);
}

#define IN  SEKISHO_INGRESS
#define OUT SEKISHO_EGRESS
#define ALL SEKISHO_PROTOCOL_ALL
#define RUN(bench, ...)                                                  \
	do {                                                             \
		static const struct row rows_[] = {__VA_ARGS__};         \
		acl_run(bench, rows_, sizeof(rows_) / sizeof(rows_[0])); \
	} while (0)

/* The first by number decides, whatever the order in the file; what none matches is denied. */
static void aws_132_first_by_number(void **state)
{
	struct acl_bench bench = {0};

	(void)state;
	bench_init(&bench.bench, 64);
	acl_entry(&bench, 200, IN, ALL, false);
	acl_entry(&bench, 100, IN, IPPROTO_TCP, true);
	acl_entry(&bench, 100, OUT, IPPROTO_UDP, false);
	acl_install(&bench, SEKISHO_AWS_LIKE);
	RUN(&bench, {0, "in tcp 4000 80 S 1 0 0", "network-acl"},
	    {0, "in udp 4000 80 junk", "no-rule"}, {0, "out udp 4000 80 junk", "rule-match"},
	    {0, "in udp 80 4000 junk", "flow-answer"},
	    {0, "out tcp 4000 80 S 1 0 0", "network-acl"},
	    {0, "out6 udp 4000 80 junk", "rule-match"});
	assert_string_equal(
		sekisho_rule_name(bench.bench.names,
				  bench_send(&bench.bench, 0, "in tcp 4000 80 S 1 0 0").rule),
		"network_acl:edge/1-100");
	assert_string_equal(
		sekisho_rule_name(bench.bench.names,
				  bench_send(&bench.bench, 0, "out tcp 4000 80 S 1 0 0").rule),
		"network_acl:edge/out-*");
	acl_clear(&bench);
	bench_fini(&bench.bench);
}

/* AWS-138, 145: no state, so the answer needs an entry of its own; AWS-63: and is cut at once. */
static void aws_138_145_a_denial_beats_flow_state(void **state)
{
	for (int semantics = 0; semantics < 2; semantics++) {
		struct acl_bench bench = {0};

		(void)state;
		bench_init(&bench.bench, 64);
		acl_entry(&bench, 100, IN, ALL, false);
		acl_entry(&bench, 100, OUT, ALL, false);
		acl_install(&bench, semantics);
		RUN(&bench, {0, "out tcp 4000 80 S 100 0 0", "rule-match"},
		    {1, "in tcp 80 4000 SA 500 101 0", "flow-answer"},
		    {2, "out tcp 4000 80 A 101 501 0", "flow-originator"});
		acl_clear(&bench);
		acl_entry(&bench, 100, OUT, ALL, false);
		acl_install(&bench, semantics);
		RUN(&bench, {3, "in tcp 80 4000 A 501 101 0", "network-acl"},
		    {4, "out tcp 4000 80 A 101 501 0", "flow-originator"});
		/* AWS-67: a short block does not end it */
		acl_entry(&bench, 100, IN, ALL, false);
		acl_install(&bench, semantics);
		RUN(&bench, {5, "in tcp 80 4000 A 501 101 0", "flow-answer"});
		acl_clear(&bench);
		bench_fini(&bench.bench);
	}
}

/* On egress the groups come first: what they would not let out is not the ACL's drop. */
static void aws_145_order(void **state)
{
	struct acl_bench bench = {0};

	(void)state;
	bench_init(&bench.bench, 64);
	acl_entry(&bench, 100, IN, ALL, false);
	acl_install(&bench, SEKISHO_STRICT);
	RUN(&bench, {0, "in tcp 4000 80 S 1 0 0", "rule-match"},
	    {0, "out tcp 80 4000 SA 5 2 0", "network-acl"}, {0, "out udp 9 9 junk", "network-acl"});
	acl_clear(&bench);
	bench_fini(&bench.bench);
}

static void aws_130_same_subnet(void **state)
{
	struct acl_bench bench = {.subnets = bench_peer};

	(void)state;
	bench_init(&bench.bench, 64);
	acl_install(&bench, SEKISHO_AWS_LIKE);
	RUN(&bench, {0, "out udp 4000 80 junk", "rule-match"},
	    {0, "in udp 80 4000 junk", "flow-answer"}, {0, "out6 udp 4000 80 junk", "network-acl"});
	bench_fini(&bench.bench);
}

/* ---- groups ----------------------------------------------------------------------------------- */

/* AWS-106: neither a family's blocks nor its ICMP match the other's packets. */
static void aws_106_families(void **state)
{
	static const struct row rows[] = {{0, "in proto 58", "no-rule"},
					  {0, "in6 proto 1", "no-rule"},
					  {0, "in echo 1 1", "rule-match"},
					  {0, "in6 echo 1 1", "rule-match"}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/icmp", SEKISHO_INGRESS, IPPROTO_ICMP, bench_everything),
		bench_rule("vpn/icmpv6", SEKISHO_INGRESS, IPPROTO_ICMPV6, bench_everything),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	bench_install(&bench, &spec, rules, 2);
	bench_run(&bench, rows, 4);
	bench_fini(&bench);
}

static struct sekisho_rule_stats rule_stats(const struct bench *bench, uint32_t rule)
{
	struct sekisho_rule_stats stats;

	sekisho_engine_rule_stats(bench->engine, rule, &stats);
	return stats;
}

/* By name, whatever the policy: packets, flows that it opened, those that live, when it was last hit. */
static void rule_counters(void **state)
{
	static const struct row rows[] = {{0, "out udp 4000 9 junk", "rule-match"},
					  {10, "in udp 9 4000 junk", "flow-answer"},
					  {20, "out udp 4001 9 junk", "rule-match"},
					  {30, "in udp 9 4002 junk", "no-rule"}};
	struct bench bench;
	struct sekisho_rule_stats out;
	uint32_t all_out = 1;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, rows, 4);
	assert_string_equal(sekisho_rule_name(bench.names, all_out), "vpn/all-out");
	out = rule_stats(&bench, all_out);
	assert_int_equal(out.packets, 3);
	assert_int_equal(out.flows, 2);
	assert_int_equal(out.live, 2);
	assert_int_equal(out.last_ms, 20);
	bench_founding(&bench, SEKISHO_STRICT); /* a new policy with the same names */
	bench_send(&bench, 40, "out udp 4000 9 junk");
	out = rule_stats(&bench, all_out);
	assert_int_equal(out.packets, 4);
	assert_int_equal(out.live, 2);
	bench_wait(&bench, 60000, 62000); /* both are past their time */
	out = rule_stats(&bench, all_out);
	assert_int_equal(out.flows, 2);
	assert_int_equal(out.live, 0);
	bench_fini(&bench);
}

/* Blocks of one endpoint may lie within one another, those of two may not. */
static void endpoints_do_not_overlap(void **state)
{
	struct sekisho_prefix wide = {{10}, SEKISHO_IPV4, 8}, narrow = {{10, 1}, SEKISHO_IPV4, 16};
	struct sekisho_prefix both[2] = {narrow, wide};
	struct sekisho_endpoint_spec endpoints[2] = {
		{.name = "a", .addresses = both, .address_count = 2},
		{.name = "b", .addresses = &narrow, .address_count = 1},
	};
	struct sekisho_rule_names *names = sekisho_rule_names_create(4);
	struct sekisho_tuple tuple = {.family = SEKISHO_IPV4, .source = {10, 2}};
	struct sekisho_policy_spec spec;
	struct sekisho_policy *policy;
	char message[128];

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.endpoints = endpoints;
	spec.endpoint_count = 2;
	assert_null(sekisho_policy_create(&spec, names, message, sizeof(message)));
	assert_string_equal(message, "addresses of two endpoints overlap");
	spec.endpoint_count = 1;
	policy = sekisho_policy_create(&spec, names, message, sizeof(message));
	assert_non_null(policy);
	assert_int_equal(sekisho_policy_direction(policy, &tuple), SEKISHO_EGRESS);
	tuple.source[0] = 11;
	assert_int_equal(sekisho_policy_direction(policy, &tuple), SEKISHO_INGRESS);
	sekisho_policy_destroy(policy);
	sekisho_rule_names_destroy(names);
}

int main(int argc, char **argv)
{
	static char *eal[] = {
		"test_rules",     "--no-huge", "--no-shconf", "-m",          "256", "--no-pci",
		"--no-telemetry", "--lcores",  "0@(0,1)",     "--log-level", "4"};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matchers_agree),
		cmocka_unit_test(aws_132_first_by_number),
		cmocka_unit_test(aws_138_145_a_denial_beats_flow_state),
		cmocka_unit_test(aws_145_order),
		cmocka_unit_test(aws_130_same_subnet),
		cmocka_unit_test(aws_106_families),
		cmocka_unit_test(rule_counters),
		cmocka_unit_test(endpoints_do_not_overlap),
	};

	if (argc > 1)
		packets_wanted = strtoull(argv[1], NULL, 10);
	if (rte_eal_init((int)(sizeof(eal) / sizeof(eal[0])), eal) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
