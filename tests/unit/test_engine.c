/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_engine.c: the clauses as tables of packets, through the whole engine. The policy is that of the
 * founding case unless a table says otherwise: inbound only ESP from the peer, outbound everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define TABLE FOUNDING_TABLE

/* ---- aws-like --------------------------------------------------------------------------------- */

TABLE(aws_70_crossing_ike, SEKISHO_AWS_LIKE,
      {0, "in udp 500 500 ike2 A 0 I 34", "no-rule"},
      {10, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1000, "in udp 500 500 ike2 A 0 I 34", "flow-answer"},
      {1001, "out udp 500 500 ike2 A a R 34", "flow-originator"})

TABLE(aws_71_expiry, SEKISHO_AWS_LIKE,
      {0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {29999, "in udp 500 500 ike2 A 0 I 34", "flow-answer"},
      {59998, "in udp 500 500 ike2 A 0 I 34", "flow-answer"},
      {89998, "in udp 500 500 ike2 A 0 I 34", "no-rule"})

TABLE(aws_46_stream, SEKISHO_AWS_LIKE,
      {0, "out udp 4000 53 junk", "rule-match"},
      {1, "in udp 53 4000 junk", "flow-answer"},
      {2, "out udp 4000 53 junk", "flow-originator"},
      {3, "in udp 53 4000 junk", "flow-answer"},
      {180002, "in udp 53 4000 junk", "flow-answer"},
      {360002, "in udp 53 4000 junk", "no-rule"})

TABLE(aws_46_one_exchange_is_no_stream, SEKISHO_AWS_LIKE,
      {0, "out udp 4000 53 junk", "rule-match"},
      {1, "in udp 53 4000 junk", "flow-answer"},
      {2, "in udp 53 4000 junk", "flow-answer"},
      {30002, "in udp 53 4000 junk", "no-rule"})

TABLE(aws_36_other_protocol_600_s, SEKISHO_AWS_LIKE,
      {0, "out proto 47", "rule-match"},
      {590000, "in proto 47", "flow-answer"},
      {1189999, "in proto 47", "flow-answer"},
      {1789999, "in proto 47", "no-rule"})

/* ICMPv6 in IPv4 is no ICMP */
TABLE(aws_39_icmp_of_the_other_family, SEKISHO_AWS_LIKE,
      {0, "out proto 58", "rule-match"},
      {599999, "in proto 58", "flow-answer"},
      {1199998, "in proto 58", "flow-answer"},
      {1799998, "in proto 58", "no-rule"})

TABLE(aws_74_ike_opens_no_esp, SEKISHO_AWS_LIKE,
      {0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1, "in proto 51", "no-rule"},
      {2, "in proto 50", "rule-match"})

TABLE(aws_72_other_port, SEKISHO_AWS_LIKE,
      {0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1, "in udp 1024 500 ike2 A 0 I 34", "no-rule"})

TABLE(aws_28_echo, SEKISHO_AWS_LIKE,
      {0, "in echo 7 1", "no-rule"},
      {1, "out echo 7 1", "rule-match"},
      {2, "in reply 7 1", "flow-answer"},
      {3, "in reply 8 1", "no-rule"},
      {4, "in echo 7 2", "no-rule"},
      {5, "out6 echo 7 1", "rule-match"},
      {6, "in6 reply 7 1", "flow-answer"},
      {30006, "in6 reply 7 1", "no-rule"})

TABLE(aws_32_errors, SEKISHO_AWS_LIKE,
      {0, "in error 3 4 udp 4000 53", "no-rule"},
      {1, "out udp 4000 53 junk", "rule-match"},
      {2, "in error 3 4 udp 4000 53", "icmp-related"},
      {3, "in error 3 4 udp 4001 53", "no-rule"},
      {4, "out error 3 3 udp 53 4000", "rule-stateless"})

/* a bound on the MTU is not AWS's: packet too big, 67 bytes */
TABLE(aws_33_any_mtu, SEKISHO_AWS_LIKE,
      {0, "out udp 4001 1023 junk", "rule-match"},
      {1,
       "in bytes 080045000038000000004001265bc6336401c63364020304e918000000434500003c000000004011"
       "2647c6336402c63364010fa103ff00000000",
       "icmp-related"})

TABLE(aws_80_tcp, SEKISHO_AWS_LIKE,
      {0, "in tcp 443 4000 A 100 100 10", "no-rule"},
      {1, "out tcp 4000 443 A 100 100 10", "rule-match"},
      {2, "in tcp 443 4000 A 100 110 0", "flow-answer"},
      {3, "out tcp 4001 443 S 100 0 0", "rule-match"},
      {4, "in tcp 443 4001 SA 500 101 0", "flow-answer"},
      {5, "out tcp 4001 443 A 101 501 0", "flow-originator"},
      {6, "in tcp 443 4001 R 501 0 0", "flow-answer"},
      {7, "in tcp 443 4001 A 501 101 0", "flow-closed"},
      {8, "out tcp 4001 443 S 900 0 0", "rule-match"})

/* ---- strict ----------------------------------------------------------------------------------- */

TABLE(strict_34_crossing, SEKISHO_STRICT,
      {0, "in udp 500 500 ike2 A 0 I 34", "no-rule"},
      {10, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1000, "in udp 500 500 ike2 A 0 I 34", "no-proof-ike"},
      {1001, "in udp 500 500 ike2 B b R 34", "flow-answer"},
      {1002, "out udp 4500 4500 natt ike2 B b I 35 1", "rule-match"},
      {1003, "in udp 4500 4500 natt ike2 A a I 35 1", "no-proof-ike"},
      {1004, "in udp 4500 4500 natt ike2 B b R 35 1", "flow-answer"},
      {1005, "out udp 4500 4500 esp", "flow-originator"},
      {1006, "in udp 4500 4500 esp", "flow-answer"},
      {1007, "in udp 4500 4500 keepalive", "flow-answer"})

TABLE(strict_35_answering_entitles_nothing, SEKISHO_STRICT,
      {0, "out udp 500 500 ike1 B 0 - 2", "rule-match"},
      {1, "in udp 500 500 ike1 B b - 2", "flow-answer"},
      {2, "out udp 500 500 ike1 A a - 2", "flow-originator"},
      {3, "in udp 500 500 ike1 A a - 2", "no-proof-ike"},
      {4, "out udp 500 500 ike2 C c R 34", "flow-originator"},
      {5, "in udp 500 500 ike2 C c I 37 2", "no-proof-ike"},
      {6, "out udp 500 500 ike2 C c - 37 0", "flow-originator"},
      {7, "in udp 500 500 ike2 C c R 37 0", "no-proof-ike"})

TABLE(strict_31_cookie, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 B 0 R 34", "flow-answer"},
      {2, "in udp 500 500 ike2 B 0 I 34", "no-proof-ike"},
      {3, "in udp 500 500 ike2 C 0 R 34", "no-proof-ike"},
      {4, "in udp 500 500 junk", "ike-malformed"})

TABLE(strict_33b_rekeyed, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 N n - 37", "no-proof-ike"},
      {2, "in udp 500 500 ike2 B b R 34", "flow-answer"},
      {3, "in udp 500 500 ike2 N n - 35", "no-proof-ike"},
      {4, "in udp 500 500 ike2 N n - 37", "flow-answer"},
      {5, "in udp 500 500 ike2 N n R 35", "flow-answer"},
      {6, "in udp 500 500 ike1 M m - 37", "no-proof-ike"})

TABLE(strict_36_unknown_on_4500, SEKISHO_STRICT,
      {0, "out udp 4500 4500 natt ike1 X x - 2", "rule-match"},
      {1, "in udp 4500 4500 natt ike1 X x - 2", "no-proof-ike"},
      {2, "in udp 4500 4500 esp", "no-ike-sa"},
      {3, "out udp 4500 4500 natt ike1 Y 0 - 2", "flow-originator"},
      {4, "in udp 4500 4500 natt ike1 Y y - 2", "flow-answer"},
      {5, "in udp 4500 4500 esp", "flow-answer"})

TABLE(strict_38_mid_stream, SEKISHO_STRICT,
      {0, "out udp 4500 4500 natt ike2 X x I 37 5", "rule-match"},
      {1, "in udp 4500 4500 natt ike2 X x R 37 6", "no-proof-ike"},
      {2, "in udp 4500 4500 natt ike2 X y R 37 5", "no-proof-ike"},
      {3, "in udp 4500 4500 natt ike2 X x - 37 5", "no-proof-ike"},
      {4, "in udp 4500 4500 natt ike2 X x R 37 5", "flow-answer"},
      {5, "in udp 4500 4500 natt ike2 X x - 37 0", "flow-answer"},
      {6, "in udp 4500 4500 esp", "flow-answer"})

TABLE(strict_21_22_ports, SEKISHO_STRICT,
      {0, "out udp 4000 99 junk", "rule-match"},
      {1, "in udp 99 4000 junk", "flow-answer"},
      {2, "out udp 520 520 junk", "rule-match"},
      {3, "in udp 520 520 junk", "symmetric-ports"},
      {4, "out udp 999 99 junk", "rule-match"},
      {5, "in udp 99 999 junk", "symmetric-ports"},
      {6, "out udp 5060 5060 junk", "rule-match"},
      {7, "in udp 5060 5060 junk", "symmetric-ports"})

TABLE(strict_40_protocols, SEKISHO_STRICT,
      {0, "out proto 47", "rule-match"},
      {1, "in proto 47", "no-proof-protocol"},
      {2, "out proto 50", "rule-match"},
      {3, "in proto 50", "rule-match"},
      {4, "in proto 50", "flow-originator"})

TABLE(strict_53_echo, SEKISHO_STRICT,
      {0, "out echo 7 1", "rule-match"},
      {1, "in reply 7 2", "no-proof-echo"},
      {2, "in reply 7 1", "flow-answer"},
      {3, "in reply 7 1", "no-proof-echo"},
      {4, "in echo 7 3", "no-proof-echo"},
      {5, "out echo 7 65", "flow-originator"},
      {6, "out echo 7 3", "flow-originator"},
      {7, "in reply 7 3", "flow-answer"},
      {8, "in reply 7 65", "flow-answer"})

TABLE(strict_10_15_tcp, SEKISHO_STRICT,
      {0, "out tcp 4000 443 A 100 100 10", "not-an-opening"},
      {1, "out tcp 4000 443 SF 100 100 10", "bad-flags"},
      {2, "out tcp 4000 443 S 100 0 0", "rule-match"},
      {3, "in tcp 443 4000 S 500 0 0", "simultaneous-open"},
      {4, "in tcp 443 4000 SA 500 102 0", "bad-handshake"},
      {5, "in tcp 443 4000 A 500 101 0", "bad-handshake"},
      {6, "in tcp 443 4000 SA 500 101 0", "flow-answer"},
      {7, "out tcp 4000 443 A 101 501 0", "flow-originator"},
      {8, "out tcp 4000 443 PA 101 501 1000", "flow-originator"},
      {9, "in tcp 443 4000 A 501 1101 0", "flow-answer"},
      {10, "in tcp 443 4000 A 501 1102 0", "out-of-window"},
      {11, "in tcp 443 4000 A 100000 1101 0", "out-of-window"},
      {12, "in tcp 443 4000 R 600 0 0", "rst-inexact"},
      {13, "out tcp 4000 443 S 9000 0 0", "flow-originator"},
      {14, "in tcp 443 4000 S 9000 0 0", "simultaneous-open"},
      {15, "in tcp 443 4000 A 501 1101 100", "flow-answer"},
      {16, "out tcp 4000 443 FA 1101 601 0", "flow-originator"},
      {17, "in tcp 443 4000 FA 601 1102 0", "flow-answer"},
      {18, "out tcp 4000 443 A 1102 602 0", "flow-originator"},
      {19, "out tcp 4000 443 S 50000 0 0", "rule-match"},
      {20, "in tcp 443 4000 RA 0 50001 0", "flow-answer"},
      {21, "in tcp 443 4000 A 1 50001 0", "flow-closed"})

TABLE(strict_60_errors, SEKISHO_STRICT,
      {0, "in error 3 4 udp 4000 99", "icmp-unrelated"},
      {1, "out udp 4000 99 junk", "rule-match"},
      {2, "in error 3 4 udp 4000 99", "icmp-related"},
      {3, "in error 5 1 udp 4000 99", "icmp-redirect"},
      {4, "out error 3 3 udp 99 4000", "icmp-unrelated"},
      {5, "out tcp 4000 443 S 100 0 0", "rule-match"},
      {6, "in error 3 4 tcp 4000 443 100", "icmp-related"},
      {7, "in error 3 4 tcp 4000 443 5000", "icmp-unrelated"})

static void aws_10_untracked(void **state)
{
	static const struct row rows[] = {{0, "in tcp 4000 80 A 1 1 0", "rule-untracked"},
					  {1, "out tcp 80 4000 A 1 1 0", "rule-untracked"},
					  {2, "out tcp 4001 443 S 1 0 0", "rule-match"},
					  {2, "in udp 4000 80 junk", "no-rule"}};
	static const struct sekisho_port_range http = {80, 80};
	struct sekisho_rule_spec rules[] = {
		bench_rule("web/http", SEKISHO_INGRESS, 6, bench_everything),
		bench_rule("web/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	rules[0].ports = &http;
	rules[0].port_count = 1;
	bench_init(&bench, 1024);
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	bench_install(&bench, &spec, rules, 2);
	bench_run(&bench, rows, 4);
	bench_fini(&bench);
}

static void empty_policy_drops_all(void **state)
{
	static const char *const kinds[] = {"udp 4000 99 junk", "tcp 4000 443 S 1 0 0", "echo 1 1"};
	struct sekisho_policy_spec spec;
	char text[64];

	(void)state;
	for (int semantics = 0; semantics < 2; semantics++) {
		struct bench bench;

		bench_init(&bench, 1024);
		sekisho_policy_spec_init(&spec, semantics);
		bench_install(&bench, &spec, NULL, 0);
		for (int way = 0; way < 4; way++) {
			static const char *const ways[] = {"in", "out", "in6", "out6"};

			for (int i = 0; i < 3 + 256; i++) {
				struct sekisho_verdict verdict;

				if (i >= 3 && (i - 3 == 1 || i - 3 == 6 || i - 3 == 17 || i - 3 == 58))
					continue;
				if (i >= 3 && way >= 2 &&
				    (i - 3 == 0 || i - 3 == 43 || i - 3 == 44 || i - 3 == 60 ||
				     i - 3 == 135 || i - 3 == 139 || i - 3 == 140))
					continue; /* extension headers, no protocols */
				if (i < 3)
					snprintf(text, sizeof(text), "%s %s", ways[way], kinds[i]);
				else
					snprintf(text, sizeof(text), "%s proto %d", ways[way], i - 3);
				verdict = bench_send(&bench, 0, text);
				if (verdict.reason != SEKISHO_REASON_NO_RULE)
					fail_msg("%s: %s", text, sekisho_reason_word(verdict.reason));
			}
		}
		bench_fini(&bench);
	}
}

static void table_full_by_name(void **state)
{
	struct bench bench;
	char text[64];
	uint64_t full = 0;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	for (int i = 0; i < 200; i++) { /* answered flows are never evicted */
		struct sekisho_verdict verdict;

		snprintf(text, sizeof(text), "out udp %d 99 junk", 2000 + i);
		verdict = bench_send(&bench, 0, text);
		full += verdict.reason == SEKISHO_REASON_TABLE_FULL;
		snprintf(text, sizeof(text), "in udp 99 %d junk", 2000 + i);
		bench_send(&bench, 0, text);
	}
	assert_int_equal(full, 200 - 64);
	assert_int_equal(bench_send(&bench, 1, "in udp 99 2000 junk").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

static void unanswered_make_room(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out udp 1999 99 junk");
	bench_send(&bench, 0, "in udp 99 1999 junk");
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "out udp %d 99 junk", 2000 + i);
		assert_int_equal(bench_send(&bench, (uint32_t)i, text).reason,
				 SEKISHO_REASON_RULE_MATCH);
	}
	assert_int_equal(bench_send(&bench, 1000, "in udp 99 1999 junk").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

/* A cursor may come from a client of the control socket. */
static void flows_by_any_cursor(void **state)
{
	static const uint32_t cursors[] = {64, 65, 4096, UINT32_MAX};
	struct sekisho_flow_info info[4];
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out udp 4000 99 junk");
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		uint32_t cursor = cursors[i];

		assert_int_equal(sekisho_engine_flows(bench.engine, 0, &cursor, 64, info, 4), 0);
		assert_int_equal(cursor, 0);
		assert_int_equal(sekisho_engine_flows(bench.engine, 0, &cursor, 64, info, 4), 1);
		assert_int_equal(cursor, 0);
	}
	bench_fini(&bench);
}

/* By hand: the flow that was told of, and no other of its tuple. */
static void a_flow_is_closed(void **state)
{
	struct sekisho_flow_info info[4], gone;
	struct sekisho_stats stats;
	struct bench bench;
	uint32_t cursor = 0;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out udp 4000 99 junk");
	bench_send(&bench, 0, "out udp 4001 99 junk");
	assert_int_equal(sekisho_engine_flows(bench.engine, 1, &cursor, 64, info, 4), 2);
	cursor = info[0].next;
	assert_int_equal(sekisho_engine_flows(bench.engine, 1, &cursor, 64, &gone, 1), 1);
	assert_int_equal(gone.local_port, info[1].local_port);
	gone = info[info[0].local_port == 4000 ? 0 : 1];
	assert_true(sekisho_engine_close_flow(bench.engine, &gone));
	assert_false(sekisho_engine_close_flow(bench.engine, &gone));
	assert_int_equal(bench_send(&bench, 2, "in udp 99 4000 junk").reason, SEKISHO_REASON_NO_RULE);
	assert_int_equal(bench_send(&bench, 2, "in udp 99 4001 junk").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	bench_send(&bench, 3, "out udp 4000 99 junk");
	assert_false(sekisho_engine_close_flow(bench.engine, &gone));
	assert_int_equal(bench_send(&bench, 4, "in udp 99 4000 junk").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	sekisho_engine_stats(bench.engine, &stats);
	assert_int_equal(stats.flows, 2);
	assert_int_equal(stats.flows_created, 3);
	assert_int_equal(stats.flows_closed, 1);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aws_70_crossing_ike),
		cmocka_unit_test(aws_71_expiry),
		cmocka_unit_test(aws_46_stream),
		cmocka_unit_test(aws_46_one_exchange_is_no_stream),
		cmocka_unit_test(aws_36_other_protocol_600_s),
		cmocka_unit_test(aws_39_icmp_of_the_other_family),
		cmocka_unit_test(aws_74_ike_opens_no_esp),
		cmocka_unit_test(aws_72_other_port),
		cmocka_unit_test(aws_28_echo),
		cmocka_unit_test(aws_32_errors),
		cmocka_unit_test(aws_33_any_mtu),
		cmocka_unit_test(aws_80_tcp),
		cmocka_unit_test(aws_10_untracked),
		cmocka_unit_test(strict_34_crossing),
		cmocka_unit_test(strict_35_answering_entitles_nothing),
		cmocka_unit_test(strict_31_cookie),
		cmocka_unit_test(strict_33b_rekeyed),
		cmocka_unit_test(strict_36_unknown_on_4500),
		cmocka_unit_test(strict_38_mid_stream),
		cmocka_unit_test(strict_21_22_ports),
		cmocka_unit_test(strict_40_protocols),
		cmocka_unit_test(strict_53_echo),
		cmocka_unit_test(strict_10_15_tcp),
		cmocka_unit_test(strict_60_errors),
		cmocka_unit_test(empty_policy_drops_all),
		cmocka_unit_test(table_full_by_name),
		cmocka_unit_test(unanswered_make_room),
		cmocka_unit_test(flows_by_any_cursor),
		cmocka_unit_test(a_flow_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
