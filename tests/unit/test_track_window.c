/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_track_window.c: the window's arithmetic, at its edges and against a model in 64 bits that
 * has no wrap and rounds nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "../../lib/track_window.h"

/* Where 32 bits turn over, where the sign of a difference does, and neither. */
static const uint32_t places[] = {0, 1000, 0x7fffff00, 0x80000000, 0xfffff000, 0xffffffff};

#define PLACES (sizeof(places) / sizeof(places[0]))

static struct packet_tcp segment(uint32_t seq, uint32_t ack, uint32_t length, uint16_t window)
{
	return (struct packet_tcp){.seq = seq,
				   .ack = ack,
				   .length = length,
				   .window = window,
				   .flags = PACKET_TCP_ACK};
}

static struct packet_tcp syn(uint32_t seq, uint16_t window, uint8_t scale)
{
	return (struct packet_tcp){
		.seq = seq, .window = window, .scale = scale, .flags = PACKET_TCP_SYN};
}

/* Two sides after their SYNs. */
static void establish(struct flow_tcp_side sides[2], const struct packet_tcp syns[2])
{
	track_window_init(sides);
	for (int i = 0; i < 2; i++)
		track_window_syn(&sides[i], &sides[!i], &syns[i]);
	for (int i = 0; i < 2; i++) {
		track_window_settle(&sides[i], &sides[!i]);
		sides[i].acked = syns[i].seq + 1;
		sides[i].syn_acked = true;
	}
}

static enum sekisho_bound bound(const struct flow_tcp_side sides[2], uint32_t seq, uint32_t ack,
				uint32_t length)
{
	struct packet_tcp packet = segment(seq, ack, length, 1000);

	return track_window_check(&sides[0], &sides[1], &packet);
}

static void strict_13_bounds_to_the_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES * PLACES; i++) {
		uint32_t a = places[i % PLACES], b = places[i / PLACES];
		struct packet_tcp syns[2] = {syn(a - 1, 4096, PACKET_TCP_NO_SCALE),
					 syn(b - 1, 8192, PACKET_TCP_NO_SCALE)};
		struct packet_tcp sent = segment(a, b, 8000, 4096),
			      acks = segment(b, a + 8000, 0, 8192);
		struct flow_tcp_side sides[2];

		establish(sides, syns);
		assert_int_equal(bound(sides, a, b, 8192), SEKISHO_BOUND_NONE);
		assert_int_equal(bound(sides, a, b, 8193), SEKISHO_BOUND_DATA_UPPER);
		assert_int_equal(bound(sides, a + 8192, b, 0), SEKISHO_BOUND_NONE);
		assert_int_equal(bound(sides, a + 8193, b, 0), SEKISHO_BOUND_DATA_UPPER);
		track_window_follow(&sides[0], &sides[1], &sent);
		assert_int_equal(bound(sides, a, b, 8000), SEKISHO_BOUND_NONE);
		track_window_follow(&sides[1], &sides[0], &acks);
		assert_int_equal(bound(sides, a + 8000 - 8192, b, 1), SEKISHO_BOUND_NONE);
		assert_int_equal(bound(sides, a + 8000 - 8193, b, 1), SEKISHO_BOUND_DATA_LOWER);
		assert_int_equal(bound(sides, a + 8000, b + 1, 0), SEKISHO_BOUND_ACK_UPPER);
		assert_int_equal(bound(sides, a + 8000, b - 65536, 0), SEKISHO_BOUND_NONE);
		assert_int_equal(bound(sides, a + 8000, b - 65537, 0), SEKISHO_BOUND_ACK_LOWER);
	}
}

/* A copy may be overtaken by a window while another is sent; what R lacks is never too old. */
static void strict_13_how_far_back(void **state)
{
	struct packet_tcp syns[2] = {syn(99, 1000, 3), syn(499, 1000, 3)};
	struct packet_tcp sent = segment(100, 500, 4000, 125), acks = segment(500, 3100, 0, 125);
	struct flow_tcp_side sides[2];

	(void)state;
	establish(sides, syns);
	track_window_follow(&sides[0], &sides[1], &sent);
	track_window_follow(&sides[1], &sides[0], &acks);
	assert_int_equal(bound(sides, 4100 - 2048, 500, 0), SEKISHO_BOUND_NONE);
	assert_int_equal(bound(sides, 4100 - 2049, 500, 0), SEKISHO_BOUND_DATA_LOWER);
	assert_int_equal(bound(sides, 100, 500, 3000), SEKISHO_BOUND_DATA_LOWER);
	assert_int_equal(bound(sides, 100, 500, 3001), SEKISHO_BOUND_NONE);
	sides[1].acked = 600;
	sides[1].end = 200000;
	assert_int_equal(bound(sides, 4100, 200000 - 65536, 0), SEKISHO_BOUND_NONE);
	assert_int_equal(bound(sides, 4100, 200000 - 65537, 0), SEKISHO_BOUND_ACK_LOWER);
}

static void strict_13_whole_circle(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++) {
		uint32_t a = places[i], b = places[PLACES - 1 - i];
		struct packet_tcp syns[2] = {syn(a - 1, 65535, 14), syn(b - 1, 65535, 14)};
		struct packet_tcp opens = segment(b, a, 0, 65535);
		struct flow_tcp_side sides[2];
		const uint32_t window = (uint32_t)65535 << 14;
		uint32_t in = 0, upper = 0, lower = 0;

		establish(sides, syns);
		track_window_follow(&sides[1], &sides[0], &opens);
		for (uint32_t step = 0; step < 4096; step++) {
			switch (bound(sides, a + (step << 20), b, 0)) {
			case SEKISHO_BOUND_NONE:
				in++;
				break;
			case SEKISHO_BOUND_DATA_UPPER:
				upper++;
				break;
			default:
				lower++;
			}
		}
		/* 1 GiB each way, one half beyond, and what is left behind */
		assert_int_equal(in, (window >> 20) + 1 + 1024);
		assert_int_equal(upper, 2048);
		assert_int_equal(lower, 4096 - in - upper);
	}
}

