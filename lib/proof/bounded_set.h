/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bounded_set.h: the last few values that were added, where the oldest makes room. A set is an array
 * of `size` 64-bit values, oldest first; 0 is none. A zeroed array is an empty set.
 */
#ifndef BOUNDED_SET_H
#define BOUNDED_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool bounded_set_is_empty(const uint64_t *set)
{
	return set[0] == 0;
}

static inline bool bounded_set_is_full(const uint64_t *set, unsigned size)
{
	return set[size - 1] != 0;
}

static inline bool bounded_set_has(const uint64_t *set, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size && set[i] != 0; i++) {
		if (set[i] == value)
			return true;
	}
	return false;
}

/* Take a value out; false if it is not there. */
static inline bool bounded_set_take(uint64_t *set, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size && set[i] != 0; i++) {
		if (set[i] != value)
			continue;
		memmove(&set[i], &set[i + 1], (size - 1 - i) * sizeof(set[0]));
		set[size - 1] = 0;
		return true;
	}
	return false;
}

/* Add a value, which is then the newest even if it was there. What made room for it, or 0. */
static inline uint64_t bounded_set_add(uint64_t *set, unsigned size, uint64_t value)
{
	uint64_t oldest = 0;
	unsigned i = 0;

	bounded_set_take(set, size, value);
	if (bounded_set_is_full(set, size)) {
		oldest = set[0];
		bounded_set_take(set, size, oldest);
	}
	while (set[i] != 0)
		i++;
	set[i] = value;
	return oldest;
}

#endif
