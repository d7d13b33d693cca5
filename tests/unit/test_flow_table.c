/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_flow_table.c: the table against a plain list, filled to the last entry, and under tuples that
 * were chosen to collide.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "flow_table.h"

struct memories {
	struct flow_table_memory memory;
	uint32_t live_by_rule[1];
};

static void *zeroed(size_t size)
{
	size_t whole = (size + 127) / 128 * 128;
	void *memory = aligned_alloc(128, whole);

	assert_non_null(memory);
	memset(memory, 0, whole);
	return memory;
}

static void table_init(struct flow_table *table, struct memories *memories, uint32_t capacity,
		       const uint8_t *random)
{
	memories->memory = (struct flow_table_memory){
		zeroed(flow_table_flows_size(capacity)), zeroed(flow_table_buckets_size(capacity)),
		zeroed(limit_size(capacity)), memories->live_by_rule};
	flow_table_init(table, capacity, &memories->memory, (struct flow_table_random){random, random});
}

static void memories_fini(struct memories *memories)
{
	free(memories->memory.flows);
	free(memories->memory.buckets);
	free(memories->memory.limit);
}

static struct flow_key key_of(uint32_t number)
{
	struct flow_key key = {
		.local = {10, 0, 0, 1}, .local_port = 443, .protocol = 17, .family = 4};

	memcpy(key.peer, &number, sizeof(number));
	return key;
}

static struct flow *find(const struct flow_table *table, uint32_t number)
{
	struct flow_key key = key_of(number);

	return flow_table_find(table, &key, flow_table_hash(table, &key));
}

static struct flow *insert(struct flow_table *table, uint32_t number)
{
	struct flow_key key = key_of(number);

	return flow_table_insert(table, &key, flow_table_hash(table, &key));
}

/* Whatever its size, the pool fills to the last entry, and all are found again. */
static void fills_to_the_last_entry(void **state)
{
	static const uint32_t capacities[] = {64, 65, 100, 1000, 4096, 65536, 300001};
	static const uint8_t random[32] = {1, 2, 3};

	(void)state;
	for (size_t c = 0; c < sizeof(capacities) / sizeof(capacities[0]); c++) {
		uint32_t capacity = capacities[c];
		struct memories memories;
		struct flow_table table;

		table_init(&table, &memories, capacity, random);
		for (uint32_t i = 0; i < capacity; i++)
			assert_non_null(insert(&table, i));
		assert_int_equal(table.used, capacity);
		assert_null(insert(&table, capacity));
		for (uint32_t i = 0; i < capacity; i++) {
			struct flow_key key = key_of(i);
			struct flow *flow = find(&table, i);

			assert_non_null(flow);
			assert_memory_equal(&flow->key, &key, sizeof(key));
		}
		assert_null(find(&table, capacity));
		for (uint32_t i = 0; i < capacity; i++)
			flow_table_remove(&table, find(&table, i));
		assert_int_equal(table.used, 0);
		assert_int_equal(table.taken, 0);
		memories_fini(&memories);
	}
}

/* The two ways to find a tag in a bucket find the same: all tags in all slots, and tags that come often. */
static void both_ways_find_the_same_slots(void **state)
{
	_Alignas(64) struct flow_bucket bucket;
	uint64_t draw = 88172645463325252u;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint16_t mask = i & 1 ? 3 : 0xffff;

		memset(&bucket, 0xff, sizeof(bucket));
		for (unsigned slot = 0; slot < FLOW_BUCKET_SLOTS; slot++) {
			draw ^= draw << 13;
			draw ^= draw >> 7;
			draw ^= draw << 17;
			bucket.tag[slot] = (uint16_t)(draw >> 40) & mask;
		}
		for (unsigned slot = 0; slot < FLOW_BUCKET_SLOTS; slot++) {
			uint16_t tag = bucket.tag[slot];

			assert_true(flow_bucket_slots_portable(&bucket, tag) >> slot & 1);
			assert_int_equal(flow_bucket_slots(&bucket, tag),
					 flow_bucket_slots_portable(&bucket, tag));
		}
		assert_int_equal(flow_bucket_slots(&bucket, 0),
				 flow_bucket_slots_portable(&bucket, 0));
	}
}

