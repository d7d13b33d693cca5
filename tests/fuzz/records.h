/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.h: inputs that are lists. An input is a head of RECORD_SIZE bytes and then records of
 * RECORD_SIZE bytes each; what is left over at the end is ignored. A harness that links this gets a
 * mutator that knows it: it adds, drops, repeats, moves and changes whole records, so that what was
 * learnt about the others is kept, and splices lists at their seams.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_SIZE 16
#define RECORDS_MAX 128

/* How many records an input holds. */
size_t records_count(size_t size);

/* Record `i` of an input, 0 is the first after the head. */
const uint8_t *records_at(const uint8_t *data, size_t i);

/* libFuzzer's hooks. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_size, unsigned seed);

#endif
