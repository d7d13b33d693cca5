/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_aws_tracking.c: the clauses of aws-like on what is tracked, for how long, and what a change of
 * the rules does to it, each with the policy that it speaks of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <config.h>
#include <stdio.h>
#include <string.h>

#include "steps.h"

#define UDP_OUT  "{protocol: udp, to: [0.0.0.0/0]}"
#define UDP_IN   "{protocol: udp, from: [0.0.0.0/0]}"
#define HTTP_IN  "{protocol: tcp, ports: 80, from: [0.0.0.0/0, \"::/0\"]}"
#define SSH_IN   "{protocol: tcp, ports: 22, from: [0.0.0.0/0]}"
#define SSH_PEER "{protocol: tcp, ports: 22, from: [198.51.100.1/32]}"
#define PING_IN  "{protocol: icmp, icmp_type: 8, icmp_code: 0, from: [0.0.0.0/0]}"

static struct sekisho_stats stats_of(const struct bench *bench)
{
	struct sekisho_stats stats;

	sekisho_engine_stats(bench->engine, &stats);
	return stats;
}

/* ---- the general model ------------------------------------------------------------------------ */

STEPS(aws_1_answers_need_no_rule, POLICY(GROUP("", UDP_OUT)),
      {0, "out udp 4000 99 junk", "rule-match"}, {1, "in udp 99 4000 junk", "flow-answer"},
      {2, "in udp 99 4001 junk", "no-rule"}, POLICY(GROUP(UDP_IN, "")),
      {3, "in udp 5000 99 junk", "rule-match"}, {4, "out udp 99 5000 junk", "flow-answer"},
      {5, "out udp 99 5001 junk", "no-rule"})

STEPS(aws_2_what_a_flow_is, POLICY(GROUP("", ALL_OUT)), {0, "out udp 4000 99 junk", "rule-match"},
      {1, "in udp 98 4000 junk", "no-rule"}, {2, "in udp 99 4001 junk", "no-rule"},
      {3, "in tcp 99 4000 SA 1 1 0", "no-rule"}, {4, "in6 udp 99 4000 junk", "no-rule"},
      {5, "in udp 99 4000 junk", "flow-answer"})

/* The first packet is judged, the others follow; a change has all looked at again, but not cut. */
STEPS(aws_3_4_judged_once_and_again, POLICY(GROUP("", ALL_OUT)),
      {0, "out tcp 4000 443 S 100 0 0", "rule-match"},
      {1, "in tcp 443 4000 SA 500 101 0", "flow-answer"},
      {2, "out tcp 4000 443 A 101 501 0", "flow-originator"}, POLICY(GROUP("", "")),
      {3, "out tcp 4000 443 PA 101 501 10", "flow-originator"},
      {4, "in tcp 443 4000 A 501 111 0", "flow-answer"},
      {5, "out tcp 4001 443 S 100 0 0", "no-rule"})

/* An engine with two zones, as of two edges, each with its policy. */
static void two_edges(struct bench *bench, uint32_t flows)
{
	struct sekisho_engine_config config = {.flows = flows, .zones = 2};
	char message[128];

	bench_init(bench, flows);
	sekisho_engine_destroy(bench->engine);
	config.names = bench->names;
	bench->engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(bench->engine);
}

static const char *send_to(struct bench *bench, uint16_t zone, uint32_t at_ms, const char *text)
{
	uint8_t bytes[256];
	struct sekisho_frame frame = {.data = bytes, .zone = zone};
	struct sekisho_verdict verdict;

	frame.captured = frame.length = packets_build(text, bytes, &frame.direction);
	sekisho_engine_burst(bench->engine, at_ms, &frame, 1, &verdict);
	return sekisho_reason_word(verdict.reason);
}

static const char all_out[] =
	STEPS_HEAD "endpoints: [{" STEPS_ENDPOINT ", groups: [g]}]\n" GROUP("", ALL_OUT);

