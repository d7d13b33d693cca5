/* SPDX-License-Identifier: BSD-3-Clause */
/* test_proof_wireguard.c: STRICT-50, packet by packet, under the founding policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

FOUNDING_TABLE(strict_50_handshake, SEKISHO_STRICT,
      {0, "out udp 51820 51820 wg1 7", "rule-match"},
      {1, "in udp 51820 51820 wg4 7", "no-proof-wireguard"},
      {2, "in udp 51820 51820 wg2 9 8", "no-proof-wireguard"},
      {3, "in udp 51820 51820 wg2 7 9", "no-proof-wireguard"},
      {4, "in udp 51820 51820 wg2 9 7", "flow-answer"},
      {5, "in udp 51820 51820 wg4 7", "flow-answer"},
      {6, "out udp 51820 51820 wg4 9", "flow-originator"},
      {7, "in udp 51820 51820 wg4 9", "no-proof-wireguard"},
      {8, "in udp 51820 51820 size 32 wg4 7", "flow-answer"},
      {9, "in udp 51820 51820 size 1452 wg4 7", "wireguard-malformed"},
      {10, "in udp 51820 51820 size 1456 wg4 7", "flow-answer"})

FOUNDING_TABLE(strict_50_any_index, SEKISHO_STRICT,
      {0, "out6 udp 51820 51820 wg1 0", "rule-match"},
      {1, "in6 udp 51820 51820 wg2 0 0xffffffff", "no-proof-wireguard"},
      {2, "in6 udp 51820 51820 wg2 5 0", "flow-answer"},
      {3, "in6 udp 51820 51820 wg4 0", "flow-answer"},
      {4, "out6 udp 51820 51820 wg1 0xffffffff", "flow-originator"},
      {5, "in6 udp 51820 51820 wg2 6 0xffffffff", "flow-answer"},
      {6, "in6 udp 51820 51820 wg4 0xffffffff", "flow-answer"},
      {7, "in6 udp 51820 51820 wg4 0", "flow-answer"})

/* The founding case in WireGuard: the peer's own initiation fits the tuple, and is no answer. */
FOUNDING_TABLE(strict_50_crossing, SEKISHO_STRICT,
      {0, "in udp 51820 51820 wg1 3", "no-rule"},
      {1, "out udp 51820 51820 wg1 7", "rule-match"},
      {2, "in udp 51820 51820 wg1 3", "no-proof-wireguard"},
      {3, "out udp 51820 51820 wg2 8 3", "flow-originator"},
      {4, "in udp 51820 51820 wg4 8", "no-proof-wireguard"},
      {5, "in udp 51820 51820 wg2 4 7", "flow-answer"},
      {6, "in udp 51820 51820 wg4 7", "flow-answer"},
      {7, "in udp 51820 51820 wg4 8", "no-proof-wireguard"})

FOUNDING_TABLE(aws_70_wireguard_crossing, SEKISHO_AWS_LIKE,
      {0, "in udp 51820 51820 wg1 3", "no-rule"},
      {1, "out udp 51820 51820 wg1 7", "rule-match"},
      {2, "in udp 51820 51820 wg1 3", "flow-answer"},
      {3, "in udp 51820 51820 junk", "flow-answer"},
      {4, "in udp 51820 51820 wg4 99", "flow-answer"})

FOUNDING_TABLE(strict_50_cookie, SEKISHO_STRICT,
      {0, "out udp 51820 51820 wg1 7", "rule-match"},
      {1, "in udp 51820 51820 wg3 8", "no-proof-wireguard"},
      {2, "in udp 51820 51820 wg3 7", "flow-answer"},
      {3, "in udp 51820 51820 wg4 7", "no-proof-wireguard"},
      {4, "out udp 51820 51820 wg1 17", "flow-originator"},
      {5, "in udp 51820 51820 wg2 9 17", "flow-answer"},
      {6, "in udp 51820 51820 wg4 17", "flow-answer"},
      {7, "in udp 51820 51820 wg4 7", "no-proof-wireguard"})

/* Renewal by the inside every two minutes; the session before is good for a while. */
FOUNDING_TABLE(strict_50_rekey, SEKISHO_STRICT,
      {0, "out udp 51820 51820 wg1 7", "rule-match"},
      {1, "in udp 51820 51820 wg2 1 7", "flow-answer"},
      {2, "out udp 51820 51820 wg4 1", "flow-originator"},
      {3, "in udp 51820 51820 wg4 7", "flow-answer"},
      {120000, "out udp 51820 51820 wg1 27", "flow-originator"},
      {120001, "in udp 51820 51820 wg4 27", "no-proof-wireguard"},
      {120002, "in udp 51820 51820 wg2 2 27", "flow-answer"},
      {120003, "in udp 51820 51820 wg4 7", "flow-answer"},
      {120004, "in udp 51820 51820 wg4 27", "flow-answer"},
      {120005, "in udp 51820 51820 wg1 4", "no-proof-wireguard"},
      {120006, "in udp 51820 51820 wg2 2 27", "flow-answer"})

