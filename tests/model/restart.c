/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * restart.c: an engine whose flows another takes over is as good as one that has gone on. Not taken over,
 * and so not claimed: fragments; the numbers of packets; flows that outlived their rule by AWS-60 or
 * whose rule is yet to be seen gone (STRICT-4), which there are after a change of policy.
 */
#include <netinet/in.h>

#include "drive.h"
#include "properties.h"
#include "record.h"

/* The event before which the restart comes; 0 if there is none that may. */
static unsigned restart_at(const struct sequence *sequence)
{
	unsigned most = sequence->count;

	if (!record_is_exact(sequence))
		return 0;
	for (unsigned i = 0; i < most; i++) {
		const struct event *event = &sequence->event[i];

		if (event->kind == EVENT_POLICY)
			most = i;
		else if (event->fragment.is_fragment || event->damage.xor_with != 0 ||
			 event->tuple.protocol == IPPROTO_FRAGMENT)
			return 0;
	}
	return most < 2 ? 0 : 1 + (unsigned)(sequence->seed / 2 % (most - 1));
}

struct difference property_restart(const struct sequence *sequence)
{
	static struct record straight, restarted;
	struct difference difference = {.found = false};
	unsigned at = restart_at(sequence), same[SEQUENCE_EVENTS];

	if (at == 0)
		return difference;
	record(sequence, DRIVE_BURST, &straight);
	record_restarted(sequence, at, &restarted);
	for (unsigned i = 0; i < sequence->count; i++) {
		same[i] = i;
		if (i >= at && straight.outcome[i].opened_by <= at)
			straight.outcome[i].opened_by = 0;
	}
	difference = record_difference(&straight, &restarted, same, sequence->count);
	difference.what = "a restart";
	difference.sides[0] = "without it the engine";
	difference.sides[1] = "after it the other";
	return difference;
}
