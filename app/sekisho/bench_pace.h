/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_pace.h: frames that come at a given rate, and how long they take from then until they leave.
 *
 * A lane without a pace gives a worker frames as fast as it takes them. With one, each frame comes at its
 * own time, whether the worker is there or not; those that wait for it are in a queue as long as that
 * of a port, and what finds it full is lost. So a worker that was away has all to answer for that came
 * meanwhile.
 *
 * The control thread sets rates and the load; all else is the worker's.
 */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <histogram.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;

#define BENCH_LOADS 3 /* loads that are measured, one after the other */

extern const unsigned bench_load_percent[BENCH_LOADS]; /* of the most that there can be */

/* Frames of one direction, that are to come. */
struct bench_arrivals {
	struct rte_mbuf **frames; /* a ring of mask + 1 */
	uint32_t mask, head, tail;
	unsigned load; /* that `due` is of */
	uint64_t due;  /* the first of them; in parts of ticks, as what follows */
	_Atomic uint64_t interval[BENCH_LOADS]; /* from one to the next; 0: none come */
};

struct bench_pace {
	_Atomic unsigned load; /* number, from 1; 0: no pace */
	_Atomic bool measuring;
	struct bench_arrivals arrivals[2];     /* by direction */
	uint32_t turn;                         /* which frame of a burst is looked at */
	struct histogram latency[BENCH_LOADS]; /* ticks */
	_Atomic uint64_t come[BENCH_LOADS], lost[BENCH_LOADS];
};

/* Room for so many frames of each direction. False: no memory. bench_pace_fini() in any case. */
bool bench_pace_init(struct bench_pace *pace, uint32_t frames);
void bench_pace_fini(struct bench_pace *pace);

/* Set the rate of a load for a direction, in frames a second; may be 0. Before that load is set. */
void bench_pace_rate(struct bench_pace *pace, unsigned load, unsigned direction, double rate);

/*
 * The worker has received `count` frames of a direction: keep them, and put those that are due by now,
 * at most `max`, in their place. How many these are.
 */
uint16_t bench_pace_receive(struct bench_pace *pace, unsigned direction, struct rte_mbuf **mbufs,
			    uint16_t count, uint16_t max);

/* The worker sends a burst of them. */
void bench_pace_sent(struct bench_pace *pace, struct rte_mbuf *const *mbufs, uint16_t count);

#endif