/* Data of a session whose handshake was not seen asks for nothing. */
FOUNDING_TABLE(strict_50_mid_stream, SEKISHO_STRICT,
      {0, "out udp 51820 51820 wg4 1", "rule-match"},
      {1, "in udp 51820 51820 wg4 7", "no-proof-wireguard"},
      {2, "out udp 51820 51820 wg1 27", "flow-originator"},
      {3, "in udp 51820 51820 wg2 2 27", "flow-answer"},
      {4, "in udp 51820 51820 wg4 27", "flow-answer"})

/* From an ephemeral port and to it: the port called says that it is WireGuard. */
FOUNDING_TABLE(strict_50_ports, SEKISHO_STRICT,
      {0, "out udp 40000 51820 wg1 7", "rule-match"},
      {1, "in udp 51820 40000 wg1 3", "no-proof-wireguard"},
      {2, "in udp 51820 40000 wg2 1 7", "flow-answer"},
      {3, "out udp 51820 40001 junk", "rule-match"},
      {4, "in udp 40001 51820 wg4 1", "no-proof-wireguard"})

FOUNDING_TABLE(strict_50_malformed, SEKISHO_STRICT,
      {0, "out udp 51820 51820 wg1 7", "rule-match"},
      {1, "in udp 51820 51820 set 1 1 wg2 9 7", "wireguard-malformed"},
      {2, "in udp 51820 51820 set 2 1 wg2 9 7", "wireguard-malformed"},
      {3, "in udp 51820 51820 set 3 1 wg2 9 7", "wireguard-malformed"},
      {4, "in udp 51820 51820 set 0 5 wg2 9 7", "wireguard-malformed"},
      {5, "in udp 51820 51820 set 0 0 wg2 9 7", "wireguard-malformed"},
      {6, "in udp 51820 51820 size 91 wg2 9 7", "wireguard-malformed"},
      {7, "in udp 51820 51820 size 93 wg2 9 7", "wireguard-malformed"},
      {8, "in udp 51820 51820 size 63 wg3 7", "wireguard-malformed"},
      {9, "in udp 51820 51820 size 65 wg3 7", "wireguard-malformed"},
      {10, "in udp 51820 51820 size 147 wg1 7", "wireguard-malformed"},
      {11, "in udp 51820 51820 size 0 wg1 7", "wireguard-malformed"},
      {12, "in udp 51820 51820 junk", "wireguard-malformed"},
      {13, "in udp 51820 51820 wg2 9 7", "flow-answer"},
      {14, "in udp 51820 51820 size 31 wg4 7", "wireguard-malformed"},
      {15, "in udp 51820 51820 size 16 wg4 7", "wireguard-malformed"},
      {16, "in udp 51820 51820 set 3 1 wg4 7", "wireguard-malformed"},
      {17, "out udp 51820 51820 set 3 1 wg1 8", "flow-originator"},
      {18, "in udp 51820 51820 wg2 9 8", "no-proof-wireguard"})

