/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_reasons.c: a scenario for each reason of verdict.h; its last packet gets that reason, and that
 * moves this reason's counter by one and no other (STRICT-6). A reason without a scenario fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "steps.h"

#define STEPS_MAX 8
#define PLENTY    1024

/* Inbound ESP from the peer, outbound everything; and nothing at all. */
#define FOUNDING_GROUP \
	GROUP("{protocol: esp, from: [198.51.100.1/32, \"2001:db8::1/128\"]}", ALL_OUT)
#define STRICT(text)                                                            \
	FILE_STEP("version: 1\nsemantics: strict\nendpoints: [{" STEPS_ENDPOINT \
		  ", groups: [g]}]\n" text)
#define FOUNDING STRICT(FOUNDING_GROUP)

/* Packets for many ports, or whatever else is a number, one after the other. */
struct flood {
	const char *packets[2]; /* formats; the second may be NULL */
	const char *reasons[2];
	unsigned first, count;
};

struct scenario {
	struct step steps[STEPS_MAX]; /* the last is the one that counts */
	struct flood flood;           /* comes before it */
	uint32_t flows, fragments;    /* room in the engine; 0: plenty */
	uint32_t waits_ms; /* until then nothing comes; what the last step says is released */
};

/* A UDP datagram of 40 bytes in pieces of 16 and 24: the first, and the second. */
#define FIRST  "ip 6 0x20 ip 3 36 cut 36 udp 4000 99 junk"
#define SECOND "ip 6 0 ip 7 2 ip 3 44 cut 44 udp 4000 99 junk"

