/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_turns.c: see bench_turns.h. */
#include "bench_turns.h"

#include <rte_launch.h>
#include <stdbool.h>
#include <stddef.h>

#include <hash_baseline.h>
#include <memory_limit.h>

#include "bench_run.h"

#define TURNS_S     0.5  /* of CPU time that each core takes its turns for */
#define TURNS_BLOCK 4096 /* turns between two looks at the clock */

double bench_seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int turns_take(void *argument)
{
	struct bench_turns *turns = argument;
	double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID), now = start;
	uint64_t packets = 0;

	while (now - start < TURNS_S) {
		for (unsigned i = 0; i < TURNS_BLOCK; i++)
			packets += turns->turn(turns->world);
		now = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
	}
	turns->seconds = (now - start) / (double)packets;
	return 0;
}

double bench_turns_ns(const struct bench_cores *cores, struct bench_turns *turns)
{
	double sum = 0;

	for (unsigned i = 0; i < cores->count; i++)
		rte_eal_remote_launch(turns_take, &turns[i], cores->lcores[i]);
	for (unsigned i = 0; i < cores->count; i++) {
		rte_eal_wait_lcore(cores->lcores[i]);
		sum += turns[i].seconds;
	}
	return sum * 1e9 / cores->count;
}

static unsigned memory_turn(void *world)
{
	memory_limit_burst(world);
	return MEMORY_LIMIT_BURST;
}

double bench_memory_ns(const struct bench_cores *cores, uint32_t flows)
{
	struct memory_limit limits[BENCH_CORES_MAX];
	struct bench_turns turns[BENCH_CORES_MAX];
	bool made = true;
	double ns = 0;

	for (unsigned i = 0; i < cores->count; i++) {
		made = memory_limit_init(&limits[i], flows) && made;
		turns[i] = (struct bench_turns){.turn = memory_turn, .world = &limits[i]};
	}
	if (made)
		ns = bench_turns_ns(cores, turns);
	for (unsigned i = 0; i < cores->count; i++)
		memory_limit_fini(&limits[i]);
	return ns;
}

static unsigned hash_turn(void *world)
{
	hash_baseline_update(world);
	return HASH_BASELINE_BURST;
}

double bench_hash_ns(const struct bench_cores *cores, uint32_t flows)
{
	struct bench_turns turns[BENCH_CORES_MAX];
	bool made = true;
	double ns = 0;

	for (unsigned i = 0; i < cores->count; i++) {
		turns[i] = (struct bench_turns){.turn = hash_turn,
						.world = hash_baseline_create(flows)};
		made = made && turns[i].world != NULL;
	}
	if (made)
		ns = bench_turns_ns(cores, turns);
	for (unsigned i = 0; i < cores->count; i++)
		if (turns[i].world != NULL)
			hash_baseline_destroy(turns[i].world);
	return ns;
}
