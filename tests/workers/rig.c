/* SPDX-License-Identifier: BSD-3-Clause */
/* rig.c: see rig.h. */
#include "rig.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eth_ring.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "bench.h"

#define PATIENCE_MS 300000

void rig_begin(struct rig *rig)
{
	char message[DAEMON_MESSAGE_MAX];

	for (uint16_t i = 0; i < RIG_WORKERS_MAX; i++)
		rig->lcores[i] = (uint16_t)(i + 1);
	rig->appliance = (struct config_appliance){.workers = rig->lcores,
						   .worker_count = RIG_WORKERS_MAX,
						   .flows = 1024,
						   .hugepages = CONFIG_HUGEPAGES_NO,
						   .log_level = CONFIG_LOG_ERROR};
	rig->daemon.appliance = &rig->appliance;
	rig->daemon.worker_count = RIG_WORKERS_MAX;
	log_set_level(-1);
	assert_int_equal(eal_start(&rig->daemon, "test_workers", message), 0);
}

/* ---- what they are given ---------------------------------------------------------------------- */

#define ETHER 14

static void put32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

void rig_tuple_frame(uint8_t *bytes, struct sekisho_frame *frame, uint32_t tuple, uint8_t direction)
{
	static const uint8_t start[] = {2, 0, 0,    0, 0, 1,  2, 0, 0,    0, 0,  2,
					8, 0, 0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17};
	uint8_t *ip = bytes + ETHER;
	uint32_t sum = 0;

	memset(bytes, 0, 60);
	memcpy(bytes, start, sizeof(start));
	put32(ip + (direction == SEKISHO_EGRESS ? 12 : 16), 0xc6336402);
	put32(ip + (direction == SEKISHO_EGRESS ? 16 : 12), 0x0a000000 | tuple >> 8);
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
	put32(ip + 20, 0x10001000 | (tuple & 0xff) << 16 | (tuple & 0xff));
	ip[25] = 8;
	*frame = (struct sekisho_frame){.data = bytes,
					.captured = 60,
					.length = 60,
					.direction = direction,
					.flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD};
}

void rig_both_ways(struct sekisho_policy_spec *spec)
{
	static const uint16_t first_group = 0;
	static struct sekisho_prefix peers[2];
	static struct sekisho_rule_spec rules[2];
	static struct sekisho_group_spec group = {.name = "g", .rules = rules, .rule_count = 2};
	static struct sekisho_endpoint_spec endpoint = {.name = "b",
							.addresses = bench_everything,
							.address_count = 2,
							.groups = &first_group,
							.group_count = 1};

	peers[0] = (struct sekisho_prefix){.address = {10}, .family = 4, .length = 8};
	peers[1] = (struct sekisho_prefix){.address = {0xfd}, .family = 6, .length = 8};
	rules[0] = bench_rule("g/in", SEKISHO_INGRESS, 17, peers);
	rules[1] = bench_rule("g/out", SEKISHO_EGRESS, 17, peers);
	sekisho_policy_spec_init(spec, SEKISHO_AWS_LIKE);
	spec->groups = &group;
	spec->group_count = 1;
	spec->endpoints = &endpoint;
	spec->endpoint_count = 1;
}

/* ---- the ports -------------------------------------------------------------------------------- */

static struct rte_ring *ring_make(const char *what, unsigned port, unsigned queue, unsigned size)
{
	struct rte_ring *ring;
	char name[32];

