/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_baseline.c: what the subjects are held against, in the same run.
 *
 *	empty/FLOWS		the same frames described in the same bursts, and nothing decided
 *	memory-limit/FLOWS	two random cache lines a packet: memory_limit.h
 *	rte_hash/FLOWS		DPDK's rte_hash_lookup_bulk of 32 keys of 16 bytes, and one 64-byte
 *				state updated for each
 *	rte_hash-look-up/FLOWS	the look-up alone
 *
 * rte_hash gets the same kind of memory as we do, by way of a heap of its own.
 */
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"
#include "memory_limit.h"
#include "subjects.h"
#include "traffic.h"

#define LINE         64
#define LOAD_PERCENT 85
#define PAGE         ((size_t)2 << 20)

/* ---- empty ------------------------------------------------------------------------------------ */

static void *empty_setup(const void *plan, char *message, unsigned message_size)
{
	const struct subjects_number *flows = plan;
	const struct traffic_plan traffic = {
		.live = flows->value, .rules = 1, .matcher = SEKISHO_MATCHER_COMPILED};

	return traffic_create(&traffic, message, message_size);
}

static void empty_teardown(void *world)
{
	traffic_destroy(world);
}

static void empty_run(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	struct sekisho_frame burst[FRAMES_BURST];
	uint64_t sum = 0, packets = 0;

	while (gbench_next(state)) {
		frames_take(&traffic->live, burst);
		for (unsigned i = 0; i < FRAMES_BURST; i++)
			sum += burst[i].data[30];
		packets += FRAMES_BURST;
	}
	__asm__ volatile("" : : "r"(sum));
	gbench_items(state, packets);
}

/* ---- memory limit ----------------------------------------------------------------------------- */

static void limit_teardown(void *world)
{
	memory_limit_fini(world);
	free(world);
}

static void *limit_setup(const void *plan, char *message, unsigned message_size)
{
	const struct subjects_number *flows = plan;
	struct memory_limit *limit = calloc(1, sizeof(*limit));

	if (limit != NULL && memory_limit_init(limit, flows->value))
		return limit;
	snprintf(message, message_size, "not enough memory");
	if (limit != NULL)
		limit_teardown(limit);
	return NULL;
}

static void limit_run(struct gbench_state *state, void *world)
{
	uint64_t packets = 0;

	while (gbench_next(state)) {
		memory_limit_burst(world);
		packets += MEMORY_LIMIT_BURST;
	}
	gbench_items(state, packets);
}

/* ---- rte_hash --------------------------------------------------------------------------------- */

struct hash_key {
	uint32_t local, peer;
	uint16_t local_port, peer_port;
	uint32_t rest;
};

struct hash_world {
	char name[32]; /* of the heap and the hash */
	void *heap;
	size_t heap_size;
	bool heap_added;
	struct rte_hash *hash;
	struct hash_key *keys;   /* in a random order */
	uint8_t (*states)[LINE]; /* by the position that the hash gives */
	uint32_t flows, entries;
};

static void hash_teardown(void *given)
{
	struct hash_world *world = given;

	rte_hash_free(world->hash);
	if (world->heap_added) {
		rte_malloc_heap_memory_remove(world->name, world->heap, world->heap_size);
		rte_malloc_heap_destroy(world->name);
	}
	memory_give(world->heap, world->heap_size);
	memory_give(world->states, ((size_t)world->entries + 1) * LINE);
	memory_give(world->keys, (size_t)world->flows * sizeof(*world->keys));
	free(world);
}

/* A heap of our kind of memory, as large as a hash of so many entries may be. */
static bool heap_make(struct hash_world *world)
{
	size_t rounded = 1;

	while (rounded < world->entries)
		rounded *= 2;
	world->heap_size = (rounded * 96 + world->entries * 64 + 32 * PAGE) / PAGE * PAGE;
	world->heap = memory_take(world->heap_size);
	if (world->heap == NULL || rte_malloc_heap_create(world->name) != 0)
		return false;
	world->heap_added = rte_malloc_heap_memory_add(world->name, world->heap, world->heap_size,
						       NULL, 0, PAGE) == 0;
	if (!world->heap_added)
		rte_malloc_heap_destroy(world->name);
	return world->heap_added;
}

