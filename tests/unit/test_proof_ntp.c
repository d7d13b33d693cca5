/* SPDX-License-Identifier: BSD-3-Clause */
/* test_proof_ntp.c: STRICT-52 and 23, packet by packet, under the founding policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

/* Modes: 1 and 2 are symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private. */

FOUNDING_TABLE(strict_52_client, SEKISHO_STRICT,
      {0, "out udp 123 123 ntp 3 0 T", "rule-match"},
      {1, "in udp 123 123 ntp 4 U S", "no-proof-ntp"},
      {2, "in udp 123 123 ntp 4 0 S", "no-proof-ntp"},
      {3, "in udp 123 123 ntp 4 S T", "no-proof-ntp"},
      {4, "in udp 123 123 ntp 3 T S", "no-proof-ntp"},
      {5, "in udp 123 123 ntp 5 T S", "no-proof-ntp"},
      {6, "in udp 123 123 ntp 6 T S", "no-proof-ntp"},
      {7, "in udp 123 123 ntp 7 T S", "no-proof-ntp"},
      {8, "in udp 123 123 ntp 1 T S", "no-proof-ntp"},
      {9, "in udp 123 123 ntp 2 T S", "no-proof-ntp"},
      {10, "in udp 123 123 ntp 4 T S", "flow-answer"},
      {11, "in udp 123 123 ntp 4 T S", "no-rule"},
      {12, "out6 udp 40000 123 ntp 3 0 T", "rule-match"},
      {13, "in6 udp 123 40000 ntp 4 U S", "no-proof-ntp"},
      {14, "in6 udp 123 40000 ntp 4 T S", "flow-answer"},
      {15, "in6 udp 123 40000 ntp 4 T S", "no-rule"})

/* The first was lost: the flow waits for it as long as for any answer. */
FOUNDING_TABLE(strict_52_outstanding, SEKISHO_STRICT,
      {0, "out udp 123 123 ntp 3 0 T", "rule-match"},
      {2000, "out udp 123 123 ntp 3 0 U", "flow-originator"},
      {2001, "in udp 123 123 ntp 4 U S", "flow-answer"},
      {2002, "in udp 123 123 ntp 4 U S", "no-proof-ntp"},
      {2003, "in udp 123 123 ntp 4 T S", "flow-answer"},
      {2004, "in udp 123 123 ntp 4 T S", "no-rule"},
      {3000, "out udp 123 123 ntp 3 0 A", "rule-match"},
      {3001, "out udp 123 123 ntp 3 0 B", "flow-originator"},
      {3002, "out udp 123 123 ntp 3 0 C", "flow-originator"},
      {3003, "out udp 123 123 ntp 3 0 D", "flow-originator"},
      {3004, "in udp 123 123 ntp 4 A S", "no-proof-ntp"},
      {3005, "in udp 123 123 ntp 4 B S", "flow-answer"},
      {33005, "in udp 123 123 ntp 4 C S", "no-rule"})

/* Both poll: each packet refers to the last that came. The founding case in NTP: one that does not. */
FOUNDING_TABLE(strict_52_symmetric, SEKISHO_STRICT,
      {0, "in udp 123 123 ntp 1 0 P", "no-rule"},
      {1, "out udp 123 123 ntp 1 0 A", "rule-match"},
      {2, "in udp 123 123 ntp 1 0 P", "no-proof-ntp"},
      {3, "in udp 123 123 ntp 1 P A", "no-proof-ntp"},
      {4, "in udp 123 123 ntp 4 A P", "no-proof-ntp"},
      {5, "in udp 123 123 ntp 2 A P", "flow-answer"},
      {6, "in udp 123 123 ntp 1 A Q", "flow-answer"},
      {7, "out udp 123 123 ntp 1 Q B", "flow-originator"},
      {8, "in udp 123 123 ntp 1 B R", "flow-answer"},
      {64000, "out udp 123 123 ntp 1 R C", "flow-originator"},
      {64001, "in udp 123 123 ntp 1 C S", "flow-answer"},
      {64002, "in udp 123 123 ntp 1 D S", "no-proof-ntp"},
      {244001, "in udp 123 123 ntp 1 C S", "no-rule"})

/* Everybody knows 0, so it proves nothing. */
FOUNDING_TABLE(strict_52_zero, SEKISHO_STRICT,
      {0, "out udp 123 123 ntp 3 0 0", "rule-match"},
      {1, "in udp 123 123 ntp 4 0 S", "no-proof-ntp"},
      {2, "out udp 123 123 ntp 1 0 0", "flow-originator"},
      {3, "in udp 123 123 ntp 1 0 S", "no-proof-ntp"})

