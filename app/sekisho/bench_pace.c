/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_pace.c: see bench_pace.h. */
#include "bench_pace.h"

#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#define QUEUE      1024u /* frames that wait at most, as in a port of the daemon */
#define PARTS_BITS 6     /* a tick has so many bits of parts */

const unsigned bench_load_percent[BENCH_LOADS] = {10, 50, 90};

bool bench_pace_init(struct bench_pace *pace, uint32_t frames)
{
	uint32_t room = rte_align32pow2(frames + 1);
	bool made = true;

	for (unsigned d = 0; d < 2; d++) {
		pace->arrivals[d].frames = calloc(room, sizeof(struct rte_mbuf *));
		pace->arrivals[d].mask = room - 1;
		made = made && pace->arrivals[d].frames != NULL;
	}
	return made;
}

void bench_pace_fini(struct bench_pace *pace)
{
	for (unsigned d = 0; d < 2; d++)
		free(pace->arrivals[d].frames);
}

void bench_pace_rate(struct bench_pace *pace, unsigned load, unsigned direction, double rate)
{
	double parts = (double)(rte_get_tsc_hz() << PARTS_BITS);

	atomic_store_explicit(&pace->arrivals[direction].interval[load - 1],
			      rate > 0 ? (uint64_t)(parts / rate) + 1 : 0, memory_order_relaxed);
}

static void count_add(_Atomic uint64_t *count, uint64_t amount)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + amount,
			      memory_order_relaxed);
}

/* What has found the queue full. */
static uint64_t arrivals_lose(struct bench_arrivals *arrivals, uint64_t now, uint64_t interval)
{
	uint64_t lost;

	if (now < arrivals->due || now - arrivals->due < (uint64_t)QUEUE * interval)
		return 0;
	lost = (now - arrivals->due) / interval - QUEUE + 1;
	arrivals->due += lost * interval;
	return lost;
}

uint16_t bench_pace_receive(struct bench_pace *pace, unsigned direction, struct rte_mbuf **mbufs,
			    uint16_t count, uint16_t max)
{
	unsigned load = atomic_load_explicit(&pace->load, memory_order_acquire);
	struct bench_arrivals *arrivals = &pace->arrivals[direction];
	uint64_t now, interval, lost;
	uint16_t come = 0;

	if (load == 0)
		return count;
	for (uint16_t i = 0; i < count; i++)
		arrivals->frames[arrivals->head++ & arrivals->mask] = mbufs[i];
	interval = atomic_load_explicit(&arrivals->interval[load - 1], memory_order_relaxed);
	if (interval == 0)
		return 0;
	now = rte_rdtsc() << PARTS_BITS;
	if (arrivals->load != load) {
		arrivals->load = load;
		arrivals->due = now;
	}
	lost = arrivals_lose(arrivals, now, interval);
	while (come < max && arrivals->tail != arrivals->head && arrivals->due <= now) {
		mbufs[come] = arrivals->frames[arrivals->tail++ & arrivals->mask];
		mbufs[come++]->hash.fdir.hi = (uint32_t)(arrivals->due >> PARTS_BITS);
		arrivals->due += interval;
	}
	if (atomic_load_explicit(&pace->measuring, memory_order_relaxed)) {
		count_add(&pace->come[load - 1], come);
		count_add(&pace->lost[load - 1], lost);
	}
	return come;
}

void bench_pace_sent(struct bench_pace *pace, struct rte_mbuf *const *mbufs, uint16_t count)
{
	unsigned load = atomic_load_explicit(&pace->load, memory_order_relaxed);
	uint32_t ticks;

	if (load == 0 || count == 0 ||
	    !atomic_load_explicit(&pace->measuring, memory_order_relaxed))
		return;
	/* one of them stands for all */
	ticks = (uint32_t)rte_rdtsc() - mbufs[pace->turn++ % count]->hash.fdir.hi;
	pace->latency[load - 1].count[histogram_bucket(ticks)] += count;
}
