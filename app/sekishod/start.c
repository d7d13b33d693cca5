/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.c: which policies the daemon starts with.
 *
 * Where there is a state directory, the last confirmed commit or rollback of a scope is what comes back,
 * whatever has become of the policy file since: a file that somebody is in the middle of editing must
 * not come into force because of a power cut. That the file differs is told. The file is read where
 * nothing has been committed yet, and where the state is damaged, which is told too.
 *
 * A revision that was waiting for its confirmation when the daemon ended is withdrawn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon.h"

void start_print_errors(struct config_errors *errors)
{
	fputs(errors->text ? errors->text : "sekishod: error: no memory\n", stderr);
	config_errors_fini(errors);
}

static const char *scope_word(const char *edge)
{
	return edge ? edge : "common policy";
}

/* ---- The state directory ---------------------------------------------------------------------- */

/* Keep what is new in the history, and the text that is (NULL: none). */
static void state_update(const struct daemon *daemon, const struct state_text *text)
{
	char message[STATE_MESSAGE_MAX];
	json_t *json;

	if (daemon->state.directory < 0)
		return;
	json = history_json(&daemon->history);
	if (state_save(&daemon->state, json, text, message) < 0)
		log_warning("%s: nothing can be committed", message);
	json_decref(json);
}

static void withdraw_pending(struct daemon *daemon)
{
	const struct actor self = audit_daemon();
	bool changed = false;

	for (unsigned i = 0; i < daemon->history.count; i++) {
		struct revision *revision = daemon->history.revisions[i];

		if (revision->outcome != REVISION_PENDING)
			continue;
		revision->outcome = REVISION_WITHDRAWN;
		changed = true;
		log_warning(
			"generation %u was not confirmed before the daemon ended: it is withdrawn",
			revision->generation);
		audit_write(daemon, "expire", &self, revision);
	}
	if (changed)
		state_update(daemon, NULL);
}

int start_state(struct daemon *daemon)
{
	char message[STATE_MESSAGE_MAX];
	json_t *json;
	int rc;

	if (daemon->appliance->state == NULL)
		return 0;
	rc = state_open(&daemon->state, daemon->appliance->state, message);
	if (rc < 0) {
		log_error("%s", message);
		return rc;
	}
	json = state_load(&daemon->state, message);
	if (json != NULL && history_parse(&daemon->history, json, message, sizeof(message)) < 0)
		state_set_aside(&daemon->state, STATE_HISTORY);
	json_decref(json);
	if (message[0] != '\0')
		log_error("the history in %s is ignored: %s", daemon->state.path, message);
	withdraw_pending(daemon);
	return 0;
}

/* ---- One scope -------------------------------------------------------------------------------- */

/* The policy of a revision; NULL after its reason is told. */
static struct snapshot *load_revision(struct daemon *daemon, const struct revision *revision)
{
	char message[DAEMON_MESSAGE_MAX] = "it is no policy for this version of sekishod";
	struct config_errors errors = {0};
	struct config_policy *config = NULL;
	struct snapshot *snapshot = NULL;
	size_t length;
	char *text = state_text(&daemon->state, revision->sha256, &length, message);

	if (text != NULL)
		config = config_policy_parse(revision->name, text, length, &errors);
	free(text);
	if (errors.count > 0)
		start_print_errors(&errors);
	if (config != NULL)
		snapshot = snapshot_create(daemon, config, message);
	if (snapshot == NULL) {
		config_policy_destroy(config);
		log_error("%s: generation %u of the state directory is ignored: %s",
			  scope_word(revision->edge), revision->generation, message);
		return NULL;
	}
	snapshot->generation = revision->generation;
	log_info("%s: generation %u of the state directory, from %s", scope_word(revision->edge),
		 revision->generation, revision->name);
	return snapshot;
}

/* Tell that what is in force is not what the policy file says. */
static void compare_file(const struct revision *revision, const char *path)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(path, &errors);
	const char *is = "is not valid now";
	char sha256[SHA256_TEXT] = "";
	size_t length;

	if (config != NULL) {
		const char *text = config_policy_text(config, &length);

		sha256_text(text, length, sha256);
		is = "differs";
	}
	if (strcmp(sha256, revision->sha256) != 0)
		log_warning(
			"%s: generation %u of the state directory is in force; %s %s, and is not "
			"read",
			scope_word(revision->edge), revision->generation, path, is);
	config_policy_destroy(config);
	config_errors_fini(&errors);
}

