/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_memory.c: see json_memory.h.
 *
 * The reserve is a stretch that is given out from its beginning, and is whole again when all of it has come
 * back. That is soon: what it was lent for is not told, and thrown away. The largest thing that jansson must
 * finish, or it stops the process by an assertion, is the text of one request.
 */
#include "json_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define RESERVE (4u << 20)
#define ALIGN   16u

static _Thread_local bool was_short;

static struct {
	pthread_mutex_t lock;
	size_t used;
	unsigned lent; /* pieces */
	_Alignas(ALIGN) uint8_t bytes[RESERVE];
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *reserve_take(size_t size)
{
	void *memory = NULL;

	pthread_mutex_lock(&reserve.lock);
	if (size <= RESERVE && (size + ALIGN - 1) / ALIGN * ALIGN <= RESERVE - reserve.used) {
		memory = reserve.bytes + reserve.used;
		reserve.used += (size + ALIGN - 1) / ALIGN * ALIGN;
		reserve.lent++;
	}
	pthread_mutex_unlock(&reserve.lock);
	return memory;
}

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory != NULL)
		return memory;
	was_short = true;
	return reserve_take(size);
}

static void release(void *memory)
{
	uintptr_t at = (uintptr_t)memory, first = (uintptr_t)reserve.bytes;

	if (at < first || at >= first + RESERVE) {
		free(memory);
		return;
	}
	pthread_mutex_lock(&reserve.lock);
	if (--reserve.lent == 0)
		reserve.used = 0;
	pthread_mutex_unlock(&reserve.lock);
}

void json_memory_watch(void)
{
	json_set_alloc_funcs(allocate, release);
}

bool json_memory_was_short(void)
{
	bool it_was = was_short;

	was_short = false;
	return it_was;
}

/* Into memory of the right size, so that nothing has to grow while it is dumped. */
char *json_text(const json_t *object, size_t flags)
{
	size_t length = object == NULL ? 0 : json_dumpb(object, NULL, 0, flags);
	char *text = length == 0 ? NULL : malloc(length + 1);

	if (text == NULL)
		return NULL;
	if (json_dumpb(object, text, length, flags) != length) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}
