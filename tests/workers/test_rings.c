/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_rings.c: each ring of the workers, full: that to another worker, that of a port, the one which tells those
 * who watch; and frames that cannot be put into one piece. What there was no room for is counted, by one
 * cause and to the frame; the others are not touched by it, and all goes on when there is room again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <string.h>

#include "rig.h"

#define BEYOND     500 /* frames more than there is room for */
#define FRAME      60  /* bytes */
#define LONG_FRAME 1000
#define UNDER_WAY  1024 /* frames of which the port has told nothing yet */

static struct rig rig;

static void start(const struct rig_plan *plan)
{
	struct sekisho_policy_spec spec;

	rig_both_ways(&spec);
	rig_start(&rig, plan, &spec);
}

/* Feed a frame of the inside, on the first worker's queue, as soon as the port takes it. */
static void feed(uint32_t tuple, uint32_t length)
{
	uint8_t bytes[LONG_FRAME] = {0};
	struct sekisho_frame frame;
	struct daemon_totals totals;

	rig_tuple_frame(bytes, &frame, tuple, SEKISHO_EGRESS);
	frame.captured = frame.length = length;
	do
		daemon_totals_read(&rig.daemon, &totals);
	while (rig.fed - totals.received >= UNDER_WAY && sched_yield() == 0);
	rig_feed(&rig, &frame, 0);
}

/* Feed frames of tuples from this one on that belong to a worker; the tuple after the last. */
static uint32_t feed_owned(unsigned worker, uint32_t tuple, unsigned count)
{
	while (count > 0) {
		struct sekisho_frame frame;
		uint8_t bytes[FRAME];

		rig_tuple_frame(bytes, &frame, tuple, SEKISHO_EGRESS);
		if (steer_worker(&rig.daemon, &frame) == worker) {
			feed(tuple, FRAME);
			count--;
		}
		tuple++;
	}
	return tuple;
}

/* All drops at ports are of one cause. */
static void only_dropped(const struct daemon_totals *totals, enum port_drop why, uint64_t count)
{
	for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
		assert_int_equal(totals->port_drops[d], d == why ? count : 0);
}

/* To a worker that does not run. What finds no room has not been judged, so it opens no flow. */
static void no_room_to_the_owner(void **state)
{
	const struct rig_plan plan = {2, 2, 2, 65536, .asleep = true};
	const unsigned room = steer_room(2);
	struct daemon_totals totals;
	uint32_t next;

	(void)state;
	start(&plan);
	next = feed_owned(1, 0, room + BEYOND);
	next = feed_owned(0, next, BEYOND);
	rig_wait(&rig, &totals);
	only_dropped(&totals, PORT_DROP_HANDOVER_FULL, BEYOND);
	assert_int_equal(atomic_load(&rig.daemon.workers[0].handover_full), BEYOND);
	assert_int_equal(totals.held, room);
	assert_int_equal(totals.engines.flows, BEYOND); /* its own go on */
	rig_wake(&rig);
	rig_rest(&rig, &totals);
	assert_int_equal(totals.engines.flows, room + BEYOND);
	feed_owned(1, next, BEYOND);
	rig_rest(&rig, &totals);
	only_dropped(&totals, PORT_DROP_HANDOVER_FULL, BEYOND);
	assert_int_equal(totals.sent, room + 2 * BEYOND);
	rig_stop(&rig);
}

/* To the worker who has the only transmit queue of a port, while it does not run. */
static void no_room_to_the_sender(void **state)
{
	const struct rig_plan plan = {2, 2, 1, 65536, .asleep = true};
	const unsigned room = steer_room(2);
	struct daemon_totals totals;
	uint32_t next;

	(void)state;
	start(&plan);
	assert_int_equal(rig.daemon.edges[0].ports[SEKISHO_INGRESS].outlets[0].worker, 1);
	next = feed_owned(0, 0, room + BEYOND);
	rig_wait(&rig, &totals);
	only_dropped(&totals, PORT_DROP_TRANSMIT_FULL, BEYOND);
	assert_int_equal(totals.sent, 0);
	rig_wake(&rig);
	rig_rest(&rig, &totals);
	feed_owned(0, next, BEYOND);
	rig_rest(&rig, &totals);
	only_dropped(&totals, PORT_DROP_TRANSMIT_FULL, BEYOND);
	assert_int_equal(totals.sent, room + BEYOND);
	rig_stop(&rig);
}

