/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * raw_frames.h: frames byte by byte, for the tests of packet_parse().
 *
 * Frames are built from a few good ones by patching bytes. Each is parsed from a heap buffer of
 * exactly the captured size, so that the address sanitizer sees a read of one byte too far.
 */
#ifndef RAW_FRAMES_H
#define RAW_FRAMES_H

#include <stdint.h>

#include "packet.h"

#define IP      14        /* offset of the IP header in an untagged frame */
#define L4      (IP + 20) /* of layer 4 after an IPv4 header without options */
#define X6      (IP + 40) /* of what follows the IPv6 header */
#define R(word) SEKISHO_REASON_##word
#define NONE    PACKET_REASON_NONE

struct frame {
	uint8_t bytes[1024];
	uint32_t length;
};

static const uint8_t TCP_SYN[] = {0x30, 0x39, 0, 80, 1, 2, 3, 4, 0, 0,    0, 0, 0x70, 2,
				  0xff, 0xff, 0, 0,  0, 0, 2, 4, 5, 0xb4, 1, 3, 3,    7};
static const uint8_t TCP_ACK[] = {0x30, 0x39, 0, 80, 1, 2, 3, 5, 9,   8,   7,  6,
				  0x50, 0x18, 1, 0,  0, 0, 0, 0, 'h', 'i', '!'};
static const uint8_t UDP_DNS[] = {0x30, 0x39, 0, 53, 0, 12, 0, 0, 'a', 'b', 'c', 'd'};
static const uint8_t ECHO4[] = {8, 0, 0, 0, 0x12, 0x34, 0, 5, 'p', 'i', 'n', 'g'};
static const uint8_t ECHO6[] = {128, 0, 0, 0, 0x12, 0x34, 0, 5, 'p', 'i', 'n', 'g'};
static const uint8_t SOLICIT[] = {135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0,
				  0,   0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 9};

/* Put 16 bits in network order. */
void put16(uint8_t *at, unsigned value);

/* A plain internet checksum that starts from `sum`, written apart from the one under test. */
uint16_t checksum(const uint8_t *bytes, uint32_t length, uint32_t sum);

/* Make the IPv4 header checksum right again. */
void seal(struct frame *frame);

/* An IPv4 frame from 10.0.0.1 to 10.0.0.2, with options padded to 4 bytes. */
struct frame v4_options(uint8_t protocol, const void *options, uint32_t option_bytes,
			const void *l4, uint32_t bytes);

/* An IPv4 frame without options. */
struct frame v4(uint8_t protocol, const void *l4, uint32_t bytes);

/* An IPv4 fragment: `field` is flags and offset as on the wire. */
struct frame v4_fragment(uint8_t protocol, unsigned field, const void *data, uint32_t bytes);

/* An IPv6 frame with extension headers and layer 4. */
struct frame v6_chain(uint8_t next, const void *chain, uint32_t chain_bytes, const void *l4,
		      uint32_t bytes);

/* An IPv6 frame without extension headers. */
struct frame v6(uint8_t next, const void *l4, uint32_t bytes);

/* Put a VLAN tag before what follows the addresses. */
struct frame tagged(struct frame frame, unsigned type, unsigned tci);

/* Parse from an exactly sized buffer, and check what holds of all packets. What is parsed points into
 * that buffer until the next parse. */
struct packet parse(const struct frame *frame, uint32_t captured, uint32_t length);

/* Parse a whole frame and expect a reason. */
struct packet expect(struct frame frame, unsigned reason);

/* Patch one byte, seal and expect. */
struct packet patched(struct frame frame, uint32_t at, unsigned value, unsigned reason);

/* A SYN, by IPv4 and by IPv6. */
struct frame syn4(void);
struct frame syn6(void);

/* An ICMP error that quotes `bytes` from the IP header of a frame on. */
struct frame error_about(struct frame inner, uint32_t bytes);

/* Tear-down of a group of tests: free what was parsed last. */
int free_heap(void **state);

#endif
