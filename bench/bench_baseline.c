/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_baseline.c: what the subjects are held against, in the same run.
 *
 *	empty		the same frames read in the same bursts, and nothing decided
 *	memory-limit	two random cache lines a packet, prefetched by bursts of 32: one is read, the other
 *			read and written, over as much memory as a table of that many flows takes
 *	rte_hash	DPDK's rte_hash_lookup_bulk of 32 keys of 16 bytes, and one 64-byte state updated
 */
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subjects.h"
#include "traffic.h"

#define LINE 64

static uint32_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)(*random >> 32);
}

/* ---- empty ------------------------------------------------------------------------------------ */

static void *traffic_setup(int64_t flows, char *message, unsigned message_size)
{
	const struct traffic_plan plan = {.semantics = SEKISHO_AWS_LIKE,
					  .kind = TRAFFIC_UDP,
					  .flows = (uint32_t)flows,
					  .rules = 1};

	return traffic_create(&plan, message, message_size);
}

static void traffic_teardown(void *world)
{
	traffic_destroy(world);
}

static void empty_run(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	uint64_t sum = 0, packets = 0;

	while (gbench_next(state)) {
		if (traffic->next == traffic->frame_count)
			traffic->next = 0;
		for (unsigned i = 0; i < TRAFFIC_BURST; i++, traffic->next++)
			sum += traffic->frames[traffic->next][30];
		packets += TRAFFIC_BURST;
	}
	__asm__ volatile("" : : "r"(sum));
	gbench_items(state, (int64_t)packets);
}

/* ---- memory limit ----------------------------------------------------------------------------- */

struct lines {
	uint8_t *buckets, *entries;
	size_t bucket_lines, entry_lines;
};

static void *lines_setup(int64_t flows, char *message, unsigned message_size)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	/* a line of bucket for eight slots, and two of entry, for each flow that there is room for */
	lines->entry_lines = (size_t)flows * 2 * 100 / 85;
	lines->bucket_lines = (size_t)flows * 100 / 85 / 8 + 1;
	lines->buckets = traffic_memory(lines->bucket_lines * LINE);
	lines->entries = traffic_memory(lines->entry_lines * LINE);
	if (lines->buckets != NULL && lines->entries != NULL)
		return lines;
	snprintf(message, message_size, "not enough memory");
	return NULL;
}

static void lines_teardown(void *world)
{
	struct lines *lines = world;

	traffic_memory_free(lines->buckets, lines->bucket_lines * LINE);
	traffic_memory_free(lines->entries, lines->entry_lines * LINE);
	free(lines);
}

static void lines_run(struct gbench_state *state, void *world)
{
	const struct lines *lines = world;
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15), packets = 0, sum = 0;

	while (gbench_next(state)) {
		uint64_t *bucket[TRAFFIC_BURST], *entry[TRAFFIC_BURST];

		for (unsigned i = 0; i < TRAFFIC_BURST; i++) {
			uint64_t at = draw(&random);

			bucket[i] = (uint64_t *)(lines->buckets +
						 LINE * (at * lines->bucket_lines >> 32));
			__builtin_prefetch(bucket[i]);
			at = draw(&random);
			entry[i] = (uint64_t *)(lines->entries +
						LINE * (at * lines->entry_lines >> 32));
		}
		for (unsigned i = 0; i < TRAFFIC_BURST; i++) {
			sum += *bucket[i];
			__builtin_prefetch(entry[i], 1);
		}
		for (unsigned i = 0; i < TRAFFIC_BURST; i++)
			*entry[i] += sum;
		packets += TRAFFIC_BURST;
	}
	gbench_items(state, (int64_t)packets);
}

/* ---- rte_hash --------------------------------------------------------------------------------- */

struct hash_key {
	uint32_t local, peer;
	uint16_t local_port, peer_port;
	uint32_t rest;
};

struct hash_world {
	struct rte_hash *hash;
	struct hash_key *keys; /* in a random order */
	uint8_t (*states)[LINE];
	uint32_t flows;
};

