/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_tcp.h: what the files of the TCP tracker share: track_tcp.c has the table,
 * track_tcp_check.c what it may ask of a segment, track_tcp_effect.c what a segment may do,
 * track_tcp_syn.c knows SYNs again. Nobody else includes this; see track.h.
 */
#ifndef TRACK_TCP_H
#define TRACK_TCP_H

#include "track.h"

/* A segment on its flow. */
struct segment {
	const struct track *track;
	struct flow *flow;
	const struct packet_tcp *tcp;
	unsigned direction;
	struct flow_tcp_side *sender, *receiver;
};

/* What a segment that passes does to its flow. */
enum effect {
	UNDECIDED,
	KEEP,        /* nothing */
	REMEMBER,    /* a SYN on a live flow, until the host answers it (STRICT-15) */
	BEGIN,       /* the opener's SYN, again or anew */
	CROSS,       /* a SYN against a SYN (AWS-77, STRICT-11) */
	ANSWER,      /* a SYN-ACK */
	ANSWERED,    /* the other side speaks, though not by the handshake */
	ACKNOWLEDGE, /* the other's SYN is acknowledged; established once both are */
	NUMBERS,     /* what is sent, acknowledged and offered */
	SEGMENT,     /* that, and FINs and their acknowledgements */
	CATCH_UP,    /* the same, where numbers may have gone on unseen */
	RENEW,       /* a SYN-ACK: if it answers a later SYN, begin anew */
	CLOSE        /* a RST */
};

/* On which condition a segment passes, and what else becomes of it. */
enum check {
	UNCHECKED,
	BELIEVE,      /* passes */
	OWN_SYN,      /* the SYN that opened the flow; else a new flow's */
	REOPEN,       /* a new flow's first, if anything */
	GONE,         /* drops: the flow is closed */
	DOUBTS_RST,   /* in the window, from one who may not believe the RST; else as GONE */
	RST_AGAIN,    /* exact, for one who may not believe the last; else as GONE */
	NOT_PAST_FIN, /* drops what comes after an acknowledged FIN */
	BAD_SET,      /* drops: bad-flags */
	TOO_EARLY,    /* drops: bad-handshake */
	NO_ANSWER,    /* judged: bad-handshake */
	NO_OPENING,   /* judged: not-an-opening (STRICT-10) */
	SIMULTANEOUS, /* judged: simultaneous-open (STRICT-11) */
	CHALLENGE, /* the trigger of a challenge ACK, from a side that a rule has opened (STRICT-15) */
	ACKS_SYN,     /* acknowledges exactly the SYN; else judged: bad-handshake (STRICT-12, 14) */
	IN_WINDOW,    /* STRICT-13 */
	BEHIND,       /* the same, or the window may be doubted */
	HANDSHAKE,    /* in the window, and acknowledges the other's SYN */
	CROSSED,      /* the same, with the number of its own SYN */
	SYN_ACK_LATE, /* in the window, or answers a later SYN */
	RST_EARLY,    /* exact, before the other side has spoken */
	RST_EXACT,    /* STRICT-14 */
	RST_ANSWER    /* exact, or answers the SYN */
};

/*
 * Whether a segment passes on this condition. With TRACK_PASS its effect is to follow; nothing
 * has been changed.
 */
struct track_result track_tcp_check(enum check check, const struct segment *segment);

/* What a segment that passes does. */
void track_tcp_apply(enum effect effect, const struct segment *segment);

/* ---- track_tcp_resume.c: connections that may have gone on unseen ---- */

/* Whether the windows of a former run may be doubted still. */
bool track_tcp_may_be_behind(const struct segment *segment);

/*
 * Is it the SYN that this side has sent before? Once that was acknowledged only half of its
 * number is remembered, and of the opener's only.
 */
bool track_tcp_syn_is_own(const struct segment *segment);

/* A SYN has passed on a flow that lives: remember it, if it is the opener's and there is room. */
void track_tcp_syn_remember(const struct segment *segment);

/* Does this segment of the other side acknowledge exactly the SYN that is remembered? */
bool track_tcp_syn_answered(const struct segment *segment);

/* The flow begins anew with the SYN that is remembered, which must be answered. */
void track_tcp_syn_adopt(const struct segment *segment);

#endif