static void strict_14_what_comes_next(void **state)
{
	struct packet_tcp syns[2] = {syn(99, 4096, 0), syn(499, 4096, 0)};
	struct packet_tcp sent = segment(100, 500, 300, 4096), acks = segment(500, 200, 0, 4096);
	struct flow_tcp_side sides[2];

	(void)state;
	track_window_init(sides);
	track_window_syn(&sides[0], &sides[1], &syns[0]);
	assert_false(track_window_is_next(&sides[0], 99));
	assert_true(track_window_is_next(&sides[0], 100));
	establish(sides, syns);
	track_window_follow(&sides[0], &sides[1], &sent);
	track_window_follow(&sides[1], &sides[0], &acks);
	for (uint32_t seq = 0; seq < 1000; seq++)
		assert_int_equal(track_window_is_next(&sides[0], seq), seq == 200 || seq == 400);
}

static void strict_60_in_flight(void **state)
{
	struct packet_tcp syns[2] = {syn(99, 4096, PACKET_TCP_NO_SCALE), syn(499, 1024, 0)};
	struct packet_tcp sent = segment(100, 500, 1000, 4096), acks = segment(500, 1100, 0, 1024);
	struct packet_tcp more = segment(1100, 500, 1000, 4096);
	struct flow_tcp_side sides[2];

	(void)state;
	establish(sides, syns);
	track_window_follow(&sides[0], &sides[1], &sent);
	track_window_follow(&sides[1], &sides[0], &acks);
	track_window_follow(&sides[0], &sides[1], &more);
	for (uint32_t seq = 0; seq < 4000; seq++)
		assert_int_equal(track_window_in_flight(&sides[0], &sides[1], seq),
				 seq >= 2100 - 1024 && seq <= 2100);
}

/* ---- against a model ----------------------------------------------------------------------- */

/* What side 0 has sent and side 1 allows, in numbers that do not wrap. */
struct model {
	uint64_t end, acked, allowed, widest;
};

static uint32_t random_below(uint32_t n)
{
	static uint64_t seed = 42;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return n == 0 ? 0 : (uint32_t)(seed >> 33) % n;
}

static void model_agrees(const struct model *model, const struct flow_tcp_side sides[2],
			 unsigned scale)
{
	uint32_t ack = sides[1].end;
	uint64_t highest = model->acked + model->widest;

	assert_int_equal(sides[0].end, (uint32_t)model->end);
	assert_int_equal(sides[0].acked, (uint32_t)model->acked);
	assert_int_equal(bound(sides, (uint32_t)model->allowed, ack, 0), SEKISHO_BOUND_NONE);
	/* never more than the widest window from what was acknowledged; and exact without a scale */
	if (model->allowed <= model->acked)
		return;
	assert_int_equal(bound(sides, (uint32_t)highest + 1, ack, 0), SEKISHO_BOUND_DATA_UPPER);
	if (scale == 0)
		assert_int_equal(bound(sides, (uint32_t)model->allowed + 1, ack, 0),
				 SEKISHO_BOUND_DATA_UPPER);
}

/* Side 1 acknowledges: mostly what came, at times late and at times with a window that shrank. */
static void step(struct model *model, struct flow_tcp_side sides[2], unsigned scale)
{
	uint64_t room = model->allowed > model->end ? model->allowed - model->end : 0;
	uint32_t length = random_below((uint32_t)room + 1), late = random_below(3) ? 0 : 3000;
	struct packet_tcp data = segment((uint32_t)model->end, sides[1].end, length, 1000), ack;
	uint16_t window = (uint16_t)(random_below(4) ? 30000 + random_below(35000) : 0);
	uint64_t acked;

	model->end += length;
	track_window_follow(&sides[0], &sides[1], &data);
	acked = model->end - random_below((uint32_t)(model->end - model->acked) + 1);
	if (acked > late + 1 && late > 0)
		acked -= late;
	ack = segment(sides[1].end, (uint32_t)acked, 0, window);
	track_window_follow(&sides[1], &sides[0], &ack);
	if (acked > model->acked)
		model->acked = acked;
	if (acked + ((uint64_t)window << scale) > model->allowed)
		model->allowed = acked + ((uint64_t)window << scale);
	if ((uint64_t)window << scale > model->widest)
		model->widest = (uint64_t)window << scale;
}

static void strict_13_agrees_with_a_model(void **state)
{
	(void)state;
	for (unsigned scale = 0; scale <= 14; scale++) {
		for (size_t place = 0; place < PLACES; place++) {
			uint32_t isn = places[place];
			struct packet_tcp syns[2] = {syn(isn, 1000, 0), syn(7, 65535, (uint8_t)scale)};
			struct model model = {isn + UINT64_C(1), isn + UINT64_C(1),
					      isn + UINT64_C(65536), 65535};
			struct flow_tcp_side sides[2];

			/* the SYN's window is rounded up to units, once */
			model.widest += (UINT64_C(1) << scale) - 1;
			establish(sides, syns);
			for (int i = 0; i < 2000; i++) {
				step(&model, sides, scale);
				model_agrees(&model, sides, scale);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_13_bounds_to_the_byte),
		cmocka_unit_test(strict_13_how_far_back),
		cmocka_unit_test(strict_13_whole_circle),
		cmocka_unit_test(strict_14_what_comes_next),
		cmocka_unit_test(strict_60_in_flight),
		cmocka_unit_test(strict_13_agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
