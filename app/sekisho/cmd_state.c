/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_state.c: what of the daemon outlives it. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "render.h"
#include "rpc.h"

#define SAVE_SECONDS 300 /* a large table goes to a slow disk */

static void saved_print(const json_t *result)
{
	printf("%" JSON_INTEGER_FORMAT " flows and address pairs, %" JSON_INTEGER_FORMAT
	       " bytes, saved in %s/%s\n",
	       json_integer_value(json_object_get(result, "records")),
	       json_integer_value(json_object_get(result, "bytes")),
	       json_string_value(json_object_get(result, "directory")),
	       json_string_value(json_object_get(result, "file")));
}

enum cli_exit cmd_state(const struct cli *cli)
{
	json_t *result = NULL;
	enum cli_exit code;
	struct rpc rpc;

	if (strcmp(cli->operands[0], "save") != 0) {
		fprintf(stderr, "sekisho: state has no \"%s\", only save\n", cli->operands[0]);
		return CLI_USAGE;
	}
	code = rpc_init(&rpc, cli->socket, RPC_WRITE);
	if (code == CLI_OK) {
		rpc_wait(&rpc, SAVE_SECONDS);
		code = rpc_call(&rpc, "state.save", NULL, &result);
	}
	if (code == CLI_OK && cli->output == CLI_JSON)
		render_line_json(stdout, result);
	else if (code == CLI_OK)
		saved_print(result);
	json_decref(result);
	rpc_fini(&rpc);
	return code;
}
