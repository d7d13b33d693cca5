/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_policy.c: the verbs that show and change the running policy.
 *
 * Texts go over the control socket in parts, as its lines are short and policies may be long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "render.h"
#include "rpc.h"

/* Bytes of a part: even if each is escaped as six characters, the request stays within its bound. */
#define PART_MAX 10000

/* ---- Reading ---------------------------------------------------------------------------------- */

/* A text that comes in parts. */
struct text {
	char *bytes;
	size_t length;
	json_int_t generation; /* of the policy */
	bool whole;
};

/* Add what policy.get has answered. */
static enum cli_exit text_add(struct text *text, const json_t *answer)
{
	const json_t *part = json_object_get(answer, "text");
	json_int_t generation = json_integer_value(json_object_get(answer, "generation"));
	size_t length = json_string_length(part);
	char *bytes = realloc(text->bytes, text->length + length + 1);

	if (bytes == NULL || (text->length > 0 && text->generation != generation)) {
		fputs(bytes ? "sekisho: the policy changed while it was read\n"
			    : "sekisho: out of memory\n",
		      stderr);
		text->bytes = bytes ? bytes : text->bytes;
		return CLI_FAILED;
	}
	if (length > 0)
		memcpy(bytes + text->length, json_string_value(part), length);
	text->bytes = bytes;
	text->length += length;
	text->generation = generation;
	text->whole = length == 0 || (json_int_t)text->length >=
					     json_integer_value(json_object_get(answer, "length"));
	return CLI_OK;
}

/* The policy in use with its text whole. On CLI_OK, *result is the caller's. */
static enum cli_exit policy_read(const struct cli *cli, struct rpc *rpc, json_t **result)
{
	struct text text = {0};
	enum cli_exit code;

	do {
		json_t *params = json_pack("{s:I,s:s*}", "offset", (json_int_t)text.length, "edge",
					   cli->edge);

		code = rpc_call(rpc, "policy.get", params, result);
		if (code != CLI_OK)
			break;
		code = text_add(&text, *result);
		if (code != CLI_OK || !text.whole)
			json_decref(*result);
	} while (code == CLI_OK && !text.whole);
	if (code == CLI_OK) {
		json_object_set_new(*result, "text", json_stringn(text.bytes, text.length));
		json_object_del(*result, "offset");
	}
	free(text.bytes);
	return code;
}

enum cli_exit cmd_policy(const struct cli *cli)
{
	struct rpc rpc;
	json_t *result, *text;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = policy_read(cli, &rpc, &result);
	rpc_fini(&rpc);
	if (code != CLI_OK)
		return code;
	text = json_object_get(result, "text");
	if (cli->output == CLI_JSON)
		render_line_json(stdout, result);
	else /* as it was committed: `sekisho policy > P` gives it back */
		fwrite(json_string_value(text), 1, json_string_length(text), stdout);
	json_decref(result);
	return CLI_OK;
}

/* ---- Changing --------------------------------------------------------------------------------- */

/* How long the part at the front of a text is: it ends where a character ends. */
static size_t part_length(const char *text, size_t left)
{
	size_t length = PART_MAX;

	if (left <= length)
		return left;
	while (((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

/* Send a policy's text ahead of its commit. */
static enum cli_exit policy_stage(struct rpc *rpc, const char *text, size_t length)
{
	enum cli_exit code = CLI_OK;
	size_t offset = 0;

	do {
		size_t part = part_length(text + offset, length - offset);
		json_t *params = json_pack("{s:I,s:s%}", "offset", (json_int_t)offset, "text",
					   text + offset, part);
		json_t *result;

		code = rpc_call(rpc, "policy.stage", params, &result);
		json_decref(result);
		offset += part;
	} while (code == CLI_OK && offset < length);
	return code;
}

/* Send, then commit. On CLI_OK, *result is the caller's. */
static enum cli_exit policy_commit(const struct cli *cli, struct rpc *rpc,
				   const struct config_policy *config, json_t **result)
{
	size_t length;
	const char *text = config_policy_text(config, &length);
	enum cli_exit code = policy_stage(rpc, text, length);
	char *path = realpath(cli->operands[0], NULL);

	if (code == CLI_OK)
		code = rpc_call(rpc, "policy.commit",
				json_pack("{s:s,s:s*}", "name", path ? path : cli->operands[0],
					  "edge", cli->edge),
				result);
	free(path);
	return code;
}

enum cli_exit cmd_commit(const struct cli *cli)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(cli->operands[0], &errors);
	struct rpc rpc;
	enum cli_exit code;
	json_t *result;
	char *generation;

	if (!config) {
		fputs(errors.text ? errors.text : "sekisho: the policy cannot be read\n", stderr);
		config_errors_fini(&errors);
		return CLI_NO;
	}
	config_errors_fini(&errors);
	code = rpc_init(&rpc, cli->socket, RPC_WRITE);
	if (code == CLI_OK)
		code = policy_commit(cli, &rpc, config, &result);
	rpc_fini(&rpc);
	config_policy_destroy(config);
	if (code != CLI_OK)
		return code;
	if (cli->output == CLI_JSON) {
		render_line_json(stdout, result);
	} else {
		generation = render_cell(json_object_get(result, "generation"));
		printf("committed, generation %s\n", generation ? generation : "-");
		free(generation);
	}
	json_decref(result);
	return CLI_OK;
}
