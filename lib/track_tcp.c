/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_tcp.c: TCP. One state machine, and two readings of it: aws-like believes flags
 * (AWS-80..86), strict only what the handshake and the windows prove (STRICT-10..17).
 *
 * The machine is a table: state x role of the sender x class of flags. A cell says what the
 * segment does to the flow (its effect) and, for each reading, on which condition it passes (its
 * check). No cell is left out: a zero cell is a programmer's error. Checks change nothing
 * (STRICT-7), effects refuse nothing, and both readings keep the windows, so that flows live
 * through a change of semantics.
 *
 * What the clauses leave open:
 *
 * - In SYN-SENT a bare ACK is no answer, even if it could be the challenge ACK of a server that
 *   still holds an older connection: nothing in it shows that it is one. Such a server is heard
 *   again when its older connection is gone.
 * - A SYN with a new number on a flow that lives passes by the trigger of STRICT-15 and is
 *   remembered in an extension of the flow. "The host's answer decides": a challenge ACK is in
 *   the window of the old connection; a SYN-ACK or a RST that acknowledges exactly that SYN
 *   begins it anew or closes it. Without room for the extension, or from the side that did not
 *   open the flow, it only passes.
 * - A copy of the flow's own SYN restarts nothing while the flow is closing; the network makes
 *   such.
 * - The latest SYN-ACK that acknowledges the SYN counts: SYN cookies change their number.
 * - Past a FIN that was acknowledged there is nothing: flow-closed, under both readings (AWS-82).
 * - A RST is exact as acknowledged or as sent. With data on the way its receiver may see it
 *   otherwise and challenge it (RFC 5961 3.2). So strict hears the receiver, and the exact RST
 *   that answers, until a RST has passed that is the same by both numbers.
 * - Picked up (AWS-80): one side proves no connection, so until the other speaks the flow is on
 *   the timer of a lone SYN and makes room under pressure. A RST picks up what is closed
 *   already. Strict knows no windows of such a flow and takes it for none (STRICT-10): only a
 *   SYN goes on.
 */
#include "track_tcp.h"
#include "track_window.h"

/* What the flags say; PSH, URG and the congestion flags say nothing here. */
enum flag_class {
	SYN,
	SYN_ACK,
	ACK,
	FIN, /* with ACK */
	RST, /* with ACK or without */
	ODD, /* no stack sends it */
	CLASS_COUNT
};

enum role { OPENER, OTHER, ROLE_COUNT };

struct cell {
	uint8_t effect;   /* enum effect */
	uint8_t check[2]; /* enum check, by reading: profile->tcp_validates */
};

/* clang-format off */

/* A class in a cell: effect, check of aws-like, check of strict. */
#define C(class, effect, believes, proves) [class] = {effect, {believes, proves}}

#define ESTABLISHED_CELLS { \
	C(SYN,     REMEMBER,    BELIEVE,      CHALLENGE), \
	C(SYN_ACK, RENEW,       BELIEVE,      SYN_ACK_LATE), \
	C(ACK,     SEGMENT,     BELIEVE,      IN_WINDOW), \
	C(FIN,     SEGMENT,     BELIEVE,      IN_WINDOW), \
	C(RST,     CLOSE,       BELIEVE,      RST_EXACT), \
	C(ODD,     KEEP,        BELIEVE,      BAD_SET)}

/* As established, but the windows are those of a former run (track_tcp_resume.c). */
#define RESUMED_CELLS { \
	C(SYN,     REMEMBER,    BELIEVE,      CHALLENGE), \
	C(SYN_ACK, RENEW,       BELIEVE,      SYN_ACK_LATE), \
	C(ACK,     CATCH_UP,    BELIEVE,      BEHIND), \
	C(FIN,     CATCH_UP,    BELIEVE,      BEHIND), \
	C(RST,     CLOSE,       BELIEVE,      RST_EXACT), \
	C(ODD,     KEEP,        BELIEVE,      BAD_SET)}

/* A FIN has been sent, so any RST in the window closes (STRICT-14). */
#define CLOSING_CELLS(syn) { \
	C(SYN,     KEEP,        syn,          syn), \
	C(SYN_ACK, KEEP,        BELIEVE,      IN_WINDOW), \
	C(ACK,     SEGMENT,     NOT_PAST_FIN, IN_WINDOW), \
	C(FIN,     SEGMENT,     NOT_PAST_FIN, IN_WINDOW), \
	C(RST,     CLOSE,       BELIEVE,      IN_WINDOW), \
	C(ODD,     KEEP,        BELIEVE,      BAD_SET)}

#define CROSSED_CELLS { \
	C(SYN,     REMEMBER,    BELIEVE,      CHALLENGE), \
	C(SYN_ACK, ACKNOWLEDGE, BELIEVE,      CROSSED), \
	C(ACK,     ACKNOWLEDGE, BELIEVE,      HANDSHAKE), \
	C(FIN,     ACKNOWLEDGE, BELIEVE,      HANDSHAKE), \
	C(RST,     CLOSE,       BELIEVE,      RST_ANSWER), \
	C(ODD,     KEEP,        BELIEVE,      BAD_SET)}

