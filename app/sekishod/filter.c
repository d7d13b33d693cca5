/* SPDX-License-Identifier: BSD-3-Clause */
/* filter.c: a text by recursive descent into steps, and their evaluation with a stack of bits. */
#include "filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <protocols.h>
#include <sekisho.h>

#define DEPTH_MAX 16 /* of parentheses and `not` */

struct parser {
	struct filter *filter;
	const char *text, *at; /* the next word begins at `at` */
	size_t length;         /* of the next word; 0 at the end */
	unsigned depth;
	size_t words; /* bytes used of filter->words */
	char *message;
	size_t message_size;
	bool failed;
};

static void fail(struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void fail(struct parser *parser, const char *format, ...)
{
	va_list arguments;
	int used;

	if (parser->failed)
		return;
	parser->failed = true;
	used = snprintf(parser->message, parser->message_size,
			"column %zu: ", (size_t)(parser->at - parser->text) + 1);
	if (used < 0 || (size_t)used >= parser->message_size)
		return;
	va_start(arguments, format);
	vsnprintf(parser->message + used, parser->message_size - (size_t)used, format, arguments);
	va_end(arguments);
}

/* Look at the word that follows `at`. */
static void word_find(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t\r\n");
	parser->length =
		*parser->at == '(' || *parser->at == ')' ? 1 : strcspn(parser->at, " \t\r\n()");
}

static void word_next(struct parser *parser)
{
	parser->at += parser->length;
	word_find(parser);
}

static bool word_is(const struct parser *parser, const char *word)
{
	return strlen(word) == parser->length && memcmp(parser->at, word, parser->length) == 0;
}

/* Take the next word if it is this one. */
static bool word_take(struct parser *parser, const char *word)
{
	if (!word_is(parser, word))
		return false;
	word_next(parser);
	return true;
}

static struct filter_step *step_add(struct parser *parser, enum filter_kind kind)
{
	static struct filter_step nowhere;
	struct filter_step *step = &nowhere;

	if (parser->filter->count == FILTER_STEPS)
		fail(parser, "the filter is too long: at most %d steps", FILTER_STEPS);
	else
		step = &parser->filter->step[parser->filter->count++];
	*step = (struct filter_step){.kind = (uint8_t)kind};
	return step;
}

/* The word that an operator needs, as text of its own; NULL with the parser failed if there is none. */
static const char *operand(struct parser *parser, const char *what, char *text, size_t size)
{
	if (parser->length == 0 || word_is(parser, "(") || word_is(parser, ")")) {
		fail(parser, "%s is missing", what);
		return NULL;
	}
	if (parser->length >= size) {
		fail(parser, "'%.20s...' is no %s", parser->at, what);
		return NULL;
	}
	memcpy(text, parser->at, parser->length);
	text[parser->length] = '\0';
	return text;
}

/* ---- operands --------------------------------------------------------------------------------- */

/* A whole number up to `most`, and where it ends; -1 if there is none. */
static long number(const char *text, const char **end, long most)
{
	char *after;
	long value = text[0] >= '0' && text[0] <= '9' ? strtol(text, &after, 10) : -1;

	if (value < 0 || value > most)
		return -1;
	*end = after;
	return value;
}

static void take_protocol(struct parser *parser)
{
	char text[FILTER_WORD_MAX];
	const char *word = operand(parser, "a protocol", text, sizeof(text)), *end = "";
	long value;

	if (word == NULL)
		return;
	value = protocols_number(word, strlen(word));
	if (value < 0)
		value = number(word, &end, 255);
	if (value < 0 || *end != '\0')
		fail(parser, "'%s' is no protocol: a name as udp or esp, or 0 to 255", word);
	step_add(parser, FILTER_PROTOCOL)->low = (uint16_t)value;
	word_next(parser);
}

static void take_port(struct parser *parser, unsigned ends)
{
	char text[FILTER_WORD_MAX];
	const char *word = operand(parser, "a port", text, sizeof(text)), *end = "";
	struct filter_step *step;
	long low, high;

	if (word == NULL)
		return;
	low = high = number(word, &end, 65535);
	if (low >= 0 && *end == '-')
		high = number(end + 1, &end, 65535);
	if (low < 0 || high < low || *end != '\0')
		fail(parser, "'%s' is no port: 0 to 65535, or a range as 500-4500", word);
	step = step_add(parser, FILTER_PORT);
	step->ends = (uint8_t)ends;
	step->low = (uint16_t)low;
	step->high = (uint16_t)high;
	word_next(parser);
}

static void take_host(struct parser *parser, unsigned ends)
{
	char text[FILTER_WORD_MAX], *slash;
	struct filter_step *step;
	const char *end = "";
	long length, most;

	if (operand(parser, "an address", text, sizeof(text)) == NULL)
		return;
	step = step_add(parser, FILTER_HOST);
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash = '\0';
	step->ends = (uint8_t)ends;
	step->family = strchr(text, ':') != NULL ? 6 : 4;
	most = step->family == 6 ? 128 : 32;
	length = slash == NULL ? most : number(slash + 1, &end, most);
	if (inet_pton(step->family == 6 ? AF_INET6 : AF_INET, text, step->address) != 1 ||
	    length < 0 || *end != '\0')
		fail(parser, "'%.*s' is no address: as 198.51.100.1, 10.0.0.0/8 or 2001:db8::/32",
		     (int)parser->length, parser->at);
	step->length = (uint8_t)length;
	word_next(parser);
}

static void take_direction(struct parser *parser)
{
	bool ingress = word_is(parser, "ingress");

	if (!ingress && !word_is(parser, "egress"))
		fail(parser, "a direction is egress or ingress");
	step_add(parser, FILTER_DIRECTION)->low = ingress;
	word_next(parser);
}

/* A name or a word, compared as it is. */
static void take_word(struct parser *parser, enum filter_kind kind)
{
	char text[FILTER_WORD_MAX];

	if (operand(parser, "a name", text, sizeof(text)) == NULL)
		return;
	/* All words together are shorter than the text that they are from. */
	step_add(parser, kind)->word = (uint16_t)parser->words;
	strcpy(parser->filter->words + parser->words, text);
	parser->words += strlen(text) + 1;
	word_next(parser);
}

/* Why a packet was judged as it was, or why a flow has ended. */
static void take_reason(struct parser *parser)
{
	bool known = false;

	for (unsigned i = 0; i < SEKISHO_REASON_COUNT; i++)
		known |= word_is(parser, sekisho_reason_word(i));
	for (unsigned i = 0; i < SEKISHO_END_COUNT; i++)
		known |= word_is(parser, sekisho_end_word(i));
	if (known)
		take_word(parser, FILTER_REASON);
	else
		fail(parser, "'%.*s' is no reason", (int)parser->length, parser->at);
}

/* What a flow is in, one of the words that flows are listed with. */
static void take_state(struct parser *parser)
{
	char known[256] = "";
	size_t used = 0;
	const char *word;

	for (unsigned i = 0; (word = sekisho_flow_state_word(i)) != NULL; i++) {
		if (word_is(parser, word)) {
			take_word(parser, FILTER_STATE);
			return;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 i == 0 ? "" : ", ", word);
	}
	fail(parser, "'%.*s' is no state: %s", (int)parser->length, parser->at, known);
}

static void take_verdict(struct parser *parser)
{
	if (!word_is(parser, "pass") && !word_is(parser, "drop"))
		fail(parser, "a verdict is pass or drop");
	take_word(parser, FILTER_VERDICT);
}

/* ---- grammar ---------------------------------------------------------------------------------- */

static void parse_either(struct parser *parser);

/* `port` or `host`, after an end or without; after an end an address too. False if it is none. */
static bool parse_ended(struct parser *parser)
{
	unsigned ends = word_take(parser, "src")   ? 1u << FILTER_SOURCE
			: word_take(parser, "dst") ? 1u << FILTER_DESTINATION
						   : 3;

	if (ends == 3 && word_take(parser, "sport"))
		take_port(parser, 1u << FILTER_SOURCE);
	else if (ends == 3 && word_take(parser, "dport"))
		take_port(parser, 1u << FILTER_DESTINATION);
	else if (word_take(parser, "port"))
		take_port(parser, ends);
	else if (word_take(parser, "host") || word_take(parser, "net") || ends != 3)
		take_host(parser, ends);
	else
		return false;
	return true;
}

/* A value that tells what it is of: `udp`, `drop`, `ingress`. False if it is none. */
static bool parse_bare(struct parser *parser)
{
	if (word_is(parser, "pass") || word_is(parser, "drop"))
		take_verdict(parser);
	else if (word_is(parser, "egress") || word_is(parser, "ingress"))
		take_direction(parser);
	else if (protocols_number(parser->at, parser->length) >= 0)
		take_protocol(parser);
	else
		return false;
	return true;
}

static void parse_one(struct parser *parser)
{
	if (parser->failed || parse_ended(parser) || parse_bare(parser))
		return;
	if (word_take(parser, "proto"))
		take_protocol(parser);
	else if (word_take(parser, "direction"))
		take_direction(parser);
	else if (word_take(parser, "edge"))
		take_word(parser, FILTER_EDGE);
	else if (word_take(parser, "rule"))
		take_word(parser, FILTER_RULE);
	else if (word_take(parser, "state"))
		take_state(parser);
	else if (word_take(parser, "reason"))
		take_reason(parser);
	else if (word_take(parser, "verdict"))
		take_verdict(parser);
	else if (word_take(parser, "ip"))
		step_add(parser, FILTER_FAMILY)->low = 4;
	else if (word_take(parser, "ip6"))
		step_add(parser, FILTER_FAMILY)->low = 6;
	else if (word_take(parser, "all"))
		step_add(parser, FILTER_ALL);
	else if (parser->length == 0)
		fail(parser, "something is missing: proto, port, host, ...");
	else
		fail(parser,
		     "'%.*s' is not known: there are proto, port, host, src, dst, edge, rule, "
		     "state, "
		     "reason, verdict, direction, ip, ip6, all, and, or, not, ( and )",
		     parser->length > 40 ? 40 : (int)parser->length, parser->at);
}

static void parse_factor(struct parser *parser)
{
	if (++parser->depth > DEPTH_MAX) {
		fail(parser, "nested deeper than %d", DEPTH_MAX);
	} else if (word_take(parser, "not")) {
		parse_factor(parser);
		step_add(parser, FILTER_NOT);
	} else if (word_take(parser, "(")) {
		parse_either(parser);
		if (!word_take(parser, ")"))
			fail(parser, "a ) is missing");
	} else {
		parse_one(parser);
	}
	parser->depth--;
}

static void parse_both(struct parser *parser)
{
	parse_factor(parser);
	while (!parser->failed && word_take(parser, "and")) {
		parse_factor(parser);
		step_add(parser, FILTER_AND);
	}
}

static void parse_either(struct parser *parser)
{
	parse_both(parser);
	while (!parser->failed && word_take(parser, "or")) {
		parse_both(parser);
		step_add(parser, FILTER_OR);
	}
}

int filter_compile(struct filter *filter, const char *text, char *message, size_t size)
{
	struct parser parser = {.filter = filter,
				.text = text,
				.at = text,
				.message = message,
				.message_size = size};

	filter->count = 0;
	if (strlen(text) >= FILTER_TEXT_MAX) {
		snprintf(message, size, "a filter has at most %d bytes", FILTER_TEXT_MAX - 1);
		return -EINVAL;
	}
	word_find(&parser);
	parse_either(&parser);
	if (parser.length > 0)
		fail(&parser, "'%.*s' is too much: after a part come and, or, or nothing",
		     parser.length > 40 ? 40 : (int)parser.length, parser.at);
	return parser.failed ? -EINVAL : 0;
}

/* ---- matching --------------------------------------------------------------------------------- */

static bool host_matches(const struct filter_step *step, const uint8_t *address)
{
	unsigned whole = step->length / 8, rest = step->length % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return address != NULL && memcmp(step->address, address, whole) == 0 &&
	       (rest == 0 || ((step->address[whole] ^ address[whole]) & mask) == 0);
}

static bool end_matches(const struct filter_step *step, const struct filter_subject *subject,
			unsigned end)
{
	if (!(step->ends >> end & 1))
		return false;
	if (step->kind == FILTER_PORT)
		return subject->has_ports && subject->port[end] >= step->low &&
		       subject->port[end] <= step->high;
	return subject->family == step->family && host_matches(step, subject->address[end]);
}

static bool step_matches(const struct filter *filter, const struct filter_step *step,
			 const struct filter_subject *subject)
{
	const char *const words[] = {[FILTER_EDGE] = subject->edge,
				     [FILTER_RULE] = subject->rule,
				     [FILTER_STATE] = subject->state,
				     [FILTER_REASON] = subject->reason,
				     [FILTER_VERDICT] = subject->verdict};

	switch (step->kind) {
	case FILTER_ALL:
		return true;
	case FILTER_FAMILY:
		return subject->family == step->low;
	case FILTER_PROTOCOL:
		return subject->family != 0 && subject->protocol == step->low;
	case FILTER_DIRECTION:
		return subject->direction == step->low;
	case FILTER_PORT:
	case FILTER_HOST:
		return end_matches(step, subject, FILTER_SOURCE) ||
		       end_matches(step, subject, FILTER_DESTINATION);
	default:
		return words[step->kind] != NULL &&
		       strcmp(words[step->kind], filter->words + step->word) == 0;
	}
}

bool filter_matches(const struct filter *filter, const struct filter_subject *subject)
{
	uint64_t stack = 0; /* the top is bit 0; FILTER_STEPS of them fit */

	for (unsigned i = 0; i < filter->count; i++) {
		const struct filter_step *step = &filter->step[i];

		if (step->kind == FILTER_NOT)
			stack ^= 1;
		else if (step->kind == FILTER_AND)
			stack = stack >> 1 & (stack | ~UINT64_C(1));
		else if (step->kind == FILTER_OR)
			stack = stack >> 1 | (stack & 1);
		else
			stack = stack << 1 | step_matches(filter, step, subject);
	}
	return stack & 1;
}
