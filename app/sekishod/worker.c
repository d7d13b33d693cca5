/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.c: the polling lcores.
 *
 * There are two loops. A worker that has edges for itself takes bursts from their ports, has them judged and
 * sends what passes. One that shares them with others hands over what is not its own (steer.h), and takes
 * what others hand over to it; each frame then goes the same way as in the first.
 *
 * A worker looks once a burst whether an edge has another policy (snapshot.c), and reports a quiescent
 * state at the end of each loop.
 *
 * Nothing on the path allocates, logs or enters the kernel, but what a driver does itself.
 */
#include <errno.h>
#include <sched.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "counter.h"
#include "daemon.h"
#include "drops.h"
#include "privileges.h"

#define TRANSMIT_TRIES 8
#define CLOSES_STEP    16 /* flows that are closed between two bursts */
#define LIST_STEPS     64 /* until a question is answered with what there is */

uint32_t daemon_now_ms(const struct daemon *daemon)
{
	return (uint32_t)(((unsigned __int128)rte_rdtsc() * daemon->ms_per_tick) >> 64);
}

/* Frames on their way to one port. */
struct departure {
	struct rte_mbuf *mbufs[SEKISHO_BURST_MAX];
	unsigned count;
};

/* ---- sending ---------------------------------------------------------------------------------- */

/* Give frames to another worker; how many there was room for. The rest is the caller's. */
static unsigned hand_over(struct worker *worker, unsigned to, struct rte_mbuf **mbufs,
			  unsigned count)
{
	struct rte_ring *ring = worker->daemon->steering.rings[worker->index][to];
	unsigned given = rte_ring_sp_enqueue_burst(ring, (void **)mbufs, count, NULL);

	counter_add(&worker->handed_out, given);
	if (given < count)
		counter_add(&worker->handover_full, count - given);
	return given;
}

static void lose(struct port_counters *counters, enum port_drop why, struct rte_mbuf **mbufs,
		 unsigned count)
{
	if (count == 0)
		return;
	counter_add(&counters->drops[why], count);
	rte_pktmbuf_free_bulk(mbufs, count);
}

static void transmit(const struct port *port, uint16_t queue, struct port_counters *counters,
		     struct departure *departure)
{
	uint64_t bytes = 0;
	unsigned sent = 0;

	/* A frame that is sent is no longer ours to look at, so all are counted before. */
	for (unsigned i = 0; i < departure->count; i++)
		bytes += departure->mbufs[i]->pkt_len;
	for (unsigned i = 0; i < TRANSMIT_TRIES && sent < departure->count; i++)
		sent += rte_eth_tx_burst(port->id, queue, departure->mbufs + sent,
					 (uint16_t)(departure->count - sent));
	for (unsigned i = sent; i < departure->count; i++)
		bytes -= departure->mbufs[i]->pkt_len;
	counter_add(&counters->sent, sent);
	counter_add(&counters->sent_bytes, bytes);
	lose(counters, PORT_DROP_TRANSMIT_FULL, departure->mbufs + sent, departure->count - sent);
}

/* Leave out what the port cannot take now. */
static void depart_fitting(const struct port *port, struct port_counters *counters,
			   struct departure *departure)
{
	unsigned count = departure->count;
	uint32_t longest = 0;

	if (!port_is_up(port)) {
		lose(counters, PORT_DROP_PORT_DOWN, departure->mbufs, count);
		departure->count = 0;
		return;
	}
	for (unsigned i = 0; i < count; i++)
		longest = RTE_MAX(longest, departure->mbufs[i]->pkt_len);
	if (longest <= atomic_load_explicit(&port->frame_max, memory_order_relaxed))
		return;
	departure->count = port_fit(port, departure->mbufs, count);
	counter_add(&counters->drops[PORT_DROP_TOO_LONG], count - departure->count);
}

/* The port has no transmit queue for us: who has one is to send them. */
static void depart_by(struct worker *worker, unsigned to, const struct port *port,
		      struct port_counters *counters, struct departure *departure)
{
	unsigned given;

