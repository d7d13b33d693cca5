/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_daemon.c: the verbs that ask the running daemon over its control socket.
 *
 * As JSON, what the daemon says is passed on unchanged, one object a line. As tables it is read
 * with care: a daemon of another version may tell less, and a missing member is a "-".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "render.h"
#include "rpc.h"

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

/* Rows to ask for at once: below what the daemon allows, and in any line's bounds. */
#define RULES_PAGE 500

/* Ask one thing. On CLI_OK, *result is the caller's. Takes over `params`. */
static enum cli_exit ask(const struct cli *cli, enum rpc_access access, const char *method,
			 json_t *params, json_t **result)
{
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, access);

	if (code == CLI_OK)
		code = rpc_call(&rpc, method, params, result);
	else
		json_decref(params);
	rpc_fini(&rpc);
	return code;
}

/* Print scalar members as "key  value" lines, skipping lists and objects, which get tables. */
static void scalars_print(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		char *text;

		if (json_is_array(value) || json_is_object(value))
			continue;
		text = render_cell(value);
		printf("%-16s %s\n", key, text ? text : "-");
		free(text);
	}
}

/* Print a member that is a list of objects as a table under its name. */
static void list_print(const json_t *object, const char *key, const struct render_column *columns,
		       unsigned count)
{
	const json_t *rows = json_object_get(object, key);

	if (!json_is_array(rows))
		return;
	printf("\n%s\n", key);
	render_table(stdout, rows, columns, count);
}

/* Print a member that is an object of counters, without those that are 0. */
static void counters_print(const json_t *object, const char *name)
{
	const json_t *counters = json_object_get(object, name);
	const char *key;
	json_t *value;

	if (!json_is_object(counters))
		return;
	printf("\n%s\n", name);
	json_object_foreach((json_t *)counters, key, value)
	{
		char *text;

		if (json_is_integer(value) && json_integer_value(value) == 0)
			continue;
		text = render_cell(value);
		printf("  %-22s %s\n", key, text ? text : "-");
		free(text);
	}
}

enum cli_exit cmd_status(const struct cli *cli)
{
	static const struct render_column edges[] = {
		{"EDGE", "name"},     {"INSIDE", "inside"},
		{"OUTSIDE", "outside"}, {"LINK", "link"},
		{"STEERING", "steering"}, {"GENERATION", "generation"},
		{"POLICY", "policy"},
	};
	static const struct render_column workers[] = {
		{"LCORE", "lcore"},
		{"STATE", "state"},
		{"HEARTBEAT", "heartbeat"},
		{"HANDED IN", "handed_in"},
		{"HANDED OUT", "handed_out"},
		{"NO ROOM", "handover_full"},
		{"QUEUES", "queues"},
	};
	json_t *result;
	enum cli_exit code = ask(cli, RPC_READ, "status", NULL, &result);

	if (code != CLI_OK)
		return code;
	if (cli->output == CLI_JSON) {
		render_line_json(stdout, result);
	} else {
		scalars_print(result);
		counters_print(result, "pending");
		counters_print(result, "memory");
		counters_print(result, "flow_image");
		list_print(result, "edges", edges, COUNT(edges));
		list_print(result, "workers", workers, COUNT(workers));
	}
	json_decref(result);
	return CLI_OK;
}

enum cli_exit cmd_stats(const struct cli *cli)
{
	static const struct render_column ports[] = {
		{"EDGE", "edge"},
		{"SIDE", "side"},
		{"DEVICE", "device"},
		{"RECEIVED", "received"},
		{"SENT", "sent"},
		{"FULL", "transmit_full"},
		{"TOO LONG", "too_long"},
		{"DOWN", "port_down"},
		{"UNREADABLE", "unreadable"},
		{"MISSED", "driver_missed"},
		{"ERRORS", "driver_errors"},
		{"NO MBUF", "driver_no_mbuf"},
		{"TX ERRORS", "driver_transmit_errors"},
	};
	json_t *result;
	enum cli_exit code = ask(cli, RPC_READ, "stats", NULL, &result);

	if (code != CLI_OK)
		return code;
	if (cli->output == CLI_JSON) {
		render_line_json(stdout, result);
	} else {
		scalars_print(result);
		counters_print(result, "reasons");
		counters_print(result, "flows");
		list_print(result, "ports", ports, COUNT(ports));
	}
	json_decref(result);
	return CLI_OK;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

struct list {
	const char *method;
	const char *key; /* of the rows in the answer */
	int page;        /* rows to ask for at once; 0 if the method has no pages */
	const struct render_column *columns;
	unsigned count;
};

/* Take one page: print it (JSON) or keep it for the table. Returns how many rows it had. */
static long page_take(const struct cli *cli, const json_t *rows, json_t *kept)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
	{
		if (cli->output == CLI_JSON)
			render_line_json(stdout, row);
		else
			json_array_append(kept, row);
	}
	return (long)json_array_size(rows);
}

/* Page through a list to its end, or to `cli->limit` rows. */
static enum cli_exit pages_take(const struct cli *cli, struct rpc *rpc, const struct list *list,
				json_t *kept)
{
	json_t *cursor = NULL;
	long left = cli->limit;

	do {
		long size = cli->limit && left < list->page ? left : list->page;
		json_t *params = list->page ? json_pack("{s:i}", "limit", (int)size) : NULL, *page;
		enum cli_exit code;

		if (cursor)
			json_object_set_new(params, "cursor", cursor);
		code = rpc_call(rpc, list->method, params, &page);
		if (code != CLI_OK)
			return code;
		left -= page_take(cli, json_object_get(page, list->key), kept);
		cursor = list->page ? json_incref(json_object_get(page, "cursor")) : NULL;
		if (json_is_null(cursor))
			cursor = NULL;
		json_decref(page);
		if (cli->limit && left <= 0)
			break;
	} while (cursor && !ferror(stdout));
	json_decref(cursor);
	return CLI_OK;
}

/* Ask for a list and print its rows: one a line, or as a table. */
static enum cli_exit list_ask(const struct cli *cli, const struct list *list)
{
	json_t *kept = json_array();
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = pages_take(cli, &rpc, list, kept);
	if (code == CLI_OK && cli->output == CLI_TABLE)
		render_table(stdout, kept, list->columns, list->count);
	rpc_fini(&rpc);
	json_decref(kept);
	return code;
}

enum cli_exit cmd_rules(const struct cli *cli)
{
	static const struct render_column columns[] = {
		{"RULE", "rule"},   {"DIRECTION", "direction"}, {"PACKETS", "packets"},
		{"BYTES", "bytes"}, {"FLOWS", "flows"},         {"LIVE", "live_flows"},
		{"LAST HIT ms", "last_hit_ms"}, {"FILE", "file"}, {"LINE", "line"},
	};
	const struct list list = {"rules.list", "rules", RULES_PAGE, columns, COUNT(columns)};

	return list_ask(cli, &list);
}

enum cli_exit cmd_shutdown(const struct cli *cli)
{
	json_t *result;
	enum cli_exit code = ask(cli, RPC_WRITE, "shutdown", NULL, &result);

	if (code != CLI_OK)
		return code;
	if (cli->output == CLI_JSON)
		render_line_json(stdout, result);
	else
		puts("the daemon is shutting down");
	json_decref(result);
	return CLI_OK;
}
