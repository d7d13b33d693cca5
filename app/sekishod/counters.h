/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counters.h: what was counted, summed up over the workers, for all who show it.
 *
 * Besides the engine's reasons a packet may get lost before or behind it; these causes have numbers
 * that follow the engine's, and words like its own.
 */
#ifndef SEKISHOD_COUNTERS_H
#define SEKISHOD_COUNTERS_H

#include "daemon.h"

enum {
	COUNTERS_TRANSMIT_FULL = SEKISHO_REASON_COUNT, /* it passed, but the port took no more */
	COUNTERS_UNREADABLE, /* it came in pieces that could not be joined */
	COUNTERS_REASON_COUNT
};

/* The word of a cause, and its sentence. Any thread. */
const char *counters_reason_word(unsigned reason);
const char *counters_reason_sentence(unsigned reason);

/* Packets of a cause. Any thread. */
uint64_t counters_by_reason(const struct daemon_totals *totals, unsigned reason);

/* A rule's counters, of all workers. Any thread. */
struct sekisho_rule_stats counters_of_rule(const struct daemon *daemon, uint32_t rule);

/* Where a rule was written; false if no edge's policy has it any more. Control thread. */
bool counters_rule_origin(const struct daemon *daemon, uint32_t rule,
			  struct sekisho_rule_origin *origin);

#endif
