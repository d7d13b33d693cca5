/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * instructions.c: the main subjects for callgrind, which counts the instructions of measured().
 *
 *	instructions			names the subjects
 *	instructions SUBJECT		goes through one and prints how many packets that were
 *
 * Unlike times, counts are the same on a busy machine. No EAL, whose start would take longer than all
 * else; so rules are matched one by one, and there are few. See instructions.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_flows.h"
#include "packet.h"
#include "traffic.h"

#define FLOWS  1024
#define BURSTS 64
#define RULES  10
#define LIFE_MS 30000 /* AWS-46: of an unanswered UDP flow */

struct subject {
	const char *name;
	void *(*setup)(const struct subject *subject, char *message, unsigned message_size);
	unsigned (*burst)(void *world); /* returns how many packets went well */
	void (*teardown)(void *world);
	struct traffic_plan plan; /* of those with an engine */
};

/* ---- with an engine --------------------------------------------------------------------------- */

static void *traffic_setup(const struct subject *subject, char *message, unsigned message_size)
{
	return traffic_create(&subject->plan, message, message_size);
}

static unsigned live_burst(void *world)
{
	struct traffic *traffic = world;

	return traffic_burst(traffic, &traffic->live);
}

static unsigned fresh_burst(void *world)
{
	struct traffic *traffic = world;

	return traffic_burst(traffic, &traffic->fresh);
}

/* Flows that are all over, and have not been looked at since. */
static void *expire_setup(const struct subject *subject, char *message, unsigned message_size)
{
	struct traffic *traffic = traffic_setup(subject, message, message_size);

	for (unsigned i = 0; traffic != NULL && i < BURSTS; i++)
		traffic_burst(traffic, &traffic->fresh);
	if (traffic != NULL)
		traffic->now_ms += LIFE_MS;
	return traffic;
}

/* A burst without packets; returns how many flows it ended. */
static unsigned expire_burst(void *world)
{
	uint32_t before = traffic_flows(world);

	traffic_idle(world);
	return before - traffic_flows(world);
}

static void traffic_teardown(void *world)
{
	traffic_destroy(world);
}

/* ---- parts ------------------------------------------------------------------------------------ */

static void *table_setup(const struct subject *subject, char *message, unsigned message_size)
{
	const struct bench_flows_plan plan = {.flows = FLOWS, .room = FLOWS * 100 / 85};

	(void)subject;
	return bench_flows_create(&plan, message, message_size);
}

static unsigned table_burst(void *world)
{
	return bench_flows_find(world);
}

static void table_teardown(void *world)
{
	bench_flows_destroy(world);
}

struct parse_world {
	uint8_t frame[64];
};

static void *parse_ipv4_setup(const struct subject *subject, char *message, unsigned message_size)
{
	const struct frames_spec spec = {
		.space = &frames_space_default, .kind = FRAMES_UDP, .length = 60};
	struct parse_world *world = calloc(1, sizeof(*world));

	(void)subject;
	snprintf(message, message_size, "not enough memory");
	if (world != NULL)
		frames_write(world->frame, &spec);
	return world;
}

static void *parse_ipv6_setup(const struct subject *subject, char *message, unsigned message_size)
{
	static const uint8_t frame[62] = {
		2,    0,    0,   0,    0, 0, 2,    0,   0, 0, 0, 1, 0x86, 0xdd, /* Ethernet */
		0x60, 0,    0,   0,    0, 8, 17,   64,                          /* 8 bytes of UDP */
		0x20, 1,    0xd, 0xb8, 0, 0, 0,    0,   0, 0, 0, 0, 0,    0,    0, 1, /* from */
		0x20, 1,    0xd, 0xb8, 0, 1, 0,    0,   0, 0, 0, 0, 0,    0,    0, 2, /* to */
		0x4e, 0x20, 1,   0xbb, 0, 8, 0x30, 0x39};
	struct parse_world *world = calloc(1, sizeof(*world));

	(void)subject;
	snprintf(message, message_size, "not enough memory");
	if (world != NULL)
		memcpy(world->frame, frame, sizeof(frame));
	return world;
}

static unsigned parse_burst(void *given)
{
	const struct parse_world *world = given;
	unsigned well = 0;

	for (unsigned i = 0; i < FRAMES_BURST; i++) {
		struct packet packet;

		packet_parse(&packet, world->frame, 62, 62);
		well += packet.reason == PACKET_REASON_NONE && packet.protocol == 17;
	}
	return well;
}

/* ---- all -------------------------------------------------------------------------------------- */

static const struct subject subjects[] = {
	{"path/udp/aws-like",
	 traffic_setup,
	 live_burst,
	 traffic_teardown,
	 {SEKISHO_AWS_LIKE, FRAMES_UDP, .live = FLOWS, .rules = RULES}},
	{"path/udp/strict",
	 traffic_setup,
	 live_burst,
	 traffic_teardown,
	 {SEKISHO_STRICT, FRAMES_UDP, .live = FLOWS, .rules = RULES}},
	{"path/tcp/aws-like",
	 traffic_setup,
	 live_burst,
	 traffic_teardown,
	 {SEKISHO_AWS_LIKE, FRAMES_TCP, .live = FLOWS, .rules = RULES}},
	{"path/tcp/strict",
	 traffic_setup,
	 live_burst,
	 traffic_teardown,
	 {SEKISHO_STRICT, FRAMES_TCP, .live = FLOWS, .rules = RULES}},
	{"new/udp/aws-like",
	 traffic_setup,
	 fresh_burst,
	 traffic_teardown,
	 {SEKISHO_AWS_LIKE, .fresh = BURSTS * FRAMES_BURST, .rules = RULES}},
	{"new/udp/strict",
	 traffic_setup,
	 fresh_burst,
	 traffic_teardown,
	 {SEKISHO_STRICT, .fresh = BURSTS * FRAMES_BURST, .rules = RULES}},
	{"expire",
	 expire_setup,
	 expire_burst,
	 traffic_teardown,
	 {SEKISHO_AWS_LIKE, .fresh = BURSTS * FRAMES_BURST, .rules = RULES}},
	{"look-up", table_setup, table_burst, table_teardown, {0}},
	{"parse/ipv4", parse_ipv4_setup, parse_burst, free, {0}},
	{"parse/ipv6", parse_ipv6_setup, parse_burst, free, {0}},
};

#define SUBJECT_COUNT (sizeof(subjects) / sizeof(subjects[0]))

/* What callgrind looks at; so it must stay a function. */
static __attribute__((noinline, noclone, used)) unsigned measured(const struct subject *subject,
								  void *world)
{
	unsigned well = 0;

	for (unsigned i = 0; i < BURSTS; i++)
		well += subject->burst(world);
	return well;
}

static int run(const struct subject *subject)
{
	char message[256] = "";
	void *world = subject->setup(subject, message, sizeof(message));
	unsigned well;

	if (world == NULL) {
		fprintf(stderr, "instructions: %s: %s\n", subject->name, message);
		return EXIT_FAILURE;
	}
	well = measured(subject, world);
	subject->teardown(world);
	printf("%u\n", BURSTS * FRAMES_BURST);
	if (well == BURSTS * FRAMES_BURST)
		return EXIT_SUCCESS;
	fprintf(stderr, "instructions: %s: only %u went well\n", subject->name, well);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < SUBJECT_COUNT; i++)
		if (argc < 2)
			puts(subjects[i].name);
		else if (strcmp(argv[1], subjects[i].name) == 0)
			return run(&subjects[i]);
	return argc < 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
