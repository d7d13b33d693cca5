/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_tcp.c: TCP as aws-like believes it (AWS-77, 80..86) and as strict has it proved (STRICT-10..17;
 * van Rooij; RFC 5961, 7413, 9293).
 *
 * The two differ in what they let pass. What a segment that passes says about its flow is the same.
 *
 * Chosen where the clauses are silent:
 * - the opener's earlier packets need the handshake too: before its SYN is answered it says SYN or RST;
 * - any SYN-ACK that acknowledges the SYN counts, the latest with its number (SYN cookies);
 * - a SYN with a new number on a flow that lives passes by STRICT-15, and the other host's answer to
 *   exactly that SYN begins the connection anew or, as a RST, ends it;
 * - only the low half of the opener's first sequence number is kept once its SYN was acknowledged;
 * - what comes after a FIN that was acknowledged finds its flow closed, under both (AWS-82);
 * - a flow picked up is on the timer of a lone SYN until the other side speaks.
 */
#include "model.h"

/* ---- Flags: STRICT-10 ------------------------------------------------------------------------- */

enum class { SYN, SYN_ACK, ACK, FIN, RST, ODD };

/* PSH, URG and the congestion bits say nothing about the state. */
static enum class class_of(const struct model_packet *packet) {
	switch (packet->flags &(TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)){
		case TCP_SYN : return SYN; case TCP_SYN | TCP_ACK : return SYN_ACK;
		case TCP_ACK : return ACK;
		case TCP_FIN | TCP_ACK : return FIN;
		case TCP_RST : case TCP_RST | TCP_ACK : return RST;
		default : return ODD; /* none, SYN+FIN, SYN+RST, FIN without ACK, all, ... */
	}
}

enum sekisho_reason model_tcp_may_open(const struct model *model, const struct model_packet *packet)
{
	if (class_of(packet) == SYN)
		return MODEL_FINE;
	if (model_is_strict(model, packet))
		return class_of(packet) == ODD ? SEKISHO_REASON_BAD_FLAGS
					       : SEKISHO_REASON_NOT_AN_OPENING;
	return model->policy[packet->zone]->aws.tcp_pickup ? MODEL_FINE /* AWS-80 */
							   : SEKISHO_REASON_NOT_AN_OPENING;
}

/* ---- Is it of the flow? --------------------------------------------------------------------------- */

/* A segment on its flow. */
struct segment {
	const struct model_packet *packet;
	const struct model_flow *flow;
	const struct model_tcp *sender, *receiver;
	enum class class;
	bool from_opener;
};

static const struct model_opinion passes = {.outcome = MODEL_PASSES};

static struct model_opinion in_window(const struct segment *s)
{
	struct model_opinion opinion = passes;

	opinion.bound = model_failed_bound(s->sender, s->receiver, s->packet);
	if (opinion.bound != SEKISHO_BOUND_NONE) {
		opinion.outcome = MODEL_DROPS;
		opinion.reason = SEKISHO_REASON_OUT_OF_WINDOW;
	}
	return opinion;
}

/* AWS-82: nothing comes after a FIN that was acknowledged. */
static struct model_opinion not_past_fin(const struct segment *s)
{
	if (s->sender->fin_acked && model_before(s->sender->end, model_tcp_end(s->packet)))
		return model_opinion(MODEL_DROPS, SEKISHO_REASON_FLOW_CLOSED);
	return passes;
}

/* The number that the other side expects next: as it has acknowledged, or as was sent. */
static bool is_next(const struct model_tcp *side, uint32_t number)
{
	return number == side->end || number == model_next_base(side);
}

/* A copy of the SYN that this side has sent. */
static bool is_own_syn(const struct segment *s)
{
	if (!s->sender->syn_acked)
		return s->packet->seq == s->sender->acked;
	if (!s->from_opener)
		return s->packet->seq + 1 == s->sender->acked;
	return (uint16_t)s->packet->seq == (uint16_t)s->flow->tcp_first_seq &&
	       model_before(s->packet->seq, s->sender->end);
}

