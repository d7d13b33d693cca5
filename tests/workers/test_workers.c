/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_workers.c: running workers judge as one engine does, whatever queue a packet comes in on, and in
 * whatever segments.
 *
 * An engine beside them is given the same packets, one by one. Packets are fed in rounds of different peers,
 * which do not depend on each other; after each round all counters by reason must be the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_thash.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "made_packets.h"
#include "rig.h"

#define ROUNDS 150
#define ROUND  10 /* peers */

#define SEGMENTS 4 /* of a frame, at most */

static struct rig rig;
static struct made_packets packets;

/* ---- one engine beside them ------------------------------------------------------------------- */

static struct sekisho_engine *engine_make(uint32_t flows)
{
	const struct sekisho_engine_config config = {
		.flows = flows, .zones = RIG_EDGES, .names = rig.daemon.names};
	struct sekisho_engine *engine;
	char message[128];

	engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(engine);
	for (uint16_t zone = 0; zone < RIG_EDGES; zone++)
		sekisho_engine_set_policy(engine, zone, rig.policy);
	return engine;
}

static void engine_judge(struct sekisho_engine *engine, const struct sekisho_frame *frame)
{
	struct sekisho_release releases[8];
	struct sekisho_verdict verdict;

	sekisho_engine_burst(engine, 0, frame, 1, &verdict);
	while (sekisho_engine_release(engine, releases, 8) == 8)
		;
}

static void expect_same(struct sekisho_engine *engine, unsigned round)
{
	struct daemon_totals totals;
	struct sekisho_stats stats;

	rig_settle(&rig, &totals);
	sekisho_engine_stats(engine, &stats);
	for (unsigned reason = 0; reason < SEKISHO_REASON_COUNT; reason++)
		if (stats.by_reason[reason] != totals.engines.by_reason[reason])
			fail_msg("round %u, %u workers: %lu packets are %s, for one engine %lu",
				 round, rig.plan.workers, totals.engines.by_reason[reason],
				 sekisho_reason_word(reason), stats.by_reason[reason]);
	assert_int_equal(stats.held, totals.held);
	assert_int_equal(stats.flows_created, totals.engines.flows_created);
}

static void feed_whole(const struct sekisho_frame *frame, unsigned queue)
{
	rig_feed(&rig, frame, queue);
}

/* In up to SEGMENTS segments, cut anywhere. */
static void feed_cut(const struct sekisho_frame *frame, unsigned queue)
{
	uint32_t ends[SEGMENTS], at = 0;
	unsigned count = 0;

	while (count < SEGMENTS - 1 && at + 1 < frame->length)
		ends[count++] = at += 1 + made_draw(&packets, frame->length - at - 1);
	ends[count++] = frame->length;
	rig_feed_segments(&rig, frame, queue, ends, count);
}

typedef void feed_way(const struct sekisho_frame *frame, unsigned queue);

static void judge_the_same(const struct rig_plan *plan, enum sekisho_semantics semantics,
			   feed_way *feed)
{
	struct sekisho_policy_spec spec;
	struct sekisho_engine *engine;

	made_packets_spec(&spec, semantics);
	rig_start(&rig, plan, &spec);
	engine = engine_make(plan->flows);
	packets.seed = plan->workers;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t first = made_draw(&packets, MADE_PEERS);

		for (unsigned i = 0; i < ROUND; i++) {
			unsigned pieces = made_packets_next(&packets, (first + i) % MADE_PEERS);

			for (unsigned piece = 0; piece < pieces; piece++) {
				engine_judge(engine, &packets.frames[piece]);
				feed(&packets.frames[piece],
				     made_draw(&packets, plan->receive_queues));
			}
		}
		expect_same(engine, round);
	}
	sekisho_engine_destroy(engine);
	rig_stop(&rig);
}

static void any_queue_will_do(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= RIG_WORKERS_MAX; workers++) {
		const struct rig_plan plan = {workers, workers, workers, 65536};

		judge_the_same(&plan, SEKISHO_AWS_LIKE, feed_whole);
		judge_the_same(&plan, SEKISHO_STRICT, feed_whole);
	}
}

