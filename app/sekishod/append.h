/* SPDX-License-Identifier: BSD-3-Clause */
/* append.h: lines at the end of a file that others read: whole, or not at all. */
#ifndef SEKISHOD_APPEND_H
#define SEKISHOD_APPEND_H

#include <stddef.h>

/*
 * Append whole lines to a file that is open for appending, and that nobody else writes. 0; or -errno, and the
 * file ends where it did, so that the next line begins a line.
 */
int append_lines(int fd, const char *text, size_t length);

#endif