	for (unsigned i = 0; i < departure->count; i++) {
		struct rte_mbuf *mbuf = departure->mbufs[i];

		mbuf->ol_flags |= worker->daemon->steering.admitted;
		mbuf->port = port->id;
	}
	given = hand_over(worker, to, departure->mbufs, departure->count);
	lose(counters, PORT_DROP_TRANSMIT_FULL, departure->mbufs + given, departure->count - given);
}

static void depart(struct worker *worker, struct port *port, struct departure *departure)
{
	struct port_counters *counters = &port->counters[worker->index];
	const struct outlet *outlet = &port->outlets[worker->index];

	if (departure->count == 0)
		return;
	depart_fitting(port, counters, departure);
	if (__builtin_expect(outlet->worker == worker->index, 1))
		transmit(port, outlet->queue, counters, departure);
	else
		depart_by(worker, outlet->worker, port, counters, departure);
	departure->count = 0;
}

/* ---- judging ---------------------------------------------------------------------------------- */

/* Describe a frame to the engine. */
static inline void frame_describe(struct sekisho_frame *frame, struct rte_mbuf *mbuf, unsigned edge,
				  unsigned side)
{
	frame->data = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	frame->handle = mbuf;
	frame->captured = frame->length = mbuf->pkt_len;
	frame->zone = (uint16_t)edge;
	frame->direction = (uint8_t)side;
	frame->flags = (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD
			       ? SEKISHO_FRAME_L4_CHECKSUM_GOOD
			       : 0;
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

/* Send or free frames of one port that have been judged; those that are held stay with the engine. */
static void conclude(struct worker *worker, const struct sekisho_frame *frames, unsigned count,
		     const struct sekisho_verdict *verdicts)
{
	struct edge *edge = &worker->daemon->edges[frames[0].zone];
	unsigned side = frames[0].direction;
	struct departure departure;

	departure.count = 0;
	for (unsigned i = 0; i < count; i++) {
		if (verdicts[i].action == SEKISHO_PASS) {
			departure.mbufs[departure.count++] = frames[i].handle;
		} else if (verdicts[i].action == SEKISHO_DROP) {
			drops_count(worker->drops, edge->index, side, &verdicts[i]);
			rte_pktmbuf_free(frames[i].handle);
		}
	}
	depart(worker, &edge->ports[!side], &departure);
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
				depart(worker, &edge->ports[!releases[i].direction], &departure);
			} else {
				drops_count(worker->drops, edge->index, releases[i].direction,
					    &releases[i].verdict);
				rte_pktmbuf_free(releases[i].handle);
			}
		}
	} while (count == DAEMON_BURST);
}

/* ---- receiving -------------------------------------------------------------------------------- */

/* A burst of a port's queue, described to the engine; `came` is how many, with those that could not be read. */
static unsigned receive(struct worker *worker, const struct poll *poll,
			struct sekisho_frame *frames, unsigned *came)
{
	struct port *ports = worker->daemon->edges[poll->edge].ports;
	struct port *port = &ports[poll->side], *other = &ports[!poll->side];
	struct port_counters *counters = &port->counters[worker->index];
	struct rte_mbuf *mbufs[DAEMON_BURST];
	unsigned count = 0, kept = 0;
	uint64_t bytes = 0;

	if (port_is_up(port))
		count = rte_eth_rx_burst(port->id, poll->queue, mbufs, DAEMON_BURST);
	*came = count;
	if (count == 0)
		return 0;
	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned i = 0; i < count; i++) {
		bytes += mbufs[i]->pkt_len;
		if (mbufs[i]->nb_segs > 1 && rte_pktmbuf_linearize(mbufs[i]) < 0)
			lose(counters, PORT_DROP_UNREADABLE, &mbufs[i], 1);
		else
			frame_describe(&frames[kept++], mbufs[i], poll->edge, poll->side);
	}
	counter_add(&counters->received, count);
	counter_add(&counters->received_bytes, bytes);
	if (port_is_up(other))
		return kept;
	/* What could go nowhere is not judged: it would change the state of flows. */
	for (unsigned i = 0; i < kept; i++)
		mbufs[i] = frames[i].handle;
	lose(&other->counters[worker->index], PORT_DROP_PORT_DOWN, mbufs, kept);
	return 0;
}

