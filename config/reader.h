/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader.h: the first pass over a YAML text: what is never allowed, and where everything stands.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "config.h"

struct reader;
struct cyaml_schema_value;

/*
 * Read a whole text, NUL-terminated. NULL and errors if it holds an alias, an anchor, a tag, more
 * than one document, a duplicate key, more than 16 levels or 1.5 million nodes, a NUL, or is no
 * UTF-8 or no YAML; or if keys are unknown or missing, or values of another kind, by the schema.
 */
struct reader *reader_create(const char *name, const char *text, size_t length,
			     const struct cyaml_schema_value *schema, struct config_errors *errors);
void reader_destroy(struct reader *reader);

/* The text with single values that stand for lists made lists; what libcyaml is given. */
const char *reader_text(const struct reader *reader, size_t *length);

/*
 * Say an error at a node: its path as "endpoints[0].addresses[1]", or the nearest parent there is.
 */
void reader_error(const struct reader *reader, struct config_errors *errors, const char *path,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Where a node stands, 1 is the first; or its nearest parent that is there. */
void reader_place(const struct reader *reader, const char *path, unsigned *line, unsigned *column);

/* The line of a node, 1 is the first; 0 if there is none. */
unsigned reader_line(const struct reader *reader, const char *path);

/* Whether a node is there. */
bool reader_has(const struct reader *reader, const char *path);

/* Say an error at a line and column, 1 is the first. */
void reader_error_at(const char *name, unsigned line, unsigned column,
		     struct config_errors *errors, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * Read a file whole, NUL-terminated; NULL and an error if it cannot be or is over CONFIG_FILE_MAX.
 */
char *reader_file(const char *path, size_t *length, struct config_errors *errors);

#endif
