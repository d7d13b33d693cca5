/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * render.c: text and JSON of what the CLI prints.
 *
 * Lines of replay and compare are written member by member rather than by building objects: there
 * is one for each packet, and times must read as plain decimals.
 */
#include "render.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "protocols.h"

#define COLUMNS_MAX 16
#define FOLDED_LEAST 20 /* columns; narrower text is not folded */

void render_protocol(uint8_t number, char *text, size_t size)
{
	const char *name = protocols_name(number);

	if (name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "proto-%u", number);
}

/* An address, with its port when there are ports. */
static void render_side(const struct sekisho_tuple *tuple, const uint8_t *address, uint16_t port,
			char *text, size_t size)
{
	char plain[INET6_ADDRSTRLEN] = "?";
	bool is_v6 = tuple->family == SEKISHO_IPV6;

	inet_ntop(is_v6 ? AF_INET6 : AF_INET, address, plain, sizeof(plain));
	if (!tuple->has_ports)
		snprintf(text, size, "%s", plain);
	else if (is_v6)
		snprintf(text, size, "[%s]:%u", plain, port);
	else
		snprintf(text, size, "%s:%u", plain, port);
}

void render_tuple(const struct sekisho_tuple *tuple, char *text, size_t size)
{
	char protocol[16], source[64], destination[64], icmp[32] = "";

	if (!tuple->family) {
		if (tuple->ether_type == 0x0806)
			snprintf(text, size, "arp");
		else if (tuple->ether_type == 0 || tuple->ether_type == 0x0800 ||
			 tuple->ether_type == 0x86dd)
			snprintf(text, size, "unreadable");
		else
			snprintf(text, size, "ether-0x%04x", tuple->ether_type);
		return;
	}
	render_protocol(tuple->protocol, protocol, sizeof(protocol));
	render_side(tuple, tuple->source, tuple->source_port, source, sizeof(source));
	render_side(tuple, tuple->destination, tuple->destination_port, destination,
		    sizeof(destination));
	if (tuple->has_icmp)
		snprintf(icmp, sizeof(icmp), " type=%u code=%u", tuple->icmp_type,
			 tuple->icmp_code);
	snprintf(text, size, "%s %s > %s%s%s", protocol, source, destination, icmp,
		 tuple->is_fragment ? " fragment" : "");
}

void render_time(int64_t time_us, char *text, size_t size)
{
	uint64_t magnitude = time_us < 0 ? (uint64_t)-time_us : (uint64_t)time_us;

	snprintf(text, size, "%s%" PRIu64 ".%06" PRIu64, time_us < 0 ? "-" : "",
		 magnitude / 1000000, magnitude % 1000000);
}

const char *render_action(const struct sekisho_verdict *verdict)
{
	return verdict->action == SEKISHO_PASS ? "pass" : "drop";
}

void render_string_json(FILE *to, const char *text)
{
	json_t *string;

	if (!text) {
		fputs("null", to);
		return;
	}
	string = json_string(text);
	/* Not UTF-8: names come from checked files, so this is a file name at worst. */
	if (!string || json_dumpf(string, to, JSON_ENCODE_ANY | JSON_COMPACT))
		fputs("\"?\"", to);
	json_decref(string);
}

void render_clauses(enum sekisho_reason reason, enum sekisho_semantics semantics,
		    char text[RENDER_CLAUSES_SIZE])
{
	const char *ours = semantics == SEKISHO_STRICT ? "STRICT" : "AWS";
	const char *clauses = sekisho_reason_clauses(reason);
	bool all = strstr(clauses, ours) == NULL;
	size_t used = 0;

	text[0] = '\0';
	while (*clauses != '\0') {
		size_t length = strcspn(clauses, ",");

		if ((all || strncmp(clauses, ours, strlen(ours)) == 0) &&
		    used + length + 2 < RENDER_CLAUSES_SIZE)
			used += (size_t)snprintf(text + used, RENDER_CLAUSES_SIZE - used, "%s%.*s",
						 used > 0 ? ", " : "", (int)length, clauses);
		clauses += length;
		clauses += strspn(clauses, ", ");
	}
}

void render_verdict_json(FILE *to, const struct sekisho_verdict *verdict,
			 const struct sekisho_rule_names *names)
{
	const char *bound = sekisho_bound_word(verdict->bound);

	fprintf(to, "\"verdict\":\"%s\",\"reason\":\"%s\",\"admitted_by\":", render_action(verdict),
		sekisho_reason_word(verdict->reason));
	render_string_json(to,
			   sekisho_admitted_by_word(sekisho_reason_admitted_by(verdict->reason)));
	fputs(",\"rule\":", to);
	render_string_json(to, sekisho_rule_name(names, verdict->rule));
	if (verdict->opened_by)
		fprintf(to, ",\"opened_by\":%" PRIu64, verdict->opened_by);
	else
		fputs(",\"opened_by\":null", to);
	if (bound)
		fprintf(to, ",\"bound\":\"%s\"", bound);
}

