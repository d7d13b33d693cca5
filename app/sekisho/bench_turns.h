/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_turns.h: something that all cores do at once, and what a packet of it takes; and the machine's
 * limits, which are such. */
#ifndef BENCH_TURNS_H
#define BENCH_TURNS_H

#include <stdint.h>
#include <time.h>

/* Some of the workers' lcores, all idle. */
struct bench_cores {
	const uint16_t *lcores;
	unsigned count; /* at most BENCH_CORES_MAX */
};

/* What one core does, burst by burst. */
struct bench_turns {
	unsigned (*turn)(void *world); /* returns how many packets it was */
	void *world;
	double seconds; /* set: of CPU time for a packet */
};

/* Nanoseconds of CPU time for a packet, when all cores take their turns at once. */
double bench_turns_ns(const struct bench_cores *cores, struct bench_turns *turns);

/*
 * What the machine can do at all for a packet, with so many flows of each core: two random cache lines
 * (memory_limit.h), and rte_hash's look-up with an update (hash_baseline.h). 0: not enough memory.
 */
double bench_memory_ns(const struct bench_cores *cores, uint32_t flows);
double bench_hash_ns(const struct bench_cores *cores, uint32_t flows);

/* What a clock of CPU time, or of the world's, says in seconds. */
double bench_seconds(clockid_t clock);

#endif
