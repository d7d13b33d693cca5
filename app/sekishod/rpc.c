/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.c: JSON-RPC 2.0, one object a line: from a line to a method, and back.
 *
 * Nesting is counted before the parser sees the line, so that its depth is ours to choose. Batches
 * are refused: a client that wants many answers sends many lines.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "json_memory.h"

static void rpc_discover(struct rpc_call *call);
static void rpc_shutdown(struct rpc_call *call);

static const struct method {
	const char *name;
	enum control_role role;
	void (*run)(struct rpc_call *call);
	const char *sentence;
} methods[] = {
	{"rpc.discover", CONTROL_READER, rpc_discover, "List the methods."},
	{"status", CONTROL_READER, rpc_status, "The daemon, its edges, workers and policy."},
	{"stats", CONTROL_READER, rpc_stats, "Counters of packets, reasons, flows and ports."},
	{"flows.list", CONTROL_READER, rpc_flows_list,
	 "A page of live flows; params filter, sort (bytes, packets, age, expires), cursor, limit (1 to 256) and why."},
	{"holes.list", CONTROL_READER, rpc_holes_list,
	 "A page of flows that let in what no inbound rule does; params filter, cursor, limit (1 to 256)."},
	{"flows.kill", CONTROL_ADMIN, rpc_flows_kill, "Close flows; param filter."},
	{"explain", CONTROL_READER, rpc_explain,
	 "Why a packet would pass or not by the state of now; params frame (hexadecimal) and edge."},
	{"rules.list", CONTROL_READER, rpc_rules_list,
	 "Rules with their counters; params cursor and limit (1 to 2000)."},
	{"drops.list", CONTROL_READER, rpc_drops_list, "Drops by reason, rule, edge and direction, the most frequent first; param limit (1 to 1000)."},
	{"trace.start", CONTROL_READER, rpc_trace_start,
	 "Tell this client of packets as they are judged; params filter, drops, count, for_ms, and "
	 "frame_bytes for an admin."},
	{"events.start", CONTROL_READER, rpc_events_start,
	 "Tell this client of events as they happen; params kinds, filter, count and for_ms."},
	{"shadow.set", CONTROL_ADMIN, rpc_shadow_set,
	 "Put a policy on trial in place of the shadow policy; params name, and text if it is not staged."},
	{"shadow.off", CONTROL_ADMIN, rpc_shadow_off, "End the trial of the shadow policy."},
	{"shadow.get", CONTROL_READER, rpc_shadow_get,
	 "Where the shadow policy would decide otherwise, by pairs of reasons, with samples."},
	{"policy.get", CONTROL_READER, rpc_policy_get,
	 "A part of the text of a policy in use; params edge and offset."},
	{"policy.stage", CONTROL_ADMIN, rpc_policy_stage,
	 "Add a part to the text that this client is going to commit; params offset and text."},
	{"policy.commit", CONTROL_ADMIN, rpc_policy_commit,
	 "Put a policy in force; params name, edge, confirm_ms, if_generation, progress, and text unless "
	 "staged."},
	{"policy.confirm", CONTROL_ADMIN, rpc_policy_confirm,
	 "Keep the policy that waits for its confirmation; param generation."},
	{"policy.rollback", CONTROL_ADMIN, rpc_policy_rollback,
	 "Go back; params generation, edge, confirm_ms, if_generation and progress."},
	{"policy.history", CONTROL_READER, rpc_policy_history,
	 "Which policies were in force, by whom, and how they differ; the newest first."},
	{"state.save", CONTROL_ADMIN, rpc_state_save,
	 "Save the flows in the state directory; answers when they are on the disk."},
	{"shutdown", CONTROL_ADMIN, rpc_shutdown, "Stop the daemon."},
};
#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

static const char *role_word(enum control_role role)
{
	return role == CONTROL_ADMIN ? "admin" : "reader";
}

static void rpc_discover(struct rpc_call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < METHOD_COUNT; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "name", methods[i].name, "role",
						      role_word(methods[i].role), "description",
						      methods[i].sentence));
	call->result = json_pack("{s:o}", "methods", list);
}

static void rpc_shutdown(struct rpc_call *call)
{
	const struct actor actor = {call->client->uid, call->client->pid};

	audit_write(call->control->daemon, "shutdown", &actor, NULL);
	call->control->stop = true;
	call->result = json_pack("{s:b}", "stopping", 1);
}

void rpc_fail(struct rpc_call *call, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(call->message, sizeof(call->message), format, arguments);
	va_end(arguments);
	call->code = code;
}

json_t *rpc_error(int code, const char *message)
{
	return json_pack("{s:s,s:n,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", "error", "code", code,
			 "message", message);
}

struct edge *rpc_edge(struct rpc_call *call)
{
	const char *name = json_string_value(json_object_get(call->params, "edge"));
	struct daemon *daemon = call->control->daemon;

