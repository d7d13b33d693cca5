/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_window.c: the numbers of TCP: what is in the window, and how a segment moves it (STRICT-13; van
 * Rooij; RFC 7323, 9293).
 *
 * Chosen: how far a side may go is kept in whole units of the other's scale past what is acknowledged,
 * rounded up: never less than was offered, and a little more where a window is carried over an ACK.
 */
#include "model.h"

#define ACK_REACH_MIN 65536 /* an ACK may be as old as an unscaled window, whatever was offered */

/* Sequence numbers wrap. */
bool model_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

uint32_t model_later(uint32_t a, uint32_t b)
{
	return model_before(a, b) ? b : a;
}

/* One past the segment's last number: data, and one each for SYN and FIN. */
uint32_t model_tcp_end(const struct model_packet *packet)
{
	return packet->seq + packet->data_length + !!(packet->flags & TCP_SYN) +
	       !!(packet->flags & TCP_FIN);
}

/* What the windows of `of` are shifted by: nothing, unless both SYNs had the option (RFC 7323). */
static unsigned shift(const struct model_tcp *of, const struct model_tcp *other)
{
	return of->scale == MODEL_NO_SCALE || other->scale == MODEL_NO_SCALE ? 0 : of->scale;
}

/*
 * How far back what `other` sends to `side` may go: the largest window that was offered, as the power of
 * two that is not less; chosen: where windows are scaled, two of them, but never above 2^30.
 */
static uint32_t reach(const struct model_tcp *side, const struct model_tcp *other)
{
	uint32_t power = 1;

	while (power < side->largest_window)
		power *= 2;
	if (side->scale != MODEL_NO_SCALE && other->scale != MODEL_NO_SCALE && power < 1u << 30)
		power *= 2;
	return power;
}

/* The number that is acknowledged, past the SYN, which is so in any case. */
uint32_t model_next_base(const struct model_tcp *side)
{
	return side->acked + (side->syn_acked ? 0 : 1);
}

/* How far the other side lets this one go; a closed window may be probed with one byte. */
static uint32_t upper_edge(const struct model_tcp *side)
{
	return model_next_base(side) + (side->room > 0 ? side->room : 1);
}

/* Bytes in whole units of what `of` scales its windows by. */
static uint32_t whole_units(uint32_t bytes, const struct model_tcp *of,
			    const struct model_tcp *other)
{
	uint32_t unit = 1u << shift(of, other);

	return (bytes + unit - 1) / unit * unit;
}

/* More than a window back, and nothing in it that was not acknowledged. */
bool model_is_old(const struct model_tcp *sender, const struct model_tcp *receiver, uint32_t seq,
		  uint32_t end)
{
	return model_before(seq, sender->end - reach(receiver, sender)) &&
	       model_before(seq, sender->acked) && !model_before(sender->acked, end);
}

/* The bound that a segment of `sender` fails. No window keeps a FIN back, nor the words of a RST. */
enum sekisho_bound model_failed_bound(const struct model_tcp *sender,
				      const struct model_tcp *receiver,
				      const struct model_packet *packet)
{
	uint32_t end = model_tcp_end(packet) - !!(packet->flags & TCP_FIN);
	uint32_t ack_reach = reach(sender, receiver);

	if (ack_reach < ACK_REACH_MIN)
		ack_reach = ACK_REACH_MIN;
	if (packet->flags & TCP_RST)
		end = packet->seq;
	if (model_before(upper_edge(sender), end))
		return SEKISHO_BOUND_DATA_UPPER;
	if (model_is_old(sender, receiver, packet->seq, end))
		return SEKISHO_BOUND_DATA_LOWER;
	if (!(packet->flags & TCP_ACK))
		return SEKISHO_BOUND_NONE;
	if (model_before(receiver->end, packet->ack))
		return SEKISHO_BOUND_ACK_UPPER;
	if (model_before(packet->ack, receiver->end - ack_reach))
		return SEKISHO_BOUND_ACK_LOWER;
	return SEKISHO_BOUND_NONE;
}

/* ---- What a segment says of them ----------------------------------------------------------------- */

/* `sender` lets the receiver go up to this; what it once has allowed it cannot take back. */
static void allow(struct model_tcp *sender, struct model_tcp *receiver, uint32_t ack,
		  uint32_t window)
{
	uint32_t edge = model_later(model_next_base(receiver) + receiver->room, ack + window);

	if (model_before(receiver->acked, ack)) { /* and with it the SYN */
		receiver->acked = ack;
		receiver->syn_acked = true;
	}
	edge = model_later(edge, model_next_base(receiver));
	receiver->room = whole_units(edge - model_next_base(receiver), sender, receiver);
}

void model_offer(struct model_tcp *sender, struct model_tcp *receiver,
		 const struct model_packet *packet)
{
	/* a SYN's own window is never scaled */
	uint32_t window = (uint32_t)packet->window
			  << (packet->flags & TCP_SYN ? 0 : shift(sender, receiver));

	if (window > sender->largest_window)
		sender->largest_window = window;
	allow(sender, receiver, packet->ack, window);
}

/* A side begins with its SYN; it may go as far as the other side's SYN, if any, has offered. */
void model_begin(struct model_tcp *sender, struct model_tcp *receiver,
		 const struct model_packet *packet)
{
	*sender = (struct model_tcp){.known = true,
				     .end = model_tcp_end(packet),
				     .acked = packet->seq,
				     .room = sender->room < 65535 ? sender->room : 65535,
				     .scale = packet->scale,
				     .largest_window = packet->window};
	receiver->room = packet->window;
}

/* Both scales are known from here on. */
void model_settle(struct model_tcp *one, struct model_tcp *other)
{
	one->room = whole_units(one->room, other, one);
	other->room = whole_units(other->room, one, other);
}

/* The opener's SYN again: with more data, or a larger window, as it may be. */
void model_begin_again(struct model_tcp *sender, struct model_tcp *receiver,
		       const struct model_packet *packet)
{
	sender->end = model_later(sender->end, model_tcp_end(packet));
	if (packet->scale != MODEL_NO_SCALE)
		sender->scale = packet->scale;
	if (packet->window > sender->largest_window)
		sender->largest_window = packet->window;
	if (packet->window > receiver->room)
		receiver->room = packet->window;
}
