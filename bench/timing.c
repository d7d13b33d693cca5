/* SPDX-License-Identifier: BSD-3-Clause */
/* timing.c: see timing.h. */
#include "timing.h"

#include <rte_cycles.h>
#include <stdio.h>

double timing_ns(uint64_t ticks)
{
	return (double)ticks * 1e9 / (double)rte_get_tsc_hz();
}

void timing_report(struct gbench_state *state, const struct histogram *ticks)
{
	static const struct {
		const char *name;
		double share;
	} quantiles[] = {{"burst_p50", 0.5}, {"burst_p99", 0.99}, {"burst_p999", 0.999}};
	char name[32];

	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		gbench_counter(state, quantiles[i].name,
			       timing_ns(histogram_quantile(ticks, quantiles[i].share)));
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (ticks->count[i] == 0)
			continue;
		snprintf(name, sizeof(name), "burst/%.0f", timing_ns(histogram_bound(i)));
		gbench_counter(state, name, (double)ticks->count[i]);
	}
}