/* STRICT-15: it acknowledges exactly the later SYN that has passed on this flow. */
static bool answers_later_syn(const struct segment *s)
{
	return s->flow->later_syn_waits && !s->from_opener && (s->packet->flags & TCP_ACK) &&
	       is_next(&s->flow->later_syn, s->packet->ack);
}

/* STRICT-12: exactly the SYN's sequence + 1, or + 1 + the data that it had (TFO). */
static struct model_opinion acknowledges_syn(const struct segment *s)
{
	if (((s->packet->flags & TCP_ACK) && is_next(s->receiver, s->packet->ack)) ||
	    answers_later_syn(s))
		return passes;
	return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_BAD_HANDSHAKE);
}

/* Acknowledges the other side's SYN if nothing has as yet, and is in the window. */
static struct model_opinion completes_handshake(const struct segment *s)
{
	if (!s->receiver->syn_acked && (!model_before(s->receiver->acked, s->packet->ack) ||
					model_before(s->receiver->end, s->packet->ack)))
		return model_opinion(MODEL_DROPS, SEKISHO_REASON_BAD_HANDSHAKE);
	return in_window(s);
}

/* STRICT-14: only at the exact next number; or it refuses the later SYN. */
static struct model_opinion rst_is_exact(const struct segment *s)
{
	struct model_opinion opinion = in_window(s);

	if (answers_later_syn(s))
		return passes;
	if (opinion.outcome == MODEL_PASSES && !is_next(s->sender, s->packet->seq))
		return model_opinion(MODEL_DROPS, SEKISHO_REASON_RST_INEXACT);
	return opinion;
}

/* STRICT-15: the trigger of a challenge ACK passes in the originator direction. */
static struct model_opinion challenges(const struct segment *s)
{
	return s->flow->opened[s->packet->direction]
		       ? passes
		       : model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_SIMULTANEOUS_OPEN);
}

/* Before the SYN is answered. */
static struct model_opinion strict_syn_sent(const struct segment *s)
{
	if (!s->from_opener) {
		if (s->class == SYN) /* STRICT-11 */
			return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_SIMULTANEOUS_OPEN);
		if (s->class == SYN_ACK || s->class == RST) /* STRICT-12, 14 */
			return acknowledges_syn(s);
		return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_BAD_HANDSHAKE);
	}
	if (s->class == SYN)
		return is_own_syn(s) ? passes : model_opinion(MODEL_OVER, SEKISHO_REASON_NO_RULE);
	if (s->class == RST && is_next(s->sender, s->packet->seq))
		return passes;
	return model_opinion(MODEL_DROPS, SEKISHO_REASON_BAD_HANDSHAKE);
}

/* A SYN against a SYN, each under its own rule: both are to be acknowledged. */
static struct model_opinion strict_syn_crossed(const struct segment *s)
{
	switch (s->class) {
	case SYN:
		return challenges(s);
	case SYN_ACK: /* with the number of its own SYN */
		if (!s->sender->syn_acked && s->packet->seq != s->sender->acked)
			return model_opinion(MODEL_DROPS, SEKISHO_REASON_BAD_HANDSHAKE);
		return completes_handshake(s);
	case RST:
		return acknowledges_syn(s).outcome == MODEL_PASSES ? passes : rst_is_exact(s);
	default:
		return completes_handshake(s);
	}
}

/* The SYN is answered, and that is not acknowledged. */
static struct model_opinion strict_syn_received(const struct segment *s)
{
	if (s->class == SYN)
		return challenges(s);
	if (s->from_opener) {
		if (s->class == SYN_ACK)
			return model_opinion(MODEL_DROPS, SEKISHO_REASON_BAD_HANDSHAKE);
		return s->class == RST ? rst_is_exact(s) : completes_handshake(s);
	}
	if (s->class == SYN_ACK)
		return acknowledges_syn(s);
	if (s->class == RST)
		return acknowledges_syn(s).outcome == MODEL_PASSES ? passes : rst_is_exact(s);
	return in_window(s);
}

