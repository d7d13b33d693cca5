/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_scenario.c: `sekisho scenario`: timed packets in words, judged on a virtual clock; is what comes
 * of them what is expected?
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "render.h"
#include "stage.h"
#include "sweep.h"

struct scene {
	const struct cli *cli;
	const struct scenario *scenario;
	struct stage stage;
	size_t expectations, failed, packets;
};

static void time_print(char text[RENDER_TIME_SIZE], uint32_t ms)
{
	snprintf(text, RENDER_TIME_SIZE, "%" PRIu32 ".%03" PRIu32, ms / 1000, ms % 1000);
}

/* Whether a verdict is what a word says: pass, drop, or a reason. */
static bool is_met(const char *expected, const char *action, const char *reason)
{
	return !expected || strcmp(expected, action) == 0 || strcmp(expected, reason) == 0;
}

/* Count an expectation; say it if it is not met. */
static bool expect(struct scene *scene, bool met, unsigned line, const char *name,
		   const char *expected, const char *is)
{
	if (!expected)
		return true;
	scene->expectations++;
	scene->failed += !met;
	if (!met && scene->cli->output == CLI_TABLE)
		printf("%s:%u: %s: expected %s, is %s\n", scene->scenario->name, line, name,
		       expected, is);
	return met;
}

/* ---- packets ---------------------------------------------------------------------------------- */

static const char *reason_of(const struct stage_row *row)
{
	return row->verdict.reason == SEKISHO_REASON_COUNT
		       ? "not-filtered" /* no filter on its way */
		       : sekisho_reason_word(row->verdict.reason);
}

static void row_print_table(const struct stage_case *of, size_t number,
			    const struct stage_row *row)
{
	const struct trace_judge *filter = &of->filters[row->filter];
	const struct sekisho_verdict *verdict = &row->verdict;
	char time[RENDER_TIME_SIZE];

	time_print(time, row->at_ms);
	printf("%6zu  %10s  %-42s  %-4s  ", number, time, row->words->text,
	       render_action(verdict));
	if (of->from->policy_count > 1)
		printf("%-19s  %s", reason_of(row), of->from->policies[row->filter]);
	else
		fputs(reason_of(row), stdout);
	if (verdict->rule != SEKISHO_RULE_NONE || verdict->opened_by) {
		fputs("  ", stdout);
		render_origin(stdout, verdict, filter);
	}
	putchar('\n');
}

static void row_print_json(const struct stage_case *of, size_t number, const struct stage_row *row,
			   const char *expected, bool met)
{
	const struct trace_judge *filter = &of->filters[row->filter];
	char time[RENDER_TIME_SIZE];

	time_print(time, row->at_ms);
	fputs("{\"case\":", stdout);
	render_string_json(stdout, of->from->name);
	printf(",\"packet\":%zu,\"time\":%s,\"line\":%u,\"send\":", number, time, row->words->line);
	render_string_json(stdout, row->words->text);
	fputs(",\"policy\":", stdout);
	render_string_json(stdout, of->from->policies[row->filter]);
	putchar(',');
	if (row->verdict.reason == SEKISHO_REASON_COUNT)
		fputs("\"verdict\":\"pass\",\"reason\":null", stdout);
	else
		render_verdict_json(stdout, &row->verdict, filter->names);
	fputs(",\"expected\":", stdout);
	render_string_json(stdout, expected);
	printf(",\"as_expected\":%s}\n", met ? "true" : "false");
}

static void row_take(struct scene *scene, size_t index, size_t number, const struct stage_row *row)
{
	const struct stage_case *of = &scene->stage.cases[index];
	const char *expected = NULL, *action = render_action(&row->verdict);
	char is[256];
	bool met;

	if (row->packet != SIZE_MAX)
		expected = scenario_expected(&scene->scenario->packets[row->packet].expect, index);
	scene->packets++;
	met = is_met(expected, action, reason_of(row));
	if (scene->cli->output == CLI_JSON)
		row_print_json(of, number, row, expected, met);
	else
		row_print_table(of, number, row);
	snprintf(is, sizeof(is), "%s, %s: %s", action, reason_of(row),
		 row->verdict.reason == SEKISHO_REASON_COUNT
			 ? "no filter is on its way"
			 : sekisho_reason_sentence(row->verdict.reason));
	expect(scene, met, row->words->line, of->from->name, expected, is);
}

