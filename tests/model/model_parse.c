/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_parse.c: a frame read by the RFCs' pictures, from the outside in; the first thing that is wrong
 * names the reason (STRICT-70..73; RFC 791, 8200, 9293, 768, 792, 4443).
 *
 * A `span` is some bytes of the wire and how many of them were captured. Lengths are judged by the
 * wire: a clipped capture is not called malformed, but a header that was clipped cannot be read.
 */
#include <netinet/in.h>
#include <string.h>

#include "model.h"

struct span {
	const uint8_t *bytes;
	uint32_t length, captured;
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* What follows the first `count` bytes. */
static struct span after(struct span span, uint32_t count)
{
	uint32_t captured = count < span.captured ? count : span.captured;

	return (struct span){span.bytes + captured, span.length - count, span.captured - captured};
}

/* The first `count` bytes. */
static struct span first(struct span span, uint32_t count)
{
	return (struct span){span.bytes, count, count < span.captured ? count : span.captured};
}

static void wrong(struct model_packet *packet, enum sekisho_reason reason)
{
	if (packet->wrong == MODEL_FINE)
		packet->wrong = reason;
}

/* ---- Checksums (STRICT-73) --------------------------------------------------------------------- */

static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t before)
{
	for (uint32_t i = 0; i < length; i++)
		before += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (before > 0xffff)
		before = (before & 0xffff) + (before >> 16);
	return before;
}

