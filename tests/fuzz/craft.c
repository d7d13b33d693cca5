/* SPDX-License-Identifier: BSD-3-Clause */
/* craft.c: see craft.h. */
#include "craft.h"

#include <netinet/in.h>
#include <string.h>

void craft_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void craft_put32(uint8_t *at, uint32_t value)
{
	craft_put16(at, value >> 16);
	craft_put16(at + 2, value);
}

static uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t from)
{
	for (uint32_t i = 0; i + 1 < length; i += 2)
		from += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (length & 1)
		from += (uint32_t)bytes[length - 1] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static void address(uint8_t *at, bool v6, uint8_t last)
{
	static const uint8_t four[4] = {198, 51, 100}, six[16] = {0x20, 0x01, 0x0d, 0xb8};

	memcpy(at, v6 ? six : four, v6 ? 16 : 4);
	at[v6 ? 15 : 3] = last;
}

void craft_checksum(const struct craft *craft, uint8_t *l4, uint32_t length)
{
	uint8_t ends[32];
	uint32_t pseudo = 0, at;

	switch (craft->protocol) {
	case IPPROTO_TCP:
		at = 16;
		break;
	case IPPROTO_UDP:
		at = 6;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at = 2;
		break;
	default:
		return;
	}
	if (length < at + 2)
		return;
	address(ends, craft->v6, craft->from);
	address(ends + 16, craft->v6, craft->to);
	if (craft->protocol != IPPROTO_ICMP)
		pseudo = sum(ends, 16, sum(ends + 16, 16, craft->protocol + length));
	if (!craft->v6 && craft->protocol != IPPROTO_ICMP)
		pseudo = sum(ends, 4, sum(ends + 16, 4, craft->protocol + length));
	craft_put16(l4 + at, 0);
	craft_put16(l4 + at, ~sum(l4, length, pseudo));
}

/* The options of an IPv4 header; their length, a multiple of 4. */
static uint32_t ipv4_options(uint8_t *at, uint8_t options)
{
	static const uint8_t bytes[CRAFT_OPTIONS_COUNT][4] = {
		[CRAFT_HARMLESS] = {1, 1, 1, 0},
		[CRAFT_ROUTED] = {131, 4, 4, 0},
		[CRAFT_BAD] = {7, 9, 4, 0},
		[CRAFT_LONG] = {1, 1, 1, 1},
	};
	uint32_t words = options == CRAFT_PLAIN ? 0 : options == CRAFT_LONG ? 10 : 1;

	for (uint32_t i = 0; i < words; i++)
		memcpy(at + 4 * i, bytes[options], 4);
	return 4 * words;
}

static uint32_t ipv4(const struct craft *craft, uint8_t *ip, uint32_t length)
{
	uint32_t header = 20 + ipv4_options(ip + 20, craft->options);

	memset(ip, 0, 20);
	ip[0] = (uint8_t)(0x40 | header / 4);
	craft_put16(ip + 2, header + length);
	craft_put16(ip + 4, craft->id);
	craft_put16(ip + 6, craft->offset / 8u | (craft->more ? 0x2000 : 0));
	ip[8] = craft->hop_limit;
	ip[9] = craft->protocol;
	address(ip + 12, false, craft->from);
	address(ip + 16, false, craft->to);
	craft_put16(ip + 10, ~sum(ip, header, 0));
	return header;
}

/* Extension headers; `*next` is what the IPv6 header names, their length is returned. */
static uint32_t ipv6_extensions(const struct craft *craft, uint8_t *at, uint8_t *next)
{
	static const uint8_t types[CRAFT_OPTIONS_COUNT] = {
		[CRAFT_HARMLESS] = IPPROTO_HOPOPTS,
		[CRAFT_ROUTED] = IPPROTO_ROUTING,
		[CRAFT_BAD] = IPPROTO_MH,
		[CRAFT_LONG] = IPPROTO_DSTOPTS,
	};
	uint32_t count = craft->options == CRAFT_PLAIN ? 0 : craft->options == CRAFT_LONG ? 9 : 1;
	uint8_t *link = next;

	for (uint32_t i = 0; i < count; i++) {
		memset(at + 8 * i, 0, 8);
		*link = types[craft->options];
		link = at + 8 * i;
	}
	if (craft->offset != 0 || craft->more) {
		uint8_t *fragment = at + 8 * count++;

		memset(fragment, 0, 8);
		craft_put16(fragment + 2, craft->offset | craft->more);
		craft_put32(fragment + 4, craft->id);
		*link = IPPROTO_FRAGMENT;
		link = fragment;
	}
	*link = craft->protocol;
	return 8 * count;
}

static uint32_t ipv6(const struct craft *craft, uint8_t *ip, uint32_t length)
{
	uint32_t extensions;

	memset(ip, 0, 40);
	ip[0] = 0x60;
	extensions = ipv6_extensions(craft, ip + 40, &ip[6]);
	craft_put16(ip + 4, extensions + length);
	ip[7] = craft->hop_limit;
	address(ip + 8, true, craft->from);
	address(ip + 24, true, craft->to);
	return 40 + extensions;
}

uint32_t craft_packet(const struct craft *craft, const uint8_t *l4, uint32_t length, uint8_t *ip)
{
	uint32_t header = craft->v6 ? ipv6(craft, ip, length) : ipv4(craft, ip, length);

	memcpy(ip + header, l4, length);
	return header + length;
}

uint32_t craft_frame(const struct craft *craft, const uint8_t *l4, uint32_t length, uint8_t *frame)
{
	uint32_t at = 12;

	memset(frame, 2, 12);
	if (craft->tagged) {
		craft_put32(frame + at, 0x81000007);
		at += 4;
	}
	craft_put16(frame + at, craft->v6 ? 0x86dd : 0x0800);
	at += 2;
	return at + craft_packet(craft, l4, length, frame + at);
}
