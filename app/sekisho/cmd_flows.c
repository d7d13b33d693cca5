/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_flows.c: the running daemon's flows, page by page, and closing them.
 *
 * Filtering and sorting are done in the daemon. Sorted, there is one page: the first by some key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "flow_forms.h"
#include "render.h"
#include "rpc.h"

/* Rows to ask for at once; the most that the daemon gives. */
#define PAGE     128
#define PAGE_MAX 256

static void flow_print(const struct cli *cli, const json_t *flow)
{
	if (cli->output == CLI_CONNTRACK)
		flow_forms_conntrack(stdout, flow);
	else if (cli->output == CLI_CSV)
		flow_forms_csv(stdout, flow);
	else
		render_line_json(stdout, flow);
}

/* Print a page, or keep it for the table, whose columns are as wide as all rows want. */
static long page_take(const struct cli *cli, const json_t *flows, json_t *kept)
{
	json_t *flow;
	size_t i;

	if (cli->output == CLI_TABLE && cli->why)
		flow_forms_why(stdout, flows);
	json_array_foreach((json_t *)flows, i, flow)
	{
		if (cli->output != CLI_TABLE)
			flow_print(cli, flow);
		else if (!cli->why)
			json_array_append(kept, flow);
	}
	return (long)json_array_size(flows);
}

static json_t *page_params(const struct cli *cli, long size, json_t *cursor)
{
	json_t *params = json_pack("{s:I,s:b,s:O*}", "limit", (json_int_t)size, "why", cli->why,
				   "cursor", cursor);

	if (cli->filter)
		json_object_set_new(params, "filter", json_string(cli->filter));
	if (cli->sort)
		json_object_set_new(params, "sort", json_string(cli->sort));
	return params;
}

/* Page through the flows, to the end or to --limit; says where to go on. */
static enum cli_exit pages_take(const struct cli *cli, struct rpc *rpc, json_t *kept)
{
	json_t *cursor = cli->cursor ? json_string(cli->cursor) : NULL, *page;
	long most = cli->sort ? PAGE_MAX : PAGE, left = cli->limit;
	enum cli_exit code;

	do {
		long size = cli->limit && left < most ? left : most;

		code = rpc_call(rpc, "flows.list", page_params(cli, size, cursor), &page);
		json_decref(cursor);
		cursor = NULL;
		if (code != CLI_OK)
			break;
		left -= page_take(cli, json_object_get(page, "flows"), kept);
		if (!json_is_null(json_object_get(page, "cursor")))
			cursor = json_incref(json_object_get(page, "cursor"));
		json_decref(page);
	} while (cursor && (!cli->limit || left > 0) && !ferror(stdout));
	if (code == CLI_OK && cli->sort && left == -PAGE_MAX)
		fprintf(stderr, "sekisho: the first %d; there may be more\n", PAGE_MAX);
	if (json_is_string(cursor))
		fprintf(stderr, "sekisho: there may be more: --cursor %s\n",
			json_string_value(cursor));
	json_decref(cursor);
	return code;
}

static enum cli_exit flows_list(const struct cli *cli)
{
	json_t *kept = json_array();
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK) {
		if (cli->output == CLI_CSV)
			flow_forms_csv_head(stdout);
		code = pages_take(cli, &rpc, kept);
	}
	if (code == CLI_OK && cli->output == CLI_TABLE && !cli->why)
		flow_forms_table(stdout, kept);
	rpc_fini(&rpc);
	json_decref(kept);
	return code;
}

/* Exit 1 if there was nothing to close. */
static enum cli_exit flows_kill(const struct cli *cli, const char *filter)
{
	struct rpc rpc;
	json_t *result = NULL;
	json_int_t killed = 0;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_WRITE);

	if (code == CLI_OK)
		code = rpc_call(&rpc, "flows.kill", json_pack("{s:s}", "filter", filter), &result);
	if (code == CLI_OK) {
		killed = json_integer_value(json_object_get(result, "killed"));
		if (cli->output == CLI_JSON)
			render_line_json(stdout, result);
		else
			printf("%" JSON_INTEGER_FORMAT " flow%s closed\n", killed,
			       killed == 1 ? "" : "s");
		if (killed == 0)
			code = CLI_NO;
	}
	json_decref(result);
	rpc_fini(&rpc);
	return code;
}

enum cli_exit cmd_flows(const struct cli *cli)
{
	int kill = cli->operand_count > 0 && strcmp(cli->operands[0], "kill") == 0;

	if (cli->operand_count == 2 && kill && !cli->filter && !cli->sort && !cli->cursor &&
	    !cli->limit && !cli->why && cli->output <= CLI_JSON)
		return flows_kill(cli, cli->operands[1]);
	if (kill) {
		fputs("sekisho: flows kill takes one FILTER, in quotes, and only -o table or "
		      "json\n",
		      stderr);
		return CLI_USAGE;
	}
	if (cli->operand_count > 0) {
		fprintf(stderr,
			"sekisho: flows takes no operand \"%s\"; a filter goes with --filter\n",
			cli->operands[0]);
		return CLI_USAGE;
	}
	if (cli->sort && (cli->cursor || cli->limit > PAGE_MAX)) {
		fprintf(stderr,
			"sekisho: --sort gives the first %d at most, and goes without --cursor\n",
			PAGE_MAX);
		return CLI_USAGE;
	}
	return flows_list(cli);
}