static bool has_checksum(const struct model_packet *packet)
{
	return packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP ||
	       packet->protocol == (packet->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool layer4_checksum_is_bad(const struct model_packet *packet, struct span layer4)
{
	uint32_t address = packet->family == 4 ? 4 : 16, total = 0;

	if (packet->is_fragment || layer4.captured < layer4.length)
		return false; /* cannot be told */
	if (packet->kind == MODEL_UDP) {
		layer4 = first(layer4, get16(layer4.bytes + 4));
		if (get16(layer4.bytes + 6) == 0)
			return packet->family == 6; /* RFC 768: none; RFC 8200: not allowed */
	}
	if (packet->protocol != IPPROTO_ICMP) {
		total = sum(packet->source, address, packet->protocol + layer4.length);
		total = sum(packet->destination, address, total);
	}
	return sum(layer4.bytes, layer4.length, total) != 0xffff;
}

/* ---- Layer 4 ---------------------------------------------------------------------------------- */

/* Whether the first `count` bytes of layer 4 can be read; says what is wrong if not. */
static bool layer4_has(struct model_packet *packet, struct span layer4, uint32_t count)
{
	if (layer4.length < count)
		wrong(packet, packet->is_fragment ? SEKISHO_REASON_FRAGMENT_TINY
						  : SEKISHO_REASON_L4_TRUNCATED);
	else if (layer4.captured < count)
		wrong(packet, SEKISHO_REASON_TRUNCATED);
	return layer4.length >= count && layer4.captured >= count;
}

static void read_ports(struct model_packet *packet, struct span layer4)
{
	if (layer4.captured < 4)
		return;
	packet->source_port = (uint16_t)get16(layer4.bytes);
	packet->destination_port = (uint16_t)get16(layer4.bytes + 2);
}

/* The window scale of a SYN (RFC 7323): at most 14; none if the options make no sense before it. */
static uint8_t read_scale(struct span options)
{
	while (options.captured > 0 && options.bytes[0] != 0) {
		uint32_t length = options.bytes[0] == 1  ? 1
				  : options.captured > 1 ? options.bytes[1]
							 : 0;

		if (length == 0 || length > options.length || (options.bytes[0] != 1 && length < 2))
			return MODEL_NO_SCALE;
		if (options.bytes[0] == 3 && length == 3 && options.captured >= 3)
			return options.bytes[2] > 14 ? 14 : options.bytes[2];
		options = after(options, length);
	}
	return MODEL_NO_SCALE;
}

static void parse_tcp(struct model_packet *packet, struct span layer4)
{
	uint32_t header;

	read_ports(packet, layer4);
	if (!layer4_has(packet, layer4, 20))
		return;
	header = (layer4.bytes[12] >> 4) * 4u;
	if (header < 20 || (header > layer4.length && !packet->is_fragment)) {
		wrong(packet, SEKISHO_REASON_BAD_L4_LENGTH);
		return;
	}
	if (!layer4_has(packet, layer4, header))
		return;
	packet->seq = get32(layer4.bytes + 4);
	packet->ack = get32(layer4.bytes + 8);
	packet->flags = layer4.bytes[13] & 0x3f;
	packet->window = (uint16_t)get16(layer4.bytes + 14);
	packet->scale = MODEL_NO_SCALE;
	if (packet->flags & TCP_SYN)
		packet->scale = read_scale(after(first(layer4, header), 20));
	packet->data_length = layer4.length - header;
}

static void parse_udp(struct model_packet *packet, struct span layer4)
{
	struct span data;
	uint32_t told;

	read_ports(packet, layer4);
	if (!layer4_has(packet, layer4, 8))
		return;
	told = get16(layer4.bytes + 4);
	if (told < 8 || (told > layer4.length && !packet->is_fragment)) {
		wrong(packet, SEKISHO_REASON_BAD_L4_LENGTH);
		return;
	}
	data = after(layer4, 8);
	packet->data = data.bytes;
	packet->data_length = told - 8; /* of the whole datagram, if this is its first fragment */
	packet->data_captured =
		data.captured < packet->data_length ? data.captured : packet->data_length;
}

/* RFC 792, 950: echo, timestamp, information, mask. RFC 4443: echo. */
static bool is_query(const struct model_packet *packet)
{
	uint8_t type = packet->type;

	if (packet->protocol == IPPROTO_ICMP)
		return type == 0 || type == 8 || (type >= 13 && type <= 18);
	return type == 128 || type == 129;
}

/* RFC 792: unreachable, quench, redirect, time, parameter. RFC 4443: 1..4; RFC 4861: redirect. */
static bool is_error(const struct model_packet *packet)
{
	uint8_t type = packet->type;

	if (packet->protocol == IPPROTO_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return (type >= 1 && type <= 4) || type == 137;
}

/* STRICT-62: ND has a hop limit of 255; RFC 4861: and code 0. */
static void parse_neighbour(struct model_packet *packet, uint8_t hop_limit)
{
	packet->kind = MODEL_NEIGHBOUR;
	if (hop_limit != 255 || packet->code != 0)
		wrong(packet, SEKISHO_REASON_BAD_ND);
}

static void parse_icmp(struct model_packet *packet, struct span layer4, uint8_t hop_limit)
{
	struct span quote;

	packet->kind = MODEL_OTHER;
	if (layer4.captured >= 2) {
		packet->type = layer4.bytes[0];
		packet->code = layer4.bytes[1];
	}
	if (!layer4_has(packet, layer4, 8))
		return;
	if (packet->protocol == IPPROTO_ICMPV6 && packet->type >= 133 && packet->type <= 136) {
		parse_neighbour(packet, hop_limit);
	} else if (is_query(packet)) {
		packet->kind = MODEL_QUERY;
		packet->id = (uint16_t)get16(layer4.bytes + 4);
		packet->sequence = (uint16_t)get16(layer4.bytes + 6);
	} else if (is_error(packet)) {
		packet->kind = MODEL_ERROR;
		quote = after(layer4, 8);
		packet->quote = quote.bytes;
		packet->quote_captured = quote.captured;
		if (packet->protocol == IPPROTO_ICMP && packet->type == 3 && packet->code == 4)
			packet->mtu = get16(layer4.bytes + 6);
		if (packet->protocol == IPPROTO_ICMPV6 && packet->type == 2)
			packet->mtu = get32(layer4.bytes + 4);
	}
}

static void parse_layer4(struct model_packet *packet, struct span layer4, uint8_t hop_limit)
{
	if (packet->is_fragment && packet->offset > 0) {
		packet->kind = MODEL_LATER_PIECE;
		if (packet->protocol == IPPROTO_TCP && packet->offset == 8)
			wrong(packet, SEKISHO_REASON_FRAGMENT_TINY); /* RFC 3128 */
		return;
	}
	packet->kind = MODEL_OTHER;
	if (packet->protocol == IPPROTO_TCP) {
		packet->kind = MODEL_TCP;
		parse_tcp(packet, layer4);
	} else if (packet->protocol == IPPROTO_UDP) {
		packet->kind = MODEL_UDP;
		parse_udp(packet, layer4);
	} else if (packet->protocol == (packet->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		parse_icmp(packet, layer4, hop_limit);
	}
	if (packet->wrong == MODEL_FINE && has_checksum(packet))
		packet->checksum_bad = layer4_checksum_is_bad(packet, layer4);
}

/* ---- Layer 3 ---------------------------------------------------------------------------------- */

/* STRICT-71: offset and length must make a datagram of at most 65535 bytes, header included. */
static void check_fragment(struct model_packet *packet, uint32_t header)
{
	if (packet->bytes == 0 || (packet->more && packet->bytes % 8 != 0) ||
	    packet->offset + packet->bytes + header > 65535)
		wrong(packet, SEKISHO_REASON_FRAGMENT_BAD);
}

/* STRICT-70: a source route drops, and an option that contradicts its length. */
static void check_options(struct model_packet *packet, struct span options)
{
	while (options.length > 0 && options.bytes[0] != 0) {
		uint32_t length = 1;

		if (options.bytes[0] != 1) {
			length = options.length > 1 ? options.bytes[1] : 0;
			if (length < 2 || length > options.length) {
				wrong(packet, SEKISHO_REASON_BAD_IP_OPTION);
				return;
			}
			if (options.bytes[0] == 131 || options.bytes[0] == 137)
				wrong(packet, SEKISHO_REASON_SOURCE_ROUTE);
		}
		options = after(options, length);
	}
}

static bool all(const uint8_t *bytes, unsigned count, uint8_t value)
{
	for (unsigned i = 0; i < count; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/* STRICT-70: source not multicast, broadcast or loopback. */
static bool source_is_bad(const struct model_packet *packet)
{
	const uint8_t *s = packet->source;

	if (packet->family == 4)
		return (s[0] >= 224 && s[0] <= 239) || s[0] == 127 || all(s, 4, 255);
	if (all(s, 10, 0) && s[10] == 0xff && s[11] == 0xff)
		return true; /* an IPv4 address is no address on the wire of IPv6 (chosen) */
	return s[0] == 0xff || (all(s, 15, 0) && s[15] == 1);
}

static void check_addresses(struct model_packet *packet)
{
	if (source_is_bad(packet))
		wrong(packet, SEKISHO_REASON_BAD_SOURCE);
	if (memcmp(packet->source, packet->destination, 16) == 0)
		wrong(packet, SEKISHO_REASON_LAND);
}

static void read_ipv4(struct model_packet *packet, const uint8_t *ip)
{
	uint32_t field = get16(ip + 6);

	packet->identification = get16(ip + 4);
	packet->more = field & 0x2000;
	packet->offset = (field & 0x1fff) * 8;
	packet->is_fragment = packet->more || packet->offset > 0;
	packet->protocol = ip[9];
	memcpy(packet->source, ip + 12, 4);
	memcpy(packet->destination, ip + 16, 4);
}

static void parse_ipv4(struct model_packet *packet, struct span ip)
{
	uint32_t header, total;

	packet->family = 4;
	if (ip.length < 20 || ip.captured < 20) {
		wrong(packet, SEKISHO_REASON_TRUNCATED);
		return;
	}
	if (ip.bytes[0] >> 4 != 4) {
		wrong(packet, SEKISHO_REASON_BAD_IP_HEADER);
		return;
	}
	read_ipv4(packet, ip.bytes);
	header = (ip.bytes[0] & 15) * 4u;
	total = get16(ip.bytes + 2);
	if (header < 20 || total < header || total > ip.length) {
		wrong(packet, SEKISHO_REASON_BAD_IP_HEADER);
		return;
	}
	if (ip.captured < header) {
		wrong(packet, SEKISHO_REASON_TRUNCATED);
		return;
	}
	if (sum(ip.bytes, header, 0) != 0xffff)
		wrong(packet, SEKISHO_REASON_BAD_IP_CHECKSUM);
	if (ip.bytes[8] == 0)
		wrong(packet, SEKISHO_REASON_TTL_ZERO);
	check_addresses(packet);
	check_options(packet, after(first(ip, header), 20));
	packet->bytes = total - header;
	if (packet->is_fragment)
		check_fragment(packet, header);
	parse_layer4(packet, after(first(ip, total), header), ip.bytes[8]);
}

/* Read a fragment header; a datagram whose only fragment is whole is none (RFC 6946). */
static void read_fragment_header(struct model_packet *packet, struct span header)
{
	packet->protocol = header.bytes[0];
	packet->more = header.bytes[3] & 1;
	packet->offset = get16(header.bytes + 2) & 0xfff8;
	packet->is_fragment = packet->more || packet->offset > 0;
	packet->identification = get32(header.bytes + 4);
	packet->bytes = header.length - 8;
	if (packet->is_fragment)
		check_fragment(packet, 0);
}

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, OPTIONS = 60 };

/* The bytes of the extension header that `chain` begins with, after `used` ones, or 0 if it is wrong. */
static uint32_t extension_length(struct model_packet *packet, uint8_t type, struct span chain,
				 uint32_t used)
{
	uint32_t length = 8;

	if (chain.length >= 8 && chain.captured < 8) {
		wrong(packet, SEKISHO_REASON_TRUNCATED);
		return 0;
	}
	if (chain.length >= 8 && type != FRAGMENT)
		length = 8u + 8u * chain.bytes[1];
	if (used + length > 256) {
		wrong(packet, SEKISHO_REASON_EXT_CHAIN);
		return 0;
	}
	if (chain.length < length) { /* RFC 7112: the first fragment holds the whole chain */
		wrong(packet, packet->is_fragment ? SEKISHO_REASON_FRAGMENT_TINY
						  : SEKISHO_REASON_EXT_CHAIN);
		return 0;
	}
	return length;
}

/*
 * STRICT-72: at most 8 extension headers and 256 bytes of them, hop-by-hop first only, routing type 0
 * drops, unknown ones drop; anything else ends the walk. What is left is layer 4.
 */
static struct span walk_chain(struct model_packet *packet, struct span chain)
{
	uint32_t headers = 0, bytes = 0, length;
	bool fragmented = false;

	for (;;) {
		uint8_t type = packet->protocol;

		if (type == 135 || type == 139 || type == 140)
			wrong(packet, SEKISHO_REASON_EXT_UNKNOWN);
		if (type != HOP_BY_HOP && type != ROUTING && type != FRAGMENT && type != OPTIONS)
			return chain;
		if ((type == HOP_BY_HOP && headers > 0) || (type == FRAGMENT && fragmented) ||
		    headers == 8) {
			wrong(packet, SEKISHO_REASON_EXT_CHAIN);
			return chain;
		}
		length = extension_length(packet, type, chain, bytes);
		headers++;
		bytes += length;
		if (length == 0)
			return chain;
		if (type == ROUTING && chain.bytes[2] == 0)
			wrong(packet, SEKISHO_REASON_SOURCE_ROUTE);
		if (type == FRAGMENT) {
			read_fragment_header(packet, first(chain, chain.length));
			fragmented = true;
			if (packet->is_fragment && packet->offset > 0)
				return after(chain, length);
		} else {
			packet->protocol = chain.bytes[0];
		}
		chain = after(chain, length);
	}
}

static void parse_ipv6(struct model_packet *packet, struct span ip)
{
	struct span layer4;
	uint32_t payload;

	packet->family = 6;
	if (ip.length < 40 || ip.captured < 40) {
		wrong(packet, SEKISHO_REASON_TRUNCATED);
		return;
	}
	payload = get16(ip.bytes + 4);
	if (ip.bytes[0] >> 4 != 6 || payload + 40 > ip.length ||
	    (payload == 0 && ip.bytes[6] == HOP_BY_HOP)) { /* a jumbogram */
		wrong(packet, SEKISHO_REASON_BAD_IP_HEADER);
		return;
	}
	if (ip.bytes[7] == 0)
		wrong(packet, SEKISHO_REASON_TTL_ZERO);
	memcpy(packet->source, ip.bytes + 8, 16);
	memcpy(packet->destination, ip.bytes + 24, 16);
	check_addresses(packet);
	packet->protocol = ip.bytes[6];
	layer4 = walk_chain(packet, after(first(ip, 40 + payload), 40));
	parse_layer4(packet, layer4, ip.bytes[7]);
}

/* ---- Quotes ----------------------------------------------------------------------------------- */

/* What an ICMP error must quote of a packet's layer 4 to tell its flow: 8 bytes (RFC 792). */
static bool quote_layer4(struct model_packet *quoted, struct span layer4)
{
	if (quoted->is_fragment && quoted->offset > 0)
		return false;
	quoted->kind = MODEL_OTHER;
	if (quoted->protocol == IPPROTO_TCP || quoted->protocol == IPPROTO_UDP) {
		quoted->kind = quoted->protocol == IPPROTO_TCP ? MODEL_TCP : MODEL_UDP;
		if (layer4.captured < 8)
			return false;
		read_ports(quoted, layer4);
		quoted->seq = get32(layer4.bytes + 4);
	} else if (quoted->protocol == (quoted->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		if (layer4.captured < 8)
			return false;
		parse_icmp(quoted, layer4, 255);
	}
	return quoted->kind != MODEL_ERROR;
}

bool model_parse_quote(const struct model_packet *error, struct model_packet *quoted)
{
	struct span ip = {error->quote, error->quote_captured, error->quote_captured}, rest;
	uint32_t header = error->family == 4 ? 20 : 40;

	*quoted = (struct model_packet){
		.zone = error->zone, .family = error->family, .wrong = MODEL_FINE};
	if (error->protocol == IPPROTO_ICMPV6 && error->type == 137)
		return false; /* it quotes elsewhere, if at all */
	if (ip.captured < header || ip.bytes[0] >> 4 != error->family)
		return false;
	if (error->family == 4) {
		header = (ip.bytes[0] & 15) * 4u;
		if (header < 20 || ip.captured < header)
			return false;
		read_ipv4(quoted, ip.bytes);
		return quote_layer4(quoted, after(ip, header));
	}
	quoted->protocol = ip.bytes[6];
	memcpy(quoted->source, ip.bytes + 8, 16);
	memcpy(quoted->destination, ip.bytes + 24, 16);
	rest = walk_chain(quoted, after(ip, header));
	return quote_layer4(quoted, rest) &&
	       (quoted->wrong == MODEL_FINE || quoted->wrong == SEKISHO_REASON_FRAGMENT_BAD);
}

/* ---- The frame -------------------------------------------------------------------------------- */

void model_parse(const struct sekisho_frame *frame, struct model_packet *packet)
{
	struct span rest = {frame->data, frame->length, frame->captured};
	uint32_t type, tags = 0;

	if (rest.captured > rest.length)
		rest.captured = rest.length; /* more than the wire had is not believed */
	packet->wrong = MODEL_FINE;
	packet->kind = MODEL_NO_IP;
	if (rest.captured < 14) {
		wrong(packet, SEKISHO_REASON_TRUNCATED);
		return;
	}
	type = get16(rest.bytes + 12);
	rest = after(rest, 14);
	while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
		if (++tags > 2)
			wrong(packet, SEKISHO_REASON_VLAN_DEPTH);
		else if (rest.captured < 4)
			wrong(packet, SEKISHO_REASON_TRUNCATED);
		if (packet->wrong != MODEL_FINE)
			return;
		type = get16(rest.bytes + 2);
		rest = after(rest, 4);
	}
	if (type == 0x0800)
		parse_ipv4(packet, rest);
	else if (type == 0x86dd)
		parse_ipv6(packet, rest);
	else if (type == 0x0806)
		packet->kind = MODEL_ARP;
	else
		wrong(packet, SEKISHO_REASON_NOT_IP);
}
