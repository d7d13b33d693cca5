/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event.c: from an event's fields to the bytes of its frame, checksums included. The datagram's layer 4
 * is built whole; a fragment is a piece cut out of it.
 */
#include "event.h"

#include <netinet/in.h>
#include <string.h>

static const uint8_t addresses_4[ADDRESS_COUNT][16] = {
	[ADDRESS_ENDPOINT] = {198, 51, 100, 2},
	[ADDRESS_PEER] = {198, 51, 100, 1},
	[ADDRESS_ENDPOINT_B] = {198, 51, 100, 3},
	[ADDRESS_PEER_B] = {203, 0, 113, 7},
	[ADDRESS_ROUTER] = {192, 0, 2, 254},
	[ADDRESS_STRANGER] = {198, 51, 100, 9},
	[ADDRESS_NEVER_FILTERED] = {169, 254, 169, 123},
	[ADDRESS_MULTICAST] = {224, 0, 0, 5},
	[ADDRESS_BROADCAST] = {255, 255, 255, 255},
	[ADDRESS_LOOPBACK] = {127, 0, 0, 1},
};

static const uint8_t addresses_6[ADDRESS_COUNT][16] = {
	[ADDRESS_ENDPOINT] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
	[ADDRESS_PEER] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
	[ADDRESS_ENDPOINT_B] = {0x20, 0x01, 0x0d, 0xb8, [15] = 3},
	[ADDRESS_PEER_B] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 7},
	[ADDRESS_ROUTER] = {0x20, 0x01, 0x0d, 0xb8, 0, 2, [15] = 0xfe},
	[ADDRESS_STRANGER] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9},
	[ADDRESS_NEVER_FILTERED] = {0xfd, 0, 0x0e, 0xc2, [14] = 1, [15] = 0x23},
	[ADDRESS_MULTICAST] = {0xff, 2, [15] = 1},
	[ADDRESS_BROADCAST] =
		{[10] = 0xff, [11] = 0xff, [12] = 198, [13] = 51, [14] = 100, [15] = 1},
	[ADDRESS_LOOPBACK] = {[15] = 1},
};

const uint8_t *event_address(uint8_t family, unsigned index)
{
	return family == SEKISHO_IPV6 ? addresses_6[index] : addresses_4[index];
}

struct event event_plain(void)
{
	return (struct event){
		.family = SEKISHO_IPV4,
		.direction = SEKISHO_EGRESS,
		.hop_limit = 64,
		.tuple = {.source = ADDRESS_ENDPOINT,
			  .destination = ADDRESS_PEER,
			  .protocol = IPPROTO_UDP,
			  .source_port = 4000,
			  .destination_port = 99},
		.tcp_flags = 0x02,
		.scale = EVENT_NO_SCALE,
		.window = 65535,
		.mtu = 1400,
		.ike = {.version = 0x20},
		.quoted_bytes = 8,
	};
}

/* ---- Bytes ------------------------------------------------------------------------------------ */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* The ones' complement sum of some bytes and of what was summed before. */
static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t before)
{
	for (uint32_t i = 0; i + 1 < length; i += 2)
		before += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (length % 2 == 1)
		before += (uint32_t)bytes[length - 1] << 8;
	while (before >> 16 != 0)
		before = (before & 0xffff) + (before >> 16);
	return before;
}

/* ---- Layer 4 ---------------------------------------------------------------------------------- */

static uint32_t data_length(const struct event *event)
{
	return event->length % EVENT_DATA_MAX;
}

static uint32_t build_udp(const struct event *event, uint8_t *at)
{
	uint32_t length = 8 + event_build_payload(event, at + 8);

	put16(at, event->tuple.source_port);
	put16(at + 2, event->tuple.destination_port);
	put16(at + 4, length);
	put16(at + 6, 0);
	return length;
}

static uint32_t build_tcp(const struct event *event, uint8_t *at)
{
	uint32_t header = event->scale == EVENT_NO_SCALE ? 20 : 24;

	memset(at, 0, header + data_length(event));
	put16(at, event->tuple.source_port);
	put16(at + 2, event->tuple.destination_port);
	put32(at + 4, event->tuple.seq);
	put32(at + 8, event->tuple.ack);
	at[12] = (uint8_t)(header / 4 << 4);
	at[13] = event->tcp_flags;
	put16(at + 14, event->window);
	if (header > 20) {
		at[20] = 1;
		at[21] = 3;
		at[22] = 3;
		at[23] = event->scale;
	}
	return header + data_length(event);
}

static uint32_t build_ip(const struct event *event, const struct event_tuple *tuple,
			 uint32_t payload, uint8_t *at);

