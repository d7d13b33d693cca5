/* SPDX-License-Identifier: BSD-3-Clause */
/* number_set.h: a set of 64-bit numbers that are hashes already. Zero it before use. */
#ifndef NUMBER_SET_H
#define NUMBER_SET_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct number_set {
	uint64_t *slots;    /* 0: free */
	size_t size, count; /* size is a power of two, at most half of it used */
};

static inline void number_set_fini(struct number_set *set)
{
	free(set->slots);
	*set = (struct number_set){0};
}

static inline void number_set_place(const struct number_set *set, uint64_t number)
{
	size_t at = (size_t)(number ^ number >> 32) & (set->size - 1);

	while (set->slots[at] != 0 && set->slots[at] != number)
		at = (at + 1) & (set->size - 1);
	set->slots[at] = number;
}

/* Add a number. 1 if it is new, 0 if it was there, or -ENOMEM. */
static inline int number_set_add(struct number_set *set, uint64_t number)
{
	size_t at;

	number = number ? number : 1;
	if (set->count * 2 >= set->size) {
		struct number_set larger = {.size = set->size ? set->size * 2 : 64,
					    .count = set->count};

		larger.slots = calloc(larger.size, sizeof(*larger.slots));
		if (larger.slots == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < set->size; i++)
			if (set->slots[i] != 0)
				number_set_place(&larger, set->slots[i]);
		free(set->slots);
		*set = larger;
	}
	at = (size_t)(number ^ number >> 32) & (set->size - 1);
	while (set->slots[at] != 0 && set->slots[at] != number)
		at = (at + 1) & (set->size - 1);
	if (set->slots[at] == number)
		return 0;
	set->slots[at] = number;
	set->count++;
	return 1;
}

/* Take some bytes into a hash. */
static inline uint64_t number_mix(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

#endif
