/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * snapshot.c: policies in use: from a parsed text to what workers judge by, and out of the way again.
 *
 * How a policy is exchanged. The control thread stores the new pointer in `edge.current`; the
 * worker compares it once a burst and tells its engine. The old policy may be freed when no engine
 * holds it. A worker reports a quiescent state (rte_rcu_qsbr) at the end of each loop, but an
 * engine holds a policy *between* bursts too, so one grace period is not enough: the report may
 * come from a loop that had looked just before the store. The loop after it does see the store, so
 * the second grace period is. Hence `snapshot.passed` counts to 2.
 *
 * Freeing a policy of many rules takes a while, so that is a job (jobs.h).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include <changes.h>

#include "daemon.h"

#define GRACE_PERIODS 2

struct snapshot *snapshot_create(struct daemon *daemon, struct config_policy *config, char *message)
{
	struct sekisho_policy_spec spec = *config_policy_spec(config);
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no memory");
		return NULL;
	}
	spec.matcher = SEKISHO_MATCHER_COMPILED;
	snapshot->policy = sekisho_policy_create(&spec, daemon->names, message, DAEMON_MESSAGE_MAX);
	if (snapshot->policy == NULL) {
		free(snapshot);
		return NULL;
	}
	snapshot->config = config;
	snapshot->holders = 1;
	return snapshot;
}

static void snapshot_destroy(struct snapshot *snapshot)
{
	sekisho_policy_destroy(snapshot->policy);
	config_policy_destroy(snapshot->config);
	free(snapshot);
}

int snapshot_describe(const struct snapshot *snapshot, const struct snapshot *base,
		      struct revision *revision)
{
	const struct sekisho_policy_spec *spec = config_policy_spec(snapshot->config);
	const char *text = config_policy_text(snapshot->config, &revision->length);
	struct changes changes;
	int rc;

	sha256_text(text, revision->length, revision->sha256);
	revision->rules = 0;
	for (size_t g = 0; g < spec->group_count; g++)
		revision->rules += spec->groups[g].rule_count;
	if (base == NULL)
		return 0;
	rc = changes_init(&changes, config_policy_spec(base->config), spec);
	if (rc == 0)
		revision->diff =
			(struct revision_diff){.added = changes.rules[CHANGE_ADDED],
					       .removed = changes.rules[CHANGE_REMOVED],
					       .changed = changes.rules[CHANGE_CHANGED],
					       .settings = changes.settings > 0};
	changes_fini(&changes);
	return rc;
}

void snapshot_hold(struct snapshot *snapshot)
{
	snapshot->holders++;
}

void snapshot_drop(struct daemon *daemon, struct snapshot *snapshot)
{
	if (--snapshot->holders > 0)
		return;
	if (daemon->qsbr == NULL) { /* no worker has seen it, or there are none any more */
		snapshot_destroy(snapshot);
		return;
	}
	snapshot->token = rte_rcu_qsbr_start(daemon->qsbr);
	snapshot->passed = 0;
	snapshot->next = daemon->retired;
	daemon->retired = snapshot;
}

void snapshot_publish(struct daemon *daemon, struct edge *edge, struct snapshot *snapshot)
{
	struct snapshot *old = edge->snapshot;

	snapshot_hold(snapshot);
	edge->snapshot = snapshot;
	atomic_store(&edge->generation, snapshot->generation);
	atomic_store(&edge->semantics, sekisho_policy_semantics(snapshot->policy));
	atomic_store_explicit(&edge->current, snapshot->policy, memory_order_release);
	if (watches_want(&daemon->watches, WATCH_POLICY))
		watches_tell(&daemon->watches, WATCH_POLICY,
			     json_pack("{s:s,s:f,s:s,s:I,s:s}", "event", "policy", "time",
				       clock_wall(), "edge", edge->name, "generation",
				       (json_int_t)snapshot->generation, "semantics",
				       sekisho_semantics_word(
					       sekisho_policy_semantics(snapshot->policy))));
	if (old != NULL)
		snapshot_drop(daemon, old);
}

/* Its many small pieces go back to the system, or the process stays as large as two policies. */
static void destroy_run(struct job *job)
{
	snapshot_destroy((struct snapshot *)job);
	malloc_trim(0);
}

void snapshot_reclaim(struct daemon *daemon)
{
	struct snapshot **link = &daemon->retired;

	while (*link != NULL) {
		struct snapshot *snapshot = *link;

		if (rte_rcu_qsbr_check(daemon->qsbr, snapshot->token, false) == 0) {
			link = &snapshot->next;
		} else if (++snapshot->passed < GRACE_PERIODS) {
			snapshot->token = rte_rcu_qsbr_start(daemon->qsbr);
			link = &snapshot->next;
		} else {
			*link = snapshot->next;
			snapshot->job = (struct job){.run = destroy_run};
			jobs_add(&daemon->jobs, &snapshot->job);
		}
	}
}

void snapshot_fini_all(struct daemon *daemon)
{
	struct snapshot *snapshot;

	for (unsigned i = 0; i < daemon->edge_count; i++)
		if (daemon->edges[i].snapshot != NULL)
			snapshot_drop(daemon, daemon->edges[i].snapshot);
	if (daemon->common != NULL)
		snapshot_drop(daemon, daemon->common);
	while ((snapshot = daemon->retired) != NULL) {
		daemon->retired = snapshot->next;
		snapshot_destroy(snapshot);
	}
}
