/* SPDX-License-Identifier: BSD-3-Clause */
/* syntax.h: what makes a text no YAML, in words for whoever wrote it. */
#ifndef CONFIG_SYNTAX_H
#define CONFIG_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#define SYNTAX_MESSAGE 256

struct yaml_parser_s;

/* Where a parser gave up; both from 0. Columns count characters. */
struct syntax_place {
	size_t line, column;
};

/*
 * What we refuse before any YAML is read: NUL, a byte order mark, and line breaks that YAML counts
 * and editors do not, for places could not be told. NULL if there is none of it.
 */
const char *syntax_refused(const char *text, size_t length, struct syntax_place *place);

/* Why and where yaml_parser_parse() failed on this text. */
struct syntax_place syntax_problem(const struct yaml_parser_s *parser, const char *text,
				   size_t length, char message[SYNTAX_MESSAGE]);

#endif
