/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.c: a sorted array. Rejected: a hash, which whoever writes the file could flood, unless it
 * had a key; lists have 65000 names at most, and sorting those takes no time that anyone would
 * notice.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

bool names_is_printable(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return false;
	}
	return true;
}

static const char *name_at(const struct names *names, size_t position)
{
	return names->list.word_at(names->list.list, position);
}

static int by_name(const void *a, const void *b, void *context)
{
	const uint32_t *x = a, *y = b;
	int order = strcmp(name_at(context, *x), name_at(context, *y));

	return order != 0 ? order : (*x > *y) - (*x < *y);
}

bool names_init(struct names *names, const struct spelling *list)
{
	*names = (struct names){.list = *list};
	names->sorted = malloc((list->count + 1) * sizeof(*names->sorted));
	if (names->sorted == NULL) {
		names->list.count = 0;
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		names->sorted[i] = (uint32_t)i;
	qsort_r(names->sorted, list->count, sizeof(*names->sorted), by_name, names);
	return true;
}

void names_fini(struct names *names)
{
	free(names->sorted);
	*names = (struct names){0};
}

size_t names_find(const struct names *names, const char *name)
{
	size_t low = 0, high = names->list.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(name_at(names, names->sorted[middle]), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == names->list.count || strcmp(name_at(names, names->sorted[low]), name) != 0)
		return NAMES_NONE;
	return names->sorted[low];
}

void names_duplicates(const struct names *names,
		      void (*told)(void *context, size_t position, size_t earlier), void *context)
{
	for (size_t i = 1; i < names->list.count; i++) {
		uint32_t earlier = names->sorted[i - 1], position = names->sorted[i];

		if (strcmp(name_at(names, earlier), name_at(names, position)) == 0)
			told(context, position, earlier);
	}
}
