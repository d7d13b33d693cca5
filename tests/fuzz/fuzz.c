/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz.c: see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

_Noreturn void fuzz_broken(const char *file, int line, const char *condition)
{
	dprintf(STDERR_FILENO, "%s:%d: broken: %s\n", file, line, condition);
	abort();
}

void fuzz_quiet(void)
{
	FILE *nowhere = fopen("/dev/null", "w");

	if (nowhere != NULL)
		stderr = nowhere; /* the sanitizers write to the descriptor, and are still heard */
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[32];
	static int file = -1;

	if (file < 0) {
		file = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	FUZZ_CHECK(file >= 0 && ftruncate(file, 0) == 0);
	FUZZ_CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
	return path;
}
