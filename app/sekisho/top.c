/* SPDX-License-Identifier: BSD-3-Clause */
/* top.c: counters into rates, and rates into lines. */
#include "top.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drops.h"
#include "flow_forms.h"
#include "render.h"

#define DROPS_ROWS 5
#define FLOWS_ROWS 100
#define BAR        20
#define NUMBER     16

/* ---- what the daemon says --------------------------------------------------------------------- */

enum cli_exit top_sample_init(struct top_sample *sample, struct rpc *rpc)
{
	enum cli_exit code;

	*sample = (struct top_sample){0};
	code = rpc_call(rpc, "status", NULL, &sample->status);
	if (code == CLI_OK)
		code = rpc_call(rpc, "stats", NULL, &sample->stats);
	if (code == CLI_OK)
		code = rpc_call(rpc, "flows.list",
				json_pack("{s:s,s:i}", "sort", "bytes", "limit", FLOWS_ROWS),
				&sample->flows);
	if (code == CLI_OK)
		code = rpc_call(rpc, "drops.list", NULL, &sample->drops);
	sample->time_ms = json_integer_value(json_object_get(sample->drops, "time_ms"));
	return code;
}

void top_sample_fini(struct top_sample *sample)
{
	json_decref(sample->status);
	json_decref(sample->stats);
	json_decref(sample->flows);
	json_decref(sample->drops);
	*sample = (struct top_sample){0};
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* What a counter has gone up by, a second. */
static double rate(const struct top_sample *before, const struct top_sample *now, const json_t *old,
		   const json_t *new, const char *key)
{
	json_int_t ms = now->time_ms - before->time_ms;

	return ms <= 0 ? 0
		       : (double)(number_of(new, key) - number_of(old, key)) * 1000 / (double)ms;
}

/* 999, 12.3k, 4.56M: four signs or less, and the unit. */
static const char *human(double value, char text[NUMBER])
{
	static const char units[] = " kMGT";
	unsigned unit = 0;

	while (value >= 1000 && unit < 4) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(text, NUMBER, "%.0f", value);
	else
		snprintf(text, NUMBER, "%.*f%c",
			 value < 10    ? 2
			 : value < 100 ? 1
				       : 0,
			 value, units[unit]);
	return text;
}

/* ---- lines ------------------------------------------------------------------------------------ */

static bool is_full(const struct top_lines *lines)
{
	return lines->count == lines->room;
}

static void line_add(struct top_lines *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void line_add(struct top_lines *lines, const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	if (is_full(lines))
		return;
	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	/* What a daemon says goes to a terminal: no control characters but our mark. */
	for (char *at = text + (text[0] == TOP_BOLD); *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	lines->text[lines->count++] = text;
}

static void add_head(struct top_lines *lines, const struct top_sample *before,
		     const struct top_sample *now)
{
	const json_t *flows = json_object_get(now->stats, "flows");
	const json_t *flows_before = json_object_get(before->stats, "flows");
	json_int_t live = number_of(flows, "now"), room = number_of(flows, "capacity");
	char up[FLOW_FORMS_TIME], a[NUMBER], b[NUMBER], c[NUMBER], d[NUMBER], bar[BAR + 1];
	double ended = rate(before, now, flows_before, flows, "expired") +
		       rate(before, now, flows_before, flows, "closed") +
		       rate(before, now, flows_before, flows, "recycled");

	flow_forms_time(number_of(now->status, "uptime_ms"), up);
	line_add(lines, "%csekisho %s  up %s  %s, generation %" JSON_INTEGER_FORMAT " of %s",
		 TOP_BOLD, text_of(now->status, "version"), up, text_of(now->status, "semantics"),
		 number_of(now->status, "generation"), text_of(now->status, "policy"));
	line_add(lines, "packets/s  in %s  out %s  dropped %s  held %s",
		 human(rate(before, now, before->stats, now->stats, "received"), a),
		 human(rate(before, now, before->stats, now->stats, "sent"), b),
		 human(rate(before, now, before->stats, now->stats, "dropped"), c),
		 human((double)number_of(now->stats, "held"), d));
	for (unsigned i = 0; i < BAR; i++)
		bar[i] = room > 0 && live * BAR > (json_int_t)i * room ? '#' : '.';
	bar[BAR] = '\0';
	line_add(lines, "flows      %s of %s [%s] half-open %s", human((double)live, a),
		 human((double)room, b), bar, human((double)number_of(flows, "half_open"), c));
	line_add(lines, "flows/s    new %s  ended %s; conntrack allowance exceeded %s times",
		 human(rate(before, now, flows_before, flows, "created"), a), human(ended, b),
		 human((double)number_of(now->stats, "conntrack_allowance_exceeded"), c));
}

static void add_ports(struct top_lines *lines, const struct top_sample *before,
		      const struct top_sample *now)
{
	const json_t *old = json_object_get(before->stats, "ports");
	char a[NUMBER], b[NUMBER], c[NUMBER], d[NUMBER], e[NUMBER];
	json_t *port;
	size_t i;

	line_add(lines,
		 "%cPORT                         IN pkt/s    bit/s  OUT pkt/s    bit/s     FULL",
		 TOP_BOLD);
	json_array_foreach(json_object_get(now->stats, "ports"), i, port)
	{
		const json_t *past = json_array_get(old, i);

		line_add(lines, "%-18.18s %-8.8s %8s %8s   %8s %8s %8s", text_of(port, "edge"),
			 text_of(port, "side"), human(rate(before, now, past, port, "received"), a),
			 human(8 * rate(before, now, past, port, "received_bytes"), b),
			 human(rate(before, now, past, port, "sent"), c),
			 human(8 * rate(before, now, past, port, "sent_bytes"), d),
			 human((double)number_of(port, "transmit_full"), e));
	}
}

static void add_workers(struct top_lines *lines, const struct top_sample *before,
			const struct top_sample *now)
{
	const json_t *old = json_object_get(before->status, "workers");
	json_t *worker;
	size_t i;

	json_array_foreach(json_object_get(now->status, "workers"), i, worker)
	{
		double loops = rate(before, now, json_array_get(old, i), worker, "heartbeat");
		char text[NUMBER];

		line_add(lines, "worker %-4" JSON_INTEGER_FORMAT " loops/s %s%s",
			 number_of(worker, "lcore"), human(loops, text),
			 loops > 0 ? "" : "  IT HANGS");
	}
}

static void add_drops(struct top_lines *lines, const struct top_sample *before,
		      const struct top_sample *now)
{
	json_t *rows = drops_rated(before->drops, now->drops), *row;
	size_t i;

	line_add(lines, "%cDROPS/s     ALL  REASON               DIRECTION  EDGE          RULE",
		 TOP_BOLD);
	json_array_foreach(rows, i, row)
	{
		char a[NUMBER], b[NUMBER];

		if (i == DROPS_ROWS)
			break;
		line_add(lines, "%7s %7s  %-20.20s %-10s %-13.13s %s",
			 human(json_real_value(json_object_get(row, "per_second")), a),
			 human((double)number_of(row, "packets"), b), text_of(row, "reason"),
			 text_of(row, "direction"), text_of(row, "edge"), text_of(row, "rule"));
	}
	json_decref(rows);
}

static void add_flows(struct top_lines *lines, const struct top_sample *now)
{
	json_t *flow;
	size_t i;

	line_add(lines, "%c  BYTES PACKETS  EXPIRES  STATE         FLOW", TOP_BOLD);
	json_array_foreach(json_object_get(now->flows, "flows"), i, flow)
	{
		const json_t *bytes = json_object_get(flow, "bytes");
		const json_t *packets = json_object_get(flow, "packets");
		char a[NUMBER], b[NUMBER], expires[FLOW_FORMS_TIME];

		if (is_full(lines))
			break;
		flow_forms_time(number_of(flow, "expires_ms"), expires);
		line_add(lines, "%7s %7s %8s  %-13.13s %s",
			 human((double)(number_of(bytes, "egress") + number_of(bytes, "ingress")),
			       a),
			 human((double)(number_of(packets, "egress") +
					number_of(packets, "ingress")),
			       b),
			 expires, text_of(flow, "state"), text_of(flow, "flow"));
	}
}

bool top_lines_init(struct top_lines *lines, unsigned rows, const struct top_sample *before,
		    const struct top_sample *now)
{
	*lines = (struct top_lines){.text = calloc(rows + 1, sizeof(*lines->text)), .room = rows};
	if (!lines->text)
		return false;
	add_head(lines, before, now);
	add_workers(lines, before, now);
	add_ports(lines, before, now);
	add_drops(lines, before, now);
	add_flows(lines, now);
	return true;
}

void top_lines_fini(struct top_lines *lines)
{
	for (unsigned i = 0; i < lines->count; i++)
		free(lines->text[i]);
	free(lines->text);
}

void top_summary(FILE *to, const struct top_sample *before, const struct top_sample *now)
{
	const json_t *flows = json_object_get(now->stats, "flows");
	const json_t *flows_before = json_object_get(before->stats, "flows");
	json_t *drops = drops_rated(before->drops, now->drops);
	char a[NUMBER], b[NUMBER], c[NUMBER], d[NUMBER], e[NUMBER];

	fprintf(to, "packets/s in %s out %s dropped %s; flows %s, new/s %s; most drops: %s\n",
		human(rate(before, now, before->stats, now->stats, "received"), a),
		human(rate(before, now, before->stats, now->stats, "sent"), b),
		human(rate(before, now, before->stats, now->stats, "dropped"), c),
		human((double)number_of(flows, "now"), d),
		human(rate(before, now, flows_before, flows, "created"), e),
		json_array_size(drops) ? text_of(json_array_get(drops, 0), "reason") : "none");
	json_decref(drops);
}

void top_json(FILE *to, const struct top_sample *before, const struct top_sample *now)
{
	static const char *const counters[] = {"received", "sent", "dropped"};
	json_t *line = json_copy(now->stats), *rates = json_object();

	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		json_object_set_new(
			rates, counters[i],
			json_real(rate(before, now, before->stats, now->stats, counters[i])));
	json_object_set_new(rates, "flows_created",
			    json_real(rate(before, now, json_object_get(before->stats, "flows"),
					   json_object_get(now->stats, "flows"), "created")));
	json_object_set_new(line, "per_second", rates);
	json_object_set_new(line, "drops", drops_rated(before->drops, now->drops));
	render_line_json(to, line);
	json_decref(line);
}
