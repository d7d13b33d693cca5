/* SPDX-License-Identifier: BSD-3-Clause */
/* track_window.c: the arithmetic of track_window.h. */
#include "track_window.h"

#define ACK_REACH_MIN 65536u
#define SCALE_MAX     14
#define REACH_MAX     30 /* bits */

/* Windows are scaled if both SYNs had the option (RFC 7323). */
static bool are_scaled(const struct flow_tcp_side *one, const struct flow_tcp_side *other)
{
	return one->scale <= SCALE_MAX && other->scale <= SCALE_MAX;
}

/* What windows of `of` are shifted by. */
static unsigned shift(const struct flow_tcp_side *of, const struct flow_tcp_side *other)
{
	return are_scaled(of, other) ? of->scale : 0;
}

/* How far back what `other` sends to `of` may go. */
static uint32_t reach(const struct flow_tcp_side *of, const struct flow_tcp_side *other)
{
	unsigned bits = of->reach + are_scaled(of, other);

	return 1u << (bits < REACH_MAX ? bits : REACH_MAX);
}

/* The power of two that is not less. */
static unsigned bits_of(uint32_t window)
{
	return window <= 1 ? 0 : 32 - (unsigned)__builtin_clz(window - 1);
}

/* A window in units of 1 << by, rounded up: never less than was offered. */
static uint16_t units(uint32_t bytes, unsigned by)
{
	return (uint16_t)((bytes + (1u << by) - 1) >> by);
}

/* From where on its sender may go: past its SYN, acknowledged or not. */
static uint32_t base(const struct flow_tcp_side *side)
{
	return side->acked + !side->syn_acked;
}

/* A closed window may still be probed with one byte (RFC 9293 3.8.6.1). */
static uint32_t limit_of(const struct flow_tcp_side *sender, const struct flow_tcp_side *receiver)
{
	uint32_t room = (uint32_t)sender->room << shift(receiver, sender);

	return base(sender) + (room > 0 ? room : 1);
}

/* More than a window back, and nothing in it that was not acknowledged. */
static bool is_old(const struct flow_tcp_side *sender, const struct flow_tcp_side *receiver,
		   uint32_t sequence, uint32_t end)
{
	return track_window_before(sequence, sender->end - reach(receiver, sender)) &&
	       track_window_before(sequence, sender->acked) &&
	       !track_window_before(sender->acked, end);
}

void track_window_init(struct flow_tcp_side sides[2])
{
	for (int i = 0; i < 2; i++)
		sides[i] = (struct flow_tcp_side){.scale = TRACK_WINDOW_UNKNOWN};
}

void track_window_syn(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
		      const struct packet_tcp *tcp)
{
	/* what the other's SYN has allowed, in bytes again, as the scales may not be the same */
	uint32_t room = (uint32_t)sender->room << shift(receiver, sender);

	*sender = (struct flow_tcp_side){.end = packet_tcp_end(tcp),
					 .acked = tcp->seq,
					 .room = (uint16_t)(room < UINT16_MAX ? room : UINT16_MAX),
					 .scale = tcp->scale,
					 .reach = bits_of(tcp->window) & 31u};
	receiver->room = tcp->window;
}

void track_window_syn_again(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			    const struct packet_tcp *tcp)
{
	if (track_window_before(sender->end, packet_tcp_end(tcp)))
		sender->end = packet_tcp_end(tcp);
	if (tcp->scale != PACKET_TCP_NO_SCALE)
		sender->scale = tcp->scale;
	if (receiver->room < tcp->window)
		receiver->room = tcp->window;
	if (sender->reach < bits_of(tcp->window))
		sender->reach = bits_of(tcp->window) & 31u;
}

void track_window_settle(const struct flow_tcp_side *sender, struct flow_tcp_side *receiver)
{
	receiver->room = units(receiver->room, shift(sender, receiver));
}

void track_window_pick_up(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			  const struct packet_tcp *tcp)
{
	sender->end = packet_tcp_end(tcp);
	sender->acked = tcp->seq;
	receiver->end = receiver->acked = tcp->ack;
}

