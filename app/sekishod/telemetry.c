/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * telemetry.c: our counters among DPDK's, for dpdk-telemetry.py and what collects with its protocol.
 *
 * Commands are run on threads of DPDK's, one a client, so they touch only what any thread may read. The
 * lock keeps the daemon there while one runs: DPDK does not tell when the last has ended.
 * Names of members may have letters, digits and '_' only, so a '-' in a reason becomes a '_', and rules and
 * edges stand under their numbers. An answer has at most 16 KiB, so rules come in pages.
 */
#include "telemetry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_telemetry.h>
#include <rte_version.h>

#include "counters.h"

#define RULES_PAGE 48
#define WORD_MAX   100 /* of a text in a list */

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct daemon *served; /* under the lock */

static void add_text(struct rte_tel_data *data, const char *name, const char *text)
{
	char part[WORD_MAX];

	snprintf(part, sizeof(part), "%s", text);
	rte_tel_data_add_dict_string(data, name, part);
}

/* Add a new dictionary to one, under a number; NULL if there is no room. */
static struct rte_tel_data *add_row(struct rte_tel_data *data, unsigned number)
{
	struct rte_tel_data *row = rte_tel_data_alloc();
	char name[16];

	if (row == NULL)
		return NULL;
	snprintf(name, sizeof(name), "%u", number);
	rte_tel_data_start_dict(row);
	if (rte_tel_data_add_dict_container(data, name, row, 0) == 0)
		return row;
	rte_tel_data_free(row);
	return NULL;
}

static void tell_stats(const struct daemon *daemon, const char *params, struct rte_tel_data *data)
{
	struct daemon_totals totals;

	daemon_totals_read(daemon, &totals);
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_uint(data, "received", totals.received);
	rte_tel_data_add_dict_uint(data, "passed", totals.passed);
	rte_tel_data_add_dict_uint(data, "dropped", totals.dropped);
	rte_tel_data_add_dict_uint(data, "held", totals.held);
	rte_tel_data_add_dict_uint(data, "sent", totals.sent);
	for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
		rte_tel_data_add_dict_uint(data, counters_drop_key(d), totals.port_drops[d]);
}

static void tell_flows(const struct daemon *daemon, const char *params, struct rte_tel_data *data)
{
	struct daemon_totals totals;

	daemon_totals_read(daemon, &totals);
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_uint(data, "now", totals.engines.flows);
	rte_tel_data_add_dict_uint(data, "capacity", totals.engines.flows_capacity);
	rte_tel_data_add_dict_uint(data, "half_open", totals.engines.flows_half_open);
	rte_tel_data_add_dict_uint(data, "created", totals.engines.flows_created);
	rte_tel_data_add_dict_uint(data, "expired", totals.engines.flows_expired);
	rte_tel_data_add_dict_uint(data, "recycled", totals.engines.flows_recycled);
	rte_tel_data_add_dict_uint(data, "closed", totals.engines.flows_closed);
	rte_tel_data_add_dict_uint(data, "conntrack_allowance_available",
				   totals.engines.flows_available);
	rte_tel_data_add_dict_uint(data, "conntrack_allowance_exceeded",
				   totals.engines.by_reason[SEKISHO_REASON_TABLE_FULL]);
}

static void tell_drops(const struct daemon *daemon, const char *params, struct rte_tel_data *data)
{
	struct daemon_totals totals;

	daemon_totals_read(daemon, &totals);
	rte_tel_data_start_dict(data);
	for (unsigned i = 0; i < COUNTERS_REASON_COUNT; i++) {
		uint64_t packets = counters_by_reason(&totals, i);
		char name[WORD_MAX];

		if (packets == 0 ||
		    (i < SEKISHO_REASON_COUNT && sekisho_reason_action(i) != SEKISHO_DROP))
			continue;
		snprintf(name, sizeof(name), "%s", counters_reason_word(i));
		for (char *at = name; *at != '\0'; at++)
			if (*at == '-')
				*at = '_';
		rte_tel_data_add_dict_uint(data, name, packets);
	}
}

