/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_shadow.c: a shadow beside an engine: what it counts as different, and fragments, which either may hold
 * while the other has decided.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <shadow.h>

#include "bench.h"

#define FRAME_MAX 2048
#define WAITS     4096 /* packets until a place of the waiting table is taken again */

/* Two fragments of one datagram: `ip 6` is the upper half of flags and offset, `ip 7` the lower. */
#define FIRST "out ip 6 32 udp 500 500 size 24 junk"
#define LATER "out ip 7 4 udp 500 500 size 24 junk"

struct scene {
	struct bench enforced, beside; /* of the second one only the policy is used */
	struct shadow_policy policy;
	struct shadow *shadow;
	uint32_t now_ms;
};

static void shadow_begin(struct scene *scene)
{
	const struct sekisho_engine_config like = {.flows = 1024, .zones = 1};
	char message[SHADOW_MESSAGE_SIZE];

	scene->policy = (struct shadow_policy){.names = scene->beside.names,
					       .policy = scene->beside.policy};
	scene->shadow = shadow_create(&scene->policy, scene->enforced.engine, &like, message);
	assert_non_null(scene->shadow);
}

static void scene_init(struct scene *scene, enum sekisho_semantics beside)
{
	*scene = (struct scene){0};
	bench_init(&scene->enforced, 1024);
	bench_founding(&scene->enforced, SEKISHO_AWS_LIKE);
	bench_init(&scene->beside, 1024);
	bench_founding(&scene->beside, beside);
}

static void scene_fini(struct scene *scene)
{
	shadow_destroy(scene->shadow);
	bench_fini(&scene->enforced);
	bench_fini(&scene->beside);
}

/* What a worker does with one packet. */
static void pass_by(struct scene *scene, const char *text)
{
	uint8_t bytes[FRAME_MAX], direction;
	struct sekisho_frame frame = {.data = bytes};
	struct sekisho_release releases[16];
	struct sekisho_verdict verdict;
	unsigned count;

	frame.captured = frame.length = packets_build(text, bytes, &direction);
	frame.direction = direction;
	shadow_burst(scene->shadow, ++scene->now_ms, &frame, 1, &verdict);
	do {
		count = sekisho_engine_release(scene->enforced.engine, releases, 16);
		shadow_released(scene->shadow, releases, count);
	} while (count == 16);
}

static void counts_are(const struct scene *scene, uint64_t packets, uint64_t differ,
		       uint64_t uncompared)
{
	struct shadow_counts counts;

	shadow_counts_read(scene->shadow, &counts);
	assert_int_equal(counts.packets, packets);
	assert_int_equal(counts.differ, differ);
	assert_int_equal(counts.uncompared, uncompared);
}

static void crossing(struct scene *scene)
{
	pass_by(scene, "out udp 500 500 ike2 A 0 I 34");
	pass_by(scene, "in udp 500 500 ike2 B 0 I 34");
}

static void pairs_of_reasons(void **state)
{
	struct shadow_pair pair;
	struct scene scene;

	(void)state;
	scene_init(&scene, SEKISHO_STRICT);
	shadow_begin(&scene);
	crossing(&scene);
	counts_are(&scene, 2, 1, 0);
	assert_true(shadow_pair_read(scene.shadow, 0, &pair));
	assert_int_equal(pair.reasons[SHADOW_ENFORCED], SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(pair.reasons[SHADOW_BESIDE], SEKISHO_REASON_NO_PROOF_IKE);
	assert_int_equal(pair.packets, 1);
	assert_int_equal(pair.sample_count, 1);
	assert_int_equal(pair.samples[0].tuple.source_port, 500);
	assert_false(shadow_pair_read(scene.shadow, 1, &pair));
	scene_fini(&scene);
}

static void equal_policies(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, SEKISHO_AWS_LIKE);
	shadow_begin(&scene);
	crossing(&scene);
	pass_by(&scene, LATER);
	pass_by(&scene, FIRST);
	counts_are(&scene, 4, 0, 0);
	scene_fini(&scene);
}

/* Both hold what comes before the first; it is compared when both have decided. */
static void held_by_both(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, SEKISHO_STRICT);
	shadow_begin(&scene);
	pass_by(&scene, LATER);
	counts_are(&scene, 0, 0, 0);
	pass_by(&scene, FIRST);
	counts_are(&scene, 2, 0, 0);
	scene_fini(&scene);
}

/* A shadow that begins later numbers packets otherwise, and finds those that it holds all the same. */
static void begun_later(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, SEKISHO_STRICT);
	for (unsigned i = 0; i < 5; i++)
		bench_send(&scene.enforced, scene.now_ms, "out udp 7 7 junk");
	bench_send(&scene.enforced, scene.now_ms, LATER);
	shadow_begin(&scene);
	pass_by(&scene, "out ip 5 9 ip 7 4 udp 500 500 size 24 junk");
	pass_by(&scene, "out ip 5 9 ip 6 32 udp 500 500 size 24 junk");
	counts_are(&scene, 2, 0, 0);
	/* what the engine held before the shadow began is nobody's to compare; its first one is */
	pass_by(&scene, FIRST);
	counts_are(&scene, 3, 0, 0);
	scene_fini(&scene);
}

/* Only one of them holds: the shadow has not seen the first fragment. */
static void held_by_one(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, SEKISHO_AWS_LIKE);
	bench_send(&scene.enforced, scene.now_ms, FIRST);
	shadow_begin(&scene);
	pass_by(&scene, LATER);
	counts_are(&scene, 0, 0, 0);
	scene.now_ms += 31000; /* its time is over, and the shadow drops it */
	pass_by(&scene, "out udp 7 7 junk");
	counts_are(&scene, 2, 1, 0);
	scene_fini(&scene);
}

/* One that waits so long that its place is wanted by another is counted as not compared. */
static void forgotten(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene, SEKISHO_AWS_LIKE);
	shadow_begin(&scene);
	pass_by(&scene, LATER);
	for (unsigned i = 1; i < WAITS; i++)
		pass_by(&scene, "out udp 7 7 junk");
	pass_by(&scene, "out ip 5 9 ip 7 4 udp 500 500 size 24 junk");
	counts_are(&scene, WAITS - 1, 0, 1);
	pass_by(&scene, FIRST);
	counts_are(&scene, WAITS, 0, 1);
	pass_by(&scene, "out ip 5 9 ip 6 32 udp 500 500 size 24 junk");
	counts_are(&scene, WAITS + 2, 0, 1);
	scene_fini(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_of_reasons), cmocka_unit_test(equal_policies),
		cmocka_unit_test(held_by_both),     cmocka_unit_test(begun_later),
		cmocka_unit_test(held_by_one),      cmocka_unit_test(forgotten),
	};

	return cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
