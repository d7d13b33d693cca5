/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint.c: findings, and what all parts of lint look at: the rules in one array, endpoints that are
 * judged alike as one class, and who carries a group. The text is read once more for the places in
 * it: the policy itself keeps none, as the daemon has no use for them.
 */
#include "linter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX UINT64_C(100000000) /* about a second */

static const struct {
	const char *word;
	enum lint_severity severity;
} codes[] = {
#define X(id, word, severity) {word, LINT_##severity},
	LINT_CODES(X)
#undef X
};

const char *lint_code_word(enum lint_code code)
{
	return codes[code].word;
}

enum lint_severity lint_code_severity(enum lint_code code)
{
	return codes[code].severity;
}

/* ---- findings --------------------------------------------------------------------------------- */

/* Keep a text as long as the report; takes it over. NULL: no memory. */
static const char *keep_text(struct lint_report *report, char *text)
{
	if (text != NULL && report->text_count == report->text_room) {
		size_t room = report->text_room ? report->text_room * 2 : 64;
		void **texts = realloc(report->texts, room * sizeof(*texts));

		if (texts == NULL) {
			free(text);
			return NULL;
		}
		report->texts = texts;
		report->text_room = room;
	}
	if (text != NULL)
		report->texts[report->text_count++] = text;
	return text;
}

static struct lint_finding *add_finding(struct lint_report *report)
{
	if (report->count == report->room) {
		size_t room = report->room ? report->room * 2 : 64;
		struct lint_finding *findings = realloc(report->findings, room * sizeof(*findings));

		if (findings == NULL)
			return NULL;
		report->findings = findings;
		report->room = room;
	}
	return &report->findings[report->count++];
}

void linter_say(struct linter *linter, enum lint_code code, const struct linter_subject *subject,
		const char *format, ...)
{
	struct lint_report *report = linter->report;
	struct lint_finding made = {.code = code, .rule = subject->rule}, *finding;
	va_list arguments;
	char *text = NULL;

	if (report->found[code]++ >= LINT_FINDINGS_MAX)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	made.text = keep_text(report, text);
	if (subject->clauses != NULL)
		made.clauses = keep_text(report, strdup(subject->clauses));
	reader_place(linter->reader, subject->path, &made.line, &made.column);
	finding = made.text != NULL ? add_finding(report) : NULL;
	if (finding == NULL)
		linter->failed = true;
	else
		*finding = made;
}

void linter_cut(struct linter *linter)
{
	if (linter->report != NULL && linter->report->found[LINT_CUT_SHORT] == 0)
		linter_say(
			linter, LINT_CUT_SHORT, &(struct linter_subject){.path = "groups"},
			"the policy is too large to look at all of it; there may be more to find");
}

bool linter_spend(struct linter *linter, uint64_t steps)
{
	linter->steps += steps;
	if (linter->steps <= STEPS_MAX)
		return true;
	linter_cut(linter);
	return false;
}