#define CLOSED_CELLS { \
	C(SYN,     KEEP,        REOPEN,       REOPEN), \
	C(SYN_ACK, KEEP,        GONE,         GONE), \
	C(ACK,     NUMBERS,     GONE,         DOUBTS_RST), \
	C(FIN,     NUMBERS,     GONE,         DOUBTS_RST), \
	C(RST,     CLOSE,       GONE,         RST_AGAIN), \
	C(ODD,     KEEP,        GONE,         BAD_SET)}

static const struct cell cells[FLOW_STATE_COUNT][ROLE_COUNT][CLASS_COUNT] = {
	[FLOW_SYN_SENT] = {
		[OPENER] = {
			C(SYN,     BEGIN,       BELIEVE, OWN_SYN),
			C(SYN_ACK, KEEP,        BELIEVE, TOO_EARLY),
			C(ACK,     SEGMENT,     BELIEVE, TOO_EARLY),
			C(FIN,     SEGMENT,     BELIEVE, TOO_EARLY),
			C(RST,     CLOSE,       BELIEVE, RST_EARLY),
			C(ODD,     KEEP,        BELIEVE, BAD_SET)},
		[OTHER] = {
			C(SYN,     CROSS,       BELIEVE, SIMULTANEOUS),
			C(SYN_ACK, ANSWER,      BELIEVE, ACKS_SYN),
			C(ACK,     ANSWERED,    BELIEVE, NO_ANSWER),
			C(FIN,     ANSWERED,    BELIEVE, NO_ANSWER),
			C(RST,     CLOSE,       BELIEVE, ACKS_SYN),
			C(ODD,     KEEP,        BELIEVE, BAD_SET)},
	},
	[FLOW_SYN_CROSSED] = {[OPENER] = CROSSED_CELLS, [OTHER] = CROSSED_CELLS},
	[FLOW_SYN_RECEIVED] = {
		[OPENER] = {
			C(SYN,     REMEMBER,    BELIEVE, CHALLENGE),
			C(SYN_ACK, KEEP,        BELIEVE, TOO_EARLY),
			C(ACK,     ACKNOWLEDGE, BELIEVE, HANDSHAKE),
			C(FIN,     ACKNOWLEDGE, BELIEVE, HANDSHAKE),
			C(RST,     CLOSE,       BELIEVE, RST_EXACT),
			C(ODD,     KEEP,        BELIEVE, BAD_SET)},
		[OTHER] = {
			C(SYN,     REMEMBER,    BELIEVE, CHALLENGE),
			C(SYN_ACK, ANSWER,      BELIEVE, ACKS_SYN),
			C(ACK,     SEGMENT,     BELIEVE, IN_WINDOW),
			C(FIN,     SEGMENT,     BELIEVE, IN_WINDOW),
			C(RST,     CLOSE,       BELIEVE, RST_ANSWER),
			C(ODD,     KEEP,        BELIEVE, BAD_SET)},
	},
	[FLOW_ESTABLISHED] = {[OPENER] = ESTABLISHED_CELLS, [OTHER] = ESTABLISHED_CELLS},
	[FLOW_RESUMED] = {[OPENER] = RESUMED_CELLS, [OTHER] = RESUMED_CELLS},
	[FLOW_PICKED_UP] = {
		[OPENER] = {
			C(SYN,     KEEP,        BELIEVE, REOPEN),
			C(SYN_ACK, SEGMENT,     BELIEVE, NO_OPENING),
			C(ACK,     SEGMENT,     BELIEVE, NO_OPENING),
			C(FIN,     SEGMENT,     BELIEVE, NO_OPENING),
			C(RST,     CLOSE,       BELIEVE, NO_OPENING),
			C(ODD,     KEEP,        BELIEVE, BAD_SET)},
		[OTHER] = {
			C(SYN,     KEEP,        BELIEVE, REOPEN),
			C(SYN_ACK, ANSWERED,    BELIEVE, NO_OPENING),
			C(ACK,     ANSWERED,    BELIEVE, NO_OPENING),
			C(FIN,     ANSWERED,    BELIEVE, NO_OPENING),
			C(RST,     CLOSE,       BELIEVE, NO_OPENING),
			C(ODD,     KEEP,        BELIEVE, BAD_SET)},
	},
	[FLOW_FIN_WAIT] = {[OPENER] = CLOSING_CELLS(OWN_SYN), [OTHER] = CLOSING_CELLS(OWN_SYN)},
	[FLOW_CLOSE_WAIT] = {[OPENER] = CLOSING_CELLS(OWN_SYN), [OTHER] = CLOSING_CELLS(OWN_SYN)},
	[FLOW_LAST_ACK] = {[OPENER] = CLOSING_CELLS(OWN_SYN), [OTHER] = CLOSING_CELLS(OWN_SYN)},
	[FLOW_TIME_WAIT] = {[OPENER] = CLOSING_CELLS(REOPEN), [OTHER] = CLOSING_CELLS(REOPEN)},
	[FLOW_CLOSED] = {[OPENER] = CLOSED_CELLS, [OTHER] = CLOSED_CELLS},
};

