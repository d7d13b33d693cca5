/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_limit.c: ceilings and pressure (STRICT-17, AWS-50..52) through the whole engine: what is
 * refused, what makes room, and that what is established never does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* From now on: what goes to and fro the peer is admitted, within these limits. */
static void admit_all(struct bench *bench, const struct sekisho_policy_spec *base)
{
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-in", SEKISHO_INGRESS, SEKISHO_PROTOCOL_ALL, bench_peer),
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_peer),
	};

	bench_install(bench, base, rules, 2);
}

static void start(struct bench *bench, uint32_t flows, const struct sekisho_policy_spec *base)
{
	bench_init(bench, flows);
	admit_all(bench, base);
}

static void expect(struct bench *bench, uint32_t at_ms, const char *packet, const char *reason)
{
	const struct row row = {at_ms, packet, reason};

	bench_run(bench, &row, 1);
}

/* The packet `format` for each port from `first` on, `count` of them. */
static void expect_ports(struct bench *bench, const char *format, unsigned first, unsigned count,
			 const char *reason)
{
	char packet[80];

	for (unsigned i = 0; i < count; i++) {
		snprintf(packet, sizeof(packet), format, first + i);
		expect(bench, i, packet, reason);
	}
}

static struct sekisho_stats stats_of(const struct bench *bench)
{
	struct sekisho_stats stats;

	sekisho_engine_stats(bench->engine, &stats);
	return stats;
}

static void establish(struct bench *bench, unsigned port)
{
	char packet[80];

	snprintf(packet, sizeof(packet), "out tcp %u 80 S 100 0 0", port);
	expect(bench, 0, packet, "rule-match");
	snprintf(packet, sizeof(packet), "in tcp 80 %u SA 500 101 0", port);
	expect(bench, 0, packet, "flow-answer");
	snprintf(packet, sizeof(packet), "out tcp %u 80 A 101 501 0", port);
	expect(bench, 0, packet, "flow-originator");
}

static void strict_17_half_open_per_source(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.limits.half_open_per_source = 3;
	start(&bench, 1024, &spec);
	expect_ports(&bench, "in tcp %u 80 S 100 0 0", 4000, 3, "rule-match");
	expect(&bench, 3, "in tcp 4003 80 S 100 0 0", "limit-source");
	/* neither the other side, nor the other family, nor another protocol is that source */
	expect(&bench, 3, "out tcp 4003 80 S 100 0 0", "rule-match");
	expect(&bench, 3, "in6 tcp 4003 80 S 100 0 0", "rule-match");
	expect(&bench, 3, "in udp 4003 80 junk", "rule-match");
	/* what is established counts no more */
	expect(&bench, 4, "out tcp 80 4000 SA 500 101 0", "flow-answer");
	expect(&bench, 4, "in tcp 4003 80 S 100 0 0", "limit-source");
	expect(&bench, 5, "in tcp 4000 80 A 101 501 0", "flow-originator");
	expect(&bench, 6, "in tcp 4003 80 S 100 0 0", "rule-match");
	expect(&bench, 7, "in tcp 4004 80 S 100 0 0", "limit-source");
	/* nor what is past its time, once the sweep has been there */
	expect(&bench, 30007, "in udp 4005 80 junk", "rule-match");
	bench_wait(&bench, 30008, 32100);
	expect(&bench, 32101, "in tcp 4004 80 S 100 0 0", "rule-match");
	bench_fini(&bench);
}

static void strict_17_flows_per_source(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	spec.limits.flows_per_source = 2;
	start(&bench, 1024, &spec);
	expect_ports(&bench, "in udp %u 80 junk", 4000, 2, "rule-match");
	expect(&bench, 2, "in udp 4002 80 junk", "limit-source");
	expect(&bench, 2, "in tcp 4002 80 S 1 0 0", "limit-source");
	expect(&bench, 2, "in udp 4001 80 junk", "flow-originator");
	expect(&bench, 2, "out udp 4002 80 junk", "rule-match");
	/* a policy without the ceiling lets more in; what was counted is counted out all the same */
	spec.limits.flows_per_source = 0;
	admit_all(&bench, &spec);
	expect_ports(&bench, "in udp %u 80 junk", 4002, 100, "rule-match");
	expect(&bench, 40000, "in udp 4002 80 junk", "rule-match");
	bench_wait(&bench, 40001, 42100);
	spec.limits.flows_per_source = 1;
	admit_all(&bench, &spec);
	expect(&bench, 42101, "in udp 4001 80 junk", "rule-match");
	expect(&bench, 42102, "in udp 4000 80 junk", "limit-source");
	bench_fini(&bench);
}

