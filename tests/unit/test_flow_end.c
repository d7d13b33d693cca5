/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_flow_end.c: what an engine tells of flows that end: why, when, and their last counters; once each, and
 * as many as its counters say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define TOLD_MAX 2048

static struct told {
	unsigned count;
	struct sekisho_flow_end ends[TOLD_MAX];
} told;

static void note(void *context, const struct sekisho_flow_end *end)
{
	struct told *list = context;

	assert_true(list->count < TOLD_MAX);
	list->ends[list->count++] = *end;
}

static void begin(struct bench *bench, uint32_t flows, enum sekisho_semantics semantics)
{
	told.count = 0;
	bench_init(bench, flows);
	bench_founding(bench, semantics);
	sekisho_engine_tell_ends(bench->engine, note, &told);
}

/* The only flow that has ended, for this reason. */
static const struct sekisho_flow_end *only(enum sekisho_end why)
{
	assert_int_equal(told.count, 1);
	assert_string_equal(sekisho_end_word(told.ends[0].why), sekisho_end_word(why));
	return &told.ends[0];
}

static void expired(void **state)
{
	const struct sekisho_flow_end *end;
	struct bench bench;

	(void)state;
	begin(&bench, 1024, SEKISHO_AWS_LIKE);
	bench_send(&bench, 1000, "out udp 500 500 junk");
	bench_send(&bench, 2000, "in udp 500 500 junk");
	bench_send(&bench, 2500, "in udp 500 500 junk");
	bench_wait(&bench, 2501, 32499);
	assert_int_equal(told.count, 0);
	bench_wait(&bench, 32500, 34600);
	end = only(SEKISHO_END_EXPIRED);
	assert_int_equal(end->flow.packets[SEKISHO_EGRESS], 1);
	assert_int_equal(end->flow.packets[SEKISHO_INGRESS], 2);
	assert_true(end->flow.bytes[SEKISHO_INGRESS] == 2 * end->flow.bytes[SEKISHO_EGRESS]);
	assert_int_equal(end->flow.opener, SEKISHO_EGRESS);
	assert_int_equal(end->flow.opened_by[SEKISHO_EGRESS], 1);
	assert_int_equal(end->flow.local_port, 500);
	assert_string_equal(end->flow.state, "answered");
	/* told at some time after its end, which was 31.5 s after it was opened */
	assert_int_equal(end->flow.age_ms - end->ago_ms, 31500);
	bench_fini(&bench);
}

