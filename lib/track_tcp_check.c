/* SPDX-License-Identifier: BSD-3-Clause */
/* track_tcp_check.c: the conditions of the table. None of them changes anything (STRICT-7). */
#include <assert.h>

#include "track_tcp.h"
#include "track_window.h"

static struct track_result check_challenge(const struct segment *segment)
{
	if (!track_is_originator(segment->flow, segment->direction))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_SIMULTANEOUS_OPEN);
	return TRACK_PASSED;
}

static struct track_result check_window(const struct segment *segment)
{
	enum sekisho_bound bound =
		track_window_check(segment->sender, segment->receiver, segment->tcp);

	if (bound != SEKISHO_BOUND_NONE)
		return (struct track_result){TRACK_DROP, SEKISHO_REASON_OUT_OF_WINDOW,
					     (uint8_t)bound};
	return TRACK_PASSED;
}

static struct track_result check_past_fin(const struct segment *segment)
{
	const struct flow_tcp_side *sender = segment->sender;

	if (sender->fin_acked && track_window_before(sender->end, packet_tcp_end(segment->tcp)))
		return track_no(TRACK_DROP, SEKISHO_REASON_FLOW_CLOSED);
	return TRACK_PASSED;
}

static struct track_result check_handshake(const struct segment *segment)
{
	const struct flow_tcp_side *receiver = segment->receiver;
	uint32_t ack = segment->tcp->ack;

	if (!receiver->syn_acked && (!track_window_before(receiver->acked, ack) ||
				     track_window_before(receiver->end, ack)))
		return track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
	return check_window(segment);
}

static struct track_result check_acks_syn(const struct segment *segment)
{
	const struct packet_tcp *tcp = segment->tcp;

	if ((tcp->flags & PACKET_TCP_ACK) &&
	    (track_window_is_next(segment->receiver, tcp->ack) ||
	     track_tcp_syn_answered(segment)))
		return TRACK_PASSED;
	return track_no(TRACK_JUDGE, SEKISHO_REASON_BAD_HANDSHAKE);
}

static struct track_result check_rst_exact(const struct segment *segment)
{
	struct track_result result = check_window(segment);

	if (track_tcp_syn_answered(segment))
		return TRACK_PASSED;
	if (result.outcome == TRACK_PASS &&
	    !track_window_is_next(segment->sender, segment->tcp->seq))
		return track_no(TRACK_DROP, SEKISHO_REASON_RST_INEXACT);
	return result;
}

/* Whether `side` has sent a RST that its receiver may have taken for inexact. */
static bool rst_is_in_doubt(const struct flow_tcp_side *side)
{
	return side->fin && !side->fin_acked;
}

static struct track_result check_doubts_rst(const struct segment *segment)
{
	if (rst_is_in_doubt(segment->receiver) && check_window(segment).outcome == TRACK_PASS)
		return TRACK_PASSED;
	return track_no(TRACK_DROP, SEKISHO_REASON_FLOW_CLOSED);
}

static struct track_result check_rst_again(const struct segment *segment)
{
	if (rst_is_in_doubt(segment->sender) && check_rst_exact(segment).outcome == TRACK_PASS)
		return TRACK_PASSED;
	return track_no(TRACK_DROP, SEKISHO_REASON_FLOW_CLOSED);
}

static struct track_result check_own_syn(const struct segment *segment)
{
	return track_tcp_syn_is_own(segment)
		       ? TRACK_PASSED
		       : track_no(TRACK_REOPEN, SEKISHO_REASON_NOT_AN_OPENING);
}

/* Until its SYN is acknowledged it can have no other number. */
static struct track_result check_crossed(const struct segment *segment)
{
	const struct flow_tcp_side *sender = segment->sender;

	if (!sender->syn_acked && segment->tcp->seq != sender->acked)
		return track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
	return check_handshake(segment);
}

static struct track_result check_rst_early(const struct segment *segment)
{
	return track_window_is_next(segment->sender, segment->tcp->seq)
		       ? TRACK_PASSED
		       : track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
}

static struct track_result check_rst_answer(const struct segment *segment)
{
	struct track_result result = check_acks_syn(segment);

	return result.outcome == TRACK_PASS ? result : check_rst_exact(segment);
}

static struct track_result check_in_window(const struct segment *segment)
{
	struct track_result result = check_window(segment);

	if (result.outcome != TRACK_PASS || (segment->tcp->flags & PACKET_TCP_RST))
		return result;
	return check_past_fin(segment);
}

static struct track_result check_behind(const struct segment *segment)
{
	return track_tcp_may_be_behind(segment) ? TRACK_PASSED : check_in_window(segment);
}

static struct track_result check_syn_ack_late(const struct segment *segment)
{
	return track_tcp_syn_answered(segment) ? TRACK_PASSED : check_window(segment);
}

struct track_result track_tcp_check(enum check check, const struct segment *segment)
{
	switch (check) {
	case BELIEVE:
		return TRACK_PASSED;
	case REOPEN:
		return track_no(TRACK_REOPEN, SEKISHO_REASON_NOT_AN_OPENING);
	case GONE:
		return track_no(TRACK_DROP, SEKISHO_REASON_FLOW_CLOSED);
	case DOUBTS_RST:
		return check_doubts_rst(segment);
	case RST_AGAIN:
		return check_rst_again(segment);
	case BAD_SET:
		return track_no(TRACK_DROP, SEKISHO_REASON_BAD_FLAGS);
	case TOO_EARLY:
		return track_no(TRACK_DROP, SEKISHO_REASON_BAD_HANDSHAKE);
	case NO_ANSWER:
		return track_no(TRACK_JUDGE, SEKISHO_REASON_BAD_HANDSHAKE);
	case NO_OPENING:
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NOT_AN_OPENING);
	case SIMULTANEOUS:
		return track_no(TRACK_JUDGE, SEKISHO_REASON_SIMULTANEOUS_OPEN);
	case OWN_SYN:
		return check_own_syn(segment);
	case NOT_PAST_FIN:
		return check_past_fin(segment);
	case CHALLENGE:
		return check_challenge(segment);
	case ACKS_SYN:
		return check_acks_syn(segment);
	case IN_WINDOW:
		return check_in_window(segment);
	case BEHIND:
		return check_behind(segment);
	case HANDSHAKE:
		return check_handshake(segment);
	case CROSSED:
		return check_crossed(segment);
	case SYN_ACK_LATE:
		return check_syn_ack_late(segment);
	case RST_EARLY:
		return check_rst_early(segment);
	case RST_EXACT:
		return check_rst_exact(segment);
	case RST_ANSWER:
		return check_rst_answer(segment);
	case UNCHECKED:
		break;
	}
	assert(!"a cell of the table is left out");
	return track_no(TRACK_DROP, SEKISHO_REASON_BAD_FLAGS);
}
