/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_check.c: `sekisho check`: is this a policy that would be accepted, does it do what its writer
 * means, and what would it change?
 *
 * Building the snapshot is part of the check: what the loader takes and the firewall refuses is not
 * a valid policy. Findings never make a policy invalid; a script that wants them to asks the
 * summary's counts, or for the codes that it cares about.
 */
#include <inttypes.h>
#include <lint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_running.h"
#include "render.h"

/* How much there is in a policy. */
struct contents {
	size_t rules, addresses;
};

static struct contents contents_of(const struct sekisho_policy_spec *spec)
{
	struct contents contents = {0};

	for (size_t i = 0; i < spec->group_count; i++)
		contents.rules += spec->groups[i].rule_count;
	for (size_t i = 0; i < spec->endpoint_count; i++)
		contents.addresses += spec->endpoints[i].address_count;
	return contents;
}

/* ---- An invalid policy ------------------------------------------------------------------------ */

/* One line `NAME:7:9: error: words`, the place being optional, as an object. */
static void error_print_json(const char *name, const char *line, size_t length)
{
	unsigned row = 0, column = 0;
	char *text = strndup(line, length);
	const char *words = text ? strstr(text, ": error: ") : NULL;

	if (text && strncmp(text, name, strlen(name)) == 0)
		sscanf(text + strlen(name), ":%u:%u", &row, &column);
	fputs("{\"severity\":\"error\",\"code\":\"invalid\",\"file\":", stdout);
	render_string_json(stdout, name);
	printf(",\"line\":%u,\"column\":%u,\"rule\":null,\"text\":", row, column);
	render_string_json(stdout, words ? words + strlen(": error: ") : text);
	fputs(",\"clauses\":[]}\n", stdout);
	free(text);
}

static enum cli_exit invalid_print(const struct cli *cli, unsigned errors, const char *text)
{
	const char *name = cli->operands[0];

	if (cli->output == CLI_TABLE) {
		fputs(text, stderr);
		if (errors > CONFIG_ERRORS_MAX)
			fprintf(stderr, "%s: %u errors in all\n", name, errors);
		return CLI_NO;
	}
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
		error_print_json(name, text, (size_t)(end - text));
	fputs("{\"summary\":{\"policy\":", stdout);
	render_string_json(stdout, name);
	printf(",\"valid\":false,\"errors\":%u}}\n", errors);
	return CLI_NO;
}

/* ---- Findings --------------------------------------------------------------------------------- */

static const char *severity_word(enum lint_code code)
{
	return lint_code_severity(code) == LINT_WARNING ? "warning" : "note";
}

static void finding_print(const char *name, const struct lint_finding *finding)
{
	printf("%s:%u:%u: %s: %s%s%s [%s%s%s]\n", name, finding->line, finding->column,
	       severity_word(finding->code), finding->rule ? finding->rule : "",
	       finding->rule ? ": " : "", finding->text, lint_code_word(finding->code),
	       finding->clauses ? "; " : "", finding->clauses ? finding->clauses : "");
}

/* "AWS-70, AWS-71" as a list. */
static void clauses_print_json(const char *clauses)
{
	const char *separator = "";

	putchar('[');
	while (clauses != NULL && *clauses != '\0') {
		size_t length = strcspn(clauses, ",");

		printf("%s\"%.*s\"", separator, (int)length, clauses);
		separator = ",";
		clauses += length;
		clauses += strspn(clauses, ", ");
	}
	putchar(']');
}

static void finding_print_json(const char *name, const struct lint_finding *finding)
{
	printf("{\"severity\":\"%s\",\"code\":\"%s\",\"file\":", severity_word(finding->code),
	       lint_code_word(finding->code));
	render_string_json(stdout, name);
	printf(",\"line\":%u,\"column\":%u,\"rule\":", finding->line, finding->column);
	render_string_json(stdout, finding->rule);
	fputs(",\"text\":", stdout);
	render_string_json(stdout, finding->text);
	fputs(",\"clauses\":", stdout);
	clauses_print_json(finding->clauses);
	fputs("}\n", stdout);
}

static size_t found_of(const struct lint_report *report, enum lint_severity severity)
{
	size_t found = 0;

	for (unsigned code = 0; code < LINT_CODE_COUNT; code++) {
		if (lint_code_severity(code) == severity)
			found += report->found[code];
	}
	return found;
}

