/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workers.c: the workers' life, as the control thread sees it: their engines, their start and their end,
 * and the sum of what they have counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "daemon.h"
#include "drops.h"

#define HUGE_PAGE ((size_t)2 << 20)

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

	if (worker->engine == NULL) /* else it is for the shadow's */
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

int worker_engine_config(struct worker *worker, struct sekisho_engine_config *config, char *message)
{
	const struct daemon *daemon = worker->daemon;
	uint32_t flows = daemon->appliance->flows / daemon->worker_count;

	*config = (struct sekisho_engine_config){
		.flows = flows < 64 ? 64 : flows,
		.flows_together = daemon->steering.on ? daemon->appliance->flows : 0,
		.zones = (uint16_t)daemon->edge_count,
		.names = daemon->names,
		.allocate = engine_allocate,
		.release = engine_release,
		.context = worker,
	};

	if (getrandom(config->hash_key, sizeof(config->hash_key), 0) !=
	    (ssize_t)sizeof(config->hash_key)) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no random numbers: %s", strerror(errno));
		return -EIO;
	}
	memcpy(config->proof_key, daemon->proof_key, sizeof(config->proof_key));
	return 0;
}

static int worker_init(struct daemon *daemon, struct worker *worker, unsigned index, char *message)
{
	struct sekisho_engine_config config;

	worker->daemon = daemon;
	worker->index = index;
	worker->lcore = daemon->appliance->workers[index];
	if (worker_engine_config(worker, &config, message) < 0)
		return -EIO;
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
	return 0;
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

/* Sources are counted for all workers together. */
static void share_limits(const struct daemon *daemon)
{
	struct sekisho_engine *engines[CONFIG_WORKERS_MAX];

	for (unsigned i = 0; i < daemon->worker_count; i++)
		engines[i] = daemon->workers[i].engine;
	if (daemon->steering.on)
		sekisho_engines_share_limits(engines, daemon->worker_count);
}

int worker_init_all(struct daemon *daemon, char *message)
{
	int rc = qsbr_init(daemon, message);

	daemon->ms_per_tick = (uint64_t)((((unsigned __int128)1 << 64) * 1000) / rte_get_tsc_hz());
	for (unsigned i = 0; rc == 0 && i < daemon->worker_count; i++)
		rc = worker_init(daemon, &daemon->workers[i], i, message);
	if (rc == 0)
		rc = steer_init(daemon, message);
	if (rc == 0)
		share_limits(daemon);
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
	bool first = !atomic_exchange(&daemon->stop, true), clean = true;

	if (first)
		daemon->stop_by_ms = clock_ms() + DAEMON_STOP_MS;
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		unsigned lcore = daemon->appliance->workers[i];

		while (rte_eal_get_lcore_state(lcore) == RUNNING && clock_ms() < daemon->stop_by_ms)
			rte_delay_us_sleep(500);
		if (rte_eal_get_lcore_state(lcore) == RUNNING) {
			if (first)
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
	}
	steer_fini(daemon);
	rte_free(daemon->qsbr);
	daemon->qsbr = NULL;
}

/* Frames on their way between workers. What was taken is read first, so it is never more than what was given. */
static uint64_t handed_over(const struct daemon *daemon)
{
	uint64_t in = 0, out = 0;

	for (unsigned i = 0; i < daemon->worker_count; i++)
		in += atomic_load(&daemon->workers[i].handed_in);
	for (unsigned i = 0; i < daemon->worker_count; i++)
		out += atomic_load(&daemon->workers[i].handed_out);
	return out - in;
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
	totals->held = totals->engines.held + handed_over(daemon);
}
