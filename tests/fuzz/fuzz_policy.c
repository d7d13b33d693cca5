/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_policy.c: any bytes as a policy file. What is refused must be refused with a place and words;
 * what is accepted must keep what sekisho.h promises of a description, and make a policy.
 */
#include <stdlib.h>
#include <string.h>

#include <config.h>

#include "fuzz.h"
#include "refusal.h"

#define NAME  "policy.yaml"
#define NAMES 4096

static void check_prefix(const struct sekisho_prefix *prefix)
{
	unsigned bits = prefix->family == SEKISHO_IPV4 ? 32 : 128;

	FUZZ_CHECK(prefix->family == SEKISHO_IPV4 || prefix->family == SEKISHO_IPV6);
	FUZZ_CHECK(prefix->length <= bits);
	for (unsigned bit = prefix->length; bit < 128; bit++)
		FUZZ_CHECK((prefix->address[bit / 8] >> (7 - bit % 8) & 1) == 0);
}

static void check_rule(const struct sekisho_rule_spec *rule)
{
	FUZZ_CHECK(rule->name != NULL && rule->name[0] != '\0');
	FUZZ_CHECK(rule->direction <= SEKISHO_INGRESS);
	FUZZ_CHECK(rule->protocol <= SEKISHO_PROTOCOL_ALL);
	for (size_t i = 0; i < rule->peer_count; i++)
		check_prefix(&rule->peers[i]);
	for (size_t i = 0; i < rule->port_count; i++)
		FUZZ_CHECK(rule->ports[i].first <= rule->ports[i].last);
	FUZZ_CHECK(rule->icmp_type >= SEKISHO_ICMP_ANY && rule->icmp_type <= 255);
	FUZZ_CHECK(rule->icmp_code >= SEKISHO_ICMP_ANY && rule->icmp_code <= 255);
	FUZZ_CHECK(rule->icmp_type != SEKISHO_ICMP_ANY || rule->icmp_code == SEKISHO_ICMP_ANY);
}

/* 0 stands for the default; everything else is within the timer's bounds. */
static void check_timeouts(const uint32_t *timeouts)
{
	for (unsigned i = 0; i < SEKISHO_TIMEOUT_COUNT; i++)
		FUZZ_CHECK(timeouts[i] == 0 || (timeouts[i] >= sekisho_timeouts[i].min &&
						timeouts[i] <= sekisho_timeouts[i].max));
}

static void check_endpoint(const struct sekisho_endpoint_spec *endpoint, size_t groups)
{
	FUZZ_CHECK(endpoint->name != NULL && endpoint->address_count > 0);
	for (size_t i = 0; i < endpoint->address_count; i++)
		check_prefix(&endpoint->addresses[i]);
	for (size_t i = 0; i < endpoint->group_count; i++)
		FUZZ_CHECK(endpoint->groups[i] < groups);
	check_timeouts(endpoint->timeouts);
}

static void check_spec(const struct sekisho_policy_spec *spec)
{
	FUZZ_CHECK(spec->semantics <= SEKISHO_STRICT);
	for (size_t g = 0; g < spec->group_count; g++)
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			check_rule(&spec->groups[g].rules[r]);
	for (size_t e = 0; e < spec->endpoint_count; e++)
		check_endpoint(&spec->endpoints[e], spec->group_count);
	for (size_t i = 0; i < spec->never_filtered_count; i++)
		check_prefix(&spec->never_filtered[i]);
	check_timeouts(spec->timeouts);
	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++)
		FUZZ_CHECK(spec->strict.port_count[g] <= SEKISHO_GRAMMAR_PORTS);
	FUZZ_CHECK(spec->limits.half_open_percent <= 100);
}

/* Build what was described, with room for all its names. */
static void build(const struct sekisho_policy_spec *spec)
{
	struct sekisho_rule_names *names = sekisho_rule_names_create(NAMES);
	char message[256] = "";
	struct sekisho_policy *policy;
	size_t rules = 0;

	FUZZ_CHECK(names != NULL);
	for (size_t g = 0; g < spec->group_count; g++)
		rules += spec->groups[g].rule_count;
	policy = sekisho_policy_create(spec, names, message, sizeof(message));
	FUZZ_CHECK(policy != NULL || (rules > NAMES / 2 && message[0] != '\0'));
	sekisho_policy_destroy(policy);
	sekisho_rule_names_destroy(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors = {0};
	struct config_policy *config;
	const char *text;
	size_t length;

	config = config_policy_parse(NAME, (const char *)data, size, &errors);
	refusal_check(NAME, config != NULL, &errors);
	config_errors_fini(&errors);
	if (config == NULL)
		return 0;
	text = config_policy_text(config, &length);
	FUZZ_CHECK(length == size && memcmp(text, data, size) == 0 && text[length] == '\0');
	check_spec(config_policy_spec(config));
	build(config_policy_spec(config));
	config_policy_destroy(config);
	return 0;
}
