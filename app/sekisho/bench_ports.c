/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_ports.c: see bench_ports.h. */
#include "bench_ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <memory.h>

#define FRAMES_MIN  4096
#define CHECKSUM    4   /* bytes of Ethernet's own */
#define CHUNK_SPARE 256 /* for aligning the first object */

static const uint16_t frame_lengths[BENCH_LENGTHS] = {60, 590, 1514};

/* ---- the callback ----------------------------------------------------------------------------- */

static void lane_readdress(struct bench_lane *lane, struct rte_mbuf **mbufs, uint16_t count)
{
	uint64_t flows = lane->plan.fresh.flows;

	for (uint16_t i = 0; i < count; i++)
		if (mbufs[i]->hash.usr != 0)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		if (mbufs[i]->hash.usr == 0)
			continue;
		frames_readdress(rte_pktmbuf_mtod(mbufs[i], uint8_t *), &lane->plan.fresh.space,
				 lane->fresh_next);
		if (++lane->fresh_next >= flows)
			lane->fresh_next = lane->plan.fresh_first;
	}
}

static uint16_t lane_received(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs,
			      uint16_t count, uint16_t max, void *context)
{
	struct bench_lane *lane = context;
	uint64_t now = rte_rdtsc();

	(void)queue;
	if (!atomic_load_explicit(&lane->has_thread, memory_order_relaxed)) {
		lane->thread = pthread_self();
		atomic_store_explicit(&lane->has_thread, true, memory_order_release);
	}
	if (lane->plan.wire != NULL)
		count = bench_wire_receive(lane->plan.wire, port == lane->ports[1],
					   lane->rings[port == lane->ports[1]], mbufs, count, max);
	else
		count = bench_pace_receive(&lane->pace, port == lane->ports[1], mbufs, count, max);
	if (lane->received_at != 0 && atomic_load_explicit(&lane->measuring, memory_order_relaxed))
		histogram_add(&lane->ticks, now - lane->received_at);
	lane->received_at = count == max ? now : 0;
	if (lane->plan.fresh_percent > 0)
		lane_readdress(lane, mbufs, count);
	if (atomic_load_explicit(&lane->measuring, memory_order_relaxed))
		bench_stages_received(&lane->stages, count == max, rte_rdtsc());
	return count;
}

static uint16_t lane_leaves(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count,
			    void *context)
{
	struct bench_lane *lane = context;

	(void)port;
	(void)queue;
	bench_stages_sent(&lane->stages, rte_rdtsc());
	bench_pace_sent(&lane->pace, mbufs, count);
	return count;
}

/* ---- frames ----------------------------------------------------------------------------------- */

static unsigned length_index(uint16_t length)
{
	unsigned i = 0;

	while (frame_lengths[i] != length)
		i++;
	return i;
}

/* A pool of `frames` buffers of exactly one length, in memory of our own. */
static bool pool_make(struct bench_lane *lane, unsigned index, const char *name)
{
	struct rte_pktmbuf_pool_private private = {0};
	uint32_t frames = lane->lengths[index].frames;
	struct rte_mempool *pool;

	if (frames == 0)
		return true;
	private.mbuf_data_room_size = (uint16_t)((frame_lengths[index] + 63u) / 64 * 64);
	pool = rte_mempool_create_empty(
		name, frames, (unsigned)sizeof(struct rte_mbuf) + private.mbuf_data_room_size, 0,
		sizeof(private), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	lane->lengths[index].pool = pool;
	if (pool == NULL)
		return false;
	rte_pktmbuf_pool_init(pool, &private);
	lane->lengths[index].size =
		(size_t)frames * (pool->header_size + pool->elt_size + pool->trailer_size) +
		CHUNK_SPARE;
	lane->lengths[index].memory = memory_take(lane->lengths[index].size);
	if (lane->lengths[index].memory == NULL ||
	    rte_mempool_populate_virt(pool, lane->lengths[index].memory, lane->lengths[index].size,
				      (size_t)sysconf(_SC_PAGESIZE), NULL, NULL) != (int)frames)
		return false;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return true;
}

/* One frame into its ring. */
static bool frame_put(struct bench_lane *lane, const struct frames_spec *spec, bool fresh)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(lane->lengths[length_index(spec->length)].pool);

	if (mbuf == NULL)
		return false;
	mbuf->data_off = 0;
	mbuf->pkt_len = mbuf->data_len = spec->length;
	mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	mbuf->hash.usr = fresh;
	frames_write(rte_pktmbuf_mtod(mbuf, uint8_t *), spec);
	lane->bytes += spec->length + CHECKSUM;
	return rte_ring_enqueue(lane->rings[spec->direction], mbuf) == 0;
}