	for (unsigned i = 0; name != NULL && i < daemon->edge_count; i++)
		if (strcmp(daemon->edges[i].name, name) == 0)
			return &daemon->edges[i];
	rpc_fail(call, RPC_PARAMS, "no such edge: %.100s", name ? name : "the name is no string");
	return NULL;
}

struct edge *rpc_edge_shown(struct rpc_call *call)
{
	struct daemon *daemon = call->control->daemon;

	if (json_object_get(call->params, "edge") != NULL)
		return rpc_edge(call);
	for (unsigned i = 0; i < daemon->edge_count; i++)
		if (!daemon->edges[i].own_policy)
			return &daemon->edges[i];
	return &daemon->edges[0];
}

void rpc_answer(struct rpc_call *call)
{
	json_t *answer = NULL;

	if (json_memory_was_short() && call->code == 0)
		rpc_fail(call, RPC_INTERNAL, "no memory");
	if (call->code == 0 && call->result == NULL)
		rpc_fail(call, RPC_INTERNAL, "no memory, or text that is not UTF-8");
	if (call->id != NULL && call->code == 0) {
		answer = json_pack("{s:s,s:O,s:O}", "jsonrpc", "2.0", "id", call->id, "result",
				   call->result);
		if (json_dumpb(answer, NULL, 0, JSON_COMPACT) >= CONTROL_OUTPUT_MAX / 2) {
			json_decref(answer);
			answer = NULL;
			rpc_fail(call, RPC_TOO_LARGE, "the answer is too large; ask for less");
		}
	}
	if (call->id != NULL && call->code != 0) {
		json_t *error = json_pack("{s:i,s:s}", "code", call->code, "message", call->message);

		if (call->data != NULL)
			json_object_set(error, "data", call->data);
		answer = json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", call->id, "error", error);
	}
	if (call->id != NULL)
		client_send(call->client, answer);
	rpc_drop(call);
}

void rpc_drop(struct rpc_call *call)
{
	json_decref(call->id);
	json_decref(call->params);
	json_decref(call->result);
	json_decref(call->data);
	call->id = call->params = call->result = call->data = NULL;
}

/* How deep a text nests, outside its strings. */
static unsigned nesting(const char *line, size_t length)
{
	unsigned depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < length; i++) {
		if (in_string) {
			if (line[i] == '\\')
				i++;
			else if (line[i] == '"')
				in_string = false;
		} else if (line[i] == '"') {
			in_string = true;
		} else if (line[i] == '{' || line[i] == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((line[i] == '}' || line[i] == ']') && depth > 0) {
			depth--;
		}
	}
	return deepest;
}

static void call_run(struct rpc_call *call)
{
	for (size_t i = 0; i < METHOD_COUNT; i++) {
		if (strcmp(methods[i].name, call->method) != 0)
			continue;
		if (methods[i].role > call->client->role)
			rpc_fail(call, RPC_ROLE, "%s is not allowed on the read-only socket",
				 call->method);
		else
			methods[i].run(call);
		return;
	}
	rpc_fail(call, RPC_METHOD, "no such method: %.100s; rpc.discover lists them", call->method);
}

/* Check a request's shape. NULL if it is one, else what is wrong. */
static const char *request_check(const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	const json_t *params = json_object_get(request, "params");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));

	if (!json_is_object(request))
		return "a request is one object";
	if (version == NULL || strcmp(version, "2.0") != 0)
		return "jsonrpc must be \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "method must be a string";
	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return "id must be a string, a number or null";
	if (params != NULL && !json_is_object(params))
		return "params must be an object";
	return NULL;
}

void rpc_line(struct control *control, struct client *client, const char *line, size_t length)
{
	struct rpc_call call = {.control = control, .client = client};
	json_error_t error;
	const char *wrong;
	json_t *request;

	json_memory_was_short(); /* whatever it was for, it is not this */
	if (length > 0 && line[length - 1] == '\r')
		length--;
	if (length == 0)
		return;
	if (nesting(line, length) > CONTROL_DEPTH_MAX) {
		client_send(client, rpc_error(RPC_PARSE, "nesting is deeper than 16"));
		return;
	}
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (request == NULL) {
		client_send(client, json_memory_was_short() ? rpc_error(RPC_INTERNAL, "no memory")
							    : rpc_error(RPC_PARSE, "not JSON"));
		return;
	}
	wrong = request_check(request);
	if (wrong != NULL) {
		client_send(client, rpc_error(RPC_REQUEST, wrong));
		json_decref(request);
		return;
	}
	call.method = json_string_value(json_object_get(request, "method"));
	call.id = json_incref(json_object_get(request, "id"));
	call.params = json_incref(json_object_get(request, "params"));
	call_run(&call);
	if (!call.later)
		rpc_answer(&call);
	json_decref(request);
}
