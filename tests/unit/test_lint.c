/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_lint.c: what lint finds. Each file of tests/lint says in its lines "# expect: ..." all that
 * is to be found in it, as `sekisho check` prints it, and nothing else may be. What is said of
 * boxes and ranges is held against the plain definition; what is said of packets, in
 * test_lint_engine.c, against the engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lint.h"
#include "lint_boxes.h"
#include "lint_ranges.h"

#define FOLDER SOURCE_ROOT "/tests/lint"
#define HEAD   "version: 1\nsemantics: aws-like\n"

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- files ------------------------------------------------------------------------------------ */

/* The "# expect: " lines of a file, without these words. */
static void read_expected(const char *path, char *expected, size_t size)
{
	char line[2048];
	size_t at = 0;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	expected[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "# expect: ", 10) == 0)
			at += (size_t)snprintf(expected + at, size - at, "%s", line + 10);
		assert_true(at < size);
	}
	fclose(file);
}

static void print_found(const struct lint_report *report, char *found, size_t size)
{
	size_t at = 0;

	found[0] = '\0';
	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *finding = &report->findings[i];

		at += (size_t)snprintf(
			found + at, size - at, "%u:%u: %s: %s%s%s [%s%s%s]\n", finding->line,
			finding->column,
			lint_code_severity(finding->code) == LINT_WARNING ? "warning" : "note",
			finding->rule ? finding->rule : "", finding->rule ? ": " : "",
			finding->text, lint_code_word(finding->code), finding->clauses ? "; " : "",
			finding->clauses ? finding->clauses : "");
		assert_true(at < size);
	}
}

static void files_say_what_is_found(void **state)
{
	static char expected[1 << 16], found[1 << 16];
	DIR *folder = opendir(FOLDER);
	bool reached[LINT_CODE_COUNT] = {false};
	unsigned files = 0, wrong = 0;

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		struct config_errors errors = {0};
		struct config_policy *config;
		struct lint_report report;
		char path[1024];

		if (strstr(entry->d_name, ".yaml") == NULL)
			continue;
		files++;
		snprintf(path, sizeof(path), "%s/%s", FOLDER, entry->d_name);
		config = config_policy_load(path, &errors);
		if (config == NULL)
			fail_msg("%s", errors.text);
		assert_int_equal(lint_report_init(&report, config), 0);
		read_expected(path, expected, sizeof(expected));
		print_found(&report, found, sizeof(found));
		for (size_t i = 0; i < report.count; i++)
			reached[report.findings[i].code] = true;
		if (strcmp(expected, found) != 0) {
			wrong++;
			print_message("%s\nexpected\n%sfound\n%s", entry->d_name, expected, found);
		}
		lint_report_fini(&report);
		config_policy_destroy(config);
	}
	closedir(folder);
	assert_true(files >= 30);
	assert_int_equal(wrong, 0);
	for (unsigned code = 0; code < LINT_CODE_COUNT; code++) {
		if (!reached[code] && code != LINT_CUT_SHORT)
			fail_msg("no file has a finding of %s", lint_code_word(code));
	}
}

/* ---- boxes and ranges ------------------------------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* A block of few addresses, or of all. */
static struct sekisho_prefix draw_block(void)
{
	struct sekisho_prefix block = {.family = SEKISHO_IPV4};

	if (draw(8) == 0)
		return block;
	block.length = (uint8_t)(28 + draw(5));
	block.address[0] = 192;
	block.address[3] = (uint8_t)(draw(16) & ~((1u << (32 - block.length)) - 1));
	if (draw(4) == 0) {
		block.family = SEKISHO_IPV6;
		block.length = (uint8_t)(block.length + 96);
		block.address[15] = block.address[3];
		block.address[3] = 0;
	}
	return block;
}

static struct lint_box draw_box(uint32_t rule)
{
	static const uint16_t protocols[] = {6, 6, 17, 1, SEKISHO_PROTOCOL_ALL};
	struct lint_box box = {.peer = draw_block(), .protocol = protocols[draw(5)], .rule = rule};

	box.level = (uint8_t)(box.peer.length == 0 && draw(2) ? 0 : box.peer.length + 1);
	box.first = (uint16_t)draw(6);
	box.last = (uint16_t)(box.first + draw(4));
	if (box.protocol == SEKISHO_PROTOCOL_ALL) {
		box.first = 0;
		box.last = UINT16_MAX;
	}
	return box;
}

/* Whether box b makes a needless, by the words of lint_boxes.h. */
static bool makes_needless(const struct lint_box *b, const struct lint_box *a)
{
	if (b->rule == a->rule || !lint_box_holds(b, a))
		return false;
	return !lint_box_holds(a, b) || b->rule < a->rule;
}

