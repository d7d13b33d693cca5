/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer.h: how packets find the worker that owns their flow.
 *
 * With several workers each port has as many queues as they are, if its driver has so many, and each queue
 * is polled by one of them. Whoever receives a packet finds out whose it is (sekisho_frame_owner()); what is
 * not his own he hands over by a ring. There is one for each ordered pair of workers, so it has one writer
 * and one reader. A ring that is full loses the packet, which is counted: nobody waits for anybody.
 *
 * A port that has fewer transmit queues than there are workers is sent to by those that have one; the
 * others hand them what they have admitted, by the same rings and with a mark.
 *
 * Where both ports of an edge can, they are told to put packets into their owners' queues (rss.h); then few are
 * left to be handed over. With one worker there is nothing of this. Nor where each worker has edges for itself, as in a bench.
 */
#ifndef SEKISHOD_STEER_H
#define SEKISHOD_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include <config.h>
#include <sekisho.h>

struct daemon;
struct edge;
struct rte_ring;

/* A receive queue. */
struct poll {
	uint16_t edge, queue;
	uint8_t side;
};

/* By whom, and by which queue of its port, what a worker has admitted is sent. */
struct outlet {
	uint16_t worker, queue;
};

/* The port that a frame came from. */
struct origin {
	uint16_t edge;
	uint8_t side;
};

#define STEER_PORTS_MAX (2 * CONFIG_EDGES_MAX)

struct steering {
	bool on;
	struct sekisho_owners owners[CONFIG_EDGES_MAX]; /* by edge */
	uint64_t admitted; /* flag of an mbuf that is only to be sent */
	struct rte_ring *rings[CONFIG_WORKERS_MAX][CONFIG_WORKERS_MAX]; /* from, to */
	struct origin *origins;                                         /* by the port's number */
};

/* How many frames may be on their way to each of so many workers. */
unsigned steer_room(unsigned workers);

/* How many queues a port is to have, of each kind, and with how many descriptors each. */
unsigned steer_queues(const struct daemon *daemon);
uint16_t steer_descriptors(unsigned queues);

/*
 * Deal the queues of all ports out to workers, and make the rings. The ports have been set up, the workers
 * do not run. 0, or -errno and a message; steer_fini() in any case, when they do not run any more.
 */
int steer_init(struct daemon *daemon, char *message);
void steer_fini(struct daemon *daemon);

/* A port that was made again may have another number. Before workers may touch it. Control thread. */
void steer_port(struct daemon *daemon, unsigned edge, unsigned side);

/* The receive queue of a port, which has one for each worker, that a worker polls. */
uint16_t steer_queue(const struct daemon *daemon, const struct edge *edge, unsigned side,
		     unsigned worker);

/* "rss", "software", or "none" where an edge has one worker. Any thread. */
const char *steer_word(const struct daemon *daemon, const struct edge *edge);

/* The worker that judges a frame. Any thread. */
unsigned steer_worker(const struct daemon *daemon, const struct sekisho_frame *frame);

#endif
