/* SPDX-License-Identifier: BSD-3-Clause */
/* commit.c: a change of policy from step to step; see commit.h. */
#include "commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "control.h"
#include "notify.h"

/* Between two words on how far a change is: told each second, by a timer that may tick a little early. */
#define PROGRESS_MS 500

/* What a change is at, for who waits for it. */
enum stage { STAGE_READING, STAGE_COMPILING, STAGE_SAVING };

static const char *const stage_words[] = {"reading", "compiling", "saving"};

struct change {
	struct job job; /* first, so that a job's address is its change's */
	struct control *control;
	struct rpc_call call; /* its client is NULL when it has gone, or nobody asked */
	struct actor actor;
	struct edge *edge;
	uint32_t confirm_ms;
	struct revision *revision; /* the history's once it is being saved */
	struct snapshot *base, *snapshot;
	char *text;
	size_t length;
	json_t *history; /* to be saved */
	int rc;
	char message[DAEMON_MESSAGE_MAX];
	struct config_errors errors;
	bool tells; /* its client wants to hear how far it is */
	uint64_t began_ms, told_ms;
	_Atomic int stage;      /* enum stage; the job thread's while a job runs */
	_Atomic uint64_t rules; /* that compile; 0 until they are known */
};

/* ---- Its life --------------------------------------------------------------------------------- */

static struct change *change_create(struct control *control, const struct rpc_call *call)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	change->control = control;
	if (call != NULL) {
		change->call = *call;
		/* The method's name is the request's, which does not outlive its line. */
		change->call.method = NULL;
		change->actor = (struct actor){call->client->uid, call->client->pid};
	}
	return change;
}

static void change_destroy(struct change *change)
{
	struct daemon *daemon = change->control->daemon;

	if (change->base != NULL)
		snapshot_drop(daemon, change->base);
	if (change->snapshot != NULL)
		snapshot_drop(daemon, change->snapshot);
	config_errors_fini(&change->errors);
	json_decref(change->history);
	free(change->text);
	free(change);
}

/* Answer who has asked, if there still is somebody, and let the next change come. */
static void change_finish(struct change *change)
{
	struct control *control = change->control;
	struct client *client = change->call.client;

	if (control->change == change) {
		control->change = NULL;
		notify_send("READY=1");
	}
	if (client != NULL) {
		client->change = NULL;
		rpc_answer(&change->call);
	} else {
		rpc_drop(&change->call);
	}
	change_destroy(change);
	if (client != NULL)
		client_continue(control, client);
}

/* Register the change as the one that is under way, and its call as one that is answered later. */
static void change_enter(struct change *change, struct rpc_call *call)
{
	notify_reloading();
	change->control->change = change;
	call->client->change = change;
	call->later = true;
}

void commit_forget(struct control *control, struct client *client)
{
	struct change *change = client->change;

	if (change == NULL)
		return;
	client->change = NULL;
	change->call.client = NULL;
	rpc_drop(&change->call);
}

/* ---- Progress --------------------------------------------------------------------------------- */

void commit_tell(struct control *control)
{
	struct change *change = control->change;
	uint64_t now = clock_ms();

	if (change == NULL || !change->tells || change->call.client == NULL ||
	    now - change->told_ms < PROGRESS_MS)
		return;
	change->told_ms = now;
	client_send(change->call.client,
		    json_pack("{s:s,s:s,s:{s:s,s:I,s:I}}", "jsonrpc", "2.0", "method",
			      "policy.progress", "params", "stage",
			      stage_words[atomic_load(&change->stage)], "rules",
			      (json_int_t)atomic_load(&change->rules), "elapsed_ms",
			      (json_int_t)(now - change->began_ms)));
	client_continue(control, change->call.client);
}

/* ---- Saving ----------------------------------------------------------------------------------- */

static void save_run(struct job *job)
{
	struct change *change = (struct change *)job;
	const struct state *state = &change->control->daemon->state;
	struct state_text text = {.bytes = change->text, .length = change->length};

	if (state->directory < 0)
		return;
	if (change->text != NULL)
		text.sha256 = change->revision->sha256;
	change->rc =
		state_save(state, change->history, change->text ? &text : NULL, change->message);
}

/* Save the history as it is now, then go on with `done`. */
static void change_save(struct change *change, void (*done)(struct job *job))
{
	struct daemon *daemon = change->control->daemon;

	change->job = (struct job){.run = save_run, .done = done};
	change->rc = 0;
	atomic_store(&change->stage, STAGE_SAVING);
	change->history = history_json(&daemon->history);
	jobs_add(&daemon->jobs, &change->job);
}

static void save_failed(struct change *change)
{
	rpc_fail(&change->call, RPC_STATE, "nothing is changed, as it cannot be kept: %s",
		 change->message);
	log_error("%s", change->message);
}

/* ---- What is pending -------------------------------------------------------------------------- */

