/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.c: see memory.h. */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define SPARE     ((uint64_t)512 << 20) /* never taken, so that the machine stays usable */

static size_t whole_pages(size_t size)
{
	return (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

void *memory_take(size_t size)
{
	void *memory;

	size = whole_pages(size);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (memory != MAP_FAILED)
		return memory;
	if (!memory_suffices(size, NULL, 0))
		return NULL;
	/* no pages set apart: ask for transparent ones, and touch all so that they are there */
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0, size);
	return memory;
}

void memory_give(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, whole_pages(size));
}

/* What the kernel can give without swapping, in bytes; all there is if it does not say. */
static uint64_t available(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kilobytes;
	char line[128];
	uint64_t bytes = UINT64_MAX;

	if (file == NULL)
		return bytes;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1)
			bytes = (uint64_t)kilobytes * 1024;
	fclose(file);
	return bytes;
}

bool memory_suffices(size_t size, char *message, unsigned message_size)
{
	uint64_t there = available();

	if (there >= SPARE && size <= there - SPARE)
		return true;
	if (message != NULL)
		snprintf(message, message_size, "needs %.1f GiB of memory, %.1f GiB are free",
			 (double)size / (1 << 30), (double)there / (1 << 30));
	return false;
}
