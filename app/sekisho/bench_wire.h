/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_wire.h: two devices that a cable joins, in place of ports in memory.
 *
 * What a worker sends on one arrives at the other, and becomes there the frame that is next. Where nothing
 * arrives for a while, as in the beginning or when frames were lost, new ones are put on the cable: so
 * there are ever as many on it as keep the ports busy.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <config.h>
#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

#define BENCH_DEVICE_MAX 256

struct bench_wire {
	struct rte_mempool *pool;
	uint16_t ports[2]; /* by the direction of what they receive */
	/* of the thread that receives: */
	uint64_t filled_at[2];   /* ticks: when frames were put on the cable last */
	uint64_t arrived, added; /* frames, of both directions */
};

/*
 * The two devices of "A,B". A device's arguments stand behind commas too, as "net_af_packet0,iface=a"; the
 * second begins with the first word that is no argument. False if there are not two.
 */
bool bench_wire_devices(const char *text, char devices[2][BENCH_DEVICE_MAX]);

/* Start the ports of the appliance's one edge. False, and a sentence in `message`, on failure. */
bool bench_wire_start(struct bench_wire *wire, struct daemon *daemon, char *message);

/* Whether the ports are joined, as far as what has arrived tells. When no thread receives any more. */
bool bench_wire_is_joined(const struct bench_wire *wire);

void bench_wire_stop(const struct bench_wire *wire);

/*
 * Of `count` frames that a direction's port has received, or as many new ones as `max` if there are none
 * for long, make the next ones of a ring, which stay there too. How many these are.
 */
uint16_t bench_wire_receive(struct bench_wire *wire, unsigned direction, struct rte_ring *ring,
			    struct rte_mbuf **mbufs, uint16_t count, uint16_t max);

#endif