/* ---- conversations ---------------------------------------------------------------------------- */

static void end_take(struct scene *scene, size_t index, size_t conversation,
		     const struct stage_end *end)
{
	const struct scenario_conversation *of = &scene->scenario->conversations[conversation];
	const char *name = scene->stage.cases[index].from->name, *is = end->is_up ? "up" : "down";
	const char *expected = scenario_expected(&of->expect, index);
	bool met = !expected || strcmp(expected, is) == 0;
	char time[RENDER_TIME_SIZE];

	time_print(time, end->at_ms);
	if (scene->cli->output == CLI_TABLE) {
		printf("%6s  %10s  %s %s\n", "", time, of->name, end->is_up ? "is up" : "gives up");
	} else {
		fputs("{\"case\":", stdout);
		render_string_json(stdout, name);
		fputs(",\"conversation\":", stdout);
		render_string_json(stdout, of->name);
		printf(",\"up\":%s,\"time\":%s,\"line\":%u,\"expected\":",
		       end->is_up ? "true" : "false", time, of->line);
		render_string_json(stdout, expected);
		printf(",\"as_expected\":%s}\n", met ? "true" : "false");
	}
	expect(scene, met, of->line, name, expected, is);
}

/* Play one case as the file has it. False: no memory. */
static bool case_play(struct scene *scene, size_t index)
{
	struct stage_play play = {.keep_rows = true};
	const struct scenario_case *from = scene->stage.cases[index].from;
	bool good = stage_play(&scene->stage, index, NULL, 0, &play);

	if (scene->cli->output == CLI_TABLE) {
		printf("%s%s:", index ? "\n" : "", from->name);
		for (size_t p = 0; p < from->policy_count; p++)
			printf(" %s", from->policies[p]);
		putchar('\n');
	}
	for (size_t i = 0; good && i < play.row_count; i++)
		row_take(scene, index, i + 1, &play.rows[i]);
	for (size_t c = 0; good && c < scene->scenario->conversation_count; c++)
		end_take(scene, index, c, &play.ends[c]);
	stage_play_fini(&play);
	return good;
}

/* ---- sweep ------------------------------------------------------------------------------------ */

static void step_print_json(const struct scene *scene, const struct sweep *sweep, size_t step)
{
	for (size_t c = 0; c < sweep->case_count; c++) {
		const struct sweep_point *point = sweep_point(sweep, step, c);
		char delay[RENDER_TIME_SIZE], time[RENDER_TIME_SIZE];

		time_print(delay, sweep_delay(scene->scenario, step));
		time_print(time, point->at_ms);
		printf("{\"delay\":%s,\"case\":", delay);
		render_string_json(stdout, scene->stage.cases[c].from->name);
		if (point->is_up) {
			printf(",\"up\":true,\"time\":%s,\"conversation\":", time);
			render_string_json(
				stdout, scene->scenario->conversations[point->conversation].name);
			puts("}");
		} else {
			puts(",\"up\":false}");
		}
	}
}

/* Whether two steps have the same answer in all cases. */
static bool is_like(const struct sweep *sweep, size_t step, size_t other)
{
	for (size_t c = 0; c < sweep->case_count; c++)
		if (sweep_point(sweep, step, c)->is_up != sweep_point(sweep, other, c)->is_up)
			return false;
	return true;
}

/* Steps that have the same answer, as one line. */
static void steps_print_table(const struct scene *scene, const struct sweep *sweep)
{
	size_t first = 0;

	printf("\nif %s begins later by\n%24s", scene->scenario->sweep.conversation->name, "");
	for (size_t c = 0; c < sweep->case_count; c++)
		printf("  %-12s", scene->stage.cases[c].from->name);
	putchar('\n');
	for (size_t step = 1; step <= sweep->step_count; step++) {
		char from[RENDER_TIME_SIZE], to[RENDER_TIME_SIZE];

		if (step < sweep->step_count && is_like(sweep, first, step))
			continue;
		time_print(from, sweep_delay(scene->scenario, first));
		time_print(to, sweep_delay(scene->scenario, step - 1));
		printf("%9s .. %9s s", from, to);
		for (size_t c = 0; c < sweep->case_count; c++)
			printf("  %-12s", sweep_point(sweep, first, c)->is_up ? "up" : "down");
		putchar('\n');
		first = step;
	}
}

