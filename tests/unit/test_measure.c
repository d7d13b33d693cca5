/* SPDX-License-Identifier: BSD-3-Clause */
/* test_measure.c: what bench/ and `sekisho bench` measure with: histograms and made frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "histogram.h"

/* Every value is below its bucket's bound, at most an eighth, and not below the bucket before. */
static void test_histogram_bounds(void **state)
{
	for (uint64_t value = 0; value < UINT64_C(1) << 62; value += value / 5 + 1) {
		unsigned bucket = histogram_bucket(value);

		assert_true(bucket < HISTOGRAM_BUCKETS);
		assert_true(value < histogram_bound(bucket));
		assert_true(histogram_bound(bucket) - value <= value / 8 + 1);
		if (bucket > 0)
			assert_true(value >= histogram_bound(bucket - 1));
	}
}

static void test_histogram_quantiles(void **state)
{
	struct histogram histogram = {0};

	assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
	for (uint64_t value = 1; value <= 1000; value++)
		histogram_add(&histogram, value);
	assert_int_equal(histogram_total(&histogram), 1000);
	assert_in_range(histogram_quantile(&histogram, 0.5), 500, 563);
	assert_in_range(histogram_quantile(&histogram, 0.99), 990, 1114);
	assert_in_range(histogram_quantile(&histogram, 1), 1000, 1125);
}

/* All flows have tuples of their own, both directions one and the same. */
static void test_frames_tuples(void **state)
{
	static const uint32_t flows[] = {0, 1, 4095, 4096, 1u << 24};
	struct sekisho_tuple tuple, before = {0};

	for (unsigned i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		uint8_t out[1514], back[1514];
		struct frames_spec spec = {
			&frames_space_default, FRAMES_UDP, flows[i], SEKISHO_EGRESS, 1514, {0}};
		struct sekisho_frame frame = {.data = out, .captured = 1514, .length = 1514};
		struct sekisho_tuple answer;

		frames_write(out, &spec);
		sekisho_frame_tuple(&frame, &tuple);
		spec.direction = SEKISHO_INGRESS;
		frames_write(back, &spec);
		frame.data = back;
		sekisho_frame_tuple(&frame, &answer);
		assert_int_equal(tuple.protocol, 17);
		assert_memory_equal(tuple.source, answer.destination, 16);
		assert_memory_equal(tuple.destination, answer.source, 16);
		assert_int_equal(tuple.source_port, answer.destination_port);
		assert_int_equal(tuple.destination_port, answer.source_port);
		assert_memory_not_equal(&tuple, &before, sizeof(tuple));
		before = tuple;
	}
}

/* A frame that has been made that of another flow is the same as one made for it, but for UDP's sum. */
static void test_frames_readdress(void **state)
{
	static const uint32_t flows[] = {1, 4096, 0, 0xfffff, 77, 0x3fffff};
	struct frames_spec spec = {&frames_space_default, FRAMES_UDP, 0, SEKISHO_EGRESS, 60, {0}};
	uint8_t frame[60], made[60];

	frames_write(frame, &spec);
	for (unsigned i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		spec.flow = flows[i];
		frames_write(made, &spec);
		made[40] = made[41] = 0;
		frames_readdress(frame, &frames_space_default, flows[i]);
		assert_memory_equal(frame, made, sizeof(frame));
	}
}

/* A set has each flow equally often, and whole bursts of them. */
static void test_frames_set(void **state)
{
	const struct frames_plan plan = {.size = FRAMES_IMIX,
					 .first = 7,
					 .flows = 100,
					 .count = 200,
					 .both_directions = true};
	struct sekisho_frame burst[FRAMES_BURST];
	unsigned seen[100] = {0}, large = 0;
	struct frames frames;

	assert_true(frames_init(&frames, &plan));
	assert_int_equal(frames.count, 224);
	for (unsigned i = 0; i < 200; i++) {
		struct sekisho_tuple tuple;
		bool egress;

		if (i % FRAMES_BURST == 0)
			frames_take(&frames, burst);
		sekisho_frame_tuple(&burst[i % FRAMES_BURST], &tuple);
		egress = burst[i % FRAMES_BURST].direction == SEKISHO_EGRESS;
		seen[(egress ? tuple.source_port : tuple.destination_port) - 20007]++;
		large += burst[i % FRAMES_BURST].length == 1514;
	}
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(seen[i], 2);
	assert_int_equal(large, 17); /* one in twelve */
	frames_fini(&frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram_bounds),
		cmocka_unit_test(test_histogram_quantiles),
		cmocka_unit_test(test_frames_tuples),
		cmocka_unit_test(test_frames_readdress),
		cmocka_unit_test(test_frames_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
