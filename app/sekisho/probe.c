/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c: see probe.h. */
#include "probe.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>

#define STEP_MS     (UINT32_C(1) << 29) /* six days; the longest timer is five */
#define SOURCE_PORT 49152

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

static void address_text(uint8_t family, unsigned __int128 number, char text[INET6_ADDRSTRLEN])
{
	uint8_t address[16];

	areas_address(family, number, address);
	inet_ntop(family == SEKISHO_IPV6 ? AF_INET6 : AF_INET, address, text, INET6_ADDRSTRLEN);
}

void probe_text(const struct first_packet *packet, char text[PROBE_TEXT_SIZE])
{
	static const char *const flags[] = {
		[FIRST_SYN] = " flags=S", [FIRST_LATER] = " flags=A", [FIRST_ODD] = " flags=SF"};
	bool egress = packet->direction == SEKISHO_EGRESS, is_v6 = packet->family == SEKISHO_IPV6;
	const char *sides = is_v6 ? "%s [%s]:%u > [%s]:%u%s" : "%s %s:%u > %s:%u%s";
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	address_text(packet->family, egress ? packet->local : packet->peer, from);
	address_text(packet->family, egress ? packet->peer : packet->local, to);
	if (packet->protocol == IPPROTO_TCP)
		snprintf(text, PROBE_TEXT_SIZE, sides, "tcp", from, SOURCE_PORT, to, packet->detail,
			 flags[packet->segment]);
	else if (packet->protocol == IPPROTO_UDP)
		snprintf(text, PROBE_TEXT_SIZE, sides, "udp", from, SOURCE_PORT, to, packet->detail,
			 "");
	else if (packet->protocol == (is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		snprintf(text, PROBE_TEXT_SIZE, "%s %s > %s type=%u code=%u",
			 is_v6 ? "icmpv6" : "icmp", from, to, packet->detail >> 8,
			 packet->detail & 0xff);
	else
		snprintf(text, PROBE_TEXT_SIZE, "proto-%u %s > %s", packet->protocol, from, to);
}

struct sekisho_frame probe_frame(const struct first_packet *packet,
				 uint8_t bytes[PACKET_WORDS_FRAME_MAX])
{
	struct packet_words_error error;
	char text[PROBE_TEXT_SIZE];
	uint32_t length;

	probe_text(packet, text);
	length = packet_words_frame(text, NULL, bytes, &error);
	assert(length > 0);
	return (struct sekisho_frame){.data = bytes,
				      .captured = length,
				      .length = length,
				      .direction = packet->direction};
}