/* ---- a worker with edges for itself ----------------------------------------------------------- */

/* One burst from one port, through the engine, to the other port. Returns how many came. */
static unsigned worker_burst(struct worker *worker, const struct poll *poll, uint32_t now_ms)
{
	struct sekisho_verdict verdicts[DAEMON_BURST];
	struct sekisho_frame frames[DAEMON_BURST];
	unsigned came, count = receive(worker, poll, frames, &came);

	if (count == 0)
		return came;
	worker_judge(worker, now_ms, frames, count, verdicts);
	tap_burst(&worker->tap, frames, count, verdicts);
	conclude(worker, frames, count, verdicts);
	worker_release(worker);
	return came;
}

/* ---- a worker that shares them ---------------------------------------------------------------- */

/* The same for frames that came from any ports. */
static void judge_mixed(struct worker *worker, uint32_t now_ms, const struct sekisho_frame *frames,
			unsigned count)
{
	struct sekisho_verdict verdicts[DAEMON_BURST];
	unsigned first = 0;

	if (count == 0)
		return;
	worker_judge(worker, now_ms, frames, count, verdicts);
	tap_burst(&worker->tap, frames, count, verdicts);
	for (unsigned i = 1; i <= count; i++) {
		if (i < count && frames[i].zone == frames[first].zone &&
		    frames[i].direction == frames[first].direction)
			continue;
		conclude(worker, frames + first, i - first, verdicts + first);
		first = i;
	}
	worker_release(worker);
}

/* Keep the frames that are ours, and hand over the others, which all came from one port. How many are kept. */
static unsigned keep_own(struct worker *worker, const struct poll *poll,
			 struct sekisho_frame *frames, unsigned count)
{
	const struct steering *steering = &worker->daemon->steering;
	struct port *port = &worker->daemon->edges[poll->edge].ports[poll->side];
	struct worker_bundle *bundles = worker->bundles;
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t owner = sekisho_frame_owner(&steering->owners[poll->edge], &frames[i]);
		struct rte_mbuf *mbuf = frames[i].handle;

		if (owner == worker->index || owner == SEKISHO_OWNER_ANY) {
			frames[kept++] = frames[i];
			continue;
		}
		mbuf->ol_flags &= ~steering->admitted;
		mbuf->port = port->id;
		bundles[owner].mbufs[bundles[owner].count++] = mbuf;
	}
	if (kept == count)
		return kept;
	for (unsigned to = 0; to < worker->daemon->worker_count; to++) {
		struct worker_bundle *bundle = &bundles[to];
		unsigned given;

		if (bundle->count == 0)
			continue;
		given = hand_over(worker, to, bundle->mbufs, bundle->count);
		lose(&port->counters[worker->index], PORT_DROP_HANDOVER_FULL, bundle->mbufs + given,
		     bundle->count - given);
		bundle->count = 0;
	}
	return kept;
}

static unsigned worker_receive(struct worker *worker, const struct poll *poll, uint32_t now_ms)
{
	struct sekisho_frame frames[DAEMON_BURST];
	unsigned came, count = receive(worker, poll, frames, &came);

	count = keep_own(worker, poll, frames, count);
	judge_mixed(worker, now_ms, frames, count);
	return came;
}

/* Send what another worker has admitted. */
static void send_for_another(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct origin *to = &worker->daemon->steering.origins[mbuf->port];
	struct departure departure = {.mbufs = {mbuf}, .count = 1};

	depart(worker, &worker->daemon->edges[to->edge].ports[to->side], &departure);
}

/* Take some of what another worker has handed over. Returns how many. */
static unsigned worker_take(struct worker *worker, unsigned from, uint32_t now_ms)
{
	const struct steering *steering = &worker->daemon->steering;
	struct sekisho_frame frames[DAEMON_BURST];
	struct rte_mbuf *mbufs[DAEMON_BURST];
	unsigned kept = 0, count = rte_ring_sc_dequeue_burst(steering->rings[from][worker->index],
							     (void **)mbufs, DAEMON_BURST, NULL);

	if (count == 0)
		return 0;
	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned i = 0; i < count; i++) {
		const struct origin *origin = &steering->origins[mbufs[i]->port];

		if (mbufs[i]->ol_flags & steering->admitted)
			send_for_another(worker, mbufs[i]);
		else
			frame_describe(&frames[kept++], mbufs[i], origin->edge, origin->side);
	}
	judge_mixed(worker, now_ms, frames, kept);
	counter_add(&worker->handed_in, count);
	return count;
}