static void findings_print(const struct cli *cli, const struct lint_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		if (cli->output == CLI_JSON)
			finding_print_json(cli->operands[0], &report->findings[i]);
		else
			finding_print(cli->operands[0], &report->findings[i]);
	}
	for (unsigned code = 0; code < LINT_CODE_COUNT && cli->output == CLI_TABLE; code++) {
		if (report->found[code] > LINT_FINDINGS_MAX)
			printf("%s: %zu more of %s\n", cli->operands[0],
			       report->found[code] - LINT_FINDINGS_MAX, lint_code_word(code));
	}
}

/* ---- A valid policy --------------------------------------------------------------------------- */

/* All that is known of a valid policy. */
struct answer {
	const struct sekisho_policy_spec *spec;
	struct lint_report report;
	struct check_running running;
};

static void summary_print_json(const struct cli *cli, const struct answer *answer)
{
	const struct sekisho_policy_spec *spec = answer->spec;
	const struct lint_report *report = &answer->report;
	const struct contents contents = contents_of(spec);
	const char *separator = "";

	fputs("{\"summary\":{\"policy\":", stdout);
	render_string_json(stdout, cli->operands[0]);
	printf(",\"valid\":true,\"errors\":0,\"semantics\":\"%s\",\"groups\":%zu,\"rules\":%zu,"
	       "\"endpoints\":%zu,\"addresses\":%zu,\"network_acls\":%zu,\"warnings\":%zu,"
	       "\"notes\":%zu,\"codes\":{",
	       sekisho_semantics_word(spec->semantics), spec->group_count, contents.rules,
	       spec->endpoint_count, contents.addresses, spec->acl_count,
	       found_of(report, LINT_WARNING), found_of(report, LINT_NOTE));
	for (unsigned code = 0; code < LINT_CODE_COUNT; code++) {
		if (report->found[code] == 0)
			continue;
		printf("%s\"%s\":%zu", separator, lint_code_word(code), report->found[code]);
		separator = ",";
	}
	fputs("},\"running\":", stdout);
	check_running_summary_json(&answer->running);
	puts("}}");
}

static void summary_print(const struct cli *cli, const struct answer *answer)
{
	const struct sekisho_policy_spec *spec = answer->spec;
	const struct contents contents = contents_of(spec);
	size_t warnings = found_of(&answer->report, LINT_WARNING);
	size_t notes = found_of(&answer->report, LINT_NOTE);

	printf("%s: valid, %s, %zu groups, %zu rules, %zu endpoints with %zu address blocks; "
	       "%zu warning%s, %zu note%s\n",
	       cli->operands[0], sekisho_semantics_word(spec->semantics), spec->group_count,
	       contents.rules, spec->endpoint_count, contents.addresses, warnings,
	       warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s");
}

static enum cli_exit valid_print(const struct cli *cli, const struct config_policy *config)
{
	struct answer answer = {.spec = config_policy_spec(config)};
	int rc = lint_report_init(&answer.report, config);

	if (rc == 0) {
		findings_print(cli, &answer.report);
		check_running_init(&answer.running, cli, config);
		check_running_print(cli, &answer.running);
		if (cli->output == CLI_JSON)
			summary_print_json(cli, &answer);
		else
			summary_print(cli, &answer);
		check_running_fini(&answer.running);
	} else {
		fputs("sekisho: out of memory\n", stderr);
	}
	lint_report_fini(&answer.report);
	return rc == 0 ? CLI_OK : CLI_FAILED;
}

/* Build the snapshot and throw it away. False and a sentence: it cannot be built. */
static bool can_be_built(const struct sekisho_policy_spec *spec, char *message, size_t size)
{
	struct sekisho_rule_names *names =
		sekisho_rule_names_create(sekisho_policy_spec_names(spec) + 1);
	struct sekisho_policy *policy = NULL;

	snprintf(message, size, "out of memory");
	if (names)
		policy = sekisho_policy_create(spec, names, message, size);
	sekisho_policy_destroy(policy);
	sekisho_rule_names_destroy(names);
	return policy != NULL;
}

enum cli_exit cmd_check(const struct cli *cli)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(cli->operands[0], &errors);
	char message[256], line[512];
	enum cli_exit code;

	if (!config && errors.unreadable) {
		fputs(errors.text ? errors.text : "", stderr);
		code = CLI_USAGE;
	} else if (!config) {
		code = invalid_print(cli, errors.count, errors.text ? errors.text : "");
	} else if (!can_be_built(config_policy_spec(config), message, sizeof(message))) {
		snprintf(line, sizeof(line), "%s: error: %s\n", cli->operands[0], message);
		code = invalid_print(cli, 1, line);
	} else {
		code = valid_print(cli, config);
	}
	config_errors_fini(&errors);
	config_policy_destroy(config);
	return code;
}
