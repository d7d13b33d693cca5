/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_endpoints.c: STRICT-13 as a property. Simulated connections, legitimate by
 * construction, over wires that lose, delay, reorder and duplicate on both sides of the
 * firewall: whatever reaches it must pass, and the connection must come to its end.
 *
 *	opener -> wire -> firewall -> wire -> other		and back
 *
 * What may be dropped, and why it does no harm:
 *
 * - RST of the wrong number (STRICT-14 says so): its sender answers the next segment with a
 *   right one;
 * - what follows a RST that has passed (AWS-82);
 * - under `greedy`, where ends fill each other's windows, a copy more than a window old: its
 *   receiver has it, and that is asserted.
 *
 * A RST is never lost behind the firewall here: its receiver would be left to its own timers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "endpoint.h"

#define RUNS       2000
#define EVENTS_MAX 8192
#define FLIGHT_MAX 500 /* segments */
#define RUN_MS     600000

enum { SYN = 0x02, RST = 0x04, ACK = 0x10 };

struct event {
	uint32_t at, order;
	bool beyond;  /* the firewall: for its receiver */
	uint8_t from; /* 0: the opener */
	struct segment_spec segment;
};

struct wire {
	uint32_t delay_ms, jitter_ms;
	uint32_t loss, copies; /* of 1000 */
};

struct world {
	struct bench bench;
	uint64_t seed;
	uint32_t now, started, order;
	uint16_t port;
	/* this run */
	uint64_t run_seed;
	struct endpoint end[2];
	struct wire wire;
	uint8_t opener; /* enum sekisho_direction */
	uint8_t family;
	bool greedy, reset;
	uint32_t old_copies, passed;
	struct event heap[EVENTS_MAX];
	unsigned count;
};

static uint32_t chance(struct world *world, uint32_t n)
{
	world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world->seed >> 33) % n;
}

/* ---- events, the earliest first ------------------------------------------------------------ */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at != b->at ? (int32_t)(a->at - b->at) < 0 : a->order < b->order;
}

