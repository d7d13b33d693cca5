/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.c: any frame, and the quote of an ICMP error, taken apart with no state and no allocation.
 *
 * An extent follows the parser: where it stands, where the enclosing length says the bytes end (the
 * wire's first, then IP's), and where the capture ends. It holds that at <= captured <= end, so no
 * difference below is negative, and every read is checked against `captured` right before it. Going
 * past `end` is the sender's fault and has a reason of its own; past `captured` only, the capture's
 * fault and TRUNCATED.
 *
 * Checks that do not prevent reading on (checksum, TTL, addresses, options) note their reason and
 * go on, so that logs name the ports of bad packets too; note() keeps the first reason.
 */
#include <netinet/in.h>

#include "packet.h"
#include "packet_bytes.h"

/* Where the parser stands; offsets into the frame, at <= captured <= end. */
struct extent {
	const uint8_t *frame;
	uint32_t at, end, captured;
	bool quote; /* of an ICMP error: cut, so lengths of fragments are not judged */
};

/* Keep a reason if it is the first; false, so that callers can return it. */
static __attribute__((cold, noinline)) bool note(struct packet *packet, enum sekisho_reason reason)
{
	if (packet->reason == PACKET_REASON_NONE)
		packet->reason = (uint8_t)reason;
	return false;
}

/* Note that layer 4 ends before `bytes` of header; keep the ports if those at least are there. */
static __attribute__((cold, noinline)) bool l4_too_short(struct packet *packet, const uint8_t *l4,
							 uint32_t bytes)
{
	bool ports = packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP;

	if (ports && packet->l4_captured >= 4) {
		packet->source_port = load16(l4);
		packet->destination_port = load16(l4 + 2);
	}
	if (bytes <= packet->l4_length)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	return note(packet, packet->is_fragment ? SEKISHO_REASON_FRAGMENT_TINY
						: SEKISHO_REASON_L4_TRUNCATED);
}

/* Set the payload, `length` bytes from `header` bytes into layer 4 on. */
static inline void set_payload(struct packet *packet, const uint8_t *l4, uint32_t header,
			       uint32_t length)
{
	packet->payload = l4 + header;
	packet->payload_length = length;
	packet->payload_captured = least(length, packet->l4_captured - header);
}

/*
 * The window scale among TCP options, clamped (RFC 7323). An option that contradicts its length
 * ends the walk and is no fault of the packet: stacks do so, and we must see the scale they see.
 */
static uint8_t window_scale(const uint8_t *option, const uint8_t *end)
{
	uint8_t scale = PACKET_TCP_NO_SCALE;

	while (option < end && option[0] != 0) {
		if (option[0] == 1) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			break;
		if (option[0] == 3 && option[1] == 3)
			scale = (uint8_t)least(option[2], SCALE_MAX);
		option += option[1];
	}
	return scale;
}

/* The TCP header (RFC 9293). Odd sets of flags are for the profiles to judge. */
static inline bool parse_tcp(struct packet *packet, const uint8_t *l4)
{
	uint32_t header;

	if (packet->l4_captured < TCP_HEADER)
		return l4_too_short(packet, l4, TCP_HEADER);
	packet->l4_kind = PACKET_L4_TCP;
	packet->source_port = load16(l4);
	packet->destination_port = load16(l4 + 2);
	packet->tcp.seq = load32(l4 + 4);
	packet->tcp.ack = load32(l4 + 8);
	packet->tcp.flags = l4[13] & 0x3f;
	packet->tcp.window = load16(l4 + 14);
	packet->tcp.scale = PACKET_TCP_NO_SCALE;
	header = (uint32_t)(l4[12] >> 4) * 4;
	if (header < TCP_HEADER || (header > packet->l4_length && !packet->is_fragment))
		return note(packet, SEKISHO_REASON_BAD_L4_LENGTH);
	if (header > packet->l4_captured)
		return l4_too_short(packet, l4, header);
	if ((packet->tcp.flags & PACKET_TCP_SYN) != 0)
		packet->tcp.scale = window_scale(l4 + TCP_HEADER, l4 + header);
	set_payload(packet, l4, header, packet->l4_length - header);
	packet->tcp.length = packet->payload_length;
	return true;
}