static void strict_17_half_open_percent_recycles_the_oldest(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	start(&bench, 64, &spec); /* a quarter is 16 */
	establish(&bench, 3000);
	expect_ports(&bench, "in tcp %u 80 S 100 0 0", 4000, 16, "rule-match");
	assert_int_equal(stats_of(&bench).flows_half_open, 16);
	expect(&bench, 20, "in tcp 4016 80 S 100 0 0", "rule-match");
	assert_int_equal(stats_of(&bench).flows_half_open, 16);
	assert_int_equal(stats_of(&bench).flows_recycled, 1);
	expect(&bench, 21, "out tcp 80 4001 SA 500 101 0", "flow-answer");
	expect(&bench, 21, "out tcp 80 4000 SA 500 101 0", "not-an-opening"); /* was the oldest */
	expect(&bench, 22, "in tcp 80 3000 A 501 101 0", "flow-answer");
	bench_fini(&bench);
}

/* a share of less than one flow is a ceiling of one */
static void strict_17_half_open_percent_of_a_small_table(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.limits.half_open_percent = 1;
	start(&bench, 64, &spec);
	expect_ports(&bench, "in tcp %u 80 S 100 0 0", 4000, 2, "rule-match");
	assert_int_equal(stats_of(&bench).flows_half_open, 1);
	bench_fini(&bench);
}

/* what is past its time makes room for a half-open flow only if it was half-open itself */
static void strict_17_expired_of_another_kind(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	spec.limits.half_open_percent = 25;
	start(&bench, 64, &spec);
	expect_ports(&bench, "in udp %u 80 junk", 4000, 20, "rule-match");
	expect_ports(&bench, "in tcp %u 80 S 100 0 0", 4000, 16, "rule-match");
	expect(&bench, 60000, "in tcp 4016 80 S 100 0 0", "rule-match");
	expect(&bench, 60000, "in tcp 4017 80 S 100 0 0", "rule-match");
	assert_int_equal(stats_of(&bench).flows_half_open, 16);
	bench_fini(&bench);
}

/* a connection that its hosts begin anew in its place is half-open again, and counts so */
static void strict_17_half_open_again(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.limits.half_open_per_source = 1;
	start(&bench, 64, &spec);
	establish(&bench, 3000);
	expect(&bench, 1, "out tcp 3000 80 S 9000 0 0", "flow-originator");
	expect(&bench, 2, "out tcp 3001 80 S 100 0 0", "rule-match");
	expect(&bench, 3, "in tcp 80 3001 RA 0 101 0", "flow-answer");
	expect(&bench, 4, "in tcp 80 3000 SA 7000 9001 0", "flow-answer");
	expect(&bench, 5, "out tcp 3002 80 S 100 0 0", "limit-source");
	expect(&bench, 6, "out tcp 3000 80 A 9001 7001 0", "flow-originator");
	expect(&bench, 7, "out tcp 3002 80 S 100 0 0", "rule-match");
	bench_fini(&bench);
}

/* STRICT-7: a SYN that a ceiling refuses leaves the closed flow that it would have replaced */
static void strict_7_refused_in_the_place_of_a_closed_flow(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.limits.half_open_per_source = 1;
	spec.limits.flows_per_source = 2;
	start(&bench, 64, &spec);
	establish(&bench, 3000);
	expect(&bench, 1, "in tcp 80 3000 RA 501 101 0", "flow-answer");
	expect(&bench, 2, "out tcp 3001 80 S 100 0 0", "rule-match");
	expect(&bench, 3, "out tcp 3000 80 S 900 0 0", "limit-source");
	expect(&bench, 4, "out tcp 3000 80 A 101 501 0", "flow-closed");
	/* nor does the closed one count against its successor */
	expect(&bench, 5, "in tcp 80 3001 RA 0 101 0", "flow-answer");
	expect(&bench, 6, "out tcp 3000 80 S 900 0 0", "rule-match");
	bench_fini(&bench);
}

