/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_drops.c: why packets are dropped now: reasons by rule, edge and direction, with rates.
 *
 * The daemon counts since its start and knows no rates; they are the difference of two answers over
 * the daemon's own time between them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "drops.h"
#include "render.h"
#include "rpc.h"

/* Whether two rows are of the same cause at the same place. */
static int is_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"reason", "rule", "edge", "direction"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *left = json_object_get(a, keys[i]);
		const json_t *right = json_object_get(b, keys[i]);

		if (left != right && !json_equal(left, right))
			return 0;
	}
	return 1;
}

/* Packets of a row's cause in an earlier answer. */
static json_int_t packets_before(const json_t *before, const json_t *row)
{
	json_t *old;
	size_t i;

	json_array_foreach(json_object_get(before, "drops"), i, old)
	{
		if (is_same(old, row))
			return json_integer_value(json_object_get(old, "packets"));
	}
	return 0;
}

static int row_compare(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	double rate_a = json_real_value(json_object_get(a, "per_second"));
	double rate_b = json_real_value(json_object_get(b, "per_second"));
	json_int_t all_a = json_integer_value(json_object_get(a, "packets"));
	json_int_t all_b = json_integer_value(json_object_get(b, "packets"));

	if (rate_a != rate_b)
		return rate_a < rate_b ? 1 : -1;
	return all_a < all_b ? 1 : all_a > all_b ? -1 : 0;
}

json_t *drops_rated(const json_t *before, const json_t *now)
{
	json_int_t ms = json_integer_value(json_object_get(now, "time_ms")) -
			json_integer_value(json_object_get(before, "time_ms"));
	const json_t *rows = json_object_get(now, "drops");
	size_t count = json_array_size(rows), i;
	json_t **order = calloc(count + 1, sizeof(*order)), *rated = json_array(), *row;

	if (!order)
		return rated;
	json_array_foreach((json_t *)rows, i, row)
	{
		json_int_t more = json_integer_value(json_object_get(row, "packets")) -
				  packets_before(before, row);

		if (ms > 0)
			json_object_set_new(row, "per_second",
					    json_real(round((double)more * 1e4 / (double)ms) / 10));
		order[i] = row;
	}
	qsort(order, count, sizeof(*order), row_compare);
	for (i = 0; i < count; i++)
		json_array_append(rated, order[i]);
	free(order);
	return rated;
}

static void drops_print(const struct cli *cli, const json_t *rows)
{
	static const struct render_column columns[] = {
		{"PER SECOND", "per_second"},
		{"PACKETS", "packets"},
		{"REASON", "reason"},
		{"RULE", "rule"},
		{"EDGE", "edge"},
		{"DIRECTION", "direction"},
		{"BECAUSE", "sentence"},
	};
	json_t *row;
	size_t i;

	if (cli->output == CLI_TABLE) {
		render_table(stdout, rows, columns, sizeof(columns) / sizeof(columns[0]));
		if (cli->watch)
			putchar('\n');
		return;
	}
	json_array_foreach((json_t *)rows, i, row) render_line_json(stdout, row);
}

static json_t *drops_params(const struct cli *cli)
{
	return cli->limit ? json_pack("{s:I}", "limit", (json_int_t)cli->limit) : NULL;
}

enum cli_exit cmd_drops(const struct cli *cli)
{
	useconds_t wait = (useconds_t)(cli->interval_ms ? cli->interval_ms : 1000) * 1000;
	json_t *before = NULL, *now, *rows;
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = rpc_call(&rpc, "drops.list", NULL, &before);
	while (code == CLI_OK) {
		usleep(wait);
		code = rpc_call(&rpc, "drops.list", drops_params(cli), &now);
		if (code != CLI_OK)
			break;
		rows = drops_rated(before, now);
		drops_print(cli, rows);
		json_decref(rows);
		json_decref(before);
		before = now;
		if (!cli->watch || fflush(stdout) != 0)
			break;
	}
	json_decref(before);
	rpc_fini(&rpc);
	return code;
}