/* Give a snapshot of a file its revision: the newest of its scope if that is the same, or a new one. */
static int enter_in_history(struct daemon *daemon, const char *edge, struct snapshot *snapshot)
{
	const struct revision *newest = history_newest(&daemon->history, edge, UINT32_MAX);
	const struct actor self = audit_daemon();
	struct revision *revision =
		revision_create(REVISION_START, edge, config_policy_name(snapshot->config), &self);
	struct state_text text;

	if (revision == NULL || snapshot_describe(snapshot, NULL, revision) < 0) {
		revision_destroy(revision);
		return -ENOMEM;
	}
	if (newest != NULL && newest->event == REVISION_START &&
	    strcmp(newest->sha256, revision->sha256) == 0) {
		revision_destroy(revision);
		snapshot->generation = newest->generation;
		return 0;
	}
	history_add(&daemon->history, revision);
	snapshot->generation = revision->generation;
	text.sha256 = revision->sha256;
	text.bytes = config_policy_text(snapshot->config, &text.length);
	if (daemon->state.directory < 0)
		revision->text = strdup(text.bytes);
	else
		state_update(daemon, &text);
	return 0;
}

/* The policy of a file; NULL after the errors are printed. */
static struct snapshot *load_file(struct daemon *daemon, const char *edge, const char *path)
{
	char message[DAEMON_MESSAGE_MAX] = "";
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(path, &errors);
	struct snapshot *snapshot;

	if (config == NULL) {
		start_print_errors(&errors);
		return NULL;
	}
	config_errors_fini(&errors);
	snapshot = snapshot_create(daemon, config, message);
	if (snapshot == NULL) {
		log_error("%s: %s", path, message);
		config_policy_destroy(config);
	} else if (enter_in_history(daemon, edge, snapshot) < 0) {
		log_error("%s: no memory", path);
		snapshot_drop(daemon, snapshot);
		snapshot = NULL;
	}
	return snapshot;
}

/* What was committed last for a scope; NULL if nothing was, or it is damaged. */
static struct snapshot *load_committed(struct daemon *daemon, const char *edge)
{
	const struct revision *newest = history_newest(&daemon->history, edge, UINT32_MAX);

	if (newest == NULL || newest->event == REVISION_START || newest->name == NULL)
		return NULL;
	return load_revision(daemon, newest);
}

static struct snapshot *load_scope(struct daemon *daemon, const char *edge, const char *path)
{
	struct snapshot *snapshot = load_committed(daemon, edge);

	if (snapshot != NULL)
		compare_file(history_find(&daemon->history, snapshot->generation), path);
	else
		snapshot = load_file(daemon, edge, path);
	return snapshot;
}

/* ---- All of them ------------------------------------------------------------------------------ */

static int load_common(struct daemon *daemon)
{
	bool needed = false;

	for (unsigned i = 0; i < daemon->edge_count; i++)
		needed |= !daemon->edges[i].own_file;
	if (!needed)
		return 0;
	daemon->common = load_scope(daemon, NULL, daemon->appliance->policy);
	return daemon->common == NULL ? -EINVAL : 0;
}

static int load_edge(struct daemon *daemon, struct edge *edge)
{
	struct snapshot *own = edge->own_file
				       ? load_scope(daemon, edge->name,
						    daemon->appliance->edges[edge->index].policy)
				       : load_committed(daemon, edge->name);

	if (own == NULL && edge->own_file)
		return -EINVAL;
	edge->own_policy = own != NULL;
	snapshot_publish(daemon, edge, own ? own : daemon->common);
	if (own != NULL)
		snapshot_drop(daemon, own);
	return 0;
}

int start_policies(struct daemon *daemon)
{
	int rc;

	daemon->names = sekisho_rule_names_create(DAEMON_RULE_NAMES);
	if (daemon->names == NULL) {
		log_error("no memory for the names of rules");
		return -ENOMEM;
	}
	rc = load_common(daemon);
	for (unsigned i = 0; rc == 0 && i < daemon->edge_count; i++)
		rc = load_edge(daemon, &daemon->edges[i]);
	return rc;
}
