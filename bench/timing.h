/* SPDX-License-Identifier: BSD-3-Clause */
/* timing.h: times of single bursts in a run's row. */
#ifndef TIMING_H
#define TIMING_H

#include "gbench_shim.h"
#include "histogram.h"

/*
 * Report the times, given in ticks of the TSC, in nanoseconds: burst_p50, burst_p99 and burst_p999,
 * and each bucket that is not empty as "burst/NANOSECONDS", where its bound is.
 */
void timing_report(struct gbench_state *state, const struct histogram *ticks);

/* Ticks of the TSC in nanoseconds. */
double timing_ns(uint64_t ticks);

#endif
