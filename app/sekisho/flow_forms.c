/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_forms.c: a flow is shown from its opener to the other end, whichever of the two is inside.
 *
 * What the daemon leaves out is a "-", and 0 where a form wants a number.
 */
#include "flow_forms.h"

#include <stdlib.h>
#include <string.h>

#include "render.h"

#define I JSON_INTEGER_FORMAT

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* An end of a flow: keys of its members, and the direction of what it sends. */
struct end {
	const char *whole, *address, *port, *direction;
};

static const struct end inside = {"local", "local_address", "local_port", "egress"};
static const struct end outside = {"peer", "peer_address", "peer_port", "ingress"};

static const struct end *opener_of(const json_t *flow)
{
	return strcmp(text_of(flow, "opener"), "ingress") == 0 ? &outside : &inside;
}

static const struct end *other_of(const json_t *flow)
{
	return opener_of(flow) == &inside ? &outside : &inside;
}

/* What an end has sent, of "packets" or "bytes". */
static json_int_t sent(const json_t *flow, const char *key, const struct end *end)
{
	return number_of(json_object_get(flow, key), end->direction);
}

void flow_forms_time(json_int_t ms, char text[FLOW_FORMS_TIME])
{
	json_int_t seconds = ms / 1000;

	if (seconds < 60)
		snprintf(text, FLOW_FORMS_TIME, "%" I ".%" I "s", seconds, ms % 1000 / 100);
	else if (seconds < 3600)
		snprintf(text, FLOW_FORMS_TIME, "%" I "m%02" I "s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(text, FLOW_FORMS_TIME, "%" I "h%02" I "m", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(text, FLOW_FORMS_TIME, "%" I "d%02" I "h", seconds / 86400 % 10000,
			 seconds / 3600 % 24);
}

/* ---- for people ------------------------------------------------------------------------------- */

static json_t *table_row(const json_t *flow)
{
	const struct end *opener = opener_of(flow), *other = other_of(flow);
	char age[FLOW_FORMS_TIME], expires[FLOW_FORMS_TIME];

	flow_forms_time(number_of(flow, "age_ms"), age);
	flow_forms_time(number_of(flow, "expires_ms"), expires);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:s}", "protocol",
			 text_of(flow, "protocol"), "source", text_of(flow, opener->whole),
			 "destination", text_of(flow, other->whole), "state",
			 text_of(flow, "state"), "edge", text_of(flow, "edge"), "packets",
			 sent(flow, "packets", opener), "answers", sent(flow, "packets", other),
			 "bytes", sent(flow, "bytes", opener), "answered",
			 sent(flow, "bytes", other), "age", age, "expires", expires, "rule",
			 text_of(json_object_get(flow, "rules"), opener->direction));
}

void flow_forms_table(FILE *to, const json_t *flows)
{
	static const struct render_column columns[] = {
		{"PROTO", "protocol"},  {"SOURCE", "source"},   {"DESTINATION", "destination"},
		{"STATE", "state"},     {">PKTS", "packets"},   {"<PKTS", "answers"},
		{">BYTES", "bytes"},    {"<BYTES", "answered"}, {"AGE", "age"},
		{"EXPIRES", "expires"}, {"EDGE", "edge"},       {"RULE", "rule"},
	};
	json_t *rows = json_array(), *flow;
	size_t i;

	json_array_foreach((json_t *)flows, i, flow) json_array_append_new(rows, table_row(flow));
	render_table(to, rows, columns, sizeof(columns) / sizeof(columns[0]));
	json_decref(rows);
}

static void why_print(FILE *to, const json_t *why)
{
	char *rule = render_cell(json_object_get(why, "rule"));
	char *file = render_cell(json_object_get(why, "file"));
	char age[FLOW_FORMS_TIME];

	if (json_is_integer(json_object_get(why, "age_ms"))) {
		flow_forms_time(number_of(why, "age_ms"), age);
		fprintf(to, "    opened %s ago by packet %" I ", %s", age, number_of(why, "packet"),
			text_of(why, "direction"));
	} else {
		fprintf(to, "    opened the other way as well by packet %" I ", %s",
			number_of(why, "packet"), text_of(why, "direction"));
	}
	fprintf(to, ": rule %s", rule ? rule : "-");
	if (json_is_string(json_object_get(why, "file")))
		fprintf(to, " (%s:%" I ")\n", file ? file : "-", number_of(why, "line"));
	else
		fputs(", which is in no policy any more\n", to);
	free(rule);
	free(file);
}

void flow_forms_why(FILE *to, const json_t *flows)
{
	json_t *flow, *why;
	size_t i, j;

	json_array_foreach((json_t *)flows, i, flow)
	{
		const struct end *opener = opener_of(flow), *other = other_of(flow);
		char expires[FLOW_FORMS_TIME], *text = render_cell(json_object_get(flow, "flow"));
		char *edge = render_cell(json_object_get(flow, "edge"));

		flow_forms_time(number_of(flow, "expires_ms"), expires);
		fprintf(to,
			"%s  %s on %s; packets %" I " > %" I " <, bytes %" I " > %" I
			" <; ends in %s unless there are more\n",
			text ? text : "-", text_of(flow, "state"), edge ? edge : "-",
			sent(flow, "packets", opener), sent(flow, "packets", other),
			sent(flow, "bytes", opener), sent(flow, "bytes", other), expires);
		json_array_foreach(json_object_get(flow, "why"), j, why) why_print(to, why);
		free(text);
		free(edge);
	}
}

