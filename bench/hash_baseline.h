/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash_baseline.h: DPDK's rte_hash in our place: keys of 16 bytes, looked up by bursts of 32, and a
 * state of one cache line for each. It gets the same kind of memory as we do, by way of a heap of its
 * own.
 */
#ifndef HASH_BASELINE_H
#define HASH_BASELINE_H

#include <stdint.h>

#define HASH_BASELINE_BURST 32

struct hash_baseline;

/* Make a hash of so many keys, 85 % full. EAL is initialised. NULL: no memory. */
struct hash_baseline *hash_baseline_create(uint32_t keys);
void hash_baseline_destroy(struct hash_baseline *hash);

/* Look the next burst of keys up. */
void hash_baseline_find(struct hash_baseline *hash);

/* The same, and update the state of each. */
void hash_baseline_update(struct hash_baseline *hash);

#endif
