/* SPDX-License-Identifier: BSD-3-Clause */
/* histogram.c: see histogram.h. */
#include "histogram.h"

uint64_t histogram_bound(unsigned bucket)
{
	unsigned power = bucket / HISTOGRAM_STEPS + 2, step = bucket % HISTOGRAM_STEPS;

	if (bucket < HISTOGRAM_STEPS)
		return bucket + 1;
	return (uint64_t)(HISTOGRAM_STEPS + step + 1) << (power - 3);
}

uint64_t histogram_total(const struct histogram *histogram)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += histogram->count[i];
	return total;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
	double wanted = share * (double)histogram_total(histogram);
	uint64_t below = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += histogram->count[i];
		if (below > 0 && (double)below >= wanted)
			return histogram_bound(i);
	}
	return 0;
}
