/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h: one engine with one zone and a policy for it, to run tables of packets through. The
 * endpoint has the addresses that packets.h calls ours, in both families.
 */
#ifndef BENCH_H
#define BENCH_H

#include "packets.h"

struct bench {
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *engine;
};

/* Blocks for rules, IPv4 and IPv6 each: all addresses, the endpoint's, the peer's. */
extern struct sekisho_prefix bench_everything[2], bench_local[2], bench_peer[2];

/* A bench with room for `flows`, and no policy as yet. */
void bench_init(struct bench *bench, uint32_t flows);

/* Check that all received packets have a verdict, and clear up. */
void bench_fini(struct bench *bench);

/* A rule for two blocks, one of each family; ports and ICMP types are any. */
struct sekisho_rule_spec bench_rule(const char *name, uint8_t direction, uint16_t protocol,
				    const struct sekisho_prefix *peers);

/* Make a policy of these rules for the endpoint, and use it from now on. */
const struct sekisho_policy *bench_install(struct bench *bench,
					   const struct sekisho_policy_spec *base,
					   const struct sekisho_rule_spec *rules, size_t count);

/* The founding policy: inbound only ESP from the peer, outbound everything. */
void bench_founding(struct bench *bench, enum sekisho_semantics semantics);

/*
 * Let time go by from one millisecond to another, a burst of nothing in each. In two seconds ageing has
 * looked at all entries.
 */
void bench_wait(struct bench *bench, uint32_t from_ms, uint32_t to_ms);

/* Send one packet of packets.h. */
struct sekisho_verdict bench_send(struct bench *bench, uint32_t at_ms, const char *text);

/* The same where the last `missing` bytes were not captured. */
struct sekisho_verdict bench_send_clipped(struct bench *bench, uint32_t at_ms, const char *text,
					  uint32_t missing);

/* A test: one table through a new bench, under the founding policy with one of the semantics. */
#define FOUNDING_TABLE(name, semantics, ...)                                                       \
	static void name(void **state)                                                             \
	{                                                                                          \
		static const struct row rows[] = {__VA_ARGS__};                                    \
		struct bench bench;                                                                \
		(void)state;                                                                       \
		bench_init(&bench, 1024);                                                          \
		bench_founding(&bench, semantics);                                                 \
		bench_run(&bench, rows, sizeof(rows) / sizeof(rows[0]));                           \
		bench_fini(&bench);                                                                \
	}

/* Send the rows and fail at the first that gets another reason than it says. */
void bench_run(struct bench *bench, const struct row *rows, size_t count);

#endif
