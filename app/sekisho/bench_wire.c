/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_wire.c: see bench_wire.h. */
#include "bench_wire.h"

#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <daemon.h>

#define SILENCES_PER_S 1000 /* a millisecond without a frame: there are too few */

/* Where the device after this one begins: behind the first comma that no argument follows. */
static const char *device_next(const char *text)
{
	const char *comma = text;

	while ((comma = strchr(comma, ',')) != NULL) {
		comma++;
		if (memchr(comma, '=', strcspn(comma, ",")) == NULL)
			return comma;
	}
	return NULL;
}

bool bench_wire_devices(const char *text, char devices[2][BENCH_DEVICE_MAX])
{
	const char *second = device_next(text);

	if (second == NULL || device_next(second) != NULL)
		return false;
	if (second == text + 1 || *second == '\0' || second - text > BENCH_DEVICE_MAX ||
	    strlen(second) >= BENCH_DEVICE_MAX)
		return false;
	snprintf(devices[0], BENCH_DEVICE_MAX, "%.*s", (int)(second - 1 - text), text);
	snprintf(devices[1], BENCH_DEVICE_MAX, "%s", second);
	return true;
}

bool bench_wire_start(struct bench_wire *wire, struct daemon *daemon, char *message)
{
	const struct config_edge *config = &daemon->appliance->edges[0];
	struct edge *edge = &daemon->edges[0];

	memset(edge, 0, sizeof(*edge));
	for (unsigned side = 0; side < 2; side++) {
		edge->ports[side].device = config->device[side];
		port_device_name(config->device[side], edge->ports[side].name,
				 sizeof(edge->ports[side].name));
	}
	if (port_start_all(daemon, message) < 0)
		return false;
	wire->pool = daemon->pool;
	for (unsigned side = 0; side < 2; side++)
		wire->ports[side] = edge->ports[side].id;
	return true;
}

bool bench_wire_is_joined(const struct bench_wire *wire)
{
	/* a stray frame may come from anywhere */
	return wire->arrived * 10 > wire->added;
}

void bench_wire_stop(const struct bench_wire *wire)
{
	for (unsigned side = 0; side < 2; side++) {
		rte_eth_dev_stop(wire->ports[side]);
		rte_eth_dev_close(wire->ports[side]);
	}
}

static void frame_copy(struct rte_mbuf *to, const struct rte_mbuf *from)
{
	rte_pktmbuf_reset(to);
	memcpy(rte_pktmbuf_mtod(to, void *), rte_pktmbuf_mtod(from, const void *), from->data_len);
	to->data_len = from->data_len;
	to->pkt_len = from->data_len;
	to->ol_flags = from->ol_flags;
	to->hash.usr = from->hash.usr;
}

uint16_t bench_wire_receive(struct bench_wire *wire, unsigned direction, struct rte_ring *ring,
			    struct rte_mbuf **mbufs, uint16_t count, uint16_t max)
{
	uint64_t now = rte_rdtsc();
	uint16_t ready = 0;

	wire->arrived += count;
	if (count == 0 && now - wire->filled_at[direction] > rte_get_tsc_hz() / SILENCES_PER_S &&
	    rte_pktmbuf_alloc_bulk(wire->pool, mbufs, max) == 0) {
		wire->filled_at[direction] = now;
		wire->added += max;
		count = max;
	}
	for (uint16_t i = 0; i < count; i++) {
		void *next;

		/* frames of others that use the cable may be longer than one buffer */
		if (mbufs[i]->nb_segs > 1 || rte_ring_sc_dequeue(ring, &next) != 0) {
			rte_pktmbuf_free(mbufs[i]);
			continue;
		}
		frame_copy(mbufs[i], next);
		mbufs[ready++] = mbufs[i];
		rte_ring_sp_enqueue(ring, next); /* from where it has just been taken */
	}
	return ready;
}
