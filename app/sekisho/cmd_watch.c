/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_watch.c: `trace` and `events`: lines that the daemon sends as things happen.
 *
 * As JSON each is passed on as it came. Each line is written out at once, so that what reads a pipe,
 * or an interrupt from the keyboard, finds no half of one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "render.h"
#include "rpc.h"

#define LATE_SECONDS 30 /* past --for, until the daemon is given up */

static const char *text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "-";
}

/* "10:51:09.123" of here. */
static void time_print(const json_t *event)
{
	double seconds = json_number_value(json_object_get(event, "time"));
	time_t whole = (time_t)seconds;
	struct tm now;

	if (!localtime_r(&whole, &now))
		now = (struct tm){0};
	printf("%02d:%02d:%02d.%03d  ", now.tm_hour, now.tm_min, now.tm_sec,
	       (int)((seconds - (double)whole) * 1000));
}

static void packet_print(const json_t *event)
{
	printf("%-7s  %-8s  %-19s  %-9s  %-12s  %s", text_of(event, "verdict"),
	       text_of(event, "phase"), text_of(event, "reason"), text_of(event, "direction"),
	       text_of(event, "edge"), text_of(event, "flow"));
	if (json_is_string(json_object_get(event, "rule")))
		printf("  rule %s", text_of(event, "rule"));
	if (json_is_integer(json_object_get(event, "opened_by")))
		printf("  opened by packet %" JSON_INTEGER_FORMAT,
		       json_integer_value(json_object_get(event, "opened_by")));
	if (json_is_string(json_object_get(event, "bound")))
		printf("  bound %s", text_of(event, "bound"));
	putchar('\n');
}

static json_int_t count_of(const json_t *event, const char *what, const char *direction)
{
	return json_integer_value(json_object_get(json_object_get(event, what), direction));
}

/* A flow's end, in the columns of packets; and how long it lived, and what went each way. */
static void end_print(const json_t *event)
{
	const char *there = text_of(event, "direction");
	const char *back = strcmp(there, "egress") == 0 ? "ingress" : "egress";
	double lived = json_number_value(json_object_get(event, "end")) -
		       json_number_value(json_object_get(event, "start"));

	printf("%-7s  %-8s  %-19s  %-9s  %-12s  %s  rule %s  %s, %.1f s, packets "
	       "%" JSON_INTEGER_FORMAT " > %" JSON_INTEGER_FORMAT " <, bytes %" JSON_INTEGER_FORMAT
	       " > %" JSON_INTEGER_FORMAT " <\n",
	       "-", "-", text_of(event, "reason"), there, text_of(event, "edge"),
	       text_of(event, "flow"), text_of(event, "rule"), text_of(event, "state"), lived,
	       count_of(event, "packets", there), count_of(event, "packets", back),
	       count_of(event, "bytes", there), count_of(event, "bytes", back));
}

/* Members of an event that has no packet, but for those that all have. */
static void members_print(const json_t *event)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)event, key, value)
	{
		char *text;

		if (strcmp(key, "event") == 0 || strcmp(key, "time") == 0)
			continue;
		text = render_cell(value);
		printf("%s %s  ", key, text ? text : "-");
		free(text);
	}
	putchar('\n');
}

static void row_print(const char *method, const json_t *event)
{
	const char *kind = text_of(event, "event");

	if (strcmp(kind, "lost") == 0) {
		printf("... %" JSON_INTEGER_FORMAT " lost ...\n",
		       json_integer_value(json_object_get(event, "lost")));
		return;
	}
	time_print(event);
	if (strcmp(method, "event") == 0)
		printf("%-6s  ", kind);
	if (json_object_get(event, "verdict"))
		packet_print(event);
	else if (strcmp(kind, "end") == 0)
		end_print(event);
	else
		members_print(event);
}

struct listener {
	const struct cli *cli;
	const char *method;
	enum cli_exit code; /* once it is done */
};

static bool line_take(void *context, const json_t *event)
{
	struct listener *listener = context;
	bool done = strcmp(text_of(event, "event"), "done") == 0;

	if (done)
		listener->code = rpc_done(event);
	if (listener->cli->output == CLI_JSON)
		render_line_json(stdout, event);
	else if (!done)
		row_print(listener->method, event);
	return fflush(stdout) == 0 && !done;
}

/* The words of "a,b,c" as a list. */
static json_t *words_split(const char *text)
{
	json_t *list = json_array();

	while (text) {
		const char *comma = strchr(text, ',');
		size_t length = comma ? (size_t)(comma - text) : strlen(text);

		json_array_append_new(list, json_stringn(text, length));
		text = comma ? comma + 1 : NULL;
	}
	return list;
}

/* What all that watch ask for. */
static json_t *params_make(const struct cli *cli)
{
	json_t *params = json_object();

	if (cli->filter)
		json_object_set_new(params, "filter", json_string(cli->filter));
	if (cli->count)
		json_object_set_new(params, "count", json_integer(cli->count));
	if (cli->for_ms)
		json_object_set_new(params, "for_ms", json_integer(cli->for_ms));
	if (cli->kinds)
		json_object_set_new(params, "kinds", words_split(cli->kinds));
	return params;
}

static enum cli_exit watch_run(const struct cli *cli, const char *start, const char *method)
{
	unsigned patience = cli->for_ms ? (unsigned)(cli->for_ms / 1000) + LATE_SECONDS : 0;
	struct listener listener = {cli, method, CLI_OK};
	json_t *answer = NULL;
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = rpc_call(&rpc, start, params_make(cli), &answer);
	if (code == CLI_OK)
		code = rpc_listen(&rpc, method, patience, line_take, &listener);
	json_decref(answer);
	rpc_fini(&rpc);
	return code == CLI_OK ? listener.code : code;
}

enum cli_exit cmd_trace(const struct cli *cli)
{
	if (cli->output == CLI_TABLE) {
		printf("%-12s  %-7s  %-8s  %-19s  %-9s  %-12s  %s\n", "TIME", "VERDICT", "PHASE",
		       "REASON", "DIRECTION", "EDGE", "PACKET");
		fflush(stdout);
	}
	return watch_run(cli, "trace.start", "trace");
}

enum cli_exit cmd_events(const struct cli *cli)
{
	return watch_run(cli, "events.start", "event");
}