static void deadline_set(struct control *control, uint64_t in_ms)
{
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(in_ms / 1000),
						     .tv_nsec = (long)(in_ms % 1000) * 1000000}};

	timerfd_settime(control->deadline, 0, &when, NULL);
}

/* Let go of what would have come back. */
static void pending_forget(struct control *control)
{
	struct pending *pending = &control->pending;

	for (unsigned i = 0; i < control->daemon->edge_count; i++)
		if (pending->edges[i].snapshot != NULL)
			snapshot_drop(control->daemon, pending->edges[i].snapshot);
	if (pending->common != NULL)
		snapshot_drop(control->daemon, pending->common);
	*pending = (struct pending){0};
	deadline_set(control, 0);
}

static void withdraw_done(struct job *job)
{
	struct change *change = (struct change *)job;

	/* On disk it is pending then, which a restart takes for the same. */
	if (change->rc < 0)
		log_warning("%s", change->message);
	change_destroy(change);
}

void commit_withdraw(struct control *control, const char *event, const struct actor *actor)
{
	struct change *change = change_create(control, NULL);
	struct pending *pending = &control->pending;
	struct daemon *daemon = control->daemon;

	for (unsigned i = 0; i < daemon->edge_count; i++)
		if (pending->edges[i].snapshot != NULL) {
			snapshot_publish(daemon, &daemon->edges[i], pending->edges[i].snapshot);
			daemon->edges[i].own_policy = pending->edges[i].own_policy;
		}
	if (pending->common != NULL) {
		snapshot_hold(pending->common);
		snapshot_drop(daemon, daemon->common);
		daemon->common = pending->common;
	}
	pending->revision->outcome = REVISION_WITHDRAWN;
	audit_write(daemon, event, actor, pending->revision);
	pending_forget(control);
	if (change != NULL)
		change_save(change, withdraw_done);
}

static void confirm_done(struct job *job)
{
	struct change *change = (struct change *)job;
	struct control *control = change->control;
	struct pending *pending = &control->pending;
	uint64_t now = clock_ms();

	if (change->rc < 0) {
		pending->revision->outcome = REVISION_PENDING;
		deadline_set(control, pending->deadline_ms > now ? pending->deadline_ms - now : 1);
		save_failed(change);
	} else {
		audit_write(control->daemon, "confirm", &change->actor, pending->revision);
		change->call.result = revision_json(pending->revision);
		pending_forget(control);
	}
	change_finish(change);
}

