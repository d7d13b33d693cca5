/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_track_tcp.c: every cell of the TCP table, through the tracker itself: each state, role and
 * set of flags under both semantics. The flows get into their states by packets, never by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/track.h"

#define ISN_OPENER 1000
#define ISN_OTHER  5000
#define ISN_NEW    90000

enum { OPENER, OTHER };

enum { F = PACKET_TCP_FIN, S = PACKET_TCP_SYN, R = PACKET_TCP_RST, A = PACKET_TCP_ACK };

/* One flow, and the table that it is in. */
struct setup {
	struct flow_table table;
	struct flow_table_memory memory;
	struct sekisho_policy_spec spec;
	struct track track;
	struct flow *flow;
};

static void setup_init(struct setup *setup, enum sekisho_semantics semantics, uint32_t capacity)
{
	static const uint8_t random[32];

	setup->memory = (struct flow_table_memory){calloc(1, flow_table_flows_size(capacity)),
						   calloc(1, flow_table_buckets_size(capacity)),
						   calloc(1, limit_size(capacity))};
	flow_table_init(&setup->table, capacity, &setup->memory, (struct flow_table_random){random, random});
	sekisho_policy_spec_init(&setup->spec, semantics);
	setup->track = (struct track){.profile = semantics_profile(semantics),
				      .strict = &setup->spec.strict,
				      .aws = &setup->spec.aws,
				      .table = &setup->table};
}

static void setup_fini(struct setup *setup)
{
	free(setup->memory.flows);
	free(setup->memory.buckets);
	free(setup->memory.limit);
}

static struct packet packet_of(uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct packet){.family = 4,
			       .protocol = IPPROTO_TCP,
			       .l4_kind = PACKET_L4_TCP,
			       .tcp = {.flags = flags,
				       .seq = seq,
				       .ack = ack,
				       .window = 65535,
				       .scale = PACKET_TCP_NO_SCALE}};
}

static void open_by(struct setup *setup, const struct packet *packet)
{
	struct flow_key key = {.protocol = IPPROTO_TCP, .family = 4, .local_port = 4000};

	assert_int_equal(track_may_open(&setup->track, packet), PACKET_REASON_NONE);
	setup->flow = flow_table_insert(&setup->table, &key, flow_table_hash(&setup->table, &key));
	assert_true(track_open(&setup->track, setup->flow, packet, OPENER));
}

static void pass(struct setup *setup, unsigned role, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct packet packet = packet_of(flags, seq, ack);

	assert_int_equal(track_inspect(&setup->track, setup->flow, &packet, role).outcome,
			 TRACK_PASS);
}

/* Lead the flow into a state, as far as it takes. */
static void reach(struct setup *setup, enum flow_state state)
{
	struct packet first = packet_of(S, ISN_OPENER, 0), crossing = packet_of(S, ISN_OTHER, 0);

	if (state == FLOW_PICKED_UP) {
		const struct profile *profile = setup->track.profile;

		first = packet_of(A, ISN_OPENER + 1, ISN_OTHER + 1);
		setup->track.profile = semantics_profile(SEKISHO_AWS_LIKE);
		open_by(setup, &first);
		setup->track.profile = profile;
		return;
	}
	open_by(setup, &first);
	if (state == FLOW_SYN_CROSSED)
		assert_true(track_open(&setup->track, setup->flow, &crossing, OTHER));
	if (state == FLOW_CLOSED)
		pass(setup, OTHER, R | A, 0, ISN_OPENER + 1);
	if (state == FLOW_SYN_SENT || state == FLOW_SYN_CROSSED || state == FLOW_CLOSED)
		return;
	pass(setup, OTHER, S | A, ISN_OTHER, ISN_OPENER + 1);
	if (state == FLOW_SYN_RECEIVED)
		return;
	pass(setup, OPENER, A, ISN_OPENER + 1, ISN_OTHER + 1);
	if (state == FLOW_RESUMED)
		setup->flow->state = FLOW_RESUMED;
	if (state == FLOW_ESTABLISHED || state == FLOW_RESUMED)
		return;
	pass(setup, OPENER, F | A, ISN_OPENER + 1, ISN_OTHER + 1);
	if (state == FLOW_FIN_WAIT)
		return;
	pass(setup, OTHER, A, ISN_OTHER + 1, ISN_OPENER + 2);
	if (state == FLOW_CLOSE_WAIT)
		return;
	pass(setup, OTHER, F | A, ISN_OTHER + 1, ISN_OPENER + 2);
	if (state == FLOW_LAST_ACK)
		return;
	pass(setup, OPENER, A, ISN_OPENER + 2, ISN_OTHER + 2);
}

