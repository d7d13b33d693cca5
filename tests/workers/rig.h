/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig.h: the daemon's ports, steering and workers, running, with two edges between ports in memory. Each queue
 * of each port is a ring that the test fills, so a frame comes in on whatever queue it likes.
 *
 * The clock of the workers stands still.
 */
#ifndef RIG_H
#define RIG_H

#include <daemon.h>

#define RIG_EDGES       2
#define RIG_WORKERS_MAX 4
#define RIG_QUEUE       4096 /* frames in a ring */

struct rig_plan {
	unsigned workers;
	unsigned receive_queues, transmit_queues; /* of each port */
	uint32_t flows;
	unsigned out_room; /* of each transmit queue, in frames; 0: RIG_QUEUE */
	bool asleep;       /* the last worker does not run until rig_wake() */
};

struct rig {
	struct rig_plan plan;
	struct config_appliance appliance;
	uint16_t lcores[RIG_WORKERS_MAX];
	struct daemon daemon;
	struct sekisho_policy *policy;
	bool running, asleep;
	struct rte_ring *in[RIG_EDGES * 2][RIG_WORKERS_MAX]; /* by port and queue */
	struct rte_ring *out[RIG_EDGES * 2][RIG_WORKERS_MAX];
	uint64_t fed, left; /* frames that have been put in, and that have come out */
};

/* Start EAL, once in a process. */
void rig_begin(struct rig *rig);

/* Start the workers with a policy of this description, and stop them. */
void rig_start(struct rig *rig, const struct rig_plan *plan,
	       const struct sekisho_policy_spec *spec);
void rig_stop(struct rig *rig);

/* Let the worker run that was asleep. */
void rig_wake(struct rig *rig);

/* A UDP packet of a tuple that is numbered, of equal ports, from either side, in 60 bytes. */
void rig_tuple_frame(uint8_t *bytes, struct sekisho_frame *frame, uint32_t tuple,
		     uint8_t direction);

/* Rules that admit either side's packet, though not all of the world's, or nothing would be tracked. */
void rig_both_ways(struct sekisho_policy_spec *spec);

/* Put a frame into a queue of the port of its zone and direction. */
void rig_feed(struct rig *rig, const struct sekisho_frame *frame, unsigned queue);

/* The same in segments, which end at `ends`: ascending, the last the frame's length. */
void rig_feed_segments(struct rig *rig, const struct sekisho_frame *frame, unsigned queue,
		       const uint32_t *ends, unsigned count);

/* Take what has come out. */
void rig_drain(struct rig *rig);

/*
 * Wait until each frame that was fed has left, has been dropped, or is held or on its way to a worker that
 * does not run, whatever time it takes. Nothing that has come out is taken.
 */
void rig_wait(struct rig *rig, struct daemon_totals *totals);

/*
 * Wait until all that was fed has been judged and has left or been dropped; read the sums, and check that each
 * frame was counted once and only once.
 */
void rig_rest(struct rig *rig, struct daemon_totals *totals);

/* The same, and check that nothing was lost at a port or on its way. */
void rig_settle(struct rig *rig, struct daemon_totals *totals);

#endif
