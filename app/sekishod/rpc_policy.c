/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_policy.c: what clients ask of the policy in force: commit, confirm, rollback, history. It reads
 * and judges their params; what is done about them is in commit.c.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"

#define NAME_MAX_BYTES 4096 /* of a policy's file */

/* ---- Params ----------------------------------------------------------------------------------- */

/* A number from `min` to `max`; 0 if it is not given. false with the call failed if it is no such. */
static bool param_number(struct rpc_call *call, const char *key, json_int_t min, json_int_t max,
			 uint32_t *number)
{
	const json_t *param = json_object_get(call->params, key);
	json_int_t value = json_integer_value(param);

	*number = 0;
	if (param == NULL || json_is_null(param))
		return true;
	if (!json_is_integer(param) || value < min || value > max) {
		rpc_fail(call, RPC_PARAMS,
			 "%s must be a number from %" JSON_INTEGER_FORMAT
			 " to %" JSON_INTEGER_FORMAT,
			 key, min, max);
		return false;
	}
	*number = (uint32_t)value;
	return true;
}

/*
 * What all changes have: the scope, the time to confirm in, the generation that the client takes to
 * be in force, and whether it wants to hear how far it is. false with the call failed.
 */
static bool request_read(struct rpc_call *call, struct commit_request *request)
{
	struct daemon *daemon = call->control->daemon;
	uint32_t expected, present;
	bool common = false;

	if (json_object_get(call->params, "edge") != NULL) {
		request->edge = rpc_edge(call);
		if (request->edge == NULL)
			return false;
	}
	for (unsigned i = 0; i < daemon->edge_count; i++)
		common |= !daemon->edges[i].own_policy;
	if (request->edge == NULL && !common) {
		rpc_fail(call, RPC_PARAMS, "every edge has a policy of its own; name one");
		return false;
	}
	if (!param_number(call, "confirm_ms", COMMIT_CONFIRM_MIN_MS, COMMIT_CONFIRM_MAX_MS,
			  &request->confirm_ms) ||
	    !param_number(call, "if_generation", 1, UINT32_MAX, &expected))
		return false;
	request->tells = json_is_true(json_object_get(call->params, "progress"));
	present = commit_generation(daemon, request->edge);
	if (expected != 0 && expected != present) {
		rpc_fail(call, RPC_CHANGED, "generation %u is in force, not %u", present, expected);
		call->data = json_pack("{s:I}", "generation", (json_int_t)present);
		return false;
	}
	return true;
}

/* ---- Commit and confirm ----------------------------------------------------------------------- */

char *rpc_policy_text(struct rpc_call *call, size_t *length)
{
	const json_t *given = json_object_get(call->params, "text");
	char *text = given ? json_is_string(given) ? strdup(json_string_value(given)) : NULL
			   : call->client->staged;

	*length = given ? json_string_length(given) : call->client->staged_length;
	if (text == NULL)
		rpc_fail(call, RPC_PARAMS, "text must be a string, or be staged");
	else if (given == NULL)
		staged_give(call->control, call->client);
	return text;
}

const char *rpc_policy_name(struct rpc_call *call)
{
	const char *name = json_string_value(json_object_get(call->params, "name"));

	if (name != NULL && strlen(name) <= NAME_MAX_BYTES)
		return name;
	rpc_fail(call, RPC_PARAMS, "name must be a string of at most %d bytes", NAME_MAX_BYTES);
	return NULL;
}

void rpc_policy_commit(struct rpc_call *call)
{
	struct commit_request request = {.event = REVISION_COMMIT, .name = rpc_policy_name(call)};

	if (request.name == NULL || !request_read(call, &request))
		return;
	request.text = rpc_policy_text(call, &request.length);
	if (request.text != NULL)
		commit_begin(call, &request);
}

/* The revision that waits for its confirmation; NULL with the call failed if none does, or another. */
static const struct revision *pending_revision(struct rpc_call *call, uint32_t generation)
{
	const struct revision *revision = call->control->pending.revision;

	if (call->control->change != NULL)
		rpc_fail(call, RPC_BUSY, "another change is under way");
	else if (revision == NULL)
		rpc_fail(call, RPC_PENDING, "nothing waits for a confirmation");
	else if (generation != 0 && generation != revision->generation)
		rpc_fail(call, RPC_CHANGED, "generation %u waits for its confirmation, not %u",
			 revision->generation, generation);
	return call->code == 0 ? revision : NULL;
}

void rpc_policy_confirm(struct rpc_call *call)
{
	uint32_t generation;

	if (param_number(call, "generation", 1, UINT32_MAX, &generation) &&
	    pending_revision(call, generation) != NULL)
		commit_confirm(call);
}

