/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_noise.c: TCP that makes no sense. Any flags and any numbers, though often nearly right
 * ones, over a few tuples of a small table, with time passing and policies changing: what is dropped
 * changes no flow (STRICT-7), half-open flows are counted right (STRICT-17), all states of TCP and no
 * others come about, and at the end all entries come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "segments.h"

#include "../../lib/engine.h"

#define PACKETS  400000
#define CAPACITY 64
#define TUPLES   80 /* more than there is room for */

static uint64_t seed = 3;

static uint32_t chance(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void change_policy(struct bench *bench)
{
	struct sekisho_rule_spec rules[] = {
		bench_rule("t/in", SEKISHO_INGRESS, 6, bench_peer),
		bench_rule("t/out", SEKISHO_EGRESS, 6, bench_peer),
	};
	struct sekisho_policy_spec spec;
	unsigned first = chance(3) == 0;

	sekisho_policy_spec_init(&spec, chance(3) ? SEKISHO_STRICT : SEKISHO_AWS_LIKE);
	spec.aws.tcp_pickup = chance(4) != 0;
	bench_install(bench, &spec, rules + first, chance(3) ? 2 - first : 1);
}

/* Nearly right: within a few of where the numbers of all tuples begin, or at the edges of windows. */
static uint32_t nearly(uint32_t base)
{
	static const uint32_t edges[] = {0,     1,     2,          101, 200, 65535,
					 65536, 65636, 0x40000000, -1u, -2u};

	return chance(50) ? base + edges[chance(sizeof(edges) / sizeof(edges[0]))] + chance(2)
			  : chance(UINT32_MAX);
}

static struct segment_spec any_segment(void)
{
	static const uint8_t usual[] = {0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14};
	static const uint16_t windows[] = {0, 1, 100, 65535};
	uint8_t direction = (uint8_t)chance(2);
	uint32_t base[2] = {0xffffff00, 0x7fffffc0};

	return (struct segment_spec){.direction = direction,
				     .family = chance(2) ? SEKISHO_IPV4 : SEKISHO_IPV6,
				     .flags = chance(10) ? usual[chance(sizeof(usual))]
							 : (uint8_t)chance(64),
				     .scale = chance(2) ? (uint8_t)chance(20) : SEGMENT_NO_SCALE,
				     .local_port = 4000,
				     .peer_port = (uint16_t)(1000 + chance(TUPLES / 2)),
				     .window = windows[chance(4)],
				     .seq = nearly(base[direction]),
				     .ack = nearly(base[!direction]),
				     .length = chance(3) ? 0 : chance(200)};
}

/* What holds at any time; the states that there are, a bit each. */
static uint32_t check_table(const struct flow_table *table)
{
	uint32_t half_open = 0, used = 0, states = 0;

	for (uint32_t i = 0; i < table->capacity; i++) {
		const struct flow *flow = &table->flows[i];

		if (flow->key.family == 0)
			continue;
		used++;
		half_open += flow_is_half_open(flow);
		states |= 1u << flow->state;
	}
	assert_int_equal(table->used, used);
	assert_int_equal(table->limit.half_open, half_open);
	return states;
}

/* The flows are as they were, but for what a new policy has judged anew. */
static void check_unchanged(const struct flow_table *table, struct flow before[CAPACITY],
			    uint32_t generation)
{
	for (uint32_t i = 0; i < CAPACITY; i++) {
		const struct flow *flow = &table->flows[i];

		if (flow->generation == generation) {
			before[i].generation = flow->generation;
			before[i].opened = flow->opened;
			before[i].timeouts = flow->timeouts;
			memcpy(before[i].rule, flow->rule, sizeof(before[i].rule));
		}
		assert_memory_equal(&before[i], flow, sizeof(before[i]));
	}
}

static uint64_t gone_from(const struct flow_table *table)
{
	return table->expired + table->closed + table->recycled;
}

static void strict_7_noise(void **state)
{
	const uint32_t tcp_states = (1u << FLOW_STATE_COUNT) - (1u << FLOW_SYN_SENT);
	struct bench bench;
	struct flow before[CAPACITY];
	struct flow_table *table;
	uint32_t now = 0, passed = 0, states = 0;

	(void)state;
	bench_init(&bench, CAPACITY);
	table = &bench.engine->table;
	change_policy(&bench);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct segment_spec spec = any_segment();
		uint8_t bytes[SEGMENT_FRAME_MAX];
		struct sekisho_frame frame = segment_frame(&spec, bytes);
		struct sekisho_verdict verdict;
		uint64_t gone = gone_from(table);

		now += chance(100) ? 0 : chance(chance(50) ? 3000 : 200000);
		memcpy(before, table->flows, sizeof(before));
		sekisho_engine_burst(bench.engine, now, &frame, 1, &verdict);
		if (verdict.action == SEKISHO_DROP && gone_from(table) == gone)
			check_unchanged(table, before, sekisho_policy_generation(bench.policy));
		states |= check_table(table);
		passed += verdict.action == SEKISHO_PASS;
		if (chance(2000) == 0)
			change_policy(&bench);
	}
	/* none of them is of a former run */
	assert_int_equal(states, tcp_states & ~(1u << FLOW_RESUMED));
	assert_in_range(passed, PACKETS / 10, PACKETS - PACKETS / 10);
	for (int i = 0; i < CAPACITY; i++)
		sekisho_engine_burst(bench.engine, now + 432000001, NULL, 0, NULL);
	assert_int_equal(table->taken, 0);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(strict_7_noise)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
