/* SPDX-License-Identifier: BSD-3-Clause */
/* test_track_other.c: protocols without ports (STRICT-40, 41), under the founding policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* The one flow of the bench. */
static struct sekisho_flow_info only_flow(struct bench *bench, uint32_t now_ms)
{
	struct sekisho_flow_info flows[2];
	uint32_t cursor = 0;

	assert_int_equal(sekisho_engine_flows(bench->engine, now_ms, &cursor, UINT32_MAX, flows, 2),
			 1);
	return flows[0];
}

static void spis_are(const struct sekisho_spi_count *spis, const char *letters,
		     const uint32_t *packets)
{
	for (size_t i = 0; i < SEKISHO_FLOW_SPIS; i++) {
		uint32_t spi = i < strlen(letters) ? (uint32_t)letters[i] * 0x01010101u : 0;

		assert_int_equal(spis[i].spi, spi);
		assert_int_equal(spis[i].packets, spi == 0 ? 0 : packets[i]);
	}
}

FOUNDING_TABLE(strict_40_each_direction_its_rule, SEKISHO_STRICT,
      {0, "out proto 47", "rule-match"},
      {1, "in proto 47", "no-proof-protocol"},
      {2, "out6 proto 51", "rule-match"},
      {3, "in6 proto 51", "no-proof-protocol"},
      {4, "in proto 50 A", "rule-match"},
      {5, "out proto 50 B", "rule-match"},
      {6, "in proto 50 C", "flow-originator"},
      {600005, "in proto 50 C", "flow-originator"},
      {1200005, "in proto 50 C", "rule-match"},
      {1200006, "out proto 47", "rule-match"})

static void install_following(struct bench *bench, const struct sekisho_rule_spec *rules, size_t count)
{
	struct sekisho_policy_spec spec;

	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.strict.esp = SEKISHO_ESP_FOLLOWS_IKE;
	bench_install(bench, &spec, rules, count);
}

