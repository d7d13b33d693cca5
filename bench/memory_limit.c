/* SPDX-License-Identifier: BSD-3-Clause */
/* memory_limit.c: see memory_limit.h. */
#include "memory_limit.h"

#include "memory.h"

#define LINE         64
#define LOAD_PERCENT 85
#define SLOTS        10 /* of a bucket */

bool memory_limit_init(struct memory_limit *limit, uint32_t flows)
{
	size_t room = (size_t)flows * 100 / LOAD_PERCENT;

	*limit = (struct memory_limit){.bucket_lines = room / SLOTS + 1, .entry_lines = room * 2};
	limit->buckets = memory_take(limit->bucket_lines * LINE);
	limit->entries = memory_take(limit->entry_lines * LINE);
	return limit->buckets != NULL && limit->entries != NULL;
}

void memory_limit_fini(struct memory_limit *limit)
{
	memory_give(limit->buckets, limit->bucket_lines * LINE);
	memory_give(limit->entries, limit->entry_lines * LINE);
}

/* 64 bits that look random, for one multiplication. */
static inline uint64_t draw(uint64_t *state)
{
	unsigned __int128 product;

	*state += UINT64_C(0x9e3779b97f4a7c15);
	product = (unsigned __int128)*state * (*state ^ UINT64_C(0xe7037ed1a0b428db));
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

void memory_limit_burst(struct memory_limit *limit)
{
	uint64_t *bucket[MEMORY_LIMIT_BURST], *entry[MEMORY_LIMIT_BURST];
	uint64_t sum = 0, random = limit->random;

	for (unsigned i = 0; i < MEMORY_LIMIT_BURST; i++) {
		uint64_t at = draw(&random);

		bucket[i] = (uint64_t *)(limit->buckets +
					 LINE * ((at >> 32) * limit->bucket_lines >> 32));
		entry[i] = (uint64_t *)(limit->entries +
					LINE * ((uint32_t)at * limit->entry_lines >> 32));
		__builtin_prefetch(bucket[i]);
	}
	for (unsigned i = 0; i < MEMORY_LIMIT_BURST; i++) {
		sum += *bucket[i];
		__builtin_prefetch(entry[i], 1);
	}
	for (unsigned i = 0; i < MEMORY_LIMIT_BURST; i++)
		*entry[i] += sum + 1;
	limit->random = random;
}
