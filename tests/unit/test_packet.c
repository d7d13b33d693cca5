/* SPDX-License-Identifier: BSD-3-Clause */
/* test_packet.c: link layer and IP: every reason packet_parse gives, and every prefix of good frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raw_frames.h"

static void test_link_layer(void **state)
{
	struct frame frame = tagged(tagged(syn4(), 0x8100, 7), 0x88a8, 0x2064);
	struct packet packet = expect(frame, NONE);

	(void)state;
	assert_int_equal(packet.vlan, 0x64);
	assert_int_equal(packet.ether_type, 0x0800);
	assert_int_equal(packet.ip_offset, 22);
	assert_int_equal(packet.tcp.scale, 7);
	assert_int_equal(expect(tagged(syn6(), 0x9100, 3), NONE).family, 6);
	expect(tagged(frame, 0x9100, 1), R(VLAN_DEPTH));
	frame = syn4();
	put16(frame.bytes + 12, 0x0806);
	assert_int_equal(expect(frame, NONE).kind, PACKET_ARP);
	put16(frame.bytes + 12, 0x88cc);
	assert_int_equal(expect(frame, R(NOT_IP)).kind, PACKET_OTHER_FRAME);
	put16(frame.bytes + 12, 38);
	expect(frame, R(NOT_IP));
	frame.length = 13;
	expect(frame, R(TRUNCATED));
}

static void test_tcp_udp_icmp_fields(void **state)
{
	struct packet packet = expect(syn4(), NONE);

	(void)state;
	assert_int_equal(packet.kind, PACKET_IP);
	assert_int_equal(packet.family, 4);
	assert_int_equal(packet.source[0], 10);
	assert_int_equal(packet.destination[3], 2);
	assert_int_equal(packet.l4_kind, PACKET_L4_TCP);
	assert_int_equal(packet.source_port, 12345);
	assert_int_equal(packet.destination_port, 80);
	assert_int_equal(packet.tcp.seq, 0x01020304);
	assert_int_equal(packet.tcp.flags, PACKET_TCP_SYN);
	assert_int_equal(packet.tcp.window, 0xffff);
	assert_int_equal(packet.payload_length, 0);
	packet = expect(v6(6, TCP_ACK, sizeof(TCP_ACK)), NONE);
	assert_int_equal(packet.tcp.ack, 0x09080706);
	assert_int_equal(packet.tcp.scale, PACKET_TCP_NO_SCALE);
	assert_int_equal(packet.payload_length, 3);
	assert_memory_equal(packet.payload, "hi!", 3);
	packet = expect(v4(17, UDP_DNS, sizeof(UDP_DNS)), NONE);
	assert_int_equal(packet.l4_kind, PACKET_L4_UDP);
	assert_int_equal(packet.destination_port, 53);
	assert_memory_equal(packet.payload, "abcd", packet.payload_length);
	packet = expect(v6(58, ECHO6, sizeof(ECHO6)), NONE);
	assert_int_equal(packet.l4_kind, PACKET_L4_ICMP_QUERY);
	assert_int_equal(packet.icmp.id, 0x1234);
	assert_int_equal(packet.icmp.sequence, 5);
}

static void test_padding_is_not_payload(void **state)
{
	struct frame frame = v4(17, UDP_DNS, sizeof(UDP_DNS));

	(void)state;
	frame.length = 60;
	assert_int_equal(expect(frame, NONE).l4_length, 12);
	/* bytes within the IP length but past the UDP length are no payload either */
	assert_int_equal(patched(v4(17, UDP_DNS, 12), L4 + 5, 10, NONE).payload_length, 2);
}

static void test_strict_70_ipv4_header(void **state)
{
	struct frame frame = syn4();

	(void)state;
	patched(syn4(), IP, 0x65, R(BAD_IP_HEADER));
	patched(syn4(), IP, 0x44, R(BAD_IP_HEADER));
	patched(syn4(), IP + 3, 19, R(BAD_IP_HEADER));
	patched(syn4(), IP + 3, 49, R(BAD_IP_HEADER));
	patched(syn4(), IP + 8, 0, R(TTL_ZERO));
	patched(syn4(), IP + 6, 0x80, NONE); /* the reserved bit */
	frame.bytes[IP + 10] ^= 1;
	/* what could be read stays, for the log */
	assert_int_equal(expect(frame, R(BAD_IP_CHECKSUM)).destination_port, 80);
	frame.length = L4 - 1;
	expect(frame, R(TRUNCATED));
}

