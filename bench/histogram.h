/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * histogram.h: how often times occurred, to an eighth of their power of two. Adding is a few
 * instructions; there is one writer, and others may read meanwhile.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS   8 /* of each power of two */
#define HISTOGRAM_BUCKETS (64 * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned power;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	power = 63u - (unsigned)__builtin_clzll(value);
	return (power - 2) * HISTOGRAM_STEPS + (unsigned)(value >> (power - 3) & 7);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->count[histogram_bucket(value)]++;
}

/* The values that fall into a bucket are all below this one. */
uint64_t histogram_bound(unsigned bucket);

uint64_t histogram_total(const struct histogram *histogram);

/* A bound that at least the `share` (0..1) of the values are below; 0 when there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