static struct model_opinion strict_established(const struct segment *s)
{
	switch (s->class) {
	case SYN:
		return challenges(s);
	case SYN_ACK:
		return answers_later_syn(s) ? passes : in_window(s);
	case RST:
		return rst_is_exact(s);
	default:
		return in_window(s);
	}
}

/* Once a side has sent FIN. STRICT-14: any RST in the window closes. */
static struct model_opinion strict_closing(const struct segment *s)
{
	struct model_opinion opinion;

	if (s->class ==
	    SYN) { /* STRICT-15: a new connection, but for a copy of the old one's SYN */
		if (s->flow->state != TIME_WAIT && is_own_syn(s))
			return passes;
		return model_opinion(MODEL_OVER, SEKISHO_REASON_NO_RULE);
	}
	opinion = in_window(s);
	return opinion.outcome != MODEL_PASSES || s->class == RST ? opinion : not_past_fin(s);
}

static struct model_opinion closed(const struct segment *s)
{
	if (s->class == SYN) /* AWS-84, STRICT-15 */
		return model_opinion(MODEL_OVER, SEKISHO_REASON_NO_RULE);
	return model_opinion(MODEL_DROPS, SEKISHO_REASON_FLOW_CLOSED);
}

/*
 * RFC 5961: with data on the way, the host may see a RST otherwise than we, and challenge it. So it is
 * heard, and so is the exact RST that answers, until one was beyond doubt.
 */
static struct model_opinion strict_closed(const struct segment *s)
{
	bool challenges = s->class == ACK || s->class == FIN;

	if (challenges && s->receiver->rst_in_doubt && in_window(s).outcome == MODEL_PASSES)
		return passes;
	if (s->class == RST && s->sender->rst_in_doubt && rst_is_exact(s).outcome == MODEL_PASSES)
		return passes;
	return closed(s);
}

static struct model_opinion strict_belongs(const struct segment *s)
{
	if (s->class == ODD)
		return model_opinion(MODEL_DROPS, SEKISHO_REASON_BAD_FLAGS);
	switch (s->flow->state) {
	case SYN_SENT:
		return strict_syn_sent(s);
	case SYN_CROSSED:
		return strict_syn_crossed(s);
	case SYN_RECEIVED:
		return strict_syn_received(s);
	case ESTABLISHED:
		return strict_established(s);
	case CLOSED:
		return strict_closed(s);
	default:
		return strict_closing(s);
	}
}

/* AWS-83: no windows, no flags; AWS-82, 84: but what is closed is closed, and a SYN begins anew. */
static struct model_opinion aws_belongs(const struct segment *s)
{
	switch (s->flow->state) {
	case CLOSED:
		return closed(s);
	case FIN_WAIT:
	case CLOSE_WAIT:
	case LAST_ACK:
	case TIME_WAIT:
		if (s->class == SYN)
			return s->flow->state != TIME_WAIT && is_own_syn(s)
				       ? passes
				       : model_opinion(MODEL_OVER, SEKISHO_REASON_NO_RULE);
		return s->class == ACK || s->class == FIN ? not_past_fin(s) : passes;
	default:
		return passes;
	}
}

static struct segment segment_of(const struct model_flow *flow, const struct model_packet *packet)
{
	return (struct segment){.packet = packet,
				.flow = flow,
				.sender = &flow->tcp[packet->direction],
				.receiver = &flow->tcp[!packet->direction],
				.class = class_of(packet),
				.from_opener = packet->direction == flow->opener};
}

struct model_opinion model_tcp_belongs(struct model *model, const struct model_flow *flow,
				       const struct model_packet *packet)
{
	const struct segment segment = segment_of(flow, packet);

	return model_is_strict(model, packet) ? strict_belongs(&segment) : aws_belongs(&segment);
}