static void test_strict_70_ipv4_addresses(void **state)
{
	struct frame frame = syn4();

	(void)state;
	patched(syn4(), IP + 12, 224, R(BAD_SOURCE));
	patched(syn4(), IP + 12, 239, R(BAD_SOURCE));
	patched(syn4(), IP + 12, 127, R(BAD_SOURCE));
	patched(syn4(), IP + 12, 223, NONE);
	patched(syn4(), IP + 15, 2, R(LAND));
	memset(frame.bytes + IP + 12, 255, 4);
	seal(&frame);
	expect(frame, R(BAD_SOURCE));
	memset(frame.bytes + IP + 12, 0, 4);
	seal(&frame);
	expect(frame, NONE); /* DHCP */
}

static void test_strict_70_ipv4_options(void **state)
{
	static const struct {
		uint8_t bytes[8];
		unsigned reason;
	} rows[] = {
		{{1, 1, 1, 0}, NONE},
		{{148, 4, 0, 0, 1, 1, 1, 1}, NONE},
		{{0, 131, 7, 4}, NONE}, /* past the end of options */
		{{131, 7, 4, 1, 2, 3, 4, 0}, R(SOURCE_ROUTE)},
		{{1, 137, 7, 4, 1, 2, 3, 4}, R(SOURCE_ROUTE)},
		{{7, 0, 0, 0}, R(BAD_IP_OPTION)},
		{{7, 1, 0, 0}, R(BAD_IP_OPTION)},
		{{7, 9, 4, 0}, R(BAD_IP_OPTION)},
		{{1, 1, 1, 1, 1, 1, 1, 7}, R(BAD_IP_OPTION)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(v4_options(6, rows[i].bytes, 8, TCP_SYN, sizeof(TCP_SYN)), rows[i].reason);
}

static void test_strict_70_ipv6_header(void **state)
{
	struct frame frame = syn6();

	(void)state;
	patched(syn6(), IP, 0x40, R(BAD_IP_HEADER));
	patched(syn6(), IP + 5, 29, R(BAD_IP_HEADER));
	patched(syn6(), IP + 7, 0, R(TTL_ZERO));
	patched(syn6(), IP + 8, 0xff, R(BAD_SOURCE));
	patched(syn6(), IP + 23, 2, R(LAND));
	memset(frame.bytes + IP + 8, 0, 15);
	expect(frame, R(BAD_SOURCE)); /* ::1 */
	frame.bytes[IP + 18] = frame.bytes[IP + 19] = 0xff;
	expect(frame, R(BAD_SOURCE)); /* ::ffff:0.0.0.1 */
	memset(frame.bytes + IP + 8, 0, 16);
	expect(frame, NONE); /* duplicate address detection */
	memset(frame.bytes + IP + 24, 0, 16);
	expect(frame, R(LAND));
	frame = v6(0, "\6\0\1\4\0\0\0\0", 8);
	put16(frame.bytes + IP + 4, 0);
	expect(frame, R(BAD_IP_HEADER)); /* a jumbogram */
	frame = syn6();
	frame.length = X6 - 1;
	expect(frame, R(TRUNCATED));
}

static void test_strict_71_ipv4_fragments(void **state)
{
	uint8_t data[64] = {0x30, 0x39, 0, 53, 0, 200};
	struct packet packet = expect(v4_fragment(17, 0x2000, data, 64), NONE);

	(void)state;
	assert_true(packet.is_fragment && packet.more_fragments);
	assert_int_equal(packet.fragment_id, 0xabcd);
	assert_int_equal(packet.l4_kind, PACKET_L4_UDP);
	assert_int_equal(packet.fragment_length, 64);
	assert_int_equal(packet.payload_length, 192); /* of the whole datagram */
	assert_int_equal(packet.payload_captured, 56);
	packet = expect(v4_fragment(17, 8, data, 13), NONE);
	assert_true(packet.is_fragment && !packet.more_fragments);
	assert_int_equal(packet.fragment_offset, 64);
	assert_int_equal(packet.l4_kind, PACKET_L4_NONE);
	assert_int_equal(packet.protocol, 17);
	assert_int_equal(packet.source_port, 0);
	expect(v4_fragment(17, 0x2001, data, 13), R(FRAGMENT_BAD));
	expect(v4_fragment(17, 0x2000, data, 0), R(FRAGMENT_BAD));
	expect(v4_fragment(17, 0x0001, data, 0), R(FRAGMENT_BAD));
	expect(v4_fragment(17, 0x1fff, data, 8), R(FRAGMENT_BAD));
	expect(v4_fragment(6, 1, data, 32), R(FRAGMENT_TINY));
	expect(v4_fragment(6, 2, data, 32), NONE);
	expect(v4_fragment(17, 1, data, 32), NONE);
	expect(v4_fragment(6, 0x2000, TCP_SYN, 16), R(FRAGMENT_TINY));
	expect(v4_fragment(6, 0x2000, TCP_SYN, 24), R(FRAGMENT_TINY));
	expect(v4_fragment(17, 0x2000, "\0\7\0\7\0\7\0\0", 8), R(BAD_L4_LENGTH));
	/* a datagram of exactly 65535 bytes is one */
	expect(v4_fragment(6, 0x1ffd, data, 3), NONE);
	expect(v4_fragment(6, 0x1ffd, data, 4), R(FRAGMENT_BAD));
}

static void test_strict_71_ipv6_fragments(void **state)
{
	static const uint8_t first[] = {17, 0, 0, 1, 0, 1, 2, 3},
			     later[] = {17, 0, 0, 64, 0, 1, 2, 3};
	static const uint8_t atomic[] = {6, 0, 0, 0, 0, 1, 2, 3}, tiny[] = {6, 0, 0, 8, 0, 1, 2, 3};
	static const uint8_t last[] = {17, 0, 0xff, 0xf8, 0, 1, 2, 3};
	static const uint8_t options[] = {60, 0, 0, 1, 0, 1, 2, 3, 17, 1, 0, 0, 0, 0, 0, 0};
	static const uint8_t twice[] = {44, 0, 0, 1, 0, 1, 2, 3, 17, 0, 0, 1, 0, 1, 2, 3};
	uint8_t data[64] = {0x30, 0x39, 0, 53, 0, 200};
	struct packet packet = expect(v6_chain(44, first, 8, data, 64), NONE);

	(void)state;
	assert_true(packet.is_fragment && packet.more_fragments);
	assert_int_equal(packet.fragment_id, 0x00010203);
	assert_int_equal(packet.payload_length, 192);
	assert_int_equal(packet.payload_captured, 56);
	packet = expect(v6_chain(44, later, 8, data, 5), NONE);
	assert_int_equal(packet.fragment_offset, 64);
	assert_int_equal(packet.l4_kind, PACKET_L4_NONE);
	assert_int_equal(packet.protocol, 17);
	packet = expect(v6_chain(44, atomic, 8, TCP_SYN, sizeof(TCP_SYN)), NONE);
	assert_false(packet.is_fragment);
	assert_int_equal(packet.tcp.scale, 7);
	expect(v6_chain(44, tiny, 8, data, 32), R(FRAGMENT_TINY));
	expect(v6_chain(44, first, 8, data, 9), R(FRAGMENT_BAD));
	expect(v6_chain(44, later, 8, data, 0), R(FRAGMENT_BAD));
	expect(v6_chain(44, last, 8, data, 8), R(FRAGMENT_BAD));
	expect(v6_chain(44, last, 8, data, 7), NONE);
	expect(v6_chain(44, options, 16, data, 0), R(FRAGMENT_TINY)); /* RFC 7112 */
	expect(v6_chain(44, options, 16, data, 8), R(FRAGMENT_TINY));
	memcpy(data + 8, data, 8);
	expect(v6_chain(44, options, 16, data, 16), NONE);
	expect(v6_chain(44, twice, 16, data, 32), R(EXT_CHAIN));
}

static void test_strict_72_extension_headers(void **state)
{
	static const uint8_t route0[] = {6, 0, 0, 0, 0, 0, 0, 0},
			     route2[] = {6, 0, 2, 0, 0, 0, 0, 0};
	static const uint8_t late[] = {0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0};
	uint8_t chain[512] = {0};
	struct packet packet;

	(void)state;
	packet = expect(v6_chain(0, route2, 8, TCP_SYN, sizeof(TCP_SYN)), NONE);
	assert_int_equal(packet.l4_offset, X6 + 8);
	expect(v6_chain(43, route2, 8, TCP_SYN, sizeof(TCP_SYN)), NONE);
	packet = expect(v6_chain(43, route0, 8, TCP_SYN, sizeof(TCP_SYN)), R(SOURCE_ROUTE));
	assert_int_equal(packet.destination_port, 80);
	expect(v6_chain(60, late, 16, TCP_SYN, sizeof(TCP_SYN)), R(EXT_CHAIN));
	for (int i = 0; i < 9; i++)
		chain[8 * i] = i == 8 ? 6 : 60;
	expect(v6_chain(60, chain, 72, TCP_SYN, sizeof(TCP_SYN)), R(EXT_CHAIN));
	chain[56] = 6;
	expect(v6_chain(60, chain, 64, TCP_SYN, sizeof(TCP_SYN)), NONE);
	chain[0] = 6;
	chain[1] = 31;
	expect(v6_chain(60, chain, 256, TCP_SYN, sizeof(TCP_SYN)), NONE);
	chain[1] = 32;
	expect(v6_chain(60, chain, 264, TCP_SYN, sizeof(TCP_SYN)), R(EXT_CHAIN));
	chain[1] = 1;
	expect(v6_chain(60, chain, 8, NULL, 0), R(EXT_CHAIN)); /* longer than the packet */
	expect(v6_chain(60, chain, 7, NULL, 0), R(EXT_CHAIN));
	expect(v6(135, TCP_SYN, 8), R(EXT_UNKNOWN));
	expect(v6(139, TCP_SYN, 8), R(EXT_UNKNOWN));
	expect(v6(140, TCP_SYN, 8), R(EXT_UNKNOWN));
}

static void test_strict_72_other_protocols_end_the_walk(void **state)
{
	static const uint8_t protocols[] = {50, 51, 59, 253, 254, 132, 33, 136, 47, 1};
	struct packet packet;

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		packet = expect(v6(protocols[i], "12345678", 8), NONE);
		assert_int_equal(packet.l4_kind, PACKET_L4_OTHER);
		assert_int_equal(packet.protocol, protocols[i]);
		assert_int_equal(packet.source_port, 0);
	}
	assert_int_equal(expect(v6(59, NULL, 0), NONE).l4_kind, PACKET_L4_OTHER);
	assert_int_equal(expect(v4(58, ECHO6, 8), NONE).l4_kind, PACKET_L4_OTHER);
}

static void test_every_prefix_of_good_frames(void **state)
{
	static const uint8_t options[] = {148, 4, 0, 0, 1, 1, 1, 0};
	static const uint8_t chain[] = {60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0,
					43, 0, 0, 0, 1, 2, 3, 4, 6,  0, 2, 0, 0, 0, 0, 0};
	const struct frame frames[] = {
		syn4(),
		syn6(),
		tagged(tagged(syn4(), 0x8100, 7), 0x88a8, 9),
		v4_options(6, options, 8, TCP_ACK, sizeof(TCP_ACK)),
		v6_chain(0, chain, 32, TCP_SYN, sizeof(TCP_SYN)),
		v4(17, UDP_DNS, 12),
		v6(17, UDP_DNS, 12),
		v4(1, ECHO4, 12),
		v6(58, SOLICIT, 24),
		error_about(syn4(), 48),
		error_about(v6_chain(0, chain, 32, TCP_SYN, sizeof(TCP_SYN)), 100),
		v4_fragment(17, 0x2000, UDP_DNS, 8),
		v4(50, ECHO4, 12),
	};
	struct packet packet;

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		expect(frames[i], NONE);
		for (uint32_t n = 0; n < frames[i].length; n++) {
			/* a clipped capture is never called malformed */
			packet = parse(&frames[i], n, frames[i].length);
			assert_true(packet.reason == NONE || packet.reason == R(TRUNCATED));
			/* a short wire always is */
			packet = parse(&frames[i], n, n);
			assert_true(packet.reason == R(TRUNCATED) ||
				    packet.reason == R(BAD_IP_HEADER));
			/* and a capture that claims more than the wire is not believed */
			packet = parse(&frames[i], frames[i].length, n);
			assert_true(packet.reason == R(TRUNCATED) ||
				    packet.reason == R(BAD_IP_HEADER));
		}
	}
}

