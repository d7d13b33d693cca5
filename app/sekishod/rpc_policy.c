/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_policy.c: change the policy in force.
 *
 * A commit is built in full before anything changes; what is wrong with it is told word for word. It
 * goes to the one edge that is named, which has a policy of its own from then on, or to all edges
 * that have none of their own. Each change leaves an audit record, in the log at least.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

/* FNV-1a: tells two texts apart in an audit record; no proof against a forger. */
static uint64_t text_digest(const char *text, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
	return hash;
}

static void audit_write(const struct rpc_call *call, const struct snapshot *snapshot)
{
	const char *path = call->control->daemon->appliance->audit;
	const json_t *edge = json_object_get(call->params, "edge");
	char when[32], digest[20], *line;
	time_t now = time(NULL);
	const char *text;
	struct tm utc;
	size_t length;
	json_t *record;
	int fd;

	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	text = config_policy_text(snapshot->config, &length);
	snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)text_digest(text, length));
	record = json_pack("{s:s,s:I,s:I,s:s,s:s?,s:s,s:I,s:I,s:s}", "time", when, "uid",
			   (json_int_t)call->client->uid, "pid", (json_int_t)call->client->pid,
			   "method", call->method, "edge", json_string_value(edge), "name",
			   config_policy_name(snapshot->config), "generation",
			   (json_int_t)sekisho_policy_generation(snapshot->policy), "length",
			   (json_int_t)length, "fnv1a", digest);
	line = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
	json_decref(record);
	log_info("audit %s", line ? line : "record without memory");
	fd = path == NULL || line == NULL
		     ? -1
		     : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (path != NULL && (fd < 0 || dprintf(fd, "%s\n", line) < 0))
		log_error("audit file %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(line);
}

/* Parse and build. NULL with the call failed when the text is no policy. */
static struct snapshot *commit_build(struct rpc_call *call, const char *name, const char *text,
				     size_t length)
{
	struct config_errors errors = {0};
	char message[DAEMON_MESSAGE_MAX] = "";
	struct config_policy *config;
	struct snapshot *snapshot;

	config = config_policy_parse(name, text, length, &errors);
	if (config == NULL) {
		rpc_fail(call, RPC_COMMIT, "the policy is refused: %u error%s", errors.count,
			 errors.count == 1 ? "" : "s");
		call->data = json_pack("{s:s}", "errors", errors.text ? errors.text : "");
		config_errors_fini(&errors);
		return NULL;
	}
	config_errors_fini(&errors);
	snapshot = snapshot_create(call->control->daemon, config, message);
	if (snapshot == NULL) {
		rpc_fail(call, RPC_COMMIT, "the policy cannot be built");
		call->data = json_pack("{s:s}", "errors", message);
		config_policy_destroy(config);
	}
	return snapshot;
}

void rpc_policy_commit(struct rpc_call *call)
{
	const json_t *line = json_object_get(call->params, "text");
	const char *text = line == NULL ? call->client->staged : json_string_value(line);
	size_t length = line == NULL ? call->client->staged_length : json_string_length(line);
	const char *name = json_string_value(json_object_get(call->params, "name"));
	struct daemon *daemon = call->control->daemon;
	struct edge *only = NULL;
	struct snapshot *snapshot;
	unsigned common = 0;

	if (text == NULL || name == NULL) {
		rpc_fail(call, RPC_PARAMS, "text, unless it is staged, and name must be strings");
		return;
	}
	if (json_object_get(call->params, "edge") != NULL) {
		only = rpc_edge(call);
		if (only == NULL)
			return;
	}
	for (unsigned i = 0; i < daemon->edge_count; i++)
		common += !daemon->edges[i].own_policy;
	if (only == NULL && common == 0) {
		rpc_fail(call, RPC_PARAMS, "every edge has a policy of its own; name one");
		return;
	}
	snapshot = commit_build(call, name, text, length);
	staged_fini(call->control, call->client);
	if (snapshot == NULL)
		return;
	for (unsigned i = 0; i < daemon->edge_count; i++)
		if (only == NULL ? !daemon->edges[i].own_policy : only == &daemon->edges[i])
			worker_publish(daemon, &daemon->edges[i], snapshot);
	if (only != NULL)
		only->own_policy = true;
	audit_write(call, snapshot);
	call->result = json_pack("{s:I}", "generation",
				 (json_int_t)sekisho_policy_generation(snapshot->policy));
}