/* Whether another box of the same rule holds a box, so that it says nothing. */
static bool is_inner(const struct lint_box *boxes, size_t count, size_t i)
{
	for (size_t j = 0; j < count; j++) {
		if (boxes[j].rule == boxes[i].rule && lint_box_holds(&boxes[j], &boxes[i]) &&
		    !lint_box_holds(&boxes[i], &boxes[j]))
			return true;
	}
	return false;
}

/* Whether all boxes of rule r are in boxes of another one. */
static bool all_held(const struct lint_box *boxes, size_t count, uint32_t r, uint32_t holder)
{
	for (size_t i = 0; i < count; i++) {
		bool found = boxes[i].rule != r || is_inner(boxes, count, i);

		for (size_t j = 0; j < count && !found; j++)
			found = boxes[j].rule == holder && lint_box_holds(&boxes[j], &boxes[i]);
		if (!found)
			return false;
	}
	return true;
}

/* Whether each box of rule r is one of another rule's, and no two are the same. */
static bool all_equal(const struct lint_box *boxes, size_t count, uint32_t r, uint32_t holder)
{
	for (size_t i = 0; i < count; i++) {
		unsigned others = 0, own = 0;

		for (size_t j = 0; j < count && boxes[i].rule == r; j++) {
			bool same = lint_box_holds(&boxes[j], &boxes[i]) &&
				    lint_box_holds(&boxes[i], &boxes[j]);

			others += same && boxes[j].rule == holder;
			own += same && boxes[j].rule == r;
		}
		if (boxes[i].rule == r && (others == 0 || own > 1))
			return false;
	}
	return true;
}

static void covers_are_as_defined(void **state)
{
	enum { RULES = 12, BOXES = 24 };
	unsigned needless = 0, equal = 0;

	for (unsigned round = 0; round < 4000; round++) {
		struct lint_box boxes[BOXES], sorted[BOXES];
		struct lint_cover covers[RULES];
		bool has_box[RULES] = {false}, is_free[RULES] = {false};

		for (unsigned i = 0; i < BOXES; i++)
			boxes[i] = draw_box(draw(RULES));
		memcpy(sorted, boxes, sizeof(boxes));
		assert_int_equal(lint_boxes_cover(sorted, BOXES, covers, RULES), 0);
		for (unsigned i = 0; i < BOXES; i++) {
			bool held = false;

			for (unsigned j = 0; j < BOXES && !held; j++)
				held = makes_needless(&boxes[j], &boxes[i]);
			has_box[boxes[i].rule] = true;
			is_free[boxes[i].rule] |= !held;
		}
		for (unsigned r = 0; r < RULES; r++) {
			const struct lint_cover *cover = &covers[r];

			assert_int_equal(cover->rule != LINT_BOXES_NONE, has_box[r] && !is_free[r]);
			if (cover->rule == LINT_BOXES_NONE)
				continue;
			needless++;
			equal += cover->is_equal;
			assert_int_not_equal(cover->rule, r);
			assert_true(cover->by_several || all_held(boxes, BOXES, r, cover->rule));
			assert_true(!cover->is_equal || all_equal(boxes, BOXES, r, cover->rule));
		}
	}
	assert_true(needless > 1000 && equal > 50); /* or little was tried */
}

static bool in_block(const struct sekisho_prefix *block, uint8_t family, uint8_t last)
{
	unsigned at = family == SEKISHO_IPV6 ? 15 : 3, bits = family == SEKISHO_IPV6 ? 128 : 32;

	return block->family == family &&
	       (block->length == 0 ||
		block->address[at] >> (bits - block->length) == last >> (bits - block->length));
}

static void ranges_are_sets_of_addresses(void **state)
{
	unsigned held = 0;

	for (unsigned round = 0; round < 4000; round++) {
		struct sekisho_prefix blocks[6], asked = draw_block();
		struct lint_ranges set = {0};
		bool expected = true;
		unsigned count = draw(6);

		for (unsigned i = 0; i < count; i++) {
			blocks[i] = draw_block();
			if (blocks[i].length == 0)
				blocks[i] = asked;
			lint_ranges_add(&set, &blocks[i]);
		}
		lint_ranges_seal(&set);
		for (unsigned address = 0; address < 16; address++) {
			bool found = !in_block(&asked, asked.family, (uint8_t)address);

			for (unsigned i = 0; i < count && !found; i++)
				found = in_block(&blocks[i], asked.family, (uint8_t)address);
			expected &= found;
		}
		/* of a /0, 16 addresses are not all */
		if (asked.length > 0)
			assert_int_equal(lint_ranges_hold(&set, &asked), expected);
		held += expected;
		lint_ranges_fini(&set);
	}
	assert_true(held > 500);
}