static void same(const struct packet *plain, const struct packet *any)
{
	assert_memory_equal(plain->address, any->address, sizeof(plain->address));
	assert_memory_equal(plain->port, any->port, sizeof(plain->port));
	assert_int_equal(plain->ether_type, any->ether_type);
	assert_int_equal(plain->vlan, any->vlan);
	assert_int_equal(plain->kind, any->kind);
	assert_int_equal(plain->family, any->family);
	assert_int_equal(plain->protocol, any->protocol);
	assert_int_equal(plain->l4_kind, any->l4_kind);
	assert_int_equal(plain->reason, any->reason);
	assert_int_equal(plain->hop_limit, any->hop_limit);
	assert_int_equal(plain->ip_offset, any->ip_offset);
	assert_int_equal(plain->l4_offset, any->l4_offset);
	assert_int_equal(plain->l4_length, any->l4_length);
	assert_int_equal(plain->l4_captured, any->l4_captured);
	assert_ptr_equal(plain->payload, any->payload);
	assert_int_equal(plain->payload_length, any->payload_length);
	assert_int_equal(plain->payload_captured, any->payload_captured);
	assert_int_equal(plain->frame_length, any->frame_length);
	assert_int_equal(plain->is_fragment, any->is_fragment);
	assert_int_equal(plain->more_fragments, any->more_fragments);
	assert_int_equal(plain->fragment_offset, any->fragment_offset);
	assert_int_equal(plain->fragment_length, any->fragment_length);
	assert_int_equal(plain->fragment_id, any->fragment_id);
	if (any->l4_kind == PACKET_L4_TCP)
		assert_memory_equal(&plain->tcp, &any->tcp, sizeof(any->tcp));
}

