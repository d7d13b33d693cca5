/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyed.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

/* FNV-1a, folded. */
static size_t hash(const unsigned char *key, size_t size)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		value = (value ^ key[i]) * UINT64_C(0x100000001b3);
	return (size_t)(value ^ value >> 32);
}

/* The slot of a key, or the free one where it belongs. */
static uint32_t *slot_of(const struct keyed *keyed, const void *key)
{
	size_t at = hash(key, keyed->key_size) & (keyed->slot_count - 1);

	while (keyed->slots[at] != 0 &&
	       memcmp(keyed_item(keyed, keyed->slots[at] - 1), key, keyed->key_size) != 0)
		at = (at + 1) & (keyed->slot_count - 1);
	return &keyed->slots[at];
}

/* Make room for one more. */
static bool grow(struct keyed *keyed)
{
	size_t capacity = keyed->capacity ? keyed->capacity * 2 : SLOTS_MIN / 2;
	unsigned char *items;
	uint32_t *slots;

	if (keyed->count < keyed->capacity)
		return true;
	items = realloc(keyed->items, capacity * keyed->item_size);
	if (!items)
		return false;
	keyed->items = items;
	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(keyed->slots);
	keyed->slots = slots;
	keyed->slot_count = capacity * 2;
	keyed->capacity = capacity;
	for (size_t i = 0; i < keyed->count; i++)
		*slot_of(keyed, keyed_item(keyed, i)) = (uint32_t)i + 1;
	return true;
}

void *keyed_take(struct keyed *keyed, const void *key, bool *is_new)
{
	uint32_t *slot;
	unsigned char *item;

	if (!grow(keyed))
		return NULL;
	slot = slot_of(keyed, key);
	*is_new = *slot == 0;
	if (!*is_new)
		return keyed_item(keyed, *slot - 1);
	item = keyed_item(keyed, keyed->count++);
	*slot = (uint32_t)keyed->count;
	memset(item, 0, keyed->item_size);
	memcpy(item, key, keyed->key_size);
	return item;
}

void keyed_fini(struct keyed *keyed)
{
	free(keyed->items);
	free(keyed->slots);
	keyed->items = NULL;
	keyed->slots = NULL;
	keyed->count = keyed->capacity = keyed->slot_count = 0;
}
