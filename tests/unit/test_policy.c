/* SPDX-License-Identifier: BSD-3-Clause */
/* test_policy.c: a snapshot's life, and the names and places of its rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sekisho.h>

#define RULES 10000

static const struct sekisho_prefix anywhere = {.family = SEKISHO_IPV4};
static const bool literal = true;

static struct sekisho_rule_spec rules[RULES];
static char texts[RULES][16];

/* `count` rules "g/FIRST", "g/FIRST-1", ...: not in the order of any other policy's. */
static struct sekisho_policy *build(struct sekisho_rule_names *names, unsigned first,
				    unsigned count, char *message, size_t size)
{
	const struct sekisho_group_spec group = {.name = "g", .rules = rules, .rule_count = count};
	struct sekisho_policy_spec spec;

	for (unsigned i = 0; i < count; i++) {
		snprintf(texts[i], sizeof(texts[i]), "g/%u", first - i);
		rules[i] = (struct sekisho_rule_spec){.name = texts[i],
						      .file = "p.yaml",
						      .line = 100 + i,
						      .protocol = SEKISHO_PROTOCOL_ALL,
						      .icmp_type = SEKISHO_ICMP_ANY,
						      .icmp_code = SEKISHO_ICMP_ANY,
						      .peers = &anywhere,
						      .peer_is_literal = &literal,
						      .peer_count = 1};
	}
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	spec.groups = &group;
	spec.group_count = 1;
	return sekisho_policy_create(&spec, names, message, size);
}

static uint32_t number_of(const struct sekisho_rule_names *names, const char *name)
{
	for (uint32_t i = 0; i < sekisho_rule_names_count(names); i++)
		if (strcmp(sekisho_rule_name(names, i), name) == 0)
			return i;
	return SEKISHO_RULE_NONE;
}

static void a_rule_keeps_its_number(void **state)
{
	struct sekisho_rule_names *names = sekisho_rule_names_create(20);
	char message[128] = "";
	struct sekisho_policy *old = build(names, 10, 10, message, sizeof(message));
	uint32_t seven = number_of(names, "g/7");
	struct sekisho_rule_origin origin;
	struct sekisho_policy *new = build(names, 15, 10, message, sizeof(message));

	(void)state;
	assert_non_null(old);
	assert_non_null(new);
	assert_true(sekisho_policy_generation(new) > sekisho_policy_generation(old));
	assert_int_equal(sekisho_rule_names_count(names), 15);
	assert_int_equal(number_of(names, "g/7"), seven);
	assert_true(sekisho_policy_rule_origin(old, seven, &origin));
	assert_string_equal(origin.file, "p.yaml");
	assert_int_equal(origin.line, 103);
	assert_true(sekisho_policy_rule_origin(new, seven, &origin));
	assert_int_equal(origin.line, 108);
	/* of the old policy only */
	assert_false(sekisho_policy_rule_origin(new, number_of(names, "g/1"), &origin));
	assert_false(sekisho_policy_rule_origin(new, SEKISHO_RULE_NONE, &origin));
	sekisho_policy_destroy(old);
	sekisho_policy_destroy(new);
	sekisho_rule_names_destroy(names);
}

static void names_that_do_not_fit_are_refused(void **state)
{
	struct sekisho_rule_names *names = sekisho_rule_names_create(20);
	char message[128] = "";
	struct sekisho_policy *fits = build(names, 20, 20, message, sizeof(message));

	(void)state;
	assert_non_null(fits);
	assert_null(build(names, 21, 2, message, sizeof(message)));
	assert_string_equal(message, "no room for the policy's rules: at most 20 names");
	/* what is there goes on */
	sekisho_policy_destroy(fits);
	fits = build(names, 12, 5, message, sizeof(message));
	assert_non_null(fits);
	assert_int_equal(sekisho_rule_names_count(names), 20);
	sekisho_policy_destroy(fits);
	sekisho_rule_names_destroy(names);
}

static void places_of_many_rules(void **state)
{
	struct sekisho_rule_names *names = sekisho_rule_names_create(2 * RULES);
	char message[128] = "";
	struct sekisho_policy *first = build(names, RULES, RULES, message, sizeof(message));
	struct sekisho_policy *second =
		build(names, RULES + RULES / 2, RULES, message, sizeof(message));
	struct sekisho_rule_origin origin;

	(void)state;
	assert_non_null(first);
	assert_non_null(second);
	for (uint32_t rule = 0; rule < sekisho_rule_names_count(names); rule++) {
		unsigned number;

		assert_int_equal(sscanf(sekisho_rule_name(names, rule), "g/%u", &number), 1);
		assert_int_equal(sekisho_policy_rule_origin(first, rule, &origin), number <= RULES);
		if (number <= RULES)
			assert_int_equal(origin.line, 100 + RULES - number);
		assert_int_equal(sekisho_policy_rule_origin(second, rule, &origin),
				 number > RULES / 2);
		if (number > RULES / 2)
			assert_int_equal(origin.line, 100 + RULES + RULES / 2 - number);
	}
	sekisho_policy_destroy(first);
	sekisho_policy_destroy(second);
	sekisho_rule_names_destroy(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_keeps_its_number),
		cmocka_unit_test(names_that_do_not_fit_are_refused),
		cmocka_unit_test(places_of_many_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
