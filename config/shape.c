/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shape.c: libcyaml's schema, asked by us. libcyaml itself stops at the first complaint, tells it
 * in the words of its events, and takes more than we do: a number in hexadecimal, "flase" for true.
 * What passes here it loads without complaint.
 */
#include "shape.h"

#include <cyaml/cyaml.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "spelling.h"

/* "'groups'", "an entry of 'groups'", "the file"; a name for the subject of a message. */
static const char *subject(const struct shape *shape, char text[128])
{
	if (shape->key == NULL)
		return "the file";
	snprintf(text, 128, "%s'%s'", shape->is_entry ? "an entry of " : "", shape->key);
	return text;
}

/* What stands there, for messages. */
static const char *found(enum shape_kind kind, const char *value, char text[128])
{
	if (kind == SHAPE_LIST)
		return "a list";
	if (kind == SHAPE_MAPPING)
		return "a mapping";
	if (value[0] == '\0')
		return "nothing";
	snprintf(text, 128, strlen(value) > 64 ? "'%.64s...'" : "'%s'", value);
	return text;
}

/*
 * Decimal, without leading zeros, which libcyaml would take for octal. False if it is none; a
 * number with more digits than any that fits is UINT64_MAX.
 */
static bool read_number(const char *text, bool is_signed, uint64_t *number)
{
	*number = 0;
	if (is_signed && *text == '-')
		text++;
	if (*text == '\0' || (text[0] == '0' && text[1] != '\0') ||
	    text[strspn(text, "0123456789")] != '\0')
		return false;
	if (strlen(text) > 19)
		*number = UINT64_MAX;
	else
		while (*text != '\0')
			*number = *number * 10 + (uint64_t)(*text++ - '0');
	return true;
}

static bool accepts_number(const struct shape *shape, const char *text, char message[SHAPE_MESSAGE])
{
	bool is_signed = shape->schema->type == CYAML_INT;
	unsigned bits = shape->schema->data_size * 8 - is_signed;
	uint64_t max = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX - 1, number;
	char who[128], what[128];

	if (!read_number(text, is_signed, &number))
		snprintf(message, SHAPE_MESSAGE, "%s must be a whole number%s, found %s",
			 subject(shape, who), is_signed ? "" : " from 0 on",
			 found(SHAPE_PLAIN, text, what));
	else if (number > max)
		snprintf(message, SHAPE_MESSAGE, "%s is %.40s, at most %" PRIu64 " is allowed",
			 subject(shape, who), text, max);
	return message[0] == '\0';
}

static bool accepts_truth(const struct shape *shape, const char *text, char message[SHAPE_MESSAGE])
{
	char who[128], what[128];

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return true;
	snprintf(message, SHAPE_MESSAGE, "%s must be true or false, found %s", subject(shape, who),
		 found(SHAPE_PLAIN, text, what));
	return false;
}

static bool is_naming(const struct shape *shape)
{
	return shape->key != NULL &&
	       (strcmp(shape->key, "name") == 0 || strcmp(shape->key, "id") == 0);
}

static bool accepts_text(const struct shape *shape, const char *text, char message[SHAPE_MESSAGE])
{
	char who[128];

	if (strlen(text) > shape->schema->string.max)
		snprintf(message, SHAPE_MESSAGE, "%s has %zu bytes, at most %u are allowed",
			 subject(shape, who), strlen(text), shape->schema->string.max);
	else if (is_naming(shape) && !names_is_printable(text))
		snprintf(message, SHAPE_MESSAGE, "%s holds a control character",
			 subject(shape, who));
	return message[0] == '\0';
}

static enum shape_kind kind_wanted(const struct shape *shape)
{
	switch (shape->schema->type) {
	case CYAML_SEQUENCE:
		return SHAPE_LIST;
	case CYAML_MAPPING:
		return SHAPE_MAPPING;
	default:
		return SHAPE_PLAIN;
	}
}

