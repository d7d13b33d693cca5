/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_loads.c: see bench_loads.h. */
#include "bench_loads.h"

#include <time.h>
#include <unistd.h>

#include "bench_ports.h"
#include "bench_run.h"
#include "bench_turns.h"

#define SETTLE_US 100000 /* before what is measured */
#define LOAD_US   500000
#define LOAD_MAX  20 /* times so long, until any has come, where the core is hardly ever ours */

static void measuring_set(struct bench_lane *lanes, unsigned lane_count, bool measuring)
{
	for (unsigned i = 0; i < lane_count; i++)
		atomic_store(&lanes[i].pace.measuring, measuring);
}

static bool any_left(const struct bench_lane *lanes, unsigned lane_count, unsigned load)
{
	for (unsigned i = 0; i < lane_count; i++)
		if (histogram_total(&lanes[i].pace.latency[load]) > 0)
			return true;
	return false;
}

/* What all lanes have counted at a load, numbered from 0. */
static void load_conclude(const struct bench_lane *lanes, unsigned lane_count, unsigned load,
			  double seconds, struct bench_load *found)
{
	struct histogram latency = {{0}};
	uint64_t come = 0, lost = 0;

	for (unsigned i = 0; i < lane_count; i++) {
		const struct bench_pace *pace = &lanes[i].pace;

		come += atomic_load(&pace->come[load]);
		lost += atomic_load(&pace->lost[load]);
		for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
			latency.count[b] += pace->latency[load].count[b];
	}
	for (unsigned i = 0; i < BENCH_SHARES; i++)
		found->latency_us[i] = bench_us(histogram_quantile(&latency, bench_shares[i]));
	found->packets_per_s = (double)(come + lost) / seconds;
	found->lost_percent = come + lost > 0 ? 100 * (double)lost / (double)(come + lost) : 0;
}

void bench_loads_measure(struct bench_lane *lanes, unsigned lane_count, double most,
			 struct bench_load loads[BENCH_LOADS])
{
	for (unsigned load = 0; load < BENCH_LOADS; load++) {
		double rate = most * bench_load_percent[load] / 100 / lane_count, began;

		for (unsigned i = 0; i < lane_count; i++)
			bench_lane_load(&lanes[i], load + 1, rate);
		usleep(SETTLE_US);
		began = bench_seconds(CLOCK_MONOTONIC);
		measuring_set(lanes, lane_count, true);
		for (unsigned i = 0; i < LOAD_MAX && (i == 0 || !any_left(lanes, lane_count, load));
		     i++)
			usleep(LOAD_US);
		measuring_set(lanes, lane_count, false);
		load_conclude(lanes, lane_count, load, bench_seconds(CLOCK_MONOTONIC) - began,
			      &loads[load]);
	}
}
