/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * properties.c: a sequence through two engines, under conditions that must not make a difference.
 */
#include "properties.h"

#include <netinet/in.h>

#include "drive.h"
#include "record.h"

/* ---- STRICT-7 ---------------------------------------------------------------------------------- */

/*
 * A fragment's drop belongs to its datagram, and one that has met a change of policy may have been what
 * made its flow be judged again: of those nothing is claimed.
 */
static bool is_fragment(const struct event *event)
{
	return event->fragment.is_fragment ||
	       (event->family == SEKISHO_IPV6 && event->tuple.protocol == IPPROTO_FRAGMENT);
}

static bool may_be_left_out(const struct sequence *sequence, const struct record *record,
			    unsigned index)
{
	const struct event *event = &sequence->event[index];

	return event->kind == EVENT_PACKET && !is_fragment(event) &&
	       sekisho_reason_action(record->outcome[index].reason) == SEKISHO_DROP;
}

/* A byte that is bent anywhere may have made a fragment of a packet. */
static bool is_claimed(const struct sequence *sequence)
{
	for (unsigned i = 0; i < sequence->count; i++)
		if (sequence->event[i].kind == EVENT_POLICY ||
		    sequence->event[i].damage.xor_with != 0)
			return false;
	return record_is_exact(sequence);
}

/*
 * The same with room for all that may be held: what leaves hold takes room until its burst is over, so in
 * little room the size of bursts does matter.
 */
static const struct sequence *with_room(const struct sequence *sequence)
{
	static struct sequence roomy;

	roomy = *sequence;
	roomy.config.held = SEQUENCE_EVENTS;
	roomy.config.held_bytes = SEQUENCE_EVENTS * EVENT_FRAME_MAX;
	return &roomy;
}

struct difference property_dropped_change_nothing(const struct sequence *sequence)
{
	static struct sequence without;
	static struct record all, rest;
	struct difference difference = {.found = false};
	unsigned same[SEQUENCE_EVENTS];
	uint32_t gap = 0;

	if (!is_claimed(sequence))
		return difference;
	record(with_room(sequence), DRIVE_BURST, &all);
	without = *sequence;
	without.count = 0;
	for (unsigned i = 0; i < sequence->count; i++) {
		gap += sequence_gap(sequence, i);
		if (may_be_left_out(sequence, &all, i))
			continue;
		same[without.count] = i;
		without.event[without.count] = sequence->event[i];
		without.event[without.count++].gap_ms = gap;
		gap = 0;
	}
	without.tail_ms = gap;
	record(with_room(&without), DRIVE_BURST, &rest);
	difference = record_difference(&all, &rest, same, without.count);
	difference.what = "dropped packets left out";
	difference.sides[0] = "with them the engine";
	difference.sides[1] = "without them it";
	return difference;
}

/* ---- Bursts ------------------------------------------------------------------------------------- */

struct difference property_bursts_are_no_matter(const struct sequence *sequence)
{
	static struct record bursts, single;
	struct difference difference;
	unsigned same[SEQUENCE_EVENTS];

	if (!record_is_exact(sequence))
		return (struct difference){.found = false};
	for (unsigned i = 0; i < sequence->count; i++)
		same[i] = i;
	record(with_room(sequence), DRIVE_BURST, &bursts);
	record(with_room(sequence), 1, &single);
	difference = record_difference(&bursts, &single, same, sequence->count);
	difference.what = "size of bursts";
	difference.sides[0] = "in bursts the engine";
	difference.sides[1] = "one by one it";
	return difference;
}
