/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader.c: libyaml's events, walked once with a stack of bounded depth. Each node's path goes into a
 * hash with its line and column; a path that is there already is a duplicate key.
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

#define DEPTH_MAX 16
#define NODES_MAX 2000000u
#define ENTRIES_MAX 200000u /* of one list */
#define PATH_MAX_ 512

struct node {
	uint64_t hash; /* of the path; paths are told apart by 64 bits */
	uint64_t key;  /* hash of the key alone; 0 for what is no key */
	uint32_t line, column;
};

struct level {
	bool mapping, expects_key;
	uint32_t index;
	size_t path_length; /* of the container itself */
};

struct reader {
	char *name;
	struct node *nodes;
	size_t node_count, node_mask;
	char *text; /* rewritten */
	size_t text_length, text_size;
	/* while reading */
	const char *source; /* NUL-terminated */
	size_t source_length;
	size_t copied, copied_characters;
	const struct reader_rules *rules;
	struct config_errors *errors;
	char path[PATH_MAX_];
	struct level levels[DEPTH_MAX + 1];
	int depth;
	bool listable; /* the value that comes next may be made a list */
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

static const struct node *node_find(const struct reader *reader, const char *path, size_t length)
{
	uint64_t hash = path_hash(path, length);

	for (size_t i = hash & reader->node_mask; reader->nodes[i].hash != 0;
	     i = (i + 1) & reader->node_mask) {
		if (reader->nodes[i].hash == hash)
			return &reader->nodes[i];
	}
	return NULL;
}

static bool nodes_grow(struct reader *reader)
{
	size_t size = reader->nodes == NULL ? 1024 : (reader->node_mask + 1) * 2;
	struct node *nodes = calloc(size, sizeof(*nodes));

	if (nodes == NULL)
		return false;
	for (size_t i = 0; reader->nodes != NULL && i <= reader->node_mask; i++) {
		size_t at = reader->nodes[i].hash & (size - 1);

		if (reader->nodes[i].hash == 0)
			continue;
		while (nodes[at].hash != 0)
			at = (at + 1) & (size - 1);
		nodes[at] = reader->nodes[i];
	}
	free(reader->nodes);
	reader->nodes = nodes;
	reader->node_mask = size - 1;
	return true;
}

/* Note where the current path stands. False if it stood somewhere before. */
static bool node_add(struct reader *reader, const yaml_mark_t *mark, uint64_t key)
{
	size_t length = strlen(reader->path), at;

	if (node_find(reader, reader->path, length) != NULL)
		return false;
	if (reader->node_count * 2 > reader->node_mask && !nodes_grow(reader))
		return false;
	at = path_hash(reader->path, length) & reader->node_mask;
	while (reader->nodes[at].hash != 0)
		at = (at + 1) & reader->node_mask;
	reader->nodes[at] = (struct node){.hash = path_hash(reader->path, length),
					  .key = key,
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

void reader_error(const struct reader *reader, struct config_errors *errors, const char *path,
		  const char *format, ...)
{
	const struct node *node = node_nearest(reader, path);
	char place[512];
	va_list arguments;

	snprintf(place, sizeof(place), "%s:%u:%u", reader->name, node ? node->line : 1,
		 node ? node->column : 1);
	va_start(arguments, format);
	error_line(errors, place, format, arguments);
	va_end(arguments);
}

unsigned reader_line(const struct reader *reader, const char *path)
{
	const struct node *node = node_find(reader, path, strlen(path));

	return node ? node->line : 0;
}

bool reader_find_key(const struct reader *reader, const char *key, unsigned *line, unsigned *column)
{
	uint64_t hash = path_hash(key, strlen(key));
	const struct node *first = NULL;

	for (size_t i = 0; i <= reader->node_mask; i++) {
		const struct node *node = &reader->nodes[i];

		if (node->hash == 0 || node->key != hash || node->line < *line)
			continue;
		if (first == NULL || node->line < first->line ||
		    (node->line == first->line && node->column < first->column))
			first = node;
	}
	if (first == NULL)
		return false;
	*line = first->line;
	*column = first->column;
	return true;
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

/* Put the next node's path in place: after a key it is there already, in a list it is counted. */
static bool enter_value(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = &reader->levels[reader->depth];

	if (reader->node_count >= NODES_MAX)
		return refuse(reader, &event->start_mark, "more than 2000000 values");
	if (reader->depth == 0)
		return node_add(reader, &event->start_mark, 0);
	if (level->mapping) {
		if (level->expects_key)
			return refuse(reader, &event->start_mark, "a key must be a plain word");
		level->expects_key = true;
		return true; /* its path was noted with the key */
	}
	if (level->index >= ENTRIES_MAX)
		return refuse(reader, &event->start_mark, "more than 200000 entries in a list");
	snprintf(reader->path + level->path_length, PATH_MAX_ - level->path_length, "[%u]",
		 level->index++);
	return node_add(reader, &event->start_mark, 0);
}

static bool is_listable(const struct reader *reader, const char *key)
{
	for (const char *const *p = reader->rules->listable; *p != NULL; p++) {
		if (strcmp(*p, key) == 0)
			return true;
	}
	return false;
}

static bool on_key(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = &reader->levels[reader->depth];
	const char *key = (const char *)event->data.scalar.value;
	int room = PATH_MAX_ - (int)level->path_length;

	if (strlen(key) != event->data.scalar.length)
		return refuse(reader, &event->start_mark, "a key holds a NUL");
	if (snprintf(reader->path + level->path_length, (size_t)room, "%s%s",
		     level->path_length ? "." : "", key) >= room)
		return refuse(reader, &event->start_mark, "a key is too long");
	level->expects_key = false;
	reader->listable = is_listable(reader, key);
	if (!node_add(reader, &event->start_mark, path_hash(key, strlen(key)))) {
		reader_error_at(reader->name, (unsigned)event->start_mark.line + 1,
				(unsigned)event->start_mark.column + 1, reader->errors,
				"duplicate key '%s'", key);
		return false;
	}
	return true;
}

static bool on_scalar(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = &reader->levels[reader->depth];
	bool listable = reader->listable;

	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return refuse(reader, &event->start_mark, "anchors and tags are not allowed");
	if (reader->depth > 0 && level->mapping && level->expects_key)
		return on_key(reader, event);
	reader->listable = false;
	if (!enter_value(reader, event))
		return false;
	if (memchr(event->data.scalar.value, 0, event->data.scalar.length) != NULL)
		return refuse(reader, &event->start_mark, "a value holds a NUL");
	if (!listable || event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
	    event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE || event->data.scalar.length == 0)
		return true;
	return copy_up_to(reader, event->start_mark.index) && emit(reader, "[", 1) &&
	       copy_up_to(reader, event->end_mark.index) && emit(reader, "]", 1);
}

static bool on_start(struct reader *reader, const yaml_event_t *event, bool mapping)
{
	const yaml_char_t *anchor = mapping ? event->data.mapping_start.anchor
					    : event->data.sequence_start.anchor;
	const yaml_char_t *tag =
		mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;

	reader->listable = false;
	if (anchor != NULL || tag != NULL)
		return refuse(reader, &event->start_mark, "anchors and tags are not allowed");
	if (!enter_value(reader, event))
		return false;
	if (reader->depth == DEPTH_MAX)
		return refuse(reader, &event->start_mark, "more than 16 levels");
	reader->depth++;
	reader->levels[reader->depth] = (struct level){
		.mapping = mapping, .expects_key = mapping, .path_length = strlen(reader->path)};
	return true;
}

static void on_end(struct reader *reader)
{
	reader->path[reader->levels[reader->depth].path_length] = '\0';
	reader->depth--;
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
		on_end(reader);
		return true;
	default:
		return true;
	}
}

/* The place of a byte, for errors below the level of YAML. */
static yaml_mark_t mark_of(const char *text, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((uint8_t)text[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
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
			yaml_mark_t mark = parser.problem_mark;

			if (parser.error == YAML_READER_ERROR && parser.problem_offset <= length)
				mark = mark_of(reader->source, parser.problem_offset);
			good = refuse(reader, &mark, parser.problem ? parser.problem : "no YAML");
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
			     const struct reader_rules *rules, struct config_errors *errors)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->name = strdup(name);
	reader->source = text;
	reader->source_length = length;
	reader->rules = rules;
	reader->errors = errors;
	if (reader->name != NULL && nodes_grow(reader)) {
		const char *nul = memchr(text, 0, length);

		yaml_mark_t mark = mark_of(text, nul ? (size_t)(nul - text) : 0);

		if (nul != NULL)
			refuse(reader, &mark, "the file holds a NUL");
		else if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
			reader_error_at(name, 1, 1, errors, "the file begins with a byte order mark");
		else if (walk(reader, length) && copy_up_to(reader, length))
			return reader;
	}
	if (errors->count == 0)
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

char *reader_file(const char *path, size_t *length, struct config_errors *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *text = NULL;
	size_t got = 0;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &status) != 0) {
		reader_error_at(path, 0, 0, errors, "%s", strerror(errno));
	} else if (!S_ISREG(status.st_mode)) {
		reader_error_at(path, 0, 0, errors, "not a regular file");
	} else if ((uint64_t)status.st_size > CONFIG_FILE_MAX) {
		reader_error_at(path, 0, 0, errors, "%lld bytes, at most %u are allowed",
				(long long)status.st_size, CONFIG_FILE_MAX);
	} else if ((text = malloc((size_t)status.st_size + 1)) == NULL) {
		reader_error_at(path, 0, 0, errors, "not enough memory");
	} else {
		while (got < (size_t)status.st_size &&
		       (n = read(fd, text + got, (size_t)status.st_size - got)) > 0)
			got += (size_t)n;
		text[got] = '\0';
		*length = got;
	}
	if (fd >= 0)
		close(fd);
	return text;
}
