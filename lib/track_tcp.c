/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_tcp.c: TCP. One state machine, and two readings of it: tcp_loose() believes flags (AWS-80..86),
 * tcp_strict() believes only what fits the windows (STRICT-10..17).
 *
 * The window, after van Rooij ("Real Stateful TCP Packet Filtering in IP Filter"). For each sender S
 * and its receiver R we keep of S: `end`, the highest sequence sent plus one; `max_end`, the highest
 * that R has allowed; `max_window`, the largest window S has offered. A segment of S with sequence
 * `seq`, ending before `end`, acknowledging `ack`, is in the window when
 *
 *	end <= S.max_end                      (data-upper: no more than R allowed)
 *	seq >= S.end - R.max_window           (data-lower: no older than one window)
 *	ack <= R.end                          (ack-upper: no more than R sent)
 *	ack >= R.end - ACK_REACH              (ack-lower: not absurdly old)
 *
 * All comparisons are by signed difference, so that they survive the wrap.
 *
 * While a SYN waits for its answer, S.max_end is the SYN's sequence plus one: with S.end, which counts
 * TFO data too, it bounds what a SYN-ACK may acknowledge (STRICT-12).
 */
#include "track.h"

#define ACK_REACH ((uint32_t)0xffff << 14) /* the largest scaled window */

#define SIDE_SENT      0x1 /* has sent, so `end` is known */
#define SIDE_FIN       0x2
#define SIDE_FIN_ACKED 0x4

#define CONTROL (PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_ACK)

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t segment_end(const struct packet *packet)
{
	uint32_t syn = !!(packet->tcp.flags & PACKET_TCP_SYN);
	uint32_t fin = !!(packet->tcp.flags & PACKET_TCP_FIN);

	return packet->tcp.seq + packet->payload_length + syn + fin;
}

static bool is_bare_syn(const struct packet *packet)
{
	return (packet->tcp.flags & CONTROL) == PACKET_TCP_SYN;
}

static bool flags_are_legal(const struct packet *packet)
{
	switch (packet->tcp.flags & CONTROL) {
	case PACKET_TCP_SYN:
	case PACKET_TCP_SYN | PACKET_TCP_ACK:
	case PACKET_TCP_ACK:
	case PACKET_TCP_ACK | PACKET_TCP_FIN:
	case PACKET_TCP_RST:
	case PACKET_TCP_RST | PACKET_TCP_ACK:
		return true;
	default:
		return false;
	}
}

static uint32_t offered(const struct flow_tcp_side *side)
{
	uint32_t window = (uint32_t)side->max_window << (side->scale & 0xf);

	return window ? window : 1;
}

/* ---- what a segment that passed changes ------------------------------------------------------- */

static void side_open(struct flow_tcp_side *side, const struct packet *packet)
{
	side->end = segment_end(packet);
	side->max_end = packet->tcp.seq + 1;
	side->max_window = packet->tcp.window;
	side->scale = packet->tcp.scale;
	side->flags = SIDE_SENT;
}

static void state_after_fin(struct flow *flow)
{
	const struct flow_tcp_side *a = &flow->track.tcp[0], *b = &flow->track.tcp[1];
	int fins = !!(a->flags & SIDE_FIN) + !!(b->flags & SIDE_FIN);
	int acked = !!(a->flags & SIDE_FIN_ACKED) + !!(b->flags & SIDE_FIN_ACKED);

	if (fins == 0)
		return;
	if (fins == 1)
		flow->state = acked ? FLOW_CLOSE_WAIT : FLOW_FIN_WAIT;
	else
		flow->state = acked == 2 ? FLOW_TIME_WAIT : FLOW_LAST_ACK;
}