static void heap_push(struct world *world, const struct event *event)
{
	unsigned i = world->count++;

	assert_true(i < EVENTS_MAX);
	while (i > 0 && earlier(event, &world->heap[(i - 1) / 2])) {
		world->heap[i] = world->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	world->heap[i] = *event;
	world->heap[i].order = world->order++;
}

static struct event heap_pop(struct world *world)
{
	struct event first = world->heap[0], last = world->heap[--world->count];
	unsigned i = 0;

	for (unsigned child = 1; child < world->count; child = 2 * i + 1) {
		if (child + 1 < world->count &&
		    earlier(&world->heap[child + 1], &world->heap[child]))
			child++;
		if (!earlier(&world->heap[child], &last))
			break;
		world->heap[i] = world->heap[child];
		i = child;
	}
	world->heap[i] = last;
	return first;
}

/* ---- wires and the firewall ---------------------------------------------------------------- */

static void carry(struct world *world, const struct event *event, bool lossless)
{
	struct event copy = *event;
	unsigned copies = 1 + (chance(world, 1000) < world->wire.copies);

	for (unsigned i = 0; i < copies; i++) {
		if (!lossless && chance(world, 1000) < world->wire.loss)
			continue;
		copy.at = world->now + world->wire.delay_ms +
			  chance(world, world->wire.jitter_ms + 1);
		heap_push(world, &copy);
	}
}

static void flush(struct world *world, unsigned from)
{
	struct endpoint *end = &world->end[from];

	for (unsigned i = 0; i < end->out_count; i++) {
		struct event event = {.from = (uint8_t)from, .segment = end->out[i]};

		carry(world, &event, false);
	}
	end->out_count = 0;
}

/* Does the receiver have all of it? */
static bool is_old_copy(const struct world *world, const struct event *event)
{
	const struct segment_spec *s = &event->segment;

	return (int32_t)(s->seq + s->length - world->end[!event->from].rcv_nxt) <= 0;
}

static void expect_pass(struct world *world, const struct event *event,
			const struct sekisho_verdict *verdict)
{
	const struct segment_spec *s = &event->segment;
	bool lower = verdict->bound == SEKISHO_BOUND_DATA_LOWER ||
		     verdict->bound == SEKISHO_BOUND_ACK_LOWER;

	if (verdict->action == SEKISHO_PASS) {
		world->passed++;
		return;
	}
	if (world->reset || (s->flags & RST))
		return;
	if (world->greedy && lower && is_old_copy(world, event)) {
		world->old_copies++;
		return;
	}
	fail_msg("seed %llx at %u: from %s, flags %02x seq %u ack %u length %u window %u: %s %s",
		 (unsigned long long)world->run_seed, world->now, event->from ? "other" : "opener",
		 s->flags, s->seq - world->end[event->from].options.iss,
		 s->ack - world->end[!event->from].options.iss, s->length, s->window,
		 sekisho_reason_word(verdict->reason),
		 verdict->bound ? sekisho_bound_word(verdict->bound) : "");
}

static void through_firewall(struct world *world, struct event *event)
{
	uint8_t bytes[SEGMENT_FRAME_MAX];
	struct sekisho_verdict verdict;
	struct sekisho_frame frame;

	event->segment.direction = event->from ? !world->opener : world->opener;
	event->segment.family = world->family;
	event->segment.local_port = 4000;
	event->segment.peer_port = world->port;
	frame = segment_frame(&event->segment, bytes);
	sekisho_engine_burst(world->bench.engine, world->now, &frame, 1, &verdict);
	expect_pass(world, event, &verdict);
	if (verdict.action != SEKISHO_PASS)
		return;
	world->reset |= (event->segment.flags & RST) != 0;
	event->beyond = true;
	carry(world, event, (event->segment.flags & RST) != 0);
}

/* ---- one connection ------------------------------------------------------------------------ */

/* When the next thing happens at an end; 0 if it only waits. */
static int next_end(const struct world *world, uint32_t *at)
{
	int who = -1;

	for (int i = 0; i < 2; i++) {
		uint32_t next = endpoint_next(&world->end[i]);

		if (next != 0 && (who < 0 || (int32_t)(next - *at) < 0)) {
			who = i;
			*at = next;
		}
	}
	return who;
}

static bool over(const struct world *world)
{
	return world->end[0].state == ENDPOINT_GONE && world->end[1].state == ENDPOINT_GONE;
}

static void run_connection(struct world *world, bool both_open)
{
	world->started = world->now;
	world->count = 0;
	world->reset = false;
	endpoint_connect(&world->end[0], world->now);
	flush(world, 0);
	if (both_open) {
		endpoint_connect(&world->end[1], world->now);
		flush(world, 1);
	}
	while (!over(world) && world->now - world->started < RUN_MS) {
		uint32_t at = 0;
		int who = next_end(world, &at);

		if (who < 0 && world->count == 0)
			break;
		if (world->count > 0 && (who < 0 || (int32_t)(world->heap[0].at - at) <= 0)) {
			struct event event = heap_pop(world);

			world->now = event.at;
			if (!event.beyond) {
				through_firewall(world, &event);
				continue;
			}
			who = !event.from;
			endpoint_receive(&world->end[who], &event.segment, world->now);
		} else {
			world->now = at;
			endpoint_tick(&world->end[who], world->now);
		}
		flush(world, (unsigned)who);
	}
}

static struct endpoint_options random_options(struct world *world)
{
	static const uint32_t places[] = {0, 0x7fff0000, 0x80000000, 0xffff0000, 0xfffffff0};
	static const uint32_t sizes[] = {1, 1000, 20000, 300000};
	bool wide = chance(world, 2);
	struct endpoint_options options = {
		.iss = places[chance(world, 5)] + chance(world, 70000),
		.mss = 400 + chance(world, 1061),
		.to_send = chance(world, sizes[chance(world, 4)]),
		.scale = wide ? (uint8_t)chance(world, 15) : SEGMENT_NO_SCALE,
		.read_ms = chance(world, 2) ? chance(world, 60) : 0,
		.close_ms = chance(world, 2) ? 0 : chance(world, 3000),
		.abort_ms = chance(world, 8) ? 0 : 1 + chance(world, 2000),
		.waits_for_fin = chance(world, 3) == 0,
		.fin_past_window = chance(world, 2),
		.probes_with_byte = chance(world, 2),
		.fast_open = chance(world, 4) == 0,
		.takes_fast_open = chance(world, 2)};

	options.buffer = 2000 + chance(world, 63000);
	if (wide)
		options.buffer += (uint32_t)(4 + chance(world, 12)) << options.scale;
	return options;
}

static void prepare(struct world *world)
{
	struct endpoint_options options[2];

	world->run_seed = world->seed;
	world->opener = (uint8_t)chance(world, 2);
	world->family = chance(world, 2) ? SEKISHO_IPV4 : SEKISHO_IPV6;
	world->port = (uint16_t)(1024 + (world->port - 1024 + 1) % 60000);
	world->wire.delay_ms = 1 + chance(world, 30);
	world->wire.jitter_ms = chance(world, world->wire.delay_ms + 1);
	world->wire.loss = chance(world, 3) ? chance(world, 80) : 0;
	world->wire.copies = chance(world, 3) ? chance(world, 80) : 0;
	for (int i = 0; i < 2; i++)
		options[i] = random_options(world);
	if (options[0].waits_for_fin)
		options[1].waits_for_fin = false;
	for (int i = 0; i < 2; i++) {
		bool scaled = options[0].scale != SEGMENT_NO_SCALE &&
			      options[1].scale != SEGMENT_NO_SCALE;
		uint32_t window =
			!scaled && options[!i].buffer > 65535 ? 65535 : options[!i].buffer;

		options[i].flight = window / (world->greedy ? 1 : 2);
		if (options[i].flight > FLIGHT_MAX * options[i].mss)
			options[i].flight = FLIGHT_MAX * options[i].mss;
		endpoint_start(&world->end[i], &options[i], world->seed ^ (uint64_t)i << 32);
	}
}

/* Both have come to their end; if nobody gave up, with all data. */
static void finished(struct world *world)
{
	const struct endpoint *a = &world->end[0], *b = &world->end[1];
	bool whole = a->received == b->options.to_send && b->received == a->options.to_send;
	bool aborted = a->options.abort_ms != 0 || b->options.abort_ms != 0;

	if (!over(world) || !(aborted || whole))
		fail_msg("seed %llx: %u ms, states %d %d, received %u of %u and %u of %u%s",
			 (unsigned long long)world->run_seed, world->now - world->started, a->state,
			 b->state, a->received, b->options.to_send, b->received, a->options.to_send,
			 world->reset ? ", reset" : "");
}

static void world_init(struct world *world, bool greedy)
{
	struct sekisho_rule_spec rules[] = {
		bench_rule("t/in", SEKISHO_INGRESS, 6, bench_peer),
		bench_rule("t/out", SEKISHO_EGRESS, 6, bench_peer),
	};
	struct sekisho_policy_spec spec;

	memset(world, 0, sizeof(*world));
	world->seed = greedy ? 7 : 1;
	world->greedy = greedy;
	world->now = 0xfff00000; /* the clock wraps as well */
	bench_init(&world->bench, 4096);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	rules[0].peers = rules[1].peers = bench_everything;
	bench_install(&world->bench, &spec, rules, 2);
}

static struct world world;

static void run_all(bool greedy, unsigned one_in)
{
	uint32_t passed = 0, resets = 0;

	world_init(&world, greedy);
	for (int run = 0; run < RUNS; run++) {
		prepare(&world);
		run_connection(&world, one_in > 0 && chance(&world, one_in) == 0);
		finished(&world);
		resets += world.reset;
		passed += world.passed;
		world.passed = 0;
	}
	printf("%u segments passed, %u connections were reset, %u old copies were dropped\n",
	       passed, resets, world.old_copies);
	assert_true(passed > 20 * RUNS);
	bench_fini(&world.bench);
}

static void strict_13_all_that_is_legitimate_passes(void **state)
{
	(void)state;
	run_all(false, 0);
}

static void strict_11_so_it_does_when_both_open(void **state)
{
	(void)state;
	run_all(false, 1);
}

static void strict_13_full_windows_lose_at_most_old_copies(void **state)
{
	(void)state;
	run_all(true, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_13_all_that_is_legitimate_passes),
		cmocka_unit_test(strict_11_so_it_does_when_both_open),
		cmocka_unit_test(strict_13_full_windows_lose_at_most_old_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
