/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * render.h: how things look: packets' tuples, verdicts, tables.
 */
#ifndef RENDER_H
#define RENDER_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "trace.h"

#define RENDER_TUPLE_SIZE 160
#define RENDER_TIME_SIZE  32

/* "udp 198.51.100.1:500 > 198.51.100.2:500", "arp", "ether-0x88cc", "unreadable". */
void render_tuple(const struct sekisho_tuple *tuple, char *text, size_t size);

/* "udp", "proto-99". */
void render_protocol(uint8_t number, char *text, size_t size);

/* Microseconds as seconds: "0.005656". */
void render_time(int64_t time_us, char *text, size_t size);

/* "pass" or "drop". */
const char *render_action(const struct sekisho_verdict *verdict);

/*
 * Write the JSON members of a verdict, from `"verdict":` on, without braces:
 * verdict, reason, admitted_by, rule, opened_by, and bound where there is one.
 */
void render_verdict_json(FILE *to, const struct sekisho_verdict *verdict,
			 const struct sekisho_rule_names *names);

#define RENDER_CLAUSES_SIZE 64

/* The clauses that a reason follows, "AWS-1": those of the semantics in force, or all if none is of them. */
void render_clauses(enum sekisho_reason reason, enum sekisho_semantics semantics,
		    char text[RENDER_CLAUSES_SIZE]);

/* Write a string as JSON, quotes included; NULL as null. */
void render_string_json(FILE *to, const char *text);

/*
 * Write where a verdict comes from, for people: `rule vpn/esp-in (policy.yaml:7), opened by packet
 * 2`. Nothing if there is neither.
 */
void render_origin(FILE *to, const struct sekisho_verdict *verdict,
		   const struct trace_judge *judge);

/* Write a JSON value as one line. */
void render_line_json(FILE *to, const json_t *value);

/* A JSON value for a table cell: "-" if missing, lists joined by commas. Returns malloc'd text. */
char *render_cell(const json_t *value);

/*
 * Write a text and end its line; on a terminal it is folded between words, and what does not fit goes on under
 * its beginning, which is `indent` columns from the left. Elsewhere it is one line.
 */
void render_folded(FILE *to, unsigned indent, const char *text);

struct render_column {
	const char *title;
	const char *key;
};

/* Write an array of objects as a table with aligned columns; numbers go to the right. */
void render_table(FILE *to, const json_t *rows, const struct render_column *columns,
		  unsigned count);

#endif