/*
 * A segment as exact as this set of flags can be in this state: what comes next, acknowledging
 * all; but a SYN has a new number, and a SYN-ACK or a FIN that was sent comes again.
 */
static struct packet exact(const struct flow *flow, unsigned role, uint8_t flags)
{
	const struct flow_tcp_side *sender = &flow->track.tcp[role],
				   *receiver = &flow->track.tcp[!role];
	uint32_t isn = role == OPENER ? ISN_OPENER : ISN_OTHER;
	bool silent = role == OTHER && flow->state == FLOW_SYN_SENT;
	uint32_t seq = silent ? isn : sender->end;

	if ((flags & (S | A | R | F)) == S)
		seq = ISN_NEW;
	else if (flags & S)
		seq = isn;
	else if ((flags & F) && sender->fin)
		seq = sender->end - 1;
	return packet_of(flags, seq, flags & A ? receiver->end : 0);
}

/*
 * What becomes of one segment: "=" passes, a state's word passes and goes there, "!reason" is
 * dropped, "?reason" is judged, "reopen".
 */
static const char *fate(struct setup *setup, unsigned role, uint8_t flags)
{
	static char words[64];
	struct packet packet = exact(setup->flow, role, flags);
	struct flow before = *setup->flow;
	struct track_result result = track_inspect(&setup->track, setup->flow, &packet, role);
	const char *reason = result.outcome == TRACK_PASS ? "" : sekisho_reason_word(result.reason);

	if (result.outcome != TRACK_PASS)
		assert_memory_equal(&before, setup->flow, sizeof(before)); /* STRICT-7 */
	switch (result.outcome) {
	case TRACK_PASS:
		return setup->flow->state == before.state ? "="
							  : track_state_word(setup->flow->state);
	case TRACK_REOPEN:
		return "reopen";
	case TRACK_DROP:
		snprintf(words, sizeof(words), "!%s", reason);
		return words;
	case TRACK_JUDGE:
		snprintf(words, sizeof(words), "?%s", reason);
		return words;
	default:
		fail_msg("outcome %d", result.outcome);
		return NULL;
	}
}

/* The same on a flow of its own. */
static const char *fate_in(enum sekisho_semantics semantics, enum flow_state state, unsigned role,
			   uint8_t flags)
{
	struct setup setup;
	const char *words;

	setup_init(&setup, semantics, 64);
	reach(&setup, state);
	assert_int_equal(setup.flow->state, state);
	words = fate(&setup, role, flags);
	setup_fini(&setup);
	return words;
}

/* ---- the cells ----------------------------------------------------------------------------- */

#define CLASSES 6

/* Each class by its plainest set: SYN, SYN-ACK, ACK, FIN, RST, and none. */
static const uint8_t class_flags[CLASSES] = {S, S | A, A, F | A, R | A, 0};

/* The class of each set of the four flags that count, as F, S, R from the lowest bit, then A. */
static const uint8_t class_of[16] = {5, 5, 0, 5, 4, 5, 5, 5, 2, 3, 1, 5, 4, 5, 5, 5};