bool shape_is_listable(const struct shape *shape)
{
	return shape->schema != NULL && shape->schema->type == CYAML_SEQUENCE &&
	       shape->schema->sequence.entry->type != CYAML_MAPPING;
}

bool shape_accepts(const struct shape *shape, enum shape_kind kind, const char *text,
		   char message[SHAPE_MESSAGE])
{
	static const char *const wanted[] = {
		[SHAPE_PLAIN] = "a plain value",
		[SHAPE_LIST] = "a list ('- ' before each entry)",
		[SHAPE_MAPPING] = "a mapping (key: value)",
	};
	char who[128], what[128];
	struct shape entry;

	message[0] = '\0';
	if (shape->schema == NULL)
		return true;
	if (kind == SHAPE_PLAIN && text[0] != '\0' && shape_is_listable(shape)) {
		entry = shape_of_entry(shape, 0, message);
		return shape_accepts(&entry, kind, text, message);
	}
	if (kind != kind_wanted(shape)) {
		snprintf(message, SHAPE_MESSAGE, "%s must be %s, found %s", subject(shape, who),
			 wanted[kind_wanted(shape)], found(kind, text, what));
		return false;
	}
	switch (shape->schema->type) {
	case CYAML_UINT:
	case CYAML_INT:
		return accepts_number(shape, text, message);
	case CYAML_BOOL:
		return accepts_truth(shape, text, message);
	case CYAML_STRING:
		return accepts_text(shape, text, message);
	default:
		return true;
	}
}

static const char *field_at(const void *fields, size_t i)
{
	return ((const cyaml_schema_field_t *)fields)[i].key;
}

struct shape shape_of_key(const struct shape *mapping, const char *key, uint64_t *seen,
			  char message[SHAPE_MESSAGE])
{
	const cyaml_schema_field_t *fields;
	struct spelling known = {.word_at = field_at};
	char hint[SPELLING_HINT];

	message[0] = '\0';
	if (mapping->schema == NULL)
		return (struct shape){0};
	fields = mapping->schema->mapping.fields;
	for (size_t i = 0; fields[i].key != NULL; i++) {
		if (strcmp(fields[i].key, key) == 0) {
			*seen |= UINT64_C(1) << i;
			return (struct shape){.schema = &fields[i].value, .key = fields[i].key};
		}
		known.count++;
	}
	known.list = fields;
	snprintf(message, SHAPE_MESSAGE, "unknown key '%s'%s", key,
		 spelling_hint(hint, key, &known));
	return (struct shape){0};
}

struct shape shape_of_entry(const struct shape *list, uint32_t index, char message[SHAPE_MESSAGE])
{
	message[0] = '\0';
	if (list->schema == NULL)
		return (struct shape){0};
	if (index == list->schema->sequence.max)
		snprintf(message, SHAPE_MESSAGE, "'%s' has more than %u entries", list->key, index);
	return (struct shape){
		.schema = list->schema->sequence.entry, .key = list->key, .is_entry = true};
}

void shape_missing(const struct shape *mapping, uint64_t seen, char message[SHAPE_MESSAGE])
{
	const cyaml_schema_field_t *fields;
	char who[128];
	size_t at;

	message[0] = '\0';
	if (mapping->schema == NULL)
		return;
	fields = mapping->schema->mapping.fields;
	at = (size_t)snprintf(message, SHAPE_MESSAGE, "%s lacks", subject(mapping, who));
	who[0] = '\0';
	for (size_t i = 0; fields[i].key != NULL; i++) {
		if ((seen >> i & 1) != 0 || (fields[i].value.flags & CYAML_FLAG_OPTIONAL) != 0)
			continue;
		at += (size_t)snprintf(message + at, SHAPE_MESSAGE - at, "%s '%s'", who,
				       fields[i].key);
		strcpy(who, " and");
	}
	if (who[0] == '\0')
		message[0] = '\0';
}