	snprintf(name, sizeof(name), "%s-%u-%u", what, port, queue);
	ring = rte_ring_create(name, size, SOCKET_ID_ANY,
			       RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	assert_non_null(ring);
	return ring;
}

/* A port that has no other queues than these; a name is never used twice. */
static void port_make(struct rig *rig, unsigned port)
{
	static unsigned serial;
	struct edge *edge = &rig->daemon.edges[port / 2];
	struct port *made = &edge->ports[port % 2];
	unsigned room = rig->plan.out_room ? rig->plan.out_room : RIG_QUEUE;
	char name[32];

	for (unsigned q = 0; q < rig->plan.receive_queues; q++)
		rig->in[port][q] = ring_make("in", port, q, RIG_QUEUE);
	for (unsigned q = 0; q < rig->plan.transmit_queues; q++)
		rig->out[port][q] = ring_make("out", port, q, room);
	snprintf(name, sizeof(name), "rig%u", serial++);
	assert_true(rte_eth_from_rings(name, rig->in[port], rig->plan.receive_queues,
				       rig->out[port], rig->plan.transmit_queues, 0) >= 0);
	snprintf(made->name, sizeof(made->name), "net_ring_%s", name);
	made->device = made->name;
}

static void edges_make(struct rig *rig)
{
	struct daemon *daemon = &rig->daemon;

	daemon->edge_count = RIG_EDGES;
	daemon->edges = aligned_alloc(64, RIG_EDGES * sizeof(*daemon->edges));
	daemon->workers = aligned_alloc(64, daemon->worker_count * sizeof(*daemon->workers));
	assert_true(daemon->edges != NULL && daemon->workers != NULL);
	memset(daemon->edges, 0, RIG_EDGES * sizeof(*daemon->edges));
	memset(daemon->workers, 0, daemon->worker_count * sizeof(*daemon->workers));
	for (unsigned i = 0; i < RIG_EDGES; i++) {
		daemon->edges[i].index = (uint16_t)i;
		atomic_store(&daemon->edges[i].current, rig->policy);
		for (unsigned side = 0; side < 2; side++)
			port_make(rig, i * 2 + side);
	}
}

/* ---- their workers ---------------------------------------------------------------------------- */

static void launch(struct rig *rig, unsigned worker)
{
	assert_int_equal(rte_eal_remote_launch(worker_main, &rig->daemon.workers[worker],
					       rig->lcores[worker]),
			 0);
}

void rig_wake(struct rig *rig)
{
	assert_true(rig->asleep);
	rig->asleep = false;
	launch(rig, rig->daemon.worker_count - 1);
}

void rig_start(struct rig *rig, const struct rig_plan *plan, const struct sekisho_policy_spec *spec)
{
	struct daemon *daemon = &rig->daemon;
	char message[DAEMON_MESSAGE_MAX];

	assert_false(rig->running); /* a test before has failed */
	rig->running = true;
	rig->plan = *plan;
	rig->fed = rig->left = 0;
	rig->appliance.flows = plan->flows;
	rig->appliance.worker_count = plan->workers;
	daemon->worker_count = plan->workers;
	daemon->steering.on = plan->workers > 1;
	atomic_store(&daemon->stop, false);
	daemon->names = sekisho_rule_names_create(sekisho_policy_spec_names(spec) + 1);
	rig->policy = sekisho_policy_create(spec, daemon->names, message, sizeof(message));
	assert_non_null(rig->policy);
	edges_make(rig);
	daemon->frame_room = RTE_MBUF_DEFAULT_DATAROOM;
	if (port_start_all(daemon, message) < 0 || worker_init_all(daemon, message) < 0)
		fail_msg("%s", message);
	daemon->ms_per_tick = 0;
	for (unsigned i = 0; i < 2 * RIG_EDGES; i++)
		port_serve(&daemon->edges[i / 2].ports[i % 2], UINT32_MAX);
	rig->asleep = plan->asleep;
	for (unsigned i = 0; i + rig->asleep < daemon->worker_count; i++)
		launch(rig, i);
}

void rig_stop(struct rig *rig)
{
	struct daemon *daemon = &rig->daemon;

	assert_true(worker_stop_all(daemon));
	rig_drain(rig);
	port_stop_all(daemon);
	worker_fini_all(daemon);
	sekisho_policy_destroy(rig->policy);
	sekisho_rule_names_destroy(daemon->names);
	for (unsigned port = 0; port < RIG_EDGES * 2; port++) {
		for (unsigned q = 0; q < rig->plan.receive_queues; q++)
			rte_ring_free(rig->in[port][q]);
		for (unsigned q = 0; q < rig->plan.transmit_queues; q++)
			rte_ring_free(rig->out[port][q]);
	}
	/* every frame has come back, but those that wait for the rest of their datagram */
	rte_mempool_free(daemon->pool);
	free(daemon->edges);
	free(daemon->workers);
	rig->running = false;
}

void rig_feed_segments(struct rig *rig, const struct sekisho_frame *frame, unsigned queue,
		       const uint32_t *ends, unsigned count)
{
	struct rte_mbuf *head = NULL;
	uint32_t at = 0;

	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(rig->daemon.pool);

		assert_non_null(mbuf);
		memcpy(rte_pktmbuf_append(mbuf, (uint16_t)(ends[i] - at)), frame->data + at,
		       ends[i] - at);
		at = ends[i];
		if (head == NULL)
			head = mbuf;
		else
			assert_int_equal(rte_pktmbuf_chain(head, mbuf), 0);
	}
	head->ol_flags =
		frame->flags & SEKISHO_FRAME_L4_CHECKSUM_GOOD ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
	assert_int_equal(rte_ring_enqueue(rig->in[frame->zone * 2 + frame->direction][queue], head),
			 0);
	rig->fed++;
}