void render_origin(FILE *to, const struct sekisho_verdict *verdict, const struct trace_judge *judge)
{
	const char *rule = sekisho_rule_name(judge->names, verdict->rule);
	const char *bound = sekisho_bound_word(verdict->bound);
	const char *separator = "";

	if (rule) {
		struct sekisho_rule_origin origin = {0};

		fprintf(to, "rule %s", rule);
		if (sekisho_policy_rule_origin(judge->policy, verdict->rule, &origin) && origin.file)
			fprintf(to, " (%s:%" PRIu32 ")", origin.file, origin.line);
		separator = ", ";
	}
	if (verdict->opened_by && !verdict->opened) {
		fprintf(to, "%sopened by packet %" PRIu64, separator, verdict->opened_by);
		separator = ", ";
	}
	if (bound)
		fprintf(to, "%sbound %s", separator, bound);
}

void render_line_json(FILE *to, const json_t *value)
{
	json_dumpf(value, to, JSON_COMPACT | JSON_ENCODE_ANY);
	fputc('\n', to);
}

static void cell_write(FILE *to, const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		fputs(json_string_value(value), to);
		break;
	case JSON_INTEGER:
		fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		fprintf(to, "%.10g", json_real_value(value));
		break;
	case JSON_TRUE:
		fputs("yes", to);
		break;
	case JSON_FALSE:
		fputs("no", to);
		break;
	case JSON_ARRAY:
		if (json_array_size(value) == 0)
			fputc('-', to);
		json_array_foreach((json_t *)value, i, member)
		{
			if (i)
				fputc(',', to);
			cell_write(to, member);
		}
		break;
	case JSON_OBJECT:
		i = 0;
		json_object_foreach((json_t *)value, key, member)
		{
			fprintf(to, "%s%s=", i++ ? " " : "", key);
			cell_write(to, member);
		}
		break;
	default:
		fputc('-', to);
		break;
	}
}

char *render_cell(const json_t *value)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	cell_write(to, value);
	fclose(to);
	/* What a daemon says goes to a terminal: no control characters. */
	for (char *at = text; at && *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return text;
}

void render_table(FILE *to, const json_t *rows, const struct render_column *columns, unsigned count)
{
	int width[COLUMNS_MAX];
	bool right[COLUMNS_MAX] = {false};
	size_t i;
	json_t *row;

	for (unsigned c = 0; c < count; c++)
		width[c] = (int)strlen(columns[c].title);
	json_array_foreach((json_t *)rows, i, row)
	{
		for (unsigned c = 0; c < count; c++) {
			const json_t *value = json_object_get(row, columns[c].key);
			char *text = render_cell(value);

			if (text && (int)strlen(text) > width[c])
				width[c] = (int)strlen(text);
			right[c] = right[c] || json_is_number(value);
			free(text);
		}
	}
	for (unsigned c = 0; c < count; c++)
		fprintf(to, "%*s%s", right[c] ? width[c] : -width[c], columns[c].title,
			c + 1 < count ? "  " : "\n");
	json_array_foreach((json_t *)rows, i, row)
	{
		for (unsigned c = 0; c < count; c++) {
			char *text = render_cell(json_object_get(row, columns[c].key));

			/* The last column is not padded: no spaces at a line's end. */
			fprintf(to, "%*s%s",
				right[c]        ? width[c]
				: c + 1 < count ? -width[c]
						: 0,
				text ? text : "-", c + 1 < count ? "  " : "\n");
			free(text);
		}
	}
}

/* Columns of the terminal that a stream writes to; 0 if it writes to none. */
static unsigned terminal_width(FILE *to)
{
	struct winsize size;

	return ioctl(fileno(to), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* How much of a text goes on a line of so many bytes: whole words, but one at least. */
static size_t line_length(const char *text, size_t room)
{
	size_t length = strcspn(text, " ");

	for (;;) {
		size_t more = text[length] == '\0' ? 0 : 1 + strcspn(text + length + 1, " ");

		if (more == 0 || length + more > room)
			return length;
		length += more;
	}
}

void render_folded(FILE *to, unsigned indent, const char *text)
{
	unsigned width = terminal_width(to);
	size_t room = width > indent + FOLDED_LEAST ? width - indent : SIZE_MAX, length;

	for (; *text != '\0'; text += length) {
		if (*text == ' ')
			fprintf(to, "\n%*s", (int)indent, "");
		text += *text == ' ';
		length = line_length(text, room);
		fwrite(text, 1, length, to);
	}
	putc('\n', to);
}
