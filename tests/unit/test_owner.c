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

#include "bench.h"
#include "shared_engines.h"
#include "source.h"

#define ETHER      14
#define PEERS      40
#define PACKETS    40000
#define FRAME_MAX  2048
#define ENDS_SHARE 4 /* one packet in so many is cut, spoilt, or both */

static struct shared_engines shared;
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

/* ---- a policy for all addresses --------------------------------------------------------------- */

/*
 * One endpoint with all addresses there are, so that every capture has an inside: everything may go out, and
 * in what the founding case lets in.
 */
static void start(unsigned engines, enum sekisho_semantics semantics,
		  const struct sekisho_limits_spec *limits, uint32_t flows)
{
	static const uint16_t first_group = 0;
	struct sekisho_rule_spec rules[] = {
		bench_rule("g/esp-in", SEKISHO_INGRESS, 50, bench_everything),
		bench_rule("g/ntp-in", SEKISHO_INGRESS, 17, bench_everything),
		bench_rule("g/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
	};
	static const struct sekisho_port_range ntp = {123, 123};
	const struct sekisho_group_spec group = {.name = "g", .rules = rules, .rule_count = 3};
	const struct sekisho_endpoint_spec endpoint = {.name = "all",
						       .addresses = bench_everything,
						       .address_count = 2,
						       .groups = &first_group,
						       .group_count = 1};
	struct sekisho_policy_spec spec;

	rules[1].ports = &ntp;
	rules[1].port_count = 1;
	sekisho_policy_spec_init(&spec, semantics);
	if (limits != NULL)
		spec.limits = *limits;
	spec.groups = &group;
	spec.group_count = 1;
	spec.endpoints = &endpoint;
	spec.endpoint_count = 1;
	shared_engines_init(&shared, engines, &spec, flows);
}

/* ---- made packets ----------------------------------------------------------------------------- */

/* Packets of few tuples, so that they meet; %u is a port. */
static const char *const lines[] = {
	"out udp %u 53 dns q 7 a.b",
	"in udp 53 %u dns r 7 a.b",
	"out udp %u 2000 junk",
	"in udp 2000 %u junk",
	"out6 udp %u 2000 junk",
	"in6 udp 2000 %u junk",
	"out udp 500 500 ike2 A 0 I 34",
	"in udp 500 500 ike2 A B R 34",
	"in udp 500 500 ike2 C 0 I 34",
	"out udp 4500 4500 natt ike2 A B I 35",
	"in udp 4500 4500 natt ike2 A B R 35",
	"out udp 4500 4500 esp",
	"in udp 4500 4500 esp",
	"out proto 50 A",
	"in proto 50 B",
	"in6 proto 50 B",
	"out proto 47",
	"in proto 47",
	"out udp 123 123 ntp 3 0 A",
	"in udp 123 123 ntp 4 A B",
	"out udp 51820 51820 wg1 A",
	"in udp 51820 51820 wg2 B A",
	"out tcp %u 80 S 100 0 0",
	"in tcp 80 %u SA 500 101 0",
	"out tcp %u 80 A 101 501 0",
	"out tcp %u 80 PA 101 501 40",
	"in tcp 80 %u PA 501 141 40",
	"in tcp 80 %u R 501 0 0",
	"in tcp 80 %u F 501 141 0",
	"in6 tcp 80 %u S 100 0 0",
	"out6 tcp %u 80 S 100 0 0",
	"in6 tcp 80 %u SA 500 101 0",
	"out echo %u 1",
	"in reply %u 1",
	"out6 echo %u 1",
	"in6 reply %u 1",
	"in error 3 3 udp %u 2000",
	"in error 11 0 tcp %u 80 100",
	"in error 3 4 tcp %u 80 101",
	"in6 error 1 4 udp %u 2000",
	"in6 error 2 0 tcp %u 80 100",
	"in error 5 1 udp %u 2000",
	"out error 3 3 udp 2000 %u",
	"out ip 9 0 udp %u 53 junk",
	"out l4 13 0 tcp %u 80 S 1 0 0",
	"out cut 30 udp %u 53 junk",
	"out cut 10 udp %u 53 junk",
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The IPv4 header's checksum anew. */
static void checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	put16(ip + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

/* Have a packet of packets.h be to or from another peer, and an error from a router on the way. */
static void readdress(uint8_t *frame, uint32_t length, uint8_t direction, uint32_t peer)
{
	bool v6 = frame[12] == 0x86;
	uint32_t header = v6 ? 40 : 20, size = v6 ? 16 : 4, first = v6 ? 8 : 12;
	uint8_t *ip = frame + ETHER;
	bool error = ip[v6 ? 6 : 9] == (v6 ? 58 : 1) && length > ETHER + header + 8 + header &&
		     (ip[header] == (v6 ? 1 : 3) || ip[header] == (v6 ? 2 : 11));
	uint8_t *last = ip + first + (direction == SEKISHO_INGRESS ? size : 2 * size) - 1;

	*last = (uint8_t)(10 + peer);
	if (error) {
		uint8_t *quoted = ip + header + 8;

		quoted[first + (direction == SEKISHO_INGRESS ? 2 : 1) * size - 1] = *last;
		if (draw(2) == 0)
			*last = (uint8_t)(100 + draw(100));
	}
	if (!v6)
		checksum(ip);
}

static void judge(uint8_t *frame, uint32_t length, uint8_t direction, uint16_t zone)
{
	const struct sekisho_frame one = {.data = frame,
					  .captured = length,
					  .length = length,
					  .zone = zone,
					  .direction = direction,
					  .flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD};

	shared_engines_judge(&shared, shared.packets / 64, &one);
}

/* Judge a frame in two or three pieces, in any order. */
static void judge_pieces(const uint8_t *frame, uint32_t length, uint8_t direction, uint16_t zone)
{
	static uint16_t id;
	uint32_t data = length - ETHER - 20, step = (data / 2 + 7) / 8 * 8, order = draw(2);

	id++;
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t at = (i ^ order) * step, bytes = at + step < data ? step : data - at;
		uint8_t piece[FRAME_MAX];

		memcpy(piece, frame, ETHER + 20);
		memcpy(piece + ETHER + 20, frame + ETHER + 20 + at, bytes);
		put16(piece + ETHER + 2, 20 + bytes);
		put16(piece + ETHER + 4, id);
		put16(piece + ETHER + 6, at / 8 | (at + bytes < data ? 0x2000 : 0));
		checksum(piece + ETHER);
		judge(piece, ETHER + 20 + bytes, direction, zone);
	}
}

static bool is_icmp_error(const uint8_t *frame)
{
	return frame[12] == 0x08 && frame[ETHER + 9] == 1 && frame[ETHER + 20] != 0 &&
	       frame[ETHER + 20] != 8;
}

/* An error in fragments is the one thing that goes astray, as sekisho.h says: none is made here. */
static void judge_made(void)
{
	uint8_t frame[FRAME_MAX], direction;
	char text[80];
	uint32_t length;
	uint16_t zone = (uint16_t)draw(2);

	snprintf(text, sizeof(text), lines[draw(LINES)], 4000 + draw(3));
	length = packets_build(text, frame, &direction);
	if (length >= ETHER + 40)
		readdress(frame, length, direction, draw(PEERS));
	if (frame[12] == 0x08 && length >= ETHER + 36 && !is_icmp_error(frame) &&
	    draw(ENDS_SHARE) == 0) {
		judge_pieces(frame, length, direction, zone);
		return;
	}
	if (draw(ENDS_SHARE) == 0) { /* in a VLAN, or two */
		memmove(frame + 16, frame + 12, length - 12);
		memcpy(frame + 12, "\x81\x00\x00\x05", 4);
		length += 4;
	}
	judge(frame, length, direction, zone);
}

static void made(unsigned engines, enum sekisho_semantics semantics)
{
	seed = 20261124 + engines;
	start(engines, semantics, NULL, 65536);
	for (unsigned i = 0; i < PACKETS; i++)
		judge_made();
	shared_engines_fini(&shared);
}

static void every_kind_of_packet(void **state)
{
	(void)state;
	for (unsigned engines = 1; engines <= SHARED_ENGINES_MAX; engines++) {
		made(engines, SEKISHO_AWS_LIKE);
		made(engines, SEKISHO_STRICT);
	}
}

/* The same tuple in two zones, as on two edges, is two flows; an answer in the wrong one is none. */
static void same_tuple_in_two_zones(void **state)
{
	uint8_t frame[FRAME_MAX], direction;
	uint32_t length;
	struct sekisho_frame one;

	(void)state;
	for (unsigned engines = 1; engines <= SHARED_ENGINES_MAX; engines++) {
		start(engines, SEKISHO_AWS_LIKE, NULL, 1024);
		for (uint16_t zone = 0; zone < 2; zone++) {
			length = packets_build("out udp 4000 53 junk", frame, &direction);
			one = (struct sekisho_frame){frame, NULL,      length, length,
						     zone,  direction, 0};
			assert_int_equal(shared_engines_judge(&shared, 0, &one),
					 SEKISHO_REASON_RULE_MATCH);
			length = packets_build("in udp 53 4000 junk", frame, &direction);
			one = (struct sekisho_frame){frame, NULL,      length, length,
						     !zone, direction, 0};
			assert_int_equal(shared_engines_judge(&shared, 0, &one),
					 zone == 0 ? SEKISHO_REASON_NO_RULE
						   : SEKISHO_REASON_FLOW_ANSWER);
		}
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

		seed = 17;
		start(engines, SEKISHO_STRICT, &limits, 4096);
		for (unsigned i = 0; i < 120; i++) {
			uint8_t frame[FRAME_MAX], direction;
			struct sekisho_frame one;
			char text[80];

			snprintf(text, sizeof(text),
				 i < 40 ? "out tcp %u 80 S 100 0 0" : "out udp %u 2000 junk",
				 4000 + i);
			one.length = packets_build(text, frame, &direction);
			readdress(frame, one.length, direction, i % PEERS);
			one = (struct sekisho_frame){.data = frame,
						     .captured = one.length,
						     .length = one.length,
						     .direction = direction,
						     .flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD};
			refused += shared_engines_judge(&shared, 0, &one) ==
				   SEKISHO_REASON_LIMIT_SOURCE;
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
	unsigned packets = 0;

	start(engines, semantics, NULL, 4096);
	if (source_init(&source, &path, 1) == 0)
		while (source_next(&source, &packet) == 1 && packets < SHARED_PACKETS_MAX - 1) {
			if (packets++ == 0)
				first = packet.time;
			judge_packet(&packet, first);
		}
	source_fini(&source);
	shared_engines_fini(&shared);
	return packets;
}

/* Every capture of a folder, by two and by three engines. */
static void judge_folder(const char *folder, unsigned *captures, unsigned *packets)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		const char *end = strrchr(entry->d_name, '.');
		char path[512];

		if (end == NULL || strncmp(end, ".pcap", 5) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		*packets += judge_capture(path, 2 + *captures % 3,
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
	unsigned captures = 0, packets = 0;

	(void)state;
	freopen("/dev/null", "w", stderr); /* what is no capture says so */
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		judge_folder(folders[i], &captures, &packets);
	print_message("%u captures, %u packets\n", captures, packets);
	assert_true(captures >= 3 && packets > 0);
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