/* Random inserts and removes, nearly full all the time, against an array of what is there. */
static void agrees_with_a_list(void **state)
{
	enum { CAPACITY = 2000, NUMBERS = 2300 };
	static const uint8_t random[32] = {7};
	static struct flow *there[NUMBERS];
	struct memories memories;
	struct flow_table table;
	uint64_t draw = 88172645463325252u;
	uint32_t count = 0;

	(void)state;
	table_init(&table, &memories, CAPACITY, random);
	for (unsigned i = 0; i < 400000; i++) {
		uint32_t number;

		draw ^= draw << 13;
		draw ^= draw >> 7;
		draw ^= draw << 17;
		number = (uint32_t)(draw >> 32) % NUMBERS;
		assert_ptr_equal(find(&table, number), there[number]);
		if (there[number] != NULL && (draw & 7) == 0) {
			flow_table_remove(&table, there[number]);
			there[number] = NULL;
			count--;
		} else if (there[number] == NULL) {
			there[number] = insert(&table, number);
			assert_int_equal(there[number] != NULL, count < CAPACITY);
			count += there[number] != NULL;
		}
		assert_int_equal(table.used, count);
	}
	memories_fini(&memories);
}

/* However long nobody swept, once round is enough, and then only what the time asks for is due. */
static void a_sweep_that_is_behind_catches_up(void **state)
{
	enum { CAPACITY = 4096, ENTRIES_A_BURST = 64 };
	static const uint8_t random[32] = {1, 2, 3};
	static const uint32_t behind_ms[] = {1, 1000, 2000, 1000000, UINT32_MAX};

	(void)state;
	for (size_t b = 0; b < sizeof(behind_ms) / sizeof(behind_ms[0]); b++) {
		struct memories memories;
		struct flow_table table;

		table_init(&table, &memories, CAPACITY, random);
		for (unsigned i = 0; i < CAPACITY / ENTRIES_A_BURST; i++)
			flow_age_sweep(&table, behind_ms[b]);
		assert_int_equal(table.sweep_due, 0);
		table.sweep = 0;
		flow_age_sweep(&table, behind_ms[b] + 1);
		assert_int_equal(table.sweep, CAPACITY / 2000 + 1);
		memories_fini(&memories);
	}
}

/*
 * 2^20 tuples that all lead to one bucket in 64 under a key of zeros, as somebody who knew the key would
 * send them. Under a key that nobody knows they are as good as any others.
 */
static void chosen_tuples(void **state)
{
	enum { COUNT = 1 << 20, CROWD = 64 };
	static const uint8_t zeros[32], secret[32] = {0x5e, 0xc3, 0x7a, 0x01, 0x99};
	uint32_t *chosen = malloc(COUNT * sizeof(*chosen)), count = 0, kept = 0;
	struct memories memories;
	struct flow_table table;

	(void)state;
	assert_non_null(chosen);
	table_init(&table, &memories, COUNT, zeros);
	for (uint32_t number = 0; count < COUNT; number++) {
		struct flow_key key = key_of(number);
		uint64_t hash = flow_table_hash(&table, &key);

		if (flow_table_bucket(&table, hash) < table.bucket_count / CROWD)
			chosen[count++] = number;
	}
	for (uint32_t i = 0; i < COUNT; i++)
		kept += insert(&table, chosen[i]) != NULL;
	assert_true(kept < COUNT); /* they do crowd one another out of a table that has room */
	memories_fini(&memories);
	table_init(&table, &memories, COUNT, secret);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_non_null(insert(&table, chosen[i]));
	memories_fini(&memories);
	free(chosen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_to_the_last_entry),
		cmocka_unit_test(both_ways_find_the_same_slots),
		cmocka_unit_test(agrees_with_a_list),
		cmocka_unit_test(a_sweep_that_is_behind_catches_up),
		cmocka_unit_test(chosen_tuples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