void rig_feed(struct rig *rig, const struct sekisho_frame *frame, unsigned queue)
{
	rig_feed_segments(rig, frame, queue, &frame->length, 1);
}

void rig_drain(struct rig *rig)
{
	for (unsigned i = 0; i < RIG_EDGES * 2 * rig->plan.transmit_queues; i++) {
		struct rte_ring *ring =
			rig->out[i / rig->plan.transmit_queues][i % rig->plan.transmit_queues];
		void *mbufs[32];
		unsigned count;

		while ((count = rte_ring_dequeue_burst(ring, mbufs, 32, NULL)) > 0) {
			rte_pktmbuf_free_bulk((struct rte_mbuf **)mbufs, count);
			rig->left += count;
		}
	}
}

/* Wait until each worker that runs has begun another round, and has ended it. */
static void rounds_pass(const struct rig *rig)
{
	for (unsigned i = 0; i + rig->asleep < rig->daemon.worker_count; i++) {
		const struct worker *worker = &rig->daemon.workers[i];
		uint64_t before = atomic_load(&worker->heartbeat);

		while (atomic_load(&worker->heartbeat) - before < 2)
			sched_yield();
	}
}

/*
 * Whether each frame that was fed is somewhere. Counters are read one after the other while workers count on; but
 * what two readings say alike was so at one moment between them. A frame that is being judged looks as
 * one that is held, so rounds go by in between.
 */
static bool is_still(const struct rig *rig, struct daemon_totals *totals)
{
	struct daemon_totals before;

	daemon_totals_read(&rig->daemon, &before);
	if (before.received != rig->fed || rig->fed != before.sent + before.dropped + before.held) {
		*totals = before;
		return false;
	}
	rounds_pass(rig);
	daemon_totals_read(&rig->daemon, totals);
	return memcmp(&before, totals, sizeof(before)) == 0;
}

static void give_way(const struct rig *rig, const struct daemon_totals *totals, uint64_t until)
{
	sched_yield();
	if (clock_ms() > until)
		fail_msg("fed %lu, received %lu, judged %lu, sent %lu, dropped %lu, held %lu",
			 rig->fed, totals->received, totals->engines.received, totals->sent,
			 totals->dropped, totals->held);
}

void rig_wait(struct rig *rig, struct daemon_totals *totals)
{
	uint64_t until = clock_ms() + PATIENCE_MS;

	while (!is_still(rig, totals))
		give_way(rig, totals, until);
}

void rig_rest(struct rig *rig, struct daemon_totals *totals)
{
	uint64_t until = clock_ms() + PATIENCE_MS;

	while (!is_still(rig, totals) || totals->held != totals->engines.held) {
		rig_drain(rig);
		give_way(rig, totals, until);
	}
	rig_drain(rig);
	assert_int_equal(rig->left, totals->sent);
}

void rig_settle(struct rig *rig, struct daemon_totals *totals)
{
	rig_rest(rig, totals);
	assert_int_equal(totals->engines.received, rig->fed);
	for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
		assert_int_equal(totals->port_drops[d], 0);
}