/* AWS-91: what left by one edge does not come back by the other. */
static void aws_5_91_state_is_the_edges_own(void **state)
{
	struct bench bench;

	(void)state;
	two_edges(&bench, 64);
	steps_policy(&bench, all_out);
	sekisho_engine_set_policy(bench.engine, 1, bench.policy);
	assert_string_equal(send_to(&bench, 0, 0, "out udp 4000 99 junk"), "rule-match");
	assert_string_equal(send_to(&bench, 1, 1, "in udp 99 4000 junk"), "no-rule");
	assert_string_equal(send_to(&bench, 0, 2, "in udp 99 4000 junk"), "flow-answer");
	bench_fini(&bench);
}

/* The budget is the appliance's: what one edge uses up, another has not. */
static void aws_50_one_budget_for_all_edges(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	two_edges(&bench, 64);
	steps_policy(&bench, all_out);
	sekisho_engine_set_policy(bench.engine, 1, bench.policy);
	for (int i = 0; i < 64; i++) {
		snprintf(text, sizeof(text), "out udp %d 99 junk", 2000 + i);
		send_to(&bench, 0, 0, text);
		snprintf(text, sizeof(text), "in udp 99 %d junk", 2000 + i);
		assert_string_equal(send_to(&bench, 0, 0, text), "flow-answer");
	}
	assert_string_equal(send_to(&bench, 1, 1, "out udp 4000 99 junk"), "table-full");
	assert_int_equal(stats_of(&bench).flows_available, 0);
	bench_fini(&bench);
}

/* ---- untracked flows -------------------------------------------------------------------------- */

STEPS(aws_11_narrow_ports, POLICY(GROUP(HTTP_IN, ALL_OUT)),
      {0, "in tcp 4000 80 S 100 0 0", "rule-untracked"},
      {1, "out tcp 80 4000 SA 500 101 0", "rule-untracked"},
      {2, "in tcp 4000 81 S 100 0 0", "no-rule"})

STEPS(aws_12_a_narrow_peer, POLICY(GROUP(SSH_PEER, ALL_OUT)),
      {0, "in tcp 4000 22 S 100 0 0", "rule-match"},
      {1, "out tcp 22 4000 SA 500 101 0", "flow-answer"},
      {2, "in tcp 4000 22 A 101 501 0", "flow-originator"})

STEPS(aws_13_without_the_way_back, POLICY(GROUP(HTTP_IN, "{protocol: all, to: [\"::/0\"]}")),
      {0, "in tcp 4000 80 S 100 0 0", "rule-match"},
      {1, "out tcp 80 4000 SA 500 101 0", "flow-answer"},
      {2, "in6 tcp 4000 80 S 100 0 0", "rule-untracked"},
      {3, "out6 tcp 80 4000 SA 500 101 0", "rule-untracked"})

STEPS(aws_14_replies_by_rule_only, POLICY(GROUP(HTTP_IN, ALL_OUT)),
      {0, "in tcp 4000 80 S 100 0 0", "rule-untracked"}, POLICY(GROUP(HTTP_IN, "")),
      {1, "out tcp 80 4000 SA 500 101 0", "no-rule"})

STEPS(aws_15_any_packet, POLICY(GROUP(HTTP_IN, ALL_OUT)),
      {0, "in tcp 4000 80 A 100 900 10", "rule-untracked"},
      {1, "in tcp 4001 80 SA 100 900 0", "rule-untracked"},
      {2, "out tcp 80 4002 FA 100 900 0", "rule-untracked"},
      {3, "out tcp 80 4003 R 100 0 0", "rule-untracked"})

STEPS(aws_16_rules_of_two_groups,
      FILE_STEP(STEPS_HEAD "endpoints: [{" STEPS_ENDPOINT ", groups: [in, out]}]\n"
			   "groups:\n  - {name: in, ingress: [" HTTP_IN "]}\n"
			   "  - {name: out, egress: [" ALL_OUT "]}\n"),
      {0, "in tcp 4000 80 S 100 0 0", "rule-untracked"})

STEPS(aws_17_what_the_inside_begins, POLICY(GROUP(HTTP_IN, ALL_OUT)),
      {0, "out tcp 40000 443 S 100 0 0", "rule-match"},
      {1, "in tcp 443 40000 SA 500 101 0", "flow-answer"})