/* ---- conntrack -------------------------------------------------------------------------------- */

/* The protocols that conntrack has names for. */
static const char *conntrack_protocol(json_int_t number)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {{1, "icmp"}, {6, "tcp"},     {17, "udp"},   {33, "dccp"},
		     {47, "gre"}, {58, "icmpv6"}, {132, "sctp"}, {136, "udplite"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number)
			return names[i].name;
	return "unknown";
}

/* Our states of TCP in conntrack's words; those marked are assured, what others call confirmed both ways. */
static const struct conntrack_state {
	const char *ours, *theirs;
	int assured;
} conntrack_states[] = {
	{"syn-sent", "SYN_SENT", 0},
	{"syn-crossed", "SYN_SENT2", 0},
	{"syn-received", "SYN_RECV", 0},
	{"established", "ESTABLISHED", 1},
	{"resumed", "ESTABLISHED", 1},
	{"picked-up", "ESTABLISHED", 0},
	{"fin-wait", "FIN_WAIT", 1},
	{"close-wait", "CLOSE_WAIT", 1},
	{"last-ack", "LAST_ACK", 1},
	{"time-wait", "TIME_WAIT", 1},
	{"closed", "CLOSE", 0},
	{"stream", NULL, 1},
};

static const struct conntrack_state *conntrack_state(const char *word)
{
	static const struct conntrack_state none;

	for (size_t i = 0; i < sizeof(conntrack_states) / sizeof(conntrack_states[0]); i++)
		if (strcmp(conntrack_states[i].ours, word) == 0)
			return &conntrack_states[i];
	return &none;
}

/* The type of the answer to an ICMP query. */
static json_int_t icmp_answer(json_int_t type)
{
	return type == 8                                               ? 0
	       : type == 13 || type == 15 || type == 17 || type == 128 ? type + 1
								       : type;
}

/* A tuple and what was sent with it, by `from`. */
static void conntrack_tuple(FILE *to, const json_t *flow, const struct end *from)
{
	const struct end *towards = from == &inside ? &outside : &inside;
	const json_t *type = json_object_get(flow, "icmp_type");

	fprintf(to, "src=%s dst=%s ", text_of(flow, from->address),
		text_of(flow, towards->address));
	if (json_object_get(flow, "local_port"))
		fprintf(to, "sport=%" I " dport=%" I " ", number_of(flow, from->port),
			number_of(flow, towards->port));
	else if (type)
		fprintf(to, "type=%" I " code=0 id=%" I " ",
			from == opener_of(flow) ? json_integer_value(type)
						: icmp_answer(json_integer_value(type)),
			number_of(flow, "icmp_id"));
	fprintf(to, "packets=%" I " bytes=%" I " ", sent(flow, "packets", from),
		sent(flow, "bytes", from));
}

void flow_forms_conntrack(FILE *to, const json_t *flow)
{
	const struct conntrack_state *state = conntrack_state(text_of(flow, "state"));
	json_int_t protocol = number_of(flow, "protocol_number");

	fprintf(to, "%-8s %" I " %" I " ", conntrack_protocol(protocol), protocol,
		number_of(flow, "expires_ms") / 1000);
	if (state->theirs)
		fprintf(to, "%s ", state->theirs);
	conntrack_tuple(to, flow, opener_of(flow));
	if (sent(flow, "packets", other_of(flow)) == 0)
		fputs("[UNREPLIED] ", to);
	conntrack_tuple(to, flow, other_of(flow));
	fprintf(to, "%smark=0 use=1\n", state->assured ? "[ASSURED] " : "");
}

/* ---- comma-separated values ------------------------------------------------------------------- */

void flow_forms_csv_head(FILE *to)
{
	fputs("edge,protocol,source,source_port,destination,destination_port,state,opener,"
	      "packets_sent,packets_answered,bytes_sent,bytes_answered,age_ms,expires_ms,rule,"
	      "opened_by\n",
	      to);
}

/* A text that may have commas and quotes in it; nothing for none. */
static void csv_text(FILE *to, const char *text, const char *after)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc(*text, to);
	}
	fprintf(to, "\"%s", after);
}

static void csv_end(FILE *to, const json_t *flow, const struct end *end)
{
	fprintf(to, "%s,", text_of(flow, end->address));
	if (json_object_get(flow, end->port))
		fprintf(to, "%" I, number_of(flow, end->port));
	fputc(',', to);
}

void flow_forms_csv(FILE *to, const json_t *flow)
{
	const struct end *opener = opener_of(flow), *other = other_of(flow);

	csv_text(to, text_of(flow, "edge"), ",");
	fprintf(to, "%s,", text_of(flow, "protocol"));
	csv_end(to, flow, opener);
	csv_end(to, flow, other);
	fprintf(to, "%s,%s,%" I ",%" I ",%" I ",%" I ",%" I ",%" I ",", text_of(flow, "state"),
		text_of(flow, "opener"), sent(flow, "packets", opener),
		sent(flow, "packets", other), sent(flow, "bytes", opener),
		sent(flow, "bytes", other), number_of(flow, "age_ms"),
		number_of(flow, "expires_ms"));
	csv_text(to, text_of(json_object_get(flow, "rules"), opener->direction), ",");
	fprintf(to, "%" I "\n", number_of(json_object_get(flow, "opened_by"), opener->direction));
}