static inline enum sekisho_bound check_data(const struct flow_tcp_side *sender,
					    const struct flow_tcp_side *receiver,
					    const struct packet_tcp *tcp)
{
	uint32_t end = packet_tcp_end(tcp);

	/* no window keeps a FIN back, nor does it what a RST says to people */
	if (tcp->flags & PACKET_TCP_RST)
		end = tcp->seq;
	else if (tcp->flags & PACKET_TCP_FIN)
		end--;
	if (track_window_before(limit_of(sender, receiver), end))
		return SEKISHO_BOUND_DATA_UPPER;
	if (is_old(sender, receiver, tcp->seq, end))
		return SEKISHO_BOUND_DATA_LOWER;
	return SEKISHO_BOUND_NONE;
}

static inline enum sekisho_bound check_ack(const struct flow_tcp_side *sender,
					   const struct flow_tcp_side *receiver,
					   const struct packet_tcp *tcp)
{
	uint32_t ack_reach = reach(sender, receiver);

	if (!(tcp->flags & PACKET_TCP_ACK))
		return SEKISHO_BOUND_NONE;
	if (track_window_before(receiver->end, tcp->ack))
		return SEKISHO_BOUND_ACK_UPPER;
	if (ack_reach < ACK_REACH_MIN)
		ack_reach = ACK_REACH_MIN;
	if (track_window_before(tcp->ack, receiver->end - ack_reach))
		return SEKISHO_BOUND_ACK_LOWER;
	return SEKISHO_BOUND_NONE;
}

enum sekisho_bound track_window_check(const struct flow_tcp_side *sender,
				      const struct flow_tcp_side *receiver,
				      const struct packet_tcp *tcp)
{
	enum sekisho_bound bound = check_data(sender, receiver, tcp);

	return bound != SEKISHO_BOUND_NONE ? bound : check_ack(sender, receiver, tcp);
}

void track_window_catch_up(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			   const struct packet_tcp *tcp)
{
	bool knows_data = check_data(sender, receiver, tcp) == SEKISHO_BOUND_NONE;
	bool knows_ack = check_ack(sender, receiver, tcp) == SEKISHO_BOUND_NONE;

	if (!knows_data) {
		sender->end = packet_tcp_end(tcp);
		sender->acked = tcp->seq;
	}
	if (!knows_ack)
		receiver->end = receiver->acked = tcp->ack;
}

bool track_window_is_next(const struct flow_tcp_side *side, uint32_t sequence)
{
	return sequence == side->end || sequence == base(side);
}

/* `ack` and `window` of the sender: how far they let the receiver go. */
static void grant(const struct flow_tcp_side *sender, struct flow_tcp_side *receiver, uint32_t ack,
		  uint32_t window)
{
	unsigned by = shift(sender, receiver);
	uint32_t room = (uint32_t)receiver->room << by, moved = ack - base(receiver);

	if (track_window_before(receiver->acked, ack)) {
		room = room > moved ? room - moved : 0;
		receiver->acked = ack;
		receiver->syn_acked = true; /* with whatever came after it */
	} else { /* overtaken by a later one, it may still have offered more */
		window = window > -moved ? window - -moved : 0;
	}
	receiver->room = units(room > window ? room : window, by);
}

void track_window_follow(struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			 const struct packet_tcp *tcp)
{
	uint32_t end = packet_tcp_end(tcp), window = tcp->window;

	if (track_window_before(sender->end, end))
		sender->end = end;
	if (!(tcp->flags & PACKET_TCP_ACK))
		return;
	if (!(tcp->flags & PACKET_TCP_SYN))
		window <<= shift(sender, receiver);
	if (bits_of(window) > sender->reach)
		sender->reach = bits_of(window) & 31u;
	grant(sender, receiver, tcp->ack, window);
}

bool track_window_in_flight(const struct flow_tcp_side *sender,
			    const struct flow_tcp_side *receiver, uint32_t sequence)
{
	return !track_window_before(sender->end, sequence) &&
	       !is_old(sender, receiver, sequence, sequence);
}
