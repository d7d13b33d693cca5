/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_table.c: the flow table by itself, without packets.
 *
 *	look-up/FLOWS	hash and find 32 keys that are there, as the packet path does, at 85 %
 *	insert/PERCENT	hash and insert keys, 32 at a time, into a table for 1M and more that is so full
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_table.h"
#include "frames.h"
#include "memory.h"
#include "subjects.h"

#define LOAD_PERCENT 85
#define WINDOW       8192 /* keys that are inserted and taken out again */

struct table_plan {
	uint32_t flows; /* in the table all the time */
	uint32_t room;
	uint32_t fresh; /* keys besides, to insert */
};

struct world {
	struct table_plan plan;
	struct flow_table table;
	struct flow_table_memory memory;
	uint32_t no_rules;     /* what live_by_rule points to */
	struct flow_key *keys; /* of the flows, then the fresh ones; in a random order */
	uint32_t next;
};

static struct flow_key key_of(uint32_t number)
{
	struct flow_key key = {
		.local = {10, 0, 0, 1},
		.peer = {198, 51, (uint8_t)(number >> 20), (uint8_t)(number >> 12)},
		.local_port = (uint16_t)(20000 + (number & 0xfff)),
		.peer_port = 443,
		.protocol = 17,
		.family = SEKISHO_IPV4,
	};

	return key;
}

static size_t keys_size(const struct table_plan *plan)
{
	return ((size_t)plan->flows + plan->fresh) * sizeof(struct flow_key);
}

static void teardown(void *given)
{
	struct world *world = given;

	memory_give(world->memory.flows, flow_table_flows_size(world->plan.room));
	memory_give(world->memory.buckets, flow_table_buckets_size(world->plan.room));
	memory_give(world->memory.limit, limit_size(world->plan.room));
	memory_give(world->keys, keys_size(&world->plan));
	free(world);
}

static bool memories_take(struct world *world)
{
	const struct table_plan *plan = &world->plan;

	world->memory = (struct flow_table_memory){
		.flows = memory_take(flow_table_flows_size(plan->room)),
		.buckets = memory_take(flow_table_buckets_size(plan->room)),
		.limit = memory_take(limit_size(plan->room)),
		.live_by_rule = &world->no_rules};
	world->keys = memory_take(keys_size(plan));
	return world->memory.flows != NULL && world->memory.buckets != NULL &&
	       world->memory.limit != NULL && world->keys != NULL;
}

/* Shuffle keys [first, first + count). */
static void shuffle(struct flow_key *keys, uint32_t count)
{
	uint64_t random = FRAMES_RANDOM;

	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)((uint64_t)frames_draw(&random) * i >> 32);
		struct flow_key swapped = keys[i - 1];

		keys[i - 1] = keys[j];
		keys[j] = swapped;
	}
}

static struct flow *insert(struct world *world, const struct flow_key *key)
{
	return flow_table_insert(&world->table, key, flow_table_hash(&world->table, key));
}

static void *setup(const void *plan, char *message, unsigned message_size)
{
	static const uint8_t random[32] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
	struct world *world = calloc(1, sizeof(*world));

	snprintf(message, message_size, "not enough memory");
	if (world == NULL)
		return NULL;
	world->plan = *(const struct table_plan *)plan;
	if (!memories_take(world)) {
		teardown(world);
		return NULL;
	}
	flow_table_init(&world->table, world->plan.room, &world->memory, random);
	for (uint32_t i = 0; i < world->plan.flows + world->plan.fresh; i++)
		world->keys[i] = key_of(i);
	for (uint32_t i = 0; i < world->plan.flows; i++)
		if (insert(world, &world->keys[i]) == NULL) {
			snprintf(message, message_size, "flow %u of %u finds no room", i,
				 world->plan.flows);
			teardown(world);
			return NULL;
		}
	shuffle(world->keys, world->plan.flows);
	return world;
}

/* ---- look-up ---------------------------------------------------------------------------------- */

/* Find a burst of keys in the stages of the packet path; returns how many were there. */
static unsigned find(const struct flow_table *table, const struct flow_key *keys)
{
	const struct flow *candidate[FRAMES_BURST];
	uint64_t hash[FRAMES_BURST];
	unsigned found = 0;

	for (unsigned i = 0; i < FRAMES_BURST; i++) {
		hash[i] = flow_table_hash(table, &keys[i]);
		flow_table_prefetch(table, hash[i]);
	}
	for (unsigned i = 0; i < FRAMES_BURST; i++) {
		candidate[i] = flow_table_candidate(table, hash[i]);
		__builtin_prefetch(candidate[i]);
	}
	for (unsigned i = 0; i < FRAMES_BURST; i++)
		found += flow_is(candidate[i], &keys[i]) ||
			 flow_table_find(table, &keys[i], hash[i]) != NULL;
	return found;
}