static int by_place(const void *a, const void *b)
{
	const struct lint_finding *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* ---- what is looked at ------------------------------------------------------------------------ */

void linter_rule_path(const struct linter *linter, const struct linter_rule *rule,
		      char path[LINTER_PATH])
{
	uint32_t ingress = linter->schema->groups[rule->group].ingress_count;

	if (rule->index < ingress)
		snprintf(path, LINTER_PATH, "groups[%u].ingress[%u]", rule->group, rule->index);
	else
		snprintf(path, LINTER_PATH, "groups[%u].egress[%u]", rule->group,
			 rule->index - ingress);
}

const struct schema_rule *linter_written(const struct linter *linter,
					 const struct linter_rule *rule)
{
	const struct schema_group *group = &linter->schema->groups[rule->group];

	return rule->index < group->ingress_count
		       ? &group->ingress[rule->index]
		       : &group->egress[rule->index - group->ingress_count];
}

uint32_t linter_seconds(const struct linter *linter, const struct sekisho_endpoint_spec *endpoint,
			enum sekisho_timeout timeout)
{
	return endpoint->timeouts[timeout] != 0 ? endpoint->timeouts[timeout]
						: linter->spec->timeouts[timeout];
}

static bool list_rules(struct linter *linter)
{
	const struct sekisho_policy_spec *spec = linter->spec;
	size_t total = 0;

	for (size_t g = 0; g < spec->group_count; g++)
		total += spec->groups[g].rule_count;
	linter->rules = calloc(total + 1, sizeof(*linter->rules));
	linter->group_rules = calloc(spec->group_count + 1, sizeof(*linter->group_rules));
	if (linter->rules == NULL || linter->group_rules == NULL)
		return false;
	for (size_t g = 0; g < spec->group_count; g++) {
		linter->group_rules[g] = (uint32_t)linter->rule_count;
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			linter->rules[linter->rule_count++] =
				(struct linter_rule){.spec = &spec->groups[g].rules[r],
						     .group = (uint32_t)g,
						     .index = (uint32_t)r};
	}
	linter->group_rules[spec->group_count] = (uint32_t)linter->rule_count;
	return true;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static struct linter_class class_of(const struct sekisho_endpoint_spec *endpoint, uint16_t *groups)
{
	struct linter_class class = {.endpoint = endpoint, .count = 1, .groups = groups};

	for (size_t i = 0; i < endpoint->address_count; i++)
		class.family[endpoint->addresses[i].family == SEKISHO_IPV6] = true;
	for (size_t i = 0; i < endpoint->group_count; i++)
		groups[i] = endpoint->groups[i];
	qsort(groups, endpoint->group_count, sizeof(*groups), by_number);
	for (size_t i = 0; i < endpoint->group_count; i++) {
		if (class.group_count == 0 || groups[class.group_count - 1] != groups[i])
			groups[class.group_count++] = groups[i];
	}
	return class;
}

static int by_kind(const void *a, const void *b)
{
	const struct linter_class *x = a, *y = b;
	size_t common = x->group_count < y->group_count ? x->group_count : y->group_count;

	for (size_t i = 0; i < common; i++) {
		if (x->groups[i] != y->groups[i])
			return x->groups[i] - y->groups[i];
	}
	if (x->group_count != y->group_count)
		return x->group_count < y->group_count ? -1 : 1;
	if (x->endpoint->acl != y->endpoint->acl)
		return x->endpoint->acl - y->endpoint->acl;
	if (x->endpoint->auto_tracked != y->endpoint->auto_tracked)
		return x->endpoint->auto_tracked - y->endpoint->auto_tracked;
	if (memcmp(x->family, y->family, sizeof(x->family)) != 0)
		return memcmp(x->family, y->family, sizeof(x->family));
	return memcmp(x->endpoint->timeouts, y->endpoint->timeouts, sizeof(x->endpoint->timeouts));
}

static bool sort_classes(struct linter *linter)
{
	const struct sekisho_policy_spec *spec = linter->spec;
	size_t total = 0, kept = 0;

	for (size_t e = 0; e < spec->endpoint_count; e++)
		total += spec->endpoints[e].group_count;
	linter->class_groups = calloc(total + 1, sizeof(*linter->class_groups));
	linter->classes = calloc(spec->endpoint_count + 1, sizeof(*linter->classes));
	if (linter->class_groups == NULL || linter->classes == NULL)
		return false;
	total = 0;
	for (size_t e = 0; e < spec->endpoint_count; e++) {
		linter->classes[e] = class_of(&spec->endpoints[e], &linter->class_groups[total]);
		total += spec->endpoints[e].group_count;
	}
	qsort(linter->classes, spec->endpoint_count, sizeof(*linter->classes), by_kind);
	for (size_t e = 0; e < spec->endpoint_count; e++) {
		if (kept > 0 && by_kind(&linter->classes[kept - 1], &linter->classes[e]) == 0)
			linter->classes[kept - 1].count++;
		else
			linter->classes[kept++] = linter->classes[e];
	}
	linter->class_count = kept;
	return true;
}

/* Two passes: how many carry each group, and who. One that carries a group twice counts once. */
static bool list_carriers(struct linter *linter)
{
	const struct sekisho_policy_spec *spec = linter->spec;
	uint32_t *seen = calloc(spec->group_count + 1, sizeof(*seen)); /* endpoint plus one */
	size_t total = 0;

	for (size_t e = 0; e < spec->endpoint_count; e++)
		total += spec->endpoints[e].group_count;
	linter->group_carriers = calloc(spec->group_count + 2, sizeof(*linter->group_carriers));
	linter->carriers = calloc(total + 1, sizeof(*linter->carriers));
	if (seen == NULL || linter->group_carriers == NULL || linter->carriers == NULL) {
		free(seen);
		return false;
	}
	for (unsigned pass = 0; pass < 2; pass++) {
		uint32_t *ends = linter->group_carriers + 1; /* of group g at [g] */

		memset(seen, 0, spec->group_count * sizeof(*seen));
		for (uint32_t e = 0; e < spec->endpoint_count; e++) {
			for (size_t i = 0; i < spec->endpoints[e].group_count; i++) {
				uint16_t group = spec->endpoints[e].groups[i];

				if (seen[group] == e + 1)
					continue;
				seen[group] = e + 1;
				if (pass == 1)
					linter->carriers[ends[group]] = e;
				ends[group]++;
			}
		}
		/* from numbers to where each begins; the second pass makes them ends */
		for (uint32_t g = 0, at = 0; pass == 0 && g < spec->group_count; g++) {
			uint32_t count = ends[g];

			ends[g] = at;
			at += count;
		}
	}
	free(seen);
	return true;
}

/* What the packet path lets by, or stops, before any rule is asked. */
static bool gather_ranges(struct linter *linter)
{
	static const struct sekisho_prefix no_source[] = {
		{{127}, SEKISHO_IPV4, 8},
		{{224}, SEKISHO_IPV4, 4},
		{{255, 255, 255, 255}, SEKISHO_IPV4, 32},
		{{0xff}, SEKISHO_IPV6, 8},
		{{[15] = 1}, SEKISHO_IPV6, 128},
		{{[10] = 0xff, [11] = 0xff}, SEKISHO_IPV6, 96},
	};

	for (size_t i = 0; i < sizeof(no_source) / sizeof(no_source[0]); i++)
		lint_ranges_add(&linter->no_source, &no_source[i]);
	lint_ranges_seal(&linter->no_source);
	for (size_t i = 0; i < linter->spec->never_filtered_count; i++)
		lint_ranges_add(&linter->unfiltered, &linter->spec->never_filtered[i]);
	lint_ranges_seal(&linter->unfiltered);
	return !linter->no_source.failed && !linter->unfiltered.failed;
}

static void linter_fini(struct linter *linter)
{
	linter_free_acls(linter);
	lint_ranges_fini(&linter->unfiltered);
	lint_ranges_fini(&linter->no_source);
	reader_destroy(linter->reader);
	free(linter->rules);
	free(linter->group_rules);
	free(linter->classes);
	free(linter->class_groups);
	free(linter->group_carriers);
	free(linter->carriers);
}

/* All but the places. False: no memory; linter_fini() all the same. */
static bool linter_init(struct linter *linter, const struct config_policy *config)
{
	*linter =
		(struct linter){.config = config, .spec = &config->spec, .schema = config->schema};
	return list_rules(linter) && sort_classes(linter) && list_carriers(linter) &&
	       linter_build_acls(linter) && gather_ranges(linter);
}

int lint_report_init(struct lint_report *report, const struct config_policy *config)
{
	static void (*const parts[])(struct linter *) = {
		lint_usage, lint_addresses, lint_settings, lint_matches,
		lint_acls,  lint_shadows,   lint_exposure, lint_openness};
	struct config_errors errors = {0};
	struct linter linter;
	bool ready = linter_init(&linter, config);

	*report = (struct lint_report){0};
	linter.report = report;
	linter.reader = reader_create(config->name, config->text, config->length,
				      &schema_policy_file, &errors);
	config_errors_fini(&errors);
	linter.failed = !ready || linter.reader == NULL;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !linter.failed; i++)
		parts[i](&linter);
	linter_fini(&linter);
	if (report->count > 0)
		qsort(report->findings, report->count, sizeof(*report->findings), by_place);
	return linter.failed ? -ENOMEM : 0;
}

void lint_report_fini(struct lint_report *report)
{
	for (size_t i = 0; i < report->text_count; i++)
		free(report->texts[i]);
	free(report->texts);
	free(report->findings);
	*report = (struct lint_report){0};
}

static int by_address(const void *a, const void *b)
{
	const struct sekisho_rule_spec *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

int lint_untracked_init(struct lint_untracked *untracked, const struct config_policy *config)
{
	struct linter linter;
	bool ready = linter_init(&linter, config);

	*untracked = (struct lint_untracked){
		.rules = calloc(linter.rule_count + 1, sizeof(*untracked->rules))};
	ready = ready && untracked->rules != NULL && lint_list_untracked(&linter, untracked);
	linter_fini(&linter);
	if (ready && untracked->count > 0)
		qsort(untracked->rules, untracked->count, sizeof(*untracked->rules), by_address);
	return ready ? 0 : -ENOMEM;
}

bool lint_untracked_has(const struct lint_untracked *untracked,
			const struct sekisho_rule_spec *rule)
{
	return untracked->count > 0 && bsearch(&rule, untracked->rules, untracked->count,
					       sizeof(*untracked->rules), by_address) != NULL;
}

void lint_untracked_fini(struct lint_untracked *untracked)
{
	free(untracked->rules);
	*untracked = (struct lint_untracked){0};
}