/* FINs and their acknowledgements, from a segment that passed. */
static void note_fin(struct flow *flow, const struct packet *packet, unsigned direction)
{
	struct flow_tcp_side *sender = &flow->track.tcp[direction];
	struct flow_tcp_side *receiver = &flow->track.tcp[!direction];

	if ((packet->tcp.flags & PACKET_TCP_ACK) && (receiver->flags & SIDE_FIN) &&
	    !before(packet->tcp.ack, receiver->end))
		receiver->flags |= SIDE_FIN_ACKED;
	if (packet->tcp.flags & PACKET_TCP_FIN) {
		sender->flags |= SIDE_FIN;
		if (before(sender->end, segment_end(packet)))
			sender->end = segment_end(packet);
	}
	state_after_fin(flow);
}

/* ---- aws-like: by flags ----------------------------------------------------------------------- */

static struct track_result tcp_loose(struct flow *flow, const struct packet *packet,
				     unsigned direction)
{
	uint8_t flags = packet->tcp.flags;
	struct flow_tcp_side *sender = &flow->track.tcp[direction];

	if (is_bare_syn(packet) && (flow->state == FLOW_TIME_WAIT || flow->state == FLOW_CLOSED))
		return track_no(TRACK_REOPEN, SEKISHO_REASON_FLOW_CLOSED); /* AWS-84 */
	if (flow->state == FLOW_CLOSED)
		return track_no(TRACK_DROP, SEKISHO_REASON_FLOW_CLOSED); /* AWS-82 */
	if (flags & PACKET_TCP_RST) {
		flow->state = FLOW_CLOSED;
		return TRACK_PASSED;
	}
	if (flow->state == FLOW_SYN_SENT && direction != flow->opener) {
		if (flags & (PACKET_TCP_SYN | PACKET_TCP_ACK))
			flow->state = FLOW_SYN_RECEIVED;
	} else if (flow->state == FLOW_SYN_RECEIVED && (flags & PACKET_TCP_ACK) &&
		   (direction == flow->opener || !(flags & PACKET_TCP_SYN))) {
		flow->state = FLOW_ESTABLISHED;
	}
	if (!(sender->flags & SIDE_SENT) || before(sender->end, segment_end(packet)))
		sender->end = segment_end(packet);
	sender->flags |= SIDE_SENT;
	note_fin(flow, packet, direction);
	return TRACK_PASSED;
}

/* ---- strict: by windows ----------------------------------------------------------------------- */

static enum sekisho_bound failed_bound(const struct flow *flow, const struct packet *packet,
				       unsigned direction)
{
	const struct flow_tcp_side *sender = &flow->track.tcp[direction];
	const struct flow_tcp_side *receiver = &flow->track.tcp[!direction];

	if (before(sender->max_end, segment_end(packet)))
		return SEKISHO_BOUND_DATA_UPPER;
	if (before(packet->tcp.seq, sender->end - offered(receiver)))
		return SEKISHO_BOUND_DATA_LOWER;
	if (!(packet->tcp.flags & PACKET_TCP_ACK))
		return SEKISHO_BOUND_NONE;
	if (before(receiver->end, packet->tcp.ack))
		return SEKISHO_BOUND_ACK_UPPER;
	if (before(packet->tcp.ack, receiver->end - ACK_REACH))
		return SEKISHO_BOUND_ACK_LOWER;
	return SEKISHO_BOUND_NONE;
}

static void advance(struct flow *flow, const struct packet *packet, unsigned direction)
{
	struct flow_tcp_side *sender = &flow->track.tcp[direction];
	struct flow_tcp_side *receiver = &flow->track.tcp[!direction];
	uint32_t end = segment_end(packet), window = packet->tcp.window, allowed;

	if (before(sender->end, end))
		sender->end = end;
	if (!(packet->tcp.flags & PACKET_TCP_ACK))
		return;
	if (packet->tcp.window > sender->max_window)
		sender->max_window = packet->tcp.window;
	if (!(packet->tcp.flags & PACKET_TCP_SYN))
		window <<= sender->scale & 0xf;
	/* a zero window may still be probed with one byte */
	allowed = packet->tcp.ack + (window ? window : 1);
	if (before(receiver->max_end, allowed))
		receiver->max_end = allowed;
}

