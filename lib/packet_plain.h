/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_plain.h: most frames by far: untagged and whole, IPv4 without options, UDP or TCP but no SYN, and
 * nothing wrong with it. Their headers are at fixed places, so that who wants but a few of their fields
 * reads those and leaves the rest; packet_parse() reads all, the same as packet_parse_any() does.
 */
#ifndef PACKET_PLAIN_H
#define PACKET_PLAIN_H

#include <netinet/in.h>

#include "packet.h"
#include "packet_bytes.h"

#define PACKET_PLAIN_IP ETHER_HEADER
#define PACKET_PLAIN_L4 (ETHER_HEADER + IPV4_HEADER)

/* Whether the checksum of an IPv4 header without options is right. */
static inline bool packet_plain_sum_is_right(const uint8_t *ip)
{
	uint64_t words[2], sum;
	uint32_t last, folded;

	memcpy(words, ip, sizeof(words));
	memcpy(&last, ip + 16, sizeof(last));
	sum = (words[0] >> 32) + (words[0] & UINT32_MAX) + (words[1] >> 32) +
	      (words[1] & UINT32_MAX) + last;
	sum = (sum & UINT32_MAX) + (sum >> 32);
	folded = (uint32_t)sum + (uint32_t)(sum >> 32);
	/* adding the halves both ways round leaves their sum, with its carry, in the upper one */
	return (folded + (folded << 16 | folded >> 16)) >> 16 == 0xffff;
}

/* What else packet_parse_any() would note of such a header. */
static inline bool packet_plain_is_sane(const uint8_t *ip)
{
	uint32_t source = load32(ip + 12), destination = load32(ip + 16);

	return ip[8] != 0 && source >> 28 != 14 && source != UINT32_MAX && source >> 24 != 127 &&
	       source != destination && packet_plain_sum_is_right(ip);
}

/* The protocol of a plain frame; 0 for all others. Reads never pass `captured`. */
static inline uint8_t packet_plain_protocol(const uint8_t *frame, uint32_t captured,
					    uint32_t length)
{
	const uint8_t *ip = frame + PACKET_PLAIN_IP, *l4 = frame + PACKET_PLAIN_L4;
	uint32_t total, header;

	if (captured < PACKET_PLAIN_L4 + UDP_HEADER || length < captured ||
	    load32(frame + 12) >> 8 != (TYPE_IPV4 << 8 | 0x45) || (load16(ip + 6) & 0x3fff) != 0)
		return 0;
	total = load16(ip + 2);
	if (total > captured - ETHER_HEADER || total < IPV4_HEADER + UDP_HEADER ||
	    !packet_plain_is_sane(ip))
		return 0;
	if (ip[9] == IPPROTO_UDP) {
		header = load16(l4 + 4);
		return header >= UDP_HEADER && header <= total - IPV4_HEADER ? IPPROTO_UDP : 0;
	}
	if (ip[9] != IPPROTO_TCP || total < IPV4_HEADER + TCP_HEADER)
		return 0;
	header = (uint32_t)(l4[12] >> 4) * 4;
	return header >= TCP_HEADER && header <= total - IPV4_HEADER &&
			       (l4[13] & PACKET_TCP_SYN) == 0
		       ? IPPROTO_TCP
		       : 0;
}

/* Whether layer 4's checksum of a plain frame is right, as packet_checksum_ok() says of it once parsed. */
static inline bool packet_plain_checksum_ok(const uint8_t *frame, uint8_t protocol)
{
	const uint8_t *ip = frame + PACKET_PLAIN_IP, *l4 = frame + PACKET_PLAIN_L4;
	uint32_t length = load16(ip + 2) - IPV4_HEADER;

	if (protocol == IPPROTO_UDP) {
		if (load16(l4 + 6) == 0)
			return true;
		length = load16(l4 + 4);
	}
	return sum_is_right((uint64_t)htonl(length) + htonl(protocol) + sum_bytes(ip + 12, 8) +
			    sum_bytes(l4, length));
}

/* The segment of a plain frame of TCP. */
static inline void packet_plain_tcp(struct packet_tcp *tcp, const uint8_t *frame)
{
	const uint8_t *l4 = frame + PACKET_PLAIN_L4;

	tcp->seq = load32(l4 + 4);
	tcp->ack = load32(l4 + 8);
	tcp->length =
		load16(frame + PACKET_PLAIN_IP + 2) - IPV4_HEADER - (uint32_t)(l4[12] >> 4) * 4;
	tcp->window = load16(l4 + 14);
	tcp->flags = l4[13] & 0x3f;
	tcp->scale = PACKET_TCP_NO_SCALE;
}

#endif
