/* SPDX-License-Identifier: BSD-3-Clause */
/* test_proof_echo.c: STRICT-53, packet by packet, under the founding policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

/* Each request has one reply, in any order. */
FOUNDING_TABLE(strict_53_order, SEKISHO_STRICT,
      {0, "out echo 7 1", "rule-match"},
      {1, "out echo 7 2", "flow-originator"},
      {2, "out echo 7 3", "flow-originator"},
      {3, "in reply 7 3", "flow-answer"},
      {4, "in reply 7 1", "flow-answer"},
      {5, "in reply 7 3", "no-proof-echo"},
      {6, "in reply 7 4", "no-proof-echo"},
      {7, "in reply 7 2", "flow-answer"},
      {8, "in reply 7 2", "no-proof-echo"},
      {9, "out echo 7 2", "flow-originator"},
      {10, "in reply 7 2", "flow-answer"})

/* The newest 64; what is older is forgotten. */
FOUNDING_TABLE(strict_53_window, SEKISHO_STRICT,
      {0, "out6 echo 7 1", "rule-match"},
      {1, "out6 echo 7 2", "flow-originator"},
      {2, "out6 echo 7 65", "flow-originator"},
      {3, "in6 reply 7 1", "no-proof-echo"},
      {4, "in6 reply 7 2", "flow-answer"},
      {5, "in6 reply 7 65", "flow-answer"},
      {6, "out6 echo 7 100", "flow-originator"},
      {7, "out6 echo 7 37", "flow-originator"},
      {8, "in6 reply 7 100", "flow-answer"},
      {9, "in6 reply 7 37", "flow-answer"})

/* The sequence wraps, and a new ping with the same identifier begins at 1 again. */
FOUNDING_TABLE(strict_53_wrap, SEKISHO_STRICT,
      {0, "out echo 7 65535", "rule-match"},
      {1, "out echo 7 0", "flow-originator"},
      {2, "in reply 7 65535", "flow-answer"},
      {3, "in reply 7 0", "flow-answer"},
      {4, "out echo 7 5000", "flow-originator"},
      {5, "out echo 7 1", "flow-originator"},
      {6, "in reply 7 1", "flow-answer"},
      {7, "in reply 7 5000", "no-proof-echo"})

/* The identifier is the flow's, and a request from the other side is never an answer. */
FOUNDING_TABLE(strict_53_requests, SEKISHO_STRICT,
      {0, "out echo 7 1", "rule-match"},
      {1, "in reply 8 1", "no-rule"},
      {2, "in echo 7 1", "no-proof-echo"},
      {3, "in echo 7 2", "no-proof-echo"},
      {4, "out reply 7 2", "flow-originator"},
      {5, "in reply 7 2", "no-proof-echo"},
      {6, "in reply 7 1", "flow-answer"})

/* A reply of nothing may leave by a rule and entitles nothing. */
FOUNDING_TABLE(strict_53_reply_first, SEKISHO_STRICT,
      {0, "out reply 7 1", "rule-match"},
      {1, "in reply 7 1", "no-proof-echo"},
      {2, "in echo 7 1", "no-proof-echo"})

FOUNDING_TABLE(aws_28_replies_are_not_counted, SEKISHO_AWS_LIKE,
      {0, "out echo 7 1", "rule-match"},
      {1, "in reply 7 9", "flow-answer"},
      {2, "in reply 7 1", "flow-answer"},
      {3, "in reply 7 1", "flow-answer"},
      {4, "in echo 7 1", "no-rule"})

/* STRICT-3: a request that a rule admits opens the flow from its side too, each with its own window. */
static void strict_53_both_ask(void **state)
{
	static const struct row rows[] = {
		{0, "out echo 7 1", "rule-match"},      {1, "in reply 7 2", "no-proof-echo"},
		{2, "in echo 7 2", "rule-match"},       {3, "in reply 7 1", "flow-originator"},
		{4, "in reply 7 77", "flow-originator"}, {5, "out reply 7 2", "flow-originator"},
	};
	static const struct row withdrawn[] = {
		{6, "out echo 7 2", "flow-originator"},
		{7, "in reply 7 1", "no-proof-echo"},
		{8, "in reply 7 2", "flow-answer"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
		bench_rule("vpn/ping-in", SEKISHO_INGRESS, 1, bench_peer),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	rules[1].icmp_type = 8;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 2);
	bench_run(&bench, rows, 6);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, withdrawn, 3);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_53_order),
		cmocka_unit_test(strict_53_window),
		cmocka_unit_test(strict_53_wrap),
		cmocka_unit_test(strict_53_requests),
		cmocka_unit_test(strict_53_reply_first),
		cmocka_unit_test(aws_28_replies_are_not_counted),
		cmocka_unit_test(strict_53_both_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
