/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory_limit.h: what the memory of this machine allows: two random cache lines a packet,
 * prefetched by bursts of 32, over as much memory as a table of so many flows takes. Of the first line
 * something is read, as of a hash's bucket; the second is read and written, as a flow's entry is.
 */
#ifndef MEMORY_LIMIT_H
#define MEMORY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_LIMIT_BURST 32

struct memory_limit {
	uint8_t *buckets, *entries;
	size_t bucket_lines, entry_lines;
	uint64_t random;
};

/* False when there is no memory; call memory_limit_fini() in any case. */
bool memory_limit_init(struct memory_limit *limit, uint32_t flows);
void memory_limit_fini(struct memory_limit *limit);

/* Touch the lines of one burst. */
void memory_limit_burst(struct memory_limit *limit);

#endif
