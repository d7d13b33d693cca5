/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader.c: libyaml's events, walked once with a stack of bounded depth. Each node's path goes into
 * a hash with its line and column; a path that is there already is a duplicate key. What YAML
 * allows and the schema does not is told, and the walk goes on below it without a schema.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "shape.h"
#include "syntax.h"

#define DEPTH_MAX 16
#define NODES_MAX 1500000u
#define ENTRIES_MAX 200000u  /* of one list */
#define MAPPINGS_MAX 300000u /* in all lists: rules, groups, endpoints and so on */
#define PATH_MAX_ 512

struct node {
	uint64_t hash; /* of the path; paths are told apart by 64 bits */
	uint32_t line, column;
};

struct level {
	bool mapping, expects_key;
	uint32_t index;
	size_t path_length; /* of the container itself */
	struct shape shape; /* likewise */
	uint64_t seen;      /* its keys, see shape.h */
	yaml_mark_t start;
};

struct reader {
	char *name;
	struct node *nodes;
	size_t node_count, node_mask, mapping_count;
	char *text; /* rewritten */
	size_t text_length, text_size;
	/* while reading */
	const char *source; /* NUL-terminated */
	size_t source_length;
	size_t copied, copied_characters;
	struct config_errors *errors;
	char path[PATH_MAX_];
	struct level levels[DEPTH_MAX + 1];
	int depth;
	struct shape next; /* the place of the value that comes next */
};

/* ---- errors ----------------------------------------------------------------------------------- */

void config_errors_fini(struct config_errors *errors)
{
	free(errors->text);
	*errors = (struct config_errors){0};
}

static void error_line(struct config_errors *errors, const char *place, const char *format,
		       va_list arguments)
{
	char line[1024];
	char *text;
	int at = snprintf(line, sizeof(line), "%s: error: ", place);

	if (errors->count++ >= CONFIG_ERRORS_MAX)
		return;
	if (at > (int)sizeof(line) / 2)
		at = (int)sizeof(line) / 2;
	vsnprintf(line + at, sizeof(line) - (size_t)at - 1, format, arguments);
	for (char *p = line; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?'; /* what was found may be anything */
	}
	strcat(line, "\n");
	text = realloc(errors->text, errors->length + strlen(line) + 1);
	if (text == NULL)
		return;
	strcpy(text + errors->length, line);
	errors->text = text;
	errors->length += strlen(line);
}

void reader_error_at(const char *name, unsigned line, unsigned column,
		     struct config_errors *errors, const char *format, ...)
{
	char place[512];
	va_list arguments;

	if (line == 0)
		snprintf(place, sizeof(place), "%s", name);
	else
		snprintf(place, sizeof(place), "%s:%u:%u", name, line, column);
	va_start(arguments, format);
	error_line(errors, place, format, arguments);
	va_end(arguments);
}

/* ---- places ----------------------------------------------------------------------------------- */

static uint64_t path_hash(const char *path, size_t length)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)path[i]) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}

/* The node of a path, or the empty slot where it would be. */
static struct node *node_slot(const struct reader *reader, uint64_t hash)
{
	size_t i = hash & reader->node_mask;

	while (reader->nodes[i].hash != 0 && reader->nodes[i].hash != hash)
		i = (i + 1) & reader->node_mask;
	return &reader->nodes[i];
}

static const struct node *node_find(const struct reader *reader, const char *path, size_t length)
{
	const struct node *node = node_slot(reader, path_hash(path, length));

	return node->hash != 0 ? node : NULL;
}

static bool nodes_grow(struct reader *reader)
{
	size_t size = reader->nodes == NULL ? 1024 : (reader->node_mask + 1) * 2, old_size;
	struct node *nodes = calloc(size, sizeof(*nodes)), *old;

	if (nodes == NULL)
		return false;
	old = reader->nodes;
	old_size = old == NULL ? 0 : reader->node_mask + 1;
	reader->nodes = nodes;
	reader->node_mask = size - 1;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].hash != 0)
			*node_slot(reader, old[i].hash) = old[i];
	}
	free(old);
	return true;
}