/* The UDP header (RFC 768). The length field of a first fragment counts the whole datagram. */
static inline bool parse_udp(struct packet *packet, const uint8_t *l4)
{
	uint32_t length;

	if (packet->l4_captured < UDP_HEADER)
		return l4_too_short(packet, l4, UDP_HEADER);
	packet->l4_kind = PACKET_L4_UDP;
	packet->source_port = load16(l4);
	packet->destination_port = load16(l4 + 2);
	length = load16(l4 + 4);
	if (length < UDP_HEADER || (length > packet->l4_length && !packet->is_fragment))
		return note(packet, SEKISHO_REASON_BAD_L4_LENGTH);
	set_payload(packet, l4, UDP_HEADER, length - UDP_HEADER);
	return true;
}

/* Which kind of ICMP a type is (RFC 792, 950). */
static inline enum packet_l4 icmp_kind(uint8_t type)
{
	if (type == 0 || type == 8 || (type >= 13 && type <= 18))
		return PACKET_L4_ICMP_QUERY;
	if ((type >= 3 && type <= 5) || type == 11 || type == 12)
		return PACKET_L4_ICMP_ERROR;
	return PACKET_L4_ICMP_OTHER;
}

/*
 * Which kind of ICMPv6 a type is (RFC 4443, 4861). Node information (139, 140) has a nonce where
 * others have an identifier, so it is no query here.
 */
static inline enum packet_l4 icmpv6_kind(uint8_t type)
{
	if (type == 128 || type == 129)
		return PACKET_L4_ICMP_QUERY;
	if (type >= 133 && type <= 136)
		return PACKET_L4_ND;
	if ((type >= 1 && type <= 4) || type == 137)
		return PACKET_L4_ICMP_ERROR;
	return PACKET_L4_ICMP_OTHER;
}

/* Type, code and identifier of ICMP or ICMPv6; the 8 bytes are there. */
static inline void read_icmp(struct packet *packet, const uint8_t *l4)
{
	uint8_t type = l4[0], code = l4[1];
	enum packet_l4 kind = packet->family == 4 ? icmp_kind(type) : icmpv6_kind(type);

	packet->l4_kind = (uint8_t)kind;
	packet->icmp.type = type;
	packet->icmp.code = code;
	if (kind == PACKET_L4_ICMP_QUERY) {
		packet->icmp.id = load16(l4 + 4);
		packet->icmp.sequence = load16(l4 + 6);
	} else if (packet->family == 4 && type == 3 && code == 4) {
		packet->icmp.mtu = load16(l4 + 6);
	} else if (packet->family == 6 && type == 2) {
		packet->icmp.mtu = load32(l4 + 4);
	}
}

/* ICMP of either family. Neighbour discovery must come from this very link (RFC 4861, 7.1). */
static inline bool parse_icmp(struct packet *packet, const uint8_t *l4)
{
	if (packet->l4_captured < ICMP_HEADER)
		return l4_too_short(packet, l4, ICMP_HEADER);
	read_icmp(packet, l4);
	if (packet->l4_kind == PACKET_L4_ND && (packet->hop_limit != 255 || packet->icmp.code != 0))
		note(packet, SEKISHO_REASON_BAD_ND);
	set_payload(packet, l4, ICMP_HEADER, packet->l4_length - ICMP_HEADER);
	return true;
}