/* The state that the first packet of a flow begins in. */
static const uint8_t openings[CLASS_COUNT] = {
	[SYN] = FLOW_SYN_SENT,  [SYN_ACK] = FLOW_PICKED_UP, [ACK] = FLOW_PICKED_UP,
	[FIN] = FLOW_PICKED_UP, [RST] = FLOW_CLOSED,        [ODD] = FLOW_PICKED_UP,
};

/* clang-format on */

static enum flag_class class_of(const struct packet_tcp *tcp)
{
	switch (tcp->flags &
		(PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_ACK)) {
	case PACKET_TCP_SYN:
		return SYN;
	case PACKET_TCP_SYN | PACKET_TCP_ACK:
		return SYN_ACK;
	case PACKET_TCP_ACK:
		return ACK;
	case PACKET_TCP_FIN | PACKET_TCP_ACK:
		return FIN;
	case PACKET_TCP_RST:
	case PACKET_TCP_RST | PACKET_TCP_ACK:
		return RST;
	default:
		return ODD;
	}
}

static struct segment segment_of(const struct track *track, struct flow *flow,
				 const struct packet_tcp *tcp, unsigned direction)
{
	return (struct segment){.track = track,
				.flow = flow,
				.tcp = tcp,
				.direction = direction,
				.sender = &flow->track.tcp[direction],
				.receiver = &flow->track.tcp[!direction]};
}

/* The table's row for a flow: one without windows is picked up to a reading that validates them. */
static enum flow_state row_of(const struct profile *profile, const struct flow *flow)
{
	if (!profile->tcp_validates || track_window_known(flow->track.tcp) ||
	    flow->state == FLOW_SYN_SENT || flow->state == FLOW_CLOSED)
		return flow->state;
	return FLOW_PICKED_UP;
}

struct track_result track_tcp_inspect(const struct track *track, struct flow *flow,
				      const struct packet_tcp *tcp, unsigned direction)
{
	const struct segment segment = segment_of(track, flow, tcp, direction);
	enum role role = direction == flow->opener ? OPENER : OTHER;
	const struct cell *cell = &cells[row_of(track->profile, flow)][role][class_of(tcp)];
	struct track_result result =
		track_tcp_check(cell->check[track->profile->tcp_validates], &segment);

	if (result.outcome == TRACK_PASS)
		track_tcp_apply(cell->effect, &segment);
	return result;
}

enum sekisho_reason track_tcp_may_open(const struct track *track, const struct packet_tcp *tcp)
{
	enum flag_class class = class_of(tcp);

	if (class == SYN)
		return PACKET_REASON_NONE;
	if (class == ODD && track->profile->tcp_validates)
		return SEKISHO_REASON_BAD_FLAGS;
	if (track->profile->tcp_opens_by_syn_only || !track->aws->tcp_pickup)
		return SEKISHO_REASON_NOT_AN_OPENING;
	return PACKET_REASON_NONE;
}

bool track_tcp_open(const struct track *track, struct flow *flow, const struct packet_tcp *tcp,
		    unsigned direction)
{
	const struct segment segment = segment_of(track, flow, tcp, direction);
	enum flag_class class = class_of(tcp);

	if (flow->opened != 0) { /* a SYN under a rule of its own side (STRICT-3) */
		if (flow->state == FLOW_SYN_SENT)
			track_tcp_apply(CROSS, &segment);
		return true;
	}
	track_window_init(flow->track.tcp);
	flow->state = openings[class];
	if (class == SYN) {
		track_window_syn(segment.sender, segment.receiver, tcp);
		flow->syn_mark = (uint16_t)tcp->seq;
	} else {
		track_window_pick_up(segment.sender, segment.receiver, tcp);
		segment.sender->fin = class == FIN;
	}
	return true;
}

void track_tcp_stretch(struct flow *flow, unsigned direction, uint32_t end)
{
	struct flow_tcp_side *sender = &flow->track.tcp[direction];

	if (track_window_before(sender->end, end))
		sender->end = end;
}

bool track_tcp_quotes(const struct flow *flow, const struct packet *quoted, unsigned direction)
{
	const struct flow_tcp_side *sides = flow->track.tcp;

	return sides[direction].scale != TRACK_WINDOW_UNKNOWN &&
	       track_window_in_flight(&sides[direction], &sides[!direction], quoted->tcp.seq);
}