static void hash_teardown(void *world)
{
	struct hash_world *hash = world;

	rte_hash_free(hash->hash);
	traffic_memory_free(hash->states, (size_t)hash->flows * LINE);
	free(hash->keys);
	free(hash);
}

static void *hash_setup(int64_t flows, char *message, unsigned message_size)
{
	static unsigned serial;
	struct hash_world *world = calloc(1, sizeof(*world));
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
	char name[32];
	struct rte_hash_parameters parameters = {
		.name = name,
		.entries = (uint32_t)(flows * 100 / 85),
		.key_len = sizeof(struct hash_key),
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};

	snprintf(name, sizeof(name), "bench%u", serial++);
	world->flows = (uint32_t)flows;
	world->hash = rte_hash_create(&parameters);
	world->keys = calloc((size_t)flows, sizeof(*world->keys));
	world->states = traffic_memory((size_t)flows * LINE);
	snprintf(message, message_size, "DPDK gives no memory for a hash of this size");
	if (world->hash == NULL || world->keys == NULL || world->states == NULL) {
		hash_teardown(world);
		return NULL;
	}
	for (uint32_t i = 0; i < world->flows; i++) {
		world->keys[i] = (struct hash_key){0x0a000001, 0xc6336401 + (i >> 12),
						   (uint16_t)(20000 + (i & 0xfff)), 443, 17};
		if (rte_hash_add_key(world->hash, &world->keys[i]) < 0) {
			hash_teardown(world);
			return NULL;
		}
	}
	for (uint32_t i = world->flows; i > 1; i--) {
		uint32_t j = (uint32_t)((uint64_t)draw(&random) * i >> 32);
		struct hash_key swapped = world->keys[i - 1];

		world->keys[i - 1] = world->keys[j];
		world->keys[j] = swapped;
	}
	return world;
}

static void hash_loop(struct gbench_state *state, struct hash_world *world, bool update)
{
	uint32_t next = 0;
	uint64_t packets = 0;

	while (gbench_next(state)) {
		const void *keys[TRAFFIC_BURST];
		int32_t positions[TRAFFIC_BURST];

		if (next + TRAFFIC_BURST > world->flows)
			next = 0;
		for (unsigned i = 0; i < TRAFFIC_BURST; i++)
			keys[i] = &world->keys[next++];
		rte_hash_lookup_bulk(world->hash, keys, TRAFFIC_BURST, positions);
		for (unsigned i = 0; update && i < TRAFFIC_BURST; i++)
			__builtin_prefetch(world->states[(uint32_t)positions[i] % world->flows], 1);
		for (unsigned i = 0; update && i < TRAFFIC_BURST; i++)
			(*(uint64_t *)world->states[(uint32_t)positions[i] % world->flows])++;
		packets += TRAFFIC_BURST;
	}
	gbench_items(state, (int64_t)packets);
}

static void hash_run(struct gbench_state *state, void *world)
{
	hash_loop(state, world, true);
}

static void hash_look_up_run(struct gbench_state *state, void *world)
{
	hash_loop(state, world, false);
}

void bench_baseline_register(void)
{
	for (unsigned i = 0; i < SUBJECTS_FLOWS; i++) {
		const struct subjects_flows *flows = &subjects_flows[i];

		gbench_register(&(struct gbench_subject){"baseline/empty", flows->label,
							 flows->flows, traffic_setup, empty_run,
							 traffic_teardown});
		gbench_register(&(struct gbench_subject){"baseline/memory-limit", flows->label,
							 flows->flows, lines_setup, lines_run,
							 lines_teardown});
		gbench_register(&(struct gbench_subject){"baseline/rte_hash", flows->label,
							 flows->flows, hash_setup, hash_run,
							 hash_teardown});
		gbench_register(&(struct gbench_subject){"baseline/rte_hash-look-up", flows->label,
							 flows->flows, hash_setup, hash_look_up_run,
							 hash_teardown});
	}
}
