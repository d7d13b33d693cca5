/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_first_boxes.c: the boxes of first packets against brute force. For pairs of policies drawn from
 * a small world every packet of that world is put to both engines; it must be in exactly one box, of
 * the right side, if one engine alone lets it pass, and else in none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw_policy.h"
#include "first_boxes.h"
#include "probe.h"

#define ROUNDS 20

struct pair {
	struct trace_judge judges[2];
	struct first_box *boxes;
	size_t count;
};

/* ---- policies --------------------------------------------------------------------------------- */

/* A drawn policy, whose first endpoint has an IPv6 address too. */
static struct config_policy *policy_draw(bool strict)
{
	static const char four[] = "addresses: [10.0.0.1]", both[] = "addresses: [10.0.0.1, "
								     "\"2001:db8::1\"]";
	struct config_errors errors = {0};
	struct config_policy *config;
	struct draw_text text;
	char more[sizeof(text.bytes) + sizeof(both)];
	char *at;

	draw_policy(&text, strict);
	at = strstr(text.bytes, four);
	assert_non_null(at);
	snprintf(more, sizeof(more), "%.*s%s%s", (int)(at - text.bytes), text.bytes, both,
		 at + sizeof(four) - 1);
	config = config_policy_parse("t", more, strlen(more), &errors);
	if (config == NULL)
		fail_msg("%s%s", errors.text, more);
	return config;
}

static void judge_init(struct trace_judge *judge, bool strict)
{
	struct sekisho_engine_config engine = {
		.flows = PROBE_FLOWS, .fragments = 16, .zones = 1, .hash_key = {1}};
	const struct sekisho_policy_spec *spec;
	char message[256] = "no memory";

	judge->config = policy_draw(strict);
	spec = config_policy_spec(judge->config);
	judge->names = sekisho_rule_names_create(sekisho_policy_spec_names(spec) + 1);
	assert_non_null(judge->names);
	judge->policy = sekisho_policy_create(spec, judge->names, message, sizeof(message));
	if (judge->policy == NULL)
		fail_msg("%s", message);
	engine.names = judge->names;
	judge->engine = sekisho_engine_create(&engine, message, sizeof(message));
	if (judge->engine == NULL)
		fail_msg("%s", message);
	sekisho_engine_set_policy(judge->engine, 0, judge->policy);
}

static void judge_fini(struct trace_judge *judge)
{
	sekisho_engine_destroy(judge->engine);
	sekisho_policy_destroy(judge->policy);
	sekisho_rule_names_destroy(judge->names);
	config_policy_destroy(judge->config);
}

/* ---- judging ---------------------------------------------------------------------------------- */

static bool ask(void *context, const struct first_packet *first, bool passes[2])
{
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	const struct sekisho_frame frame = probe_frame(first, bytes);
	struct pair *pair = context;

	for (unsigned p = 0; p < 2; p++) {
		struct sekisho_verdict verdict = probe_ask(&pair->judges[p], 0, &frame);

		passes[p] = verdict.action == SEKISHO_PASS;
		if (verdict.opened)
			probe_forget(&pair->judges[p], 0);
	}
	return true;
}

static bool take(void *context, const struct first_box *box)
{
	struct pair *pair = context;

	pair->boxes = realloc(pair->boxes, (pair->count + 1) * sizeof(*box));
	assert_non_null(pair->boxes);
	pair->boxes[pair->count++] = *box;
	return true;
}

static bool range_has(const struct area_range *range, unsigned __int128 number)
{
	return range->first <= number && number <= range->last;
}

static bool box_has(const struct first_box *box, const struct first_packet *packet)
{
	return box->direction == packet->direction && box->family == packet->family &&
	       box->protocol_first <= packet->protocol && packet->protocol <= box->protocol_last &&
	       box->detail_first <= packet->detail && packet->detail <= box->detail_last &&
	       (packet->protocol != IPPROTO_TCP || box->segments & packet->segment) &&
	       range_has(&box->locals, packet->local) && range_has(&box->peers, packet->peer);
}

/* Returns whether the policies differ over it. */
static bool packet_check(struct pair *pair, const struct first_packet *packet)
{
	unsigned boxes[2] = {0, 0};
	bool passes[2];
	size_t length;

	ask(pair, packet, passes);
	for (size_t i = 0; i < pair->count; i++)
		boxes[pair->boxes[i].admitted] += box_has(&pair->boxes[i], packet);
	for (unsigned p = 0; p < 2; p++) {
		if (boxes[p] != (passes[p] && !passes[!p]))
			fail_msg("%u boxes of %u, passes %d %d: direction %u protocol %u detail %u "
				 "segment %u\n%s\n%s",
				 boxes[p], p, passes[0], passes[1], packet->direction,
				 packet->protocol, packet->detail, packet->segment,
				 config_policy_text(pair->judges[0].config, &length),
				 config_policy_text(pair->judges[1].config, &length));
	}
	return passes[0] != passes[1];
}

