/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_proof_ike_sets.c: what the IKE proof remembers is bounded. Who may fill it, what makes room,
 * and what happens when the table has none. Exchanges as in test_proof_ike.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

static enum sekisho_reason send_with(struct bench *bench, uint32_t at_ms, const char *format, char spi)
{
	char text[80];

	snprintf(text, sizeof(text), format, spi);
	return bench_send(bench, at_ms, text).reason;
}

/* Fill a table with answered flows, which nothing pushes out, but for `room` entries. */
static void fill_table(struct bench *bench, uint32_t capacity, uint32_t room)
{
	char text[64];

	for (uint32_t i = 0; i < capacity - room; i++) {
		snprintf(text, sizeof(text), "out udp %u 99 junk", 2000 + i);
		bench_send(bench, 0, text);
		snprintf(text, sizeof(text), "in udp 99 %u junk", 2000 + i);
		assert_int_equal(bench_send(bench, 0, text).reason, SEKISHO_REASON_FLOW_ANSWER);
	}
}

/* ---- who fills which set ---------------------------------------------------------------------- */

/* Our own initiations: the oldest makes room, and one that is still spoken with is not the oldest. */
static void strict_32_oldest_out(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (char spi = 'A'; spi <= 'H'; spi++)
		send_with(&bench, 0, "out udp 500 500 ike1 %c 0 - 2", spi);
	send_with(&bench, 0, "out udp 500 500 ike1 %c a - 2", 'A');
	send_with(&bench, 0, "out udp 500 500 ike1 %c 0 - 2", 'I');
	assert_int_equal(send_with(&bench, 1, "in udp 500 500 ike1 %c b - 2", 'B'),
			 SEKISHO_REASON_NO_PROOF_IKE);
	assert_int_equal(send_with(&bench, 1, "in udp 500 500 ike1 %c a - 2", 'A'),
			 SEKISHO_REASON_FLOW_ANSWER);
	for (char spi = 'C'; spi <= 'I'; spi++)
		assert_int_equal(send_with(&bench, 1, "in udp 500 500 ike1 %c x - 2", spi),
				 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

/* With its flow an SPI is forgotten; asked with again, it is as good as new. */
FOUNDING_TABLE(strict_32_reused_after_expiry, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {30001, "in udp 500 500 ike2 A a I 37", "no-rule"},
      {30002, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {30003, "in udp 500 500 ike2 A a I 37", "no-proof-ike"},
      {30004, "out udp 500 500 ike2 A 0 I 34", "flow-originator"},
      {30005, "in udp 500 500 ike2 A z R 34", "flow-answer"})

/* What an outsider sends by STRICT-33(b) pushes out nothing that we wait for. */
static void strict_32_flood_by_33b(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 500 500 ike2 A 0 I 34");
	bench_send(&bench, 0, "in udp 500 500 ike2 A a R 34");
	bench_send(&bench, 0, "out udp 500 500 ike2 B 0 I 34");
	bench_send(&bench, 0, "out udp 500 500 ike2 C c I 37 5"); /* waits for its response */
	bench_send(&bench, 0, "out udp 500 500 ike2 X x R 34");   /* barred */
	for (char spi = 'a'; spi <= 'z'; spi++) {
		assert_int_equal(send_with(&bench, 1, "in udp 500 500 ike2 %c Z - 37 0", spi),
				 SEKISHO_REASON_FLOW_ANSWER);
		send_with(&bench, 1, "out udp 500 500 ike2 %c Z R 37 0", spi); /* INVALID_IKE_SPI */
	}
	assert_int_equal(bench_send(&bench, 2, "in udp 500 500 ike2 B b R 34").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(bench_send(&bench, 2, "in udp 500 500 ike2 A a R 35 1").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(bench_send(&bench, 2, "in udp 500 500 ike2 C c R 37 5").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(bench_send(&bench, 2, "in udp 500 500 ike2 X x - 37 5").reason,
			 SEKISHO_REASON_NO_PROOF_IKE);
	/* and by the float neither */
	bench_send(&bench, 3, "out udp 4500 4500 natt ike2 A a I 35 1");
	assert_int_equal(bench_send(&bench, 3, "in udp 4500 4500 natt ike2 B b R 35 1").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

/* STRICT-35 bars what answers a stranger, not what answers an SA that a flood made us forget. */
static void strict_35_flood_bars_nothing(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 500 500 ike2 A 0 I 34");
	bench_send(&bench, 0, "in udp 500 500 ike2 A a R 34");
	assert_int_equal(bench_send(&bench, 0, "in udp 500 500 ike2 N n I 37 0").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	for (char spi = 'a'; spi <= 'z'; spi++)
		send_with(&bench, 1, "in udp 500 500 ike2 %c Z - 37 0", spi);
	bench_send(&bench, 2, "out udp 500 500 ike2 N n R 37 0");
	assert_int_equal(bench_send(&bench, 3, "in udp 500 500 ike2 N n I 37 1").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	/* an IKE_SA_INIT that was answered, but never admitted, is a stranger's even then */
	bench_send(&bench, 4, "out udp 500 500 ike2 X x R 34");
	assert_int_equal(bench_send(&bench, 5, "in udp 500 500 ike2 X x I 37 1").reason,
			 SEKISHO_REASON_NO_PROOF_IKE);
	bench_fini(&bench);
}

/* Admitted by a rule as well, the peer cannot push out our initiations by many of its own. */
static void strict_32_each_side_has_room(void **state)
{
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
		bench_rule("vpn/ike-in", SEKISHO_INGRESS, 17, bench_peer),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 2);
	for (char spi = 'a'; spi <= 'z'; spi++)
		send_with(&bench, 0, "in udp 500 500 ike1 %c 0 - 2", spi);
	for (char spi = 'A'; spi <= 'D'; spi++)
		send_with(&bench, 0, "out udp 500 500 ike1 %c 0 - 2", spi);
	for (char spi = 'a'; spi <= 'z'; spi++)
		send_with(&bench, 0, "in udp 500 500 ike1 %c 0 - 2", spi);
	bench_install(&bench, &spec, rules, 1);
	for (char spi = 'A'; spi <= 'D'; spi++)
		assert_int_equal(send_with(&bench, 1, "in udp 500 500 ike1 %c x - 2", spi),
				 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

/* The oldest of the requests makes room; what does not pass takes no response away. */
FOUNDING_TABLE(strict_38_bounded, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A a I 37 1", "rule-match"},
      {1, "out udp 500 500 ike2 B b I 37 2", "flow-originator"},
      {2, "out udp 500 500 ike2 C c I 37 3", "flow-originator"},
      {3, "out udp 500 500 ike2 D d I 37 4", "flow-originator"},
      {4, "in udp 500 500 ike2 A a R 37 1", "no-proof-ike"},
      {5, "in udp 500 500 ike2 B b R 37 2", "flow-answer"},
      {6, "in udp 500 500 ike2 C c R 37 3", "flow-answer"},
      {7, "in udp 500 500 ike2 D d R 37 4", "flow-answer"})

/* One response for a request: when its SA is forgotten again, the same bytes are no answer. */
static void strict_38_once(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 500 500 ike2 X x I 35 5");
	for (int i = 0; i < 2; i++)
		assert_int_equal(bench_send(&bench, 1, "in udp 500 500 ike2 X x R 35 5").reason,
				 SEKISHO_REASON_FLOW_ANSWER);
	for (char spi = 'A'; spi <= 'H'; spi++)
		send_with(&bench, 2, "out udp 500 500 ike2 %c 0 I 34", spi);
	assert_int_equal(bench_send(&bench, 3, "in udp 500 500 ike2 X x R 35 5").reason,
			 SEKISHO_REASON_NO_PROOF_IKE);
	bench_fini(&bench);
}

/* ---- no room ---------------------------------------------------------------------------------- */

/*
 * An initiation needs four entries: its flow, its flow's memory, the pair and its memory. With less
 * room it does not leave, and leaves nothing behind.
 */
static void strict_32_table_full(void **state)
{
	for (uint32_t room = 0; room <= 4; room++) {
		struct bench bench;

		(void)state;
		bench_init(&bench, 64);
		bench_founding(&bench, SEKISHO_STRICT);
		fill_table(&bench, 64, room);
		for (int i = 0; i < 10; i++)
			assert_int_equal(
				send_with(&bench, 1, "out udp 500 500 ike2 %c 0 I 34", (char)('A' + i)),
				room < 4 ? SEKISHO_REASON_TABLE_FULL
				: i == 0 ? SEKISHO_REASON_RULE_MATCH
					 : SEKISHO_REASON_FLOW_ORIGINATOR);
		assert_int_equal(bench_send(&bench, 2, "in udp 500 500 ike2 J j R 34").reason,
				 room < 4 ? SEKISHO_REASON_NO_RULE : SEKISHO_REASON_FLOW_ANSWER);
		if (room < 4) { /* all of the room is still there */
			struct sekisho_stats stats;

			for (uint32_t i = 0; i < room; i++)
				assert_int_equal(send_with(&bench, 3, "out udp 1%c00 99 junk",
							   (char)('1' + i)),
						 SEKISHO_REASON_RULE_MATCH);
			sekisho_engine_stats(bench.engine, &stats);
			assert_int_equal(stats.flows, 64);
		}
		bench_fini(&bench);
	}
}

/* An answer that cannot be remembered does not pass: what follows would not be known (STRICT-37). */
static void strict_38_table_full(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	fill_table(&bench, 64, 3);
	assert_int_equal(bench_send(&bench, 1, "out udp 4500 4500 natt ike2 X x I 37 5").reason,
			 SEKISHO_REASON_RULE_MATCH);
	assert_int_equal(bench_send(&bench, 2, "in udp 4500 4500 natt ike2 X x R 37 5").reason,
			 SEKISHO_REASON_TABLE_FULL);
	assert_int_equal(bench_send(&bench, 3, "in udp 4500 4500 esp").reason,
			 SEKISHO_REASON_NO_IKE_SA);
	/* the flows that filled it are over after 30 s; then there is room, and the response still due */
	assert_int_equal(bench_send(&bench, 29000, "out udp 4500 4500 esp").reason,
			 SEKISHO_REASON_FLOW_ORIGINATOR);
	assert_int_equal(bench_send(&bench, 40000, "in udp 4500 4500 natt ike2 X x R 37 5").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	assert_int_equal(bench_send(&bench, 40001, "in udp 4500 4500 esp").reason,
			 SEKISHO_REASON_FLOW_ANSWER);
	bench_fini(&bench);
}

/* Flows that nobody answered make room for IKE. */
static void strict_32_unanswered_make_room(void **state)
{
	struct bench bench;
	char text[64];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	for (uint32_t i = 0; i < 64; i++) {
		snprintf(text, sizeof(text), "out udp %u 99 junk", 2000 + i);
		bench_send(&bench, 0, text);
	}
	for (uint32_t i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "out udp %u 500 ike2 A 0 I 34", 2000 + i);
		assert_int_equal(bench_send(&bench, 1, text).reason, SEKISHO_REASON_RULE_MATCH);
		snprintf(text, sizeof(text), "in udp 500 %u ike2 A a R 34", 2000 + i);
		assert_int_equal(bench_send(&bench, 1, text).reason, SEKISHO_REASON_FLOW_ANSWER);
	}
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_32_oldest_out),
		cmocka_unit_test(strict_32_reused_after_expiry),
		cmocka_unit_test(strict_32_flood_by_33b),
		cmocka_unit_test(strict_35_flood_bars_nothing),
		cmocka_unit_test(strict_32_each_side_has_room),
		cmocka_unit_test(strict_38_bounded),
		cmocka_unit_test(strict_38_once),
		cmocka_unit_test(strict_32_table_full),
		cmocka_unit_test(strict_38_table_full),
		cmocka_unit_test(strict_32_unanswered_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