/* Note where the current path stands. False if it stood somewhere before. */
static bool node_add(struct reader *reader, const yaml_mark_t *mark)
{
	uint64_t hash = path_hash(reader->path, strlen(reader->path));
	struct node *node;

	if (reader->node_count * 2 > reader->node_mask && !nodes_grow(reader))
		return false;
	node = node_slot(reader, hash);
	if (node->hash != 0)
		return false;
	*node = (struct node){.hash = hash,
			      .line = (uint32_t)mark->line + 1,
			      .column = (uint32_t)mark->column + 1};
	reader->node_count++;
	return true;
}

static const struct node *node_nearest(const struct reader *reader, const char *path)
{
	size_t length = strlen(path);

	for (;;) {
		const struct node *node = node_find(reader, path, length);

		if (node != NULL || length == 0)
			return node;
		while (length > 0 && path[length - 1] != '.' && path[length - 1] != '[')
			length--;
		if (length > 0)
			length--;
	}
}

void reader_place(const struct reader *reader, const char *path, unsigned *line, unsigned *column)
{
	const struct node *node = node_nearest(reader, path);

	*line = node ? node->line : 1;
	*column = node ? node->column : 1;
}

void reader_error(const struct reader *reader, struct config_errors *errors, const char *path,
		  const char *format, ...)
{
	unsigned line, column;
	char place[512];
	va_list arguments;

	reader_place(reader, path, &line, &column);
	snprintf(place, sizeof(place), "%s:%u:%u", reader->name, line, column);
	va_start(arguments, format);
	error_line(errors, place, format, arguments);
	va_end(arguments);
}

unsigned reader_line(const struct reader *reader, const char *path)
{
	const struct node *node = node_find(reader, path, strlen(path));

	return node ? node->line : 0;
}

bool reader_has(const struct reader *reader, const char *path)
{
	return node_find(reader, path, strlen(path)) != NULL;
}

/* ---- the walk --------------------------------------------------------------------------------- */

static bool refuse(struct reader *reader, const yaml_mark_t *mark, const char *what)
{
	reader_error_at(reader->name, (unsigned)mark->line + 1, (unsigned)mark->column + 1,
			reader->errors, "%s", what);
	return false;
}

static bool emit(struct reader *reader, const char *text, size_t length)
{
	if (reader->text_length + length + 1 > reader->text_size) {
		size_t size = (reader->text_length + length + 1) * 2;
		char *grown = realloc(reader->text, size);

		if (grown == NULL)
			return false;
		reader->text = grown;
		reader->text_size = size;
	}
	memcpy(reader->text + reader->text_length, text, length);
	reader->text_length += length;
	reader->text[reader->text_length] = '\0';
	return true;
}

/* libyaml's marks count characters. */
static bool copy_up_to(struct reader *reader, size_t characters)
{
	size_t from = reader->copied;

	while (reader->copied_characters < characters && reader->copied < reader->source_length) {
		reader->copied++;
		while (((uint8_t)reader->source[reader->copied] & 0xc0) == 0x80)
			reader->copied++;
		reader->copied_characters++;
	}
	return emit(reader, reader->source + from, reader->copied - from);
}

/* Say what the schema has against this place, if anything. False: enough was said. */
static bool complain(struct reader *reader, const yaml_mark_t *mark, const char *message)
{
	if (message[0] == '\0')
		return true;
	refuse(reader, mark, message);
	return reader->errors->count < CONFIG_ERRORS_MAX;
}

/*
 * Put the next node's path in place: after a key it is there already, in a list it is counted. Its
 * shape becomes `next`.
 */
static bool enter_value(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = &reader->levels[reader->depth];
	char message[SHAPE_MESSAGE];

	if (reader->node_count >= NODES_MAX)
		return refuse(reader, &event->start_mark, "more than 1500000 values");
	if (reader->depth == 0)
		return node_add(reader, &event->start_mark);
	if (level->mapping) {
		if (level->expects_key)
			return refuse(reader, &event->start_mark, "a key must be a plain word");
		level->expects_key = true;
		return true; /* its path and shape were noted with the key */
	}
	if (level->index >= ENTRIES_MAX)
		return refuse(reader, &event->start_mark, "more than 200000 entries in a list");
	reader->next = shape_of_entry(&level->shape, level->index, message);
	snprintf(reader->path + level->path_length, PATH_MAX_ - level->path_length, "[%u]",
		 level->index++);
	return complain(reader, &event->start_mark, message) &&
	       node_add(reader, &event->start_mark);
}

