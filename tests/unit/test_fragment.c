/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_fragment.c: virtual reassembly (STRICT-71, AWS-86) through the whole engine. A row is one
 * fragment: when it comes, which datagram it is of, what it holds of it, and the word of the reason
 * it must get. Frames that leave hold later are compared as a line of "ID:reason" words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define ETHER 14

struct piece {
	uint32_t at_ms;
	const char *datagram; /* of packets.h; its bytes go on with zeros as far as needed */
	uint16_t id;
	uint16_t offset, length; /* of the datagram after the IP header */
	bool more;
	const char *reason;   /* NULL: no fragment comes, only time goes by */
	const char *released; /* what left hold after it; NULL: nothing */
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void ipv4_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	put16(ip + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

/* Cut a piece out of a datagram; its length as a frame. */
static uint32_t cut(const struct piece *piece, uint8_t *frame, uint8_t *direction)
{
	static uint8_t whole[65536 + 64];
	uint32_t header = 20, field = piece->offset / 8u;
	bool v6;

	memset(whole, 0, sizeof(whole));
	packets_build(piece->datagram, whole, direction);
	v6 = whole[12] == 0x86;
	if (v6)
		header = 40;
	if (whole[ETHER + (v6 ? 6 : 9)] == 17) /* UDP's length is that of all pieces */
		put16(whole + ETHER + header + 4, 4096);
	memcpy(frame, whole, ETHER + header);
	if (v6) {
		uint8_t *extension = frame + ETHER + 40;

		memset(extension, 0, 8);
		extension[0] = frame[ETHER + 6];
		frame[ETHER + 6] = 44;
		put16(extension + 2, field << 3 | piece->more);
		put16(extension + 6, piece->id);
		put16(frame + ETHER + 4, 8u + piece->length);
		header += 8;
		memcpy(frame + ETHER + header, whole + ETHER + 40 + piece->offset, piece->length);
	} else {
		put16(frame + ETHER + 2, 20u + piece->length);
		put16(frame + ETHER + 4, piece->id);
		put16(frame + ETHER + 6, field | (piece->more ? 0x2000 : 0));
		ipv4_checksum(frame + ETHER);
		memcpy(frame + ETHER + 20, whole + ETHER + 20 + piece->offset, piece->length);
	}
	return ETHER + header + piece->length;
}

static void released(struct bench *bench, char *line, size_t size)
{
	struct sekisho_release release[3];
	unsigned count;
	size_t at = 0;

	line[0] = '\0';
	do {
		count = sekisho_engine_release(bench->engine, release, 3);
		for (unsigned i = 0; i < count; i++)
			at += (size_t)snprintf(line + at, at < size ? size - at : 0, "%s%u:%s",
					       at ? " " : "",
					       (unsigned)(uintptr_t)release[i].handle,
					       sekisho_reason_word(release[i].verdict.reason));
	} while (count == 3);
}

/* The handle of a frame is its row's number; `first` is that of rows[0]. */
static void run_pieces(struct bench *bench, const struct piece *rows, size_t count, size_t first)
{
	static uint8_t bytes[70000];
	char line[8192];

	for (size_t i = 0; i < count; i++) {
		struct sekisho_frame frame = {.handle = (void *)(first + i)};
		struct sekisho_verdict verdict;

		if (rows[i].reason == NULL) {
			sekisho_engine_burst(bench->engine, rows[i].at_ms, NULL, 0, NULL);
		} else {
			frame.captured = frame.length = cut(&rows[i], bytes, &frame.direction);
			frame.data = bytes;
			sekisho_engine_burst(bench->engine, rows[i].at_ms, &frame, 1, &verdict);
			if (strcmp(sekisho_reason_word(verdict.reason), rows[i].reason) != 0)
				fail_msg("row %zu: %s, expected %s", first + i,
					 sekisho_reason_word(verdict.reason), rows[i].reason);
		}
		released(bench, line, sizeof(line));
		if (strcmp(line, rows[i].released ? rows[i].released : "") != 0)
			fail_msg("row %zu releases '%s', expected '%s'", first + i, line,
				 rows[i].released ? rows[i].released : "");
	}
}

/* One table under the founding policy, under both semantics, where fragments are the same. */
#define TABLE(name, ...)                                                             \
	static void name(void **state)                                               \
	{                                                                            \
		static const struct piece rows[] = {__VA_ARGS__};                    \
		(void)state;                                                         \
		for (int semantics = 0; semantics < 2; semantics++) {                \
			struct bench bench;                                          \
			bench_init(&bench, 1024);                                    \
			bench_founding(&bench, semantics);                           \
			run_pieces(&bench, rows, sizeof(rows) / sizeof(rows[0]), 1); \
			bench_fini(&bench);                                          \
		}                                                                    \
	}

#define U4 "out udp 4000 9 junk"
#define U6 "out6 udp 4000 9 junk"
#define I4 "in udp 9 4000 junk"

TABLE(strict_71_in_order, {0, U4, 1, 0, 1480, true, "rule-match", NULL},
      {1, U4, 1, 1480, 1480, true, "flow-originator", NULL},
      {2, U4, 1, 2960, 100, false, "flow-originator", NULL},
      {3, U6, 1, 0, 1448, true, "rule-match", NULL},
      {4, U6, 1, 1448, 100, false, "flow-originator", NULL})

TABLE(strict_71_first_comes_last, {0, U4, 1, 2960, 100, false, "fragment-held", NULL},
      {1, U4, 1, 1480, 1480, true, "fragment-held", NULL},
      {2, U4, 1, 0, 1480, true, "rule-match", "1:flow-originator 2:flow-originator"},
      {3, U6, 1, 1448, 100, false, "fragment-held", NULL},
      {4, U6, 1, 0, 1448, true, "rule-match", "4:flow-originator"})

TABLE(strict_71_first_in_the_middle, {0, U4, 1, 1480, 1480, true, "fragment-held", NULL},
      {1, U4, 1, 0, 1480, true, "rule-match", "1:flow-originator"},
      {2, U4, 1, 2960, 100, false, "flow-originator", NULL})

/* once whole it is forgotten: its identification is free again */
TABLE(strict_71_complete_is_forgotten, {0, U4, 1, 0, 1480, true, "rule-match", NULL},
      {1, U4, 1, 1480, 100, false, "flow-originator", NULL},
      {2, U4, 1, 0, 1480, true, "flow-originator", NULL},
      {3, U4, 1, 1480, 100, false, "flow-originator", NULL})

TABLE(strict_71_a_refused_first_takes_all, {0, I4, 1, 1480, 100, false, "fragment-held", NULL},
      {1, I4, 1, 0, 1480, true, "no-rule", "1:fragment-refused"},
      {2, I4, 2, 0, 1480, true, "no-rule", NULL},
      {3, I4, 2, 1480, 100, false, "fragment-refused", NULL})

/* RFC 1858: the first fragment must hold the header */
TABLE(strict_71_tiny_first, {0, "out tcp 4000 80 S 1 0 0", 1, 8, 8, true, "fragment-tiny", NULL},
      {1, "out tcp 4000 80 S 1 0 0", 2, 16, 8, false, "fragment-held", NULL},
      {2, "out tcp 4000 80 S 1 0 0", 2, 0, 16, true, "fragment-tiny", "2:fragment-refused"},
      {3, "out tcp 4000 80 S 1 0 0", 2, 24, 8, false, "fragment-refused", NULL})

/* RFC 5722: the whole datagram goes, what is held and what is still to come */
TABLE(strict_71_overlap_below, {0, U4, 1, 1480, 1480, true, "fragment-held", NULL},
      {1, U4, 1, 0, 1488, true, "fragment-overlap", "1:fragment-overlap"},
      {2, U4, 1, 2960, 100, false, "fragment-overlap", NULL})

TABLE(strict_71_overlap_above, {0, U4, 1, 0, 1480, true, "rule-match", NULL},
      {1, U4, 1, 1472, 1480, true, "fragment-overlap", NULL},
      {2, U4, 1, 1480, 100, false, "fragment-overlap", NULL})

TABLE(strict_71_overlap_within, {0, U6, 1, 0, 1448, true, "rule-match", NULL},
      {1, U6, 1, 8, 16, true, "fragment-overlap", NULL})

TABLE(strict_71_overlap_bridges, {0, U4, 1, 16, 16, true, "fragment-held", NULL},
      {1, U4, 1, 48, 16, true, "fragment-held", NULL},
      {2, U4, 1, 32, 24, true, "fragment-overlap", "1:fragment-overlap 2:fragment-overlap"})

TABLE(strict_71_duplicate, {0, U4, 1, 0, 1480, true, "rule-match", NULL},
      {1, U4, 1, 0, 1480, true, "fragment-overlap", NULL},
      {2, U4, 1, 1480, 100, false, "fragment-overlap", NULL})

TABLE(strict_71_two_ends, {0, U4, 1, 1480, 100, false, "fragment-held", NULL},
      {1, U4, 1, 1600, 100, false, "fragment-bad", "1:fragment-bad"},
      {2, U4, 2, 1480, 104, true, "fragment-held", NULL},
      {3, U4, 2, 800, 100, false, "fragment-bad", "3:fragment-bad"},
      {4, U4, 3, 1480, 100, false, "fragment-held", NULL},
      {5, U4, 3, 1576, 8, true, "fragment-bad", "5:fragment-bad"})

TABLE(strict_71_timeout_ipv4, {0, U4, 1, 1480, 100, true, "fragment-bad", NULL},
      {5, U4, 1, 1480, 96, true, "fragment-held", NULL}, {30004, NULL, 0, 0, 0, false, NULL, NULL},
      {30005, NULL, 0, 0, 0, false, NULL, "2:fragment-timeout"},
      {30006, U4, 1, 0, 1480, true, "rule-match", NULL},
      {60005, U4, 1, 1480, 96, false, "flow-originator", NULL})

TABLE(strict_71_timeout_ipv6, {0, U6, 1, 1448, 96, true, "fragment-held", NULL},
      {59999, NULL, 0, 0, 0, false, NULL, NULL},
      {60000, NULL, 0, 0, 0, false, NULL, "1:fragment-timeout"})

/* expiry is exact when the next fragment comes */
TABLE(strict_71_timeout_at_look_up, {0, U4, 1, 1480, 96, true, "fragment-held", NULL},
      {30000, U4, 1, 2000, 96, false, "fragment-held", "1:fragment-timeout"})

/* neither direction, nor identification, nor protocol (but IPv6's) may mix */
TABLE(strict_71_datagrams_are_told_apart, {0, U4, 1, 0, 1480, true, "rule-match", NULL},
      {1, U4, 2, 1480, 100, false, "fragment-held", NULL},
      {2, I4, 1, 1480, 100, false, "fragment-held", NULL},
      {3, "out proto 50", 1, 1480, 100, false, "fragment-held", NULL},
      {4, U6, 1, 0, 1448, true, "rule-match", NULL},
      {5, "out6 proto 50", 1, 1448, 100, false, "flow-originator", NULL})

/* ICMP and protocols without ports follow their first fragment as well */
TABLE(aws_86_other_protocols, {0, "out echo 7 1", 1, 1480, 100, false, "fragment-held", NULL},
      {1, "out echo 7 1", 1, 0, 1480, true, "rule-match", "1:flow-originator"},
      {2, "in reply 7 1", 1, 0, 1480, true, "flow-answer", NULL},
      {3, "in reply 7 1", 1, 1480, 100, false, "flow-answer", NULL},
      {4, "in proto 50", 1, 0, 1480, true, "rule-match", NULL},
      {5, "in proto 50", 1, 1480, 1480, true, "flow-originator", NULL})

static void strict_71_at_most_64_fragments(void **state)
{
	struct piece row = {0, U4, 1, 0, 16, true, "rule-match", NULL};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_STRICT);
	run_pieces(&bench, &row, 1, 1);
	row.reason = "flow-originator";
	for (unsigned i = 1; i < 64; i++) {
		row.offset = (uint16_t)(i * 24); /* gaps: each needs a span of its own */
		run_pieces(&bench, &row, 1, i + 1);
	}
	row.offset = 64 * 24;
	row.reason = "fragment-too-many";
	run_pieces(&bench, &row, 1, 65);
	row.offset = 16;
	row.length = 8;
	run_pieces(&bench, &row, 1, 66);
	bench_fini(&bench);
}

/* A bench whose engine follows few datagrams, and holds few frames of few bytes. */
static void small_init(struct bench *bench)
{
	struct sekisho_engine_config config = {
		.flows = 64, .fragments = 4, .held = 3, .held_bytes = 1000, .zones = 1};
	char message[128];

	bench_init(bench, 64);
	sekisho_engine_destroy(bench->engine);
	config.names = bench->names;
	bench->engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(bench->engine);
	bench_founding(bench, SEKISHO_STRICT);
}

static void strict_71_budgets(void **state)
{
	static const struct piece frames[] = {
		{0, U4, 1, 1480, 96, true, "fragment-held", NULL},
		{0, U4, 1, 1600, 96, true, "fragment-held", NULL},
		{0, U4, 2, 1480, 96, true, "fragment-held", NULL},
		{0, U4, 2, 1600, 96, true, "fragment-budget", NULL}, /* a fourth frame */
		{1, U4, 1, 0, 1480, true, "rule-match", "1:flow-originator 2:flow-originator"},
		{1, U4, 2, 1800, 96, true, "fragment-held", NULL},
	};
	static const struct piece never_came[] = {
		{0, U4, 1, 1480, 96, true, "fragment-held", NULL},
		{0, U4, 1, 1600, 96, true, "fragment-held", NULL},
		{0, U4, 2, 1480, 96, true, "fragment-held", NULL},
		{0, U4, 2, 1600, 96, true, "fragment-budget", NULL},
		{0, U4, 3, 1480, 96, true, "fragment-budget", NULL}, /* begins nothing */
		{0, U4, 4, 0, 1480, true, "rule-match", NULL},
		{0, U4, 5, 0, 1480, true, "flow-originator", NULL},
		{0, U4, 1, 0, 1480, true, "flow-originator", "1:flow-originator 2:flow-originator"},
		{1, U4, 2, 1600, 96, true, "fragment-held", NULL}, /* no overlap: it was dropped */
	};
	static const struct piece bytes[] = {
		{0, U4, 1, 1480, 800, true, "fragment-held", NULL},
		{0, U4, 2, 1480, 256, true, "fragment-budget", NULL},
		{0, U4, 2, 2000, 96, true, "fragment-held", NULL},
	};
	static const struct piece datagrams[] = {
		{0, U4, 1, 0, 1480, true, "rule-match", NULL},
		{0, U4, 2, 0, 1480, true, "flow-originator", NULL},
		{0, U4, 3, 0, 1480, true, "flow-originator", NULL},
		{0, U4, 4, 0, 1480, true, "flow-originator", NULL},
		{1, U4, 5, 0, 1480, true, "fragment-budget", NULL},
		{2, U4, 4, 1480, 96, false, "flow-originator", NULL}, /* complete: makes room */
		{3, U4, 5, 0, 1480, true, "flow-originator", NULL},
		{30000, U4, 6, 0, 1480, true, "flow-originator", NULL}, /* 1..3 are over */
	};
	struct bench bench;

	(void)state;
	small_init(&bench);
	run_pieces(&bench, frames, sizeof(frames) / sizeof(frames[0]), 1);
	bench_fini(&bench);
	small_init(&bench);
	run_pieces(&bench, never_came, sizeof(never_came) / sizeof(never_came[0]), 1);
	bench_fini(&bench);
	small_init(&bench);
	run_pieces(&bench, bytes, sizeof(bytes) / sizeof(bytes[0]), 1);
	bench_fini(&bench);
	small_init(&bench);
	run_pieces(&bench, datagrams, sizeof(datagrams) / sizeof(datagrams[0]), 1);
	bench_fini(&bench);
}

/* A TCP segment ends where its last fragment ends; what acknowledges all of it is in the window. */
static void strict_13_fragmented_segment(void **state)
{
	static const char data[] = "out tcp 4000 80 PA 101 501 600";
	static const struct row handshake[] = {
		{0, "out tcp 4000 80 S 100 0 0", "rule-match"},
		{1, "in tcp 80 4000 SA 500 101 0", "flow-answer"},
		{2, "out tcp 4000 80 A 101 501 0", "flow-originator"}};
	static const struct piece pieces[] = {
		{3, data, 1, 0, 320, true, "flow-originator", NULL},
		{4, data, 1, 320, 300, false, "flow-originator", NULL},
	};
	static const struct row after[] = {{5, "in tcp 80 4000 A 501 702 0", "out-of-window"},
					   {6, "in tcp 80 4000 A 501 701 0", "flow-answer"}};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1024);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, handshake, 3);
	run_pieces(&bench, pieces, 2, 1);
	bench_run(&bench, after, 2);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_71_in_order),
		cmocka_unit_test(strict_71_first_comes_last),
		cmocka_unit_test(strict_71_first_in_the_middle),
		cmocka_unit_test(strict_71_complete_is_forgotten),
		cmocka_unit_test(strict_71_a_refused_first_takes_all),
		cmocka_unit_test(strict_71_tiny_first),
		cmocka_unit_test(strict_71_overlap_below),
		cmocka_unit_test(strict_71_overlap_above),
		cmocka_unit_test(strict_71_overlap_within),
		cmocka_unit_test(strict_71_overlap_bridges),
		cmocka_unit_test(strict_71_duplicate),
		cmocka_unit_test(strict_71_two_ends),
		cmocka_unit_test(strict_71_timeout_ipv4),
		cmocka_unit_test(strict_71_timeout_ipv6),
		cmocka_unit_test(strict_71_timeout_at_look_up),
		cmocka_unit_test(strict_71_datagrams_are_told_apart),
		cmocka_unit_test(aws_86_other_protocols),
		cmocka_unit_test(strict_71_at_most_64_fragments),
		cmocka_unit_test(strict_71_budgets),
		cmocka_unit_test(strict_13_fragmented_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
