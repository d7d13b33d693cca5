/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_default.c: see bench_default.h. */
#include "bench_default.h"

#include <stdbool.h>
#include <stdio.h>

#include <memory.h>

#define FLOWS          (1u << 20)
#define FLOWS_ORDINARY (1u << 18) /* without huge pages */
#define FLOWS_MIN      (1u << 12)
#define BYTES_A_FLOW   768 /* its entry, its frame, and its place in what it is compared with */
#define BYTES_A_CORE   ((size_t)256 << 20) /* new flows, buffers, classifiers */

static size_t bytes_of(uint32_t flows, unsigned cores)
{
	return (size_t)flows * BYTES_A_FLOW + cores * BYTES_A_CORE;
}

/* Of the usual size. */
static size_t huge_pages_free(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long pages = 0, kilobytes = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "HugePages_Free: %llu", &pages) != 1)
			sscanf(line, "Hugepagesize: %llu kB", &kilobytes);
	if (file != NULL)
		fclose(file);
	return (size_t)(pages * kilobytes * 1024);
}

uint32_t bench_default_flows(unsigned cores, char *why, size_t size)
{
	bool huge = huge_pages_free() >= bytes_of(FLOWS, cores);
	uint32_t flows = huge ? FLOWS : FLOWS_ORDINARY;

	why[0] = '\0';
	if (!huge)
		snprintf(why, size,
			 "%u flows, not %u, as there are no huge pages for so many; --flows says "
			 "how "
			 "many.",
			 flows, FLOWS);
	while (flows > FLOWS_MIN && !memory_suffices(bytes_of(flows, cores), NULL, 0)) {
		flows /= 2;
		snprintf(why, size,
			 "%u flows, not %u, as there is no memory for more; --flows says how many.",
			 flows, FLOWS);
	}
	return flows;
}