static bool hash_make(struct hash_world *world)
{
	const struct rte_hash_parameters parameters = {
		.name = world->name,
		.entries = world->entries,
		.key_len = sizeof(struct hash_key),
		.hash_func = rte_hash_crc,
		.socket_id = rte_malloc_heap_get_socket(world->name),
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};

	world->hash = rte_hash_create(&parameters);
	world->keys = memory_take((size_t)world->flows * sizeof(*world->keys));
	world->states = memory_take(((size_t)world->entries + 1) * LINE);
	return world->hash != NULL && world->keys != NULL && world->states != NULL;
}

static bool hash_fill(struct hash_world *world)
{
	uint64_t random = FRAMES_RANDOM;

	for (uint32_t i = 0; i < world->flows; i++) {
		world->keys[i] = (struct hash_key){0x0a000001, 0xc6336401 + (i >> 12),
						   (uint16_t)(20000 + (i & 0xfff)), 443, 17};
		if (rte_hash_add_key(world->hash, &world->keys[i]) < 0)
			return false;
	}
	for (uint32_t i = world->flows; i > 1; i--) {
		uint32_t j = (uint32_t)((uint64_t)frames_draw(&random) * i >> 32);
		struct hash_key swapped = world->keys[i - 1];

		world->keys[i - 1] = world->keys[j];
		world->keys[j] = swapped;
	}
	return true;
}

static void *hash_setup(const void *plan, char *message, unsigned message_size)
{
	static unsigned serial;
	const struct subjects_number *flows = plan;
	struct hash_world *world = calloc(1, sizeof(*world));

	snprintf(message, message_size, "not enough memory");
	if (world == NULL)
		return NULL;
	snprintf(world->name, sizeof(world->name), "bench%u", serial++);
	world->flows = flows->value;
	world->entries = (uint32_t)((uint64_t)flows->value * 100 / LOAD_PERCENT);
	if (heap_make(world) && hash_make(world) && hash_fill(world))
		return world;
	if (rte_errno != 0)
		snprintf(message, message_size, "rte_hash: %s", rte_strerror(rte_errno));
	hash_teardown(world);
	return NULL;
}

/* Look the next burst of keys up. */
static inline void hash_burst(struct hash_world *world, uint32_t *next, int32_t *positions)
{
	const void *keys[FRAMES_BURST];

	if (*next + FRAMES_BURST > world->flows)
		*next = 0;
	for (unsigned i = 0; i < FRAMES_BURST; i++)
		keys[i] = &world->keys[(*next)++];
	rte_hash_lookup_bulk(world->hash, keys, FRAMES_BURST, positions);
}

static void hash_run(struct gbench_state *state, void *given)
{
	struct hash_world *world = given;
	uint64_t packets = 0;
	uint32_t next = 0;

	while (gbench_next(state)) {
		int32_t positions[FRAMES_BURST];

		hash_burst(world, &next, positions);
		for (unsigned i = 0; i < FRAMES_BURST; i++)
			__builtin_prefetch(world->states[positions[i]], 1);
		for (unsigned i = 0; i < FRAMES_BURST; i++)
			(*(uint64_t *)world->states[positions[i]])++;
		packets += FRAMES_BURST;
	}
	gbench_items(state, packets);
}

static void hash_look_up_run(struct gbench_state *state, void *given)
{
	struct hash_world *world = given;
	uint64_t packets = 0;
	uint32_t next = 0;

	while (gbench_next(state)) {
		int32_t positions[FRAMES_BURST];

		hash_burst(world, &next, positions);
		packets += FRAMES_BURST;
	}
	gbench_items(state, packets);
}

void bench_baseline_register(void)
{
	static const struct {
		const char *name;
		struct gbench_kind kind;
	} subjects[] = {
		{"empty", {empty_setup, empty_run, empty_teardown, 0}},
		{"memory-limit", {limit_setup, limit_run, limit_teardown, 0}},
		{"rte_hash", {hash_setup, hash_run, hash_teardown, 0}},
		{"rte_hash-look-up", {hash_setup, hash_look_up_run, hash_teardown, 0}},
	};

	for (unsigned s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++)
		for (unsigned i = 0; i < SUBJECTS_FLOWS; i++)
			gbench_register(&subjects[s].kind, subjects[s].name,
					subjects_flows[i].label, &subjects_flows[i]);
}