/* STRICT-12: the first answer to a SYN. */
static struct track_result answer_to_syn(struct flow *flow, const struct packet *packet,
					 unsigned direction)
{
	struct flow_tcp_side *server = &flow->track.tcp[direction];
	struct flow_tcp_side *client = &flow->track.tcp[!direction];
	uint8_t flags = packet->tcp.flags & CONTROL;
	bool acknowledges = (flags & PACKET_TCP_ACK) && !before(packet->tcp.ack, client->max_end) &&
			    !before(client->end, packet->tcp.ack);

	if (flags == PACKET_TCP_SYN)
		return track_no(TRACK_JUDGE, SEKISHO_REASON_SIMULTANEOUS_OPEN);
	if (!acknowledges || !(flags & (PACKET_TCP_SYN | PACKET_TCP_RST)))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_BAD_HANDSHAKE);
	if (flags & PACKET_TCP_RST) {
		flow->state = FLOW_CLOSED;
		return TRACK_PASSED;
	}
	side_open(server, packet);
	if (server->scale == PACKET_TCP_NO_SCALE || client->scale == PACKET_TCP_NO_SCALE)
		server->scale = client->scale = 0;
	client->max_end = packet->tcp.ack + (server->max_window ? server->max_window : 1);
	server->max_end = server->end + (client->max_window ? client->max_window : 1);
	flow->state = FLOW_SYN_RECEIVED;
	return TRACK_PASSED;
}

/* A segment of the side whose SYN has not been answered yet. */
static struct track_result before_answer(struct flow *flow, const struct packet *packet,
					 unsigned direction)
{
	struct flow_tcp_side *client = &flow->track.tcp[direction];
	uint32_t seq = packet->tcp.seq;

	if (is_bare_syn(packet)) {
		if (seq + 1 != client->max_end)
			return track_no(TRACK_REOPEN, SEKISHO_REASON_BAD_HANDSHAKE);
		return TRACK_PASSED;
	}
	if ((packet->tcp.flags & PACKET_TCP_RST) && (seq == client->max_end || seq == client->end)) {
		flow->state = FLOW_CLOSED;
		return TRACK_PASSED;
	}
	return track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
}

/* STRICT-15: a SYN on a flow that has both sides. */
static struct track_result syn_on_flow(const struct flow *flow, const struct packet *packet,
				       unsigned direction)
{
	if (flow->state == FLOW_SYN_RECEIVED) {
		/* the handshake's own SYNs again */
		if (segment_end(packet) == flow->track.tcp[direction].end)
			return TRACK_PASSED;
		return track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
	}
	if (flow->state != FLOW_ESTABLISHED)
		return is_bare_syn(packet) ? track_no(TRACK_REOPEN, SEKISHO_REASON_NOT_AN_OPENING)
					   : track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
	if (is_bare_syn(packet))
		return track_is_originator(flow, direction)
			       ? TRACK_PASSED
			       : track_no(TRACK_JUDGE, SEKISHO_REASON_SIMULTANEOUS_OPEN);
	/* an old SYN-ACK: the host answers it with an ACK */
	return segment_end(packet) == flow->track.tcp[direction].end ||
			       failed_bound(flow, packet, direction) == SEKISHO_BOUND_NONE
		       ? TRACK_PASSED
		       : track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
}

/* STRICT-14 */
static struct track_result rst_on_flow(struct flow *flow, const struct packet *packet,
				       unsigned direction)
{
	bool closing = (flow->track.tcp[0].flags | flow->track.tcp[1].flags) & SIDE_FIN;

	if (!closing && packet->tcp.seq != flow->track.tcp[direction].end)
		return track_no(TRACK_DROP, SEKISHO_REASON_RST_INEXACT);
	flow->state = FLOW_CLOSED;
	return TRACK_PASSED;
}

