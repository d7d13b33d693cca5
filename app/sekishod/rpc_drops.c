/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_drops.c: why packets were dropped, and where.
 *
 * All are counted since the start. Who wants rates asks twice: `time_ms` is the daemon's clock.
 */
#include <stdlib.h>

#include "control.h"
#include "counters.h"
#include "drops.h"

#define LIMIT_MAX 1000

struct rows {
	struct drops_row *row;
	unsigned count;
};

static int row_compare_cause(const void *left, const void *right)
{
	const struct drops_row *a = left, *b = right;

	if (a->edge != b->edge)
		return a->edge < b->edge ? -1 : 1;
	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	if (a->reason != b->reason)
		return a->reason < b->reason ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static int row_compare(const void *left, const void *right)
{
	const struct drops_row *a = left, *b = right;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	return row_compare_cause(left, right);
}

/* What is lost before and behind the engine. */
static void rows_add_ports(struct rows *rows, const struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->edge_count * 2; i++) {
		struct port_totals totals;

		port_totals_read(daemon, &daemon->edges[i / 2].ports[i % 2], &totals);
		for (unsigned d = 0; d < PORT_DROP_COUNT; d++) {
			bool sent = counters_drop_whose(d) == PORT_DROP_SENT;
			struct drops_row row = {
				.edge = (uint16_t)(i / 2),
				.rule = SEKISHO_RULE_NONE,
				/* What a port sends has come from the other side. */
				.direction = (uint8_t)(sent ? !(i % 2) : i % 2),
				.reason = (uint8_t)COUNTERS_PORT_DROP(d),
				.packets = totals.drops[d],
			};

			rows->row[rows->count] = row;
			rows->count += row.packets > 0;
		}
	}
}

/* Make one row of those with the same cause that several workers have counted. */
static void rows_merge(struct rows *rows)
{
	unsigned kept = 0;

	qsort(rows->row, rows->count, sizeof(rows->row[0]), row_compare_cause);
	for (unsigned i = 0; i < rows->count; i++) {
		if (kept > 0 && row_compare_cause(&rows->row[kept - 1], &rows->row[i]) == 0)
			rows->row[kept - 1].packets += rows->row[i].packets;
		else
			rows->row[kept++] = rows->row[i];
	}
	rows->count = kept;
	qsort(rows->row, rows->count, sizeof(rows->row[0]), row_compare);
}

/* false: no memory. */
static bool rows_read(struct rows *rows, const struct daemon *daemon)
{
	size_t most = daemon->edge_count * 2 * PORT_DROP_COUNT;

	for (unsigned i = 0; i < daemon->worker_count; i++)
		most += drops_rows(daemon->workers[i].drops);
	*rows = (struct rows){.row = calloc(most + 1, sizeof(rows->row[0]))};
	if (rows->row == NULL)
		return false;
	for (unsigned i = 0; i < daemon->worker_count; i++)
		rows->count += drops_read(daemon->workers[i].drops, rows->row + rows->count);
	rows_add_ports(rows, daemon);
	rows_merge(rows);
	return true;
}

static json_t *row_json(const struct daemon *daemon, const struct drops_row *row)
{
	struct sekisho_rule_origin origin = {0};
	const char *rule = sekisho_rule_name(daemon->names, row->rule);
	json_t *json;

	json = json_pack("{s:s,s:s?,s:s,s:s,s:s,s:I,s:n,s:n}", "reason",
			 counters_reason_word(row->reason), "rule", rule, "edge",
			 daemon->edges[row->edge].name, "direction",
			 sekisho_direction_word(row->direction), "sentence",
			 counters_reason_sentence(row->reason), "packets", (json_int_t)row->packets,
			 "file", "line");
	if (json != NULL && rule != NULL && counters_rule_origin(daemon, row->rule, &origin))
		json_object_update_new(json, json_pack("{s:s?,s:I}", "file", origin.file, "line",
						       (json_int_t)origin.line));
	return json;
}

void rpc_drops_list(struct rpc_call *call)
{
	const struct daemon *daemon = call->control->daemon;
	const json_t *limit = json_object_get(call->params, "limit");
	json_int_t most = limit == NULL ? LIMIT_MAX : json_integer_value(limit);
	struct rows rows;
	json_t *list;

	if (most < 1 || most > LIMIT_MAX) {
		rpc_fail(call, RPC_PARAMS, "limit must be 1 to %d", LIMIT_MAX);
		return;
	}
	if (!rows_read(&rows, daemon)) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	list = json_array();
	for (unsigned i = 0; i < rows.count && i < most; i++)
		json_array_append_new(list, row_json(daemon, &rows.row[i]));
	call->result = json_pack("{s:I,s:o}", "time_ms", (json_int_t)clock_ms(), "drops", list);
	free(rows.row);
}