/* A port that takes no more. */
static void no_room_in_the_port(void **state)
{
	const struct rig_plan plan = {1, 1, 1, 65536, .out_room = 128};
	struct daemon_totals totals;

	(void)state;
	start(&plan);
	for (uint32_t tuple = 0; tuple < plan.out_room + BEYOND; tuple++)
		feed(tuple, FRAME);
	rig_wait(&rig, &totals);
	only_dropped(&totals, PORT_DROP_TRANSMIT_FULL, BEYOND);
	assert_int_equal(totals.sent, plan.out_room);
	rig_drain(&rig);
	for (uint32_t tuple = 0; tuple < plan.out_room; tuple++)
		feed(tuple, FRAME);
	rig_rest(&rig, &totals);
	only_dropped(&totals, PORT_DROP_TRANSMIT_FULL, BEYOND);
	assert_int_equal(totals.sent, 2 * plan.out_room);
	rig_stop(&rig);
}

/* Take all that the worker has told: whole, in order, each what was fed. Returns how much it was. */
static uint64_t told_in_order(struct tap *tap, uint64_t *last)
{
	const struct tap_record *record;
	uint64_t told = 0;

	while ((record = tap_peek(tap)) != NULL) {
		struct sekisho_frame frame;
		uint8_t bytes[FRAME];

		assert_int_equal(record->kind, TAP_PACKET);
		assert_int_equal(record->captured, LONG_FRAME);
		assert_true(record->verdict.packet > *last);
		*last = record->verdict.packet;
		rig_tuple_frame(bytes, &frame, (uint32_t)*last - 1, SEKISHO_EGRESS);
		assert_memory_equal(record + 1, bytes, FRAME);
		tap_next(tap, record);
		told++;
	}
	return told;
}

/* To those who watch, who do not read. No packet waits for them. */
static void no_room_to_tell(void **state)
{
	const struct rig_plan plan = {1, 1, 1, 65536};
	const uint32_t count = TAP_RING / LONG_FRAME + BEYOND;
	struct daemon_totals totals;
	uint64_t told, lost, last = 0;
	struct tap *tap;

	(void)state;
	start(&plan);
	tap = &rig.daemon.workers[0].tap;
	tap_want(tap, TAP_PASSED | TAP_DROPPED | TAP_SNAP << TAP_SNAP_SHIFT);
	for (uint32_t tuple = 0; tuple < count; tuple++) {
		feed(tuple, LONG_FRAME);
		rig_drain(&rig);
	}
	rig_settle(&rig, &totals);
	assert_int_equal(totals.sent, count);
	told = told_in_order(tap, &last);
	lost = atomic_load(&tap->lost);
	assert_true(lost >= BEYOND);
	assert_int_equal(told + lost, count);
	for (uint32_t tuple = count; tuple < count + BEYOND; tuple++)
		feed(tuple, LONG_FRAME);
	rig_settle(&rig, &totals);
	assert_int_equal(told_in_order(tap, &last), BEYOND);
	assert_int_equal(atomic_load(&tap->lost), lost);
	rig_stop(&rig);
}

/* Segments that are together longer than an mbuf has room for. They open no flow. */
static void no_room_for_one_piece(void **state)
{
	static const uint32_t ends[] = {1500, 3000, 4500};
	const struct rig_plan plan = {1, 1, 1, 65536};
	static uint8_t bytes[4500];
	struct daemon_totals totals;

	(void)state;
	start(&plan);
	for (uint32_t tuple = 0; tuple < BEYOND; tuple++) {
		struct sekisho_frame frame;

		feed(2 * tuple, FRAME);
		rig_tuple_frame(bytes, &frame, 2 * tuple + 1, SEKISHO_EGRESS);
		rig_feed_segments(&rig, &frame, 0, ends, 3);
		rig_drain(&rig);
	}
	rig_rest(&rig, &totals);
	only_dropped(&totals, PORT_DROP_UNREADABLE, BEYOND);
	assert_int_equal(totals.engines.received, BEYOND);
	assert_int_equal(totals.engines.flows, BEYOND);
	assert_int_equal(totals.sent, BEYOND);
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
		cmocka_unit_test(no_room_to_the_owner),  cmocka_unit_test(no_room_to_the_sender),
		cmocka_unit_test(no_room_in_the_port),   cmocka_unit_test(no_room_to_tell),
		cmocka_unit_test(no_room_for_one_piece),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