/* A half-open flow begins anew over a ceiling that has come down: others make room, not itself twice. */
static void strict_17_beginning_anew_over_the_ceiling(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	start(&bench, 64, &spec);
	expect_ports(&bench, "in tcp %u 80 S 100 0 0", 4000, 16, "rule-match");
	expect(&bench, 20, "in tcp 4000 80 S 500 0 0", "rule-match");
	assert_int_equal(stats_of(&bench).flows_recycled, 0);
	spec.limits.half_open_percent = 10;
	admit_all(&bench, &spec);
	expect(&bench, 21, "in tcp 4001 80 S 900 0 0", "rule-match");
	assert_int_equal(stats_of(&bench).flows_recycled, 1);
	assert_int_equal(stats_of(&bench).flows_half_open, 15);
	assert_int_equal(stats_of(&bench).flows, 15);
	expect(&bench, 22, "out tcp 80 4001 SA 500 901 0", "flow-answer");
	expect(&bench, 22, "out tcp 80 4002 SA 500 101 0", "not-an-opening"); /* was the oldest */
	bench_fini(&bench);
}

/* AWS-51: full of what may not go, the table refuses by name; AWS-52: and says how much is left. */
static void aws_51_table_full(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	start(&bench, 64, &spec);
	for (unsigned i = 0; i < 64; i++)
		establish(&bench, 3000 + i);
	assert_int_equal(stats_of(&bench).flows_available, 0);
	expect(&bench, 1, "in udp 4000 80 junk", "table-full");
	expect(&bench, 1, "in tcp 4000 80 S 1 0 0", "table-full");
	assert_int_equal(stats_of(&bench).by_reason[SEKISHO_REASON_TABLE_FULL], 2);
	for (unsigned i = 0; i < 64; i++) {
		char packet[80];

		snprintf(packet, sizeof(packet), "in tcp 80 %u A 501 101 0", 3000 + i);
		expect(&bench, 2, packet, "flow-answer");
	}
	/* a RST closes one; its entry is free ten seconds later */
	expect(&bench, 3, "in tcp 80 3000 RA 501 101 0", "flow-answer");
	expect(&bench, 10002, "in udp 4000 80 junk", "table-full");
	expect(&bench, 10003, "in udp 4000 80 junk", "rule-match");
	bench_fini(&bench);
}

static void unanswered_makes_room_for_new(void **state)
{
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	start(&bench, 64, &spec);
	expect_ports(&bench, "in udp %u 80 junk", 4000, 64, "rule-match");
	expect(&bench, 70, "out udp 80 4000 junk", "flow-answer"); /* answered: stays */
	expect(&bench, 71, "in udp 5000 80 junk", "rule-match");
	expect(&bench, 72, "in udp 4000 80 junk", "flow-originator");
	expect(&bench, 73, "out udp 80 4002 junk", "flow-answer");
	assert_int_equal(stats_of(&bench).flows_recycled, 1);
	expect(&bench, 74, "in udp 4001 80 junk",
	       "rule-match"); /* the oldest unanswered one had gone */
	assert_int_equal(stats_of(&bench).flows_recycled, 2);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_17_half_open_per_source),
		cmocka_unit_test(strict_17_flows_per_source),
		cmocka_unit_test(strict_17_half_open_percent_recycles_the_oldest),
		cmocka_unit_test(strict_17_half_open_percent_of_a_small_table),
		cmocka_unit_test(strict_17_expired_of_another_kind),
		cmocka_unit_test(strict_17_half_open_again),
		cmocka_unit_test(strict_7_refused_in_the_place_of_a_closed_flow),
		cmocka_unit_test(strict_17_beginning_anew_over_the_ceiling),
		cmocka_unit_test(aws_51_table_full),
		cmocka_unit_test(unanswered_makes_room_for_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
