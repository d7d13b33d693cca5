/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_owner.c: several engines judge as one, if each packet goes to its owner. Made packets of every kind,
 * to and from many peers, and every capture that lies here or beside the repository.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "made_packets.h"
#include "shared_engines.h"
#include "source.h"

#define PACKETS 40000

static struct shared_engines shared;
static struct made_packets packets;

static void start(unsigned engines, enum sekisho_semantics semantics,
		  const struct sekisho_limits_spec *limits, uint32_t flows)
{
	struct sekisho_policy_spec spec;

	made_packets_spec(&spec, semantics);
	if (limits != NULL)
		spec.limits = *limits;
	shared_engines_init(&shared, engines, &spec, flows);
}

/* Say a packet of packets.h, to or from a peer. */
static enum sekisho_reason judge_said(const char *text, uint32_t peer, uint16_t zone)
{
	made_packets_say(&packets, text, peer);
	packets.frames[0].zone = zone;
	return shared_engines_judge(&shared, 0, &packets.frames[0]);
}

/* By a keyed hash, or, with a table of so many entries, as NICs do it. */
static void made(unsigned engines, enum sekisho_semantics semantics, uint32_t entries)
{
	packets.seed = 20261124 + engines;
	start(engines, semantics, NULL, 65536);
	if (entries != 0)
		sekisho_owners_init_rss(&shared.owners, engines, entries);
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned pieces = made_packets_next(&packets, made_draw(&packets, MADE_PEERS));

		for (unsigned piece = 0; piece < pieces; piece++)
			shared_engines_judge(&shared, i / 64, &packets.frames[piece]);
	}
	shared_engines_fini(&shared);
}

static void every_kind_of_packet(void **state)
{
	(void)state;
	for (unsigned engines = 1; engines <= SHARED_ENGINES_MAX; engines++) {
		made(engines, SEKISHO_AWS_LIKE, 0);
		made(engines, SEKISHO_STRICT, 0);
		made(engines, SEKISHO_STRICT, 128);
	}
}

/* The same tuple in two zones, as on two edges, is two flows; an answer in the wrong one is none. */
static void same_tuple_in_two_zones(void **state)
{
	(void)state;
	for (unsigned engines = 1; engines <= SHARED_ENGINES_MAX; engines++) {
		start(engines, SEKISHO_AWS_LIKE, NULL, 1024);
		assert_int_equal(judge_said("out udp 4000 53 junk", 0, 0),
				 SEKISHO_REASON_RULE_MATCH);
		assert_int_equal(judge_said("in udp 53 4000 junk", 0, 1), SEKISHO_REASON_NO_RULE);
		assert_int_equal(judge_said("out udp 4000 53 junk", 0, 1),
				 SEKISHO_REASON_RULE_MATCH);
		assert_int_equal(judge_said("in udp 53 4000 junk", 0, 0),
				 SEKISHO_REASON_FLOW_ANSWER);
		shared_engines_fini(&shared);
	}
}

/* STRICT-17: a ceiling on one source holds for all engines together. */
static void strict_17_source_of_many_peers(void **state)
{
	const struct sekisho_limits_spec limits = {.half_open_per_source = 25,
						   .flows_per_source = 60};

	(void)state;
	for (unsigned engines = 1; engines <= SHARED_ENGINES_MAX; engines++) {
		unsigned refused = 0;

		start(engines, SEKISHO_STRICT, &limits, 4096);
		for (unsigned i = 0; i < 120; i++) {
			char text[80];

			snprintf(text, sizeof(text),
				 i < 40 ? "out tcp %u 80 S 100 0 0" : "out udp %u 2000 junk",
				 4000 + i);
			refused +=
				judge_said(text, i % MADE_PEERS, 0) == SEKISHO_REASON_LIMIT_SOURCE;
		}
		assert_int_equal(refused, 15 + 45);
		shared_engines_fini(&shared);
	}
}

/* Owners are spread evenly, whatever part of the address differs. */
static void owners_are_even(void **state)
{
	uint32_t owned[SHARED_ENGINES_MAX] = {0};
	struct sekisho_owners owners;
	const uint8_t random[32] = "any other secret, of 32 bytes...";

	(void)state;
	sekisho_owners_init(&owners, 4, random);
	for (uint32_t i = 0; i < 4096; i++) {
		uint8_t frame[64] = {[12] = 0x08, [14] = 0x45, [23] = 17, [26] = 10};
		struct sekisho_frame one = {.data = frame, .captured = 34, .length = 34};

		frame[29] = (uint8_t)(i & 0x3f);
		frame[30] = 192;
		frame[32] = (uint8_t)(i >> 6);
		owned[sekisho_frame_owner(&owners, &one)]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(owned[i], 900, 1150);
}

/* ---- captures --------------------------------------------------------------------------------- */

static void judge_packet(struct source_packet *packet, struct timeval first)
{
	struct sekisho_tuple tuple;
	int64_t ms = (int64_t)(packet->time.tv_sec - first.tv_sec) * 1000 +
		     (packet->time.tv_usec - first.tv_usec) / 1000;

	sekisho_frame_tuple(&packet->frame, &tuple);
	packet->frame.direction =
		memcmp(tuple.source, tuple.destination, 16) < 0 ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	shared_engines_judge(&shared, (uint32_t)ms, &packet->frame);
}

/* One capture by as many engines; how many packets it has. */
static unsigned judge_capture(char *path, unsigned engines, enum sekisho_semantics semantics)
{
	struct source_packet packet;
	struct timeval first = {0, 0};
	struct source source;
	unsigned count = 0;

	start(engines, semantics, NULL, 4096);
	if (source_init(&source, &path, 1) == 0)
		while (source_next(&source, &packet) == 1 && count < SHARED_PACKETS_MAX - 1) {
			if (count++ == 0)
				first = packet.time;
			judge_packet(&packet, first);
		}
	source_fini(&source);
	shared_engines_fini(&shared);
	return count;
}

/* Every capture of a folder, by two and by three engines. */
static void judge_folder(const char *folder, unsigned *captures, unsigned *count)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		char path[512];

		if (end == NULL || strncmp(end, ".pcap", 5) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		*count += judge_capture(path, 2 + *captures % 3,
					*captures % 2 ? SEKISHO_STRICT : SEKISHO_AWS_LIKE);
		++*captures;
	}
	if (directory != NULL)
		closedir(directory);
}

static void captures(void **state)
{
	static const char *const folders[] = {SOURCE_ROOT "/tests/captures",
					      SOURCE_ROOT "/../shared/captures/seed",
					      SOURCE_ROOT "/../shared/captures/tcpdump"};
	unsigned found = 0, count = 0;

	(void)state;
	freopen("/dev/null", "w", stderr); /* what is no capture says so */
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		judge_folder(folders[i], &found, &count);
	print_message("%u captures, %u packets\n", found, count);
	assert_true(found >= 3 && count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_packet),
		cmocka_unit_test(same_tuple_in_two_zones),
		cmocka_unit_test(strict_17_source_of_many_peers),
		cmocka_unit_test(owners_are_even),
		cmocka_unit_test(captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