/* The short way for plain frames reads what the long one reads, whichever byte or length is changed. */
static void test_plain_reads_as_any(void **state)
{
	static const uint8_t udp[24] = {0x0f, 0xa0, 0, 53, 0, 24}, *const l4[2] = {udp, TCP_SYN};
	static const uint32_t lengths[2] = {sizeof(udp), sizeof(TCP_SYN)};
	static const uint8_t protocols[2] = {17, 6}, values[] = {0, 1, 4, 6, 17, 0x10, 0x45, 0x7f, 0xe0, 0xff};

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		for (uint32_t at = 0; at < IP + 20 + lengths[kind]; at++) {
			for (unsigned v = 0; v < sizeof(values); v++) {
				struct frame frame = v4(protocols[kind], l4[kind], lengths[kind]);
				struct packet plain, any;

				if (kind == 1)
					frame.bytes[IP + 20 + 13] = 0x10; /* an ACK: SYNs are not plain */
				frame.bytes[at] = values[v];
				if (v % 2 == 0)
					seal(&frame);
				packet_parse(&plain, frame.bytes, frame.length, frame.length);
				packet_parse_any(&any, frame.bytes, frame.length, frame.length);
				same(&plain, &any);
				packet_parse(&plain, frame.bytes, at, frame.length);
				packet_parse_any(&any, frame.bytes, at, frame.length);
				same(&plain, &any);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_reads_as_any),
		cmocka_unit_test(test_link_layer),
		cmocka_unit_test(test_tcp_udp_icmp_fields),
		cmocka_unit_test(test_padding_is_not_payload),
		cmocka_unit_test(test_strict_70_ipv4_header),
		cmocka_unit_test(test_strict_70_ipv4_addresses),
		cmocka_unit_test(test_strict_70_ipv4_options),
		cmocka_unit_test(test_strict_70_ipv6_header),
		cmocka_unit_test(test_strict_71_ipv4_fragments),
		cmocka_unit_test(test_strict_71_ipv6_fragments),
		cmocka_unit_test(test_strict_72_extension_headers),
		cmocka_unit_test(test_strict_72_other_protocols_end_the_walk),
		cmocka_unit_test(test_every_prefix_of_good_frames),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, free_heap);
}
