/* SPDX-License-Identifier: BSD-3-Clause */
/* segments.c: see segments.h. */
#include "segments.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define ETHERNET 14
#define MTU      1400

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t sum(const uint8_t *p, uint32_t length, uint32_t from)
{
	for (uint32_t i = 0; i < length; i += 2)
		from += (uint32_t)p[i] << 8 | p[i + 1];
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

/* Ethernet and IP, for `length` bytes of layer 4; where that begins. */
static uint8_t *put_ip(uint8_t *ip, const struct segment_spec *spec, uint8_t protocol,
		       uint32_t length)
{
	static const uint8_t v4[2][4] = {{198, 51, 100, 2}, {198, 51, 100, 1}};
	static const uint8_t v6[2][16] = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2},
					  {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	unsigned source = spec->direction;

	memset(ip, 0, 40);
	if (spec->family == SEKISHO_IPV6) {
		ip[0] = 0x60;
		put16(ip + 4, length);
		ip[6] = protocol;
		ip[7] = 64;
		memcpy(ip + 8, v6[source], 16);
		memcpy(ip + 24, v6[!source], 16);
		return ip + 40;
	}
	ip[0] = 0x45;
	put16(ip + 2, 20 + length);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, v4[source], 4);
	memcpy(ip + 16, v4[!source], 4);
	put16(ip + 10, ~sum(ip, 20, 0));
	return ip + 20;
}

/* The header; its length. */
static uint32_t put_tcp(uint8_t *tcp, const struct segment_spec *spec)
{
	bool egress = spec->direction == SEKISHO_EGRESS;
	uint32_t header = spec->scale == SEGMENT_NO_SCALE ? 20 : 24;

	memset(tcp, 0, header);
	put16(tcp, egress ? spec->local_port : spec->peer_port);
	put16(tcp + 2, egress ? spec->peer_port : spec->local_port);
	put32(tcp + 4, spec->seq);
	put32(tcp + 8, spec->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = spec->flags;
	put16(tcp + 14, spec->window);
	if (header == 24)
		memcpy(tcp + 20, (const uint8_t[]){1, 3, 3, spec->scale}, 4);
	return header;
}

static uint32_t pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t length)
{
	return ip[0] == 0x60 ? sum(ip + 8, 32, protocol + length)
			     : sum(ip + 12, 8, protocol + length);
}

static struct sekisho_frame frame_of(uint8_t *bytes, const uint8_t *end, uint8_t direction,
				     uint32_t more)
{
	uint32_t captured = (uint32_t)(end - bytes);

	return (struct sekisho_frame){.data = bytes,
				      .captured = captured,
				      .length = captured + more,
				      .direction = direction};
}

static void put_ethernet(uint8_t *bytes, uint8_t family)
{
	memset(bytes, 2, 12);
	put16(bytes + 12, family == SEKISHO_IPV6 ? 0x86dd : 0x0800);
}

struct sekisho_frame segment_frame(const struct segment_spec *spec, uint8_t *bytes)
{
	uint8_t *ip = bytes + ETHERNET, *tcp;
	uint32_t header = spec->scale == SEGMENT_NO_SCALE ? 20 : 24;

	put_ethernet(bytes, spec->family);
	tcp = put_ip(ip, spec, IPPROTO_TCP, header + spec->length);
	put_tcp(tcp, spec);
	put16(tcp + 16, ~sum(tcp, header, pseudo_sum(ip, IPPROTO_TCP, header)));
	return frame_of(bytes, tcp + header, spec->direction, spec->length);
}

struct sekisho_frame segment_error(const struct segment_spec *quoted, uint8_t *bytes)
{
	struct segment_spec error = *quoted;
	bool v6 = quoted->family == SEKISHO_IPV6;
	uint8_t protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	uint32_t quote = v6 ? 48 : 28, length = 8 + quote;
	uint8_t *ip = bytes + ETHERNET, *icmp, tcp[24];

	error.direction = !quoted->direction;
	put_ethernet(bytes, quoted->family);
	icmp = put_ip(ip, &error, protocol, length);
	memset(icmp, 0, 8);
	icmp[0] = v6 ? 2 : 3;
	icmp[1] = v6 ? 0 : 4;
	put16(icmp + 6, MTU);
	put_tcp(tcp, quoted);
	memcpy(put_ip(icmp + 8, quoted, IPPROTO_TCP, 20 + quoted->length), tcp, 8);
	put16(icmp + 2, ~sum(icmp, length, v6 ? pseudo_sum(ip, protocol, length) : 0));
	return frame_of(bytes, icmp + length, error.direction, 0);
}
