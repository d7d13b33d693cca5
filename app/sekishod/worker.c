/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.c: the polling lcores.
 *
 * A worker looks once a burst whether an edge has another policy (snapshot.c), and reports a quiescent
 * state at the end of each loop.
 *
 * Nothing on the path allocates, logs or enters the kernel, but what a driver does itself.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "daemon.h"
#include "drops.h"
#include "privileges.h"

#define TRANSMIT_TRIES 8
#define CLOSES_STEP    16 /* flows that are closed between two bursts */
#define LIST_STEPS     64 /* until a question is answered with what there is */
#define HUGE_PAGE      ((size_t)2 << 20)

/* Frames on their way to one port. */
struct departure {
	struct rte_mbuf *mbufs[SEKISHO_BURST_MAX];
	unsigned count;
};

static void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
	/* One writer: no locked instruction is needed. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
			      memory_order_relaxed);
}

uint32_t daemon_now_ms(const struct daemon *daemon)
{
	return (uint32_t)(((unsigned __int128)rte_rdtsc() * daemon->ms_per_tick) >> 64);
}

static void depart(const struct worker *worker, struct port *port, struct departure *departure)
{
	struct port_counters *counters = &port->counters[worker->index];
	uint64_t bytes = 0;
	unsigned sent = 0;

	/* A frame that is sent is no longer ours to look at, so all are counted before. */
	for (unsigned i = 0; i < departure->count; i++)
		bytes += departure->mbufs[i]->pkt_len;
	for (unsigned i = 0; i < TRANSMIT_TRIES && sent < departure->count; i++)
		sent += rte_eth_tx_burst(port->id, 0, departure->mbufs + sent,
					 (uint16_t)(departure->count - sent));
	for (unsigned i = sent; i < departure->count; i++)
		bytes -= departure->mbufs[i]->pkt_len;
	counter_add(&counters->sent, sent);
	counter_add(&counters->sent_bytes, bytes);
	if (sent < departure->count) {
		counter_add(&counters->drops[PORT_DROP_TRANSMIT_FULL], departure->count - sent);
		rte_pktmbuf_free_bulk(departure->mbufs + sent, departure->count - sent);
	}
	departure->count = 0;
}

/* Describe received frames to the engine; those that cannot be read are counted, freed and left
 * out. */
static unsigned frames_fill(const struct edge *edge, unsigned side, struct port_counters *counters,
			    struct rte_mbuf **mbufs, unsigned count, struct sekisho_frame *frames)
{
	uint64_t bytes = 0;
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		struct sekisho_frame *frame = &frames[kept];

		bytes += mbuf->pkt_len;
		if (mbuf->nb_segs > 1 && rte_pktmbuf_linearize(mbuf) < 0) {
			counter_add(&counters->drops[PORT_DROP_UNREADABLE], 1);
			rte_pktmbuf_free(mbuf);
			continue;
		}
		frame->data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
		frame->handle = mbuf;
		frame->captured = frame->length = mbuf->pkt_len;
		frame->zone = edge->index;
		frame->direction = (uint8_t)side;
		frame->flags = (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
					       RTE_MBUF_F_RX_L4_CKSUM_GOOD
				       ? SEKISHO_FRAME_L4_CHECKSUM_GOOD
				       : 0;
		mbufs[kept++] = mbuf;
	}
	counter_add(&counters->received, count);
	counter_add(&counters->received_bytes, bytes);
	return kept;
}

/* Send or free the frames that the engine held and has decided now. */
static void worker_release(struct worker *worker)
{
	struct sekisho_release releases[DAEMON_BURST];
	unsigned count;

	do {
		count = sekisho_engine_release(worker->engine, releases, DAEMON_BURST);
		tap_released(&worker->tap, releases, count);
		if (worker->shadow != NULL)
			shadow_released(worker->shadow, releases, count);
		for (unsigned i = 0; i < count; i++) {
			struct edge *edge = &worker->daemon->edges[releases[i].zone];
			struct departure departure = {.mbufs = {releases[i].handle}, .count = 1};

			if (releases[i].verdict.action == SEKISHO_PASS) {
				depart(worker, &edge->ports[!releases[i].direction],
				       &departure);
			} else {
				drops_count(worker->drops, edge->index, releases[i].direction,
					    &releases[i].verdict);
				rte_pktmbuf_free(releases[i].handle);
			}
		}
	} while (count == DAEMON_BURST);
}

