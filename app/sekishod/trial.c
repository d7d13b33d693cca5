/* SPDX-License-Identifier: BSD-3-Clause */
/* trial.c: a trial from step to step; see trial.h. */
#include "trial.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <rte_rcu_qsbr.h>

#include "control.h"

#define GRACE_PERIODS 2

struct trial {
	struct job job; /* first, so that a job's address is its trial's */
	struct daemon *daemon;
	struct shadow_policy policy;
	struct shadow *shadows[CONFIG_WORKERS_MAX];
	char message[DAEMON_MESSAGE_MAX]; /* why it cannot be built */
	/* while it is built for a client: */
	struct rpc_call call; /* its client is NULL when it has gone */
	struct actor actor;
	char *name, *text;
	size_t length;
	struct config_errors errors;
	/* once no worker is to judge by it: */
	struct trial *next;
	uint64_t token;  /* of the grace period under way */
	unsigned passed; /* grace periods that are over */
};

/* ---- its life --------------------------------------------------------------------------------- */

static struct trial *trial_create(struct daemon *daemon)
{
	struct trial *trial = calloc(1, sizeof(*trial));

	if (trial != NULL)
		trial->daemon = daemon;
	return trial;
}

static void trial_destroy(struct trial *trial)
{
	for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++)
		shadow_destroy(trial->shadows[i]);
	shadow_policy_fini(&trial->policy);
	config_errors_fini(&trial->errors);
	free(trial->name);
	free(trial->text);
	free(trial);
}

/* Its policy is parsed: compile it, and make a shadow for each worker. False with a message. */
static bool trial_build(struct trial *trial, struct config_policy *config)
{
	struct daemon *daemon = trial->daemon;
	struct sekisho_engine *engines[CONFIG_WORKERS_MAX];

	if (shadow_policy_build(&trial->policy, config, trial->message) < 0)
		return false;
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];
		struct sekisho_engine_config like;

		if (worker_engine_config(worker, &like, trial->message) < 0)
			return false;
		trial->shadows[i] =
			shadow_create(&trial->policy, worker->engine, &like, trial->message);
		if (trial->shadows[i] == NULL)
			return false;
		engines[i] = shadow_engine(trial->shadows[i]);
	}
	if (daemon->steering.on)
		sekisho_engines_share_limits(engines, daemon->worker_count);
	return true;
}

/* ---- the one that runs ------------------------------------------------------------------------ */

/* Let workers judge by this one from now on, or by none; the one before goes. */
static void trial_publish(struct daemon *daemon, struct trial *trial)
{
	struct trial *old = daemon->trial;

	daemon->trial = trial;
	if (trial != NULL)
		trial->policy.since_ms = clock_ms();
	for (unsigned i = 0; i < daemon->worker_count; i++)
		atomic_store_explicit(&daemon->workers[i].shadow_next,
				      trial ? trial->shadows[i] : NULL, memory_order_release);
	if (old == NULL)
		return;
	old->token = rte_rcu_qsbr_start(daemon->qsbr);
	old->passed = 0;
	old->next = daemon->trials_retired;
	daemon->trials_retired = old;
}

int trial_start(struct daemon *daemon, const char *path)
{
	struct trial *trial = trial_create(daemon);
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(path, &errors);

	if (config == NULL) {
		start_print_errors(&errors);
		free(trial);
		return -EINVAL;
	}
	config_errors_fini(&errors);
	if (trial == NULL) {
		log_error("%s: no memory for it as a shadow", path);
		config_policy_destroy(config);
		return -ENOMEM;
	}
	if (!trial_build(trial, config)) {
		log_error("%s: %s", path, trial->message);
		trial_destroy(trial);
		return -ENOMEM;
	}
	trial_publish(daemon, trial);
	return 0;
}

const struct shadow_policy *trial_policy(const struct daemon *daemon)
{
	return daemon->trial ? &daemon->trial->policy : NULL;
}

const struct shadow *trial_shadow(const struct daemon *daemon, unsigned worker)
{
	return daemon->trial->shadows[worker];
}

static void destroy_run(struct job *job)
{
	trial_destroy((struct trial *)job);
	malloc_trim(0);
}