static void look_up_run(struct gbench_state *state, void *given)
{
	struct world *world = given;
	uint64_t sought = 0, found = 0;

	while (gbench_next(state)) {
		if (world->next + FRAMES_BURST > world->plan.flows)
			world->next = 0;
		found += find(&world->table, &world->keys[world->next]);
		world->next += FRAMES_BURST;
		sought += FRAMES_BURST;
	}
	gbench_items(state, sought);
	gbench_counter(state, "flows", world->plan.flows);
	gbench_expect_none_lost(state, sought - found);
}

/* ---- insert ----------------------------------------------------------------------------------- */

static void remove_all(struct flow_table *table, struct flow **flows, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (flows[i] != NULL)
			flow_table_remove(table, flows[i]);
}

/* Insert a burst of keys whose buckets have been asked for. */
static void insert_burst(struct flow_table *table, const struct flow_key *keys,
			 struct flow **inserted)
{
	uint64_t hash[FRAMES_BURST];

	for (unsigned i = 0; i < FRAMES_BURST; i++) {
		hash[i] = flow_table_hash(table, &keys[i]);
		flow_table_prefetch(table, hash[i]);
	}
	for (unsigned i = 0; i < FRAMES_BURST; i++)
		inserted[i] = flow_table_insert(table, &keys[i], hash[i]);
}

static void insert_run(struct gbench_state *state, void *given)
{
	static struct flow *inserted[WINDOW];
	struct world *world = given;
	struct flow_table *table = &world->table;
	uint64_t done = 0, refused = 0;
	unsigned window = 0;

	while (gbench_next(state)) {
		insert_burst(table, &world->keys[world->plan.flows + window], &inserted[window]);
		window += FRAMES_BURST;
		done += FRAMES_BURST;
		if (window < world->plan.fresh)
			continue;
		gbench_pause(state);
		for (unsigned i = 0; i < window; i++)
			refused += inserted[i] == NULL;
		remove_all(table, inserted, window);
		window = 0;
		gbench_resume(state);
	}
	gbench_items(state, done);
	gbench_counter(state, "flows", world->plan.flows);
	gbench_expect_none_lost(state, refused);
	gbench_counter(state, "slots_used_percent",
		       100.0 * world->plan.flows * sizeof(struct flow_bucket) / FLOW_BUCKET_SLOTS /
			       (double)flow_table_buckets_size(world->plan.room));
	remove_all(table, inserted, window);
}

/* The most flows that the buckets of SUBJECTS_LIVE flows are meant for: there they are fullest. */
static uint32_t fullest_room(void)
{
	uint32_t room = SUBJECTS_LIVE;
	size_t buckets = flow_table_buckets_size(room);

	while (flow_table_buckets_size(room + SUBJECTS_LIVE / 64) == buckets)
		room += SUBJECTS_LIVE / 64;
	return room;
}

void bench_table_register(void)
{
	static const struct gbench_kind look_up = {setup, look_up_run, teardown, 0};
	static const struct gbench_kind insert_kind = {setup, insert_run, teardown, 0};
	static const struct subjects_number loads[] = {
		{"50", 50}, {"60", 60}, {"70", 70}, {"80", 80}, {"85", 85}, {"90", 90}, {"95", 95}};
	static struct table_plan flows[SUBJECTS_FLOWS], inserts[sizeof(loads) / sizeof(loads[0])];

	for (unsigned i = 0; i < SUBJECTS_FLOWS; i++) {
		flows[i].flows = subjects_flows[i].value;
		flows[i].room = (uint32_t)((uint64_t)flows[i].flows * 100 / LOAD_PERCENT);
		gbench_register(&look_up, "look-up", subjects_flows[i].label, &flows[i]);
	}
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		inserts[i] = (struct table_plan){
			.flows = (uint32_t)((uint64_t)fullest_room() * loads[i].value / 100),
			.room = fullest_room(),
			.fresh = WINDOW};
		gbench_register(&insert_kind, "insert", loads[i].label, &inserts[i]);
	}
}
