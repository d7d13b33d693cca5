/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syntax.c: libyaml's complaints are about its own states ("did not find expected node content");
 * a table has what they mean to whoever made the mistake.
 */
#include "syntax.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

static const struct {
	const char *theirs, *ours;
} words[] = {
	{"did not find expected node content", "a value is missing"},
	{"did not find expected ',' or ']'", "expected ',' or ']'"},
	{"did not find expected ',' or '}'", "expected ',' or '}'"},
	{"did not find expected key",
	 "expected 'key: value' at the same indentation as the keys before"},
	{"did not find expected '-' indicator",
	 "expected '- ' at the same indentation as the entries before"},
	{"could not find expected ':'", "a key without ':', or a value that goes on unindented"},
	{"mapping values are not allowed in this context",
	 "a second ':' in one line; quote the value, or check the indentation"},
	{"mapping keys are not allowed in this context", "'?' cannot stand here"},
	{"block sequence entries are not allowed in this context",
	 "'- ' cannot stand here; begin the list on a new line"},
	{"did not find expected <document start>", "more than one document, or text after its end"},
	{"found a tab character where an indentation space is expected",
	 "a tab; indent with spaces"},
	{"found a tab character that violates indentation", "a tab; indent with spaces"},
	{"found unexpected end of stream", "the file ends before the quote is closed"},
	{"found unexpected document indicator", "'---' or '...' before the quote is closed"},
	{"found unknown escape character", "an escape that is not known; '\\' itself is '\\\\'"},
	{"found unexpected ':'", "a ':' in a value; quote it"},
	{"invalid leading UTF-8 octet", "no UTF-8"},
	{"invalid trailing UTF-8 octet", "no UTF-8"},
	{"incomplete UTF-8 octet sequence", "no UTF-8"},
	{"invalid length of a UTF-8 sequence", "no UTF-8"},
	{"invalid Unicode character", "no UTF-8"},
	{"control characters are not allowed", "a control character"},
	{"found undefined tag handle", "anchors and tags are not allowed"},
};

/* What was begun and not ended, by libyaml's context. */
static const struct {
	const char *context, *opened;
} openers[] = {
	{"while parsing a flow sequence", "'['"},
	{"while parsing a flow mapping", "'{'"},
	{"while scanning a quoted scalar", "the quote"},
	{"while scanning a simple key", "the key"},
};

/* The place of a byte. */
static struct syntax_place place_of(const char *text, size_t offset)
{
	struct syntax_place place = {0};

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			place.line++;
			place.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/* What is wrong with the byte here, or NULL. */
static const char *refused_at(const char *at)
{
	switch ((unsigned char)*at) {
	case 0:
		return "the file holds a NUL";
	case '\r':
		return at[1] == '\n' ? NULL : "a carriage return without a line feed";
	case 0xc2:
		return (unsigned char)at[1] == 0x85 ? "a line break by U+0085; use line feeds"
						    : NULL;
	case 0xe2:
		return strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0
			       ? "a line break by U+2028 or U+2029; use line feeds"
			       : NULL;
	default:
		return NULL;
	}
}

const char *syntax_refused(const char *text, size_t length, struct syntax_place *place)
{
	*place = (struct syntax_place){0};
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return "the file begins with a byte order mark";
	for (size_t i = 0; i < length; i++) {
		const char *what = refused_at(text + i);

		if (what == NULL)
			continue;
		*place = place_of(text, i);
		return what;
	}
	return NULL;
}

/* The character with this number, 0 is the first. */
static const char *character_at(const char *text, size_t length, size_t number)
{
	size_t i = 0;

	for (; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80 && number-- == 0)
			break;
	}
	return text + i;
}

static const char *in_our_words(const yaml_parser_t *parser, const char *text, size_t length)
{
	const char *problem = parser->problem ? parser->problem : "no YAML";

	if (strcmp(problem, "found character that cannot start any token") == 0)
		return *character_at(text, length, parser->problem_mark.index) == '\t'
			       ? "a tab; indent with spaces"
			       : "a value cannot begin with this character; quote it";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].theirs, problem) == 0)
			return words[i].ours;
	}
	return problem;
}

struct syntax_place syntax_problem(const yaml_parser_t *parser, const char *text, size_t length,
				   char message[SYNTAX_MESSAGE])
{
	const char *what = in_our_words(parser, text, length);

	snprintf(message, SYNTAX_MESSAGE, "%s", what);
	if (parser->error == YAML_READER_ERROR)
		return place_of(text,
				parser->problem_offset <= length ? parser->problem_offset : length);
	for (size_t i = 0; parser->context != NULL && i < sizeof(openers) / sizeof(openers[0]);
	     i++) {
		if (strcmp(parser->context, openers[i].context) == 0)
			snprintf(message, SYNTAX_MESSAGE, "%s; %s is in line %zu", what,
				 openers[i].opened, parser->context_mark.line + 1);
	}
	return (struct syntax_place){parser->problem_mark.line, parser->problem_mark.column};
}