static void tell_rules(const struct daemon *daemon, const char *params, struct rte_tel_data *data)
{
	uint32_t count = sekisho_rule_names_count(daemon->names);
	unsigned long first = params == NULL ? 0 : strtoul(params, NULL, 10);

	rte_tel_data_start_dict(data);
	for (unsigned long i = first; i < count && i < first + RULES_PAGE; i++) {
		struct sekisho_rule_stats stats = counters_of_rule(daemon, (uint32_t)i);
		struct rte_tel_data *row = add_row(data, (unsigned)i);

		if (row == NULL)
			return;
		add_text(row, "rule", sekisho_rule_name(daemon->names, (uint32_t)i));
		rte_tel_data_add_dict_uint(row, "packets", stats.packets);
		rte_tel_data_add_dict_uint(row, "bytes", stats.bytes);
		rte_tel_data_add_dict_uint(row, "flows", stats.flows);
		rte_tel_data_add_dict_uint(row, "live_flows", stats.live);
	}
}

static void tell_policy(const struct daemon *daemon, const char *params, struct rte_tel_data *data)
{
	rte_tel_data_start_dict(data);
	for (unsigned i = 0; i < daemon->edge_count; i++) {
		const struct edge *edge = &daemon->edges[i];
		struct rte_tel_data *row = add_row(data, i);

		if (row == NULL)
			return;
		add_text(row, "edge", edge->name);
		rte_tel_data_add_dict_uint(row, "generation", atomic_load(&edge->generation));
		add_text(row, "semantics",
			 sekisho_semantics_word(
				 (enum sekisho_semantics)atomic_load(&edge->semantics)));
	}
}

static void tell_workers(const struct daemon *daemon, const char *params, struct rte_tel_data *data)
{
	rte_tel_data_start_dict(data);
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", daemon->workers[i].lcore);
		rte_tel_data_add_dict_uint(data, name, atomic_load(&daemon->workers[i].heartbeat));
	}
}

/* A command of DPDK's kind for each of ours. */
#define COMMAND(name)                                                                             \
	static int run_##name(const char *command, const char *params, struct rte_tel_data *data) \
	{                                                                                         \
		int rc = -1;                                                                      \
                                                                                                  \
		pthread_mutex_lock(&lock);                                                        \
		if (served != NULL) {                                                             \
			tell_##name(served, params, data);                                        \
			rc = 0;                                                                   \
		}                                                                                 \
		pthread_mutex_unlock(&lock);                                                      \
		return rc;                                                                        \
	}
COMMAND(stats)
COMMAND(flows)
COMMAND(drops)
COMMAND(rules)
COMMAND(policy)
COMMAND(workers)

static const struct {
	const char *name, *help;
	telemetry_cb run;
} commands[] = {
	{"/sekisho/stats", "Packets in all. No parameters.", run_stats},
	{"/sekisho/flows", "The flow table. No parameters.", run_flows},
	{"/sekisho/drops", "Packets dropped, by reason, where there were any. No parameters.",
	 run_drops},
	{"/sekisho/rules", "Rules, a page from a number on. Parameter: the number, 0 if absent.",
	 run_rules},
	{"/sekisho/policy", "The policy in force, by edge. No parameters.", run_policy},
	{"/sekisho/workers", "Heartbeats of the workers, by lcore. No parameters.", run_workers},
};

int telemetry_start(const struct daemon *daemon, char *message)
{
	if (!daemon->appliance->dpdk_telemetry)
		return 0;
	pthread_mutex_lock(&lock);
	served = daemon;
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int rc = rte_telemetry_register_cmd(commands[i].name, commands[i].run,
						    commands[i].help);

		if (rc < 0) {
			snprintf(message, DAEMON_MESSAGE_MAX, "DPDK's telemetry takes no %s",
				 commands[i].name);
			return rc;
		}
	}
	return 0;
}

void telemetry_stop(void)
{
	pthread_mutex_lock(&lock);
	served = NULL;
	pthread_mutex_unlock(&lock);
}
