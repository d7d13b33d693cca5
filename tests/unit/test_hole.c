/* SPDX-License-Identifier: BSD-3-Clause */
/* test_hole.c: which flows let in what no inbound rule does, and that what is said of them is so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "steps.h"

#define SEMANTICS(word) \
	"version: 1\nsemantics: " word "\nendpoints: [{" STEPS_ENDPOINT ", groups: [g]}]\n"
#define FOUNDING_GROUP \
	GROUP("{protocol: esp, from: [198.51.100.1/32, \"2001:db8::1/128\"]}", ALL_OUT)
#define FOUNDING(word) SEMANTICS(word) FOUNDING_GROUP

/* One packet opens a flow: what does that let in; and does a stranger's packet, unasked for, come in? */
struct opening {
	const char *policy, *packet, *lets_in, *unasked, *reason;
};

static const struct opening openings[] = {
	/* the founding case */
	{FOUNDING("aws-like"), "out udp 500 500 ike2 A 0 I 34", "any-packet",
	 "in udp 500 500 ike2 B 0 I 34", "flow-answer"},
	{FOUNDING("strict"), "out udp 500 500 ike2 A 0 I 34", "answers-with-proof",
	 "in udp 500 500 ike2 B 0 I 34", "no-proof-ike"},
	/* equal ports without a grammar: strict lets nothing in */
	{FOUNDING("aws-like"), "out udp 1194 1194 junk", "any-packet", "in udp 1194 1194 junk",
	 "flow-answer"},
	{FOUNDING("strict"), "out udp 1194 1194 junk", "none", "in udp 1194 1194 junk",
	 "symmetric-ports"},
	{FOUNDING("strict") "strict: {symmetric_udp: tuple}\n", "out udp 1194 1194 junk",
	 "any-packet", "in udp 1194 1194 junk", "flow-answer"},
	/* a port that only an answerer knows */
	{FOUNDING("strict"), "out udp 40000 1194 junk", "any-packet", "in udp 1194 40000 junk",
	 "flow-answer"},
	{FOUNDING("strict"), "out udp 40000 53 dns q 7 a.b", "answers-with-proof",
	 "in udp 53 40000 dns r 8 a.b", "no-proof-dns"},
	{FOUNDING("aws-like"), "out tcp 4000 80 S 1 0 0", "any-packet", "in tcp 80 4000 R 1 0 0",
	 "flow-answer"},
	{FOUNDING("strict"), "out tcp 4000 80 S 1 0 0", "in-window", "in tcp 80 4000 SA 1 99 0",
	 "bad-handshake"},
	{FOUNDING("aws-like"), "out echo 7 1", "any-packet", "in reply 7 9", "flow-answer"},
	{FOUNDING("strict"), "out echo 7 1", "answers-with-proof", "in reply 7 9", "no-proof-echo"},
	{FOUNDING("aws-like"), "out proto 47", "any-packet", "in proto 47", "flow-answer"},
	{FOUNDING("strict"), "out proto 47", "none", "in proto 47", "no-proof-protocol"},
	{FOUNDING("strict"), "out6 udp 500 500 ike2 A 0 I 34", "answers-with-proof",
	 "in6 udp 500 500 ike2 B 0 I 34", "no-proof-ike"},
	/* an inbound rule lists it, and so it is no hole */
	{FOUNDING("aws-like"), "out proto 50 A", "none", "in proto 50 B", "flow-answer"},
	{SEMANTICS("aws-like")
		 GROUP("{protocol: udp, ports: 500, from: [198.51.100.1/32]}", ALL_OUT),
	 "out udp 500 500 ike2 A 0 I 34", "none", "in udp 500 500 ike2 B 0 I 34", "flow-answer"},
	{SEMANTICS("aws-like")
		 GROUP("{protocol: udp, ports: 4500, from: [198.51.100.1/32]}", ALL_OUT),
	 "out udp 500 500 ike2 A 0 I 34", "any-packet", "in udp 500 500 ike2 B 0 I 34",
	 "flow-answer"},
	{SEMANTICS("aws-like")
		 GROUP("{protocol: icmp, icmp_type: 0, from: [198.51.100.1/32]}", ALL_OUT),
	 "out echo 7 1", "none", "in reply 7 1", "flow-answer"},
	/* nor is what a network ACL keeps out */
	{SEMANTICS("aws-like") FOUNDING_GROUP
	 "network_acls: [{name: a, endpoints: [b], ingress: [{number: 1, action: deny, protocol: "
	 "udp, "
	 "ports: 500, from: [0.0.0.0/0]}, {number: 2, action: allow, protocol: all, from: "
	 "[0.0.0.0/0]}], "
	 "egress: [{number: 1, action: allow, protocol: all, to: [0.0.0.0/0]}]}]\n",
	 "out udp 500 500 ike2 A 0 I 34", "none", "in udp 500 500 ike2 B 0 I 34", "network-acl"},
	/* nor is what was sent to a group of hosts, since nothing comes from its address */
	{FOUNDING("aws-like"),
	 "out bytes 080045000020000100004011708dc6336402e000000902080208000c000061626364", "none",
	 "in bytes 080045000020000100004011708de0000009c633640202080208000c000061626364",
	 "bad-source"},
	/* nor is what was opened from outside */
	{SEMANTICS("aws-like") GROUP("{protocol: udp, ports: 80, from: [198.51.100.1/32]}", ""),
	 "in udp 4000 80 junk", "none", "out udp 80 4000 junk", "flow-answer"},
};

static void what_is_said_to_come_in_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
		const struct opening *row = &openings[i];
		struct sekisho_flow_info flow;
		struct bench bench;
		uint32_t cursor = 0;
		const char *lets_in, *reason;

		bench_init(&bench, 64);
		steps_policy(&bench, row->policy);
		assert_true(bench_send(&bench, 1000, row->packet).opened);
		do {
			if (sekisho_engine_flows(bench.engine, 1000, &cursor, 64, &flow, 1) == 1)
				break;
		} while (cursor != 0);
		lets_in = sekisho_hole_word(sekisho_policy_hole(bench.policy, &flow));
		if (strcmp(lets_in, row->lets_in) != 0)
			fail_msg("row %zu, %s: %s, expected %s", i + 1, row->packet, lets_in,
				 row->lets_in);
		reason = sekisho_reason_word(bench_send(&bench, 1100, row->unasked).reason);
		if (strcmp(reason, row->reason) != 0)
			fail_msg("row %zu, %s: %s, expected %s", i + 1, row->unasked, reason,
				 row->reason);
		bench_fini(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_to_come_in_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
