/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_witness.c: sequences over which two policies differ. What the search finds is played again on
 * fresh engines, and held against brute force: all sequences of a small alphabet with all gaps of the
 * timers, on policies from a small world.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw_policy.h"
#include "probe.h"
#include "subjects.h"
#include "witness_search.h"

#define ROUNDS       240
#define LENGTH_BRUTE 3

struct pair {
	struct trace_judge judges[2];
	struct witness_found *found;
	size_t count;
};

/* ---- policies --------------------------------------------------------------------------------- */

static struct sekisho_engine *engine_fresh(const struct trace_judge *judge)
{
	struct sekisho_engine_config engine = {
		.flows = PROBE_FLOWS, .fragments = 16, .zones = 1, .hash_key = {1}};
	char message[256] = "no memory";
	struct sekisho_engine *fresh;

	engine.names = judge->names;
	fresh = sekisho_engine_create(&engine, message, sizeof(message));
	if (fresh == NULL)
		fail_msg("%s", message);
	sekisho_engine_set_policy(fresh, 0, judge->policy);
	return fresh;
}

static void judge_init(struct trace_judge *judge, const char *text)
{
	const struct sekisho_policy_spec *spec;
	struct config_errors errors = {0};
	char message[256] = "no memory";

	judge->config = config_policy_parse("t", text, strlen(text), &errors);
	if (judge->config == NULL)
		fail_msg("%s%s", errors.text, text);
	spec = config_policy_spec(judge->config);
	judge->names = sekisho_rule_names_create(sekisho_policy_spec_names(spec) + 1);
	assert_non_null(judge->names);
	judge->policy = sekisho_policy_create(spec, judge->names, message, sizeof(message));
	if (judge->policy == NULL)
		fail_msg("%s", message);
	judge->engine = engine_fresh(judge);
}

static void pair_fini(struct pair *pair)
{
	for (unsigned p = 0; p < 2; p++)
		trace_judge_fini(&pair->judges[p]);
	free(pair->found);
}

/* ---- searching -------------------------------------------------------------------------------- */

static bool take(void *context, const struct witness_found *found)
{
	struct pair *pair = context;

	pair->found = realloc(pair->found, (pair->count + 1) * sizeof(*found));
	assert_non_null(pair->found);
	pair->found[pair->count++] = *found;
	return true;
}

static bool go_on(void *context)
{
	(void)context;
	return true;
}

static void search(struct pair *pair, const struct alphabet *alphabet)
{
	struct witness_search search = {.judges = pair->judges,
					.alphabet = alphabet,
					.found = take,
					.go_on = go_on,
					.context = pair};
	bool more = true;

	for (unsigned length = 1; more && length <= WITNESS_PACKETS_MAX; length++)
		assert_int_equal(witness_search_length(&search, length, &more), 0);
	witness_search_fini(&search);
}

static struct sekisho_verdict ask(struct sekisho_engine *engine, uint32_t now_ms,
				  const struct alphabet_packet *packet)
{
	const struct sekisho_frame frame = {.data = packet->bytes,
					    .captured = packet->length,
					    .length = packet->length,
					    .direction = packet->direction};
	struct sekisho_verdict verdict;

	sekisho_engine_burst(engine, now_ms, &frame, 1, &verdict);
	return verdict;
}

/* Play it on engines that have seen nothing: both agree up to the last packet, and not over that. */
static void found_check(const struct pair *pair, const struct witness_found *found)
{
	struct sekisho_engine *engines[2] = {engine_fresh(&pair->judges[0]),
					     engine_fresh(&pair->judges[1])};
	uint32_t now_ms = 12345;

	for (unsigned i = 0; i < found->length; i++) {
		const struct witness_step *step = &found->steps[i];
		struct sekisho_verdict verdicts[2];

		now_ms += step->gap_ms;
		for (unsigned p = 0; p < 2; p++) {
			verdicts[p] =
				ask(engines[p], now_ms, &found->alphabet->packets[step->packet]);
			assert_int_equal(verdicts[p].reason, step->verdicts[p].reason);
			assert_int_equal(verdicts[p].opened_by, step->verdicts[p].opened_by);
		}
		assert_int_equal(verdicts[0].action == verdicts[1].action, i + 1 < found->length);
	}
	for (unsigned p = 0; p < 2; p++)
		sekisho_engine_destroy(engines[p]);
}

/* ---- the founding case ------------------------------------------------------------------------ */

static const char founding[] =
	"version: 1\nsemantics: %s\n"
	"endpoints:\n  - {name: gateway-b, addresses: [198.51.100.2/32], groups: [vpn]}\n"
	"groups:\n  - name: vpn\n    ingress:\n"
	"      - {id: esp-in, protocol: esp, from: [198.51.100.1/32]}\n    egress:\n"
	"      - {id: all-out, protocol: all, to: [0.0.0.0/0, \"::/0\"]}\n%s";

