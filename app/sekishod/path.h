/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEKISHOD_PATH_H
#define SEKISHOD_PATH_H

/* Make the directories above a file or directory, with mode 0755. 0 or -errno. */
int path_make_parents(const char *path);

#endif
