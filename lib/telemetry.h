/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * telemetry.h: what an engine counts. Written by its owner with plain stores, read by any thread.
 */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include <sekisho.h>

struct telemetry {
	uint64_t received, received_bytes;
	uint32_t now_ms; /* of the burst */
	uint64_t by_reason[SEKISHO_REASON_COUNT];
	struct sekisho_rule_stats *rules; /* by rule number */
	uint32_t rule_capacity;
};

/* Count one packet that a rule, or a flow opened by it, admitted; or that an ACL's entry denied. */
static inline void telemetry_rule(struct telemetry *telemetry, uint32_t rule, uint32_t bytes,
				  unsigned opened)
{
	if (rule >= telemetry->rule_capacity)
		return;
	telemetry->rules[rule].packets++;
	telemetry->rules[rule].bytes += bytes;
	telemetry->rules[rule].flows += opened;
	telemetry->rules[rule].last_ms = telemetry->now_ms;
}

/* Copy the counters for another thread; of a rule all but its live flows. */
void telemetry_read(const struct telemetry *telemetry, struct sekisho_stats *stats);
void telemetry_read_rule(const struct telemetry *telemetry, uint32_t rule,
			 struct sekisho_rule_stats *stats);

#endif