/* The most open of the rules that match counts, wherever it stands. */
STEPS(aws_18_open_and_narrow, POLICY(GROUP(SSH_IN ", " SSH_PEER, ALL_OUT)),
      {0, "in tcp 4000 22 S 100 0 0", "rule-untracked"},
      POLICY(GROUP(SSH_PEER ", " SSH_IN, ALL_OUT)),
      {1, "in tcp 4001 22 S 100 0 0", "rule-untracked"})

STEPS(aws_19_only_a_literal_zero,
      POLICY(GROUP("{protocol: tcp, ports: 80, from: [0.0.0.0/1, 128.0.0.0/1]}", ALL_OUT)),
      {0, "in tcp 4000 80 S 100 0 0", "rule-match"},
      POLICY("prefix_lists: [{name: all, entries: [0.0.0.0/0]}]\n" GROUP(
	      "{protocol: tcp, ports: 80, from: [\"prefix_list:all\"]}", ALL_OUT)),
      {1, "in tcp 4001 80 S 100 0 0", "rule-match"})

STEPS(aws_20_always_tracked,
      FILE_STEP(STEPS_HEAD "endpoints: [{" STEPS_ENDPOINT
			   ", groups: [g], auto_tracked: true}]\n" GROUP(HTTP_IN, ALL_OUT)),
      {0, "in tcp 4000 80 S 100 0 0", "rule-match"},
      {1, "out tcp 80 4000 SA 500 101 0", "flow-answer"})

static void aws_55_untracked_flows_take_no_entry(void **state)
{
	static const struct step open = POLICY(GROUP(ALL_IN, ALL_OUT));
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	steps_run(&bench, &open, 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "in tcp %d 80 S 100 0 0", 2000 + i);
		assert_int_equal(bench_send(&bench, 0, text).reason, SEKISHO_REASON_RULE_UNTRACKED);
	}
	assert_int_equal(stats_of(&bench).flows, 0);
	assert_int_equal(stats_of(&bench).flows_available, stats_of(&bench).flows_capacity);
	bench_fini(&bench);
}

/* ---- ICMP ------------------------------------------------------------------------------------- */

STEPS(aws_25_icmp_is_tracked, POLICY(GROUP(ALL_IN, ALL_OUT)), {0, "out echo 7 1", "rule-match"},
      {1, "in reply 7 1", "flow-answer"}, {2, "in6 echo 8 1", "rule-match"},
      {3, "out6 reply 8 1", "flow-answer"}, {4, "in udp 4000 80 junk", "rule-untracked"})

STEPS(aws_26_an_echo_reply_leaves, POLICY(GROUP(PING_IN, "")), {0, "in echo 7 1", "rule-match"},
      {1, "out reply 7 1", "flow-answer"}, {2, "out echo 9 1", "no-rule"},
      {3, "out reply 8 1", "no-rule"})

STEPS(aws_29_icmp_lives_for_30_s, POLICY(GROUP("", ALL_OUT)), {0, "out echo 7 1", "rule-match"},
      {29999, "in reply 7 1", "flow-answer"}, {59998, "in reply 7 1", "flow-answer"},
      {89998, "in reply 7 1", "no-rule"})

STEPS(aws_30_a_ping_outlives_its_rule, POLICY(GROUP(PING_IN, "")), {0, "in echo 7 1", "rule-match"},
      {1, "out reply 7 1", "flow-answer"}, POLICY(GROUP("", "")),
      {1000, "in echo 7 2", "flow-originator"}, {1001, "out reply 7 2", "flow-answer"},
      {30000, "in echo 7 3", "flow-originator"}, {30001, "out reply 7 3", "flow-answer"},
      {30002, "in echo 8 1", "no-rule"})

