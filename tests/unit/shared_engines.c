/* SPDX-License-Identifier: BSD-3-Clause */
/* shared_engines.c: see shared_engines.h. */
#include "shared_engines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RELEASES 8

static struct sekisho_engine *engine_make(const struct shared_engines *shared, uint32_t flows,
					  uint8_t random)
{
	struct sekisho_engine_config config = {.flows = flows,
					       .flows_together = flows * shared->count,
					       .zones = 2,
					       .names = shared->names};
	struct sekisho_engine *engine;
	char message[128];

	memset(config.hash_key, random, sizeof(config.hash_key));
	engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(engine);
	sekisho_engine_set_policy(engine, 0, shared->policy);
	sekisho_engine_set_policy(engine, 1, shared->policy);
	return engine;
}

void shared_engines_init(struct shared_engines *shared, unsigned count,
			 const struct sekisho_policy_spec *spec, uint32_t flows)
{
	const uint8_t random[32] = "the owners' secret of these test";
	char message[128];

	memset(shared, 0, sizeof(*shared));
	shared->count = count;
	shared->names = sekisho_rule_names_create(sekisho_policy_spec_names(spec) + 1);
	assert_non_null(shared->names);
	shared->policy = sekisho_policy_create(spec, shared->names, message, sizeof(message));
	assert_non_null(shared->policy);
	shared->alone = engine_make(shared, flows, 7);
	for (unsigned i = 0; i < count; i++)
		shared->engines[i] = engine_make(shared, flows, (uint8_t)(20 + i));
	sekisho_engines_share_limits(shared->engines, count);
	sekisho_owners_init(&shared->owners, count, random);
}

static void release(struct shared_engines *shared, struct sekisho_engine *engine, unsigned whose)
{
	struct sekisho_release releases[RELEASES];
	unsigned count;

	do {
		count = sekisho_engine_release(engine, releases, RELEASES);
		for (unsigned i = 0; i < count; i++)
			shared->released[whose][(uintptr_t)releases[i].handle] =
				(uint8_t)(releases[i].verdict.reason + 1);
	} while (count == RELEASES);
}

enum sekisho_reason shared_engines_judge(struct shared_engines *shared, uint32_t now_ms,
					 const struct sekisho_frame *frame)
{
	uint32_t owner = sekisho_frame_owner(&shared->owners, frame);
	struct sekisho_verdict alone, shares;
	struct sekisho_frame numbered = *frame;

	assert_true(shared->packets < SHARED_PACKETS_MAX);
	assert_true(owner < shared->count || owner == SEKISHO_OWNER_ANY);
	if (owner == SEKISHO_OWNER_ANY)
		owner = shared->packets % shared->count;
	numbered.handle = (void *)(uintptr_t)shared->packets++;
	sekisho_engine_burst(shared->alone, now_ms, &numbered, 1, &alone);
	for (unsigned i = 0; i < shared->count; i++)
		sekisho_engine_burst(shared->engines[i], now_ms, &numbered, i == owner, &shares);
	if (alone.reason != shares.reason)
		print_message("packet %u: %s by one engine, %s by %u\n", shared->packets - 1,
			      sekisho_reason_word(alone.reason), sekisho_reason_word(shares.reason),
			      shared->count);
	assert_int_equal(alone.reason, shares.reason);
	assert_int_equal(alone.bound, shares.bound);
	assert_int_equal(alone.opened, shares.opened);
	assert_int_equal(alone.rule, shares.rule);
	release(shared, shared->alone, 0);
	for (unsigned i = 0; i < shared->count; i++)
		release(shared, shared->engines[i], 1);
	return alone.reason;
}

void shared_engines_fini(struct shared_engines *shared)
{
	struct sekisho_stats alone, one;
	uint64_t created = 0;

	assert_memory_equal(shared->released[0], shared->released[1], shared->packets);
	sekisho_engine_stats(shared->alone, &alone);
	for (unsigned i = 0; i < shared->count; i++) {
		sekisho_engine_stats(shared->engines[i], &one);
		created += one.flows_created;
		sekisho_engine_destroy(shared->engines[i]);
	}
	assert_int_equal(alone.flows_created, created);
	sekisho_engine_destroy(shared->alone);
	sekisho_policy_destroy(shared->policy);
	sekisho_rule_names_destroy(shared->names);
}
