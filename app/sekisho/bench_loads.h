/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_loads.h: how long packets take at loads below the most that there can be. */
#ifndef BENCH_LOADS_H
#define BENCH_LOADS_H

#include "bench_pace.h"

struct bench_lane;

/* One load of bench_load_percent[]. */
struct bench_load {
	double packets_per_s; /* that came, of all lanes */
	double latency_us
		[3]; /* from when a packet comes until it is sent: p50, p99, p99.9; 0: none came */
	double lost_percent; /* of them: found the queue of their port full */
};

/* Measure all loads; the workers of the lanes are running, and did `most` packets/s of the world's time. */
void bench_loads_measure(struct bench_lane *lanes, unsigned lane_count, double most,
			 struct bench_load loads[BENCH_LOADS]);

#endif