/* By the engine, and by the shadow beside it if there is one. */
static void worker_judge(struct worker *worker, uint32_t now_ms, const struct sekisho_frame *frames,
			 unsigned count, struct sekisho_verdict *verdicts)
{
	if (worker->shadow != NULL)
		shadow_burst(worker->shadow, now_ms, frames, count, verdicts);
	else
		sekisho_engine_burst(worker->engine, now_ms, frames, count, verdicts);
}

/* One burst from one port, through the engine, to the other port. Returns how many came. */
static unsigned worker_burst(struct worker *worker, struct edge *edge, unsigned side,
			     uint32_t now_ms)
{
	struct sekisho_verdict verdicts[DAEMON_BURST];
	struct sekisho_frame frames[DAEMON_BURST];
	struct rte_mbuf *mbufs[DAEMON_BURST];
	struct departure departure;
	unsigned received, count;

	received = rte_eth_rx_burst(edge->ports[side].id, 0, mbufs, DAEMON_BURST);
	if (received == 0)
		return 0;
	count = frames_fill(edge, side, &edge->ports[side].counters[worker->index], mbufs, received,
			    frames);
	worker_judge(worker, now_ms, frames, count, verdicts);
	tap_burst(&worker->tap, frames, count, verdicts);
	departure.count = 0;
	for (unsigned i = 0; i < count; i++) {
		if (verdicts[i].action == SEKISHO_PASS) {
			departure.mbufs[departure.count++] = mbufs[i];
		} else if (verdicts[i].action == SEKISHO_DROP) {
			drops_count(worker->drops, edge->index, side, &verdicts[i]);
			rte_pktmbuf_free(mbufs[i]);
		}
	}
	if (departure.count > 0)
		depart(worker, &edge->ports[!side], &departure);
	worker_release(worker);
	return received;
}

/* Close some flows of a message. True when all are. */
static bool answer_close(struct worker *worker, struct mailbox *mailbox)
{
	unsigned from = mailbox->steps * CLOSES_STEP;

	for (unsigned i = from; i < mailbox->count && i < from + CLOSES_STEP; i++)
		mailbox->closed += sekisho_engine_close_flow(worker->engine, &mailbox->flows[i]);
	return from + CLOSES_STEP >= mailbox->count;
}

/* List some flows. True when there is no more to list, or long enough was looked for them. */
static bool answer_list(struct worker *worker, struct mailbox *mailbox, uint32_t now_ms)
{
	unsigned room = mailbox->max - mailbox->count;

	mailbox->count += sekisho_engine_flows(worker->engine, now_ms, &mailbox->cursor,
					       SEKISHO_FLOWS_SCAN, mailbox->flows + mailbox->count,
					       room < SEKISHO_FLOWS_MAX ? room : SEKISHO_FLOWS_MAX);
	return mailbox->cursor == 0 || mailbox->count == mailbox->max ||
	       mailbox->steps == LIST_STEPS;
}

void worker_answer(struct worker *worker, uint32_t now_ms)
{
	struct mailbox *mailbox = &worker->mailbox;
	bool done;

	if (atomic_load_explicit(&mailbox->state, memory_order_acquire) != MAILBOX_REQUESTED)
		return;
	done = mailbox->question == MAILBOX_CLOSE ? answer_close(worker, mailbox)
						  : answer_list(worker, mailbox, now_ms);
	mailbox->steps++;
	if (done)
		atomic_store_explicit(&mailbox->state, MAILBOX_DONE, memory_order_release);
}