static void founding_init(struct pair *pair, unsigned p, const char *semantics, const char *rest)
{
	char text[1024];

	snprintf(text, sizeof(text), founding, semantics, rest);
	judge_init(&pair->judges[p], text);
}

static void ends_make(struct alphabet_ends *ends, const char *local, const char *peer,
		      uint16_t port)
{
	*ends = (struct alphabet_ends){.family = SEKISHO_IPV4, .port = {port, port}};
	assert_int_equal(inet_pton(AF_INET, local, ends->address[0]), 1);
	assert_int_equal(inet_pton(AF_INET, peer, ends->address[1]), 1);
}

/* B's own initiation out, then A's crossing one in: two packets, and none that does with one. */
static void crossing_initiations_are_found(void **state)
{
	struct pair pair = {0};
	struct alphabet alphabet = {.count = 0};
	struct alphabet_ends ends;
	bool found = false;

	founding_init(&pair, 0, "aws-like", "");
	founding_init(&pair, 1, "strict", "");
	ends_make(&ends, "198.51.100.2", "198.51.100.1", 500);
	alphabet_add_udp(&alphabet, &ends, 1u << SEKISHO_GRAMMAR_IKE);
	search(&pair, &alphabet);
	for (size_t i = 0; i < pair.count; i++) {
		const struct witness_step *steps = pair.found[i].steps;

		found_check(&pair, &pair.found[i]);
		assert_int_not_equal(pair.found[i].length, 1);
		found |= pair.found[i].length == 2 && steps[1].gap_ms == 0 &&
			 strcmp(alphabet.packets[steps[0].packet].text,
				"udp 198.51.100.2:500 > 198.51.100.1:500 ike=init") == 0 &&
			 strcmp(alphabet.packets[steps[1].packet].text,
				"udp 198.51.100.1:500 > 198.51.100.2:500 ike=init") == 0 &&
			 steps[1].verdicts[0].reason == SEKISHO_REASON_FLOW_ANSWER &&
			 steps[1].verdicts[1].reason == SEKISHO_REASON_NO_PROOF_IKE;
	}
	assert_true(found);
	pair_fini(&pair);
}

/* A longer timer shows at the moment at which the shorter one ends, and not before. */
static void timers_are_found_at_their_end(void **state)
{
	struct pair pair = {0};
	struct alphabet alphabet = {.count = 0};
	struct alphabet_ends ends;

	founding_init(&pair, 0, "aws-like", "");
	founding_init(&pair, 1, "aws-like", "timeouts: {udp: 47}\n");
	ends_make(&ends, "198.51.100.2", "198.51.100.1", 7000);
	alphabet_add_udp(&alphabet, &ends, 0);
	search(&pair, &alphabet);
	assert_int_equal(pair.count, 1);
	assert_int_equal(pair.found[0].length, 2);
	assert_int_equal(pair.found[0].steps[1].gap_ms, 30000);
	found_check(&pair, &pair.found[0]);
	pair_fini(&pair);
}

/* ---- brute force ------------------------------------------------------------------------------ */

/* Gaps before a packet: of the timers of what `alphabet_small` has, and of their rests. */
static const uint32_t gaps[] = {0, 29999, 30000, 599999, 600000};
#define GAPS (sizeof(gaps) / sizeof(gaps[0]))

/* The length of the shortest sequence over which the policies differ; 0 if there is none. */
static unsigned brute_force(const struct pair *pair, const struct alphabet *alphabet)
{
	unsigned steps = alphabet->count * GAPS, total = alphabet->count;

	for (unsigned length = 1; length <= LENGTH_BRUTE; length++, total *= steps) {
		for (unsigned number = 0; number < total; number++) {
			uint32_t now_ms = 0;
			unsigned rest = number;
			bool differ = false;

			probe_forget(&pair->judges[0], 0);
			probe_forget(&pair->judges[1], 0);
			for (unsigned i = 0; i < length; i++) {
				const struct alphabet_packet *packet =
					&alphabet->packets[rest % alphabet->count];
				struct sekisho_verdict verdicts[2];

				rest /= alphabet->count;
				for (unsigned p = 0; p < 2; p++)
					verdicts[p] = ask(pair->judges[p].engine, now_ms, packet);
				differ = verdicts[0].action != verdicts[1].action;
				now_ms += gaps[rest % GAPS];
				rest /= GAPS;
			}
			if (differ)
				return length;
		}
	}
	return 0;
}

