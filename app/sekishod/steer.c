/* SPDX-License-Identifier: BSD-3-Clause */
/* steer.c: queues, rings and owners, before the workers run. */
#include "steer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include "daemon.h"

#define ROOM            4096u /* frames on their way to a worker, from all others */
#define RING_MAX        2048u
#define RING_MIN        64u
#define DESCRIPTORS     1024u /* of a port, of each kind */
#define DESCRIPTORS_MIN 512u  /* of a queue */

static unsigned ring_size(unsigned workers)
{
	unsigned size = RING_MAX;

	while (size > RING_MIN && size * (workers - 1) > ROOM)
		size /= 2;
	return size;
}

unsigned steer_room(unsigned workers)
{
	return workers == 1 ? 0 : ring_size(workers) * (workers - 1);
}

unsigned steer_queues(const struct daemon *daemon)
{
	return daemon->steering.on ? daemon->worker_count : 1;
}

uint16_t steer_descriptors(unsigned queues)
{
	return queues == 1 ? DESCRIPTORS : DESCRIPTORS_MIN;
}

/* ---- queues ----------------------------------------------------------------------------------- */

static void add_poll(struct worker *worker, struct poll poll)
{
	worker->polls[worker->poll_count++] = poll;
}

/* Who polls a port's queue 0. */
static unsigned first_worker(const struct edge *edge, unsigned side)
{
	return edge->index * 2u + side;
}

uint16_t steer_queue(const struct daemon *daemon, const struct edge *edge, unsigned side,
		     unsigned worker)
{
	unsigned first = first_worker(edge, side) % daemon->worker_count;

	return (uint16_t)((worker + daemon->worker_count - first) % daemon->worker_count);
}

/*
 * Queues of a port to workers, beginning at a worker of the port's own: ports with few queues are not all
 * the first worker's.
 */
static void deal_port(struct daemon *daemon, const struct edge *edge, unsigned side)
{
	struct port *port = &daemon->edges[edge->index].ports[side];
	unsigned workers = daemon->worker_count, first = first_worker(edge, side);

	for (unsigned q = 0; q < port->receive_queues; q++)
		add_poll(&daemon->workers[(first + q) % workers],
			 (struct poll){edge->index, (uint16_t)q, (uint8_t)side});
	for (unsigned i = 0; i < workers; i++) {
		unsigned queue = i % port->transmit_queues;

		port->outlets[(first + i) % workers] =
			(struct outlet){(uint16_t)((first + queue) % workers), (uint16_t)queue};
	}
}

/* Both ports of an edge to one worker. */
static void deal_edge(struct daemon *daemon, unsigned i)
{
	unsigned worker = i % daemon->worker_count;

	for (unsigned side = 0; side < 2; side++) {
		add_poll(&daemon->workers[worker], (struct poll){(uint16_t)i, 0, (uint8_t)side});
		daemon->edges[i].ports[side].outlets[worker] = (struct outlet){(uint16_t)worker, 0};
	}
}

/* ---- rings ------------------------------------------------------------------------------------ */

static int make_rings(struct daemon *daemon, char *message)
{
	struct steering *steering = &daemon->steering;
	unsigned size = ring_size(daemon->worker_count);

	for (unsigned from = 0; from < daemon->worker_count; from++)
		for (unsigned to = 0; to < daemon->worker_count; to++) {
			unsigned lcore = daemon->workers[to].lcore;
			char name[32];

			if (from == to)
				continue;
			snprintf(name, sizeof(name), "handover-%u-%u", from, to);
			steering->rings[from][to] =
				rte_ring_create(name, size, (int)rte_lcore_to_socket_id(lcore),
						RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
			if (steering->rings[from][to] == NULL) {
				snprintf(message, DAEMON_MESSAGE_MAX,
					 "no rings between workers: %s", rte_strerror(rte_errno));
				return -rte_errno;
			}
		}
	return 0;
}

static int make_mark(struct steering *steering, char *message)
{
	static const struct rte_mbuf_dynflag flag = {.name = "sekisho_admitted"};
	int bit = rte_mbuf_dynflag_register(&flag);

	if (bit < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no flag to mark frames with: %s",
			 rte_strerror(rte_errno));
		return -rte_errno;
	}
	steering->admitted = RTE_BIT64(bit);
	return 0;
}

void steer_port(struct daemon *daemon, unsigned edge, unsigned side)
{
	if (daemon->steering.origins != NULL)
		daemon->steering.origins[daemon->edges[edge].ports[side].id] =
			(struct origin){(uint16_t)edge, (uint8_t)side};
}

static int make_origins(struct daemon *daemon, char *message)
{
	struct origin *origins =
		rte_zmalloc("origins", RTE_MAX_ETHPORTS * sizeof(*origins), RTE_CACHE_LINE_SIZE);

	if (origins == NULL) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no memory to steer packets");
		return -ENOMEM;
	}
	daemon->steering.origins = origins;
	for (unsigned i = 0; i < daemon->edge_count * 2; i++)
		steer_port(daemon, i / 2, i % 2);
	return 0;
}

/* ---- all of it -------------------------------------------------------------------------------- */

int steer_init(struct daemon *daemon, char *message)
{
	uint8_t random[32];
	int rc;

	for (unsigned i = 0; i < daemon->edge_count; i++) {
		if (!daemon->steering.on) {
			deal_edge(daemon, i);
			continue;
		}
		for (unsigned side = 0; side < 2; side++)
			deal_port(daemon, &daemon->edges[i], side);
	}
	if (!daemon->steering.on)
		return 0;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no random numbers: %s", strerror(errno));
		return -EIO;
	}
	for (unsigned i = 0; i < daemon->edge_count; i++) {
		struct sekisho_owners *owners = &daemon->steering.owners[i];
		const struct edge *edge = &daemon->edges[i];

		if (edge->rss_entries != 0)
			sekisho_owners_init_rss(owners, daemon->worker_count, edge->rss_entries);
		else
			sekisho_owners_init(owners, daemon->worker_count, random);
	}
	rc = make_mark(&daemon->steering, message);
	if (rc == 0)
		rc = make_origins(daemon, message);
	return rc == 0 ? make_rings(daemon, message) : rc;
}

static void ring_free(struct rte_ring *ring)
{
	void *mbuf;

	while (ring != NULL && rte_ring_dequeue(ring, &mbuf) == 0)
		rte_pktmbuf_free(mbuf);
	rte_ring_free(ring);
}

void steer_fini(struct daemon *daemon)
{
	for (unsigned i = 0; i < CONFIG_WORKERS_MAX * CONFIG_WORKERS_MAX; i++) {
		struct rte_ring **ring =
			&daemon->steering.rings[i / CONFIG_WORKERS_MAX][i % CONFIG_WORKERS_MAX];

		ring_free(*ring);
		*ring = NULL;
	}
	rte_free(daemon->steering.origins);
	daemon->steering.origins = NULL;
}

const char *steer_word(const struct daemon *daemon, const struct edge *edge)
{
	if (!daemon->steering.on)
		return "none";
	return edge->rss_entries != 0 ? "rss" : "software";
}

unsigned steer_worker(const struct daemon *daemon, const struct sekisho_frame *frame)
{
	uint32_t owner;

	if (!daemon->steering.on)
		return frame->zone % daemon->worker_count;
	owner = sekisho_frame_owner(&daemon->steering.owners[frame->zone], frame);
	return owner == SEKISHO_OWNER_ANY ? 0 : owner;
}
