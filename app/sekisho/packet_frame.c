/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_frame.c: a packet in words as bytes: Ethernet, IPv4 or IPv6, layer 4, checksums.
 */
#include "packet_sketch.h"

#include <netinet/in.h>
#include <string.h>

#include "packet_words.h"

#define ETHERNET       14
#define FRAGMENT_USUAL 1480 /* where the second fragment begins on Ethernet */
#define ISN            1000 /* sequence number of a SYN */

_Static_assert(ETHERNET + 40 + 8 + 24 + PACKET_PAYLOAD_MAX + 8 <= PACKET_WORDS_FRAME_MAX,
	       "the largest packet fits");

static uint32_t sum(const uint8_t *at, size_t length, uint32_t from)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		from += (uint32_t)at[i] << 8 | at[i + 1];
	if (length & 1)
		from += (uint32_t)at[length - 1] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static uint32_t fragment_offset(const struct packet_sketch *sketch)
{
	bool later = packet_is_given(sketch, PACKET_WORD_FRAGMENT);

	return (uint32_t)packet_value_or(sketch, PACKET_WORD_OFFSET, later ? FRAGMENT_USUAL : 0);
}

bool packet_is_later_fragment(const struct packet_sketch *sketch)
{
	return fragment_offset(sketch) > 0;
}

static bool is_fragment(const struct packet_sketch *sketch)
{
	return packet_is_later_fragment(sketch) || packet_is_given(sketch, PACKET_WORD_MORE);
}

/* ---- layer 4: each writes a header in front of `length` bytes of payload and tells its size ---- */

static uint32_t tcp_header(const struct packet_sketch *sketch, uint8_t *at)
{
	uint8_t flags = (uint8_t)packet_value_or(sketch, PACKET_WORD_FLAGS, 0x02);
	uint32_t size = packet_is_given(sketch, PACKET_WORD_SCALE) ? 24 : 20;
	bool syn = flags & 0x02, ack = flags & 0x10;

	memset(at, 0, size);
	packet_put16(at, sketch->source_port);
	packet_put16(at + 2, sketch->destination_port);
	packet_put32(at + 4,
		     (uint32_t)packet_value_or(sketch, PACKET_WORD_SEQ, syn ? ISN : ISN + 1));
	packet_put32(at + 8, (uint32_t)packet_value_or(sketch, PACKET_WORD_ACK, ack ? ISN + 1 : 0));
	at[12] = (uint8_t)(size << 2);
	at[13] = flags;
	packet_put16(at + 14, (uint32_t)packet_value_or(sketch, PACKET_WORD_WIN, 65535));
	if (size == 24) /* a no-operation, and the option */
		packet_put32(at + 20, 0x01030300 | (uint32_t)sketch->value[PACKET_WORD_SCALE]);
	return size;
}

static uint32_t udp_header(const struct packet_sketch *sketch, uint8_t *at)
{
	memset(at, 0, 8);
	packet_put16(at, sketch->source_port);
	packet_put16(at + 2, sketch->destination_port);
	return 8;
}

static uint32_t icmp_header(const struct packet_sketch *sketch, uint8_t *at)
{
	bool v6 = sketch->family == 6;
	uint8_t type = (uint8_t)packet_value_or(sketch, PACKET_WORD_TYPE, v6 ? 128 : 8);

	memset(at, 0, 8);
	at[0] = type;
	at[1] = (uint8_t)packet_value_or(sketch, PACKET_WORD_CODE, 0);
	if (packet_is_given(sketch, PACKET_WORD_MTU)) {
		packet_put16(at + 6, (uint32_t)sketch->value[PACKET_WORD_MTU]);
	} else if (sketch->quote_length == 0) {
		packet_put16(at + 4, (uint32_t)packet_value_or(sketch, PACKET_WORD_ID, 1));
		packet_put16(at + 6, (uint32_t)packet_value_or(sketch, PACKET_WORD_SEQ, 1));
	}
	return 8;
}

