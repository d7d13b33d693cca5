/* SPDX-License-Identifier: BSD-3-Clause */
/* running.c: texts of policies come and go in parts, as lines of the control socket are short. */
#include "running.h"

#include <config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a part: even if each is escaped as six characters, the request stays within its bound. */
#define PART_MAX 10000

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

	if (bytes == NULL || (text->length > 0 && text->generation != generation) ||
	    text->length + length > CONFIG_FILE_MAX) {
		fputs(!bytes ? "sekisho: out of memory\n"
		      : text->length + length > CONFIG_FILE_MAX
			      ? "sekisho: what the daemon says is longer than any policy\n"
			      : "sekisho: the policy changed while it was read\n",
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

enum cli_exit running_read(const struct cli *cli, struct rpc *rpc, json_t **result)
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

enum cli_exit running_stage(struct rpc *rpc, const char *text, size_t length)
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
