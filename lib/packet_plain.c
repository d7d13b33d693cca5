/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_plain.c: most frames by far, in few steps: untagged and whole, IPv4 without options, UDP or TCP
 * but no SYN, and nothing wrong with it. All others are packet_parse_any()'s, and where both can read a
 * frame they read the same.
 */
#include <endian.h>
#include <netinet/in.h>

#include "packet.h"
#include "packet_bytes.h"

/* An IPv4 address where IPv6 has room too; in two stores of the size in which it will be read. */
static inline void set_address(uint8_t *address, const uint8_t *from)
{
	uint32_t word;
	uint64_t words[2] = {0, 0};

	memcpy(&word, from, sizeof(word));
	words[0] = htole64(le32toh(word));
	memcpy(address, &words[0], sizeof(words[0]));
	memcpy(address + 8, &words[1], sizeof(words[1]));
}

/* What judge_ipv4() would note of a header without options. */
static inline bool plain_is_sane(const uint8_t *ip)
{
	uint32_t source = load32(ip + 12), destination = load32(ip + 16);

	return ip[8] != 0 && source >> 28 != 14 && source != 0xffffffff && source >> 24 != 127 &&
	       source != destination && sum_is_right(sum_bytes(ip, IPV4_HEADER));
}

/* The fields that TCP and UDP have in common, of a frame that is plain so far. */
static inline void set_plain(struct packet *packet, const uint8_t *frame, uint32_t length,
			     uint32_t l4_length)
{
	const uint8_t *ip = frame + ETHER_HEADER;

	set_address(packet->source, ip + 12);
	set_address(packet->destination, ip + 16);
	packet->source_port = load16(ip + IPV4_HEADER);
	packet->destination_port = load16(ip + IPV4_HEADER + 2);
	packet->ether_type = TYPE_IPV4;
	packet->vlan = 0;
	packet->kind = PACKET_IP;
	packet->family = 4;
	packet->protocol = ip[9];
	packet->reason = PACKET_REASON_NONE;
	packet->hop_limit = ip[8];
	packet->ip_offset = ETHER_HEADER;
	packet->l4_offset = ETHER_HEADER + IPV4_HEADER;
	packet->l4_length = packet->l4_captured = l4_length;
	packet->frame_length = length;
	packet->frame = frame;
	packet->is_fragment = packet->more_fragments = false;
	packet->fragment_offset = packet->fragment_length = 0;
	packet->fragment_id = load16(ip + 4);
}

static inline bool parse_plain_tcp(struct packet *packet, const uint8_t *l4, uint32_t l4_length)
{
	uint32_t header;

	if (l4_length < TCP_HEADER)
		return false;
	header = (uint32_t)(l4[12] >> 4) * 4;
	if (header < TCP_HEADER || header > l4_length || (l4[13] & PACKET_TCP_SYN) != 0)
		return false;
	packet->l4_kind = PACKET_L4_TCP;
	packet->tcp.seq = load32(l4 + 4);
	packet->tcp.ack = load32(l4 + 8);
	packet->tcp.window = load16(l4 + 14);
	packet->tcp.flags = l4[13] & 0x3f;
	packet->tcp.scale = PACKET_TCP_NO_SCALE;
	packet->payload = l4 + header;
	packet->payload_length = packet->payload_captured = l4_length - header;
	return true;
}

static inline bool parse_plain_udp(struct packet *packet, const uint8_t *l4, uint32_t l4_length)
{
	uint32_t length = load16(l4 + 4);

	if (length < UDP_HEADER || length > l4_length)
		return false;
	packet->l4_kind = PACKET_L4_UDP;
	packet->payload = l4 + UDP_HEADER;
	packet->payload_length = packet->payload_captured = length - UDP_HEADER;
	return true;
}

/*
 * Most frames by far: untagged and whole, IPv4 without options, UDP or TCP but no SYN, and nothing wrong
 * with it. The same as packet_parse_any() in fewer steps; false, whatever is in `packet` then, for all others.
 */
static inline bool parse_plain(struct packet *packet, const uint8_t *frame, uint32_t captured,
			       uint32_t length)
{
	const uint8_t *ip = frame + ETHER_HEADER, *l4 = ip + IPV4_HEADER;
	uint32_t total;

	if (captured < ETHER_HEADER + IPV4_HEADER + UDP_HEADER || load16(frame + 12) != TYPE_IPV4 ||
	    ip[0] != 0x45 || (load16(ip + 6) & 0x3fff) != 0)
		return false;
	total = load16(ip + 2);
	if (total > captured - ETHER_HEADER || total < IPV4_HEADER + UDP_HEADER ||
	    length < captured || !plain_is_sane(ip))
		return false;
	set_plain(packet, frame, length, total - IPV4_HEADER);
	if (ip[9] == IPPROTO_UDP)
		return parse_plain_udp(packet, l4, total - IPV4_HEADER);
	return ip[9] == IPPROTO_TCP && parse_plain_tcp(packet, l4, total - IPV4_HEADER);
}

void packet_parse(struct packet *packet, const uint8_t *frame, uint32_t captured, uint32_t length)
{
	if (!parse_plain(packet, frame, captured, length))
		packet_parse_any(packet, frame, captured, length);
}