/* ---- between bursts --------------------------------------------------------------------------- */

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
	const struct sekisho_policy *policy =
		atomic_load_explicit(&edge->current, memory_order_acquire);

	if (policy == worker->adopted[edge->index])
		return;
	sekisho_engine_set_policy(worker->engine, edge->index, policy);
	worker->adopted[edge->index] = policy;
}

void worker_adopt_all(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->worker_count; i++)
		for (unsigned j = 0; j < daemon->edge_count; j++)
			if (daemon->steering.on || j % daemon->worker_count == i)
				worker_adopt(&daemon->workers[i], &daemon->edges[j]);
}

/* What is done in each round besides packets. */
static void worker_upkeep(struct worker *worker, uint32_t now_ms, bool idle)
{
	if (idle) {
		worker_judge(worker, now_ms, NULL, 0, NULL);
		worker_release(worker);
		if (worker->daemon->shared_cpus)
			sched_yield(); /* another worker may wait for this very cpu */
	}
	if (worker->daemon->appliance->idle == CONFIG_IDLE_SLEEP)
		idle_round(&worker->idle, !idle);
	worker->shadow = atomic_load_explicit(&worker->shadow_next, memory_order_acquire);
	tap_follow(&worker->tap, worker->engine);
	sekisho_engine_rejudge(worker->engine, now_ms);
	worker_answer(worker, now_ms);
	inquiry_answer(&worker->inquiry, worker->engine, now_ms);
	save_box_answer(&worker->box, worker->engine, now_ms);
	counter_add(&worker->heartbeat, 1);
	rte_rcu_qsbr_quiescent(worker->daemon->qsbr, worker->index);
}

static void loop_apart(struct worker *worker)
{
	struct daemon *daemon = worker->daemon;

	while (!atomic_load_explicit(&daemon->stop, memory_order_relaxed)) {
		uint32_t now_ms = daemon_now_ms(daemon);
		unsigned busy = 0;

		for (unsigned i = 0; i < worker->poll_count; i++) {
			worker_adopt(worker, &daemon->edges[worker->polls[i].edge]);
			busy += worker_burst(worker, &worker->polls[i], now_ms);
		}
		worker_upkeep(worker, now_ms, busy == 0);
	}
}

static void loop_shared(struct worker *worker)
{
	struct daemon *daemon = worker->daemon;

	while (!atomic_load_explicit(&daemon->stop, memory_order_relaxed)) {
		uint32_t now_ms = daemon_now_ms(daemon);
		unsigned busy = 0;

		for (unsigned i = 0; i < daemon->edge_count; i++)
			worker_adopt(worker, &daemon->edges[i]);
		for (unsigned i = 0; i < worker->poll_count; i++)
			busy += worker_receive(worker, &worker->polls[i], now_ms);
		for (unsigned i = 0; i < daemon->worker_count; i++)
			if (i != worker->index)
				busy += worker_take(worker, i, now_ms);
		worker_upkeep(worker, now_ms, busy == 0);
	}
}

int worker_main(void *argument)
{
	struct worker *worker = argument;
	struct rte_rcu_qsbr *qsbr = worker->daemon->qsbr;

	privileges_none();
	if (worker->daemon->appliance->idle == CONFIG_IDLE_SLEEP)
		idle_begin();
	rte_rcu_qsbr_thread_online(qsbr, worker->index);
	/* The first burst counts as well: a shadow that had not seen it would find TCP out of its window. */
	worker->shadow = atomic_load_explicit(&worker->shadow_next, memory_order_acquire);
	if (worker->daemon->steering.on)
		loop_shared(worker);
	else
		loop_apart(worker);
	rte_rcu_qsbr_thread_offline(qsbr, worker->index);
	return 0;
}
