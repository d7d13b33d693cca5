/* SPDX-License-Identifier: BSD-3-Clause */
/* append.c: see append.h. */
#include "append.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int append_lines(int fd, const char *text, size_t length)
{
	struct stat before;
	ssize_t done;
	int error;

	if (fstat(fd, &before) < 0)
		return -errno;
	done = write(fd, text, length);
	if (done == (ssize_t)length)
		return 0;
	error = done < 0 ? errno : ENOSPC; /* a disk that is full takes what it can */
	if (done > 0 && S_ISREG(before.st_mode) && ftruncate(fd, before.st_size) < 0)
		return -errno;
	return -error;
}
