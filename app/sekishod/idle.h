/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idle.h: a worker that has nothing to do may sleep, `idle: sleep`.
 *
 * A polling worker takes its cpu whole, with traffic or without. One that may sleep does so once many rounds
 * have brought nothing, longer and longer up to IDLE_LONGEST_US; whatever comes ends it. Nothing is lost by
 * that: at 10 Gbit/s of the smallest packets a queue of 1,024 is full after 69 us. What it costs is latency,
 * for the first packet after a pause; it is measured at the start, and told.
 *
 * An interrupt of the NIC would wake at once, but virtual ports have none, and AF_PACKET's is a system call a
 * burst.
 */
#ifndef SEKISHOD_IDLE_H
#define SEKISHOD_IDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define IDLE_AWAKE_ROUNDS 1000u /* without a packet, before the first sleep */
#define IDLE_LONGEST_US   50u

/* A worker's. */
struct idle {
	unsigned rounds;         /* without a packet; the worker's */
	_Atomic uint64_t sleeps; /* how often it has slept */
};

/* Let this thread wake when it asked for, not when it suits the kernel. The worker, before its loop, if it may sleep. */
void idle_begin(void);

/* A round has brought something, or nothing. The worker, once a round, if it may sleep. */
void idle_round(struct idle *idle, bool busy);

/* How long the longest sleep takes on this machine, in us: the median of some. Any thread. */
unsigned idle_measure_us(void);

#endif
