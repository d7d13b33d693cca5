/* SPDX-License-Identifier: BSD-3-Clause */
/* test_packet_l4.c: what packet_parse reads of TCP, UDP and ICMP, what an ICMP error quotes, and checksums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raw_frames.h"

/* Parse an error and its quote. */
static bool quote(struct frame error, struct packet *quoted)
{
	struct packet packet = expect(error, NONE);

	return packet_parse_quoted(quoted, &packet);
}

static void test_l4_lengths(void **state)
{
	(void)state;
	expect(v4(6, TCP_SYN, 19), R(L4_TRUNCATED));
	assert_int_equal(expect(v4(17, UDP_DNS, 7), R(L4_TRUNCATED)).destination_port, 53);
	expect(v4(1, ECHO4, 7), R(L4_TRUNCATED));
	expect(v6(6, TCP_SYN, 0), R(L4_TRUNCATED));
	expect(v4(6, TCP_SYN, 27), R(BAD_L4_LENGTH));
	patched(syn4(), L4 + 12, 0x40, R(BAD_L4_LENGTH));
	patched(v4(17, UDP_DNS, 12), L4 + 5, 13, R(BAD_L4_LENGTH));
	patched(v4(17, UDP_DNS, 12), L4 + 5, 7, R(BAD_L4_LENGTH));
	patched(v6(17, UDP_DNS, 12), X6 + 5, 0, R(BAD_L4_LENGTH));
}

static void test_tcp_window_scale(void **state)
{
	(void)state;
	assert_int_equal(patched(syn4(), L4 + 27, 99, NONE).tcp.scale, 14);
	assert_int_equal(patched(syn4(), L4 + 21, 1, NONE).tcp.scale, PACKET_TCP_NO_SCALE);
	assert_int_equal(patched(syn4(), L4 + 21, 9, NONE).tcp.scale, PACKET_TCP_NO_SCALE);
	assert_int_equal(patched(syn4(), L4 + 26, 2, NONE).tcp.scale, PACKET_TCP_NO_SCALE);
	assert_int_equal(patched(syn4(), L4 + 24, 0, NONE).tcp.scale, PACKET_TCP_NO_SCALE);
	assert_int_equal(patched(syn4(), L4 + 13, 0x10, NONE).tcp.scale, PACKET_TCP_NO_SCALE);
	/* odd sets of flags are not for the parser to judge; ECN bits are left out */
	assert_int_equal(patched(syn4(), L4 + 13, 0xff, NONE).tcp.flags, 0x3f);
}

static void test_icmp_kinds(void **state)
{
	uint8_t message[8] = {0};

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		unsigned kind4 = PACKET_L4_ICMP_OTHER, kind6 = PACKET_L4_ICMP_OTHER;

		if (type == 0 || type == 8 || (type >= 13 && type <= 18))
			kind4 = PACKET_L4_ICMP_QUERY;
		if ((type >= 3 && type <= 5) || type == 11 || type == 12)
			kind4 = PACKET_L4_ICMP_ERROR;
		if (type == 128 || type == 129)
			kind6 = PACKET_L4_ICMP_QUERY;
		if ((type >= 1 && type <= 4) || type == 137)
			kind6 = PACKET_L4_ICMP_ERROR;
		if (type >= 133 && type <= 136)
			kind6 = PACKET_L4_ND;
		message[0] = (uint8_t)type;
		assert_int_equal(expect(v4(1, message, 8), NONE).l4_kind, kind4);
		assert_int_equal(expect(v6(58, message, 8), NONE).l4_kind, kind6);
	}
}

static void test_strict_61_mtu_is_read(void **state)
{
	(void)state;
	assert_int_equal(expect(v4(1, "\3\4\0\0\0\0\5\334", 8), NONE).icmp.mtu, 1500);
	assert_int_equal(expect(v4(1, "\3\3\0\0\0\0\5\334", 8), NONE).icmp.mtu, 0);
	assert_int_equal(expect(v6(58, "\2\0\0\0\0\1\5\0", 8), NONE).icmp.mtu, 0x10500);
}

static void test_strict_62_neighbour_discovery(void **state)
{
	(void)state;
	assert_int_equal(expect(v6(58, SOLICIT, 24), NONE).l4_kind, PACKET_L4_ND);
	patched(v6(58, SOLICIT, 24), IP + 7, 254, R(BAD_ND));
	patched(v6(58, SOLICIT, 24), X6 + 1, 1, R(BAD_ND));
}

