/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_tcp_syn.c: SYNs that come again. A copy of the SYN that opened a flow means nothing; one
 * with another number on a flow that lives may be that of a host that has forgotten it. It
 * passes, and we remember it until the other host answers (STRICT-15): in an extension of the
 * flow, since a flow has no room for the numbers of two connections and this is rare.
 */
#include "track_tcp.h"
#include "track_window.h"

bool track_tcp_syn_is_own(const struct segment *segment)
{
	const struct flow_tcp_side *sender = segment->sender;
	uint32_t seq = segment->tcp->seq;

	if (!sender->syn_acked)
		return seq == sender->acked;
	if (segment->direction != segment->flow->opener)
		return seq + 1 == sender->acked;
	return (uint16_t)seq == segment->flow->syn_mark && track_window_before(seq, sender->end);
}

/* In an extension of the flow; begins with a key of no family, so that ageing takes it for none. */
struct later_syn {
	struct flow_key none;
	struct flow_tcp_side sides[2];
	uint16_t mark;
	bool waits;
};

_Static_assert(sizeof(struct later_syn) <= sizeof(struct flow), "fits an entry of the table");

static struct later_syn *later_syn(const struct segment *segment)
{
	return flow_table_extension(segment->track->table, segment->flow);
}

void track_tcp_syn_remember(const struct segment *segment)
{
	struct later_syn *later = later_syn(segment);
	unsigned opener = segment->direction;

	if (!segment->track->profile->tcp_validates || opener != segment->flow->opener ||
	    track_tcp_syn_is_own(segment))
		return;
	if (later == NULL)
		later = flow_table_extend(segment->track->table, segment->flow);
	if (later == NULL)
		return;
	track_window_init(later->sides);
	track_window_syn(&later->sides[opener], &later->sides[!opener], segment->tcp);
	later->mark = (uint16_t)segment->tcp->seq;
	later->waits = true;
}

bool track_tcp_syn_answered(const struct segment *segment)
{
	const struct later_syn *later = later_syn(segment);

	return later != NULL && later->waits && segment->direction != segment->flow->opener &&
	       (segment->tcp->flags & PACKET_TCP_ACK) &&
	       track_window_is_next(&later->sides[!segment->direction], segment->tcp->ack);
}

void track_tcp_syn_adopt(const struct segment *segment)
{
	struct later_syn *later = later_syn(segment);

	segment->flow->track.tcp[0] = later->sides[0];
	segment->flow->track.tcp[1] = later->sides[1];
	segment->flow->syn_mark = later->mark;
	segment->flow->state = FLOW_SYN_SENT;
	later->waits = false;
}

bool track_tcp_memory_is_sound(const void *memory)
{
	uint8_t waits;

	memcpy(&waits, (const uint8_t *)memory + offsetof(struct later_syn, waits), sizeof(waits));
	return waits <= 1;
}
