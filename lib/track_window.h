/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_window.h: what the sequence numbers of TCP say, after van Rooij ("Real Stateful TCP
 * Packet Filtering in IP Filter"). Arithmetic only; what follows from it is track_tcp.c's
 * matter.
 *
 * A segment of the sender S to the receiver R is in the window when
 *
 *	its data end     <= S.acked + S.room         (data-upper: no more than R allowed)
 *	its sequence     >= S.end - R's reach        (data-lower: no older than one window)
 *	what it acknowledges <= R.end                (ack-upper: no more than R sent)
 *	what it acknowledges >= R.end - S's reach    (ack-lower: not absurdly old)
 *
 * S.acked + S.room is the highest that R ever allowed; it never goes back, whatever R does to
 * its window. Before S's SYN is acknowledged, what R's own SYN has allowed begins past it. We
 * keep it in two parts since S.acked alone is the one number that a RST must have (RFC 5961).
 * The reach is the largest window offered, rounded up to a power of two; more than that is never
 * on the way at once. What is older is a late copy, and R has it: a segment that holds anything
 * that R has not acknowledged is never too old. Windows that are scaled reach twice as far, so
 * that a copy may be overtaken by one window while another is sent; ACKs reach at least 64 KiB,
 * as they come with data that may be new.
 *
 * All comparisons are by signed difference, so that they survive the wrap; windows are at most
 * 2^30. Nothing here takes numbers for true or refuses them: under aws-like they are only
 * followed.
 */
#ifndef TRACK_WINDOW_H
#define TRACK_WINDOW_H

#include "flow.h"
#include "packet.h"

/* In `scale`: no SYN of this side was seen, so its windows mean nothing. */
#define TRACK_WINDOW_UNKNOWN 0xfe

/* Sequence numbers wrap; a is before b. */
static inline bool track_window_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* A flow without numbers as yet. */
void track_window_init(struct flow_tcp_side sides[2]);

/* A SYN, with ACK or without: the sender's side begins anew. */
void track_window_syn(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
		      const struct packet_tcp *tcp);

/* The same SYN again: what it offers more counts as well. */
void track_window_syn_again(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			    const struct packet_tcp *tcp);

/* `sender` has offered a window in a SYN, before the scales were known; now they are. */
void track_window_settle(const struct flow_tcp_side *sender, struct flow_tcp_side *receiver);

/* A segment that belongs to no SYN that was seen (AWS-80). */
void track_window_pick_up(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			  const struct packet_tcp *tcp);

/* Whether both SYNs were seen. */
static inline bool track_window_known(const struct flow_tcp_side sides[2])
{
	return sides[0].scale != TRACK_WINDOW_UNKNOWN && sides[1].scale != TRACK_WINDOW_UNKNOWN;
}

/* The sender's word is taken for where both sides are, as far as it does not fit what is known. */
void track_window_catch_up(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			   const struct packet_tcp *tcp);

/* Which bound a segment fails. For a RST only its sequence counts, not what it carries. */
enum sekisho_bound track_window_check(const struct flow_tcp_side *sender,
				      const struct flow_tcp_side *receiver,
				      const struct packet_tcp *tcp);

/* Whether `sequence` is exactly what comes next from `side`: as acknowledged, or as sent. */
bool track_window_is_next(const struct flow_tcp_side *side, uint32_t sequence);

/* A segment has passed: what its sender sent, acknowledges and offers. */
void track_window_follow(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			 const struct packet_tcp *tcp);

/* Whether `sequence` is one that `sender` may still have on the way (STRICT-60). */
bool track_window_in_flight(const struct flow_tcp_side *sender,
			    const struct flow_tcp_side *receiver, uint32_t sequence);

#endif
