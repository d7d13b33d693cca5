/* SPDX-License-Identifier: BSD-3-Clause */
/* rpc_stats.c: what was counted: totals, ports, rules. */
#include "control.h"
#include "counters.h"

#define RULES_PAGE 2000

/* Add what was lost at ports, by cause. */
static void drops_add(json_t *object, const uint64_t *drops)
{
	for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
		json_object_set_new(object, counters_drop_key(d),
				    json_integer((json_int_t)drops[d]));
}

/* Add what driver, NIC and kernel lost of a port's. */
static void losses_add(json_t *object, struct port *port)
{
	uint64_t losses[PORT_LOSS_COUNT];

	port_losses_read(port, losses);
#define X(id, key, member, sentence)              \
	json_object_set_new(object, "driver_" #key, \
			    json_integer((json_int_t)losses[PORT_LOSS_##id]));
	PORT_LOSSES(X)
#undef X
}

static json_t *port_json(const struct daemon *daemon, struct edge *edge, unsigned side)
{
	struct port *port = &edge->ports[side];
	struct port_totals totals;
	json_t *row;

	port_totals_read(daemon, port, &totals);
	row = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I}", "edge", edge->name, "side",
			side == SEKISHO_EGRESS ? "inside" : "outside", "device", port->device,
			"received", (json_int_t)totals.received, "received_bytes",
			(json_int_t)totals.received_bytes, "sent", (json_int_t)totals.sent,
			"sent_bytes", (json_int_t)totals.sent_bytes);
	drops_add(row, totals.drops);
	losses_add(row, port);
	return row;
}

static json_t *ports_json(const struct daemon *daemon)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < daemon->edge_count; i++)
		for (unsigned side = 0; side < 2; side++)
			json_array_append_new(list, port_json(daemon, &daemon->edges[i], side));
	return list;
}

void rpc_stats(struct rpc_call *call)
{
	const struct daemon *daemon = call->control->daemon;
	json_t *reasons = json_object(), *flows, *records;
	struct daemon_totals totals;

	daemon_totals_read(daemon, &totals);
	for (unsigned i = 0; i < SEKISHO_REASON_COUNT; i++)
		json_object_set_new(reasons, sekisho_reason_word(i),
				    json_integer((json_int_t)totals.engines.by_reason[i]));
	flows = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "now", (json_int_t)totals.engines.flows,
			  "capacity", (json_int_t)totals.engines.flows_capacity, "half_open",
			  (json_int_t)totals.engines.flows_half_open, "created",
			  (json_int_t)totals.engines.flows_created, "expired",
			  (json_int_t)totals.engines.flows_expired, "recycled",
			  (json_int_t)totals.engines.flows_recycled, "closed",
			  (json_int_t)totals.engines.flows_closed);
	records = json_pack(
		"{s:I,s:I}", "written", (json_int_t)atomic_load(&daemon->watches.records.written),
		"lost", (json_int_t)atomic_load(&daemon->watches.records.lost));
	call->result = json_pack("{s:I,s:I,s:I,s:I,s:I}", "received", (json_int_t)totals.received,
				 "passed", (json_int_t)totals.passed, "dropped",
				 (json_int_t)totals.dropped, "held",
				 (json_int_t)totals.held, "sent", (json_int_t)totals.sent);
	drops_add(call->result, totals.port_drops);
	json_object_update_new(
		call->result,
		json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "conntrack_allowance_available",
			  (json_int_t)totals.engines.flows_available, "conntrack_allowance_exceeded",
			  (json_int_t)totals.engines.by_reason[SEKISHO_REASON_TABLE_FULL],
			  "reasons", reasons, "flows", flows, "records", records, "ports",
			  ports_json(daemon)));
}

/* ---- Rules ----------------------------------------------------------------------------------- */

static json_t *rule_json(const struct daemon *daemon, uint32_t rule)
{
	struct sekisho_rule_stats stats = counters_of_rule(daemon, rule);
	struct sekisho_rule_origin origin;
	json_t *row, *last = json_null();

	/* A worker's clock may be a burst ahead of the one read here. */
	if (stats.packets > 0) {
		int32_t age = (int32_t)(daemon_now_ms(daemon) - stats.last_ms);

		last = json_integer(age < 0 ? 0 : age);
	}
	row = json_pack("{s:s,s:n,s:I,s:I,s:I,s:I,s:o,s:n,s:n}", "rule",
			sekisho_rule_name(daemon->names, rule), "direction", "packets",
			(json_int_t)stats.packets, "bytes", (json_int_t)stats.bytes, "flows",
			(json_int_t)stats.flows, "live_flows", (json_int_t)stats.live,
			"last_hit_ms", last, "file", "line");
	/* A rule that is withdrawn keeps its counters, but is written nowhere any more. */
	if (row != NULL && counters_rule_origin(daemon, rule, &origin))
		json_object_update_new(row,
				       json_pack("{s:s,s:s?,s:I}", "direction",
						 sekisho_direction_word(origin.direction), "file",
						 origin.file, "line", (json_int_t)origin.line));
	return row;
}

void rpc_rules_list(struct rpc_call *call)
{
	const struct daemon *daemon = call->control->daemon;
	const json_t *cursor = json_object_get(call->params, "cursor");
	const json_t *limit = json_object_get(call->params, "limit");
	uint32_t count = sekisho_rule_names_count(daemon->names);
	json_int_t first = json_integer_value(cursor), most = RULES_PAGE;
	json_t *list;

	if (limit != NULL)
		most = json_integer_value(limit);
	if ((cursor != NULL && !json_is_integer(cursor) && !json_is_null(cursor)) || first < 0 ||
	    first > count || most < 1 || most > RULES_PAGE) {
		rpc_fail(call, RPC_PARAMS, "cursor must be one that was given, limit 1 to %d",
			 RULES_PAGE);
		return;
	}
	list = json_array();
	for (; first < count && most > 0; first++, most--)
		json_array_append_new(list, rule_json(daemon, (uint32_t)first));
	call->result = json_pack("{s:o,s:o}", "rules", list, "cursor",
				 first < count ? json_integer(first) : json_null());
}
