/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_lint_engine.c: what lint says of packets, held against the engine. Policies are drawn from a
 * small world, in which every block of addresses that rules tell apart has an address that packets
 * come from:
 *
 *  - without the rules that are called needless, every packet of a long random sequence is judged
 *    as with them;
 *  - a rule that is called dead admits none of them;
 *  - a rule is called exposed exactly if, after a packet that it admits, the engine lets the other
 *    end start, where it would not have done so before.
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
#include "lint.h"

#define ROUNDS  400
#define PACKETS 600

/* ---- packets ---------------------------------------------------------------------------------- */

struct shape {
	const char *local, *peer;
	uint8_t direction, protocol;
	uint16_t source_port, destination_port;
	uint8_t icmp_type;
};

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The layer 4 of a shape; returns its length. */
static uint32_t build_l4(const struct shape *shape, uint8_t *l4)
{
	switch (shape->protocol) {
	case IPPROTO_TCP:
		put16(l4, shape->source_port);
		put16(l4 + 2, shape->destination_port);
		l4[12] = 0x50;
		l4[13] = 0x02; /* SYN */
		return 20;
	case IPPROTO_UDP:
		put16(l4, shape->source_port);
		put16(l4 + 2, shape->destination_port);
		put16(l4 + 4, 16);
		return 16;
	case IPPROTO_ICMP:
		l4[0] = shape->icmp_type;
		put16(l4 + 4, 7);
		l4[8] = 0x45; /* of a quoted header that is no flow's */
		put16(l4 + 10, 28);
		l4[17] = IPPROTO_UDP;
		return 36;
	default:
		return 16;
	}
}

static uint32_t build(const struct shape *shape, uint8_t frame[128])
{
	bool egress = shape->direction == SEKISHO_EGRESS;
	uint8_t *ip = frame + 14;
	uint32_t sum = 0, length;

	memset(frame, 0, 128);
	put16(frame + 12, 0x0800);
	length = 20 + build_l4(shape, ip + 20);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)length);
	ip[8] = 64;
	ip[9] = shape->protocol;
	inet_pton(AF_INET, egress ? shape->local : shape->peer, ip + 12);
	inet_pton(AF_INET, egress ? shape->peer : shape->local, ip + 16);
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, (uint16_t) ~(sum + (sum >> 16)));
	return 14 + length;
}

static const char *const locals[] = {"10.0.0.1", "10.0.0.2"};
static const char *const addresses[] = {"192.0.2.0", "192.0.2.1", "192.0.2.2",
					"192.0.2.3", "10.0.0.1",  "203.0.113.9",
					"10.0.0.2",  "224.0.0.5", "198.18.0.1"};

static struct shape draw_shape(void)
{
	static const uint8_t protocols[] = {6, 6, 17, 17, 17, 1, 1, 50, 47};
	static const uint16_t ports[] = {500, 123, 4500, 443, 22, 101, 50000, 50001};
	static const uint8_t types[] = {8, 8, 0, 3};

	return (struct shape){.local = DRAW_PICK(locals),
			      .peer = DRAW_PICK(addresses),
			      .direction = (uint8_t)draw(2),
			      .protocol = protocols[draw(sizeof(protocols))],
			      .source_port = ports[draw(8)],
			      .destination_port = ports[draw(8)],
			      .icmp_type = types[draw(4)]};
}

/* ---- engines ---------------------------------------------------------------------------------- */

struct judge {
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *engine;
};

static void judge_init(struct judge *judge, const struct sekisho_policy_spec *spec)
{
	struct sekisho_engine_config config = {
		.flows = 256, .fragments = 16, .zones = 1, .hash_key = {1}};
	char message[256] = "no memory";

	judge->names = sekisho_rule_names_create(sekisho_policy_spec_names(spec) + 1);
	assert_non_null(judge->names);
	judge->policy = sekisho_policy_create(spec, judge->names, message, sizeof(message));
	if (judge->policy == NULL)
		fail_msg("%s", message);
	config.names = judge->names;
	judge->engine = sekisho_engine_create(&config, message, sizeof(message));
	if (judge->engine == NULL)
		fail_msg("%s", message);
	sekisho_engine_set_policy(judge->engine, 0, judge->policy);
}

static void judge_fini(struct judge *judge)
{
	sekisho_engine_destroy(judge->engine);
	sekisho_policy_destroy(judge->policy);
	sekisho_rule_names_destroy(judge->names);
}

static struct sekisho_verdict judge_ask(struct judge *judge, uint32_t now,
					const struct shape *shape)
{
	uint8_t bytes[128];
	struct sekisho_frame frame = {.data = bytes,
				      .direction = shape->direction,
				      .flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD};
	struct sekisho_verdict verdict;

	frame.length = frame.captured = build(shape, bytes);
	sekisho_engine_burst(judge->engine, now, &frame, 1, &verdict);
	return verdict;
}

