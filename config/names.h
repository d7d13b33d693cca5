/* SPDX-License-Identifier: BSD-3-Clause */
/* names.h: from the names of a list to their positions, and names that are there twice. */
#ifndef CONFIG_NAMES_H
#define CONFIG_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "spelling.h"

#define NAMES_NONE SIZE_MAX

/* Whether a name can stand in a line of a table, a log or a metric as it is: no control character. */
bool names_is_printable(const char *name);

/* Positions in the order of their names, and of themselves where names are equal. */
struct names {
	struct spelling list;
	uint32_t *sorted;
};

/*
 * Sort a list's names; at most UINT32_MAX of them. The list must stay as it is. False: no memory.
 */
bool names_init(struct names *names, const struct spelling *list);
void names_fini(struct names *names);

/* The first position that has this name; NAMES_NONE. */
size_t names_find(const struct names *names, const char *name);

/*
 * Call back with each position whose name an earlier one has as well, and with the one before it.
 */
void names_duplicates(const struct names *names,
		      void (*told)(void *context, size_t position, size_t earlier), void *context);

#endif