static void sweep_expect(struct scene *scene, const struct sweep *sweep)
{
	const struct scenario_sweep *from = &scene->scenario->sweep;

	for (size_t c = 0; c < sweep->case_count; c++) {
		size_t ups = sweep_ups(sweep, c);
		const char *expected = scenario_expected(&from->expect, c);
		const char *is = ups == 0                   ? "never"
				 : ups == sweep->step_count ? "always"
							    : "sometimes";

		expect(scene, !expected || strcmp(expected, is) == 0, from->line,
		       scene->stage.cases[c].from->name, expected, is);
	}
}

static enum cli_exit picture_write(const struct scene *scene, const struct sweep *sweep)
{
	FILE *to = fopen(scene->cli->picture, "we");
	bool written = to != NULL;

	if (to) {
		sweep_draw(to, sweep, &scene->stage);
		written = !ferror(to);
	}
	if (to && fclose(to))
		written = false;
	if (written)
		return CLI_OK;
	fprintf(stderr, "sekisho: cannot write %s: %s\n", scene->cli->picture, strerror(errno));
	return CLI_FAILED;
}

static enum cli_exit sweep_take(struct scene *scene)
{
	struct sweep sweep;
	enum cli_exit code = CLI_OK;

	if (!sweep_run(&sweep, &scene->stage)) {
		fputs("sekisho: out of memory\n", stderr);
		sweep_fini(&sweep);
		return CLI_FAILED;
	}
	if (scene->cli->output == CLI_TABLE)
		steps_print_table(scene, &sweep);
	else
		for (size_t step = 0; step < sweep.step_count; step++)
			step_print_json(scene, &sweep, step);
	sweep_expect(scene, &sweep);
	if (scene->cli->picture)
		code = picture_write(scene, &sweep);
	sweep_fini(&sweep);
	return code;
}

/* ---- the verb --------------------------------------------------------------------------------- */

static enum cli_exit scene_play(struct scene *scene)
{
	enum cli_exit code = CLI_OK;

	for (size_t c = 0; c < scene->stage.case_count; c++) {
		if (!case_play(scene, c)) {
			fputs("sekisho: out of memory\n", stderr);
			return CLI_FAILED;
		}
	}
	if (scene->scenario->sweep.conversation)
		code = sweep_take(scene);
	if (scene->cli->output == CLI_JSON)
		printf("{\"summary\":{\"packets\":%zu,\"expectations\":%zu,\"failed\":%zu}}\n",
		       scene->packets, scene->expectations, scene->failed);
	else
		printf("\n%zu expectation%s, %zu not met\n", scene->expectations,
		       scene->expectations == 1 ? "" : "s", scene->failed);
	return code != CLI_OK ? code : scene->failed ? CLI_NO : CLI_OK;
}

/* What the command line has to say beside the file. */
static bool is_usable(const struct cli *cli, const struct scenario *scenario)
{
	if (!cli->policy != (scenario->case_count > 0))
		fprintf(stderr, "sekisho: %s has %s cases, so scenario %s --policy\n",
			scenario->name, scenario->case_count ? "its" : "no",
			scenario->case_count ? "takes no" : "needs");
	else if (cli->picture && !scenario->sweep.conversation)
		fprintf(stderr, "sekisho: %s has no sweep to make a picture of\n", scenario->name);
	else
		return true;
	return false;
}

enum cli_exit cmd_scenario(const struct cli *cli)
{
	struct config_errors errors = {0};
	struct scenario *scenario = scenario_load(cli->operands[0], &errors);
	const char *policies[] = {cli->policy};
	struct scenario_case otherwise = {"policy", policies, 1};
	struct scene scene = {.cli = cli, .scenario = scenario};
	enum cli_exit code = CLI_USAGE;
	int status;

	if (!scenario) {
		fputs(errors.text ? errors.text : "sekisho: the scenario cannot be read\n", stderr);
		config_errors_fini(&errors);
		return CLI_USAGE;
	}
	config_errors_fini(&errors);
	if (is_usable(cli, scenario)) {
		status = stage_init(&scene.stage, scenario, &otherwise);
		if (status == 0)
			code = scene_play(&scene);
		else
			code = status > 0 ? CLI_USAGE : CLI_FAILED;
		stage_fini(&scene.stage);
	}
	scenario_destroy(scenario);
	return code;
}
