/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keyed.h: a growing list of items that are found by their first bytes, in the order in which they
 * came. For what a user's own files hold: the hash has no key.
 */
#ifndef KEYED_H
#define KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set the two sizes, zero the rest. Keys have no padding: they are compared as bytes. */
struct keyed {
	size_t key_size, item_size; /* an item begins with its key */
	size_t count, capacity;
	unsigned char *items;
	uint32_t *slots; /* item's index plus one; a power of two, at most half full */
	size_t slot_count;
};

/*
 * The item with this key. A new one is all zeros behind its key; *is_new tells. Pointers are good until
 * the next call. NULL: no memory.
 */
void *keyed_take(struct keyed *keyed, const void *key, bool *is_new);

/* Item number `index`, below the count. */
static inline void *keyed_item(const struct keyed *keyed, size_t index)
{
	return keyed->items + index * keyed->item_size;
}

void keyed_fini(struct keyed *keyed);

#endif