/* Tell the engine if the edge has a new policy. */
static void worker_adopt(struct worker *worker, const struct edge *edge)
{
	const struct sekisho_policy *policy = atomic_load_explicit(&edge->current, memory_order_acquire);

	if (policy == worker->adopted[edge->index])
		return;
	sekisho_engine_set_policy(worker->engine, edge->index, policy);
	worker->adopted[edge->index] = policy;
}

static int worker_main(void *argument)
{
	struct worker *worker = argument;
	struct daemon *daemon = worker->daemon;

	privileges_none();
	rte_rcu_qsbr_thread_online(daemon->qsbr, worker->index);
	while (!atomic_load_explicit(&daemon->stop, memory_order_relaxed)) {
		unsigned busy = 0;
		uint32_t now_ms = daemon_now_ms(daemon);

		for (unsigned i = worker->index; i < daemon->edge_count;
		     i += daemon->worker_count) {
			struct edge *edge = &daemon->edges[i];

			worker_adopt(worker, edge);
			for (unsigned side = 0; side < 2; side++)
				busy += worker_burst(worker, edge, side, now_ms);
		}
		if (busy == 0) {
			worker_judge(worker, now_ms, NULL, 0, NULL);
			worker_release(worker);
			if (daemon->shared_cpus)
				sched_yield(); /* another worker may wait for this very cpu */
		}
		tap_follow(&worker->tap, worker->engine);
		sekisho_engine_rejudge(worker->engine, now_ms);
		worker_answer(worker, now_ms);
		inquiry_answer(&worker->inquiry, worker->engine, now_ms);
		counter_add(&worker->heartbeat, 1);
		rte_rcu_qsbr_quiescent(daemon->qsbr, worker->index);
	}
	rte_rcu_qsbr_thread_offline(daemon->qsbr, worker->index);
	return 0;
}

/* ---- Control thread's side ------------------------------------------------------------------- */

/* Without hugepages set apart the kernel may still find some, which look-ups gain much from. */
static void *plain_allocate(size_t size, size_t align)
{
	void *memory;

	if (size >= HUGE_PAGE)
		align = HUGE_PAGE;
	size = (size + align - 1) / align * align;
	memory = aligned_alloc(align, size);
	if (memory == NULL)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0, size);
	return memory;
}

static void *engine_allocate(void *context, size_t size, size_t align)
{
	struct worker *worker = context;

	worker->engine_bytes += size;
	if (worker->daemon->hugepages)
		return rte_zmalloc_socket("engine", size, (unsigned)align,
					  (int)rte_lcore_to_socket_id(worker->lcore));
	return plain_allocate(size, align);
}

static void engine_release(void *context, void *memory)
{
	const struct worker *worker = context;

	if (worker->daemon->hugepages)
		rte_free(memory);
	else
		free(memory);
}

static int worker_init(struct daemon *daemon, struct worker *worker, unsigned index, char *message)
{
	uint32_t flows = daemon->appliance->flows / daemon->worker_count;
	struct sekisho_engine_config config = {
		.flows = flows < 64 ? 64 : flows,
		.zones = (uint16_t)daemon->edge_count,
		.names = daemon->names,
		.allocate = engine_allocate,
		.release = engine_release,
		.context = worker,
	};

	worker->daemon = daemon;
	worker->index = index;
	worker->lcore = daemon->appliance->workers[index];
	if (getrandom(config.hash_key, sizeof(config.hash_key), 0) !=
	    (ssize_t)sizeof(config.hash_key)) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no random numbers: %s", strerror(errno));
		return -EIO;
	}
	worker->engine = sekisho_engine_create(&config, message, DAEMON_MESSAGE_MAX);
	if (worker->engine == NULL)
		return -ENOMEM;
	worker->drops = drops_create(daemon->edge_count);
	if (worker->drops == NULL) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no memory to count drops");
		return -ENOMEM;
	}
	if (tap_init(&worker->tap) < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no memory to tell of packets");
		return -ENOMEM;
	}
	if (daemon->shadow.config == NULL)
		return 0;
	worker->shadow =
		shadow_create(&daemon->shadow, worker->engine, &config, message);
	return worker->shadow == NULL ? -ENOMEM : 0;
}