/* Ports whose drivers have fewer queues than there are workers. */
static void few_queues_will_do(void **state)
{
	static const struct rig_plan plans[] = {
		{3, 1, 1, 65536}, {4, 2, 1, 65536}, {4, 1, 3, 65536}};

	(void)state;
	for (unsigned i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		judge_the_same(&plans[i], SEKISHO_STRICT, feed_whole);
}

static void any_segments_will_do(void **state)
{
	static const struct rig_plan alone = {1, 1, 1, 65536}, shared = {3, 3, 3, 65536};

	(void)state;
	judge_the_same(&alone, SEKISHO_AWS_LIKE, feed_cut);
	judge_the_same(&alone, SEKISHO_STRICT, feed_cut);
	judge_the_same(&shared, SEKISHO_STRICT, feed_cut);
}

/* ---- RSS -------------------------------------------------------------------------------------- */

/* An owner by RSS is what DPDK's own Toeplitz says of the same two addresses. */
static void expect_softrss(const struct sekisho_owners *owners, uint8_t family)
{
	uint32_t size = family == 4 ? 4 : 16, words[8];
	uint8_t frame[64] = {[12] = family == 4 ? 0x08 : 0x86, [13] = family == 4 ? 0x00 : 0xdd};
	const struct sekisho_frame one = {.data = frame, .captured = 64, .length = 64};
	uint8_t *ends = frame + 14 + (family == 4 ? 12 : 8), key[40];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(SEKISHO_OWNERS_TOEPLITZ >> (i % 2 ? 0 : 8));
	frame[14] = (uint8_t)(family << 4 | 5);
	frame[family == 4 ? 23 : 20] = 17;
	for (uint32_t i = 0; i < 2 * size; i++)
		ends[i] = (uint8_t)made_draw(&packets, 256);
	for (uint32_t i = 0; i < 2 * size / 4; i++)
		words[i] = (uint32_t)ends[4 * i] << 24 | (uint32_t)ends[4 * i + 1] << 16 |
			   (uint32_t)ends[4 * i + 2] << 8 | ends[4 * i + 3];
	assert_int_equal(sekisho_frame_owner(owners, &one),
			 rte_softrss(words, 2 * size / 4, key) % owners->entries % owners->engines);
}

static void owners_by_rss(void **state)
{
	struct sekisho_owners owners;

	(void)state;
	for (uint32_t entries = 64; entries <= SEKISHO_OWNERS_TABLE; entries *= 2)
		for (unsigned engines = 1; engines <= 5; engines++) {
			sekisho_owners_init_rss(&owners, engines, entries);
			for (unsigned i = 0; i < 200; i++) {
				expect_softrss(&owners, 4);
				expect_softrss(&owners, 6);
			}
		}
}

/* ---- the same tuple from both sides at once --------------------------------------------------- */

/* How many frames may be under way: fewer than there is room for in any ring on their way. */
#define UNDER_WAY 1024

static void wait_for_room(void)
{
	struct daemon_totals totals;

	do {
		rig_drain(&rig);
		daemon_totals_read(&rig.daemon, &totals);
		if (rig.fed - totals.engines.received >= UNDER_WAY)
			sched_yield();
	} while (rig.fed - totals.engines.received >= UNDER_WAY);
}

static void one_tuple_from_both_sides(void **state)
{
	const struct rig_plan plan = {2, 2, 2, TUPLES + TUPLES / 4 + 65536};
	struct sekisho_policy_spec spec;
	struct daemon_totals totals;

	(void)state;
	rig_both_ways(&spec);
	rig_start(&rig, &plan, &spec);
	for (uint32_t tuple = 0; tuple < TUPLES; tuple++) {
		for (uint8_t side = 0; side < 2; side++) {
			struct sekisho_frame frame;
			uint8_t bytes[64];

			rig_tuple_frame(bytes, &frame, tuple, side);
			/* the first queue of each side is another worker's */
			rig_feed(&rig, &frame, 0);
		}
		if (tuple % 64 == 63)
			wait_for_room();
	}
	rig_settle(&rig, &totals);
	print_message("%u tuples, %lu flows\n", TUPLES, totals.engines.flows_created);
	assert_int_equal(totals.engines.flows_created, TUPLES);
	assert_int_equal(totals.engines.flows, TUPLES);
	assert_int_equal(totals.engines.by_reason[SEKISHO_REASON_RULE_MATCH], TUPLES);
	assert_int_equal(totals.engines.by_reason[SEKISHO_REASON_FLOW_ANSWER], TUPLES);
	/* about half of all have come to another worker than their own */
	assert_true(atomic_load(&rig.daemon.workers[0].handed_in) > TUPLES / 4);
	assert_true(atomic_load(&rig.daemon.workers[1].handed_in) > TUPLES / 4);
	rig_stop(&rig);
}

static int begin(void **state)
{
	(void)state;
	rig_begin(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_queue_will_do),         cmocka_unit_test(few_queues_will_do),
		cmocka_unit_test(any_segments_will_do),      cmocka_unit_test(owners_by_rss),
		cmocka_unit_test(one_tuple_from_both_sides),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
