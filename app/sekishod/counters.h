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

#define COUNTERS_REASON_COUNT (SEKISHO_REASON_COUNT + PORT_DROP_COUNT)

/* The number of a cause at a port. */
#define COUNTERS_PORT_DROP(drop) (SEKISHO_REASON_COUNT + (unsigned)(drop))

/* The key in `stats` of a cause at a port, and whether it befalls packets that the port was to send. */
const char *counters_drop_key(enum port_drop drop);
enum port_drop_whose counters_drop_whose(enum port_drop drop);

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