static const struct cells {
	enum flow_state state;
	unsigned role;
	const char *fate[2][CLASSES]; /* by semantics */
} cells[] = {
	/* clang-format off */
	{FLOW_SYN_SENT, OPENER, {
		{"=", "=", "=", "=", "closed", "="},
		{"reopen", "!bad-handshake", "!bad-handshake", "!bad-handshake", "closed", "!bad-flags"}}},
	{FLOW_SYN_SENT, OTHER, {
		{"syn-crossed", "syn-received", "syn-received", "fin-wait", "closed", "="},
		{"?simultaneous-open", "syn-received", "?bad-handshake", "?bad-handshake", "closed", "!bad-flags"}}},
	{FLOW_SYN_CROSSED, OPENER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"=", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_SYN_CROSSED, OTHER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"=", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_SYN_RECEIVED, OPENER, {
		{"=", "=", "established", "fin-wait", "closed", "="},
		{"=", "!bad-handshake", "established", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_SYN_RECEIVED, OTHER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"?simultaneous-open", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_ESTABLISHED, OPENER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"=", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_ESTABLISHED, OTHER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"?simultaneous-open", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_RESUMED, OPENER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"=", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_RESUMED, OTHER, {
		{"=", "=", "=", "fin-wait", "closed", "="},
		{"?simultaneous-open", "=", "=", "fin-wait", "closed", "!bad-flags"}}},
	{FLOW_PICKED_UP, OPENER, {
		{"=", "=", "=", "=", "closed", "="},
		{"reopen", "?not-an-opening", "?not-an-opening", "?not-an-opening", "?not-an-opening", "!bad-flags"}}},
	{FLOW_PICKED_UP, OTHER, {
		{"=", "established", "established", "fin-wait", "closed", "="},
		{"reopen", "?not-an-opening", "?not-an-opening", "?not-an-opening", "?not-an-opening", "!bad-flags"}}},
	{FLOW_FIN_WAIT, OPENER, {
		{"reopen", "=", "=", "=", "closed", "="},
		{"reopen", "=", "=", "=", "closed", "!bad-flags"}}},
	{FLOW_FIN_WAIT, OTHER, {
		{"reopen", "=", "close-wait", "last-ack", "closed", "="},
		{"reopen", "=", "close-wait", "last-ack", "closed", "!bad-flags"}}},
	{FLOW_CLOSE_WAIT, OPENER, {
		{"reopen", "=", "=", "=", "closed", "="},
		{"reopen", "=", "=", "=", "closed", "!bad-flags"}}},
	{FLOW_CLOSE_WAIT, OTHER, {
		{"reopen", "=", "=", "last-ack", "closed", "="},
		{"reopen", "=", "=", "last-ack", "closed", "!bad-flags"}}},
	{FLOW_LAST_ACK, OPENER, {
		{"reopen", "=", "time-wait", "time-wait", "closed", "="},
		{"reopen", "=", "time-wait", "time-wait", "closed", "!bad-flags"}}},
	{FLOW_LAST_ACK, OTHER, {
		{"reopen", "=", "=", "=", "closed", "="},
		{"reopen", "=", "=", "=", "closed", "!bad-flags"}}},
	{FLOW_TIME_WAIT, OPENER, {
		{"reopen", "=", "=", "=", "closed", "="},
		{"reopen", "=", "=", "=", "closed", "!bad-flags"}}},
	{FLOW_TIME_WAIT, OTHER, {
		{"reopen", "=", "=", "=", "closed", "="},
		{"reopen", "=", "=", "=", "closed", "!bad-flags"}}},
	{FLOW_CLOSED, OPENER, {
		{"reopen", "!flow-closed", "!flow-closed", "!flow-closed", "!flow-closed", "!flow-closed"},
		{"reopen", "!flow-closed", "!flow-closed", "!flow-closed", "!flow-closed", "!bad-flags"}}},
	{FLOW_CLOSED, OTHER, {
		{"reopen", "!flow-closed", "!flow-closed", "!flow-closed", "!flow-closed", "!flow-closed"},
		{"reopen", "!flow-closed", "!flow-closed", "!flow-closed", "!flow-closed", "!bad-flags"}}},
	/* clang-format on */
};

/* All the states of TCP, from SYN-SENT on, for both roles. */
_Static_assert(sizeof(cells) / sizeof(cells[0]) == 2 * (FLOW_STATE_COUNT - FLOW_SYN_SENT),
	       "each state and role has its row");

static void check_cell(const struct cells *row, enum sekisho_semantics semantics, unsigned class,
		       uint8_t flags)
{
	const char *expected = row->fate[semantics][class];
	const char *got = fate_in(semantics, row->state, row->role, flags);

	if (strcmp(got, expected) != 0)
		fail_msg("%s, %s, %s, flags %02x: %s, expected %s",
			 sekisho_semantics_word(semantics), track_state_word(row->state),
			 row->role == OPENER ? "opener" : "other", flags, got, expected);
}

static void strict_10_15_aws_80_85_every_cell(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		for (unsigned class = 0; class < CLASSES; class ++) {
			check_cell(&cells[i], SEKISHO_AWS_LIKE, class, class_flags[class]);
			check_cell(&cells[i], SEKISHO_STRICT, class, class_flags[class]);
		}
	}
}

/* PSH and URG change nothing; RST counts with ACK and without where no ACK is asked for. */
static void strict_10_every_set_of_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		for (uint8_t flags = 0; flags < 64; flags++) {
			unsigned class = class_of[(flags & 7) | (flags & A ? 8 : 0)];
			bool bare_rst_answer = cells[i].state == FLOW_SYN_SENT &&
					       cells[i].role == OTHER && class == 4 && !(flags & A);

			check_cell(&cells[i], SEKISHO_AWS_LIKE, class, flags);
			if (!bare_rst_answer) /* STRICT-14: it must acknowledge the SYN */
				check_cell(&cells[i], SEKISHO_STRICT, class, flags);
		}
	}
	assert_string_equal(fate_in(SEKISHO_STRICT, FLOW_SYN_SENT, OTHER, R), "?bad-handshake");
}