/* By a tracked connection, or by a rule. */
STEPS(aws_31_32_errors_of_tracked_flows, POLICY(GROUP(HTTP_IN, ALL_OUT)),
      {0, "in tcp 4000 80 S 100 0 0", "rule-untracked"},
      {1, "out tcp 80 4000 SA 500 101 0", "rule-untracked"},
      {2, "in error 3 4 tcp 80 4000 500", "no-rule"},
      POLICY(GROUP(HTTP_IN ", {protocol: icmp, icmp_type: 3, from: [0.0.0.0/0]}", ALL_OUT)),
      {3, "in error 3 4 tcp 80 4000 500", "rule-stateless"},
      POLICY(GROUP("{protocol: tcp, ports: 80, from: [198.51.100.0/24]}", ALL_OUT)),
      {4, "in tcp 4001 80 S 100 0 0", "rule-match"},
      {5, "out tcp 80 4001 SA 500 101 0", "flow-answer"},
      {6, "in error 3 4 tcp 80 4001 500", "icmp-related"})

/* ---- protocols without ports ------------------------------------------------------------------ */

STEPS(aws_35_41_one_entry_for_all_spis, POLICY(GROUP("", ALL_OUT)),
      {0, "out proto 50 a", "rule-match"}, {1, "in proto 50 b", "flow-answer"},
      {2, "in proto 50 c", "flow-answer"}, {3, "in proto 47", "no-rule"},
      {4, "in6 proto 50 b", "no-rule"}, {5, "out proto 50 d", "flow-originator"})

STEPS(aws_37_either_side_refreshes, POLICY(GROUP("", ALL_OUT)), {0, "out proto 50 a", "rule-match"},
      {599999, "in proto 50 b", "flow-answer"}, {1199998, "out proto 50 a", "flow-originator"},
      {1799997, "in proto 50 b", "flow-answer"}, {2399997, "in proto 50 b", "no-rule"})

STEPS(aws_38_what_came_in_first, POLICY(GROUP("{protocol: esp, from: [198.51.100.1/32]}", "")),
      {0, "in proto 50 a", "rule-match"}, {599999, "out proto 50 b", "flow-answer"},
      {600000, "out proto 47", "no-rule"}, {1199999, "out proto 50 b", "no-rule"})

STEPS(aws_40_esp_that_comes_first,
      POLICY(GROUP("{protocol: udp, ports: [500, 4500], from: [0.0.0.0/0]}", ALL_OUT)),
      {0, "in proto 50 a", "no-rule"}, POLICY(GROUP("{protocol: 50, from: [0.0.0.0/0]}", ALL_OUT)),
      {1, "in proto 50 a", "rule-match"})

STEPS(aws_73_esp_opens_esp, POLICY(GROUP("", ALL_OUT)), {0, "in proto 50 a", "no-rule"},
      {1, "out proto 50 b", "rule-match"}, {600000, "in proto 50 a", "flow-answer"},
      {1200000, "in proto 50 a", "no-rule"})

/* ---- timers ----------------------------------------------------------------------------------- */

/* The figures themselves: default and bounds, in seconds. */
static void aws_42_43_timers_and_bounds(void **state)
{
	static const struct {
		const char *name;
		uint32_t initial, min, max;
	} figures[] = {{"tcp_established", 432000, 60, 432000},
		       {"udp", 30, 30, 60},
		       {"udp_stream", 180, 60, 180},
		       {"other", 600, 600, 600}};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const uint32_t tried[] = {figures[i].min - 1, figures[i].min, figures[i].max,
					  figures[i].max + 1};
		int timer = 0;

		while (strcmp(sekisho_timeouts[timer].name, figures[i].name) != 0)
			timer++;
		assert_int_equal(sekisho_timeouts[timer].initial[SEKISHO_AWS_LIKE],
				 figures[i].initial);
		for (unsigned t = 0; t < 4; t++) {
			struct config_errors errors = {0};
			struct config_policy *config;

			snprintf(text, sizeof(text), STEPS_HEAD "timeouts: {%s: %u}\n",
				 figures[i].name, tried[t]);
			config = config_policy_parse("policy", text, strlen(text), &errors);
			assert_int_equal(config != NULL, t == 1 || t == 2);
			config_policy_destroy(config);
			config_errors_fini(&errors);
		}
	}
}

/* Of the endpoint; a new value holds from the next packet of a flow on, not before. */
#define UDP_TIMER(seconds)                                                       \
	FILE_STEP(STEPS_HEAD "timeouts: {udp: 45}\nendpoints: [{" STEPS_ENDPOINT \
			     ", groups: [g], timeouts: {udp: " seconds "}}]\n" GROUP("", ALL_OUT))