void trial_reclaim(struct daemon *daemon)
{
	struct trial **link = &daemon->trials_retired;

	while (*link != NULL) {
		struct trial *trial = *link;

		if (rte_rcu_qsbr_check(daemon->qsbr, trial->token, false) == 0) {
			link = &trial->next;
		} else if (++trial->passed < GRACE_PERIODS) {
			trial->token = rte_rcu_qsbr_start(daemon->qsbr);
			link = &trial->next;
		} else {
			*link = trial->next;
			trial->job = (struct job){.run = destroy_run};
			jobs_add(&daemon->jobs, &trial->job);
		}
	}
}

void trial_fini(struct daemon *daemon)
{
	struct trial *trial;

	if (daemon->trial != NULL)
		trial_destroy(daemon->trial);
	daemon->trial = NULL;
	while ((trial = daemon->trials_retired) != NULL) {
		daemon->trials_retired = trial->next;
		trial_destroy(trial);
	}
}

/* ---- what clients ask for --------------------------------------------------------------------- */

void trial_forget(struct client *client)
{
	struct trial *trial = client->trial;

	if (trial == NULL)
		return;
	client->trial = NULL;
	trial->call.client = NULL;
	rpc_drop(&trial->call);
}

static void build_run(struct job *job)
{
	struct trial *trial = (struct trial *)job;
	struct config_policy *config =
		config_policy_parse(trial->name, trial->text, trial->length, &trial->errors);

	if (config != NULL && trial_build(trial, config))
		trial->message[0] = '\0';
}

/* Answer the client, which then goes on. */
static void trial_answer(struct trial *trial)
{
	struct control *control = trial->call.control;
	struct client *client = trial->call.client;

	client->trial = NULL;
	rpc_answer(&trial->call);
	trial->call.client = NULL;
	client_continue(control, client);
}

static void build_failed(struct trial *trial)
{
	unsigned count = trial->errors.count;

	if (count > 0)
		rpc_fail(&trial->call, RPC_COMMIT, "the policy is refused: %u error%s", count,
			 count == 1 ? "" : "s");
	else
		rpc_fail(&trial->call, RPC_COMMIT, "the policy cannot be put on trial");
	trial->call.data = json_pack("{s:s}", "errors",
				     trial->errors.text ? trial->errors.text : trial->message);
}

static void build_done(struct job *job)
{
	struct trial *trial = (struct trial *)job;
	struct daemon *daemon = trial->daemon;
	bool built = trial->policy.policy != NULL && trial->message[0] == '\0';
	bool asked = trial->call.client != NULL;

	trial->call.control->trial_built = false;
	if (asked && built) {
		trial_publish(daemon, trial);
		audit_shadow(daemon, "shadow.set", &trial->actor, trial->name);
		trial->call.result = json_pack(
			"{s:s,s:s}", "policy", trial->name, "semantics",
			sekisho_semantics_word(sekisho_policy_semantics(trial->policy.policy)));
	} else if (asked) {
		build_failed(trial);
	}
	if (asked)
		trial_answer(trial);
	if (!asked || !built)
		trial_destroy(trial);
}

void rpc_shadow_set(struct rpc_call *call)
{
	const char *name = rpc_policy_name(call);
	struct trial *trial;
	char *text;
	size_t length;

	if (name == NULL)
		return;
	if (call->control->trial_built) {
		rpc_fail(call, RPC_BUSY, "another policy is being put on trial");
		return;
	}
	text = rpc_policy_text(call, &length);
	if (text == NULL)
		return;
	trial = trial_create(call->control->daemon);
	if (trial == NULL || (trial->name = strdup(name)) == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		free(text);
		free(trial);
		return;
	}
	trial->text = text;
	trial->length = length;
	trial->actor = (struct actor){call->client->uid, call->client->pid};
	trial->call = *call;
	trial->call.method = NULL; /* the request's, which does not outlive its line */
	call->later = true;
	call->client->trial = trial;
	call->control->trial_built = true;
	trial->job = (struct job){.run = build_run, .done = build_done};
	jobs_add(&trial->daemon->jobs, &trial->job);
}

void rpc_shadow_off(struct rpc_call *call)
{
	const struct actor actor = {call->client->uid, call->client->pid};
	struct daemon *daemon = call->control->daemon;
	bool ran = daemon->trial != NULL;

	if (ran) {
		audit_shadow(daemon, "shadow.off", &actor,
			     config_policy_name(daemon->trial->policy.config));
		trial_publish(daemon, NULL);
	}
	call->result = json_pack("{s:b}", "stopped", ran);
}
