/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.h: large zeroed memory for measurements, in huge pages where the system has any. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Take `size` zeroed bytes: in huge pages that were set apart, else in transparent ones where the
 * kernel finds any. NULL when the machine has not so much to spare. Page-aligned.
 */
void *memory_take(size_t size);

/* Give it back; `size` as it was taken. Does nothing with NULL. */
void memory_give(void *memory, size_t size);

/* Whether so many bytes are to be had, and some left for others; if not, why, in `message`. */
bool memory_suffices(size_t size, char *message, unsigned message_size);

/* Ask for bytes that are read soon: those of the next burst, so that what is measured is not their stream. */
static inline void memory_prefetch(const void *from, size_t size)
{
	for (size_t at = 0; at < size; at += 64)
		__builtin_prefetch((const void *)((uintptr_t)from + at));
}

#endif