/* An ICMP error: 8 bytes, the quoted IP header, and the beginning of the quoted layer 4. */
static uint32_t build_error(const struct event *event, uint8_t *at)
{
	struct event quoted = *event;
	uint8_t layer4[64] = {0};
	uint32_t header;

	memset(at, 0, 8);
	at[0] = event->tuple.icmp_type;
	at[1] = event->tuple.icmp_code;
	put16(at + 6, event->mtu);
	quoted.ip_extra = 0;
	quoted.hop_limit = 64;
	quoted.fragment.is_fragment = false;
	header = build_ip(&quoted, &event->quoted, 40, at + 8);
	if (event->quoted.protocol == IPPROTO_ICMP || event->quoted.protocol == IPPROTO_ICMPV6) {
		layer4[0] = event->quoted.icmp_type;
		layer4[1] = event->quoted.icmp_code;
		put16(layer4 + 4, event->quoted.icmp_id);
		put16(layer4 + 6, event->quoted.icmp_sequence);
	} else {
		put16(layer4, event->quoted.source_port);
		put16(layer4 + 2, event->quoted.destination_port);
		put32(layer4 + 4, event->quoted.seq);
	}
	memcpy(at + 8 + header, layer4, event->quoted_bytes % sizeof(layer4));
	return 8 + header + event->quoted_bytes % sizeof(layer4);
}

