/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_proof_ike.c: STRICT-30..38 in depth, packet by packet, under the founding policy. Exchanges:
 * 34 IKE_SA_INIT, 35 IKE_AUTH, 36 CREATE_CHILD_SA, 37 INFORMATIONAL, 38 IKE_SESSION_RESUME,
 * 43 IKE_INTERMEDIATE, 44 IKE_FOLLOWUP_KE; of IKEv1 2 main mode, 4 aggressive, 5 informational, 32
 * quick mode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bench.h"

/* ---- STRICT-30: what is an IKE message -------------------------------------------------------- */

FOUNDING_TABLE(strict_30_malformed, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 set 17 0x30 ike2 A a R 34", "ike-malformed"},
      {2, "in udp 500 500 set 17 0x00 ike2 A a R 34", "ike-malformed"},
      {3, "in udp 500 500 set 18 0 ike2 A a R 34", "ike-malformed"},
      {4, "in udp 500 500 set 27 27 ike2 A a R 34", "ike-malformed"},
      {5, "in udp 500 500 set 27 29 ike2 A a R 34", "ike-malformed"},
      {6, "in udp 500 500 set 24 0x80 ike2 A a R 34", "ike-malformed"},
      {7, "in udp 500 500 ike2 0 a R 34", "ike-malformed"},
      {8, "in udp 500 500 natt ike2 A a R 34", "ike-malformed"},
      {9, "in udp 500 500 keepalive", "ike-malformed"},
      {10, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {11, "out udp 4500 4500 natt ike2 A a I 35 1", "rule-match"},
      {12, "in udp 4500 4500 ike2 A a R 35 1", "flow-answer"},
      {13, "in udp 4500 4500 size 0 keepalive", "ike-malformed"},
      {14, "in udp 4500 4500 size 2 keepalive", "ike-malformed"},
      {15, "in udp 4500 4500 set 0 0xfe keepalive", "ike-malformed"},
      {16, "in udp 4500 4500 size 7 esp", "ike-malformed"},
      {17, "in udp 4500 4500 size 8 esp", "flow-answer"})

/* An SPIi of zero asks for nothing. */
FOUNDING_TABLE(strict_30_zero_spi, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 0 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 0 a R 34", "ike-malformed"},
      {2, "in udp 500 500 ike2 A a R 34", "no-proof-ike"})

/* Any length on the wire, and any part of it captured. */
static void strict_30_cut_short(void **state)
{
	static const struct {
		const char *ports, *message;
		uint32_t length;
	} ways[] = {{"500 500", "ike2 A a R 34", 28}, {"4500 4500", "natt ike2 A a R 34", 32}};
	struct bench bench;
	char text[96];

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 500 500 ike2 A 0 I 34");
	bench_send(&bench, 0, "out udp 4500 4500 natt ike2 A 0 I 34");
	for (int way = 0; way < 2; way++) {
		for (uint32_t size = 0; size <= ways[way].length; size++) {
			enum sekisho_reason expected = size < ways[way].length
							       ? SEKISHO_REASON_IKE_MALFORMED
							       : SEKISHO_REASON_FLOW_ANSWER;

			snprintf(text, sizeof(text), "in udp %s size %u %s", ways[way].ports, size,
				 ways[way].message);
			assert_int_equal(bench_send(&bench, 0, text).reason, expected);
			snprintf(text, sizeof(text), "in udp %s %s", ways[way].ports,
				 ways[way].message);
			assert_int_equal(bench_send_clipped(&bench, 0, text,
							    ways[way].length - size)
						 .reason,
					 expected);
		}
	}
	for (uint32_t missing = 0; missing <= 32; missing++)
		assert_int_equal(
			bench_send_clipped(&bench, 0, "in udp 4500 4500 esp", missing).reason,
			missing <= 28 ? SEKISHO_REASON_FLOW_ANSWER : SEKISHO_REASON_IKE_MALFORMED);
	bench_fini(&bench);
}

/* ---- STRICT-31..33: whole conversations ------------------------------------------------------- */

/* COOKIE, then INVALID_KE_PAYLOAD: the initiator tries again with the same SPIi (RFC 7296, 2.6). */
FOUNDING_TABLE(strict_31_retries, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A 0 R 34", "flow-answer"},
      {2, "out udp 500 500 ike2 A 0 I 34", "flow-originator"},
      {3, "in udp 500 500 ike2 A 0 R 34", "flow-answer"},
      {4, "in udp 500 500 ike2 N n I 37", "no-proof-ike"},
      {5, "out udp 500 500 ike2 A 0 I 34", "flow-originator"},
      {6, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {7, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {8, "in udp 500 500 ike2 N n I 37", "flow-answer"})

/* A ticket instead of a key exchange (RFC 5723), and many messages before IKE_AUTH (RFC 9242). */
FOUNDING_TABLE(strict_33_other_exchanges, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 38", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 38", "flow-answer"},
      {2, "out udp 500 500 ike2 A a I 43 1", "flow-originator"},
      {3, "in udp 500 500 ike2 A a R 43 1", "flow-answer"},
      {4, "in udp 500 500 ike2 A a R 43 1", "flow-answer"},
      {5, "out udp 500 500 ike2 A a I 35 2", "flow-originator"},
      {6, "in udp 500 500 ike2 A a R 35 2", "flow-answer"},
      {7, "in udp 500 500 ike2 B 0 I 38", "no-proof-ike"})

/* The peer rekeys: its new SA begins with 36 or 37, and is known from then on (RFC 9370 goes on). */
FOUNDING_TABLE(strict_33b_rekeyed_by_peer, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {2, "in udp 500 500 ike2 A a - 36 0", "flow-answer"},
      {3, "out udp 500 500 ike2 A a IR 36 0", "flow-originator"},
      {4, "in udp 500 500 ike2 A a - 37 1", "flow-answer"},
      {5, "out udp 500 500 ike2 A a IR 37 1", "flow-originator"},
      {6, "in udp 500 500 ike2 N n I 44 0", "no-proof-ike"},
      {7, "in udp 500 500 ike2 N n I 36 0", "flow-answer"},
      {8, "out udp 500 500 ike2 N n R 36 0", "flow-originator"},
      {9, "in udp 500 500 ike2 N n I 44 1", "flow-answer"},
      {10, "out udp 500 500 ike2 N n - 37 0", "flow-originator"},
      {11, "in udp 500 500 ike2 N n IR 37 0", "flow-answer"})

/* We rekey: the first message of the new SA is our request. */
FOUNDING_TABLE(strict_33b_rekeyed_by_us, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {2, "out udp 500 500 ike2 A a I 36 5", "flow-originator"},
      {3, "in udp 500 500 ike2 A a R 36 5", "flow-answer"},
      {4, "out udp 500 500 ike2 N n I 44 0", "flow-originator"},
      {5, "in udp 500 500 ike2 N n R 44 0", "flow-answer"},
      {6, "in udp 500 500 ike2 N n - 43 0", "flow-answer"})

/* IKEv1: main mode, quick mode and informational each carry both cookies from the second message on. */
FOUNDING_TABLE(strict_33_ikev1, SEKISHO_STRICT,
      {0, "out udp 500 500 ike1 A 0 - 2", "rule-match"},
      {1, "in udp 500 500 ike1 A a - 2", "flow-answer"},
      {2, "out udp 500 500 ike1 A a - 2", "flow-originator"},
      {3, "in udp 500 500 ike1 A a - 2", "flow-answer"},
      {4, "in udp 500 500 ike1 A a - 32 7", "flow-answer"},
      {5, "out udp 500 500 ike1 A a - 32 7", "flow-originator"},
      {6, "in udp 500 500 ike1 A a - 5 9", "flow-answer"},
      {7, "in udp 500 500 ike1 N n - 5 9", "no-proof-ike"},
      {8, "in udp 500 500 ike1 N n - 36 9", "no-proof-ike"},
      {9, "in udp 500 500 ike1 N 0 - 4", "no-proof-ike"},
      {10, "out udp 500 500 ike1 G 0 - 4", "flow-originator"},
      {11, "in udp 500 500 ike1 G g - 4", "flow-answer"},
      {12, "in udp 500 500 ike1 A 0 - 5 0", "no-proof-ike"})

/* STRICT-34 with IKEv1: nothing marks an answer, so what we answer to theirs entitles nothing. */
FOUNDING_TABLE(strict_34_ikev1_crossing, SEKISHO_STRICT,
      {0, "out udp 500 500 ike1 B 0 - 2", "rule-match"},
      {1, "in udp 500 500 ike1 A 0 - 2", "no-proof-ike"},
      {2, "out udp 500 500 ike1 A a - 2", "flow-originator"},
      {3, "in udp 500 500 ike1 A a - 2", "no-proof-ike"},
      {4, "in udp 500 500 ike1 B b - 2", "flow-answer"},
      {5, "in udp 500 500 ike1 A a - 2", "no-proof-ike"})

/* The other side takes our SPIi for its own initiation: that is none of our answers. */
FOUNDING_TABLE(strict_31_equal_spi, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A 0 I 34", "no-proof-ike"},
      {2, "in udp 500 500 ike1 A 0 - 2", "no-proof-ike"},
      {3, "in udp 500 500 ike2 A a R 34", "flow-answer"})

/* A COOKIE for an admitted initiation makes no SA, whichever side sends it. */
static void strict_37_cookie_is_no_sa(void **state)
{
	static const struct sekisho_port_range port_500 = {500, 500};
	static const struct row rows[] = {
		{0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
		{1, "in udp 500 500 ike2 A 0 I 34", "rule-match"},
		{2, "out udp 500 500 ike2 A 0 R 34", "flow-originator"},
		{3, "in udp 500 500 ike2 B 0 R 34", "flow-originator"},
		{4, "out udp 4500 4500 esp", "rule-match"},
		{5, "in udp 4500 4500 esp", "no-ike-sa"},
		{6, "out udp 500 500 ike2 A a R 34", "flow-originator"},
		{7, "in udp 4500 4500 esp", "flow-answer"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
		bench_rule("vpn/ike-in", SEKISHO_INGRESS, 17, bench_peer),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	rules[1].ports = &port_500;
	rules[1].port_count = 1;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 2);
	bench_run(&bench, rows, sizeof(rows) / sizeof(rows[0]));
	bench_fini(&bench);
}

/* ---- STRICT-36, 37: the float, and ESP -------------------------------------------------------- */

/* Barred on 500 is barred on 4500. */
FOUNDING_TABLE(strict_36_barred_floats, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {1, "out udp 500 500 ike2 A a R 34", "flow-originator"},
      {2, "in udp 500 500 ike2 B b R 34", "flow-answer"},
      {3, "out udp 4500 4500 natt ike2 B b I 35 1", "rule-match"},
      {4, "in udp 4500 4500 natt ike2 A a I 37 2", "no-proof-ike"},
      {5, "in udp 4500 4500 natt ike2 N n I 37 2", "flow-answer"},
      {6, "in udp 4500 4500 natt ike2 A a I 36 2", "no-proof-ike"})

/* Behind NAT, and so from other ports on both flows: what floats is the address pair's. */
FOUNDING_TABLE(strict_36_other_ports, SEKISHO_STRICT,
      {0, "out udp 1027 500 ike1 A 0 - 2", "rule-match"},
      {1, "in udp 500 1027 ike1 A a - 2", "flow-answer"},
      {2, "out udp 1028 4500 natt ike1 A a - 2", "rule-match"},
      {3, "in udp 4500 1028 natt ike1 A a - 2", "flow-answer"},
      {4, "in udp 4500 1028 natt ike1 B b - 2", "no-proof-ike"},
      {5, "in udp 4500 1028 esp", "flow-answer"},
      {6, "in udp 4500 1029 esp", "no-rule"})

/* The peer initiates by its rule, and we have none: what we answer is proved by its SPIs, on 4500 too. */
static void strict_36_opened_from_outside(void **state)
{
	static const struct row rows[] = {
		{0, "in udp 500 500 ike2 A 0 I 34", "rule-match"},
		{1, "out udp 500 500 ike2 B 0 I 34", "no-proof-ike"},
		{2, "out udp 500 500 ike2 A 0 R 34", "flow-answer"},
		{3, "out udp 4500 4500 esp", "no-rule"},
		{4, "in udp 500 500 ike2 A 0 I 34", "flow-originator"},
		{5, "out udp 500 500 ike2 A a R 34", "flow-answer"},
		{6, "in udp 4500 4500 natt ike2 A a I 35 1", "rule-match"},
		{7, "out udp 4500 4500 natt ike2 C c R 35 1", "no-proof-ike"},
		{8, "out udp 4500 4500 natt ike2 A a R 35 1", "flow-answer"},
		{9, "out udp 4500 4500 esp", "flow-answer"},
		{10, "out udp 4500 4500 natt ike2 N n - 36 0", "flow-answer"},
		{11, "in udp 4500 4500 natt ike2 N n IR 36 0", "flow-originator"},
		{12, "out udp 4500 4500 natt ike2 N n - 37 1", "flow-answer"},
		{13, "out udp 4500 4500 keepalive", "flow-answer"},
	};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/ike-in", SEKISHO_INGRESS, 17, bench_peer)};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, rows, sizeof(rows) / sizeof(rows[0]));
	bench_fini(&bench);
}

/* One flow's answered SA does not open STRICT-33(b) to a flow that carries none. */
FOUNDING_TABLE(strict_33b_of_another_flow, SEKISHO_STRICT,
      {0, "out udp 4500 4500 natt ike2 A 0 I 34", "rule-match"},
      {1, "in udp 4500 4500 natt ike2 A a R 34", "flow-answer"},
      {2, "out udp 5555 4500 esp", "rule-match"},
      {3, "in udp 4500 5555 natt ike2 N n I 37", "no-proof-ike"},
      {4, "in udp 4500 5555 esp", "flow-answer"},
      {5, "in udp 4500 4500 natt ike2 N n I 37", "flow-answer"})

/* What was answered on 500 is carried by the 4500 flow, also one that begins with ESP. */
FOUNDING_TABLE(strict_33b_by_the_float, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {2, "out udp 4500 4500 esp", "rule-match"},
      {3, "in udp 4500 4500 natt ike2 A a I 37 5", "flow-answer"},
      {4, "in udp 4500 4500 natt ike2 N n I 37 0", "flow-answer"})

/* The 4500 flow keeps what it knows when the pair has long forgotten: DPD alone keeps both. */
FOUNDING_TABLE(strict_37_dpd_keeps_alive, SEKISHO_STRICT,
      {0, "out udp 500 500 ike1 A 0 - 2", "rule-match"},
      {1, "in udp 500 500 ike1 A a - 2", "flow-answer"},
      {2, "out udp 4500 4500 natt ike1 A a - 2", "rule-match"},
      {3, "in udp 4500 4500 natt ike1 A a - 2", "flow-answer"},
      {4, "out udp 4500 4500 natt ike1 A a - 5 1", "flow-originator"},
      {5, "in udp 4500 4500 natt ike1 A a - 5 1", "flow-answer"},
      {150000, "out udp 4500 4500 natt ike1 A a - 5 2", "flow-originator"},
      {150001, "in udp 4500 4500 natt ike1 A a - 5 2", "flow-answer"},
      {300000, "out udp 4500 4500 natt ike1 A a - 5 3", "flow-originator"},
      {300001, "in udp 4500 4500 natt ike1 A a - 5 3", "flow-answer"},
      {450000, "out udp 4500 4500 natt ike1 A a - 5 4", "flow-originator"},
      {450001, "in udp 4500 4500 natt ike1 A a - 5 4", "flow-answer"},
      {600000, "out udp 4500 4500 natt ike1 A a - 5 5", "flow-originator"},
      {600001, "in udp 4500 4500 natt ike1 A a - 5 5", "flow-answer"},
      {750000, "in udp 4500 4500 esp", "flow-answer"})

/* 600 s without a word of the SA: it is taken for dead, whatever new initiations nobody answers. */
static void strict_37_dead_sa(void **state)
{
	static const struct row before[] = {
		{0, "out udp 4500 4500 natt ike1 A 0 - 2", "rule-match"},
		{1, "in udp 4500 4500 natt ike1 A a - 2", "flow-answer"},
		{2, "in udp 4500 4500 esp", "flow-answer"},
	};
	static const struct row after[] = {
		{600001, "in udp 4500 4500 esp", "no-ike-sa"},
		{600002, "out udp 4500 4500 natt ike1 C 0 - 2", "flow-originator"},
		{600003, "in udp 4500 4500 esp", "no-ike-sa"},
		{600004, "in udp 4500 4500 natt ike1 C c - 2", "flow-answer"},
		{600005, "in udp 4500 4500 esp", "flow-answer"},
	};
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, before, 3);
	for (uint32_t at = 20000; at <= 600000; at += 20000)
		bench_send(&bench, at, "out udp 4500 4500 natt ike1 B 0 - 2");
	assert_int_equal(bench_send(&bench, 600000, "in udp 4500 4500 esp").reason,
			 SEKISHO_REASON_FLOW_ANSWER); /* 599,998 ms after the last */
	bench_fini(&bench);

	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_run(&bench, before, 2);
	for (uint32_t at = 20000; at <= 600000; at += 20000)
		bench_send(&bench, at, "out udp 4500 4500 natt ike1 B 0 - 2");
	bench_run(&bench, after, 5);
	bench_fini(&bench);
}

/* Nor does it rise again when the clock has gone half way round. */
static void strict_37_dead_sa_stays_dead(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_STRICT);
	bench_send(&bench, 0, "out udp 4500 4500 natt ike1 A 0 - 2");
	bench_send(&bench, 1, "in udp 4500 4500 natt ike1 A a - 2");
	for (uint32_t at = 25000; at < UINT32_C(0x80000000) + 700000; at += 25000)
		bench_send(&bench, at, "out udp 4500 4500 natt ike1 B 0 - 2");
	assert_int_equal(
		bench_send(&bench, UINT32_C(0x80000000) + 700000, "in udp 4500 4500 esp").reason,
		SEKISHO_REASON_NO_IKE_SA);
	bench_fini(&bench);
}

/* What we say in an SA keeps it alive, whether it was seen to begin or was made by rekeying. */
FOUNDING_TABLE(strict_37_own_traffic_keeps_alive, SEKISHO_STRICT,
      {0, "out udp 4500 4500 natt ike2 A 0 I 34", "rule-match"},
      {1, "in udp 4500 4500 natt ike2 A a R 34", "flow-answer"},
      {2, "out udp 4500 4500 natt ike2 A a I 35 1", "flow-originator"},
      {3, "in udp 4500 4500 natt ike2 A a R 35 1", "flow-answer"},
      {170000, "out udp 4500 4500 natt ike2 A a I 37 2", "flow-originator"},
      {340000, "out udp 4500 4500 natt ike2 A a I 37 2", "flow-originator"},
      {510000, "out udp 4500 4500 natt ike2 A a I 37 2", "flow-originator"},
      {680000, "in udp 4500 4500 natt ike2 N n I 37 0", "flow-answer"},
      {850000, "out udp 4500 4500 natt ike2 N n R 37 0", "flow-originator"},
      {1020000, "out udp 4500 4500 natt ike2 N n R 37 0", "flow-originator"},
      {1190000, "out udp 4500 4500 natt ike2 N n R 37 0", "flow-originator"},
      {1360000, "out udp 4500 4500 natt ike2 N n R 37 0", "flow-originator"},
      {1530000, "in udp 4500 4500 esp", "flow-answer"})

/* A pair that is over has forgotten all, even where its entry is found again. */
FOUNDING_TABLE(strict_36_pair_is_over, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {600001, "out udp 4500 4500 esp", "rule-match"},
      {600001, "in udp 4500 4500 natt ike2 A a R 35 1", "no-proof-ike"},
      {600002, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {600003, "in udp 4500 4500 natt ike2 A a R 35 1", "no-proof-ike"},
      {600004, "in udp 4500 4500 esp", "no-ike-sa"},
      {600005, "in udp 4500 4500 natt ike2 B b R 35", "flow-answer"})

FOUNDING_TABLE(strict_36_pair_begins_anew, SEKISHO_STRICT,
      {0, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
      {1, "in udp 500 500 ike2 A a R 34", "flow-answer"},
      {600001, "out udp 500 500 ike2 B 0 I 34", "rule-match"},
      {600002, "out udp 4500 4500 natt ike2 B 0 I 34", "rule-match"},
      {600003, "in udp 4500 4500 natt ike2 A a R 35 1", "no-proof-ike"},
      {600004, "in udp 4500 4500 esp", "no-ike-sa"})

/* A packet that is dropped keeps nothing alive (STRICT-7). */
FOUNDING_TABLE(strict_7_dropped_refresh_nothing, SEKISHO_STRICT,
      {0, "out udp 4500 4500 natt ike1 A 0 - 2", "rule-match"},
      {1, "in udp 4500 4500 natt ike1 A a - 2", "flow-answer"},
      {30000, "in udp 4500 4500 natt ike1 B 0 - 2", "no-proof-ike"},
      {30000, "in udp 4500 4500 junk", "flow-answer"},
      {60000, "in udp 4500 4500 natt ike1 B b - 2", "no-rule"})

/* ---- STRICT-38: mid-stream -------------------------------------------------------------------- */

/* Several SAs of one pair, each with a request on its way; each response is for one. */
FOUNDING_TABLE(strict_38_several, SEKISHO_STRICT,
      {0, "out udp 4500 4500 natt ike2 X x I 37 5", "rule-match"},
      {1, "out udp 4500 4500 natt ike2 Y y - 37 9", "flow-originator"},
      {2, "out udp 4500 4500 natt ike2 Y y - 37 9", "flow-originator"},
      {3, "out udp 4500 4500 natt ike2 X x I 36 6", "flow-originator"},
      {4, "in udp 4500 4500 natt ike2 Y y IR 37 8", "no-proof-ike"},
      {5, "in udp 4500 4500 natt ike2 Y x IR 37 9", "no-proof-ike"},
      {6, "in udp 4500 4500 natt ike2 Y y - 37 9", "no-proof-ike"},
      {7, "in udp 4500 4500 natt ike2 Y y IR 37 9", "flow-answer"},
      {8, "in udp 4500 4500 natt ike2 X x R 37 5", "flow-answer"},
      {9, "in udp 4500 4500 natt ike2 X x R 36 6", "flow-answer"},
      {10, "in udp 4500 4500 natt ike2 X x R 37 5", "flow-answer"})

/* Where both sides have opened the flow, a response is one all the same, and no stranger's. */
static void strict_38_opened_from_both_sides(void **state)
{
	static const struct row both[] = {
		{0, "out udp 500 500 ike2 B b - 37 0", "rule-match"},
		{1, "in udp 500 500 junk", "rule-match"},
		{2, "in udp 500 500 ike2 B b R 37 0", "flow-originator"}};
	static const struct row known[] = {{3, "out udp 4500 4500 natt ike2 B b - 37 1", "rule-match"},
					   {4, "in udp 4500 4500 natt ike2 B b - 36 0", "flow-answer"},
					   {5, "in udp 4500 4500 esp", "flow-answer"}};
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
		bench_rule("vpn/udp-in", SEKISHO_INGRESS, 17, bench_everything),
	};
	struct sekisho_policy_spec spec;
	struct bench bench;

	(void)state;
	bench_init(&bench, 64);
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	bench_install(&bench, &spec, rules, 2);
	bench_run(&bench, both, 3);
	bench_install(&bench, &spec, rules, 1);
	bench_run(&bench, known, 3);
	bench_fini(&bench);
}

/* IKEv1 has no mark of a response: nothing until a new initiation. */
FOUNDING_TABLE(strict_38_ikev1, SEKISHO_STRICT,
      {0, "out udp 500 500 ike1 X x - 5 5", "rule-match"},
      {1, "in udp 500 500 ike1 X x - 5 5", "no-proof-ike"},
      {2, "in udp 500 500 ike2 X x R 37 5", "no-proof-ike"},
      {3, "out udp 500 500 ike1 Y 0 - 2", "flow-originator"},
      {4, "in udp 500 500 ike1 Y y - 2", "flow-answer"})

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_30_malformed),
		cmocka_unit_test(strict_30_zero_spi),
		cmocka_unit_test(strict_30_cut_short),
		cmocka_unit_test(strict_31_retries),
		cmocka_unit_test(strict_33_other_exchanges),
		cmocka_unit_test(strict_33b_rekeyed_by_peer),
		cmocka_unit_test(strict_33b_rekeyed_by_us),
		cmocka_unit_test(strict_33_ikev1),
		cmocka_unit_test(strict_34_ikev1_crossing),
		cmocka_unit_test(strict_31_equal_spi),
		cmocka_unit_test(strict_37_cookie_is_no_sa),
		cmocka_unit_test(strict_36_barred_floats),
		cmocka_unit_test(strict_36_other_ports),
		cmocka_unit_test(strict_36_opened_from_outside),
		cmocka_unit_test(strict_33b_of_another_flow),
		cmocka_unit_test(strict_33b_by_the_float),
		cmocka_unit_test(strict_37_dpd_keeps_alive),
		cmocka_unit_test(strict_37_dead_sa),
		cmocka_unit_test(strict_37_dead_sa_stays_dead),
		cmocka_unit_test(strict_37_own_traffic_keeps_alive),
		cmocka_unit_test(strict_36_pair_is_over),
		cmocka_unit_test(strict_36_pair_begins_anew),
		cmocka_unit_test(strict_7_dropped_refresh_nothing),
		cmocka_unit_test(strict_38_several),
		cmocka_unit_test(strict_38_opened_from_both_sides),
		cmocka_unit_test(strict_38_ikev1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
