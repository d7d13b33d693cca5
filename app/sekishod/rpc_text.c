/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_text.c: texts of policies, in and out, by parts.
 *
 * A line of the control socket is short and a policy of ten thousand rules is not. So a client
 * stages a long text part by part and then commits what it has staged, and reads one in parts until
 * `length` is reached. What is staged is the client's own, is bounded, and goes with it. Reading a
 * file named by the client instead was rejected: it would be read with the daemon's rights.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"

#define PART_MAX \
	65536 /* bytes of one part out; JSON's escapes make it six times as long at worst */

void staged_give(struct control *control, struct client *client)
{
	control->staged -= client->staged_length;
	client->staged = NULL;
	client->staged_length = 0;
}

void staged_fini(struct control *control, struct client *client)
{
	free(client->staged);
	staged_give(control, client);
}

void rpc_policy_stage(struct rpc_call *call)
{
	const json_t *offset = json_object_get(call->params, "offset");
	const json_t *part = json_object_get(call->params, "text");
	struct control *control = call->control;
	struct client *client = call->client;
	size_t length = json_string_length(part);
	char *staged;

	if (json_is_integer(offset) && json_integer_value(offset) == 0)
		staged_fini(control, client);
	if (!json_is_integer(offset) || !json_is_string(part) ||
	    json_integer_value(offset) != (json_int_t)client->staged_length) {
		rpc_fail(call, RPC_PARAMS,
			 "text must be a string, offset what is staged (%zu), or 0",
			 client->staged_length);
		return;
	}
	if (length > CONFIG_FILE_MAX - client->staged_length ||
	    length > CONTROL_STAGED_MAX - control->staged) {
		rpc_fail(call, RPC_TOO_LARGE,
			 "no room: %u bytes for one text, %u for those of all clients",
			 CONFIG_FILE_MAX, CONTROL_STAGED_MAX);
		return;
	}
	staged = realloc(client->staged, client->staged_length + length + 1);
	if (staged == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	memcpy(staged + client->staged_length, json_string_value(part), length);
	client->staged = staged;
	client->staged_length += length;
	control->staged += length;
	call->result = json_pack("{s:I}", "length", (json_int_t)client->staged_length);
}

/* How long the part at `offset` is: it ends where a character ends. */
static size_t part_length(const char *text, size_t length, size_t offset)
{
	size_t end = offset + PART_MAX;

	if (end >= length)
		return length - offset;
	while (((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	return end - offset;
}

void rpc_policy_get(struct rpc_call *call)
{
	const struct edge *edge = rpc_edge_shown(call);
	json_int_t offset = json_integer_value(json_object_get(call->params, "offset"));
	const struct sekisho_policy *policy;
	const char *text;
	size_t length;

	if (edge == NULL)
		return;
	policy = edge->snapshot->policy;
	text = config_policy_text(edge->snapshot->config, &length);
	if (offset < 0 || offset > (json_int_t)length) {
		rpc_fail(call, RPC_PARAMS, "offset is past the text's %zu bytes", length);
		return;
	}
	call->result = json_pack(
		"{s:s,s:s%,s:I,s:I,s:I,s:s}", "name", config_policy_name(edge->snapshot->config),
		"text", text + offset, part_length(text, length, (size_t)offset), "offset", offset,
		"length", (json_int_t)length, "generation", (json_int_t)edge->snapshot->generation,
		"semantics", sekisho_semantics_word(sekisho_policy_semantics(policy)));
	if (call->result == NULL || json_dumpb(call->result, NULL, 0, 0) == 0)
		rpc_fail(call, RPC_INTERNAL, "the policy's text cannot be told in JSON");
}
