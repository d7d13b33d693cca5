/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frames.h: Ethernet frames made beforehand, of flows that are told by a number.
 *
 * A *space* says which flows there are: the opener's port counts up first, then the peer's address, so
 * that the tuples of all flows differ. A set of frames stands in memory in the order in which it is to
 * be sent, so that reading it is a stream.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <sekisho.h>

#define FRAMES_BURST 32

#define FRAMES_STEPS 4 /* packets that make a flow established, or a UDP stream */

enum frames_kind { FRAMES_UDP, FRAMES_TCP };

/* 64 bytes on the wire, or the simple IMIX: 7 of 64 bytes, 4 of 594, 1 of 1518. */
enum frames_size { FRAMES_64, FRAMES_IMIX };

/* Which flows there are. Addresses and ports in host order. */
struct frames_space {
	uint32_t local, peer;  /* the inside's address, and the first of the peers' */
	uint16_t first_port;   /* of the opener */
	uint16_t service_port; /* of the other */
	uint8_t port_bits;     /* the opener has 2^port_bits ports */
	uint8_t opener;        /* enum sekisho_direction: who opens them */
};

/* From 10.0.0.1, 4096 ports, to 198.51.100.1 and on, port 443. */
extern const struct frames_space frames_space_default;

/* A TCP header's own. */
struct frames_segment {
	uint8_t flags;
	uint32_t seq, ack;
};

struct frames_spec {
	const struct frames_space *space;
	enum frames_kind kind;
	uint32_t flow;
	uint8_t direction;             /* enum sekisho_direction */
	uint16_t length;               /* without the check sequence; at least 60 */
	struct frames_segment segment; /* of TCP */
};

/* Write one frame, checksums included, into `length` bytes. */
void frames_write(uint8_t *frame, const struct frames_spec *spec);

/* Make a UDP frame that of another flow of its space; it has no checksum of its own any more. */
void frames_readdress(uint8_t *frame, const struct frames_space *space, uint32_t flow);

/*
 * One step, 0..FRAMES_STEPS-1, of the handshakes (or of the first questions and answers) of up to a
 * burst of flows, which are numbered from `first` on. Each frame is written into its row of `bytes`.
 */
struct frames_step {
	const struct frames_space *space;
	enum frames_kind kind;
	uint32_t first;
	unsigned count, step;
};
void frames_step_write(const struct frames_step *step, uint8_t bytes[FRAMES_BURST][64],
		       struct sekisho_frame *burst);

/* What TCP says of itself in a flow that has had its handshake, by a frame's direction. */
struct frames_segment frames_established(const struct frames_space *space, uint8_t direction);

/* The numbers 0..count-1 in a random order, always the same; NULL: no memory. To be freed. */
uint32_t *frames_shuffled(uint32_t count);

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