static bool on_key(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = &reader->levels[reader->depth];
	const char *key = (const char *)event->data.scalar.value;
	int room = PATH_MAX_ - (int)level->path_length;
	char message[SHAPE_MESSAGE];

	if (strlen(key) != event->data.scalar.length)
		return refuse(reader, &event->start_mark, "a key holds a NUL");
	if (snprintf(reader->path + level->path_length, (size_t)room, "%s%s",
		     level->path_length ? "." : "", key) >= room)
		return refuse(reader, &event->start_mark, "a key is too long");
	level->expects_key = false;
	if (!node_add(reader, &event->start_mark)) {
		snprintf(message, sizeof(message), "duplicate key '%.256s'", key);
		return refuse(reader, &event->start_mark, message);
	}
	reader->next = shape_of_key(&level->shape, key, &level->seen, message);
	return complain(reader, &event->start_mark, message);
}

static bool on_scalar(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = &reader->levels[reader->depth];
	const char *value = (const char *)event->data.scalar.value;
	yaml_scalar_style_t style = event->data.scalar.style;
	char message[SHAPE_MESSAGE];

	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return refuse(reader, &event->start_mark, "anchors and tags are not allowed");
	if (reader->depth > 0 && level->mapping && level->expects_key)
		return on_key(reader, event);
	if (!enter_value(reader, event))
		return false;
	if (strlen(value) != event->data.scalar.length)
		return refuse(reader, &event->start_mark, "a value holds a NUL");
	if (!shape_accepts(&reader->next, SHAPE_PLAIN, value, message))
		return complain(reader, &event->start_mark, message);
	if (!shape_is_listable(&reader->next))
		return true;
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
		return refuse(reader, &event->start_mark, "a block of text where a list belongs");
	return copy_up_to(reader, event->start_mark.index) && emit(reader, "[", 1) &&
	       copy_up_to(reader, event->end_mark.index) && emit(reader, "]", 1);
}

static bool on_start(struct reader *reader, const yaml_event_t *event, bool mapping)
{
	const yaml_char_t *anchor = mapping ? event->data.mapping_start.anchor
					    : event->data.sequence_start.anchor;
	const yaml_char_t *tag =
		mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
	char message[SHAPE_MESSAGE];

	if (anchor != NULL || tag != NULL)
		return refuse(reader, &event->start_mark, "anchors and tags are not allowed");
	if (!enter_value(reader, event))
		return false;
	if (reader->depth == DEPTH_MAX)
		return refuse(reader, &event->start_mark, "more than 16 levels");
	if (mapping && ++reader->mapping_count > MAPPINGS_MAX)
		return refuse(reader, &event->start_mark,
			      "more than 300000 rules, groups, endpoints and the like");
	if (!shape_accepts(&reader->next, mapping ? SHAPE_MAPPING : SHAPE_LIST, "", message))
		reader->next.schema = NULL;
	reader->depth++;
	reader->levels[reader->depth] = (struct level){.mapping = mapping,
						       .expects_key = mapping,
						       .path_length = strlen(reader->path),
						       .shape = reader->next,
						       .start = event->start_mark};
	return complain(reader, &event->start_mark, message);
}

static bool on_end(struct reader *reader)
{
	struct level *level = &reader->levels[reader->depth];
	char message[SHAPE_MESSAGE] = "";

	if (level->mapping)
		shape_missing(&level->shape, level->seen, message);
	reader->path[level->path_length] = '\0';
	reader->depth--;
	return complain(reader, &level->start, message);
}