static void ranges_reach_both_ends(void **state)
{
	struct sekisho_prefix all[2] = {{.family = SEKISHO_IPV4}, {.family = SEKISHO_IPV6}};
	struct sekisho_prefix high[2] = {{{0x80}, SEKISHO_IPV4, 1}, {{0x80}, SEKISHO_IPV6, 1}};
	struct lint_ranges set = {0};

	for (unsigned f = 0; f < 2; f++) {
		struct sekisho_prefix low = {.family = all[f].family, .length = 1};

		lint_ranges_add(&set, &high[f]);
		lint_ranges_seal(&set);
		assert_false(lint_ranges_hold(&set, &all[f]));
		assert_true(lint_ranges_hold(&set, &high[f]));
		lint_ranges_add(&set, &low);
		lint_ranges_seal(&set);
		assert_true(lint_ranges_hold(&set, &all[f]));
		lint_ranges_clear(&set);
		assert_false(lint_ranges_hold(&set, &high[f]));
	}
	lint_ranges_fini(&set);
}

/* ---- much ------------------------------------------------------------------------------------- */

static struct lint_report report_of(const char *text, size_t length, struct config_policy **config,
				    double *took)
{
	struct config_errors errors = {0};
	struct lint_report report;
	double start;

	*config = config_policy_parse("t", text, length, &errors);
	if (*config == NULL)
		fail_msg("%s", errors.text);
	start = cpu_seconds();
	assert_int_equal(lint_report_init(&report, *config), 0);
	*took = cpu_seconds() - start;
	return report;
}

/* 100,000 rules of one group, every other one needless. */
static void many_rules(void **state)
{
	const unsigned count = 100000;
	size_t room = count * 96, at;
	char *text = malloc(room);
	struct config_policy *config;
	struct lint_report report;
	double took;

	at = (size_t)sprintf(text, HEAD "endpoints: [{name: e, addresses: 10.0.0.1, groups: g}]\n"
					"groups:\n  - name: g\n    ingress:\n");
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(
			text + at, room - at,
			"      - {id: r%u, protocol: tcp, ports: %u, from: 20.%u.%u.0/%u}\n", i,
			i / 2 % 60000, i / 2 >> 8, i / 2 & 255, i % 2 ? 32 : 24);
	report = report_of(text, at, &config, &took);
	print_message("%u rules: %.1f s\n", count, took);
	assert_int_equal(report.found[LINT_SHADOWED_RULE], count / 2);
	assert_int_equal(report.found[LINT_CUT_SHORT], 0);
	assert_true(report.count < 2 * LINT_FINDINGS_MAX);
	assert_true(took < 60);
	lint_report_fini(&report);
	config_policy_destroy(config);
	free(text);
}

/*
 * 5000 endpoints, each with a group of its own and a large one that all share: too much, and told
 * so.
 */
static void many_sets_of_groups(void **state)
{
	const unsigned count = 5000;
	size_t room = count * 400, at;
	char *text = malloc(room);
	struct config_policy *config;
	struct lint_report report;
	double took;

	at = (size_t)sprintf(text, HEAD "groups:\n  - name: shared\n    egress:\n");
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(
			text + at, room - at,
			"      - {id: r%u, protocol: udp, ports: 123, to: 20.0.%u.%u}\n", i, i >> 8,
			i & 255);
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(
			text + at, room - at,
			"  - {name: g%u, ingress: [{protocol: tcp, from: 1.1.1.1}]}\n", i);
	at += (size_t)snprintf(text + at, room - at, "endpoints:\n");
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(
			text + at, room - at,
			"  - {name: e%u, addresses: 10.0.%u.%u, groups: [shared, g%u]}\n", i,
			i >> 8, i & 255, i);
	report = report_of(text, at, &config, &took);
	print_message("%u sets of groups: %.1f s\n", count, took);
	assert_int_equal(report.found[LINT_CUT_SHORT], 1);
	assert_int_equal(report.found[LINT_SHADOWED_RULE], 0);
	assert_true(took < 60);
	lint_report_fini(&report);
	config_policy_destroy(config);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_say_what_is_found),
		cmocka_unit_test(covers_are_as_defined),
		cmocka_unit_test(ranges_are_sets_of_addresses),
		cmocka_unit_test(ranges_reach_both_ends),
		cmocka_unit_test(many_rules),
		cmocka_unit_test(many_sets_of_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