static const struct scenario scenarios[SEKISHO_REASON_COUNT] = {
	[SEKISHO_REASON_RULE_MATCH] = {{FOUNDING, {0, "out udp 4000 99 junk", "rule-match"}}},
	[SEKISHO_REASON_RULE_UNTRACKED] = {{POLICY(GROUP(ALL_IN, ALL_OUT)),
					    {0, "in tcp 4000 80 A 1 1 0", "rule-untracked"}}},
	[SEKISHO_REASON_FLOW_ORIGINATOR] = {{FOUNDING,
					     {0, "out udp 4000 99 junk", "rule-match"},
					     {1, "out udp 4000 99 junk", "flow-originator"}}},
	[SEKISHO_REASON_FLOW_ANSWER] = {{FOUNDING,
					 {0, "out udp 4000 99 junk", "rule-match"},
					 {1, "in udp 99 4000 junk", "flow-answer"}}},
	[SEKISHO_REASON_RULE_STATELESS] = {{POLICY(GROUP(ALL_IN, ALL_OUT)),
					    {0, "in error 3 3 udp 4000 99", "rule-stateless"}}},
	[SEKISHO_REASON_ICMP_RELATED] = {{FOUNDING,
					  {0, "out udp 4000 99 junk", "rule-match"},
					  {1, "in error 3 3 udp 4000 99", "icmp-related"}}},
	[SEKISHO_REASON_NEVER_FILTERED] =
		{{STRICT("never_filtered: [198.51.100.1]\n" FOUNDING_GROUP),
		  {0, "in udp 4000 99 junk", "never-filtered"}}},
	[SEKISHO_REASON_ARP] = {{FOUNDING, {0, "in bytes 08060001", "arp"}}},
	[SEKISHO_REASON_NEIGHBOUR] = {{FOUNDING,
				       {0, "in6 ip 7 255 l4 0 135 echo 0 0",
					"neighbour-discovery"}}},
	[SEKISHO_REASON_NOT_IP] = {{FOUNDING, {0, "in bytes 88cc0000", "not-ip"}}},
	[SEKISHO_REASON_TRUNCATED] = {{FOUNDING, {0, "in bytes 08004500", "truncated"}}},
	[SEKISHO_REASON_VLAN_DEPTH] = {{FOUNDING,
					{0, "in bytes 8100000181000002810000030800",
					 "vlan-depth"}}},
	[SEKISHO_REASON_BAD_IP_HEADER] = {{FOUNDING,
					   {0, "out ip 3 200 udp 4000 99 junk", "bad-ip-header"}}},
	[SEKISHO_REASON_BAD_IP_CHECKSUM] = {{FOUNDING,
					     {0, "out ip 10 1 udp 4000 99 junk",
					      "bad-ip-checksum"}}},
	[SEKISHO_REASON_TTL_ZERO] = {{FOUNDING, {0, "out ip 8 0 udp 4000 99 junk", "ttl-zero"}}},
	[SEKISHO_REASON_BAD_SOURCE] = {{FOUNDING,
					{0, "in ip 12 127 udp 99 4000 junk", "bad-source"}}},
	[SEKISHO_REASON_LAND] = {{FOUNDING, {0, "out ip 15 1 udp 4000 99 junk", "land"}}},
	[SEKISHO_REASON_SOURCE_ROUTE] = {{FOUNDING,
					  {0, "out ip 0 0x46 l4 0 131 l4 1 4 proto 47",
					   "source-route"}}},
	[SEKISHO_REASON_BAD_IP_OPTION] = {{FOUNDING,
					   {0, "out ip 0 0x46 l4 0 7 l4 1 9 proto 47",
					    "bad-ip-option"}}},
	[SEKISHO_REASON_EXT_UNKNOWN] = {{FOUNDING, {0, "out6 ip 6 135 proto 47", "ext-unknown"}}},
	[SEKISHO_REASON_EXT_CHAIN] = {{FOUNDING,
				       {0, "out6 ip 6 60 l4 0 0 l4 1 0 proto 47", "ext-chain"}}},
	[SEKISHO_REASON_BAD_ND] = {{FOUNDING, {0, "in6 l4 0 135 echo 0 0", "bad-nd"}}},
	[SEKISHO_REASON_L4_TRUNCATED] = {{FOUNDING,
					  {0, "out ip 3 24 cut 24 udp 4000 99 junk",
					   "l4-truncated"}}},
	[SEKISHO_REASON_BAD_L4_LENGTH] = {{FOUNDING,
					   {0, "out l4 5 200 udp 4000 99 junk", "bad-l4-length"}}},
	[SEKISHO_REASON_BAD_CHECKSUM] = {{FOUNDING,
					  {0, "out l4 6 1 udp 4000 99 junk", "bad-checksum"}}},
	[SEKISHO_REASON_BAD_FLAGS] = {{FOUNDING, {0, "out tcp 4000 99 SF 1 0 0", "bad-flags"}}},
	[SEKISHO_REASON_FRAGMENT_TINY] = {{FOUNDING,
					   {0, "out ip 6 0x20 ip 3 36 cut 36 tcp 4000 99 S 1 0 0",
					    "fragment-tiny"}}},
	[SEKISHO_REASON_FRAGMENT_BAD] = {{FOUNDING,
					  {0, "out ip 6 0x20 ip 3 37 cut 37 udp 4000 99 junk",
					   "fragment-bad"}}},
	[SEKISHO_REASON_FRAGMENT_OVERLAP] = {{FOUNDING,
					      {0, "out " FIRST, "rule-match"},
					      {1, "out " FIRST, "fragment-overlap"}}},
	[SEKISHO_REASON_FRAGMENT_TOO_MANY] =
		{{FOUNDING,
		  {0, "out " FIRST, "rule-match"},
		  {1, "out ip 6 0x21 ip 7 0 ip 3 28 cut 28 proto 17", "fragment-too-many"}},
		 {{"out ip 6 0x20 ip 7 %u ip 3 28 cut 28 proto 17"}, {"flow-originator"}, 3, 63}},
	[SEKISHO_REASON_FRAGMENT_TIMEOUT] = {{FOUNDING,
					      {0, "out " SECOND, "fragment-held"},
					      {0, NULL, "fragment-timeout"}},
					     .waits_ms = 30000},
	[SEKISHO_REASON_FRAGMENT_BUDGET] = {{FOUNDING,
					     {0, "out " FIRST, "rule-match"},
					     {1, "in " SECOND, "fragment-budget"}},
					    .fragments = 1},
	[SEKISHO_REASON_FRAGMENT_REFUSED] = {{FOUNDING,
					      {0, "in " FIRST, "no-rule"},
					      {1, "in " SECOND, "fragment-refused"}}},
	[SEKISHO_REASON_FRAGMENT_HELD] = {{FOUNDING, {0, "out " SECOND, "fragment-held"}}},
	[SEKISHO_REASON_NO_RULE] = {{FOUNDING, {0, "in udp 4000 99 junk", "no-rule"}}},
	[SEKISHO_REASON_NETWORK_ACL] = {{STRICT("network_acls: [{name: n, endpoints: [b]}]\n" GROUP(
						 ALL_IN, ALL_OUT)),
					 {0, "in udp 4000 99 junk", "network-acl"}}},
	[SEKISHO_REASON_NOT_AN_OPENING] = {{FOUNDING,
					    {0, "out tcp 4000 99 A 1 1 0", "not-an-opening"}}},
	[SEKISHO_REASON_RULE_WITHDRAWN] = {{FOUNDING,
					    {0, "out udp 4000 99 junk", "rule-match"},
					    STRICT("groups: [{name: g}]\n"),
					    {1, "out udp 4000 99 junk", "rule-withdrawn"}}},
	[SEKISHO_REASON_OUT_OF_WINDOW] = {{FOUNDING,
					   {0, "out tcp 4000 99 S 1 0 0", "rule-match"},
					   {1, "in tcp 99 4000 SA 500 2 0", "flow-answer"},
					   {2, "in tcp 99 4000 A 900000 2 1", "out-of-window"}}},
	[SEKISHO_REASON_RST_INEXACT] = {{FOUNDING,
					 {0, "out tcp 4000 99 S 1 0 0", "rule-match"},
					 {1, "in tcp 99 4000 SA 500 2 0", "flow-answer"},
					 {2, "out tcp 4000 99 A 2 501 0", "flow-originator"},
					 {3, "in tcp 99 4000 R 600 0 0", "rst-inexact"}}},
	[SEKISHO_REASON_SIMULTANEOUS_OPEN] = {{FOUNDING,
					       {0, "out tcp 4000 99 S 1 0 0", "rule-match"},
					       {1, "in tcp 99 4000 S 500 0 0",
						"simultaneous-open"}}},
	[SEKISHO_REASON_BAD_HANDSHAKE] = {{FOUNDING,
					   {0, "out tcp 4000 99 S 1 0 0", "rule-match"},
					   {1, "in tcp 99 4000 SA 500 3 0", "bad-handshake"}}},
	[SEKISHO_REASON_FLOW_CLOSED] = {{FOUNDING,
					 {0, "out tcp 4000 99 S 1 0 0", "rule-match"},
					 {1, "in tcp 99 4000 RA 0 2 0", "flow-answer"},
					 {2, "in tcp 99 4000 A 1 2 0", "flow-closed"}}},
	[SEKISHO_REASON_SYMMETRIC_PORTS] = {{FOUNDING,
					     {0, "out udp 99 99 junk", "rule-match"},
					     {1, "in udp 99 99 junk", "symmetric-ports"}}},
	[SEKISHO_REASON_NO_PROOF_IKE] = {{FOUNDING,
					  {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
					  {1, "in udp 500 500 ike2 B 0 I 34", "no-proof-ike"}}},
	[SEKISHO_REASON_IKE_MALFORMED] = {{FOUNDING,
					   {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
					   {1, "in udp 500 500 junk", "ike-malformed"}}},
	[SEKISHO_REASON_NO_IKE_SA] = {{FOUNDING,
				       {0, "out udp 4500 4500 esp", "rule-match"},
				       {1, "in udp 4500 4500 esp", "no-ike-sa"}}},
	[SEKISHO_REASON_NO_PROOF_WIREGUARD] = {{FOUNDING,
						{0, "out udp 51820 51820 wg1 1", "rule-match"},
						{1, "in udp 51820 51820 wg2 5 2",
						 "no-proof-wireguard"}}},
	[SEKISHO_REASON_WIREGUARD_MALFORMED] = {{FOUNDING,
						 {0, "out udp 51820 51820 wg1 1", "rule-match"},
						 {1, "in udp 51820 51820 junk",
						  "wireguard-malformed"}}},
	[SEKISHO_REASON_NO_PROOF_DNS] = {{FOUNDING,
					  {0, "out udp 4000 53 dns q 1 a.b", "rule-match"},
					  {1, "in udp 53 4000 dns r 2 a.b", "no-proof-dns"}}},
	[SEKISHO_REASON_DNS_MALFORMED] = {{FOUNDING,
					   {0, "out udp 4000 53 dns q 1 a.b", "rule-match"},
					   {1, "in udp 53 4000 keepalive", "dns-malformed"}}},
	[SEKISHO_REASON_NO_PROOF_NTP] = {{FOUNDING,
					  {0, "out udp 4000 123 ntp 3 0 A", "rule-match"},
					  {1, "in udp 123 4000 ntp 4 B C", "no-proof-ntp"}}},
	[SEKISHO_REASON_NTP_MALFORMED] = {{FOUNDING,
					   {0, "out udp 4000 123 ntp 3 0 A", "rule-match"},
					   {1, "in udp 123 4000 keepalive", "ntp-malformed"}}},
	[SEKISHO_REASON_NO_PROOF_ECHO] = {{FOUNDING,
					   {0, "out echo 7 1", "rule-match"},
					   {1, "in reply 7 2", "no-proof-echo"}}},
	[SEKISHO_REASON_NO_PROOF_PROTOCOL] = {{FOUNDING,
					       {0, "out proto 47", "rule-match"},
					       {1, "in proto 47", "no-proof-protocol"}}},
	[SEKISHO_REASON_ICMP_UNRELATED] = {{FOUNDING,
					    {0, "in error 3 3 udp 4000 99", "icmp-unrelated"}}},
	[SEKISHO_REASON_ICMP_REDIRECT] = {{FOUNDING,
					   {0, "in error 5 1 udp 4000 99", "icmp-redirect"}}},
	[SEKISHO_REASON_ICMP_MTU_SMALL] = {{FOUNDING,
					    {0, "in l4 6 0 l4 7 67 error 3 4 udp 4000 99",
					     "icmp-mtu-small"}}},
	/* what is answered makes no room */
	[SEKISHO_REASON_TABLE_FULL] = {{FOUNDING, {0, "out udp 5000 99 junk", "table-full"}},
				       {{"out udp %u 99 junk", "in udp 99 %u junk"},
					{"rule-match", "flow-answer"},
					4000,
					64},
				       .flows = 64},
	/* one half-open flow makes room, and the look for another ends before it comes round */
	[SEKISHO_REASON_LIMIT_HALF_OPEN] =
		{{STRICT("limits: {half_open_percent: 1}\n" FOUNDING_GROUP),
		  {0, "out tcp 5000 99 S 1 0 0", "limit-half-open"}},
		 {{"out tcp %u 99 S 1 0 0"}, {"rule-match"}, 4000, 11},
		 .flows = 1024},
	[SEKISHO_REASON_LIMIT_SOURCE] = {{STRICT("limits: {flows_per_source: 1}\n" FOUNDING_GROUP),
					  {0, "out udp 4000 99 junk", "rule-match"},
					  {1, "out udp 4001 99 junk", "limit-source"}}},
};

static struct sekisho_stats stats_of(const struct bench *bench)
{
	struct sekisho_stats stats;

	sekisho_engine_stats(bench->engine, &stats);
	return stats;
}

static void start(struct bench *bench, const struct scenario *scenario)
{
	struct sekisho_engine_config config = {
		.flows = scenario->flows ? scenario->flows : PLENTY,
		.fragments = scenario->fragments,
		.zones = 1,
	};
	char message[128];

	bench_init(bench, PLENTY);
	sekisho_engine_destroy(bench->engine);
	config.names = bench->names;
	bench->engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(bench->engine);
}

static void flood(struct bench *bench, const struct flood *flood)
{
	char packet[128];

	for (unsigned i = 0; i < flood->count; i++) {
		for (unsigned p = 0; p < 2 && flood->packets[p] != NULL; p++) {
			struct step step = {0, packet, flood->reasons[p]};

			snprintf(packet, sizeof(packet), flood->packets[p], flood->first + i);
			steps_run(bench, &step, 1);
		}
	}
}

/* Let time go by, and take the one frame that it releases. */
static void wait_for(struct bench *bench, uint32_t until_ms, const char *reason)
{
	struct sekisho_release release;

	sekisho_engine_burst(bench->engine, until_ms, NULL, 0, NULL);
	assert_int_equal(sekisho_engine_release(bench->engine, &release, 1), 1);
	assert_string_equal(sekisho_reason_word(release.verdict.reason), reason);
}

/* Between the two only the counter of a reason has moved, by one; or, for it is held, none has. */
static void check_counters(const struct sekisho_stats *before, const struct sekisho_stats *after,
			   unsigned reason)
{
	bool held = sekisho_reason_action(reason) == SEKISHO_HOLD;

	for (unsigned i = 0; i < SEKISHO_REASON_COUNT; i++)
		if (after->by_reason[i] != before->by_reason[i] + (i == reason && !held))
			fail_msg("%s moved the counter of %s", sekisho_reason_word(reason),
				 sekisho_reason_word(i));
	assert_int_equal(after->held,
			 before->held + held - (reason == SEKISHO_REASON_FRAGMENT_TIMEOUT));
}

static void play(unsigned reason)
{
	const struct scenario *scenario = &scenarios[reason];
	struct sekisho_stats before, after;
	const struct step *last;
	struct bench bench;
	size_t count = 0;

	while (count < STEPS_MAX &&
	       (scenario->steps[count].policy != NULL || scenario->steps[count].reason != NULL))
		count++;
	if (count == 0)
		fail_msg("%s has no scenario", sekisho_reason_word(reason));
	last = &scenario->steps[count - 1];
	assert_string_equal(last->reason, sekisho_reason_word(reason));
	start(&bench, scenario);
	steps_run(&bench, scenario->steps, count - 1);
	flood(&bench, &scenario->flood);
	before = stats_of(&bench);
	if (scenario->waits_ms > 0)
		wait_for(&bench, scenario->waits_ms, last->reason);
	else
		steps_run(&bench, last, 1);
	after = stats_of(&bench);
	check_counters(&before, &after, reason);
	bench_fini(&bench);
}

static void strict_6_each_reason_moves_its_own_counter(void **state)
{
	(void)state;
	for (unsigned reason = 0; reason < SEKISHO_REASON_COUNT; reason++)
		play(reason);
}

/* Words and sentences are there, and no two reasons share a word. */
static void reasons_have_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SEKISHO_REASON_COUNT; i++) {
		enum sekisho_admitted_by by = sekisho_reason_admitted_by(i);

		assert_true(strlen(sekisho_reason_word(i)) > 0);
		assert_true(strlen(sekisho_reason_sentence(i)) > 10);
		/* what passes is admitted by something, what is dropped or held by nothing */
		assert_int_equal(by != SEKISHO_BY_NONE, sekisho_reason_action(i) == SEKISHO_PASS);
		assert_int_equal(sekisho_admitted_by_word(by) != NULL, by != SEKISHO_BY_NONE);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(sekisho_reason_word(i), sekisho_reason_word(j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_6_each_reason_moves_its_own_counter),
		cmocka_unit_test(reasons_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
