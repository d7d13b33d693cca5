/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_holes.c: `sekisho holes`: what comes in now only because of a flow, and which no inbound rule lists.
 *
 * The worst first: what lets in any packet before what asks for more, and of these what lasts longest. For
 * that all are needed, so they are kept until the last page has come. With --policy and --after there is no
 * daemon: those that a capture leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "holes_after.h"
#include "render.h"
#include "rpc.h"

#define PAGE 256

/* How bad it is, by the word of what it lets in. */
static int badness(const json_t *hole)
{
	static const char *const words[] = {"answers-with-proof", "in-window", "any-packet"};
	const char *word = json_string_value(json_object_get(hole, "lets_in"));

	for (int i = 0; word && i < 3; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

static json_int_t left_ms(const json_t *hole)
{
	return json_integer_value(json_object_get(hole, "expires_ms"));
}

static int hole_compare(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;

	if (badness(a) != badness(b))
		return badness(b) - badness(a);
	return left_ms(a) < left_ms(b) ? 1 : left_ms(a) > left_ms(b) ? -1 : 0;
}

/* All of them; a page at a time, of which none keeps a worker. */
static enum cli_exit holes_take(const struct cli *cli, struct rpc *rpc, json_t *holes)
{
	json_t *cursor = json_null();

	do {
		json_t *page, *params = json_pack("{s:i,s:o}", "limit", PAGE, "cursor", cursor);
		enum cli_exit code;

		if (cli->filter)
			json_object_set_new(params, "filter", json_string(cli->filter));
		code = rpc_call(rpc, "holes.list", params, &page);
		if (code != CLI_OK)
			return code;
		json_array_extend(holes, json_object_get(page, "flows"));
		cursor = json_incref(json_object_get(page, "cursor"));
		json_decref(page);
	} while (json_is_string(cursor));
	json_decref(cursor);
	return CLI_OK;
}

/* What the table has beside the flow's own members. */
static void hole_add_columns(json_t *hole)
{
	const json_t *why = json_array_get(json_object_get(hole, "why"), 0);
	const char *rule = json_string_value(json_object_get(why, "rule"));
	const char *file = json_string_value(json_object_get(why, "file"));
	const char *direction = json_string_value(json_object_get(why, "direction"));
	char text[512];

	snprintf(text, sizeof(text),
		 "%s packet %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT " s ago",
		 direction ? direction : "-", json_integer_value(json_object_get(why, "packet")),
		 json_integer_value(json_object_get(why, "age_ms")) / 1000);
	json_object_set_new(hole, "opened", json_string(text));
	if (file)
		snprintf(text, sizeof(text), "%.200s (%.200s:%" JSON_INTEGER_FORMAT ")",
			 rule ? rule : "-", file, json_integer_value(json_object_get(why, "line")));
	else
		snprintf(text, sizeof(text), "%.200s", rule ? rule : "-");
	json_object_set_new(hole, "under", json_string(text));
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT " s", left_ms(hole) / 1000);
	json_object_set_new(hole, "until", json_string(text));
}

static void holes_print(const struct cli *cli, json_t *const *holes, size_t count)
{
	static const struct render_column columns[] = {
		{"LETS IN", "lets_in"}, {"FOR", "until"},        {"INBOUND", "inbound"},
		{"EDGE", "edge"},       {"OPENED BY", "opened"}, {"UNDER RULE", "under"}};
	json_t *rows = json_array();

	if (cli->limit && count > (size_t)cli->limit)
		count = (size_t)cli->limit;
	for (size_t i = 0; i < count; i++) {
		if (cli->output == CLI_JSON) {
			render_line_json(stdout, holes[i]);
			continue;
		}
		hole_add_columns(holes[i]);
		json_array_append(rows, holes[i]);
	}
	if (cli->output == CLI_TABLE && count == 0)
		puts("none: nothing comes in but what an inbound rule lists");
	else if (cli->output == CLI_TABLE)
		render_table(stdout, rows, columns, sizeof(columns) / sizeof(columns[0]));
	json_decref(rows);
}

/* In their order, the worst first. */
static enum cli_exit holes_sort(const struct cli *cli, json_t *all)
{
	size_t count = json_array_size(all);
	json_t **holes = malloc((count + 1) * sizeof(holes[0]));

	if (!holes) {
		fputs("sekisho: out of memory\n", stderr);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		holes[i] = json_array_get(all, i);
	qsort(holes, count, sizeof(holes[0]), hole_compare);
	holes_print(cli, holes, count);
	free(holes);
	return CLI_OK;
}

static enum cli_exit holes_ask(const struct cli *cli, json_t *holes)
{
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = holes_take(cli, &rpc, holes);
	rpc_fini(&rpc);
	return code;
}

enum cli_exit cmd_holes(const struct cli *cli)
{
	json_t *all = json_array();
	enum cli_exit code = CLI_USAGE;

	if (!cli->policy != !cli->after || (!cli->policy && cli->later_ms > 0))
		fputs("sekisho: --policy, --after and --later go together: the daemon has its own "
		      "state\n",
		      stderr);
	else
		code = cli->policy ? holes_after(cli, all) : holes_ask(cli, all);
	if (code == CLI_OK)
		code = holes_sort(cli, all);
	json_decref(all);
	return code;
}