static int qsbr_init(struct daemon *daemon, char *message)
{
	size_t size = rte_rcu_qsbr_get_memsize(daemon->worker_count);

	daemon->qsbr = rte_zmalloc("policies", size, RTE_CACHE_LINE_SIZE);
	if (daemon->qsbr == NULL || rte_rcu_qsbr_init(daemon->qsbr, daemon->worker_count) != 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no memory to exchange policies");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < daemon->worker_count; i++)
		rte_rcu_qsbr_thread_register(daemon->qsbr, i);
	return 0;
}

int worker_init_all(struct daemon *daemon, char *message)
{
	int rc = qsbr_init(daemon, message);

	daemon->ms_per_tick = (uint64_t)((((unsigned __int128)1 << 64) * 1000) / rte_get_tsc_hz());
	for (unsigned i = 0; rc == 0 && i < daemon->worker_count; i++)
		rc = worker_init(daemon, &daemon->workers[i], i, message);
	return rc;
}

int worker_launch_all(struct daemon *daemon, char *message)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];

		rc = rte_eal_remote_launch(worker_main, worker, worker->lcore);
		if (rc < 0)
			snprintf(message, DAEMON_MESSAGE_MAX, "worker %u does not start: %s",
				 worker->lcore, strerror(-rc));
	}
	return rc;
}

bool worker_stop_all(struct daemon *daemon)
{
	uint64_t until = clock_ms() + DAEMON_STOP_MS;
	bool clean = true;

	atomic_store(&daemon->stop, true);
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		unsigned lcore = daemon->appliance->workers[i];

		while (rte_eal_get_lcore_state(lcore) == RUNNING && clock_ms() < until)
			rte_delay_us_sleep(500);
		if (rte_eal_get_lcore_state(lcore) == RUNNING) {
			log_error("worker %u does not stop", lcore);
			clean = false;
		} else {
			rte_eal_wait_lcore(lcore);
		}
	}
	return clean;
}

void worker_fini_all(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		if (daemon->workers[i].engine != NULL)
			sekisho_engine_destroy(daemon->workers[i].engine);
		free(daemon->workers[i].drops);
		tap_fini(&daemon->workers[i].tap);
		shadow_destroy(daemon->workers[i].shadow);
	}
	rte_free(daemon->qsbr);
	daemon->qsbr = NULL;
}

static void totals_add_engine(struct daemon_totals *totals, const struct sekisho_engine *engine)
{
	struct sekisho_stats stats, *sum = &totals->engines;

	sekisho_engine_stats(engine, &stats);
	sum->received += stats.received;
	sum->received_bytes += stats.received_bytes;
	sum->held += stats.held;
	sum->flows += stats.flows;
	sum->flows_capacity += stats.flows_capacity;
	sum->flows_available += stats.flows_available;
	sum->flows_half_open += stats.flows_half_open;
	sum->flows_created += stats.flows_created;
	sum->flows_expired += stats.flows_expired;
	sum->flows_recycled += stats.flows_recycled;
	sum->flows_closed += stats.flows_closed;
	for (unsigned i = 0; i < SEKISHO_REASON_COUNT; i++) {
		sum->by_reason[i] += stats.by_reason[i];
		if (sekisho_reason_action(i) == SEKISHO_PASS)
			totals->passed += stats.by_reason[i];
		else /* what is held has no reason yet */
			totals->dropped += stats.by_reason[i];
	}
}

void daemon_totals_read(const struct daemon *daemon, struct daemon_totals *totals)
{
	memset(totals, 0, sizeof(*totals));
	for (unsigned i = 0; i < daemon->worker_count; i++)
		totals_add_engine(totals, daemon->workers[i].engine);
	for (unsigned i = 0; i < daemon->edge_count; i++)
		for (unsigned side = 0; side < 2; side++) {
			struct port_totals port;

			port_totals_read(daemon, &daemon->edges[i].ports[side], &port);
			totals->received += port.received;
			totals->sent += port.sent;
			for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
				totals->port_drops[d] += port.drops[d];
		}
	for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
		totals->dropped += totals->port_drops[d];
}