STEPS(aws_44_new_timers, UDP_TIMER("30"), {0, "out udp 4000 99 junk", "rule-match"},
      {0, "out udp 4001 99 junk", "rule-match"}, UDP_TIMER("60"),
      {1, "out udp 4000 99 junk", "flow-originator"}, {30000, "in udp 99 4001 junk", "no-rule"},
      {60000, "in udp 99 4000 junk", "flow-answer"}, POLICY(GROUP("", ALL_OUT)),
      {60001, "out udp 4002 99 junk", "rule-match"}, {90001, "in udp 99 4002 junk", "no-rule"})

/* AWS-49a: those of Linux, which AWS does not publish. */
STEPS(aws_47_85_other_states_of_tcp, POLICY(GROUP("", ALL_OUT)),
      {0, "out tcp 4000 443 S 100 0 0", "rule-match"},
      {119999, "in tcp 443 4000 SA 500 101 0", "flow-answer"},
      {179999, "out tcp 4000 443 A 101 501 0", "rule-match"}, /* a pick-up: 60 s were over */
      {200000, "out tcp 4001 443 S 100 0 0", "rule-match"},
      {320000, "in tcp 443 4001 SA 500 101 0", "no-rule"})

STEPS(aws_93_seen_one_way_only, POLICY(GROUP("", ALL_OUT)),
      {0, "out udp 4000 99 junk", "rule-match"}, {1, "out udp 4000 99 junk", "flow-originator"},
      {2, "out udp 4000 99 junk", "flow-originator"}, {30002, "in udp 99 4000 junk", "no-rule"})

/* ---- rule changes ----------------------------------------------------------------------------- */

STEPS(aws_61_62_with_the_rule_or_without, POLICY(GROUP(SSH_IN, ALL_OUT)),
      {0, "in tcp 4000 22 S 100 0 0", "rule-untracked"},
      {1, "out tcp 22 4000 SA 500 101 0", "rule-untracked"}, POLICY(GROUP("", ALL_OUT)),
      {2, "in tcp 4000 22 A 101 501 0", "no-rule"}, POLICY(GROUP(SSH_PEER, ALL_OUT)),
      {3, "in tcp 4001 22 S 100 0 0", "rule-match"},
      {4, "out tcp 22 4001 SA 500 101 0", "flow-answer"},
      POLICY(GROUP("{protocol: tcp, ports: 22, from: [203.0.113.0/24]}", ALL_OUT)),
      {5, "in tcp 4001 22 A 101 501 0", "flow-originator"},
      {6, "in tcp 4002 22 S 100 0 0", "no-rule"})

STEPS(aws_64_an_empty_group, POLICY(GROUP(SSH_PEER, "")),
      {0, "in tcp 4000 22 S 100 0 0", "rule-match"},
      {1, "out tcp 22 4000 SA 500 101 0", "flow-answer"}, POLICY("groups: [{name: g}]\n"),
      {2, "in tcp 4000 22 A 101 501 0", "flow-originator"},
      {3, "out tcp 22 4000 PA 501 101 5", "flow-answer"})

/* How AWS's own tool cuts what is tracked: all open for a while, then nothing. */
STEPS(aws_65_opened_then_emptied, POLICY(GROUP(SSH_PEER, ALL_OUT)),
      {0, "in tcp 4000 22 S 100 0 0", "rule-match"},
      {1, "out tcp 22 4000 SA 500 101 0", "flow-answer"}, POLICY(GROUP(ALL_IN, ALL_OUT)),
      {2, "in tcp 4000 22 A 101 501 0", "rule-untracked"}, POLICY("groups: [{name: g}]\n"),
      {3, "in tcp 4000 22 A 101 501 0", "no-rule"}, {4, "out tcp 22 4000 A 501 101 0", "no-rule"})

