/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_strict.c: the general clauses of strict, and those of UDP and ICMP errors that belong to no proof,
 * each with the policy that it speaks of. TCP has tests/tables, proofs their own files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "steps.h"

#define STRICT(knobs, ingress, egress)                                          \
	FILE_STEP("version: 1\nsemantics: strict\nendpoints: [{" STEPS_ENDPOINT \
		  ", groups: [g]}]\n" knobs GROUP(ingress, egress))
#define UDP_IN "{protocol: udp, from: [0.0.0.0/0]}"

STEPS(strict_1_openings, STRICT("", ALL_IN, ""), {0, "in tcp 4000 80 A 1 1 0", "not-an-opening"},
      {0, "in tcp 4000 80 SA 1 1 0", "not-an-opening"}, {0, "in tcp 4000 80 S 1 0 0", "rule-match"},
      {0, "in udp 4000 80 junk", "rule-match"}, {0, "in proto 47", "rule-match"},
      {0, "in echo 1 1", "rule-match"}, {0, "in reply 2 1", "rule-match"},
      {0, "in udp 500 500 ike2 A a R 34", "rule-match"}, {0, "out udp 4001 80 junk", "no-rule"})

/* The originator goes on, whatever the other side does; a proof never narrows its rule. */
STEPS(strict_2_the_originator_goes_on, STRICT("", "", ALL_OUT),
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "out udp 500 500 junk", "flow-originator"}, {2, "in udp 500 500 junk", "ike-malformed"},
      {3, "out udp 500 500 ike2 B b R 34", "flow-originator"}, {4, "out proto 47", "rule-match"},
      {5, "in proto 47", "no-proof-protocol"}, {6, "out proto 47", "flow-originator"})

/* Without proof by the rules of its own direction; then it is opened from both sides. */
STEPS(strict_3_without_proof, STRICT("", "", ALL_OUT), {0, "out udp 124 99 junk", "rule-match"},
      {1, "in udp 99 124 junk", "symmetric-ports"}, STRICT("", UDP_IN, ALL_OUT),
      {2, "in udp 99 124 junk", "rule-match"}, {3, "in udp 99 124 junk", "flow-originator"},
      {4, "out udp 124 99 junk", "flow-originator"})

/* Rules that would leave aws-like nothing to track. */
STEPS(strict_5_open_rules_are_tracked, STRICT("", ALL_IN, ALL_OUT),
      {0, "in tcp 4000 80 A 1 1 0", "not-an-opening"}, {1, "in tcp 4000 80 S 1 0 0", "rule-match"},
      {2, "out tcp 80 4000 SA 9 2 0", "flow-answer"}, {3, "in udp 4000 80 junk", "rule-match"},
      {4, "out udp 80 4000 junk", "flow-answer"})

STEPS(strict_21_22_which_ports_prove, STRICT("", "", ALL_OUT),
      {0, "out udp 1024 80 junk", "rule-match"}, {1, "in udp 80 1024 junk", "flow-answer"},
      {2, "out udp 1023 80 junk", "rule-match"}, {3, "in udp 80 1023 junk", "symmetric-ports"},
      {4, "out udp 5000 5000 junk", "rule-match"}, {5, "in udp 5000 5000 junk", "symmetric-ports"},
      STRICT("strict: {symmetric_udp: tuple}\n", "", ALL_OUT),
      {6, "in udp 80 1023 junk", "flow-answer"}, {7, "in udp 5000 5000 junk", "flow-answer"},
      {8, "in udp 500 500 junk", "no-rule"})

STEPS(strict_23_timers, STRICT("", "", ALL_OUT), {0, "out udp 4000 99 junk", "rule-match"},
      {29999, "in udp 99 4000 junk", "flow-answer"}, {59999, "in udp 99 4000 junk", "no-rule"},
      {60000, "out udp 4001 99 junk", "rule-match"}, {60001, "in udp 99 4001 junk", "flow-answer"},
      {60002, "out udp 4001 99 junk", "flow-originator"},
      {60003, "in udp 99 4001 junk", "flow-answer"}, {240002, "in udp 99 4001 junk", "flow-answer"},
      {420002, "in udp 99 4001 junk", "no-rule"})

