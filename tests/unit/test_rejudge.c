/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_rejudge.c: what becomes of flows when another policy takes over: STRICT-4 closes those that no
 * rule admits any more, AWS-60 keeps them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

static void strict_4_rule_withdrawn(void **state)
{
	static const struct row before[] = {{0, "out udp 4000 99 junk", "rule-match"},
					    {1, "in udp 99 4000 junk", "flow-answer"}};
	static const struct row after[] = {{2, "in udp 99 4000 junk", "rule-withdrawn"},
					   {3, "in udp 99 4000 junk", "no-rule"},
					   {4, "out udp 4000 99 junk", "no-rule"}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/esp-in", SEKISHO_INGRESS, 50, bench_peer)};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, before, 2);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, after, 3);
	bench_fini(&bench);
}

/* What opened the flow is asked for again, not the request that it would answer. */
static void strict_4_reply_opened(void **state)
{
	static const struct row echo[] = {{0, "out reply 7 0", "rule-match"},
					  {1, "out reply 8 0", "rule-match"}};
	static const struct row kept[] = {{2, "out reply 7 0", "flow-originator"}};
	static const struct row withdrawn[] = {{3, "out reply 8 0", "rule-withdrawn"}};
	struct sekisho_rule_spec rule =
		bench_rule("vpn/icmp-out", SEKISHO_EGRESS, 1, bench_everything);
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, echo, 2);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	rule.icmp_type = 0;
	bench_install(&bench, &spec, &rule, 1);
	bench_run(&bench, kept, 1);
	rule.icmp_type = 8;
	bench_install(&bench, &spec, &rule, 1);
	bench_run(&bench, withdrawn, 1);
	bench_fini(&bench);
}

/* A flow that another rule opens now is that rule's; what it has opened from one side only stays. */
static void strict_4_another_rule(void **state)
{
	static const struct row before[] = {{0, "out proto 50", "rule-match"},
					    {1, "in proto 50", "rule-match"}};
	static const struct row after[] = {{2, "out proto 50", "flow-originator"},
					   {3, "in proto 50", "no-proof-protocol"}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/esp-out", SEKISHO_EGRESS, 50, bench_peer)};
	static const uint32_t live[] = {0, 0, 1}; /* esp-in, all-out, esp-out */
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, before, 2);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, after, 2);
	for (uint32_t rule = 0; rule < 3; rule++) {
		struct sekisho_rule_stats stats;

		sekisho_engine_rule_stats(bench.engine, rule, &stats);
		assert_int_equal(stats.live, live[rule]);
	}
	bench_fini(&bench);
}

static void aws_60_flow_outlives_rule(void **state)
{
	static const struct row before[] = {{0, "out udp 4000 99 junk", "rule-match"}};
	static const struct row after[] = {{2, "in udp 99 4000 junk", "flow-answer"},
					   {3, "out udp 4001 99 junk", "no-rule"}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/esp-in", SEKISHO_INGRESS, 50, bench_peer)};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	bench_run(&bench, before, 1);
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, after, 2);
	bench_fini(&bench);
}

/* Rejudge to the end, and see that no step is without a bound. */
static void rejudge_all(struct bench *bench, uint32_t now_ms)
{
	struct sekisho_stats before, after;
	bool more = true;

	while (more) {
		sekisho_engine_stats(bench->engine, &before);
		more = sekisho_engine_rejudge(bench->engine, now_ms);
		sekisho_engine_stats(bench->engine, &after);
		assert_true(after.flows_closed - before.flows_closed <= 8);
	}
	assert_false(sekisho_engine_rejudge(bench->engine, now_ms));
}

/* A hundred flows to port 98 and a hundred to 99, by a rule each; then the second rule goes. */
static void rejudge_idle_flows(enum sekisho_semantics semantics, struct sekisho_stats *stats)
{
	static const struct sekisho_port_range ports[] = {{98, 98}, {99, 99}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/98", SEKISHO_EGRESS, 17, bench_everything),
		bench_rule("vpn/99", SEKISHO_EGRESS, 17, bench_everything),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;
	char text[64];

	bench_init(&bench, 1024);
	sekisho_policy_spec_init(&spec, semantics);
	for (unsigned i = 0; i < 2; i++) {
		rules[i].ports = &ports[i];
		rules[i].port_count = 1;
	}
	bench_install(&bench, &spec, rules, 2);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "out udp %u %u junk", 4000 + i, 98 + i % 2);
		assert_int_equal(bench_send(&bench, i / 100, text).reason,
				 SEKISHO_REASON_RULE_MATCH);
	}
	bench_install(&bench, &spec, rules, 1);
	rejudge_all(&bench, 10);
	sekisho_engine_stats(bench.engine, stats);
	assert_int_equal(bench_send(&bench, 11, "out udp 4000 98 junk").reason,
			 SEKISHO_REASON_FLOW_ORIGINATOR);
	assert_int_equal(bench_send(&bench, 11, "out udp 4001 99 junk").reason,
			 semantics == SEKISHO_STRICT ? SEKISHO_REASON_NO_RULE
						     : SEKISHO_REASON_FLOW_ORIGINATOR);
	bench_fini(&bench);
}

static void strict_4_idle_flows_are_closed(void **state)
{
	struct sekisho_stats stats;

	(void)state;
	rejudge_idle_flows(SEKISHO_STRICT, &stats);
	assert_int_equal(stats.flows, 100);
	assert_int_equal(stats.flows_closed, 100);
}

static void aws_60_idle_flows_stay(void **state)
{
	struct sekisho_stats stats;

	(void)state;
	rejudge_idle_flows(SEKISHO_AWS_LIKE, &stats);
	assert_int_equal(stats.flows, 200);
	assert_int_equal(stats.flows_closed, 0);
}

/* A proof's memory and an address pair's entry are no flows, whatever their bytes are. */
static void strict_4_memories_are_no_flows(void **state)
{
	static const struct row ike[] = {{0, "out udp 500 500 ike2 A 0 I 34", "rule-match"}};
	struct sekisho_stats stats;
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, ike, 1);
	bench_founding(&bench, SEKISHO_STRICT);
	rejudge_all(&bench, 1);
	sekisho_engine_stats(bench.engine, &stats);
	assert_int_equal(stats.flows, 1);
	assert_int_equal(stats.flows_closed, 0);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_4_rule_withdrawn),
		cmocka_unit_test(strict_4_reply_opened),
		cmocka_unit_test(strict_4_another_rule),
		cmocka_unit_test(aws_60_flow_outlives_rule),
		cmocka_unit_test(strict_4_idle_flows_are_closed),
		cmocka_unit_test(aws_60_idle_flows_stay),
		cmocka_unit_test(strict_4_memories_are_no_flows),
	};

	return cmocka_run_group_tests_name("rejudge", tests, NULL, NULL);
}
