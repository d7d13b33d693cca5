/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reader.h: the first pass over a YAML text: what is never allowed, and where everything stands.
 */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "config.h"

struct reader;

/* Keys of `names` at any depth whose single value may stand for a list of one. NULL-terminated. */
struct reader_rules {
	const char *const *listable;
};

/*
 * Read a whole text. NULL and errors if it holds an alias, an anchor, a tag, more than one document, a
 * duplicate key, more than 16 levels or 2 million nodes, a NUL, or is no UTF-8 or no YAML.
 */
struct reader *reader_create(const char *name, const char *text, size_t length,
			     const struct reader_rules *rules, struct config_errors *errors);
void reader_destroy(struct reader *reader);

/* The text with single values of listable keys made lists; what libcyaml is given. */
const char *reader_text(const struct reader *reader, size_t *length);

/* Say an error at a node: its path as "endpoints[0].addresses[1]", or the nearest parent there is. */
void reader_error(const struct reader *reader, struct config_errors *errors, const char *path,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The line of a node, 1 is the first; 0 if there is none. */
unsigned reader_line(const struct reader *reader, const char *path);

/* Whether a node is there. */
bool reader_has(const struct reader *reader, const char *path);

/* Say an error at a line and column, 1 is the first. */
void reader_error_at(const char *name, unsigned line, unsigned column,
		     struct config_errors *errors, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Read a file whole, NUL-terminated; NULL and an error if it cannot be or is over CONFIG_FILE_MAX. */
char *reader_file(const char *path, size_t *length, struct config_errors *errors);

/* Where a key stands first, from a line on. `line` is that line and becomes the key's. */
bool reader_find_key(const struct reader *reader, const char *key, unsigned *line,
		     unsigned *column);

#endif
