/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_packet.c: every reason packet_parse gives, quotes, checksums, every prefix of good frames.
 *
 * Frames are built from a few good ones by patching bytes. Each is parsed from a heap buffer of
 * exactly the captured size, so that the address sanitizer sees a read of one byte too far.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"

#define IP      14        /* offset of the IP header in an untagged frame */
#define L4      (IP + 20) /* of layer 4 after an IPv4 header without options */
#define X6      (IP + 40) /* of what follows the IPv6 header */
#define R(word) SEKISHO_REASON_##word
#define NONE    PACKET_REASON_NONE

struct frame {
	uint8_t bytes[1024];
	uint32_t length;
};

static const uint8_t TCP_SYN[] = {0x30, 0x39, 0, 80, 1, 2, 3, 4, 0, 0,    0, 0, 0x70, 2,
				  0xff, 0xff, 0, 0,  0, 0, 2, 4, 5, 0xb4, 1, 3, 3,    7};
static const uint8_t TCP_ACK[] = {0x30, 0x39, 0, 80, 1, 2, 3, 5, 9,   8,   7,  6,
				  0x50, 0x18, 1, 0,  0, 0, 0, 0, 'h', 'i', '!'};
static const uint8_t UDP_DNS[] = {0x30, 0x39, 0, 53, 0, 12, 0, 0, 'a', 'b', 'c', 'd'};
static const uint8_t ECHO4[] = {8, 0, 0, 0, 0x12, 0x34, 0, 5, 'p', 'i', 'n', 'g'};
static const uint8_t ECHO6[] = {128, 0, 0, 0, 0x12, 0x34, 0, 5, 'p', 'i', 'n', 'g'};
static const uint8_t SOLICIT[] = {135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0,
				  0,   0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 9};

static uint8_t *heap; /* the frame parsed last; payloads point into it */

/* Put 16 bits in network order. */
static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A plain internet checksum, written apart from the one under test. */
static uint16_t checksum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Make the IPv4 header checksum right again. */
static void seal(struct frame *frame)
{
	put16(frame->bytes + IP + 10, 0);
	put16(frame->bytes + IP + 10,
	      checksum(frame->bytes + IP, (frame->bytes[IP] & 15u) * 4u, 0));
}

/* An IPv4 frame, with options padded to 4 bytes. */
static struct frame v4_options(uint8_t protocol, const void *options, uint32_t option_bytes,
			       const void *l4, uint32_t bytes)
{
	static const uint8_t ip[20] = {0x45, 0, 0,  0, 0xab, 0xcd, 0,  0, 64, 0,
				       0,    0, 10, 0, 0,    1,    10, 0, 0,  2};
	struct frame frame = {.length = IP + 20 + option_bytes + bytes};
	uint8_t *header = frame.bytes + IP;

	put16(frame.bytes + 12, 0x0800);
	memcpy(header, ip, 20);
	header[0] = (uint8_t)(0x45 + option_bytes / 4);
	header[9] = protocol;
	put16(header + 2, 20 + option_bytes + bytes);
	if (option_bytes > 0)
		memcpy(header + 20, options, option_bytes);
	if (bytes > 0)
		memcpy(header + 20 + option_bytes, l4, bytes);
	seal(&frame);
	return frame;
}

/* An IPv4 frame. */
static struct frame v4(uint8_t protocol, const void *l4, uint32_t bytes)
{
	return v4_options(protocol, NULL, 0, l4, bytes);
}

/* An IPv4 fragment: `field` is flags and offset as on the wire. */
static struct frame v4_fragment(uint8_t protocol, unsigned field, const void *data, uint32_t bytes)
{
	struct frame frame = v4(protocol, data, bytes);

	put16(frame.bytes + IP + 6, field);
	seal(&frame);
	return frame;
}