/* STRICT-60, RFC 5927: the quoted sequence is one that may be on its way. */
bool model_tcp_quotes(const struct model_flow *flow, const struct model_packet *quoted)
{
	const struct model_tcp *sender = &flow->tcp[quoted->direction];

	return sender->known && !model_before(sender->end, quoted->seq) &&
	       !model_is_old(sender, &flow->tcp[!quoted->direction], quoted->seq, quoted->seq);
}

/* ---- What it says, once it passes ----------------------------------------------------------------- */

static void note_numbers(struct model_flow *flow, const struct model_packet *packet)
{
	struct model_tcp *sender = &flow->tcp[packet->direction];

	sender->end = model_later(sender->end, model_tcp_end(packet));
	if (packet->flags & TCP_ACK)
		model_offer(sender, &flow->tcp[!packet->direction], packet);
}

/* Its FIN, and that it acknowledges the other side's. */
static void note_fins(struct model_flow *flow, const struct model_packet *packet)
{
	struct model_tcp *one = &flow->tcp[packet->direction];
	struct model_tcp *other = &flow->tcp[!packet->direction];

	if (other->fin && !model_before(packet->ack, other->end))
		other->fin_acked = true;
	if (packet->flags & TCP_FIN)
		one->fin = true;
	if (flow->state == SYN_SENT || flow->state == PICKED_UP || !(one->fin || other->fin))
		return;
	if (one->fin && other->fin)
		flow->state = one->fin_acked && other->fin_acked ? TIME_WAIT : LAST_ACK;
	else
		flow->state = one->fin_acked || other->fin_acked ? CLOSE_WAIT : FIN_WAIT;
}

/* The other side answers the SYN, or answers it otherwise than before. */
static void note_syn_ack(struct model_flow *flow, const struct model_packet *packet)
{
	struct model_tcp *server = &flow->tcp[packet->direction];
	struct model_tcp *client = &flow->tcp[!packet->direction];

	if (server->known && packet->seq == server->acked)
		return;
	model_begin(server, client, packet);
	model_settle(server, client);
	client->acked = packet->ack;
	client->syn_acked = true;
	flow->state = SYN_RECEIVED;
}

/* STRICT-15: the host has answered the later SYN, so that is the connection from now on. */
static void adopt_later_syn(struct model_flow *flow)
{
	flow->tcp[flow->opener] = flow->later_syn;
	flow->tcp[!flow->opener] =
		(struct model_tcp){.scale = MODEL_NO_SCALE, .room = flow->later_syn.largest_window};
	flow->tcp_first_seq = flow->later_syn.acked;
	flow->later_syn_waits = false;
	flow->state = SYN_SENT;
}

static void note_later_syn(struct model_flow *flow, const struct model_packet *packet)
{
	struct model_tcp nobody = {0};

	flow->later_syn = (struct model_tcp){0};
	model_begin(&flow->later_syn, &nobody, packet);
	flow->later_syn_waits = true;
}

static void note_syn(struct model *model, struct model_flow *flow,
		     const struct model_packet *packet)
{
	const struct segment s = segment_of(flow, packet);
	struct model_tcp *sender = &flow->tcp[packet->direction];
	struct model_tcp *receiver = &flow->tcp[!packet->direction];

	if (flow->state == SYN_SENT && s.from_opener) {
		if (is_own_syn(&s)) {
			model_begin_again(sender, receiver, packet);
		} else {
			model_begin(sender, receiver, packet);
			flow->tcp_first_seq = packet->seq;
		}
	} else if (flow->state == SYN_SENT) { /* AWS-77, STRICT-11 */
		model_begin(sender, receiver, packet);
		model_settle(sender, receiver);
		flow->state = SYN_CROSSED;
	} else if (model_is_strict(model, packet) && s.from_opener && !is_own_syn(&s) &&
		   flow->opened_by[packet->direction] != packet->number && /* passes by the flow */
		   (flow->state == SYN_CROSSED || flow->state == SYN_RECEIVED ||
		    flow->state == ESTABLISHED)) {
		note_later_syn(flow, packet);
	}
}