/* What asks nothing entitles nothing. */
FOUNDING_TABLE(strict_52_entitles_nothing, SEKISHO_STRICT,
      {0, "out udp 123 123 ntp 5 0 T", "rule-match"},
      {1, "in udp 123 123 ntp 4 T S", "no-proof-ntp"},
      {2, "out udp 123 123 ntp 4 S T", "flow-originator"},
      {3, "in udp 123 123 ntp 3 T S", "no-proof-ntp"},
      {4, "out udp 123 123 size 12 ntp 6 0 T", "flow-originator"},
      {5, "in udp 123 123 size 12 ntp 6 0 T", "no-proof-ntp"},
      {6, "out udp 123 123 junk", "flow-originator"},
      {7, "in udp 123 123 ntp 4 0 S", "no-proof-ntp"})

/* Extension fields and a MAC may follow; the version is 1 to 4. */
FOUNDING_TABLE(strict_52_versions, SEKISHO_STRICT,
      {0, "out udp 123 123 size 68 ntp 3 0 T", "rule-match"},
      {1, "in udp 123 123 size 300 ntp 4 T S", "flow-answer"},
      {2, "out udp 123 123 set 0 0x0b ntp 3 0 T", "rule-match"},
      {3, "in udp 123 123 set 0 0x04 ntp 4 T S", "ntp-malformed"},
      {4, "in udp 123 123 set 0 0x2c ntp 4 T S", "ntp-malformed"},
      {5, "in udp 123 123 set 0 0x20 ntp 4 T S", "ntp-malformed"},
      {6, "in udp 123 123 size 47 ntp 4 T S", "ntp-malformed"},
      {7, "in udp 123 123 set 0 0xcc ntp 4 T S", "flow-answer"},
      {8, "out udp 123 123 set 0 0x2b ntp 3 0 T", "rule-match"},
      {9, "in udp 123 123 ntp 4 T S", "no-proof-ntp"})

FOUNDING_TABLE(aws_70_ntp_crossing, SEKISHO_AWS_LIKE,
      {0, "in udp 123 123 ntp 1 0 P", "no-rule"},
      {1, "out udp 123 123 ntp 3 0 T", "rule-match"},
      {2, "in udp 123 123 ntp 1 0 P", "flow-answer"},
      {3, "in udp 123 123 ntp 4 T S", "flow-answer"},
      {4, "in udp 123 123 ntp 4 T S", "flow-answer"},
      {5, "in udp 123 123 junk", "flow-answer"})

/* The server is inside. */
static void strict_52_server_inside(void **state)
{
	static const struct row rows[] = {
		{0, "in udp 123 123 ntp 3 0 T", "rule-match"},
		{1, "out udp 123 123 ntp 4 U S", "no-proof-ntp"},
		{2, "out udp 123 123 ntp 4 T S", "flow-answer"},
		{3, "out udp 123 123 ntp 4 T S", "no-rule"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/udp-in", SEKISHO_INGRESS, 17, bench_peer)};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, rows, 4);
	bench_fini(&bench);
}

/* Under rules of both sides nobody needs a proof, yet a server's answer ends what a client asked. */
static void strict_23_ntp_both_sides(void **state)
{
	static const struct row rows[] = {
		{0, "out udp 123 123 ntp 3 0 T", "rule-match"},
		{1, "in udp 123 123 ntp 5 0 P", "rule-match"},
		{2, "in udp 123 123 ntp 4 U S", "flow-originator"},
		{3, "in udp 123 123 ntp 4 T S", "flow-originator"},
		{4, "in udp 123 123 ntp 4 T S", "rule-match"},
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
	bench_run(&bench, rows, 5);
	bench_fini(&bench);
}

/* Any length on the wire, and any part of it captured. */
static void strict_52_cut_short(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (uint32_t size = 0; size <= 48; size++) {
		enum sekisho_reason expected =
			size < 48 ? SEKISHO_REASON_NTP_MALFORMED : SEKISHO_REASON_FLOW_ANSWER;

		bench_send(&bench, 0, "out udp 123 123 ntp 3 0 T");
		snprintf(text, sizeof(text), "in udp 123 123 size %u ntp 4 T S", size);
		assert_int_equal(bench_send(&bench, 0, text).reason, expected);
		bench_send(&bench, 0, "out udp 123 123 ntp 3 0 T");
		assert_int_equal(
			bench_send_clipped(&bench, 0, "in udp 123 123 ntp 4 T S", 48 - size).reason,
			expected);
	}
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_52_client),
		cmocka_unit_test(strict_52_outstanding),
		cmocka_unit_test(strict_52_symmetric),
		cmocka_unit_test(strict_52_zero),
		cmocka_unit_test(strict_52_entitles_nothing),
		cmocka_unit_test(strict_52_versions),
		cmocka_unit_test(aws_70_ntp_crossing),
		cmocka_unit_test(strict_52_server_inside),
		cmocka_unit_test(strict_23_ntp_both_sides),
		cmocka_unit_test(strict_52_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