/* What the frame at a position of the sequence is; positions are of both rings in turn. */
static struct frames_spec frame_plan(const struct bench_lane_plan *plan, uint32_t position,
				     bool opens)
{
	const struct bench_space *of = opens ? &plan->fresh : &plan->live;
	uint8_t opener = plan->fresh.space.opener;
	struct frames_spec spec = {.space = &of->space,
				   .kind = of->kind,
				   .length = frames_length(plan->size, position / 2),
				   .direction = opens || (position & 1) == 0 ? opener : !opener};

	spec.segment = frames_established(spec.space, spec.direction);
	return spec;
}

/*
 * Fill both rings, with as many frames each, for a worker takes from them in turn. Frames that open
 * flows stand in the opener's, evenly among the others; if there are no others, the second is empty.
 */
static bool frames_fill(struct bench_lane *lane)
{
	const struct bench_lane_plan *plan = &lane->plan;
	uint32_t *order = frames_shuffled(plan->live_flows);
	uint32_t live = 0, fresh = 0;
	bool filled = order != NULL || plan->live_flows == 0;

	for (uint32_t i = 0; filled && i < lane->frames; i++) {
		bool opens = plan->fresh_percent == 100 ||
			     ((i & 1) == 0 &&
			      (uint64_t)fresh * 50 < (uint64_t)(i / 2 + 1) * plan->fresh_percent);
		struct frames_spec spec = frame_plan(plan, i, opens);

		spec.flow = opens ? plan->fresh_first + fresh++ : order[live++ % plan->live_flows];
		filled = frame_put(lane, &spec, opens);
	}
	free(order);
	lane->fresh_next = plan->fresh_first + fresh;
	return filled;
}

/* ---- ports ------------------------------------------------------------------------------------ */