/* A SYN-ACK, where it is not merely a late copy. */
static void note_answer(struct model_flow *flow, const struct model_packet *packet)
{
	const struct segment s = segment_of(flow, packet);

	if (answers_later_syn(&s) && (flow->state == SYN_RECEIVED || flow->state == ESTABLISHED))
		adopt_later_syn(flow);
	if (!s.from_opener && (flow->state == SYN_SENT || flow->state == SYN_RECEIVED))
		note_syn_ack(flow, packet);
}

/* An acknowledgement within the handshake. */
static void note_handshake(struct model_flow *flow, const struct model_packet *packet)
{
	bool from_opener = packet->direction == flow->opener;

	switch (flow->state) {
	case SYN_SENT: /* aws-like believes an answer that is no SYN-ACK */
		if (from_opener)
			break;
		flow->tcp[!packet->direction].syn_acked = true;
		flow->state = SYN_RECEIVED;
		break;
	case PICKED_UP: /* AWS-80: until the other side speaks */
		if (from_opener)
			break;
		flow->tcp[!packet->direction].syn_acked = true;
		flow->state = ESTABLISHED;
		break;
	case SYN_RECEIVED:
		if (!from_opener)
			break;
		flow->tcp[!packet->direction].syn_acked = true;
		if (flow->tcp[packet->direction].syn_acked)
			flow->state = ESTABLISHED;
		break;
	case SYN_CROSSED:
		flow->tcp[!packet->direction].syn_acked = true;
		if (flow->tcp[packet->direction].syn_acked)
			flow->state = ESTABLISHED;
		break;
	default:
		break;
	}
}

/* It is beyond doubt when all was acknowledged before it, or in the handshake. */
static void note_rst(struct model_flow *flow, const struct model_packet *packet)
{
	struct model_tcp *sender = &flow->tcp[packet->direction];

	sender->rst_in_doubt =
		sender->syn_acked && (sender->acked != sender->end || packet->seq != sender->end);
	flow->tcp[!packet->direction].rst_in_doubt = false;
	flow->state = CLOSED;
}

static void note_segment(struct model_flow *flow, const struct model_packet *packet)
{
	note_numbers(flow, packet);
	if (flow->state == CLOSED)
		return;
	note_handshake(flow, packet);
	note_fins(flow, packet);
}

/* The first packet of a flow. AWS-80: picked up, its numbers are taken as they are. */
static void note_opening(struct model_flow *flow, const struct model_packet *packet)
{
	struct model_tcp *sender = &flow->tcp[packet->direction];
	struct model_tcp *receiver = &flow->tcp[!packet->direction];

	sender->scale = receiver->scale = MODEL_NO_SCALE;
	if (class_of(packet) == SYN) {
		flow->state = SYN_SENT;
		model_begin(sender, receiver, packet);
		flow->tcp_first_seq = packet->seq;
		return;
	}
	flow->state = class_of(packet) == RST ? CLOSED : PICKED_UP;
	sender->end = model_tcp_end(packet);
	sender->acked = packet->seq;
	receiver->end = receiver->acked = packet->ack;
	sender->fin = class_of(packet) == FIN;
}

void model_tcp_passed(struct model *model, struct model_flow *flow,
		      const struct model_packet *packet)
{
	if (flow->packets[0] + flow->packets[1] == 1) {
		note_opening(flow, packet);
		return;
	}
	switch (class_of(packet)) {
	case SYN:
		note_syn(model, flow, packet);
		break;
	case SYN_ACK:
		if (flow->state == SYN_CROSSED || flow->state == PICKED_UP)
			note_segment(flow, packet);
		else
			note_answer(flow, packet);
		break;
	case RST:
		note_rst(flow, packet);
		break;
	case ACK:
	case FIN:
		note_segment(flow, packet);
		break;
	default:
		break;
	}
}

/* The rest of a segment that came in fragments has passed: its sender has sent up to `end`. */
void model_tcp_stretch(struct model_flow *flow, unsigned direction, uint32_t end)
{
	flow->tcp[direction].end = model_later(flow->tcp[direction].end, end);
}
