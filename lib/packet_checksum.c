/* SPDX-License-Identifier: BSD-3-Clause */
/* packet_checksum.c: the checksums of layer 4. */
#include <netinet/in.h>

#include "packet.h"
#include "packet_bytes.h"

bool packet_checksum_ok(const struct packet *packet)
{
	const uint8_t *l4 = packet->frame + packet->l4_offset;
	uint32_t length = packet->l4_length;
	uint64_t sum = 0;

	if (packet->l4_kind == PACKET_L4_NONE || packet->l4_kind == PACKET_L4_OTHER ||
	    packet->is_fragment || packet->l4_captured < length)
		return true;
	if (packet->l4_kind == PACKET_L4_UDP) {
		if (load16(l4 + 6) == 0)
			return packet->family == 4;
		length = packet->payload_length + UDP_HEADER;
	}
	if (packet->protocol != IPPROTO_ICMP) {
		sum += sum_bytes(packet->source, 16) + sum_bytes(packet->destination, 16);
		sum += (uint64_t)htonl(length) + htonl(packet->protocol);
	}
	return sum_is_right(sum + sum_bytes(l4, length));
}