/* Whether the protocol is the ICMP of the packet's family; the other family's is no ICMP at all. */
static inline bool is_icmp(const struct packet *packet)
{
	return packet->protocol == (packet->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* Note where layer 4 is: from where the extent stands to its end. */
static inline void set_l4(struct packet *packet, const struct extent *extent)
{
	packet->l4_offset = (uint16_t)extent->at;
	packet->l4_length = extent->end - extent->at;
	packet->l4_captured = extent->captured - extent->at;
}

/* Layer 4, unless this is a later fragment, which has none. */
static inline bool parse_l4(struct packet *packet, const struct extent *extent)
{
	const uint8_t *l4 = extent->frame + extent->at;

	set_l4(packet, extent);
	if (packet->fragment_offset != 0)
		return true;
	if (packet->protocol == IPPROTO_TCP)
		return parse_tcp(packet, l4);
	if (packet->protocol == IPPROTO_UDP)
		return parse_udp(packet, l4);
	if (is_icmp(packet))
		return parse_icmp(packet, l4);
	packet->l4_kind = PACKET_L4_OTHER;
	set_payload(packet, l4, 0, packet->l4_length);
	return true;
}

/*
 * Judge a fragment of `length` bytes. `before` is what counts towards 65535 in the whole datagram
 * besides them: the IPv4 header, or the IPv6 extension headers that every fragment repeats. TCP at
 * offset 8 would overwrite the flags (RFC 3128).
 */
static void judge_fragment(struct packet *packet, uint32_t before, uint32_t length)
{
	packet->fragment_length = (uint16_t)least(length, DATAGRAM_MAX);
	if (before + packet->fragment_offset + length > DATAGRAM_MAX || length == 0 ||
	    (packet->more_fragments && (length & 7) != 0))
		note(packet, SEKISHO_REASON_FRAGMENT_BAD);
	else if (packet->protocol == IPPROTO_TCP && packet->fragment_offset == 8)
		note(packet, SEKISHO_REASON_FRAGMENT_TINY);
}

/* IPv4 options: each within the header, none that routes (RFC 791, 7126). */
static __attribute__((noinline)) bool judge_options(struct packet *packet, const uint8_t *option,
						    const uint8_t *end)
{
	while (option < end && option[0] != 0) {
		if (option[0] == 1) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			return note(packet, SEKISHO_REASON_BAD_IP_OPTION);
		if (option[0] == 131 || option[0] == 137)
			note(packet, SEKISHO_REASON_SOURCE_ROUTE);
		option += option[1];
	}
	return true;
}

static inline bool is_bad_ipv4_source(uint32_t source)
{
	return source >> 28 == 14 || source == 0xffffffff || source >> 24 == 127;
}

static inline bool is_bad_ipv6_source(const uint8_t *source)
{
	static const uint8_t loopback[16] = {[15] = 1};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return source[0] == 0xff || memcmp(source, loopback, sizeof(loopback)) == 0 ||
	       memcmp(source, mapped, sizeof(mapped)) == 0;
}

bool packet_is_bad_source(unsigned family, const uint8_t *address)
{
	return family == 6 ? is_bad_ipv6_source(address) : is_bad_ipv4_source(load32(address));
}

/* What an IPv4 header says of itself; its `header` bytes are captured. */
static inline void judge_ipv4(struct packet *packet, const uint8_t *ip, uint32_t header)
{
	uint32_t source = load32(ip + 12);

	if (!sum_is_right(sum_bytes(ip, header)))
		note(packet, SEKISHO_REASON_BAD_IP_CHECKSUM);
	if (packet->hop_limit == 0)
		note(packet, SEKISHO_REASON_TTL_ZERO);
	if (is_bad_ipv4_source(source))
		note(packet, SEKISHO_REASON_BAD_SOURCE);
	if (source == load32(ip + 16))
		note(packet, SEKISHO_REASON_LAND);
	if (header > IPV4_HEADER)
		judge_options(packet, ip + IPV4_HEADER, ip + header);
}

/* The fields of an IPv4 header; its first 20 bytes are captured. */
static inline void read_ipv4(struct packet *packet, const uint8_t *ip)
{
	uint32_t fragment = load16(ip + 6);

	packet->kind = PACKET_IP;
	packet->family = 4;
	packet->hop_limit = ip[8];
	packet->protocol = ip[9];
	memcpy(packet->source, ip + 12, 4);
	memcpy(packet->destination, ip + 16, 4);
	packet->fragment_id = load16(ip + 4);
	packet->fragment_offset = (uint16_t)((fragment & 0x1fff) * 8);
	packet->more_fragments = (fragment & 0x2000) != 0;
	packet->is_fragment = (fragment & 0x3fff) != 0;
}

/* An IPv4 packet (RFC 791); the extent stands at its header and ends with the frame. */
static inline bool parse_ipv4(struct packet *packet, struct extent *extent)
{
	const uint8_t *ip = extent->frame + extent->at;
	uint32_t header, total;

	if (extent->captured - extent->at < IPV4_HEADER)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	if (ip[0] >> 4 != 4)
		return note(packet, SEKISHO_REASON_BAD_IP_HEADER);
	read_ipv4(packet, ip);
	header = (uint32_t)(ip[0] & 15) * 4;
	total = load16(ip + 2);
	if (header < IPV4_HEADER || total < header || total > extent->end - extent->at)
		return note(packet, SEKISHO_REASON_BAD_IP_HEADER);
	extent->end = extent->at + total;
	extent->captured = least(extent->captured, extent->end);
	if (extent->captured - extent->at < header)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	judge_ipv4(packet, ip, header);
	if (packet->is_fragment)
		judge_fragment(packet, header, total - header);
	extent->at += header;
	return parse_l4(packet, extent);
}

/* Whether `next` is an extension header that may be skipped; AH and ESP end the walk. */
static inline bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS;
}

/* The fields of a fragment header. One that fragments nothing is none (atomic, RFC 6946). */
static void read_fragment(struct packet *packet, const uint8_t *header, uint32_t before,
			  const struct extent *extent)
{
	uint32_t field = load16(header + 2);

	packet->protocol = header[0];
	packet->fragment_id = load32(header + 4);
	packet->fragment_offset = (uint16_t)(field & 0xfff8);
	packet->more_fragments = (field & 1) != 0;
	packet->is_fragment = packet->fragment_offset != 0 || packet->more_fragments;
	if (packet->is_fragment && !extent->quote)
		judge_fragment(packet, before, extent->end - extent->at - 8);
}

/*
 * Move the extent past one extension header, which `used` bytes of others precede; false if it does
 * not fit. Says in `next` what follows.
 */
static bool step_extension(struct packet *packet, struct extent *extent, uint32_t used,
			   uint8_t *next)
{
	const uint8_t *header = extent->frame + extent->at;
	enum sekisho_reason shortage =
		packet->is_fragment ? SEKISHO_REASON_FRAGMENT_TINY : SEKISHO_REASON_EXT_CHAIN;
	uint32_t size = 8;

	if (extent->end - extent->at < size)
		return note(packet, shortage);
	if (extent->captured - extent->at < size)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	if (*next != IPPROTO_FRAGMENT)
		size = ((uint32_t)header[1] + 1) * 8;
	if (used + size > EXTENSION_BYTES_MAX)
		return note(packet, SEKISHO_REASON_EXT_CHAIN);
	if (*next == IPPROTO_ROUTING && header[2] == 0)
		note(packet, SEKISHO_REASON_SOURCE_ROUTE);
	if (extent->end - extent->at < size)
		return note(packet, shortage);
	if (extent->captured - extent->at < size)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	if (*next == IPPROTO_FRAGMENT)
		read_fragment(packet, header, used, extent);
	*next = header[0];
	extent->at += size;
	return true;
}

/*
 * Walk the extension headers (RFC 8200, STRICT-72) to layer 4, or to the data of a later fragment.
 * False if layer 4 was not reached; the reason is noted.
 */
static __attribute__((noinline)) bool walk_extensions(struct packet *packet, struct extent *extent)
{
	uint32_t first = extent->at, count;
	uint8_t next = packet->protocol;
	bool fragment_seen = false;

	for (count = 0; is_extension(next); count++) {
		if (count == EXTENSIONS_MAX || (next == IPPROTO_HOPOPTS && count > 0) ||
		    (next == IPPROTO_FRAGMENT && fragment_seen))
			return note(packet, SEKISHO_REASON_EXT_CHAIN);
		fragment_seen = fragment_seen || next == IPPROTO_FRAGMENT;
		if (!step_extension(packet, extent, extent->at - first, &next))
			return false;
		packet->protocol = next;
		if (packet->fragment_offset != 0)
			return true;
	}
	if (next == IPPROTO_MH || next == PROTOCOL_HIP || next == PROTOCOL_SHIM6)
		return note(packet, SEKISHO_REASON_EXT_UNKNOWN);
	return true;
}

/* Go to layer 4 of IPv6; almost always there is nothing to walk. */
static inline bool reach_l4(struct packet *packet, struct extent *extent)
{
	uint8_t next = packet->protocol;

	if (next == IPPROTO_TCP || next == IPPROTO_UDP || next == IPPROTO_ICMPV6)
		return true;
	return walk_extensions(packet, extent);
}

/* What an IPv6 header says of itself, besides its lengths. */
static inline void judge_ipv6(struct packet *packet)
{
	if (packet->hop_limit == 0)
		note(packet, SEKISHO_REASON_TTL_ZERO);
	if (is_bad_ipv6_source(packet->source))
		note(packet, SEKISHO_REASON_BAD_SOURCE);
	if (memcmp(packet->source, packet->destination, 16) == 0)
		note(packet, SEKISHO_REASON_LAND);
}

/* The fields of an IPv6 header; its 40 bytes are captured. */
static inline void read_ipv6(struct packet *packet, const uint8_t *ip)
{
	packet->kind = PACKET_IP;
	packet->family = 6;
	packet->protocol = ip[6];
	packet->hop_limit = ip[7];
	memcpy(packet->source, ip + 8, 16);
	memcpy(packet->destination, ip + 24, 16);
}

/* An IPv6 packet (RFC 8200). A jumbogram (RFC 2675) cannot cross the links we know. */
static inline bool parse_ipv6(struct packet *packet, struct extent *extent)
{
	const uint8_t *ip = extent->frame + extent->at;
	uint32_t length;

	if (extent->captured - extent->at < IPV6_HEADER)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	if (ip[0] >> 4 != 6)
		return note(packet, SEKISHO_REASON_BAD_IP_HEADER);
	read_ipv6(packet, ip);
	length = load16(ip + 4);
	extent->at += IPV6_HEADER;
	if (length > extent->end - extent->at || (length == 0 && ip[6] == IPPROTO_HOPOPTS))
		return note(packet, SEKISHO_REASON_BAD_IP_HEADER);
	extent->end = extent->at + length;
	extent->captured = least(extent->captured, extent->end);
	judge_ipv6(packet);
	return reach_l4(packet, extent) && parse_l4(packet, extent);
}

/* Ether type and tags; the extent then stands after them. False if there is nothing to read on. */
static inline bool parse_link(struct packet *packet, struct extent *extent)
{
	const uint8_t *frame = extent->frame;
	uint32_t tags, type;

	if (extent->captured < ETHER_HEADER)
		return note(packet, SEKISHO_REASON_TRUNCATED);
	type = load16(frame + 12);
	extent->at = ETHER_HEADER;
	for (tags = 0; is_vlan(type); tags++) {
		packet->ether_type = (uint16_t)type;
		if (tags == VLAN_TAGS_MAX)
			return note(packet, SEKISHO_REASON_VLAN_DEPTH);
		if (extent->captured - extent->at < 4)
			return note(packet, SEKISHO_REASON_TRUNCATED);
		if (tags == 0)
			packet->vlan = load16(frame + extent->at) & 0xfff;
		type = load16(frame + extent->at + 2);
		extent->at += 4;
	}
	packet->ether_type = (uint16_t)type;
	packet->ip_offset = (uint16_t)extent->at;
	return true;
}

void packet_parse_any(struct packet *packet, const uint8_t *frame, uint32_t captured,
		      uint32_t length)
{
	struct extent extent = {frame, 0, length, least(captured, length), false};

	memset(packet, 0, sizeof(*packet));
	packet->reason = PACKET_REASON_NONE;
	packet->frame = frame;
	packet->frame_length = length;
	if (!parse_link(packet, &extent))
		return;
	if (packet->ether_type == TYPE_IPV4)
		parse_ipv4(packet, &extent);
	else if (packet->ether_type == TYPE_IPV6)
		parse_ipv6(packet, &extent);
	else if (packet->ether_type == TYPE_ARP)
		packet->kind = PACKET_ARP;
	else
		note(packet, SEKISHO_REASON_NOT_IP);
}

/* The quoted IP header, and the extension headers after it; the extent then stands at layer 4. */
static bool read_quoted_ip(struct packet *quoted, struct extent *extent, uint8_t family)
{
	const uint8_t *ip = extent->frame + extent->at;
	uint32_t quote = extent->captured - extent->at, header;

	if (quote < (family == 4 ? IPV4_HEADER : IPV6_HEADER) || ip[0] >> 4 != family)
		return false;
	if (family == 6) {
		read_ipv6(quoted, ip);
		extent->at += IPV6_HEADER;
		return reach_l4(quoted, extent) && quoted->reason == PACKET_REASON_NONE;
	}
	header = (uint32_t)(ip[0] & 15) * 4;
	if (header < IPV4_HEADER || header > quote)
		return false;
	read_ipv4(quoted, ip);
	extent->at += header;
	return true;
}

/* The first 8 bytes of the quoted layer 4 (RFC 792), all that is sure to be quoted. */
static bool read_quoted_l4(struct packet *quoted, const uint8_t *l4)
{
	bool tcp = quoted->protocol == IPPROTO_TCP, icmp = is_icmp(quoted);

	if (!tcp && !icmp && quoted->protocol != IPPROTO_UDP) {
		quoted->l4_kind = PACKET_L4_OTHER;
		return true;
	}
	if (quoted->l4_captured < 8)
		return false;
	if (icmp) {
		read_icmp(quoted, l4);
		return quoted->l4_kind != PACKET_L4_ICMP_ERROR;
	}
	quoted->l4_kind = tcp ? PACKET_L4_TCP : PACKET_L4_UDP;
	quoted->source_port = load16(l4);
	quoted->destination_port = load16(l4 + 2);
	if (tcp) {
		quoted->tcp.seq = load32(l4 + 4);
		quoted->tcp.scale = PACKET_TCP_NO_SCALE;
	}
	return true;
}

bool packet_parse_quoted(struct packet *quoted, const struct packet *error)
{
	struct extent extent = {error->frame, 0, 0, 0, true};

	memset(quoted, 0, sizeof(*quoted));
	quoted->reason = PACKET_REASON_NONE;
	quoted->frame = error->frame;
	quoted->frame_length = error->frame_length;
	/* An ICMPv6 redirect keeps its quote in an option, and never passes by relation anyway. */
	if (error->l4_kind != PACKET_L4_ICMP_ERROR ||
	    (error->family == 6 && error->icmp.type == 137))
		return false;
	extent.at = error->l4_offset + ICMP_HEADER;
	extent.end = extent.at + error->payload_length;
	extent.captured = extent.at + error->payload_captured;
	quoted->ether_type = error->ether_type;
	quoted->vlan = error->vlan;
	quoted->ip_offset = (uint16_t)extent.at;
	if (!read_quoted_ip(quoted, &extent, error->family) || quoted->fragment_offset != 0)
		return false;
	set_l4(quoted, &extent);
	return read_quoted_l4(quoted, extent.frame + extent.at);
}
