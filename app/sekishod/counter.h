/* SPDX-License-Identifier: BSD-3-Clause */
/* counter.h: a counter with one writer, that any thread may read. */
#ifndef SEKISHOD_COUNTER_H
#define SEKISHOD_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* Its one writer: no locked instruction is needed. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
			      memory_order_relaxed);
}

#endif