static bool rings_make(struct bench_lane *lane, unsigned serial)
{
	char name[32];

	for (unsigned d = 0; d < 2; d++) {
		snprintf(name, sizeof(name), "bench%u-%u", serial, d);
		lane->rings[d] = rte_ring_create(name, rte_align32pow2(lane->frames + 1),
						 SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (lane->rings[d] == NULL)
			return false;
	}
	return true;
}

/* The port that receives what is in the ring of a direction, and sends into the other's. */
static bool port_make(struct bench_lane *lane, unsigned direction, unsigned serial)
{
	const struct rte_eth_conf conf = {0};
	char name[32];
	int port;

	snprintf(name, sizeof(name), "bench%u-port%u", serial, direction);
	port = rte_eth_from_rings(name, &lane->rings[direction], 1, &lane->rings[!direction], 1,
				  rte_socket_id());
	if (port < 0)
		return false;
	lane->ports[direction] = (uint16_t)port;
	lane->made[direction] = true;
	if (rte_eth_dev_configure(lane->ports[direction], 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(lane->ports[direction], 0, 0, SOCKET_ID_ANY, NULL,
				   lane->queue_pool) != 0 ||
	    rte_eth_tx_queue_setup(lane->ports[direction], 0, 0, SOCKET_ID_ANY, NULL) != 0 ||
	    rte_eth_dev_start(lane->ports[direction]) != 0)
		return false;
	return true;
}

/* Have its bursts seen, on their way in and out. */
static bool port_watch(struct bench_lane *lane, unsigned direction)
{
	lane->callbacks[direction] =
		rte_eth_add_rx_callback(lane->ports[direction], 0, lane_received, lane);
	lane->leaving[direction] =
		rte_eth_add_tx_callback(lane->ports[direction], 0, lane_leaves, lane);
	return lane->callbacks[direction] != NULL && lane->leaving[direction] != NULL;
}

/* A port's number may come again, and with it a callback that was left. */
static void port_unwatch(struct bench_lane *lane, unsigned direction)
{
	const struct rte_eth_rxtx_callback *callback = lane->callbacks[direction];
	const struct rte_eth_rxtx_callback *leaving = lane->leaving[direction];

	if (callback != NULL &&
	    rte_eth_remove_rx_callback(lane->ports[direction], 0, callback) == 0)
		rte_free((void *)(uintptr_t)callback);
	if (leaving != NULL && rte_eth_remove_tx_callback(lane->ports[direction], 0, leaving) == 0)
		rte_free((void *)(uintptr_t)leaving);
}

static void port_remove(struct bench_lane *lane, unsigned direction)
{
	rte_eth_dev_stop(lane->ports[direction]);
	rte_eth_dev_close(lane->ports[direction]);
}

/* Both ports: those of a wire are there already. */
static bool ports_make(struct bench_lane *lane, unsigned serial)
{
	const struct bench_wire *wire = lane->plan.wire;
	bool made = true;

	for (unsigned d = 0; made && d < 2; d++) {
		if (wire != NULL)
			lane->ports[d] = wire->ports[d];
		else
			made = port_make(lane, d, serial);
		made = made && port_watch(lane, d);
	}
	return made;
}

static uint32_t frames_wanted(const struct bench_lane_plan *plan)
{
	uint64_t frames = plan->live_flows;

	if (plan->fresh_percent < 100)
		frames = frames * 100 / (100 - plan->fresh_percent);
	if (frames < FRAMES_MIN)
		frames = FRAMES_MIN;
	return (uint32_t)((frames + 2 * FRAMES_BURST - 1) / (2 * FRAMES_BURST) * 2 * FRAMES_BURST);
}

bool bench_lane_init(struct bench_lane *lane, const struct bench_lane_plan *plan, char *message,
		     unsigned message_size)
{
	static unsigned serial;
	bool made;
	char name[32];

	memset(lane, 0, sizeof(*lane));
	serial++;
	lane->plan = *plan;
	lane->frames = frames_wanted(plan);
	for (uint32_t i = 0; i < lane->frames; i++)
		lane->lengths[length_index(frames_length(plan->size, i / 2))].frames++;
	made = bench_pace_init(&lane->pace, lane->frames) && rings_make(lane, serial);
	for (unsigned i = 0; made && i < BENCH_LENGTHS; i++) {
		snprintf(name, sizeof(name), "bench%u-pool%u", serial, i);
		made = pool_make(lane, i, name);
	}
	snprintf(name, sizeof(name), "bench%u-queues", serial);
	lane->queue_pool =
		rte_pktmbuf_pool_create(name, 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	made = made && lane->queue_pool != NULL && frames_fill(lane);
	made = made && ports_make(lane, serial);
	if (!made)
		snprintf(message, message_size, "no memory for %u frames", lane->frames);
	return made;
}

void bench_lane_fini(struct bench_lane *lane)
{
	for (unsigned d = 0; d < 2; d++) {
		port_unwatch(lane, d);
		if (lane->made[d])
			port_remove(lane, d);
	}
	for (unsigned d = 0; d < 2; d++)
		rte_ring_free(lane->rings[d]);
	rte_mempool_free(lane->queue_pool);
	bench_pace_fini(&lane->pace);
	for (unsigned i = 0; i < BENCH_LENGTHS; i++) {
		rte_mempool_free(lane->lengths[i].pool);
		memory_give(lane->lengths[i].memory, lane->lengths[i].size);
	}
}

void bench_lane_load(struct bench_lane *lane, unsigned load, double rate)
{
	unsigned opener = lane->plan.fresh.space.opener;
	double others = lane->plan.fresh_percent == 100 ? 0 : rate / 2;

	if (load > 0) {
		bench_pace_rate(&lane->pace, load, opener, rate - others);
		bench_pace_rate(&lane->pace, load, !opener, others);
	}
	atomic_store_explicit(&lane->pace.load, load, memory_order_release);
}

unsigned bench_lane_turn(struct bench_lane *lane)
{
	unsigned frames = 0;

	for (unsigned d = 0; d < 2; d++) {
		struct rte_mbuf *mbufs[FRAMES_BURST];
		uint64_t began = rte_rdtsc(), half;
		uint16_t count = rte_eth_rx_burst(lane->ports[d], 0, mbufs, FRAMES_BURST), sent;

		half = rte_rdtsc();
		sent = rte_eth_tx_burst(lane->ports[!d], 0, mbufs, count);
		if (sent < count) /* never to a ring, which has room for all frames there are */
			rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
		frames += count;
		bench_stages_ports(&lane->stages, began, half, rte_rdtsc());
	}
	return frames;
}
