/* SPDX-License-Identifier: BSD-3-Clause */
/* idle.c: sleeping, longer and longer. */
#include "idle.h"

#include <stdlib.h>
#include <sys/prctl.h>

#include <rte_cycles.h>

#include "counter.h"

#define TRIES 31

void idle_begin(void)
{
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

void idle_round(struct idle *idle, bool busy)
{
	if (busy) {
		idle->rounds = 0;
		return;
	}
	if (idle->rounds < IDLE_AWAKE_ROUNDS + IDLE_LONGEST_US)
		idle->rounds++;
	if (idle->rounds <= IDLE_AWAKE_ROUNDS)
		return;
	rte_delay_us_sleep(idle->rounds - IDLE_AWAKE_ROUNDS);
	counter_add(&idle->sleeps, 1);
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

unsigned idle_measure_us(void)
{
	uint64_t ticks[TRIES];

	idle_begin();
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t from = rte_rdtsc();

		rte_delay_us_sleep(IDLE_LONGEST_US);
		ticks[i] = rte_rdtsc() - from;
	}
	prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0); /* as it was */
	qsort(ticks, TRIES, sizeof(ticks[0]), by_time);
	return (unsigned)(ticks[TRIES / 2] * 1000000 / rte_get_tsc_hz());
}
