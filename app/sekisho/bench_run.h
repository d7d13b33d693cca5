/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_run.h: the daemon's workers, on ports in memory, measured.
 *
 * What is measured is the loop of app/sekishod/worker.c itself: receive, describe, judge, send. Times
 * are of the CPU time that the workers had, so that other programs on the machine take nothing away
 * but what they do to the caches; how much of its core a worker had is told.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <config.h>
#include <frames.h>
#include <histogram.h>

#include "bench_loads.h"
#include "bench_stages.h"
#include "bench_wire.h"

#define BENCH_CORES_MAX   64
#define BENCH_MESSAGE_MAX 512
#define BENCH_SHARES      3

extern const double bench_shares[BENCH_SHARES]; /* of times: p50, p99, p99.9 */

struct bench_plan {
	uint32_t flows;         /* live all the time, of all cores together */
	unsigned fresh_percent; /* of the packets open a flow; at most 50, or 100 */
	enum frames_size size;
	unsigned cores;
	double seconds;                    /* for each semantics, at most */
	char devices[2][BENCH_DEVICE_MAX]; /* that a cable joins; empty: ports in memory */
};

/* What one policy did. */
struct bench_result {
	enum sekisho_semantics semantics;
	enum frames_kind live_kind;
	unsigned trials;
	double ns_per_packet;  /* of a core */
	double packets_per_s;  /* of all cores */
	double bits_per_s;     /* the same, of frames with their check sequences */
	double flows_per_s;    /* opened, of all cores */
	double spread_percent; /* of the trials: from the least to the largest, of their median */
	double core_share;     /* of its core that a worker had, 0..1 */
	double shadowed_ns;    /* as ns_per_packet, with the shadow beside; 0: there is none */
	double bytes_per_flow; /* that the engines took, when they are 85 % full */
	double ports_ns; /* for a packet to be received and sent by these ports and nothing else */
	struct bench_stage_ns stages; /* of a packet */
	struct bench_load loads[BENCH_LOADS];
	double burst_us[3];     /* from a burst of 32 to the next: p50, p99, p99.9 */
	struct histogram ticks; /* the same */
	unsigned clock_factor;  /* the workers' clock ran so many times as fast */
	uint64_t flows;         /* at the end */
	uint64_t received, dropped;
	uint64_t unsent;                 /* passed, but the port was full */
	enum sekisho_reason drop_reason; /* the most frequent, if any was */
};

/* What the machine can do at all, for a packet of a core, with so many flows; 0: not measured. */
struct bench_limits {
	double memory_ns; /* two random cache lines: memory_limit.h */
	double hash_ns;   /* rte_hash's look-up and a 64-byte update: hash_baseline.h */
};

struct bench;

/* Start EAL and measure its limits. NULL, and a sentence in `message`, on failure. */
struct bench *bench_create(const struct bench_plan *plan, struct bench_limits *limits,
			   char *message);
void bench_destroy(struct bench *bench);

/* Whether pages were set apart that EAL uses. */
bool bench_has_hugepages(const struct bench *bench);

/*
 * Measure a policy, and if there is a shadow that again with it beside; the shadow is owned then. False, and
 * a sentence in `message`, on failure.
 */
bool bench_policy(struct bench *bench, const struct config_policy *config,
		  struct config_policy *shadow, struct bench_result *result, char *message);

/* Ticks of the histogram in microseconds. */
double bench_us(uint64_t ticks);

#endif