void commit_confirm(struct rpc_call *call)
{
	struct control *control = call->control;
	struct change *change = change_create(control, call);

	if (change == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	/* It came in time, whatever the disk takes. */
	deadline_set(control, 0);
	control->pending.revision->outcome = REVISION_CONFIRMED;
	change_enter(change, call);
	change_save(change, confirm_done);
}

void commit_fini(struct control *control)
{
	pending_forget(control);
}

/* ---- Commit and rollback ---------------------------------------------------------------------- */

static bool in_scope(const struct edge *edge, const struct edge *scope)
{
	return scope == NULL ? !edge->own_policy : edge == scope;
}

/* Give the edges of the scope their new policy, and keep the former if it may come back. */
static void publish(struct change *change)
{
	struct daemon *daemon = change->control->daemon;
	struct pending *pending = change->confirm_ms > 0 ? &change->control->pending : NULL;

	for (unsigned i = 0; i < daemon->edge_count; i++) {
		struct edge *edge = &daemon->edges[i];

		if (!in_scope(edge, change->edge))
			continue;
		if (pending != NULL) {
			snapshot_hold(edge->snapshot);
			pending->edges[i].snapshot = edge->snapshot;
			pending->edges[i].own_policy = edge->own_policy;
		}
		snapshot_publish(daemon, edge, change->snapshot);
		if (change->edge != NULL)
			edge->own_policy = change->revision->name != NULL;
	}
	if (change->edge != NULL)
		return;
	if (pending != NULL) {
		snapshot_hold(daemon->common);
		pending->common = daemon->common;
	}
	snapshot_hold(change->snapshot);
	snapshot_drop(daemon, daemon->common);
	daemon->common = change->snapshot;
}

static json_t *commit_result(const struct change *change)
{
	json_t *result = revision_json(change->revision);

	json_object_set_new(result, "previous", json_integer(change->base->generation));
	json_object_set_new(result, "confirm_ms",
			    change->confirm_ms > 0 ? json_integer(change->confirm_ms)
						   : json_null());
	return result;
}

static void commit_done(struct job *job)
{
	struct change *change = (struct change *)job;
	struct control *control = change->control;
	struct revision *revision = change->revision;

	if (change->rc < 0) {
		history_undo(&control->daemon->history);
		save_failed(change);
		change_finish(change);
		return;
	}
	publish(change);
	if (change->confirm_ms > 0) {
		control->pending.revision = revision;
		control->pending.deadline_ms = clock_ms() + change->confirm_ms;
		deadline_set(control, change->confirm_ms);
	}
	audit_write(control->daemon, revision->event == REVISION_COMMIT ? "commit" : "rollback",
		    &change->actor, revision);
	change->call.result = commit_result(change);
	change_finish(change);
}

/* The policy is there: the revision enters the history, and what is new is saved. */
static void commit_save(struct change *change)
{
	struct daemon *daemon = change->control->daemon;
	struct revision *revision = change->revision;

	revision->time = time(NULL);
	revision->outcome = change->confirm_ms > 0 ? REVISION_PENDING : REVISION_CONFIRMED;
	if (daemon->state.directory < 0) {
		revision->text = change->text;
		change->text = NULL;
	}
	history_add(&daemon->history, revision);
	if (revision->name != NULL)
		change->snapshot->generation = revision->generation;
	change_save(change, commit_done);
}

static void build_run(struct job *job)
{
	struct change *change = (struct change *)job;
	struct daemon *daemon = change->control->daemon;
	struct revision *revision = change->revision;
	struct config_policy *config;

	if (change->text == NULL)
		change->text = state_text(&daemon->state, revision->sha256, &change->length,
					  change->message);
	if (change->text == NULL)
		return;
	config = config_policy_parse(revision->name, change->text, change->length, &change->errors);
	if (config == NULL)
		return;
	atomic_store(&change->rules, sekisho_policy_spec_names(config_policy_spec(config)));
	atomic_store(&change->stage, STAGE_COMPILING);
	change->snapshot = snapshot_create(daemon, config, change->message);
	if (change->snapshot == NULL)
		config_policy_destroy(config);
	else
		change->rc = snapshot_describe(change->snapshot, change->base, revision);
}

static void build_failed(struct change *change)
{
	const char *errors = change->errors.text ? change->errors.text : change->message;
	unsigned count = change->errors.count;

	if (count > 0)
		rpc_fail(&change->call, RPC_COMMIT, "the policy is refused: %u error%s", count,
			 count == 1 ? "" : "s");
	else
		rpc_fail(&change->call, RPC_COMMIT, "the policy cannot be built");
	change->call.data = json_pack("{s:s}", "errors", errors);
}

static void build_done(struct job *job)
{
	struct change *change = (struct change *)job;
	bool built = change->snapshot != NULL && change->rc == 0;

	if (built && change->call.client != NULL) {
		commit_save(change);
		return;
	}
	if (built)
		log_info("the client of pid %d has gone: its policy is thrown away",
			 (int)change->actor.pid);
	else
		build_failed(change);
	revision_destroy(change->revision);
	change_finish(change);
}

/* Why no change can begin now: the call is failed. */
static bool change_refused(struct rpc_call *call)
{
	const struct control *control = call->control;

	if (control->change != NULL)
		rpc_fail(call, RPC_BUSY, "another change is under way");
	else if (control->pending.revision != NULL)
		rpc_fail(call, RPC_PENDING,
			 "generation %u waits for its confirmation: confirm it or roll it back "
			 "first",
			 control->pending.revision->generation);
	return call->code != 0;
}

/* A change as it is asked for; NULL: no memory. */
static struct change *change_of(struct rpc_call *call, const struct commit_request *request)
{
	struct daemon *daemon = call->control->daemon;
	const struct revision *origin = request->origin;
	struct change *change = change_create(call->control, call);

	if (change == NULL)
		return NULL;
	change->edge = request->edge;
	change->confirm_ms = request->confirm_ms;
	change->tells = request->tells;
	change->began_ms = change->told_ms = clock_ms();
	change->base = request->edge ? request->edge->snapshot : daemon->common;
	snapshot_hold(change->base);
	change->revision =
		revision_create(request->event, request->edge ? request->edge->name : NULL,
				request->name, &change->actor);
	if (change->revision == NULL) {
		change_destroy(change);
		return NULL;
	}
	change->text = request->text;
	change->length = request->length;
	if (origin != NULL) {
		change->revision->origin = origin->generation;
		change->length = origin->length;
		change->text = origin->text ? strdup(origin->text) : NULL;
		strcpy(change->revision->sha256, origin->sha256);
	}
	return change;
}

void commit_begin(struct rpc_call *call, const struct commit_request *request)
{
	struct daemon *daemon = call->control->daemon;
	struct change *change = change_refused(call) ? NULL : change_of(call, request);

	if (change == NULL) {
		if (call->code == 0)
			rpc_fail(call, RPC_INTERNAL, "no memory");
		free(request->text);
		return;
	}
	change_enter(change, call);
	if (request->name == NULL) {
		change->snapshot = daemon->common;
		snapshot_hold(change->snapshot);
		commit_save(change);
		return;
	}
	change->job = (struct job){.run = build_run, .done = build_done};
	jobs_add(&daemon->jobs, &change->job);
}

uint32_t commit_generation(const struct daemon *daemon, const struct edge *edge)
{
	if (edge != NULL)
		return edge->snapshot->generation;
	return daemon->common ? daemon->common->generation : 0;
}