/* ---- what lint said --------------------------------------------------------------------------- */

static bool is_said(const struct lint_report *report, const char *rule, enum lint_code code)
{
	for (size_t i = 0; i < report->count; i++) {
		if (report->findings[i].code == code && report->findings[i].rule != NULL &&
		    strcmp(report->findings[i].rule, rule) == 0)
			return true;
	}
	return false;
}

static bool is_dead(const struct lint_report *report, const char *rule)
{
	return is_said(report, rule, LINT_NEVER_MATCHES) ||
	       is_said(report, rule, LINT_DENIED_BY_ACL);
}

/* A description without the rules that are called needless. What it has is the caller's to free. */
static struct sekisho_policy_spec without_needless(const struct sekisho_policy_spec *spec,
						   const struct lint_report *report,
						   unsigned *needless)
{
	struct sekisho_policy_spec less = *spec;
	struct sekisho_group_spec *groups = calloc(spec->group_count + 1, sizeof(*groups));

	for (size_t g = 0; g < spec->group_count; g++) {
		struct sekisho_rule_spec *rules =
			calloc(spec->groups[g].rule_count + 1, sizeof(*rules));

		groups[g] =
			(struct sekisho_group_spec){.name = spec->groups[g].name, .rules = rules};
		for (size_t r = 0; r < spec->groups[g].rule_count; r++) {
			const struct sekisho_rule_spec *rule = &spec->groups[g].rules[r];

			if (is_said(report, rule->name, LINT_SHADOWED_RULE) ||
			    is_said(report, rule->name, LINT_DUPLICATE_RULE))
				(*needless)++;
			else
				rules[groups[g].rule_count++] = *rule;
		}
	}
	less.groups = groups;
	return less;
}

static void free_groups(struct sekisho_policy_spec *spec)
{
	for (size_t g = 0; g < spec->group_count; g++)
		free((void *)spec->groups[g].rules);
	free((void *)spec->groups);
}

/* A drawn policy and its findings. */
struct subject {
	struct draw_text text;
	struct config_policy *config;
	const struct sekisho_policy_spec *spec;
	struct lint_report report;
};

static void subject_init(struct subject *subject, uint32_t number, bool strict)
{
	struct config_errors errors = {0};

	draw_seed(number);
	draw_policy(&subject->text, strict);
	subject->config =
		config_policy_parse("t", subject->text.bytes, subject->text.length, &errors);
	if (subject->config == NULL)
		fail_msg("%s%s", errors.text, subject->text.bytes);
	subject->spec = config_policy_spec(subject->config);
	assert_int_equal(lint_report_init(&subject->report, subject->config), 0);
}

static void subject_fini(struct subject *subject)
{
	lint_report_fini(&subject->report);
	config_policy_destroy(subject->config);
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void compare_without_needless(const struct subject *subject, unsigned *needless)
{
	struct sekisho_policy_spec less =
		without_needless(subject->spec, &subject->report, needless);
	struct judge with, without;
	uint32_t now = 0;

	judge_init(&with, subject->spec);
	judge_init(&without, &less);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct shape shape = draw_shape();
		struct sekisho_verdict a, b;

		now += draw(20000);
		a = judge_ask(&with, now, &shape);
		b = judge_ask(&without, now, &shape);
		if (a.reason != b.reason) {
			fputs(subject->text.bytes, stderr);
			fail_msg("%s without rules that are called needless, not %s: %s %u > %u "
				 "protocol %u direction %u",
				 sekisho_reason_word(b.reason), sekisho_reason_word(a.reason),
				 shape.peer, shape.source_port, shape.destination_port,
				 shape.protocol, shape.direction);
		}
	}
	judge_fini(&with);
	judge_fini(&without);
	free_groups(&less);
}

/* AWS-101 */
static void needless_rules_make_no_difference(void **state)
{
	unsigned needless = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct subject subject;

		subject_init(&subject, round * 2 + 1, round % 2);
		compare_without_needless(&subject, &needless);
		subject_fini(&subject);
	}
	print_message("%u needless rules\n", needless);
	assert_true(needless > ROUNDS / 4);
}

static void dead_rules_admit_nothing(void **state)
{
	unsigned dead = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct subject subject;
		struct judge judge;
		uint32_t now = 0;

		subject_init(&subject, round * 2 + 2, round % 2);
		judge_init(&judge, subject.spec);
		for (unsigned i = 0; i < PACKETS; i++) {
			struct shape shape = draw_shape();
			struct sekisho_verdict verdict;
			const char *rule;

			now += draw(1000000); /* so that most packets meet no flow */
			verdict = judge_ask(&judge, now, &shape);
			rule = sekisho_rule_name(judge.names, verdict.rule);
			if (verdict.action == SEKISHO_PASS && rule != NULL &&
			    is_dead(&subject.report, rule)) {
				fputs(subject.text.bytes, stderr);
				fail_msg("%s is called dead, and admits %s > %s protocol %u", rule,
					 shape.peer, shape.local, shape.protocol);
			}
		}
		for (size_t i = 0; i < subject.report.count; i++)
			dead += subject.report.findings[i].code == LINT_NEVER_MATCHES ||
				subject.report.findings[i].code == LINT_DENIED_BY_ACL;
		judge_fini(&judge);
		subject_fini(&subject);
	}
	print_message("%u dead rules\n", dead);
	assert_true(dead > ROUNDS / 4);
}

