/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * made_packets.h: packets of every kind, drawn by chance: of few tuples, so that they meet, but to and from
 * many peers and on two edges; ICMP errors also from routers on the way, datagrams also in two pieces in any
 * order, frames also in a VLAN. And a policy under which they are worth judging.
 *
 * An ICMP error in pieces is the one thing that several engines judge apart, as sekisho.h says: none is made.
 */
#ifndef MADE_PACKETS_H
#define MADE_PACKETS_H

#include <sekisho.h>

#define MADE_PEERS     40
#define MADE_FRAME_MAX 2048

struct made_packets {
	uint64_t seed;
	uint16_t datagrams;
	uint8_t bytes[2][MADE_FRAME_MAX];
	struct sekisho_frame frames[2];
};

/* Less than `below`, by chance. */
uint32_t made_draw(struct made_packets *made, uint32_t below);

/* Make one packet to or from a peer, 0..MADE_PEERS-1; it is in `frames`, in one or, as told, two pieces. */
unsigned made_packets_next(struct made_packets *made, uint32_t peer);

/*
 * One packet of packets.h to or from a peer, in frames[0]. An ICMP error may come from somebody else.
 */
void made_packets_say(struct made_packets *made, const char *text, uint32_t peer);

/*
 * A policy with one endpoint that has all addresses there are, so that any capture has an inside: everything
 * may go out, and ESP and NTP may come in. It is good as long as the process lives.
 */
void made_packets_spec(struct sekisho_policy_spec *spec, enum sekisho_semantics semantics);

#endif
