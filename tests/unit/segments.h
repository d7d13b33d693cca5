/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segments.h: TCP segments between the bench's endpoint and its peer, by numbers where packets.h
 * goes by words. Only headers are captured: a payload has a length and no bytes, so that a
 * segment may be as long as IP allows and a million of them cost little.
 */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include <sekisho.h>

#define SEGMENT_NO_SCALE  0xff
#define SEGMENT_FRAME_MAX 128

struct segment_spec {
	uint8_t direction; /* enum sekisho_direction */
	uint8_t family;    /* enum sekisho_family */
	uint8_t flags;     /* as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32 */
	uint8_t scale;     /* the window scale option, or SEGMENT_NO_SCALE */
	uint16_t local_port, peer_port;
	uint16_t window;
	uint32_t seq, ack;
	uint32_t length; /* of the payload */
};

/* The frame of a segment, in `bytes` of SEGMENT_FRAME_MAX. */
struct sekisho_frame segment_frame(const struct segment_spec *spec, uint8_t *bytes);

/* The frame of an ICMP error, fragmentation needed or packet too big, that quotes a segment. */
struct sekisho_frame segment_error(const struct segment_spec *quoted, uint8_t *bytes);

#endif
