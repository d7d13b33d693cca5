/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frames.h: Ethernet frames made beforehand, of flows that are told by a number.
 *
 * Flow n of the inside's 10.0.0.1 has one of 2^12 local ports and a peer of its own for each 2^12
 * flows, so that the tuples of all flows differ. Frames stand in memory in the order in which they
 * are to be sent, so that reading them is a stream.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <sekisho.h>

#define FRAMES_BURST 32

enum frames_kind { FRAMES_UDP, FRAMES_TCP };

/* 64 bytes on the wire, or the simple IMIX: 7 of 64 bytes, 4 of 594, 1 of 1518. */
enum frames_size { FRAMES_64, FRAMES_IMIX };

/* A TCP header's own. */
struct frames_segment {
	uint8_t flags;
	uint32_t seq, ack;
};

struct frames_spec {
	enum frames_kind kind;
	uint32_t flow;
	uint8_t direction;             /* enum sekisho_direction */
	uint16_t length;               /* without the check sequence; at least 60 */
	struct frames_segment segment; /* of TCP */
};

/* Write one frame, checksums included, into `length` bytes. */
void frames_write(uint8_t *frame, const struct frames_spec *spec);

/* Length, without the check sequence, of the frame that comes at `position`. */
uint16_t frames_length(enum frames_size size, uint32_t position);

/* Where a frame stands. */
struct frames_place {
	uint32_t line; /* in units of 64 bytes */
	uint16_t length;
	uint8_t direction;
};

struct frames {
	uint8_t *bytes;
	size_t size;
	struct frames_place *places;
	uint32_t count; /* a multiple of FRAMES_BURST */
	uint32_t next;  /* to send */
};

/* What frames of a set have in common. */
struct frames_plan {
	enum frames_kind kind;
	enum frames_size size;
	uint32_t first, flows; /* numbers of the flows */
	uint32_t count;        /* of frames, rounded up to whole bursts */
	bool both_directions;  /* egress and ingress in turn, else egress only */
};

/*
 * Make frames for the flows in a random order, each flow equally often as far as `count` goes.
 * False when there is no memory; call frames_fini() in any case.
 */
bool frames_init(struct frames *frames, const struct frames_plan *plan);
void frames_fini(struct frames *frames);

/* Describe the next burst to an engine, as a worker does with what a port has given it. */
static inline void frames_take(struct frames *frames, struct sekisho_frame *out)
{
	const struct frames_place *place, *ahead;

	if (frames->next == frames->count)
		frames->next = 0;
	place = &frames->places[frames->next];
	frames->next += FRAMES_BURST;
	ahead = &frames->places[frames->next == frames->count ? 0 : frames->next];
	for (unsigned i = 0; i < FRAMES_BURST; i++) {
		__builtin_prefetch(frames->bytes + (size_t)ahead[i].line * 64);
		out[i] = (struct sekisho_frame){
			.data = frames->bytes + (size_t)place[i].line * 64,
			.captured = place[i].length,
			.length = place[i].length,
			.direction = place[i].direction,
			.flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD,
		};
	}
}

/* A generator of numbers that need only look random; never 0. */
static inline uint32_t frames_draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)(*random >> 32);
}

#define FRAMES_RANDOM UINT64_C(0x9e3779b97f4a7c15) /* where draws start */

#endif