/* With follows-ike, ESP needs no rule while the pair has a live SA, whichever side begins. */
static void strict_40_follows_ike(void **state)
{
	static const struct row rows[] = {
		{0, "in proto 50 a", "no-rule"},
		{1, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
		{2, "in proto 50 a", "no-rule"},
		{3, "in udp 500 500 ike2 A a R 34", "flow-answer"},
		{4, "in proto 50 a", "flow-answer"},
		{5, "in proto 51 a", "no-rule"},
		{6, "in6 proto 50 a", "no-rule"},
		{600003, "in proto 50 a", "flow-answer"},
		{600004, "out proto 50 A", "rule-match"},
		{600005, "in proto 50 a", "flow-answer"},
		{1200004, "in proto 50 a", "flow-answer"},
		{1800004, "in proto 50 a", "no-rule"},
		{1800005, "out proto 50 A", "rule-match"},
		{1800006, "in proto 50 a", "no-proof-protocol"},
		/* the ESP that opens its flow keeps the SA alive as well */
		{1900000, "out6 udp 500 500 ike2 A 0 I 34", "rule-match"},
		{1900001, "in6 udp 500 500 ike2 A a R 34", "flow-answer"},
		{2500000, "out6 proto 50 A", "rule-match"},
		{2500001, "in6 proto 50 a", "flow-answer"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything)};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	install_following(&bench, rules, 1);
	bench_run(&bench, rows, sizeof(rows) / sizeof(rows[0]));
	bench_fini(&bench);
}

/* What vouches for ESP is the rule that the SA was opened under; without it, or until the SA is heard
 * of under another policy (STRICT-4), nothing does. */
static void strict_40_follows_what_still_stands(void **state)
{
	static const struct row opened[] = {
		{0, "in udp 500 500 ike2 A 0 I 34", "rule-match"},
		{1, "out udp 500 500 ike2 A a R 34", "flow-answer"},
		{2, "in proto 50 a", "flow-originator"},
		{3, "out proto 50 A", "flow-answer"},
	};
	static const struct row again[] = {
		{4, "in proto 50 a", "no-rule"},
		{5, "in udp 500 500 ike2 A a I 37 1", "flow-originator"},
		{6, "in proto 50 a", "no-rule"},
		{7, "out udp 500 500 ike2 A a R 37 1", "flow-answer"},
		{8, "in proto 50 a", "flow-originator"},
	};
	static const struct row withdrawn[] = {{9, "in proto 50 a", "no-rule"},
					       {10, "out proto 50 A", "no-rule"}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/ike-in", SEKISHO_INGRESS, 17, bench_peer)};
	struct sekisho_verdict verdict;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	install_following(&bench, rules, 1);
	bench_run(&bench, opened, 4);
	verdict = bench_send(&bench, 3, "out proto 50 A");
	assert_string_equal(sekisho_rule_name(bench.names, verdict.rule), "vpn/ike-in");
	assert_int_equal(verdict.opened_by, 1);
	install_following(&bench, rules, 1);
	bench_run(&bench, again, 5);
	install_following(&bench, NULL, 0);
	bench_run(&bench, withdrawn, 2);
	bench_fini(&bench);
}

/* ESP is told by SPI and direction. */
static void strict_41_spis(void **state)
{
	struct sekisho_flow_info flow;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out proto 50 A");
	bench_send(&bench, 1, "in proto 50 a");
	bench_send(&bench, 2, "out proto 50 A");
	bench_send(&bench, 3, "out proto 50 B");
	bench_send(&bench, 4, "in proto 50 b");
	bench_send(&bench, 5, "in proto 50 a");
	bench_send(&bench, 6, "in proto 50 a");
	flow = only_flow(&bench, 7);
	spis_are(flow.spis[SEKISHO_EGRESS], "BA", (uint32_t[]){1, 2});
	spis_are(flow.spis[SEKISHO_INGRESS], "ba", (uint32_t[]){1, 3});
	for (const char *spi = "CDEFB"; *spi != '\0'; spi++) { /* renewed again and again */
		char text[32];

		snprintf(text, sizeof(text), "out proto 50 %c", *spi);
		bench_send(&bench, 8, text);
	}
	flow = only_flow(&bench, 9);
	spis_are(flow.spis[SEKISHO_EGRESS], "FEDCB", (uint32_t[]){1, 1, 1, 1, 2});
	spis_are(flow.spis[SEKISHO_INGRESS], "ba", (uint32_t[]){1, 3});
	bench_fini(&bench);
}

/* What is dropped is not counted, and what is no ESP, or cut before its SPI, has none. */
static void strict_41_not_counted(void **state)
{
	static const char *const packets[] = {"out proto 47 A", "out proto 51 A"};
	struct sekisho_flow_info flow;
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bench_init(&bench, 64);
		bench_founding(&bench, SEKISHO_STRICT);
		bench_send(&bench, 0, packets[i]);
		flow = only_flow(&bench, 1);
		spis_are(flow.spis[SEKISHO_EGRESS], "", NULL);
		bench_fini(&bench);
	}
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out6 proto 50 A");
	bench_send(&bench, 1, "in6 proto 99 a");
	for (uint32_t missing = 20; missing <= 24; missing++)
		bench_send_clipped(&bench, 2, "out6 proto 50 A", missing);
	flow = only_flow(&bench, 3);
	assert_int_equal(flow.packets[SEKISHO_EGRESS], 6);
	spis_are(flow.spis[SEKISHO_EGRESS], "A", (uint32_t[]){2});
	spis_are(flow.spis[SEKISHO_INGRESS], "", NULL);
	bench_fini(&bench);
}

/* Counting is a favour: without memory for it, and under aws-like, ESP passes all the same. */
static void strict_41_without_memory(void **state)
{
	struct sekisho_flow_info flow;
	struct sekisho_stats stats;
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out proto 50 A");
	flow = only_flow(&bench, 1);
	spis_are(flow.spis[SEKISHO_EGRESS], "", NULL);
	bench_fini(&bench);

	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (int i = 0; i < 63; i++) {
		snprintf(text, sizeof(text), "out udp %d 99 junk", 2000 + i);
		bench_send(&bench, 0, text);
	}
	assert_int_equal(bench_send(&bench, 1, "out proto 50 A").reason, SEKISHO_REASON_RULE_MATCH);
	assert_int_equal(bench_send(&bench, 2, "in proto 50 a").reason, SEKISHO_REASON_RULE_MATCH);
	sekisho_engine_stats(bench.engine, &stats);
	assert_int_equal(stats.flows, 64); /* none was pushed out */
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_40_each_direction_its_rule),
		cmocka_unit_test(strict_40_follows_ike),
		cmocka_unit_test(strict_40_follows_what_still_stands),
		cmocka_unit_test(strict_41_spis),
		cmocka_unit_test(strict_41_not_counted),
		cmocka_unit_test(strict_41_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