static void test_strict_60_quotes(void **state)
{
	struct packet quoted;
	struct frame frame;

	(void)state;
	assert_true(quote(error_about(syn4(), 28), &quoted));
	assert_int_equal(quoted.source[3], 1);
	assert_int_equal(quoted.source_port, 12345);
	assert_int_equal(quoted.tcp.seq, 0x01020304);
	assert_int_equal(quoted.l4_kind, PACKET_L4_TCP);
	assert_int_equal(quoted.reason, NONE);
	assert_false(quote(error_about(syn4(), 27), &quoted));
	assert_false(quote(error_about(syn4(), 19), &quoted));
	assert_true(quote(error_about(syn6(), 48), &quoted));
	assert_int_equal(quoted.destination_port, 80);
	assert_false(quote(error_about(syn6(), 47), &quoted));
	assert_false(quote(error_about(syn6(), 39), &quoted));
	assert_true(quote(error_about(v4(1, ECHO4, 12), 28), &quoted));
	assert_int_equal(quoted.icmp.id, 0x1234);
	assert_int_equal(quoted.l4_kind, PACKET_L4_ICMP_QUERY);
	assert_true(quote(error_about(v4(50, ECHO4, 12), 20), &quoted));
	assert_int_equal(quoted.l4_kind, PACKET_L4_OTHER);
	assert_false(quote(error_about(error_about(syn4(), 28), 56), &quoted));
	assert_false(quote(error_about(v4_fragment(17, 8, UDP_DNS, 12), 32), &quoted));
	assert_true(quote(error_about(v4_fragment(17, 0x2000, UDP_DNS, 8), 28), &quoted));
	assert_true(
		quote(error_about(v6_chain(60, "\21\0\1\4\0\0\0\0", 8, UDP_DNS, 12), 56), &quoted));
	assert_int_equal(quoted.protocol, 17);
	assert_false(quote(error_about(v6_chain(44, "\21\0\0\10\0\0\0\1", 8, UDP_DNS, 12), 56),
			   &quoted));
	/* a quote of the other family, a redirect of ICMPv6, and what is no error at all */
	frame = error_about(syn4(), 28);
	frame.bytes[L4 + 8] = 0x60;
	assert_false(quote(frame, &quoted));
	frame = error_about(syn6(), 48);
	frame.bytes[X6] = 137;
	assert_false(quote(frame, &quoted));
	assert_false(quote(syn4(), &quoted));
}

/* Fill in layer 4's checksum at `at` bytes into it, over a pseudo header where there is one. */
static struct frame with_checksum(struct frame frame, uint32_t at)
{
	bool six = frame.bytes[IP] == 0x60;
	uint32_t start = six ? X6 : L4, length = frame.length - start, sum = 0;
	uint8_t protocol = frame.bytes[IP + (six ? 6 : 9)];

	if (protocol != 1) {
		sum = (uint16_t)~checksum(frame.bytes + IP + (six ? 8 : 12), six ? 32 : 8, 0);
		sum += protocol + length;
	}
	put16(frame.bytes + start + at, checksum(frame.bytes + start, length, sum));
	return frame;
}

static void test_strict_73_checksums(void **state)
{
	const struct {
		struct frame frame;
		uint32_t at;
	} rows[] = {
		{syn4(), 16},
		{syn6(), 16},
		{v4(6, TCP_ACK, sizeof(TCP_ACK)), 16}, /* an odd length */
		{v6(6, TCP_ACK, sizeof(TCP_ACK)), 16},
		{v4(17, UDP_DNS, 12), 6},
		{v6(17, UDP_DNS, 12), 6},
		{v4(1, ECHO4, 12), 2},
		{v6(58, ECHO6, 12), 2},
	};
	struct packet packet;
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		frame = with_checksum(rows[i].frame, rows[i].at);
		packet = expect(frame, NONE);
		assert_true(packet_checksum_ok(&packet));
		frame.bytes[frame.length - 1] ^= 1;
		packet = expect(frame, NONE);
		assert_false(packet_checksum_ok(&packet));
		packet = parse(&frame, frame.length - 1, frame.length);
		if (packet.reason == NONE)
			assert_true(packet_checksum_ok(&packet)); /* clipped: cannot be told */
	}
	packet = expect(v4(17, UDP_DNS, 12), NONE);
	assert_true(packet_checksum_ok(&packet));
	packet = expect(v6(17, UDP_DNS, 12), NONE);
	assert_false(packet_checksum_ok(&packet));
	packet = expect(v4_fragment(6, 0x2000, TCP_SYN, 24), R(FRAGMENT_TINY));
	assert_true(packet_checksum_ok(&packet));
	packet = expect(v4(50, ECHO4, 12), NONE);
	assert_true(packet_checksum_ok(&packet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_l4_lengths),
		cmocka_unit_test(test_tcp_window_scale),
		cmocka_unit_test(test_icmp_kinds),
		cmocka_unit_test(test_strict_61_mtu_is_read),
		cmocka_unit_test(test_strict_62_neighbour_discovery),
		cmocka_unit_test(test_strict_60_quotes),
		cmocka_unit_test(test_strict_73_checksums),
	};

	return cmocka_run_group_tests_name("packet_l4", tests, NULL, free_heap);
}
