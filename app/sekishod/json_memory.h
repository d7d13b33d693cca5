/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_memory.h: JSON when memory is short. Jansson's calls that build an object from many parts say whether
 * the last one failed, not whether all are there: a list lacks a row, and what is dumped may even lack the
 * text of a key; and a text that it reads may end in an assertion. So its allocations are watched: what
 * cannot be had is lent out of a reserve, and what was built so is not told.
 */
#ifndef SEKISHOD_JSON_MEMORY_H
#define SEKISHOD_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Watch jansson's allocations from now on. Before its first one. */
void json_memory_watch(void);

/* Whether one has failed on this thread since this was last asked. */
bool json_memory_was_short(void);

/* An object as text, malloc'd and whole. NULL: there is none, no memory, or it is not UTF-8. */
char *json_text(const json_t *object, size_t flags);

#endif
