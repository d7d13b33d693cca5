/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_status.c: what runs here. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "control.h"

static json_t *edges_json(const struct daemon *daemon)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < daemon->edge_count; i++) {
		const struct edge *edge = &daemon->edges[i];
		const struct port *inside = &edge->ports[SEKISHO_EGRESS];
		const struct port *outside = &edge->ports[SEKISHO_INGRESS];
		const struct sekisho_policy *policy = edge->snapshot->policy;
		bool up = port_link_up(inside) && port_link_up(outside);

		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:s}", "name", edge->name, "inside",
				  inside->device, "outside", outside->device, "link",
				  up ? "up" : "down", "steering", steer_word(daemon, edge), "policy",
				  config_policy_name(edge->snapshot->config), "own_policy",
				  edge->own_policy, "generation",
				  (json_int_t)edge->snapshot->generation, "semantics",
				  sekisho_semantics_word(sekisho_policy_semantics(policy))));
	}
	return list;
}

/* The receive queues that a worker polls, as "edge/inside:0". */
static json_t *queues_json(const struct worker *worker)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < worker->poll_count; i++) {
		const struct poll *poll = &worker->polls[i];

		json_array_append_new(
			list, json_sprintf("%s/%s:%u", worker->daemon->edges[poll->edge].name,
					   poll->side == SEKISHO_EGRESS ? "inside" : "outside",
					   poll->queue));
	}
	return list;
}

static json_t *workers_json(const struct control *control)
{
	struct daemon *daemon = control->daemon;
	json_t *list = json_array();

	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];

		json_array_append_new(
			list, json_pack("{s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "lcore", (int)worker->lcore,
					"state", watchdog_word(&control->watchdog, worker),
					"heartbeat", (json_int_t)atomic_load(&worker->heartbeat),
					"sleeps", (json_int_t)atomic_load(&worker->idle.sleeps),
					"handed_in", (json_int_t)atomic_load(&worker->handed_in),
					"handed_out", (json_int_t)atomic_load(&worker->handed_out),
					"handover_full",
					(json_int_t)atomic_load(&worker->handover_full),
					"queues", queues_json(worker)));
	}
	return list;
}

/* Bytes in use: of the C library's heap, of DPDK's, and of pages in memory; and buffers of frames, how many in all and free. */
static json_t *memory_json(const struct daemon *daemon)
{
	const struct mallinfo2 heap = mallinfo2();
	struct rte_malloc_socket_stats stats;
	unsigned long pages = 0, dpdk = 0;
	unsigned frames = 0, unused = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file != NULL) {
		if (fscanf(file, "%*u %lu", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0)
			dpdk += stats.heap_allocsz_bytes;
	if (daemon->pool != NULL) {
		frames = daemon->pool->size;
		unused = rte_mempool_avail_count(daemon->pool);
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "heap", (json_int_t)(heap.uordblks + heap.hblkhd), "dpdk",
			 (json_int_t)dpdk, "resident",
			 (json_int_t)pages * (json_int_t)sysconf(_SC_PAGESIZE), "frames",
			 (json_int_t)frames, "frames_free", (json_int_t)unused);
}

/* What became of saving flows, and of resuming those of the run before; null without a state directory. */
static json_t *flow_image_json(const struct daemon *daemon)
{
	const struct save *save = &daemon->save;
	const struct resume *resume = &daemon->resume;
	const uint64_t *counts = resume->counts;

	if (daemon->state.directory < 0)
		return json_null();
	return json_pack(
		"{s:I,s:I,s:s?,s:o,s:I,s:I,s:o,s:s?,s:I,s:I,s:I,s:I,s:I}", "saves",
		(json_int_t)save->saves, "failures", (json_int_t)save->failures, "failure",
		save->failure[0] ? save->failure : NULL, "saved_at",
		save->saves > 0 ? json_real((double)save->last.time_ms / 1000) : json_null(),
		"records", (json_int_t)save->last.records, "bytes", (json_int_t)save->last.bytes,
		"resumed_from",
		resume->found ? json_real((double)resume->time_ms / 1000) : json_null(), "ignored",
		resume->refused[0] ? resume->refused : NULL, "resumed",
		(json_int_t)counts[SEKISHO_IMPORT_RESUMED], "expired",
		(json_int_t)counts[SEKISHO_IMPORT_EXPIRED], "without_rule",
		(json_int_t)counts[SEKISHO_IMPORT_WITHDRAWN], "without_edge",
		(json_int_t)counts[SEKISHO_IMPORT_NO_ZONE], "without_room",
		(json_int_t)counts[SEKISHO_IMPORT_NO_ROOM]);
}

void rpc_status(struct rpc_call *call)
{
	struct daemon *daemon = call->control->daemon;
	const struct snapshot *first = daemon->edges[0].snapshot;

	call->result = json_pack(
		"{s:s,s:i,s:I,s:s,s:s,s:I,s:s?,s:o,s:s,s:o,s:I,s:o,s:o,s:o}", "version", SEKISHO_VERSION, "pid",
		(int)getpid(), "uptime_ms", (json_int_t)(clock_ms() - daemon->started_ms),
		"semantics", sekisho_semantics_word(sekisho_policy_semantics(first->policy)),
		"policy", config_policy_name(first->config), "generation",
		(json_int_t)first->generation, "state", daemon->appliance->state, "pending",
		pending_json(call->control), "dpdk", rte_version(), "memory", memory_json(daemon),
		"clients_refused", (json_int_t)daemon->clients_refused,
		"flow_image", flow_image_json(daemon), "edges", edges_json(daemon), "workers", workers_json(call->control));
}