/* One event. False: an error was said. */
static bool on_event(struct reader *reader, const yaml_event_t *event, unsigned *documents)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return refuse(reader, &event->start_mark, "aliases are not allowed");
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return refuse(reader, &event->start_mark, "more than one document");
		return true;
	case YAML_SCALAR_EVENT:
		return on_scalar(reader, event);
	case YAML_MAPPING_START_EVENT:
		return on_start(reader, event, true);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(reader, event, false);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return on_end(reader);
	default:
		return true;
	}
}

static void refuse_syntax(struct reader *reader, const yaml_parser_t *parser, size_t length)
{
	char message[SYNTAX_MESSAGE];
	struct syntax_place place = syntax_problem(parser, reader->source, length, message);

	reader_error_at(reader->name, (unsigned)place.line + 1, (unsigned)place.column + 1,
			reader->errors, "%s", message);
}

static bool walk(struct reader *reader, size_t length)
{
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned documents = 0;
	bool good = true, over = false;

	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)reader->source, length);
	while (good && !over) {
		if (!yaml_parser_parse(&parser, &event)) {
			refuse_syntax(reader, &parser, length);
			good = false;
			break;
		}
		over = event.type == YAML_STREAM_END_EVENT;
		good = on_event(reader, &event, &documents);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (good && reader->node_count == 0) {
		reader_error_at(reader->name, 1, 1, reader->errors, "the file is empty");
		good = false;
	}
	return good;
}

struct reader *reader_create(const char *name, const char *text, size_t length,
			     const struct cyaml_schema_value *schema, struct config_errors *errors)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	unsigned before = errors->count;

	if (reader == NULL) {
		reader_error_at(name, 0, 0, errors, "not enough memory");
		return NULL;
	}
	reader->name = strdup(name);
	reader->source = text;
	reader->source_length = length;
	reader->next.schema = schema;
	reader->errors = errors;
	if (reader->name != NULL && nodes_grow(reader)) {
		struct syntax_place place;
		const char *refused = syntax_refused(text, length, &place);

		if (refused != NULL)
			reader_error_at(name, (unsigned)place.line + 1, (unsigned)place.column + 1,
					errors, "%s", refused);
		else if (walk(reader, length) && copy_up_to(reader, length) &&
			 errors->count == before)
			return reader;
	}
	if (errors->count == before)
		reader_error_at(name, 0, 0, errors, "not enough memory");
	reader_destroy(reader);
	return NULL;
}

void reader_destroy(struct reader *reader)
{
	if (reader == NULL)
		return;
	free(reader->name);
	free(reader->nodes);
	free(reader->text);
	free(reader);
}

const char *reader_text(const struct reader *reader, size_t *length)
{
	*length = reader->text_length;
	return reader->text;
}

/* Say why a file is not read. */
static void say_unreadable(const char *path, struct config_errors *errors, const char *why)
{
	reader_error_at(path, 0, 0, errors, "%s", why);
	errors->unreadable = true;
}

/* All bytes that the file had when it was opened; a part of a policy could be a valid one. */
static char *read_all(int fd, size_t size, const char *path, struct config_errors *errors)
{
	char *text = malloc(size + 1);
	size_t got = 0;
	ssize_t n = 0;

	if (text == NULL) {
		say_unreadable(path, errors, "not enough memory");
		return NULL;
	}
	while (got < size && (n = read(fd, text + got, size - got)) > 0)
		got += (size_t)n;
	if (got < size) {
		say_unreadable(path, errors,
			       n < 0 ? strerror(errno) : "it shrank while it was read");
		free(text);
		return NULL;
	}
	text[got] = '\0';
	return text;
}

char *reader_file(const char *path, size_t *length, struct config_errors *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &status) != 0) {
		say_unreadable(path, errors, strerror(errno));
	} else if (!S_ISREG(status.st_mode)) {
		say_unreadable(path, errors, "not a regular file");
	} else if ((uint64_t)status.st_size > CONFIG_FILE_MAX) {
		reader_error_at(path, 0, 0, errors, "%lld bytes, at most %u are allowed",
				(long long)status.st_size, CONFIG_FILE_MAX);
	} else {
		*length = (size_t)status.st_size;
		text = read_all(fd, *length, path, errors);
	}
	if (fd >= 0)
		close(fd);
	return text;
}
