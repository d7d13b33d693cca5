/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.c: see bench.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct sekisho_prefix bench_everything[2] = {{.family = 4}, {.family = 6}};
static const bool literal[2] = {true, true};
struct sekisho_prefix bench_local[2], bench_peer[2];

static void addresses_init(void)
{
	inet_pton(AF_INET, "198.51.100.2", bench_local[0].address);
	inet_pton(AF_INET6, "2001:db8::2", bench_local[1].address);
	inet_pton(AF_INET, "198.51.100.1", bench_peer[0].address);
	inet_pton(AF_INET6, "2001:db8::1", bench_peer[1].address);
	bench_local[0].family = bench_peer[0].family = 4;
	bench_local[0].length = bench_peer[0].length = 32;
	bench_local[1].family = bench_peer[1].family = 6;
	bench_local[1].length = bench_peer[1].length = 128;
}

struct sekisho_rule_spec bench_rule(const char *name, uint8_t direction, uint16_t protocol,
				    const struct sekisho_prefix *peers)
{
	return (struct sekisho_rule_spec){.name = name,
					  .direction = direction,
					  .protocol = protocol,
					  .icmp_type = SEKISHO_ICMP_ANY,
					  .icmp_code = SEKISHO_ICMP_ANY,
					  .peers = peers,
					  .peer_is_literal = literal,
					  .peer_count = 2};
}

const struct sekisho_policy *bench_install(struct bench *bench,
					   const struct sekisho_policy_spec *base,
					   const struct sekisho_rule_spec *rules, size_t count)
{
	static const uint16_t first_group = 0;
	struct sekisho_group_spec group = {.name = "vpn", .rules = rules, .rule_count = count};
	struct sekisho_endpoint_spec endpoint = {.name = "b",
						 .addresses = bench_local,
						 .address_count = 2,
						 .groups = &first_group,
						 .group_count = 1};
	struct sekisho_policy_spec spec = *base;
	struct sekisho_policy *old = bench->policy;
	char message[128];

	spec.groups = &group;
	spec.group_count = 1;
	spec.endpoints = &endpoint;
	spec.endpoint_count = 1;
	bench->policy = sekisho_policy_create(&spec, bench->names, message, sizeof(message));
	assert_non_null(bench->policy);
	sekisho_engine_set_policy(bench->engine, 0, bench->policy);
	sekisho_policy_destroy(old);
	return bench->policy;
}

void bench_founding(struct bench *bench, enum sekisho_semantics semantics)
{
	struct sekisho_rule_spec rules[] = {
		bench_rule("vpn/esp-in", SEKISHO_INGRESS, 50, bench_peer),
		bench_rule("vpn/all-out", SEKISHO_EGRESS, SEKISHO_PROTOCOL_ALL, bench_everything),
	};
	struct sekisho_policy_spec spec;

	sekisho_policy_spec_init(&spec, semantics);
	bench_install(bench, &spec, rules, 2);
}

void bench_init(struct bench *bench, uint32_t flows)
{
	struct sekisho_engine_config config = {.flows = flows, .zones = 1};
	char message[128];

	addresses_init();
	*bench = (struct bench){.names = sekisho_rule_names_create(64)};
	config.names = bench->names;
	bench->engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(bench->engine);
}

void bench_fini(struct bench *bench)
{
	struct sekisho_stats stats;
	uint64_t sum = 0;

	sekisho_engine_stats(bench->engine, &stats);
	for (int i = 0; i < SEKISHO_REASON_COUNT; i++)
		sum += stats.by_reason[i];
	assert_int_equal(sum, stats.received - stats.held);
	sekisho_engine_destroy(bench->engine);
	sekisho_policy_destroy(bench->policy);
	sekisho_rule_names_destroy(bench->names);
}

struct sekisho_verdict bench_send(struct bench *bench, uint32_t at_ms, const char *text)
{
	return bench_send_clipped(bench, at_ms, text, 0);
}

struct sekisho_verdict bench_send_clipped(struct bench *bench, uint32_t at_ms, const char *text,
					  uint32_t missing)
{
	uint8_t bytes[2048];
	struct sekisho_frame frame = {0};
	struct sekisho_verdict verdict;
	uint32_t length = packets_build(text, bytes, &frame.direction);
	uint8_t *exact = malloc(length - missing);

	memcpy(exact, bytes, length - missing);
	frame.data = exact;
	frame.captured = length - missing;
	frame.length = length;
	sekisho_engine_burst(bench->engine, at_ms, &frame, 1, &verdict);
	free(exact);
	return verdict;
}

void bench_run(struct bench *bench, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sekisho_verdict verdict = bench_send(bench, rows[i].at_ms, rows[i].packet);

		if (strcmp(sekisho_reason_word(verdict.reason), rows[i].reason) != 0)
			fail_msg("row %zu (%u ms, %s): %s, expected %s", i + 1, rows[i].at_ms,
				 rows[i].packet, sekisho_reason_word(verdict.reason),
				 rows[i].reason);
	}
}

void bench_wait(struct bench *bench, uint32_t from_ms, uint32_t to_ms)
{
	for (uint32_t now = from_ms; now <= to_ms; now++)
		sekisho_engine_burst(bench->engine, now, NULL, 0, NULL);
}