/* ---- Rollback --------------------------------------------------------------------------------- */

/* Take back what is pending, without waiting for its time to end. */
static void withdraw(struct rpc_call *call)
{
	const struct revision *revision = pending_revision(call, 0);
	const struct actor actor = {call->client->uid, call->client->pid};
	struct daemon *daemon = call->control->daemon;
	const struct edge *edge = NULL;
	uint32_t generation;

	if (revision == NULL)
		return;
	for (unsigned i = 0; revision->edge != NULL && i < daemon->edge_count; i++)
		if (strcmp(daemon->edges[i].name, revision->edge) == 0)
			edge = &daemon->edges[i];
	generation = revision->generation;
	commit_withdraw(call->control, "withdraw", &actor);
	call->result =
		json_pack("{s:I,s:I}", "generation", (json_int_t)commit_generation(daemon, edge),
			  "withdrawn", (json_int_t)generation);
}

/* The revision to go back to by its number, for its own scope. false with the call failed. */
static bool rollback_to(struct rpc_call *call, struct commit_request *request, uint32_t generation)
{
	struct daemon *daemon = call->control->daemon;
	const struct revision *origin = history_find(&daemon->history, generation);
	const char *scope = request->edge ? request->edge->name : NULL;

	if (origin == NULL || origin->name == NULL) {
		rpc_fail(call, RPC_PARAMS, "generation %u is not in the history", generation);
		return false;
	}
	if (scope == NULL ? origin->edge != NULL
			  : origin->edge == NULL || strcmp(origin->edge, scope) != 0) {
		rpc_fail(call, RPC_PARAMS, "generation %u is one of %s", generation,
			 origin->edge ? origin->edge : "the common policy");
		return false;
	}
	request->origin = origin;
	request->name = origin->name;
	return true;
}

/* The revision before the one in force. false with the call failed. */
static bool rollback_once(struct rpc_call *call, struct commit_request *request)
{
	struct daemon *daemon = call->control->daemon;
	struct edge *edge = request->edge;

	if (edge != NULL && !edge->own_policy) {
		rpc_fail(call, RPC_PARAMS, "edge %s follows the common policy", edge->name);
		return false;
	}
	request->origin = history_newest(&daemon->history, edge ? edge->name : NULL,
					 commit_generation(daemon, edge));
	if (request->origin != NULL)
		request->name = request->origin->name;
	/* An edge's first commit took it away from the common policy: there it goes back to. */
	if (request->name != NULL || (edge != NULL && !edge->own_file && daemon->common != NULL))
		return true;
	rpc_fail(call, RPC_PARAMS, "the history has no earlier policy");
	return false;
}

void rpc_policy_rollback(struct rpc_call *call)
{
	struct commit_request request = {.event = REVISION_ROLLBACK};
	uint32_t generation;
	bool found;

	if (!param_number(call, "generation", 1, UINT32_MAX, &generation))
		return;
	if (call->control->pending.revision != NULL && generation == 0) {
		withdraw(call);
		return;
	}
	if (!request_read(call, &request))
		return;
	found = generation != 0 ? rollback_to(call, &request, generation)
				: rollback_once(call, &request);
	if (found)
		commit_begin(call, &request);
}

/* ---- History ---------------------------------------------------------------------------------- */

json_t *pending_json(const struct control *control)
{
	const struct pending *pending = &control->pending;
	uint64_t now = clock_ms();

	if (pending->revision == NULL)
		return json_null();
	return json_pack("{s:I,s:s?,s:I}", "generation", (json_int_t)pending->revision->generation,
			 "edge", pending->revision->edge, "confirm_in_ms",
			 (json_int_t)(pending->deadline_ms > now ? pending->deadline_ms - now : 0));
}

/* The names of the edges where a generation is in force. */
static json_t *edges_of(const struct daemon *daemon, uint32_t generation)
{
	json_t *edges = json_array();

	for (unsigned i = 0; i < daemon->edge_count; i++)
		if (daemon->edges[i].snapshot->generation == generation)
			json_array_append_new(edges, json_string(daemon->edges[i].name));
	return edges;
}

void rpc_policy_history(struct rpc_call *call)
{
	const struct daemon *daemon = call->control->daemon;
	const struct history *history = &daemon->history;
	json_t *list = json_array();

	for (unsigned i = history->count; i-- > 0;) {
		json_t *row = revision_json(history->revisions[i]);

		json_object_set_new(row, "in_force",
				    edges_of(daemon, history->revisions[i]->generation));
		json_array_append_new(list, row);
	}
	call->result =
		json_pack("{s:o,s:o}", "revisions", list, "pending", pending_json(call->control));
}
