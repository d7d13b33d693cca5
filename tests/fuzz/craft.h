/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * craft.h: frames of the harnesses that know protocols. Addresses are those of tests/unit/packets.h
 * with another last byte: 198.51.100.N and 2001:db8::N.
 */
#ifndef CRAFT_H
#define CRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRAFT_FRAME_MAX 2048

/* IPv4 options or IPv6 extension headers before layer 4. */
enum craft_options {
	CRAFT_PLAIN,
	CRAFT_HARMLESS, /* NOPs; a hop-by-hop header */
	CRAFT_ROUTED,   /* loose source route; routing type 0 */
	CRAFT_BAD,      /* an option past its header; a mobility header */
	CRAFT_LONG,     /* ten words of them; nine destination headers */
	CRAFT_OPTIONS_COUNT
};

struct craft {
	uint8_t from, to; /* last bytes of the addresses */
	bool v6;
	uint8_t protocol, hop_limit;
	uint8_t options; /* enum craft_options */
	bool tagged;     /* one VLAN tag */
	/* a fragment, unless offset is 0 and no more follow */
	uint16_t offset; /* bytes, a multiple of 8 */
	bool more;
	uint16_t id;
};

void craft_put16(uint8_t *at, uint32_t value);
void craft_put32(uint8_t *at, uint32_t value);

/* Fill in the checksum of layer 4, if its protocol has one; `length` is that of the datagram. */
void craft_checksum(const struct craft *craft, uint8_t *l4, uint32_t length);

/* Put a frame around `length` bytes of layer 4, or of a piece of it; its length. */
uint32_t craft_frame(const struct craft *craft, const uint8_t *l4, uint32_t length, uint8_t *frame);

/* Only the IP header and what follows, as an ICMP error quotes it. */
uint32_t craft_packet(const struct craft *craft, const uint8_t *l4, uint32_t length, uint8_t *ip);

#endif