STEPS(strict_41_ten_minutes, STRICT("", "", ALL_OUT), {0, "out proto 47", "rule-match"},
      {599999, "out proto 47", "flow-originator"}, {1199998, "out proto 47", "flow-originator"},
      {1799998, "in proto 47", "no-rule"})

/* A redirect never by relation; packet too big with the MTU of 1279 and 67 bytes no more than that. */
STEPS(strict_61_what_never_relates, STRICT("", ALL_IN, ALL_OUT),
      {0, "out udp 4000 99 junk", "rule-match"}, {1, "in error 5 1 udp 4000 99", "icmp-redirect"},
      {2, "in l4 6 0 l4 7 67 error 3 4 udp 4000 99", "icmp-mtu-small"},
      {3, "in l4 6 0 l4 7 68 error 3 4 udp 4000 99", "icmp-related"},
      {4, "out6 udp 4000 99 junk", "rule-match"},
      {5, "in6 l4 6 4 l4 7 0xff error 2 0 udp 4000 99", "icmp-mtu-small"},
      {6, "in6 l4 6 5 l4 7 0 error 2 0 udp 4000 99", "icmp-related"},
      {7, "in6 error 137 0 udp 4000 99", "icmp-redirect"})

/* And what an error says changes nothing: neither timer nor state. */
STEPS(strict_61_errors_change_nothing, STRICT("", "", ALL_OUT),
      {0, "out udp 4000 99 junk", "rule-match"},
      {29000, "in error 3 3 udp 4000 99", "icmp-related"},
      {29999, "in udp 99 4000 junk", "flow-answer"}, {30000, "out udp 4001 99 junk", "rule-match"},
      {50000, "in error 3 4 udp 4001 99", "icmp-related"},
      {60000, "in udp 99 4001 junk", "no-rule"})

/* Hop limit 255 is this very link; the three other kinds of discovery alike. */
STEPS(strict_62_this_link_only, STRICT("", "", ""),
      {0, "in6 ip 7 255 l4 0 135 echo 0 0", "neighbour-discovery"},
      {0, "in6 ip 7 254 l4 0 135 echo 0 0", "bad-nd"},
      {0, "in6 ip 7 255 l4 0 133 echo 0 0", "neighbour-discovery"},
      {0, "out6 ip 7 255 l4 0 134 echo 0 0", "neighbour-discovery"},
      {0, "out6 ip 7 255 l4 0 136 echo 0 0", "neighbour-discovery"},
      {0, "in6 ip 7 255 l4 0 130 echo 0 0", "no-rule"})

STEPS(strict_73_checksums, STRICT("", "", ALL_OUT),
      {0, "out l4 6 1 udp 4000 99 junk", "bad-checksum"},
      {0, "out l4 16 1 tcp 4000 99 S 1 0 0", "bad-checksum"},
      {0, "out l4 2 1 echo 1 1", "bad-checksum"},
      {0, "out6 l4 6 1 udp 4000 99 junk", "bad-checksum"}, {0, "in udp 99 4000 junk", "no-rule"},
      STRICT("strict: {verify_checksums: false}\n", "", ALL_OUT),
      {1, "out l4 6 1 udp 4000 99 junk", "rule-match"}, {2, "in udp 99 4000 junk", "flow-answer"})

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_1_openings),
		cmocka_unit_test(strict_2_the_originator_goes_on),
		cmocka_unit_test(strict_3_without_proof),
		cmocka_unit_test(strict_5_open_rules_are_tracked),
		cmocka_unit_test(strict_21_22_which_ports_prove),
		cmocka_unit_test(strict_23_timers),
		cmocka_unit_test(strict_41_ten_minutes),
		cmocka_unit_test(strict_61_what_never_relates),
		cmocka_unit_test(strict_61_errors_change_nothing),
		cmocka_unit_test(strict_62_this_link_only),
		cmocka_unit_test(strict_73_checksums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