/* What look-up finds past its time has ended then as well. */
static void expired_at_look_up(void **state)
{
	const struct sekisho_flow_end *end;
	struct bench bench;

	(void)state;
	begin(&bench, 1024, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out udp 4000 53 junk");
	bench_send(&bench, 30100, "in udp 53 4000 junk");
	end = only(SEKISHO_END_EXPIRED);
	assert_int_equal(end->ago_ms, 100);
	assert_int_equal(end->flow.packets[SEKISHO_INGRESS], 0);
	bench_fini(&bench);
}

static void closed_by_reset(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, 1024, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out tcp 4000 80 S 1 0 0");
	bench_send(&bench, 1, "in tcp 80 4000 R 7 0 0");
	bench_send(&bench, 2, "in tcp 80 4000 RA 0 2 0");
	bench_wait(&bench, 3, 125000);
	assert_string_equal(only(SEKISHO_END_CLOSED)->flow.state, "closed");
	bench_fini(&bench);
}

static void reopened(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, 1024, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out tcp 4000 80 S 1 0 0");
	bench_send(&bench, 2, "in tcp 80 4000 RA 0 2 0");
	bench_send(&bench, 3, "out tcp 4000 80 S 100000 0 0");
	assert_int_equal(only(SEKISHO_END_REOPENED)->flow.packets[SEKISHO_EGRESS], 1);
	bench_fini(&bench);
}

static void killed(void **state)
{
	struct sekisho_flow_info flow;
	struct bench bench;
	uint32_t cursor = 0;

	(void)state;
	begin(&bench, 1024, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out udp 500 500 junk");
	assert_int_equal(sekisho_engine_flows(bench.engine, 0, &cursor, 1024, &flow, 1), 1);
	assert_true(sekisho_engine_close_flow(bench.engine, &flow));
	assert_int_equal(only(SEKISHO_END_KILLED)->ago_ms, 0);
	bench_fini(&bench);
}

static void withdrawn(void **state)
{
	struct sekisho_policy_spec spec;
	struct sekisho_rule_spec rule = bench_rule("g/none", SEKISHO_EGRESS, 6, bench_everything);
	struct bench bench;

	(void)state;
	begin(&bench, 1024, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 4000 5000 junk");
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, &rule, 1);
	while (sekisho_engine_rejudge(bench.engine, 10))
		;
	only(SEKISHO_END_WITHDRAWN);
	bench_fini(&bench);
}

/* A table that is full makes room; and all that was opened and is not there any more has been told of. */
static void recycled(void **state)
{
	struct sekisho_stats stats;
	struct bench bench;
	char packet[64];

	(void)state;
	begin(&bench, 64, SEKISHO_AWS_LIKE);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(packet, sizeof(packet), "out udp %u 53 junk", 1000 + i);
		bench_send(&bench, i, packet);
	}
	sekisho_engine_stats(bench.engine, &stats);
	assert_true(stats.flows_recycled > 0);
	assert_int_equal(told.count, stats.flows_created - stats.flows);
	for (unsigned i = 0; i < told.count; i++)
		assert_int_equal(told.ends[i].why, SEKISHO_END_RECYCLED);
	bench_fini(&bench);
}

/* Nobody is told who does not ask any more. */
static void off(void **state)
{
	struct bench bench;

	(void)state;
	begin(&bench, 1024, SEKISHO_AWS_LIKE);
	bench_send(&bench, 0, "out udp 500 500 junk");
	sekisho_engine_tell_ends(bench.engine, NULL, NULL);
	bench_wait(&bench, 1, 40000);
	assert_int_equal(told.count, 0);
	bench_fini(&bench);
}

/* An engine that stops tells of what it still has, by pieces, and keeps it. */
static void shut_down(void **state)
{
	unsigned by_reason[SEKISHO_END_COUNT] = {0}, count = 0;
	struct sekisho_stats stats;
	struct bench bench;
	uint32_t cursor = 0;

	(void)state;
	begin(&bench, 1024, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 500 500 junk"); /* strict remembers the pair as well */
	bench_send(&bench, 25000, "out udp 4000 53 junk");
	bench_send(&bench, 29000, "out tcp 4001 80 S 1 0 0");
	bench_send(&bench, 30001, "out tcp 4002 80 S 1 0 0");
	do
		count += sekisho_engine_tell_rest(bench.engine, &cursor, 100);
	while (cursor != 0);
	assert_true(count >= 3); /* the sweep may have been at the other */
	assert_int_equal(told.count, 4);
	for (unsigned i = 0; i < told.count; i++)
		by_reason[told.ends[i].why]++;
	assert_int_equal(by_reason[SEKISHO_END_EXPIRED], 1);
	assert_int_equal(by_reason[SEKISHO_END_SHUTDOWN], 3);
	sekisho_engine_stats(bench.engine, &stats);
	assert_true(stats.flows >= 3);
	cursor = 4711;
	assert_int_equal(sekisho_engine_tell_rest(bench.engine, &cursor, 100), 0);
	assert_int_equal(cursor, 0);
	sekisho_engine_tell_ends(bench.engine, NULL, NULL);
	assert_int_equal(sekisho_engine_tell_rest(bench.engine, &cursor, 100), 0);
	assert_int_equal(told.count, 4);
	bench_fini(&bench);
}

static void words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SEKISHO_END_COUNT; i++) {
		assert_true(strlen(sekisho_end_word(i)) > 0);
		assert_true(strlen(sekisho_end_sentence(i)) > 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(sekisho_end_word(i), sekisho_end_word(j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expired),         cmocka_unit_test(expired_at_look_up),
		cmocka_unit_test(closed_by_reset), cmocka_unit_test(reopened),
		cmocka_unit_test(killed),          cmocka_unit_test(withdrawn),
		cmocka_unit_test(recycled),        cmocka_unit_test(off),
		cmocka_unit_test(shut_down),       cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("flow-end", tests, NULL, NULL);
}
