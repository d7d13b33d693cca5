/* SPDX-License-Identifier: BSD-3-Clause */
/* record.h: what an engine says of a sequence, to be held against what another says. */
#ifndef RECORD_H
#define RECORD_H

#include "compare.h"

/* Of one event; `opened_by` is an event's index plus one. */
struct outcome {
	uint8_t reason, bound, opened;
	uint32_t rule;
	unsigned opened_by;
};

struct record {
	struct outcome outcome[SEQUENCE_EVENTS];
	unsigned number
		[SEQUENCE_EVENTS]; /* of packets by the engine's count, their event plus one */
	unsigned packets;
	unsigned restart; /* the event before which the engine is another one; 0: none */
	bool restarted;   /* it is */
};

/*
 * Whether what an engine says of a sequence is for the clauses alone to decide: not for where its sweep
 * has been (ceilings by source count what it has not found), nor for which of two flows of the same
 * millisecond it takes for the elder (a low half-open ceiling).
 */
bool record_is_exact(const struct sequence *sequence);

/* Run a sequence in bursts of at most `burst_max` and record it. */
void record(const struct sequence *sequence, unsigned burst_max, struct record *record);

/* The same; but before event `restart` the engine ends, and another takes its flows over. */
void record_restarted(const struct sequence *sequence, unsigned restart, struct record *record);

/*
 * The first event that two runs do not agree on. Event i of the other is event same[i] of the one; there
 * are `count` of them.
 */
struct difference record_difference(const struct record *one, const struct record *other,
				    const unsigned *same, unsigned count);

#endif
