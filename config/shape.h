/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shape.h: what may stand where: the schema's keys, lists and kinds of values, asked while the text
 * is read, so that all that is wrong with its shape is told at once and at its place.
 */
#ifndef CONFIG_SHAPE_H
#define CONFIG_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cyaml_schema_value;

/* A place where a value may stand. */
struct shape {
	const struct cyaml_schema_value *schema; /* NULL: below what was refused, anything goes */
	const char *key; /* of this value, or of the list that it is in; NULL: the whole file */
	bool is_entry;
};

enum shape_kind { SHAPE_PLAIN, SHAPE_LIST, SHAPE_MAPPING };

#define SHAPE_MESSAGE 512

/* Whether a value of this kind may stand here; `text` is that of a plain one. Else a message. */
bool shape_accepts(const struct shape *shape, enum shape_kind kind, const char *text,
		   char message[SHAPE_MESSAGE]);

/* Whether a plain value may stand here for a list of one. */
bool shape_is_listable(const struct shape *shape);

/*
 * The place that a key of a mapping leads to. `seen` gets its bit; zero it where the mapping
 * begins. An unknown key gives a message and a place where anything goes.
 */
struct shape shape_of_key(const struct shape *mapping, const char *key, uint64_t *seen,
			  char message[SHAPE_MESSAGE]);

/* The place of a list's entry, 0 is the first. One too many gives a message. */
struct shape shape_of_entry(const struct shape *list, uint32_t index, char message[SHAPE_MESSAGE]);

/* At a mapping's end: a message on required keys that were not seen, or an empty one. */
void shape_missing(const struct shape *mapping, uint64_t seen, char message[SHAPE_MESSAGE]);

#endif