/* ---- the world -------------------------------------------------------------------------------- */

static const char *const locals[] = {"10.0.0.1",  "10.0.0.2",    "10.0.0.3",   "192.0.2.2",
				     "224.0.0.1", "2001:db8::1", "2001:db8::2"};
static const char *const peers[] = {"192.0.2.0", "192.0.2.1",   "192.0.2.2", "192.0.2.3",
				    "192.0.2.4", "203.0.113.9", "10.0.0.1",  "10.0.0.2",
				    "224.0.0.5", "224.0.1.0",   "127.0.0.1", "255.255.255.255",
				    "0.0.0.0",   "2001:db8::9", "ff02::1",   "::1"};
static const uint8_t protocols[] = {0, 1, 2, 6, 17, 43, 47, 50, 51, 58, 60, 139, 255};
static const uint16_t ports[] = {0, 21, 22, 23, 99, 100, 123, 443, 444, 500, 600, 601, 4500, 65535};
static const uint16_t icmp[] = {0x0000, 0x0300, 0x0304, 0x0501, 0x0800,
				0x0801, 0x0900, 0x0d00, 0x8000, 0x8700};

static void address_read(const char *text, uint8_t *family, unsigned __int128 *number)
{
	uint8_t address[16] = {0};

	*family = strchr(text, ':') ? SEKISHO_IPV6 : SEKISHO_IPV4;
	assert_int_equal(inet_pton(*family == SEKISHO_IPV6 ? AF_INET6 : AF_INET, text, address), 1);
	*number = areas_number(*family, address);
}

/* All details and segments of a protocol. Returns how many packets differ. */
static unsigned protocol_check(struct pair *pair, struct first_packet packet)
{
	bool is_icmp = packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6;
	const uint16_t *details = is_icmp ? icmp : ports;
	unsigned count =
		is_icmp ? sizeof(icmp) / sizeof(icmp[0]) : sizeof(ports) / sizeof(ports[0]);
	unsigned kinds = packet.protocol == IPPROTO_TCP ? FIRST_ALL : FIRST_SYN, differ = 0;

	if (!is_icmp && packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_UDP)
		count = 1;
	for (unsigned i = 0; i < count; i++) {
		packet.detail = details[i];
		for (unsigned kind = 1; kind <= kinds; kind *= 2) {
			packet.segment = (uint8_t)kind;
			differ += packet_check(pair, &packet);
		}
	}
	return differ;
}

static unsigned world_check(struct pair *pair)
{
	unsigned differ = 0;

	for (size_t l = 0; l < sizeof(locals) / sizeof(locals[0]); l++) {
		for (size_t p = 0; p < sizeof(peers) / sizeof(peers[0]); p++) {
			struct first_packet packet = {0};
			uint8_t family;

			address_read(locals[l], &packet.family, &packet.local);
			address_read(peers[p], &family, &packet.peer);
			if (family != packet.family || packet.local == packet.peer)
				continue;
			for (size_t i = 0; i < sizeof(protocols); i++) {
				packet.protocol = protocols[i];
				packet.direction = SEKISHO_EGRESS;
				differ += protocol_check(pair, packet);
				packet.direction = SEKISHO_INGRESS;
				differ += protocol_check(pair, packet);
			}
		}
	}
	return differ;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void boxes_hold_exactly_what_differs(void **state)
{
	unsigned differ = 0, boxes = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct pair pair = {0};
		struct first_boxes find = {.judge = ask, .box = take, .context = &pair};

		draw_seed(round + 1);
		for (unsigned p = 0; p < 2; p++) {
			judge_init(&pair.judges[p], (round >> p & 1) != 0);
			find.specs[p] = config_policy_spec(pair.judges[p].config);
		}
		assert_int_equal(first_boxes_find(&find), 0);
		differ += world_check(&pair);
		boxes += (unsigned)pair.count;
		free(pair.boxes);
		judge_fini(&pair.judges[0]);
		judge_fini(&pair.judges[1]);
	}
	print_message("%u boxes, %u packets that differ\n", boxes, differ);
	assert_true(differ > 1000 * ROUNDS / 10);
}

/* Boxes of a policy and itself: there are none. */
static void equal_policies_have_no_boxes(void **state)
{
	for (uint32_t round = 0; round < 20; round++) {
		struct pair pair = {0};
		struct first_boxes find = {.judge = ask, .box = take, .context = &pair};

		for (unsigned p = 0; p < 2; p++) {
			draw_seed(round + 1);
			judge_init(&pair.judges[p], round & 1);
			find.specs[p] = config_policy_spec(pair.judges[p].config);
		}
		assert_int_equal(first_boxes_find(&find), 0);
		assert_int_equal(pair.count, 0);
		judge_fini(&pair.judges[0]);
		judge_fini(&pair.judges[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes_hold_exactly_what_differs),
		cmocka_unit_test(equal_policies_have_no_boxes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
