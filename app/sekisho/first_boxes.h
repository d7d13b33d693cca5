/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * first_boxes.h: the packets that, coming first, pass under one of two policies and not under the
 * other; as disjoint boxes of addresses, protocols and details.
 *
 * A box has no packet whose source is its destination, as no policy lets such pass. What it says
 * holds for whole packets in good order: with right lengths and checksums, not in fragments.
 */
#ifndef FIRST_BOXES_H
#define FIRST_BOXES_H

#include "areas.h"

/* Kinds of TCP segments, as bits; of other protocols a box has all. */
enum first_segment {
	FIRST_SYN = 1,   /* a bare SYN */
	FIRST_LATER = 2, /* what comes after it */
	FIRST_ODD = 4,   /* flags that no stack sends together */
	FIRST_ALL = 7
};

struct first_packet {
	uint8_t direction; /* enum sekisho_direction */
	uint8_t family, protocol;
	uint8_t segment; /* enum first_segment, of TCP */
	uint16_t detail; /* as in areas.h */
	unsigned __int128 local, peer;
};

struct first_box {
	uint8_t direction, family;
	uint8_t admitted; /* by policy 0 or 1, and not by the other */
	uint8_t segments;
	uint8_t protocol_first, protocol_last;
	uint16_t detail_first, detail_last;
	struct area_range locals, peers;
};

struct first_boxes {
	const struct sekisho_policy_spec *specs[2];
	/* Whether each policy lets a packet pass that comes first. Returns false to give up. */
	bool (*judge)(void *context, const struct first_packet *packet, bool passes[2]);
	/* Called for each box. Returns false to stop. */
	bool (*box)(void *context, const struct first_box *box);
	void *context;
};

/* Find all boxes. 0, 1 if it was stopped, or -ENOMEM. */
int first_boxes_find(const struct first_boxes *told);

/* A packet of a box; false if its only packet has one address for both ends. */
bool first_boxes_example(const struct first_box *box, struct first_packet *packet);

#endif