/* The shortest that the search has found, of those that brute force looks at. */
static unsigned found_shortest(const struct pair *pair)
{
	unsigned shortest = 0;

	for (size_t i = 0; i < pair->count; i++) {
		if (pair->found[i].length <= LENGTH_BRUTE &&
		    (shortest == 0 || pair->found[i].length < shortest))
			shortest = pair->found[i].length;
	}
	return shortest;
}

static void alphabet_small(struct alphabet *alphabet, unsigned kind)
{
	struct alphabet_ends ends;

	alphabet->count = 0;
	ends_make(&ends, "10.0.0.1", "192.0.2.1", 500);
	if (kind == 0)
		alphabet_add_icmp(alphabet, &ends, 8, 0);
	else if (kind == 1)
		alphabet_add_other(alphabet, &ends, 47);
	else
		alphabet_add_udp(alphabet, &ends, 0);
}

static void shortest_is_as_brute_force_has_it(void **state)
{
	unsigned lengths[LENGTH_BRUTE + 1] = {0};

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct pair pair = {0};
		struct draw_text text;
		struct alphabet alphabet;
		unsigned shortest;

		draw_seed(round + 1);
		draw_policy(&text, round & 1);
		judge_init(&pair.judges[0], text.bytes);
		draw_seed(round / 3 % 4 == 0 ? round + 1000 : round + 1);
		draw_policy(&text, (round & 1) ^ (round / 3 % 4 == 1));
		if (round / 3 % 4 == 2)
			snprintf(text.bytes + text.length, sizeof(text.bytes) - text.length,
				 "timeouts: {icmp: 31, udp: 60}\n");
		judge_init(&pair.judges[1], text.bytes);
		alphabet_small(&alphabet, round % 3);
		search(&pair, &alphabet);
		for (size_t i = 0; i < pair.count; i++)
			found_check(&pair, &pair.found[i]);
		shortest = brute_force(&pair, &alphabet);
		assert_int_equal(found_shortest(&pair), shortest);
		lengths[shortest]++;
		pair_fini(&pair);
	}
	print_message("no difference %u, shortest of 1: %u, 2: %u, 3: %u\n", lengths[0], lengths[1],
		      lengths[2], lengths[3]);
	assert_true(lengths[0] > 0 && lengths[1] > 0 && lengths[2] > 4);
}

/* ---- states ----------------------------------------------------------------------------------- */

static uint64_t digest_after(const struct trace_judge *judge, const struct alphabet *alphabet,
			     const unsigned *packets, unsigned count)
{
	struct sekisho_state now;

	probe_forget(judge, 0);
	for (unsigned i = 0; i < count; i++)
		ask(judge->engine, 0, &alphabet->packets[packets[i]]);
	sekisho_engine_state(judge->engine, 0, &now);
	return now.digest;
}

/* A dropped packet leads nowhere; an answered question is not one that waits (STRICT-7, STRICT-53). */
static void states_are_told_apart(void **state)
{
	/* echo: the local end's request, its answers to the peer's; then the peer's */
	enum { REQUEST = 0, FOREIGN = 3, REPLY = 4 };
	struct pair pair = {0};
	struct alphabet alphabet = {.count = 0};
	struct alphabet_ends ends;
	struct sekisho_state now;
	uint64_t asked, answered;

	founding_init(&pair, 0, "strict", "");
	founding_init(&pair, 1, "strict", "");
	ends_make(&ends, "198.51.100.2", "198.51.100.1", 0);
	alphabet_add_icmp(&alphabet, &ends, 8, 0);
	assert_int_equal(digest_after(&pair.judges[0], &alphabet, NULL, 0), 0);
	asked = digest_after(&pair.judges[0], &alphabet, (unsigned[]){REQUEST}, 1);
	answered = digest_after(&pair.judges[0], &alphabet, (unsigned[]){REQUEST, REPLY}, 2);
	assert_int_not_equal(asked, 0);
	assert_int_not_equal(asked, answered);
	assert_int_equal(
		digest_after(&pair.judges[0], &alphabet, (unsigned[]){FOREIGN, REQUEST}, 2), asked);
	assert_int_equal(
		digest_after(&pair.judges[0], &alphabet, (unsigned[]){REQUEST, REPLY, REPLY}, 3),
		answered);
	sekisho_engine_state(pair.judges[0].engine, 1000, &now);
	assert_int_equal(now.timer_count, 1);
	assert_int_equal(now.left_ms[0], 29000);
	pair_fini(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crossing_initiations_are_found),
		cmocka_unit_test(timers_are_found_at_their_end),
		cmocka_unit_test(shortest_is_as_brute_force_has_it),
		cmocka_unit_test(states_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
