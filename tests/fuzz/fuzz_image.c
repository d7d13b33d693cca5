/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_image.c: any bytes as a flow image. As a file they mostly fail by a checksum, so bytes behind an
 * even first one are taken for the records of an image that is otherwise sound; the second and third
 * choose the policies. What is imported must be a state that packets, ageing and another export can live
 * with, and what an engine exports it must be able to read.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <image.h>

#include "craft.h"
#include "fuzz.h"
#include "policies.h"

#define FLOWS    64
#define ZONES    2
#define RULES    4
#define HEAD     4
#define EXPORT   (FLOWS * SEKISHO_RECORD_MAX + SEKISHO_RECORD_MAX)
#define LATER_MS (432000u * 1000u)

struct scene {
	struct sekisho_engine *engine;
	struct sekisho_record_terms terms;
	uint64_t down_ms;
	uint32_t now;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	policies_init();
	return 0;
}

static struct sekisho_engine *engine_create(const uint8_t *head)
{
	struct sekisho_engine_config config = {.flows = FLOWS,
					       .fragments = 4,
					       .held = 4,
					       .held_bytes = 4096,
					       .zones = ZONES,
					       .names = policies_names()};
	char message[256];
	struct sekisho_engine *engine = sekisho_engine_create(&config, message, sizeof(message));

	FUZZ_CHECK(engine != NULL);
	for (uint16_t zone = 0; zone < ZONES; zone++)
		sekisho_engine_set_policy(engine, zone, policies_get(head[1 + zone]));
	return engine;
}

static void import(void *context, const uint8_t *bytes, size_t length,
		   const struct sekisho_record_owner *owner)
{
	const struct scene *scene = context;

	FUZZ_CHECK(owner->zone < scene->terms.zone_count);
	FUZZ_CHECK(sekisho_engine_import(scene->engine, scene->now, scene->down_ms, bytes, length,
					 &scene->terms) != SEKISHO_IMPORT_UNSOUND);
}

/* Packets of some protocols, both ways: what they meet was made by the input. */
static void talk(const struct scene *scene)
{
	static const uint8_t protocols[] = {1, 6, 17, 50, 58};
	static const uint16_t ports[] = {500, 4500, 53, 80, 51820};
	uint8_t bytes[CRAFT_FRAME_MAX], l4[64];

	for (unsigned i = 0; i < 100; i++) {
		struct craft craft = {.from = i & 1 ? 1 : 2,
				      .to = i & 1 ? 2 : 1,
				      .v6 = i & 2,
				      .protocol = protocols[i / 4 % 5],
				      .hop_limit = 64};
		struct sekisho_frame frame = {.data = bytes, .direction = i & 1, .zone = i / 50};
		struct sekisho_verdict verdict;

		memset(l4, (int)i, sizeof(l4));
		craft_put16(l4, ports[i / 20]);
		craft_put16(l4 + 2, ports[i / 20]);
		if (craft.protocol == 17)
			craft_put16(l4 + 4, sizeof(l4));
		if (craft.protocol == 6)
			craft_put16(l4 + 12, 0x5010);
		craft_checksum(&craft, l4, sizeof(l4));
		frame.length = frame.captured = craft_frame(&craft, l4, sizeof(l4), bytes);
		sekisho_engine_burst(scene->engine, scene->now, &frame, 1, &verdict);
	}
}

/* What an engine tells of itself it takes back. */
static void hand_on(struct scene *scene, const uint8_t *head)
{
	struct sekisho_export export = {.base_ms = scene->now, .now_ms = scene->now};
	static uint8_t records[EXPORT];
	struct sekisho_engine *next = engine_create(head);
	static uint32_t rules[1 << 16];
	static const uint16_t zones[ZONES] = {0, 1};
	struct sekisho_record_owner owner;
	size_t used = 0;

	scene->terms.rule_count = sekisho_rule_names_count(policies_names());
	FUZZ_CHECK(scene->terms.rule_count <= sizeof(rules) / sizeof(rules[0]));
	for (uint32_t i = 0; i < scene->terms.rule_count; i++)
		rules[i] = i;
	scene->terms.rules = rules;
	scene->terms.zones = zones;
	scene->terms.zone_count = ZONES;
	while (!export.done)
		used += sekisho_engine_export(scene->engine, &export, records + used,
					      sizeof(records) - used);
	for (size_t at = 0, length; at < used; at += length) {
		length = sekisho_record_check(records + at, used - at, &scene->terms, &owner);
		FUZZ_CHECK(length > 0);
		FUZZ_CHECK(sekisho_engine_import(next, 0, 0, records + at, length, &scene->terms) !=
			   SEKISHO_IMPORT_UNSOUND);
	}
	sekisho_engine_destroy(next);
}

static void run(const struct image *image, const uint8_t *head)
{
	static const uint16_t zones[ZONES + 1] = {0, 1, UINT16_MAX};
	static const uint32_t rules[RULES] = {0, SEKISHO_RULE_NONE, 1, 2};
	struct scene scene = {
		.engine = engine_create(head),
		.terms = {zones, rules, image->header.zone_count, image->header.rule_count},
		.down_ms = (uint64_t)head[3] * head[3],
		.now = head[3] * 0x01010101u};
	const struct image_visitor visitor = {.record = import, .context = &scene};
	struct sekisho_stats stats;

	/* the numbers of a file that says so itself are not ours to map */
	if (scene.terms.zone_count <= ZONES + 1 && scene.terms.rule_count <= RULES)
		FUZZ_CHECK(image_walk(image, &visitor));
	talk(&scene);
	hand_on(&scene, head);
	for (unsigned i = 0; i < 12; i++)
		sekisho_engine_burst(scene.engine, scene.now += LATER_MS / 10, NULL, 0, NULL);
	sekisho_engine_stats(scene.engine, &stats);
	FUZZ_CHECK(stats.flows == 0 && stats.flows_half_open == 0 &&
		   stats.flows_available == stats.flows_capacity);
	sekisho_engine_destroy(scene.engine);
}

/* An image around records; as many as are sound. */
static void wrap(int fd, const uint8_t *records, size_t size)
{
	const struct sekisho_record_terms bounds = {.zone_count = ZONES + 1, .rule_count = RULES};
	const uint8_t key[32] = {0};
	struct sekisho_record_owner owner;
	struct image_writer writer;
	size_t at = 0, length;

	image_begin(&writer, fd, 1, key);
	while ((length = sekisho_record_check(records + at, size - at, &bounds, &owner)) > 0) {
		image_add_records(&writer, records + at, length, 1);
		at += length;
	}
	for (unsigned i = 0; i < ZONES + 1; i++)
		image_add_zone(&writer, "edge");
	for (unsigned i = 0; i < RULES; i++)
		image_add_rule(&writer, "rule");
	FUZZ_CHECK(image_end(&writer) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[IMAGE_MESSAGE_MAX];
	bool wrapped = size > 0 && data[0] % 2 == 0;
	struct image image;
	int fd;

	if (size < HEAD)
		return 0;
	fd = open(fuzz_file(data + HEAD, wrapped ? 0 : size - HEAD), O_RDWR | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	if (wrapped)
		wrap(fd, data + HEAD, size - HEAD);
	if (image_open(&image, fd, message) == 0) {
		run(&image, data);
		image_close(&image);
	} else {
		FUZZ_CHECK(!wrapped && message[0] != '\0');
	}
	close(fd);
	return 0;
}