/* ---- without a flow ------------------------------------------------------------------------ */

static void strict_10_aws_80_what_may_open(void **state)
{
	struct setup aws, strict;

	(void)state;
	setup_init(&aws, SEKISHO_AWS_LIKE, 64);
	setup_init(&strict, SEKISHO_STRICT, 64);
	for (uint8_t flags = 0; flags < 64; flags++) {
		struct packet packet = packet_of(flags, 1, 1);
		unsigned class = class_of[(flags & 7) | (flags & A ? 8 : 0)];

		aws.spec.aws.tcp_pickup = true;
		assert_int_equal(track_may_open(&aws.track, &packet), PACKET_REASON_NONE);
		aws.spec.aws.tcp_pickup = false;
		assert_int_equal(track_may_open(&aws.track, &packet),
				 class == 0 ? PACKET_REASON_NONE : SEKISHO_REASON_NOT_AN_OPENING);
		assert_int_equal(track_may_open(&strict.track, &packet),
				 class == 0   ? PACKET_REASON_NONE
				 : class == 5 ? SEKISHO_REASON_BAD_FLAGS
					      : SEKISHO_REASON_NOT_AN_OPENING);
	}
	setup_fini(&aws);
	setup_fini(&strict);
}

/* AWS-80: what a first packet leaves behind is never established by itself. */
static void aws_80_state_of_the_first_packet(void **state)
{
	static const uint8_t opened[CLASSES] = {FLOW_SYN_SENT,  FLOW_PICKED_UP, FLOW_PICKED_UP,
						FLOW_PICKED_UP, FLOW_CLOSED,    FLOW_PICKED_UP};

	(void)state;
	for (uint8_t flags = 0; flags < 64; flags++) {
		struct packet packet = packet_of(flags, 1000, flags & A ? 5000 : 0);
		struct setup setup;

		setup_init(&setup, SEKISHO_AWS_LIKE, 64);
		open_by(&setup, &packet);
		assert_int_equal(setup.flow->state,
				 opened[class_of[(flags & 7) | (flags & A ? 8 : 0)]]);
		setup_fini(&setup);
	}
}

/* ---- a SYN on a connection that lives ------------------------------------------------------ */

static void strict_15_without_room_a_later_syn_only_passes(void **state)
{
	struct flow_key key = {.protocol = IPPROTO_UDP, .family = 4};
	struct packet syn_ack = packet_of(S | A, 400000, ISN_NEW + 1);
	struct track_result result;
	struct setup setup;

	(void)state;
	setup_init(&setup, SEKISHO_STRICT, 64);
	reach(&setup, FLOW_ESTABLISHED);
	do {
		key.local_port++;
	} while (flow_table_insert(&setup.table, &key, flow_table_hash(&setup.table, &key)));
	assert_string_equal(fate(&setup, OPENER, S), "=");
	assert_int_equal(setup.flow->extension, FLOW_NONE);
	result = track_inspect(&setup.track, setup.flow, &syn_ack, OTHER);
	assert_int_equal(result.outcome, TRACK_DROP);
	assert_int_equal(result.reason, SEKISHO_REASON_OUT_OF_WINDOW);
	setup_fini(&setup);
}

static void strict_15_one_memory_for_many_later_syns(void **state)
{
	struct setup setup;

	(void)state;
	setup_init(&setup, SEKISHO_STRICT, 64);
	reach(&setup, FLOW_ESTABLISHED);
	for (uint32_t i = 0; i < 1000; i++)
		pass(&setup, OPENER, S, ISN_NEW + i * 7919, 0);
	assert_int_equal(setup.table.taken, 2);
	flow_table_remove(&setup.table, setup.flow);
	assert_int_equal(setup.table.taken, 0);
	setup_fini(&setup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_10_15_aws_80_85_every_cell),
		cmocka_unit_test(strict_10_every_set_of_flags),
		cmocka_unit_test(strict_10_aws_80_what_may_open),
		cmocka_unit_test(aws_80_state_of_the_first_packet),
		cmocka_unit_test(strict_15_without_room_a_later_syn_only_passes),
		cmocka_unit_test(strict_15_one_memory_for_many_later_syns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