STEPS(aws_66_narrowed_in_mid_stream, POLICY(GROUP(SSH_IN, ALL_OUT)),
      {0, "in tcp 4000 22 S 100 0 0", "rule-untracked"},
      {1, "out tcp 22 4000 SA 500 101 0", "rule-untracked"}, POLICY(GROUP(SSH_PEER, ALL_OUT)),
      {2, "in tcp 4000 22 A 101 501 0", "rule-match"}, POLICY("groups: [{name: g}]\n"),
      {3, "out tcp 22 4000 A 501 101 0", "flow-answer"})

STEPS(aws_69_a_rule_that_is_added, POLICY(GROUP("", "")), {0, "in tcp 4000 80 A 1 1 5", "no-rule"},
      POLICY(GROUP(HTTP_IN, "")), {1, "in tcp 4000 80 A 1 1 5", "rule-match"})

/* ---- TCP -------------------------------------------------------------------------------------- */

STEPS(aws_77_crossing_syns, POLICY(GROUP("", ALL_OUT)), {0, "in tcp 443 4000 S 500 0 0", "no-rule"},
      {1, "out tcp 4000 443 S 100 0 0", "rule-match"},
      {2, "in tcp 443 4000 S 500 0 0", "flow-answer"},
      {3, "out tcp 4000 443 SA 100 501 0", "flow-originator"})

/* In mid-stream, and no rule: dropped in silence. */
STEPS(aws_81_of_no_flow_and_no_rule, POLICY(GROUP("", ALL_OUT)),
      {0, "in tcp 443 4000 A 500 101 100", "no-rule"},
      {1, "in tcp 443 4000 FA 500 101 0", "no-rule"},
      {2, "in tcp 443 4000 SA 500 101 0", "no-rule"}, {3, "in tcp 443 4000 R 500 0 0", "no-rule"})

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aws_1_answers_need_no_rule),
		cmocka_unit_test(aws_2_what_a_flow_is),
		cmocka_unit_test(aws_3_4_judged_once_and_again),
		cmocka_unit_test(aws_5_91_state_is_the_edges_own),
		cmocka_unit_test(aws_50_one_budget_for_all_edges),
		cmocka_unit_test(aws_11_narrow_ports),
		cmocka_unit_test(aws_12_a_narrow_peer),
		cmocka_unit_test(aws_13_without_the_way_back),
		cmocka_unit_test(aws_14_replies_by_rule_only),
		cmocka_unit_test(aws_15_any_packet),
		cmocka_unit_test(aws_16_rules_of_two_groups),
		cmocka_unit_test(aws_17_what_the_inside_begins),
		cmocka_unit_test(aws_18_open_and_narrow),
		cmocka_unit_test(aws_19_only_a_literal_zero),
		cmocka_unit_test(aws_20_always_tracked),
		cmocka_unit_test(aws_55_untracked_flows_take_no_entry),
		cmocka_unit_test(aws_25_icmp_is_tracked),
		cmocka_unit_test(aws_26_an_echo_reply_leaves),
		cmocka_unit_test(aws_29_icmp_lives_for_30_s),
		cmocka_unit_test(aws_30_a_ping_outlives_its_rule),
		cmocka_unit_test(aws_31_32_errors_of_tracked_flows),
		cmocka_unit_test(aws_35_41_one_entry_for_all_spis),
		cmocka_unit_test(aws_37_either_side_refreshes),
		cmocka_unit_test(aws_38_what_came_in_first),
		cmocka_unit_test(aws_40_esp_that_comes_first),
		cmocka_unit_test(aws_73_esp_opens_esp),
		cmocka_unit_test(aws_42_43_timers_and_bounds),
		cmocka_unit_test(aws_44_new_timers),
		cmocka_unit_test(aws_47_85_other_states_of_tcp),
		cmocka_unit_test(aws_93_seen_one_way_only),
		cmocka_unit_test(aws_61_62_with_the_rule_or_without),
		cmocka_unit_test(aws_64_an_empty_group),
		cmocka_unit_test(aws_65_opened_then_emptied),
		cmocka_unit_test(aws_66_narrowed_in_mid_stream),
		cmocka_unit_test(aws_69_a_rule_that_is_added),
		cmocka_unit_test(aws_77_crossing_syns),
		cmocka_unit_test(aws_81_of_no_flow_and_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
