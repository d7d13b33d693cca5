/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c: see probe.h. */
#include "probe.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERNET_HEADER 14
#define STEP_MS         (UINT32_C(1) << 29) /* six days; the longest timer is five */
#define HOP_LIMIT       64

struct sekisho_verdict probe_ask(const struct trace_judge *judge, uint32_t now_ms,
				 const struct sekisho_frame *frame)
{
	struct sekisho_verdict verdict;

	sekisho_engine_burst(judge->engine, now_ms, frame, 1, &verdict);
	return verdict;
}

void probe_forget(const struct trace_judge *judge, uint32_t now_ms)
{
	uint32_t clock = now_ms;

	do {
		clock += STEP_MS;
		sekisho_engine_burst(judge->engine, clock, NULL, 0, NULL);
	} while (clock != now_ms);
}

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

/* The internet checksum's sum over some bytes, going on from another. */
static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t from)
{
	for (uint32_t i = 0; i < length; i++)
		from += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

/* Layer 4 without its checksum; returns the header's length and where the checksum goes. */
static uint32_t l4_header(const struct probe_packet *packet, uint8_t *l4, uint32_t *checksum_at)
{
	bool icmp = packet->protocol ==
		    (packet->family == SEKISHO_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (icmp) {
		l4[0] = packet->icmp_type;
		l4[1] = packet->icmp_code;
		*checksum_at = 2;
		return 4;
	}
	*checksum_at = 0;
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return 0;
	put16(l4, packet->source_port);
	put16(l4 + 2, packet->destination_port);
	if (packet->protocol == IPPROTO_UDP) {
		put16(l4 + 4, 8u + packet->payload_length);
		*checksum_at = 6;
		return 8;
	}
	put32(l4 + 4, packet->seq);
	put32(l4 + 8, packet->ack);
	l4[12] = 5 << 4;
	l4[13] = packet->tcp_flags;
	put16(l4 + 14, UINT16_MAX);
	*checksum_at = 16;
	return 20;
}

static uint32_t ip_header(const struct probe_packet *packet, uint8_t *ip, uint32_t length)
{
	if (packet->family == SEKISHO_IPV6) {
		ip[0] = 6 << 4;
		put16(ip + 4, length);
		ip[6] = packet->protocol;
		ip[7] = HOP_LIMIT;
		memcpy(ip + 8, packet->source, 16);
		memcpy(ip + 24, packet->destination, 16);
		return 40;
	}
	ip[0] = 4 << 4 | 5;
	put16(ip + 2, 20 + length);
	ip[8] = HOP_LIMIT;
	ip[9] = packet->protocol;
	memcpy(ip + 12, packet->source, 4);
	memcpy(ip + 16, packet->destination, 4);
	put16(ip + 10, ~sum(ip, 20, 0));
	return 20;
}

uint32_t probe_frame(const struct probe_packet *packet, uint8_t bytes[PROBE_FRAME_MAX])
{
	bool is_v6 = packet->family == SEKISHO_IPV6;
	uint8_t *ip = bytes + ETHERNET_HEADER, *l4 = ip + (is_v6 ? 40 : 20);
	uint32_t header, length, checksum_at, pseudo;

	memset(bytes, 0, PROBE_FRAME_MAX);
	put16(bytes + 12, is_v6 ? 0x86dd : 0x0800);
	header = l4_header(packet, l4, &checksum_at);
	memcpy(l4 + header, packet->payload, packet->payload_length);
	length = header + packet->payload_length;
	pseudo = packet->protocol == IPPROTO_ICMP ? 0 : packet->protocol + length;
	if (packet->protocol != IPPROTO_ICMP)
		pseudo = sum(packet->source, 16, sum(packet->destination, 16, pseudo));
	if (checksum_at != 0) {
		uint32_t checksum = (uint16_t)~sum(l4, length, pseudo);

		put16(l4 + checksum_at, checksum == 0 ? UINT16_MAX : checksum);
	}
	return ETHERNET_HEADER + ip_header(packet, ip, length) + length;
}