/* A judge who knows one of the rules only. */
static void judge_init_alone(struct judge *judge, const struct sekisho_policy_spec *spec,
			     const struct sekisho_rule_spec *rule)
{
	struct sekisho_policy_spec alone = *spec;
	struct sekisho_group_spec *groups = calloc(alone.group_count + 1, sizeof(*groups));

	for (size_t g = 0; g < alone.group_count; g++) {
		const struct sekisho_group_spec *group = &spec->groups[g];

		groups[g] = (struct sekisho_group_spec){.name = group->name};
		if (rule >= group->rules && rule < group->rules + group->rule_count) {
			groups[g].rules = rule;
			groups[g].rule_count = 1;
		}
	}
	alone.groups = groups;
	judge_init(judge, &alone);
	free(groups);
}

/* Long enough for every flow to be forgotten; the clock may wrap. */
#define AGES_MS 500000000u

static bool admits(struct judge *alone, uint32_t *now, const struct shape *shape)
{
	struct sekisho_verdict verdict = judge_ask(alone, *now += AGES_MS, shape);

	return verdict.action == SEKISHO_PASS && verdict.reason != SEKISHO_REASON_NEVER_FILTERED;
}

/* Whether the other end may start this only after a packet of ours. */
static bool lets_start(struct judge *judge, uint32_t *now, const struct shape *ours)
{
	struct shape theirs = *ours;
	struct sekisho_verdict before, after;

	theirs.direction = !ours->direction;
	before = judge_ask(judge, *now += AGES_MS, &theirs);
	judge_ask(judge, *now += AGES_MS, ours);
	after = judge_ask(judge, *now + 1000, &theirs);
	return before.action == SEKISHO_DROP && after.action == SEKISHO_PASS;
}

/* By trying all: may the other end start, with any address and service of the small world? */
static bool is_exposed(const struct sekisho_policy_spec *spec, const struct sekisho_rule_spec *rule)
{
	static const struct {
		uint8_t protocol;
		uint16_t port;
	} services[] = {{17, 500},  {17, 4500}, {17, 123}, {17, 520},
			{17, 1194}, {50, 0},    {47, 0},   {51, 0}};
	struct judge judge, alone;
	bool exposed = false;
	uint32_t now = 0;

	judge_init(&judge, spec);
	judge_init_alone(&alone, spec, rule);
	for (size_t i = 0; i < 18 * sizeof(services) / sizeof(services[0]) && !exposed; i++) {
		const struct shape ours = {.local = locals[i % 2],
					   .peer = addresses[i / 2 % 9],
					   .direction = rule->direction,
					   .protocol = services[i / 18].protocol,
					   .source_port = services[i / 18].port,
					   .destination_port = services[i / 18].port};

		exposed = admits(&alone, &now, &ours) && lets_start(&judge, &now, &ours);
	}
	judge_fini(&judge);
	judge_fini(&alone);
	return exposed;
}

/* AWS-36, 38, 70; STRICT-22, 40 */
static void exposure_is_as_the_engine_has_it(void **state)
{
	unsigned exposed = 0, not_exposed = 0;

	for (uint32_t round = 0; round < ROUNDS / 2; round++) {
		struct subject subject;

		subject_init(&subject, round * 2 + 5000, round % 3 == 0);
		for (size_t g = 0; g < subject.spec->group_count; g++) {
			for (size_t r = 0; r < subject.spec->groups[g].rule_count; r++) {
				const struct sekisho_rule_spec *rule =
					&subject.spec->groups[g].rules[r];
				bool said =
					is_said(&subject.report, rule->name,
						LINT_SYMMETRIC_PORTS) ||
					is_said(&subject.report, rule->name, LINT_SYMMETRIC_EGRESS);
				bool is = is_exposed(subject.spec, rule);

				if (said != is) {
					fputs(subject.text.bytes, stderr);
					fail_msg("%s is %s, lint says otherwise", rule->name,
						 is ? "exposed" : "not exposed");
				}
				exposed += is;
				not_exposed += !is;
			}
		}
		subject_fini(&subject);
	}
	print_message("%u rules exposed, %u not\n", exposed, not_exposed);
	assert_true(exposed > 20 && not_exposed > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needless_rules_make_no_difference),
		cmocka_unit_test(dead_rules_admit_nothing),
		cmocka_unit_test(exposure_is_as_the_engine_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
