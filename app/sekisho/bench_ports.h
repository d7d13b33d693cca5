/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_ports.h: two ports in memory for a worker, between which the same frames go round.
 *
 * Each port is a DPDK ring port. What the worker sends on the outside one comes to the inside one
 * again, and the other way round: so every frame that passes is soon there again, in its direction and
 * in the same order, and nobody has to feed it, copy it or run on another core. A callback of the
 * ports, in the worker's own thread, takes the time, lets frames come at a pace if there is one, and
 * makes those that are to open flows those of ever other flows.
 */
#ifndef BENCH_PORTS_H
#define BENCH_PORTS_H

#include <frames.h>
#include <histogram.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bench_pace.h"
#include "bench_space.h"
#include "bench_stages.h"
#include "bench_wire.h"

struct rte_eth_rxtx_callback;
struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

#define BENCH_LENGTHS 3 /* different lengths of frames */

struct bench_lane_plan {
	struct bench_space live; /* flows 0..live_flows-1 of it are there */
	uint32_t live_flows;
	struct bench_space fresh; /* from `fresh_first` on they are opened */
	uint32_t fresh_first;
	unsigned fresh_percent; /* of the frames; at most 50, or 100 */
	enum frames_size size;
	struct bench_wire *wire; /* its devices are the ports; NULL: ports in memory */
};

/* One worker's ports. */
struct bench_lane {
	struct bench_lane_plan plan;
	struct rte_ring *rings[2]; /* by the direction of what is in them */
	uint16_t ports[2];         /* by the direction of what they receive */
	bool made[2];              /* which of them */
	const struct rte_eth_rxtx_callback *callbacks[2]; /* by the same */
	const struct rte_eth_rxtx_callback *leaving[2];
	struct {
		uint32_t frames;
		struct rte_mempool *pool;
		void *memory; /* the pool's */
		size_t size;
	} lengths[BENCH_LENGTHS];
	struct rte_mempool *queue_pool; /* a queue must have one, though rings take no buffers */
	uint32_t frames;                /* in all */
	uint64_t bytes;                 /* of them, with their check sequences */
	/* the callback's, in the thread that receives */
	uint32_t fresh_next;
	uint64_t received_at;   /* ticks; 0 when what came last was no whole burst */
	struct histogram ticks; /* from one whole burst to the next */
	struct bench_stages stages;
	struct bench_pace pace;
	pthread_t thread;
	_Atomic bool has_thread;
	_Atomic bool measuring; /* set by the control thread */
};

/* Make the ports of a lane, full of frames. False, and a sentence in `message`, on failure. */
bool bench_lane_init(struct bench_lane *lane, const struct bench_lane_plan *plan, char *message,
		     unsigned message_size);
void bench_lane_fini(struct bench_lane *lane);

/* Have a load come from now on, in frames a second of both directions together; 0: all at once. */
void bench_lane_load(struct bench_lane *lane, unsigned load, double rate);

/* Receive a burst and send it, from both ports in turn, and nothing else. How many frames. */
unsigned bench_lane_turn(struct bench_lane *lane);

#endif
