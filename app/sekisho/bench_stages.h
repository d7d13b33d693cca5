/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_stages.h: where the time of a burst goes.
 *
 * Ports call back when a burst has been received and when one is to be sent, so what is between is the
 * worker's judging; sending, what is done between bursts, and receiving are the rest. How the ports
 * divide it is seen when they receive and send and do nothing else. Intervals in which another program
 * had the core are left out, so what is kept here are shares, not times.
 */
#ifndef BENCH_STAGES_H
#define BENCH_STAGES_H

#include <stdbool.h>
#include <stdint.h>

/* Written by the thread that receives and sends. */
struct bench_stages {
	uint64_t received_at, sent_at; /* of the burst under way; 0: of none that is whole */
	uint64_t judging, around;      /* ticks, of whole bursts */
	uint64_t receiving, sending;   /* ticks, of ports that do nothing else */
};

/* Nanoseconds a packet. */
struct bench_stage_ns {
	double receive, judge, transmit, between;
};

/* A burst has been received, and its frames are ready. */
void bench_stages_received(struct bench_stages *stages, bool whole, uint64_t now);

/* A burst is about to be sent. */
void bench_stages_sent(struct bench_stages *stages, uint64_t now);

/* A burst was received and sent, and nothing else: when that began, was half done, and ended. */
void bench_stages_ports(struct bench_stages *stages, uint64_t began, uint64_t half, uint64_t ended);

/* Add what another thread has found. */
void bench_stages_add(struct bench_stages *sum, const struct bench_stages *stages);

/* The stages of a packet, of which the whole path and the ports alone take so many nanoseconds. */
struct bench_stage_ns bench_stages_split(const struct bench_stages *stages, double whole,
					 double ports);

#endif