/* An IPv6 frame with extension headers and layer 4. */
static struct frame v6_chain(uint8_t next, const void *chain, uint32_t chain_bytes, const void *l4,
			     uint32_t bytes)
{
	struct frame frame = {.length = X6 + chain_bytes + bytes};
	uint8_t *ip = frame.bytes + IP;

	put16(frame.bytes + 12, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, chain_bytes + bytes);
	ip[6] = next;
	ip[7] = 255;
	ip[8] = ip[24] = 0x20;
	ip[9] = ip[25] = 0x01;
	ip[23] = 1;
	ip[39] = 2;
	if (chain_bytes > 0)
		memcpy(ip + 40, chain, chain_bytes);
	if (bytes > 0)
		memcpy(ip + 40 + chain_bytes, l4, bytes);
	return frame;
}

/* An IPv6 frame. */
static struct frame v6(uint8_t next, const void *l4, uint32_t bytes)
{
	return v6_chain(next, NULL, 0, l4, bytes);
}

/* Put a VLAN tag before what follows the addresses. */
static struct frame tagged(struct frame frame, unsigned type, unsigned tci)
{
	memmove(frame.bytes + 16, frame.bytes + 12, frame.length - 12);
	put16(frame.bytes + 12, type);
	put16(frame.bytes + 14, tci);
	frame.length += 4;
	return frame;
}

/* Parse from an exactly sized buffer, and check what holds of all packets. */
static struct packet parse(const struct frame *frame, uint32_t captured, uint32_t length)
{
	struct packet packet, quoted;

	free(heap);
	heap = malloc(captured > 0 ? captured : 1);
	assert_non_null(heap);
	memcpy(heap, frame->bytes, captured);
	memset(&packet, 0xa5, sizeof(packet));
	packet_parse(&packet, captured > 0 ? heap : heap + 1, captured, length);
	assert_true(packet.reason <= NONE);
	assert_true(packet.l4_captured <= packet.l4_length);
	assert_true(packet.l4_offset + packet.l4_captured <= captured);
	assert_true(packet.payload_captured <= packet.payload_length);
	assert_int_equal(packet.frame_length, length);
	if (packet.l4_kind == PACKET_L4_ICMP_ERROR)
		(void)packet_parse_quoted(&quoted, &packet);
	(void)packet_checksum_ok(&packet);
	return packet;
}

/* Parse a whole frame and expect a reason. */
static struct packet expect(struct frame frame, unsigned reason)
{
	struct packet packet = parse(&frame, frame.length, frame.length);

	assert_int_equal(packet.reason, reason);
	return packet;
}

/* Patch one byte, seal and expect. */
static struct packet patched(struct frame frame, uint32_t at, unsigned value, unsigned reason)
{
	frame.bytes[at] = (uint8_t)value;
	if (frame.bytes[12] == 8 && (frame.bytes[IP] & 15) >= 5)
		seal(&frame);
	return expect(frame, reason);
}

static struct frame syn4(void)
{
	return v4(6, TCP_SYN, sizeof(TCP_SYN));
}

static struct frame syn6(void)
{
	return v6(6, TCP_SYN, sizeof(TCP_SYN));
}

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

/* An ICMP error that quotes `bytes` from the IP header of a frame on. */
static struct frame error_about(struct frame inner, uint32_t bytes)
{
	uint8_t message[600] = {3, 1};
	int family = inner.bytes[IP] >> 4;

	message[0] = family == 4 ? 3 : 1;
	memcpy(message + 8, inner.bytes + IP, bytes);
	return family == 4 ? v4(1, message, 8 + bytes) : v6(58, message, 8 + bytes);
}

/* Parse an error and its quote. */
static bool quote(struct frame error, struct packet *quoted)
{
	struct packet packet = expect(error, NONE);

	return packet_parse_quoted(quoted, &packet);
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

static int free_heap(void **state)
{
	(void)state;
	free(heap);
	return 0;
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
		cmocka_unit_test(test_l4_lengths),
		cmocka_unit_test(test_tcp_window_scale),
		cmocka_unit_test(test_icmp_kinds),
		cmocka_unit_test(test_strict_61_mtu_is_read),
		cmocka_unit_test(test_strict_62_neighbour_discovery),
		cmocka_unit_test(test_strict_60_quotes),
		cmocka_unit_test(test_strict_73_checksums),
		cmocka_unit_test(test_every_prefix_of_good_frames),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, free_heap);
}