static struct track_result tcp_strict(struct flow *flow, const struct packet *packet,
				      unsigned direction)
{
	enum sekisho_bound bound;

	if (!flags_are_legal(packet))
		return track_no(TRACK_DROP, SEKISHO_REASON_BAD_FLAGS);
	if (flow->state == FLOW_SYN_SENT) {
		return flow->track.tcp[direction].flags & SIDE_SENT
			       ? before_answer(flow, packet, direction)
			       : answer_to_syn(flow, packet, direction);
	}
	if (flow->state == FLOW_CLOSED)
		return is_bare_syn(packet) ? track_no(TRACK_REOPEN, SEKISHO_REASON_FLOW_CLOSED)
					   : track_no(TRACK_DROP, SEKISHO_REASON_FLOW_CLOSED);
	if (packet->tcp.flags & PACKET_TCP_SYN)
		return syn_on_flow(flow, packet, direction);
	bound = failed_bound(flow, packet, direction);
	if (bound != SEKISHO_BOUND_NONE)
		return (struct track_result){TRACK_DROP, SEKISHO_REASON_OUT_OF_WINDOW, (uint8_t)bound};
	if (packet->tcp.flags & PACKET_TCP_RST)
		return rst_on_flow(flow, packet, direction);
	advance(flow, packet, direction);
	if (flow->state == FLOW_SYN_RECEIVED && direction == flow->opener &&
	    packet->tcp.ack == flow->track.tcp[!direction].end)
		flow->state = FLOW_ESTABLISHED;
	note_fin(flow, packet, direction);
	return TRACK_PASSED;
}

/* ---- the tracker's contract ------------------------------------------------------------------- */

struct track_result track_tcp_inspect(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction)
{
	return track->profile->tcp_validates ? tcp_strict(flow, packet, direction)
					     : tcp_loose(flow, packet, direction);
}

enum sekisho_reason track_tcp_may_open(const struct track *track, const struct packet *packet)
{
	if (track->profile->tcp_validates && !flags_are_legal(packet))
		return SEKISHO_REASON_BAD_FLAGS;
	if (is_bare_syn(packet))
		return PACKET_REASON_NONE;
	if (track->profile->tcp_opens_by_syn_only || !track->aws->tcp_pickup)
		return SEKISHO_REASON_NOT_AN_OPENING;
	return PACKET_REASON_NONE;
}

bool track_tcp_open(const struct track *track, struct flow *flow, const struct packet *packet,
		    unsigned direction)
{
	struct flow_tcp_side *sender = &flow->track.tcp[direction];

	(void)track;
	if (flow->opened == 0) {
		side_open(sender, packet);
		flow->state = is_bare_syn(packet) ? FLOW_SYN_SENT : FLOW_ESTABLISHED;
		if (packet->tcp.flags & PACKET_TCP_RST)
			flow->state = FLOW_CLOSED;
		else if (packet->tcp.flags & PACKET_TCP_FIN)
			note_fin(flow, packet, direction);
		return true;
	}
	/* the other side's SYN, under a rule of its own: both are open, neither acknowledged */
	if (flow->state == FLOW_SYN_SENT && is_bare_syn(packet)) {
		struct flow_tcp_side *first = &flow->track.tcp[!direction];

		side_open(sender, packet);
		if (sender->scale == PACKET_TCP_NO_SCALE || first->scale == PACKET_TCP_NO_SCALE)
			sender->scale = first->scale = 0;
		sender->max_end = sender->end + (first->max_window ? first->max_window : 1);
		first->max_end = first->end + (sender->max_window ? sender->max_window : 1);
		flow->state = FLOW_SYN_RECEIVED;
	}
	return true;
}

void track_tcp_stretch(struct flow *flow, unsigned direction, uint32_t end)
{
	struct flow_tcp_side *sender = &flow->track.tcp[direction];

	if (before(sender->end, end))
		sender->end = end;
}

bool track_tcp_quotes(const struct flow *flow, const struct packet *quoted, unsigned direction)
{
	const struct flow_tcp_side *sender = &flow->track.tcp[direction];
	uint32_t reach = (uint32_t)0xffff << (flow->track.tcp[!direction].scale & 0xf);

	return !before(sender->end, quoted->tcp.seq) &&
	       !before(quoted->tcp.seq, sender->end - reach);
}
