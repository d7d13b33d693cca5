/* SPDX-License-Identifier: BSD-3-Clause */
/* packet_plain.c: plain frames in few steps, and all others by packet_parse_any(); see packet_plain.h. */
#include "packet_plain.h"

#include <endian.h>

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

/* The fields that TCP and UDP have in common. */
static inline void set_plain(struct packet *packet, const uint8_t *frame, uint32_t length)
{
	const uint8_t *ip = frame + PACKET_PLAIN_IP, *l4 = frame + PACKET_PLAIN_L4;

	set_address(packet->source, ip + 12);
	set_address(packet->destination, ip + 16);
	packet->source_port = load16(l4);
	packet->destination_port = load16(l4 + 2);
	packet->ether_type = TYPE_IPV4;
	packet->vlan = 0;
	packet->kind = PACKET_IP;
	packet->family = 4;
	packet->protocol = ip[9];
	packet->reason = PACKET_REASON_NONE;
	packet->hop_limit = ip[8];
	packet->ip_offset = PACKET_PLAIN_IP;
	packet->l4_offset = PACKET_PLAIN_L4;
	packet->l4_length = packet->l4_captured = load16(ip + 2) - IPV4_HEADER;
	packet->frame_length = length;
	packet->frame = frame;
	packet->is_fragment = packet->more_fragments = false;
	packet->fragment_offset = packet->fragment_length = 0;
	packet->fragment_id = load16(ip + 4);
}

static inline void set_plain_tcp(struct packet *packet, const uint8_t *l4)
{
	packet_plain_tcp(&packet->tcp, packet->frame);
	packet->l4_kind = PACKET_L4_TCP;
	packet->payload = l4 + packet->l4_length - packet->tcp.length;
	packet->payload_length = packet->payload_captured = packet->tcp.length;
}

static inline void set_plain_udp(struct packet *packet, const uint8_t *l4)
{
	packet->l4_kind = PACKET_L4_UDP;
	packet->payload = l4 + UDP_HEADER;
	packet->payload_length = packet->payload_captured = load16(l4 + 4) - UDP_HEADER;
}

void packet_parse(struct packet *packet, const uint8_t *frame, uint32_t captured, uint32_t length)
{
	uint8_t protocol = packet_plain_protocol(frame, captured, length);

	if (protocol == 0) {
		packet_parse_any(packet, frame, captured, length);
		return;
	}
	set_plain(packet, frame, length);
	if (protocol == IPPROTO_TCP)
		set_plain_tcp(packet, frame + PACKET_PLAIN_L4);
	else
		set_plain_udp(packet, frame + PACKET_PLAIN_L4);
}