/* Handshakes that nobody answers do not push a session out. */
static void strict_50_sets_are_bounded(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 51820 51820 wg1 7");
	bench_send(&bench, 0, "in udp 51820 51820 wg2 1 7");
	for (uint32_t i = 100; i < 200; i++) {
		snprintf(text, sizeof(text), "out udp 51820 51820 wg1 %u", i);
		assert_int_equal(bench_send(&bench, i, text).reason,
				 SEKISHO_REASON_FLOW_ORIGINATOR);
	}
	assert_int_equal(bench_send(&bench, 200, "in udp 51820 51820 wg4 7").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(bench_send(&bench, 200, "in udp 51820 51820 wg2 1 100").reason,
			 SEKISHO_REASON_NO_PROOF_WIREGUARD);
	assert_int_equal(bench_send(&bench, 200, "in udp 51820 51820 wg2 1 199").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	for (uint32_t i = 300; i < 400; i++) { /* sessions push out those before them */
		snprintf(text, sizeof(text), "out udp 51820 51820 wg1 %u", i);
		bench_send(&bench, i, text);
		snprintf(text, sizeof(text), "in udp 51820 51820 wg2 1 %u", i);
		assert_int_equal(bench_send(&bench, i, text).reason, SEKISHO_REASON_FLOW_ANSWER);
	}
	assert_int_equal(bench_send(&bench, 400, "in udp 51820 51820 wg4 7").reason,
			 SEKISHO_REASON_NO_PROOF_WIREGUARD);
	assert_int_equal(bench_send(&bench, 400, "in udp 51820 51820 wg4 399").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

/* STRICT-3: with a rule of its own the peer may initiate; without it any more, its session ends. */
static void strict_50_opened_from_both_sides(void **state)
{
	static const struct row both[] = {
		{0, "out udp 51820 51820 wg1 7", "rule-match"},
		{1, "in udp 51820 51820 wg1 3", "rule-match"},
		{2, "out udp 51820 51820 wg2 8 3", "flow-originator"},
		{3, "in udp 51820 51820 wg2 4 7", "flow-originator"},
		{4, "in udp 51820 51820 wg4 8", "flow-originator"},
	};
	static const struct row withdrawn[] = {
		{5, "in udp 51820 51820 wg4 8", "no-proof-wireguard"},
		{6, "in udp 51820 51820 wg4 7", "flow-answer"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
		bench_rule("vpn/udp-in", SEKISHO_INGRESS, 17, bench_peer),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 2);
	bench_run(&bench, both, 5);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, withdrawn, 2);
	bench_fini(&bench);
}

/* Any length on the wire, and any part of it captured: only whole messages are answers. */
static void strict_50_cut_short(void **state)
{
	static const struct {
		const char *message;
		uint32_t length, header;
	} messages[] = {{"wg2 9 7", 92, 12}, {"wg3 7", 64, 12}, {"wg4 7", 48, 12}, {"wg1 7", 148, 12}};
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 51820 51820 wg1 7");
	bench_send(&bench, 0, "in udp 51820 51820 wg2 9 7");
	for (size_t m = 0; m < sizeof(messages) / sizeof(messages[0]); m++) {
		for (uint32_t size = 0; size <= messages[m].length; size++) {
			uint32_t missing = messages[m].length - size;
			bool whole = missing == 0 || (m == 2 && size == 32);

			snprintf(text, sizeof(text), "in udp 51820 51820 size %u %s", size,
				 messages[m].message);
			assert_int_equal(bench_send(&bench, 1, text).reason,
					 !whole ? SEKISHO_REASON_WIREGUARD_MALFORMED
					 : m == 3 ? SEKISHO_REASON_NO_PROOF_WIREGUARD
						  : SEKISHO_REASON_FLOW_ANSWER);
			snprintf(text, sizeof(text), "in udp 51820 51820 %s", messages[m].message);
			assert_int_equal(bench_send_clipped(&bench, 1, text, missing).reason,
					 size < messages[m].header
						 ? SEKISHO_REASON_WIREGUARD_MALFORMED
					 : m == 3 ? SEKISHO_REASON_NO_PROOF_WIREGUARD
						  : SEKISHO_REASON_FLOW_ANSWER);
		}
	}
	bench_fini(&bench);
}

/* No memory for what must be remembered: the initiation does not leave, so that nothing is lost. */
static void strict_50_table_full(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int i = 0; i < 63; i++) {
		snprintf(text, sizeof(text), "out udp %d 99 junk", 2000 + i);
		bench_send(&bench, 0, text);
		snprintf(text, sizeof(text), "in udp 99 %d junk", 2000 + i);
		assert_int_equal(bench_send(&bench, 0, text).reason, SEKISHO_REASON_FLOW_ANSWER);
	}
	assert_int_equal(bench_send(&bench, 1, "out udp 51820 51820 wg1 7").reason,
			 SEKISHO_REASON_TABLE_FULL);
	assert_int_equal(bench_send(&bench, 2, "in udp 51820 51820 wg2 9 7").reason,
			 SEKISHO_REASON_NO_RULE);
	assert_int_equal(bench_send(&bench, 3, "out udp 51820 51820 wg4 7").reason,
			 SEKISHO_REASON_RULE_MATCH);
	assert_int_equal(bench_send(&bench, 4, "out udp 51820 51820 wg1 7").reason,
			 SEKISHO_REASON_TABLE_FULL);
	bench_fini(&bench);
}

/* Flows that nobody answered make room for a handshake; the flow that asks is not one of them. */
static void strict_50_unanswered_make_room(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int i = 0; i < 64; i++) {
		snprintf(text, sizeof(text), "out udp %d 99 junk", 2000 + i);
		bench_send(&bench, 0, text);
	}
	for (int i = 0; i < 25; i++) {
		snprintf(text, sizeof(text), "out udp %d 51820 wg1 %d", 2000 + i, i);
		assert_int_equal(bench_send(&bench, 1, text).reason, SEKISHO_REASON_RULE_MATCH);
		snprintf(text, sizeof(text), "in udp 51820 %d wg2 1 %d", 2000 + i, i);
		assert_int_equal(bench_send(&bench, 1, text).reason, SEKISHO_REASON_FLOW_ANSWER);
	}
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_50_handshake),
		cmocka_unit_test(strict_50_any_index),
		cmocka_unit_test(strict_50_crossing),
		cmocka_unit_test(aws_70_wireguard_crossing),
		cmocka_unit_test(strict_50_cookie),
		cmocka_unit_test(strict_50_rekey),
		cmocka_unit_test(strict_50_mid_stream),
		cmocka_unit_test(strict_50_ports),
		cmocka_unit_test(strict_50_malformed),
		cmocka_unit_test(strict_50_sets_are_bounded),
		cmocka_unit_test(strict_50_opened_from_both_sides),
		cmocka_unit_test(strict_50_cut_short),
		cmocka_unit_test(strict_50_table_full),
		cmocka_unit_test(strict_50_unanswered_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
