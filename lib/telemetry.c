/* SPDX-License-Identifier: BSD-3-Clause */
/* telemetry.c: reading an engine's counters from another thread. */
#include "telemetry.h"

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void telemetry_read(const struct telemetry *telemetry, struct sekisho_stats *stats)
{
	stats->received = load(&telemetry->received);
	stats->received_bytes = load(&telemetry->received_bytes);
	for (int i = 0; i < SEKISHO_REASON_COUNT; i++)
		stats->by_reason[i] = load(&telemetry->by_reason[i]);
}

void telemetry_read_rule(const struct telemetry *telemetry, uint32_t rule,
			 struct sekisho_rule_stats *stats)
{
	*stats = (struct sekisho_rule_stats){0};
	if (rule >= telemetry->rule_capacity)
		return;
	stats->packets = load(&telemetry->rules[rule].packets);
	stats->bytes = load(&telemetry->rules[rule].bytes);
	stats->flows = load(&telemetry->rules[rule].flows);
	stats->last_ms = __atomic_load_n(&telemetry->rules[rule].last_ms, __ATOMIC_RELAXED);
}