static uint32_t l4_header(const struct packet_sketch *sketch, uint8_t *at)
{
	if (packet_is_later_fragment(sketch))
		return 0;
	switch (sketch->protocol) {
	case IPPROTO_TCP:
		return tcp_header(sketch, at);
	case IPPROTO_UDP:
		return udp_header(sketch, at);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp_header(sketch, at);
	default:
		return 0;
	}
}

/* Where the checksum of a protocol's header is; 0 if there is none. */
static uint32_t checksum_offset(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static void l4_checksum(const struct packet_sketch *sketch, uint8_t *l4, uint32_t length)
{
	uint32_t at = checksum_offset(sketch->protocol), from = 0, right;
	size_t address = sketch->family == 6 ? 16 : 4;

	if (at == 0 || packet_is_later_fragment(sketch))
		return;
	if (sketch->protocol != IPPROTO_ICMP) {
		from = sum(sketch->source, address, sketch->protocol + length);
		from = sum(sketch->destination, address, from);
	}
	right = ~sum(l4, length, from) & 0xffff;
	if (right == 0 && sketch->protocol == IPPROTO_UDP)
		right = 0xffff;
	packet_put16(l4 + at, right);
}

/* Header and payload; as a fragment that others follow, a multiple of 8 bytes. */
static uint32_t l4_write(const struct packet_sketch *sketch, uint8_t *at)
{
	uint32_t header = l4_header(sketch, at);
	uint32_t length = header + packet_payload_write(sketch, at + header);

	while (packet_is_given(sketch, PACKET_WORD_MORE) && (length == 0 || length & 7))
		at[length++] = 0;
	if (sketch->protocol == IPPROTO_UDP && header)
		packet_put16(at + 4, length);
	l4_checksum(sketch, at, length);
	return length;
}

/* ---- layer 3 ---------------------------------------------------------------------------------- */

static uint32_t ipv4_header(const struct packet_sketch *sketch, uint8_t *at, uint32_t length)
{
	uint32_t more = packet_is_given(sketch, PACKET_WORD_MORE) ? 0x2000 : 0;

	memset(at, 0, 20);
	at[0] = 0x45;
	packet_put16(at + 2, 20 + length);
	packet_put16(at + 4, (uint32_t)packet_value_or(sketch, PACKET_WORD_IPID, 1));
	packet_put16(at + 6, more | fragment_offset(sketch) / 8);
	at[8] = (uint8_t)packet_value_or(sketch, PACKET_WORD_TTL, 64);
	at[9] = sketch->protocol;
	memcpy(at + 12, sketch->source, 4);
	memcpy(at + 16, sketch->destination, 4);
	packet_put16(at + 10, ~sum(at, 20, 0));
	return 20;
}

static uint32_t ipv6_header(const struct packet_sketch *sketch, uint8_t *at, uint32_t length)
{
	bool fragment = is_fragment(sketch);

	memset(at, 0, fragment ? 48 : 40);
	at[0] = 0x60;
	packet_put16(at + 4, length + (fragment ? 8 : 0));
	at[6] = fragment ? IPPROTO_FRAGMENT : sketch->protocol;
	at[7] = (uint8_t)packet_value_or(sketch, PACKET_WORD_TTL, 64);
	memcpy(at + 8, sketch->source, 16);
	memcpy(at + 24, sketch->destination, 16);
	if (!fragment)
		return 40;
	at[40] = sketch->protocol;
	packet_put16(at + 42,
		     fragment_offset(sketch) | (packet_is_given(sketch, PACKET_WORD_MORE) ? 1 : 0));
	packet_put32(at + 44, (uint32_t)packet_value_or(sketch, PACKET_WORD_IPID, 1));
	return 48;
}

uint32_t packet_frame_write(const struct packet_sketch *sketch, uint8_t *frame)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	uint8_t *ip = frame + ETHERNET;
	bool v6 = sketch->family == 6;
	uint32_t header = v6 ? is_fragment(sketch) ? 48 : 40 : 20;
	uint32_t length = l4_write(sketch, ip + header);

	memcpy(frame, macs, sizeof(macs));
	packet_put16(frame + 12, v6 ? 0x86dd : 0x0800);
	if (v6)
		ipv6_header(sketch, ip, length);
	else
		ipv4_header(sketch, ip, length);
	return ETHERNET + header + length;
}
