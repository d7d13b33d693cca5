/* SPDX-License-Identifier: BSD-3-Clause */
/* test_proof_dns.c: STRICT-51 and 23, packet by packet, under the founding policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

#define OUTSTANDING 14 /* queries that a flow remembers */

/* One question and one answer: the flow is gone with the answer. */
FOUNDING_TABLE(strict_51_answer, SEKISHO_STRICT,
      {0, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {1, "in udp 53 4000 dns r 8 example.org", "no-proof-dns"},
      {2, "in udp 53 4000 dns r 7 example.net", "no-proof-dns"},
      {3, "in udp 53 4000 dns r 7 example.org 28", "no-proof-dns"},
      {4, "in udp 53 4000 dns q 7 example.org", "no-proof-dns"},
      {5, "in udp 53 4000 dns r 7 example.ORG", "no-proof-dns"},
      {6, "in udp 53 4000 dns r 7 -", "no-proof-dns"},
      {7, "in udp 53 4000 dns r 7 example.org", "flow-answer"},
      {8, "in udp 53 4000 dns r 7 example.org", "no-rule"},
      {9, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {10, "in6 udp 53 4000 dns r 7 example.org", "no-rule"})

FOUNDING_TABLE(strict_51_class_counts, SEKISHO_STRICT,
      {0, "out6 udp 4000 53 set 28 3 dns q 7 example.org", "rule-match"},
      {1, "in6 udp 53 4000 dns r 7 example.org", "no-proof-dns"},
      {2, "in6 udp 53 4000 set 28 3 dns r 7 example.org", "flow-answer"},
      {3, "in6 udp 53 4000 set 28 3 dns r 7 example.org", "no-rule"})

/* Equal ports prove nothing; the grammar does. The founding case in DNS. */
FOUNDING_TABLE(strict_51_equal_ports, SEKISHO_STRICT,
      {0, "out udp 53 53 dns q 7 example.org", "rule-match"},
      {1, "in udp 53 53 dns q 9 example.net", "no-proof-dns"},
      {2, "in udp 53 53 dns r 7 example.org", "flow-answer"},
      {3, "in udp 53 53 dns q 9 example.net", "no-rule"})

/* A stub resolver asks for A and AAAA at once, from one port. */
FOUNDING_TABLE(strict_51_outstanding, SEKISHO_STRICT,
      {0, "out udp 4000 53 dns q 7 example.org 1", "rule-match"},
      {1, "out udp 4000 53 dns q 8 example.org 28", "flow-originator"},
      {2, "in udp 53 4000 dns r 8 example.org 28", "flow-answer"},
      {3, "in udp 53 4000 dns r 8 example.org 28", "no-proof-dns"},
      {4, "in udp 53 4000 dns r 7 example.org 1", "flow-answer"},
      {5, "in udp 53 4000 dns r 7 example.org 1", "no-rule"})

/* A query that is sent again is the same query, and has one answer. */
FOUNDING_TABLE(strict_51_retransmission, SEKISHO_STRICT,
      {0, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {5000, "out udp 4000 53 dns q 7 example.org", "flow-originator"},
      {5001, "in udp 53 4000 dns r 7 example.org", "flow-answer"},
      {5002, "in udp 53 4000 dns r 7 example.org", "no-rule"})

FOUNDING_TABLE(strict_23_dns_unanswered_30_s, SEKISHO_STRICT,
      {0, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {29999, "in udp 53 4000 dns r 8 example.org", "no-proof-dns"},
      {30000, "in udp 53 4000 dns r 7 example.org", "no-rule"})

/* What stands behind the question is not looked at: records, EDNS, and answers that were cut (TC). */
FOUNDING_TABLE(strict_51_other_sections, SEKISHO_STRICT,
      {0, "out udp 4000 53 size 60 set 11 1 dns q 7 example.org", "rule-match"},
      {1, "in udp 53 4000 size 1400 set 7 20 dns r 7 example.org", "flow-answer"},
      {2, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {3, "in udp 53 4000 set 2 0x83 dns r 7 example.org", "flow-answer"},
      {4, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {5, "in udp 53 4000 set 3 5 dns r 7 example.org", "flow-answer"})

/* A query without a question (RFC 7873, 5.4) has an answer without one. */
FOUNDING_TABLE(strict_51_no_question, SEKISHO_STRICT,
      {0, "out udp 4000 53 dns q 7 -", "rule-match"},
      {1, "in udp 53 4000 dns r 7 example.org", "no-proof-dns"},
      {2, "in udp 53 4000 dns r 7 -", "flow-answer"})

/* What is no query entitles nothing, and is passed by its rule all the same (STRICT-1). */
FOUNDING_TABLE(strict_51_entitles_nothing, SEKISHO_STRICT,
      {0, "out udp 4000 53 junk", "rule-match"},
      {1, "in udp 53 4000 dns r 0x1111 -", "no-proof-dns"},
      {2, "in udp 53 4000 junk", "dns-malformed"},
      {3, "out udp 4000 53 dns r 7 example.org", "flow-originator"},
      {4, "in udp 53 4000 dns r 7 example.org", "no-proof-dns"},
      {5, "out udp 53 4001 dns r 7 example.org", "rule-match"},
      {6, "in udp 4001 53 dns q 7 example.org", "no-proof-dns"})

/* Two questions (RFC 9619), a pointer or a label too long in the question, a name without an end. */
FOUNDING_TABLE(strict_51_malformed, SEKISHO_STRICT,
      {0, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {1, "in udp 53 4000 set 5 2 dns r 7 example.org", "dns-malformed"},
      {2, "in udp 53 4000 set 4 1 dns r 7 example.org", "dns-malformed"},
      {3, "in udp 53 4000 size 400 set 12 0xc0 dns r 7 example.org", "dns-malformed"},
      {4, "in udp 53 4000 size 400 set 12 64 dns r 7 example.org", "dns-malformed"},
      {5, "in udp 53 4000 set 20 63 dns r 7 example.org", "dns-malformed"},
      {6, "in udp 53 4000 size 0 dns r 7 example.org", "dns-malformed"},
      {7, "in udp 53 4000 dns r 7 example.org", "flow-answer"})

/* TCP on the port is plain TCP. */
FOUNDING_TABLE(strict_51_tcp, SEKISHO_STRICT,
      {0, "out tcp 4000 53 S 100 0 0", "rule-match"},
      {1, "in tcp 53 4000 SA 500 101 0", "flow-answer"})

/* The tuple is all there is. */
FOUNDING_TABLE(aws_70_dns, SEKISHO_AWS_LIKE,
      {0, "out udp 4000 53 dns q 7 example.org", "rule-match"},
      {1, "in udp 53 4000 dns r 8 example.net", "flow-answer"},
      {2, "in udp 53 4000 dns r 7 example.org", "flow-answer"},
      {3, "in udp 53 4000 dns q 7 example.org", "flow-answer"},
      {4, "in udp 53 4000 junk", "flow-answer"})

/* The server is inside: its answer closes the flow that the query opened. */
static void strict_51_server_inside(void **state)
{
	static const struct row rows[] = {
		{0, "in udp 4000 53 dns q 7 example.org", "rule-match"},
		{1, "out udp 53 4000 dns r 8 example.org", "no-proof-dns"},
		{2, "out udp 53 4000 dns r 7 example.org", "flow-answer"},
		{3, "out udp 53 4000 dns r 7 example.org", "no-rule"},
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

/* Both sides ask and answer under their own rules; the flow closes when neither waits. */
static void strict_51_both_ask(void **state)
{
	static const struct row rows[] = {
		{0, "out udp 53 53 dns q 7 example.org", "rule-match"},
		{1, "in udp 53 53 dns q 7 example.org", "rule-match"},
		{2, "in udp 53 53 dns r 7 example.org", "flow-originator"},
		{3, "in udp 53 53 dns r 7 example.org", "flow-originator"},
		{4, "out udp 53 53 dns r 7 example.org", "flow-originator"},
		{5, "out udp 53 53 dns r 7 example.org", "rule-match"},
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
	bench_run(&bench, rows, 6);
	bench_fini(&bench);
}

/* The port is settable: multicast DNS as well, and not 53 any more. */
static void strict_20_ports_are_settable(void **state)
{
	static const struct row rows[] = {
		{0, "out udp 5353 5353 dns q 0 printer.local", "rule-match"},
		{1, "in udp 5353 5353 dns q 0 host.local", "no-proof-dns"},
		{2, "in udp 5353 5353 dns r 0 printer.local", "flow-answer"},
		{3, "out udp 4000 53 dns q 7 example.org", "rule-match"},
		{4, "in udp 53 4000 dns r 8 example.net", "flow-answer"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything)};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.strict.ports[SEKISHO_GRAMMAR_DNS][0] = 5353;
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, rows, 5);
	bench_fini(&bench);
}

static enum sekisho_reason ask(struct bench *bench, int port, int id)
{
	char text[64];

	snprintf(text, sizeof(text), "out udp %d 53 dns q %d example.org", port, id);
	return bench_send(bench, 0, text).reason;
}

static enum sekisho_reason answer(struct bench *bench, int port, int id)
{
	char text[64];

	snprintf(text, sizeof(text), "in udp 53 %d dns r %d example.org", port, id);
	return bench_send(bench, 0, text).reason;
}

/* A forwarder asks much from one port: the oldest that are too many have no answer. */
static void strict_51_outstanding_is_bounded(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int id = 0; id < 100; id++)
		assert_int_equal(ask(&bench, 4000, id), id == 0 ? SEKISHO_REASON_RULE_MATCH
								: SEKISHO_REASON_FLOW_ORIGINATOR);
	ask(&bench, 4000, 100 - OUTSTANDING); /* again, so that it is not the oldest any more */
	ask(&bench, 4000, 100);
	assert_int_equal(answer(&bench, 4000, 100 - OUTSTANDING - 1), SEKISHO_REASON_NO_PROOF_DNS);
	assert_int_equal(answer(&bench, 4000, 101 - OUTSTANDING), SEKISHO_REASON_NO_PROOF_DNS);
	assert_int_equal(answer(&bench, 4000, 100 - OUTSTANDING), SEKISHO_REASON_FLOW_ANSWER);
	for (int id = 102 - OUTSTANDING; id <= 100; id++)
		assert_int_equal(answer(&bench, 4000, id), SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(answer(&bench, 4000, 100), SEKISHO_REASON_NO_RULE);
	bench_fini(&bench);
}

/* One of the older queries is sent again: it is still one query. */
static void strict_51_older_retransmission(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int id = 0; id < 5; id++)
		ask(&bench, 4000, id);
	ask(&bench, 4000, 0);
	for (int id = 0; id < 5; id++)
		assert_int_equal(answer(&bench, 4000, id), SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(answer(&bench, 4000, 0), SEKISHO_REASON_NO_RULE);
	bench_fini(&bench);
}

/* A query for which there is no memory does not leave; those before it keep their answers. */
static void strict_51_table_full(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int port = 2000; port < 2064; port++) { /* a first answer makes them answered */
		ask(&bench, port, 1);
		ask(&bench, port, 2);
		assert_int_equal(answer(&bench, port, 1), SEKISHO_REASON_FLOW_ANSWER);
	}
	assert_int_equal(ask(&bench, 2000, 3), SEKISHO_REASON_FLOW_ORIGINATOR);
	assert_int_equal(ask(&bench, 2000, 4), SEKISHO_REASON_FLOW_ORIGINATOR);
	assert_int_equal(ask(&bench, 2000, 5), SEKISHO_REASON_TABLE_FULL);
	assert_int_equal(ask(&bench, 2000, 4), SEKISHO_REASON_FLOW_ORIGINATOR);
	assert_int_equal(answer(&bench, 2000, 5), SEKISHO_REASON_NO_PROOF_DNS);
	for (int id = 2; id <= 4; id++)
		assert_int_equal(answer(&bench, 2000, id), SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(answer(&bench, 2000, 4), SEKISHO_REASON_NO_RULE);
	bench_fini(&bench);
}

/* Names up to the longest are told apart to their last letter; one longer is none. */
static void strict_51_long_names(void **state)
{
	char name[300] = "", text[400];
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int length = 1; length <= 255; length++) { /* the text; on the wire two bytes more */
		static const struct {
			const char *last;
			uint8_t reason;
		} answers[] = {{"b", SEKISHO_REASON_NO_PROOF_DNS}, {"a", SEKISHO_REASON_FLOW_ANSWER}};

		for (int i = 0; i < length; i++)
			name[i] = i % 64 == 63 && i != length - 1 ? '.' : 'a';
		if (length % 64 == 0)
			continue; /* would end in a dot */
		snprintf(text, sizeof(text), "out udp %d 53 dns q 7 %s", 4000 + length, name);
		assert_int_equal(bench_send(&bench, 0, text).reason, SEKISHO_REASON_RULE_MATCH);
		for (int i = 0; i < 2; i++) {
			name[length - 1] = answers[i].last[0];
			snprintf(text, sizeof(text), "in udp 53 %d dns r 7 %s", 4000 + length, name);
			assert_int_equal(bench_send(&bench, 0, text).reason,
					 length > 253 ? SEKISHO_REASON_DNS_MALFORMED
						      : answers[i].reason);
		}
	}
	bench_fini(&bench);
}

/* Any length on the wire, and any part of it captured: without a whole question it is no answer. */
static void strict_51_cut_short(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (uint32_t size = 0; size <= 29; size++) {
		enum sekisho_reason expected =
			size < 29 ? SEKISHO_REASON_DNS_MALFORMED : SEKISHO_REASON_FLOW_ANSWER;

		ask(&bench, 4000, 7);
		snprintf(text, sizeof(text), "in udp 53 4000 size %u dns r 7 example.org", size);
		assert_int_equal(bench_send(&bench, 0, text).reason, expected);
		ask(&bench, 4000, 7);
		assert_int_equal(bench_send_clipped(&bench, 0, "in udp 53 4000 dns r 7 example.org",
						    29 - size)
					 .reason,
				 expected);
	}
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_51_answer),
		cmocka_unit_test(strict_51_class_counts),
		cmocka_unit_test(strict_51_equal_ports),
		cmocka_unit_test(strict_51_outstanding),
		cmocka_unit_test(strict_51_retransmission),
		cmocka_unit_test(strict_23_dns_unanswered_30_s),
		cmocka_unit_test(strict_51_other_sections),
		cmocka_unit_test(strict_51_no_question),
		cmocka_unit_test(strict_51_entitles_nothing),
		cmocka_unit_test(strict_51_malformed),
		cmocka_unit_test(strict_51_tcp),
		cmocka_unit_test(aws_70_dns),
		cmocka_unit_test(strict_51_server_inside),
		cmocka_unit_test(strict_51_both_ask),
		cmocka_unit_test(strict_20_ports_are_settable),
		cmocka_unit_test(strict_51_outstanding_is_bounded),
		cmocka_unit_test(strict_51_older_retransmission),
		cmocka_unit_test(strict_51_table_full),
		cmocka_unit_test(strict_51_long_names),
		cmocka_unit_test(strict_51_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