static bool is_error(const struct event *event)
{
	uint8_t type = event->tuple.icmp_type;

	if (event->tuple.protocol == IPPROTO_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return event->tuple.protocol == IPPROTO_ICMPV6 && ((type >= 1 && type <= 4) || type == 137);
}

static uint32_t build_icmp(const struct event *event, uint8_t *at)
{
	if (is_error(event))
		return build_error(event, at);
	memset(at, 0, 16 + data_length(event));
	at[0] = event->tuple.icmp_type;
	at[1] = event->tuple.icmp_code;
	put16(at + 4, event->tuple.icmp_id);
	put16(at + 6, event->tuple.icmp_sequence);
	return 16 + data_length(event);
}

static uint32_t build_layer4(const struct event *event, uint8_t *at)
{
	switch (event->tuple.protocol) {
	case IPPROTO_TCP:
		return build_tcp(event, at);
	case IPPROTO_UDP:
		return build_udp(event, at);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return build_icmp(event, at);
	default:
		memset(at, 0x11, 24 + data_length(event));
		return 24 + data_length(event);
	}
}

/* Where in layer 4 the checksum is; 0: nowhere. */
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

static void build_checksum(const struct event *event, uint8_t *layer4, uint32_t length)
{
	uint32_t at = checksum_offset(event->tuple.protocol), pseudo = 0;
	uint32_t bytes = event->family == SEKISHO_IPV6 ? 16 : 4;

	if (at == 0)
		return;
	if (event->tuple.protocol != IPPROTO_ICMP) {
		pseudo = sum(event_address(event->family, event->tuple.source), bytes,
			     event->tuple.protocol + length);
		pseudo = sum(event_address(event->family, event->tuple.destination), bytes, pseudo);
	}
	put16(layer4 + at, 0);
	put16(layer4 + at, ~sum(layer4, length, pseudo));
	if (event->damage.l4_checksum)
		layer4[at] ^= 0x55;
	if (event->damage.no_checksum)
		put16(layer4 + at, 0);
}

/* ---- Layer 3 ---------------------------------------------------------------------------------- */

/* IPv4 options, padded to 4 bytes; the first byte is their length. */
static const uint8_t options[][16] = {
	{0},
	{4, 1, 1, 1, 0},               /* no-operation, end */
	{8, 7, 7, 4, 0, 0, 0, 0, 0},   /* record route */
	{4, 148, 4, 0, 0},             /* router alert */
	{8, 131, 7, 4, 1, 2, 3, 4, 0}, /* loose source route */
	{8, 1, 137, 7, 4, 1, 2, 3, 4}, /* strict source route */
	{4, 7, 0, 4, 0},               /* an option without length */
	{8, 1, 1, 1, 1, 1, 1, 7, 9},   /* an option that ends past the header */
	{8, 0, 131, 7, 4, 1, 2, 3, 4}, /* past the end of options: no matter */
};

/*
 * IPv6 extension headers: pairs of header and its length field, up to 255. Each is padded with zeros,
 * which are Pad1 options; in a routing header its third byte is the type, told apart by EXT_ROUTE_2.
 */
#define EXT_END     255
#define EXT_ROUTE_2 (43 | 128)

static const uint8_t chains[][20] = {
	{EXT_END},
	{60, 0, EXT_END},
	{0, 0, EXT_END},
	{0, 0, 60, 1, EXT_ROUTE_2, 0, EXT_END},
	{EXT_ROUTE_2, 0, EXT_END},
	{43, 0, EXT_END},
	{60, 0, 0, 0, EXT_END},
	{135, 0, EXT_END},
	{60, 31, EXT_END},
	{60, 32, EXT_END},
	{60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, EXT_END},
	{60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, 60, 0, EXT_END},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Write a chain after the IPv6 header at `ip`, and its fragment header; the bytes that it takes. */
static uint32_t build_chain(const struct event *event, const uint8_t *chain, uint8_t *ip)
{
	uint32_t at = 40;
	uint8_t *next = ip + 6; /* where the number of the next header goes */

	for (; chain[0] != EXT_END; chain += 2) {
		uint32_t length = 8u * (chain[1] + 1u);

		*next = chain[0] & 127;
		if (chain[0] == 135)
			*next = 135;
		memset(ip + at, 0, length);
		ip[at + 1] = chain[1];
		ip[at + 2] = chain[0] == EXT_ROUTE_2 ? 2 : 0;
		next = ip + at;
		at += length;
	}
	if (event->fragment.is_fragment) {
		*next = 44;
		memset(ip + at, 0, 8);
		put16(ip + at + 2, (event->fragment.first & ~7u) | event->fragment.more);
		put16(ip + at + 6, event->fragment.id);
		next = ip + at;
		at += 8;
	}
	*next = event->tuple.protocol;
	return at - 40;
}

static uint32_t build_ipv6(const struct event *event, const struct event_tuple *tuple,
			   uint32_t payload, uint8_t *at)
{
	struct event with = *event;
	uint32_t chain;

	with.tuple = *tuple;
	memset(at, 0, 40);
	at[0] = 0x60;
	at[7] = event->hop_limit;
	memcpy(at + 8, event_address(6, tuple->source), 16);
	memcpy(at + 24, event_address(6, tuple->destination), 16);
	chain = build_chain(&with, chains[event->ip_extra % COUNT(chains)], at);
	put16(at + 4, chain + payload);
	return 40 + chain;
}

static uint32_t build_ipv4(const struct event *event, const struct event_tuple *tuple,
			   uint32_t payload, uint8_t *at)
{
	const uint8_t *extra = options[event->ip_extra % COUNT(options)];
	uint32_t header = 20u + extra[0];

	memset(at, 0, 20);
	at[0] = (uint8_t)(0x40 + header / 4);
	put16(at + 2, header + payload);
	if (event->fragment.is_fragment) {
		put16(at + 4, event->fragment.id);
		put16(at + 6, event->fragment.first / 8u | (event->fragment.more ? 0x2000 : 0));
	}
	at[8] = event->hop_limit;
	at[9] = tuple->protocol;
	memcpy(at + 12, event_address(4, tuple->source), 4);
	memcpy(at + 16, event_address(4, tuple->destination), 4);
	memcpy(at + 20, extra + 1, extra[0]);
	put16(at + 10, ~sum(at, header, 0));
	if (event->damage.ip_checksum)
		at[10] ^= 0x55;
	return header;
}

/* An IP header before `payload` bytes; its length, with all that stands before layer 4. */
static uint32_t build_ip(const struct event *event, const struct event_tuple *tuple,
			 uint32_t payload, uint8_t *at)
{
	return event->family == SEKISHO_IPV6 ? build_ipv6(event, tuple, payload, at)
					     : build_ipv4(event, tuple, payload, at);
}

/* ---- The frame -------------------------------------------------------------------------------- */

/* Cut the fragment out of a datagram of `length` bytes, in place; zeros follow its end. */
static uint32_t cut_fragment(const struct event_fragment *fragment, uint8_t *layer4,
			     uint32_t length)
{
	uint32_t first = fragment->first & ~7u, bytes = fragment->bytes % EVENT_DATA_MAX;
	uint32_t there = first < length ? length - first : 0;

	if (there > bytes)
		there = bytes;
	memmove(layer4, layer4 + (there > 0 ? first : 0), there);
	memset(layer4 + there, 0, bytes - there);
	return bytes;
}

static uint32_t build_damage(const struct event_damage *damage, uint8_t *frame, uint32_t length)
{
	if (damage->xor_at < length)
		frame[damage->xor_at] ^= damage->xor_with;
	if (damage->padding > 0) {
		memset(frame + length, 0, damage->padding);
		length += damage->padding;
	}
	return length - (damage->cut < length ? damage->cut : length);
}

uint32_t event_build(const struct event *event, uint8_t *frame)
{
	uint8_t layer4[EVENT_FRAME_MAX];
	uint32_t at = 12, length, header;

	memset(frame, 2, 12);
	for (unsigned i = 0; i < event->vlan_tags; i++, at += 4) {
		put16(frame + at, i == 0 ? 0x88a8 : 0x8100);
		put16(frame + at + 2, 7 + i);
	}
	if (event->family != SEKISHO_IPV4 && event->family != SEKISHO_IPV6) {
		put16(frame + at, event->ether_type);
		memset(frame + at + 2, 0x22, 46);
		return build_damage(&event->damage, frame, at + 48);
	}
	put16(frame + at, event->family == SEKISHO_IPV6 ? 0x86dd : 0x0800);
	length = build_layer4(event, layer4);
	if (event->damage.twist_at < length)
		layer4[event->damage.twist_at] ^= event->damage.twist_with;
	build_checksum(event, layer4, length);
	length -= event->damage.layer4_cut < length ? event->damage.layer4_cut : length;
	if (event->fragment.is_fragment)
		length = cut_fragment(&event->fragment, layer4, length);
	header = build_ip(event, &event->tuple, length, frame + at + 2);
	memcpy(frame + at + 2 + header, layer4, length);
	return build_damage(&event->damage, frame, at + 2 + header + length);
}

uint32_t event_captured(const struct event *event, uint32_t length)
{
	return length - (event->damage.clip < length ? event->damage.clip : length);
}
