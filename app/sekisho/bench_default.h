/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_default.h: how many flows are measured where the user does not say. */
#ifndef BENCH_DEFAULT_H
#define BENCH_DEFAULT_H

#include <stddef.h>
#include <stdint.h>

/*
 * As many as this machine has memory for, up to a million, and fewer where that is not in huge pages. Sets
 * `why` to a sentence if it is not the million.
 */
uint32_t bench_default_flows(unsigned cores, char *why, size_t size);

#endif
