/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_short_way.c: plain frames of established flows go a short way through the engine. The same packets
 * in frames with a VLAN tag are never plain and go the long one, and must get the same verdicts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define FRAME  256
#define TAG    4
#define BURSTS 3000

/* Conversations; a packet that comes again and again, or in the wrong place, is drawn as often. */
static const char *const texts[] = {
	"out tcp 1000 80 S 100 0 0 65535 7",
	"in tcp 80 1000 SA 500 101 0 65535 7",
	"out tcp 1000 80 A 101 501 0",
	"out tcp 1000 80 A 101 501 0",
	"out tcp 1000 80 PA 101 501 50",
	"in tcp 80 1000 A 501 151 0",
	"in tcp 80 1000 PA 501 151 70",
	"out tcp 1000 80 A 151 571 0",
	"out tcp 1000 80 A 4000000 571 0", /* out of the window */
	"in tcp 80 1000 A 501 90000 0",    /* acknowledges what was not sent */
	"in tcp 80 1000 . 501 151 0",
	"out tcp 1000 80 FA 151 571 0",
	"in tcp 80 1000 FA 571 152 0",
	"in tcp 80 1000 R 571 0 0",
	"in tcp 80 1000 R 9 0 0",
	"out udp 2000 443 junk",
	"in udp 443 2000 junk",
	"out udp 500 500 junk", /* equal ports prove nothing under strict */
	"in udp 500 500 junk",
	"out udp 500 500 ike2 A 0 I 34",
	"in udp 500 500 ike2 A B R 34",
	"out udp 500 500 ike2 A B I 35 1",
	"in udp 500 500 ike2 A B R 35 1",
	"in udp 500 500 ike2 C 0 I 34", /* no answer */
	"out udp 700 700 junk",
	"in udp 700 700 junk",
	"out udp 3000 123 ntp 3 0 A",
	"in udp 123 3000 ntp 4 A B",
	"in udp 9 9 junk",
	"out6 udp 2000 443 junk",
	"in6 udp 443 2000 junk",
	"out ip 8 0 udp 2000 443 junk",
	"out l4 6 1 udp 2000 443 junk", /* a wrong checksum, and none */
	"in l4 6 1 udp 443 2000 junk",
	"in l4 6 0 l4 7 0 udp 443 2000 junk",
	"in l4 16 1 tcp 80 1000 A 501 151 0",
	"out echo 1 1",
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static uint32_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)(*random >> 33);
}

struct drawn {
	uint8_t plain[SEKISHO_BURST_MAX][FRAME], tagged[SEKISHO_BURST_MAX][FRAME + TAG];
	struct sekisho_frame frames[2][SEKISHO_BURST_MAX];
	struct sekisho_verdict verdicts[2][SEKISHO_BURST_MAX];
};

static void draw_frame(struct drawn *drawn, unsigned i, uint64_t *random)
{
	struct sekisho_frame *frame = &drawn->frames[0][i];

	*frame = (struct sekisho_frame){
		.data = drawn->plain[i],
		.flags = draw(random) % 4 == 0 ? 0 : SEKISHO_FRAME_L4_CHECKSUM_GOOD};
	frame->captured = frame->length =
		packets_build(texts[draw(random) % TEXTS], drawn->plain[i], &frame->direction);
	assert_true(frame->length <= FRAME);
	memcpy(drawn->tagged[i], drawn->plain[i], 12);
	memcpy(drawn->tagged[i] + 12, "\x81\x00\x00\x05", TAG);
	memcpy(drawn->tagged[i] + 12 + TAG, drawn->plain[i] + 12, frame->length - 12);
	drawn->frames[1][i] = *frame;
	drawn->frames[1][i].data = drawn->tagged[i];
	drawn->frames[1][i].captured = drawn->frames[1][i].length = frame->length + TAG;
}

static void same_verdicts(const struct drawn *drawn, unsigned count, unsigned *passed)
{
	for (unsigned i = 0; i < count; i++) {
		const struct sekisho_verdict *one = &drawn->verdicts[0][i];
		const struct sekisho_verdict *other = &drawn->verdicts[1][i];

		assert_int_equal(one->reason, other->reason);
		assert_int_equal(one->action, other->action);
		assert_int_equal(one->bound, other->bound);
		assert_int_equal(one->opened, other->opened);
		assert_int_equal(one->rule, other->rule);
		assert_int_equal(one->packet, other->packet);
		assert_int_equal(one->opened_by, other->opened_by);
		passed[one->reason]++;
	}
}

/* What flows meet: the same rules again, those of other semantics, or no rule that lets anything out. */
static void change_policy(struct bench benches[2], enum sekisho_semantics semantics,
			  unsigned change)
{
	struct sekisho_rule_spec esp = bench_rule("vpn/esp-in", SEKISHO_INGRESS, 50, bench_peer);
	struct sekisho_policy_spec spec;

	sekisho_policy_spec_init(&spec, semantics);
	for (unsigned e = 0; e < 2; e++) {
		if (change == 0)
			bench_founding(&benches[e], semantics);
		else if (change == 1)
			bench_founding(&benches[e], semantics == SEKISHO_STRICT ? SEKISHO_AWS_LIKE
										: SEKISHO_STRICT);
		else
			bench_install(&benches[e], &spec, &esp, 1);
	}
}

static void goes_as_the_long_way(enum sekisho_semantics semantics)
{
	static struct drawn drawn;
	unsigned passed[SEKISHO_REASON_COUNT] = {0};
	uint64_t random = 88172645463325252u + (unsigned)semantics;
	struct sekisho_stats stats[2];
	struct bench benches[2];
	uint32_t now = 5;

	for (unsigned e = 0; e < 2; e++) {
		bench_init(&benches[e], 1024);
		bench_founding(&benches[e], semantics);
	}
	for (unsigned burst = 0; burst < BURSTS; burst++) {
		unsigned count = 1 + draw(&random) % SEKISHO_BURST_MAX;

		now += draw(&random) % 40 == 0 ? 40000 * (draw(&random) % 6) : draw(&random) % 50;
		if (draw(&random) % 30 == 0)
			change_policy(benches, semantics, draw(&random) % 3);
		for (unsigned i = 0; i < count; i++)
			draw_frame(&drawn, i, &random);
		for (unsigned e = 0; e < 2; e++)
			sekisho_engine_burst(benches[e].engine, now, drawn.frames[e], count,
					     drawn.verdicts[e]);
		same_verdicts(&drawn, count, passed);
	}
	assert_true(passed[SEKISHO_REASON_FLOW_ORIGINATOR] > 1000);
	assert_true(passed[SEKISHO_REASON_FLOW_ANSWER] > 1000);
	for (unsigned e = 0; e < 2; e++)
		sekisho_engine_stats(benches[e].engine, &stats[e]);
	assert_int_equal(stats[0].flows, stats[1].flows);
	assert_int_equal(stats[0].flows_half_open, stats[1].flows_half_open);
	assert_int_equal(stats[0].flows_created, stats[1].flows_created);
	assert_memory_equal(stats[0].by_reason, stats[1].by_reason, sizeof(stats[0].by_reason));
	for (unsigned e = 0; e < 2; e++)
		bench_fini(&benches[e]);
}

static void under_aws_like(void **state)
{
	(void)state;
	goes_as_the_long_way(SEKISHO_AWS_LIKE);
}

static void under_strict(void **state)
{
	(void)state;
	goes_as_the_long_way(SEKISHO_STRICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_aws_like),
		cmocka_unit_test(under_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
