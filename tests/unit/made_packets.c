/* SPDX-License-Identifier: BSD-3-Clause */
/* made_packets.c: see made_packets.h. */
#include "made_packets.h"

#include <stdio.h>
#include <string.h>

#include "bench.h"

#define ETHER     14
#define ODD_SHARE 4 /* one packet in so many is cut, and one in a VLAN */

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

uint32_t made_draw(struct made_packets *made, uint32_t below)
{
	made->seed = made->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((made->seed >> 33) % below);
}

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
static void readdress(struct made_packets *made, uint8_t *frame, uint32_t length, uint8_t direction,
		      uint32_t peer)
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
		if (made_draw(made, 2) == 0)
			*last = (uint8_t)(100 + made_draw(made, 100));
	}
	if (!v6)
		checksum(ip);
}

static void take(struct made_packets *made, unsigned piece, uint32_t length, uint8_t direction)
{
	made->frames[piece] = (struct sekisho_frame){.data = made->bytes[piece],
						     .captured = length,
						     .length = length,
						     .direction = direction,
						     .flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD};
}

void made_packets_say(struct made_packets *made, const char *text, uint32_t peer)
{
	uint8_t *frame = made->bytes[0], direction;
	uint32_t length = packets_build(text, frame, &direction);

	if (length >= ETHER + (frame[12] == 0x86 ? 40u : 20u))
		readdress(made, frame, length, direction, peer);
	take(made, 0, length, direction);
}

/* Cut the IPv4 packet that is there in two. */
static void cut(struct made_packets *made)
{
	uint8_t frame[MADE_FRAME_MAX], direction = made->frames[0].direction;
	uint32_t data = made->frames[0].length - ETHER - 20, step = (data / 2 + 7) / 8 * 8;
	uint32_t order = made_draw(made, 2);

	memcpy(frame, made->bytes[0], made->frames[0].length);
	made->datagrams++;
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t at = (i ^ order) * step, bytes = at + step < data ? step : data - at;
		uint8_t *piece = made->bytes[i];

		memcpy(piece, frame, ETHER + 20);
		memcpy(piece + ETHER + 20, frame + ETHER + 20 + at, bytes);
		put16(piece + ETHER + 2, 20 + bytes);
		put16(piece + ETHER + 4, made->datagrams);
		put16(piece + ETHER + 6, at / 8 | (at + bytes < data ? 0x2000 : 0));
		checksum(piece + ETHER);
		take(made, i, ETHER + 20 + bytes, direction);
	}
}

static bool is_icmp_error(const uint8_t *frame)
{
	return frame[ETHER + 9] == 1 && frame[ETHER + 20] != 0 && frame[ETHER + 20] != 8;
}

unsigned made_packets_next(struct made_packets *made, uint32_t peer)
{
	struct sekisho_frame *frame = &made->frames[0];
	uint8_t *bytes = made->bytes[0];
	unsigned pieces = 1;
	uint16_t zone = (uint16_t)made_draw(made, 2);
	char text[80];

	snprintf(text, sizeof(text), lines[made_draw(made, LINES)], 4000 + made_draw(made, 3));
	made_packets_say(made, text, peer);
	if (bytes[12] == 0x08 && frame->length >= ETHER + 36 && !is_icmp_error(bytes) &&
	    made_draw(made, ODD_SHARE) == 0) {
		cut(made);
		pieces = 2;
	} else if (made_draw(made, ODD_SHARE) == 0) {
		memmove(bytes + 16, bytes + 12, frame->length - 12);
		memcpy(bytes + 12, "\x81\x00\x00\x05", 4);
		take(made, 0, frame->length + 4, frame->direction);
	}
	for (unsigned i = 0; i < pieces; i++)
		made->frames[i].zone = zone;
	return pieces;
}

void made_packets_spec(struct sekisho_policy_spec *spec, enum sekisho_semantics semantics)
{
	static const struct sekisho_port_range ntp = {123, 123};
	static const uint16_t first_group = 0;
	static struct sekisho_rule_spec rules[3];
	static struct sekisho_group_spec group = {.name = "g", .rules = rules, .rule_count = 3};
	static struct sekisho_endpoint_spec endpoint = {.name = "all",
							.addresses = bench_everything,
							.address_count = 2,
							.groups = &first_group,
							.group_count = 1};

	rules[0] = bench_rule("g/esp-in", SEKISHO_INGRESS, 50, bench_everything);
	rules[1] = bench_rule("g/ntp-in", SEKISHO_INGRESS, 17, bench_everything);
	rules[2] = bench_rule("g/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything);
	rules[1].ports = &ntp;
	rules[1].port_count = 1;
	sekisho_policy_spec_init(spec, semantics);
	spec->groups = &group;
	spec->group_count = 1;
	spec->endpoints = &endpoint;
	spec->endpoint_count = 1;
}
