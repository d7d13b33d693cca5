/* SPDX-License-Identifier: BSD-3-Clause */
/* track_tcp_effect.c: what segments do to their flow. None of them refuses anything. */
#include <assert.h>

#include "track_tcp.h"
#include "track_window.h"

static void begin(const struct segment *segment)
{
	if (track_tcp_syn_is_own(segment)) {
		track_window_syn_again(segment->sender, segment->receiver, segment->tcp);
		return;
	}
	track_window_syn(segment->sender, segment->receiver, segment->tcp);
	segment->flow->syn_mark = (uint16_t)segment->tcp->seq;
}

static void cross(const struct segment *segment)
{
	track_window_syn(segment->sender, segment->receiver, segment->tcp);
	track_window_settle(segment->sender, segment->receiver);
	track_window_settle(segment->receiver, segment->sender);
	segment->flow->state = FLOW_SYN_CROSSED;
}

static void answer(const struct segment *segment)
{
	struct flow_tcp_side *server = segment->sender, *client = segment->receiver;

	if (track_tcp_syn_answered(segment))
		track_tcp_syn_adopt(segment);
	if (server->scale != TRACK_WINDOW_UNKNOWN && segment->tcp->seq == server->acked)
		return; /* the same again */
	track_window_syn(server, client, segment->tcp);
	track_window_settle(server, client);
	track_window_settle(client, server);
	client->acked = segment->tcp->ack;
	client->syn_acked = true;
	segment->flow->state = FLOW_SYN_RECEIVED;
}

/* Once both sides have spoken. */
static void follow_fins(struct flow *flow)
{
	const struct flow_tcp_side *a = &flow->track.tcp[0], *b = &flow->track.tcp[1];

	if (flow->state == FLOW_SYN_SENT || flow->state == FLOW_PICKED_UP || !(a->fin || b->fin))
		return;
	if (a->fin && b->fin)
		flow->state = a->fin_acked && b->fin_acked ? FLOW_TIME_WAIT : FLOW_LAST_ACK;
	else
		flow->state = a->fin_acked || b->fin_acked ? FLOW_CLOSE_WAIT : FLOW_FIN_WAIT;
}

static void note_fins(const struct segment *segment)
{
	struct flow_tcp_side *sender = segment->sender, *receiver = segment->receiver;
	const struct packet_tcp *tcp = segment->tcp;

	if (receiver->fin && !track_window_before(tcp->ack, receiver->end))
		receiver->fin_acked = true;
	if (tcp->flags & PACKET_TCP_FIN)
		sender->fin = true;
	follow_fins(segment->flow);
}

static void numbers(const struct segment *segment)
{
	track_window_follow(segment->sender, segment->receiver, segment->tcp);
}

static void acknowledge(const struct segment *segment)
{
	numbers(segment);
	segment->receiver->syn_acked = true;
	if (segment->sender->syn_acked)
		segment->flow->state = FLOW_ESTABLISHED;
	note_fins(segment);
}

static void answered(const struct segment *segment)
{
	numbers(segment);
	segment->receiver->syn_acked = true;
	segment->flow->state =
		segment->flow->state == FLOW_SYN_SENT ? FLOW_SYN_RECEIVED : FLOW_ESTABLISHED;
	note_fins(segment);
}

/* It is beyond doubt when all was acknowledged before it, or in the handshake. */
static void close_by(const struct segment *segment)
{
	struct flow_tcp_side *sender = segment->sender;

	sender->fin = true;
	segment->receiver->fin = false;
	sender->fin_acked = !sender->syn_acked ||
			    (sender->acked == sender->end && segment->tcp->seq == sender->end);
	segment->flow->state = FLOW_CLOSED;
}

/* The segment passes because it fits, or because it says itself where the connection is. */
static void catch_up(const struct segment *segment)
{
	bool fits = track_window_check(segment->sender, segment->receiver, segment->tcp) ==
		    SEKISHO_BOUND_NONE;

	if (track_is_originator(segment->flow, segment->direction)) {
		if (!fits)
			track_window_catch_up(segment->sender, segment->receiver, segment->tcp);
		segment->flow->caught_up = true;
	} else if (!fits) {
		return;
	} else if (segment->flow->caught_up) {
		segment->flow->state = FLOW_ESTABLISHED;
	}
	numbers(segment);
	note_fins(segment);
}

void track_tcp_apply(enum effect effect, const struct segment *segment)
{
	switch (effect) {
	case KEEP:
		return;
	case BEGIN:
		begin(segment);
		return;
	case REMEMBER:
		track_tcp_syn_remember(segment);
		return;
	case CROSS:
		cross(segment);
		return;
	case ANSWER:
		answer(segment);
		return;
	case ANSWERED:
		answered(segment);
		return;
	case ACKNOWLEDGE:
		acknowledge(segment);
		return;
	case NUMBERS:
		numbers(segment);
		return;
	case SEGMENT:
		numbers(segment);
		note_fins(segment);
		return;
	case CATCH_UP:
		catch_up(segment);
		return;
	case RENEW:
		if (track_tcp_syn_answered(segment))
			answer(segment);
		return;
	case CLOSE:
		close_by(segment);
		return;
	case UNDECIDED:
		break;
	}
	assert(!"a cell of the table is left out");
}
