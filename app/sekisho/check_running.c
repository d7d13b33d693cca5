/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check_running.c: what would change against the running policy, and what would become of the flows
 * of rules that go or change: under strict they are judged again; under aws-like those that are
 * tracked live on, and those that have no state are judged by what rules there are.
 */
#include "check_running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"
#include "running.h"

#define RULES_PAGE 500

/* What becomes of flows: a word, a sentence, a clause. */
enum fate { FATE_NONE, FATE_KEPT, FATE_CUT, FATE_JUDGED };

static const struct {
	const char *word, *sentence, *clause;
} fates[] = {
	[FATE_NONE] = {NULL, NULL, NULL},
	[FATE_KEPT] = {"kept", "its flows live on until they are idle", "AWS-60"},
	[FATE_CUT] = {"cut", "its flows have no state: what no rule admits any more ends at once",
		      "AWS-61"},
	[FATE_JUDGED] = {"judged-again",
			 "its flows are judged again: those that no rule opens any more end",
			 "STRICT-4"},
};

static enum fate fate_of(const struct check_running *running, const struct change *change)
{
	if (change->rule == NULL || change->kind == CHANGE_ADDED)
		return FATE_NONE;
	if (running->semantics == SEKISHO_STRICT)
		return FATE_JUDGED;
	return lint_untracked_has(&running->untracked, change->rule) ? FATE_CUT : FATE_KEPT;
}

/* ---- asking ----------------------------------------------------------------------------------- */

/* Take the live flows of each rule that has any. */
static enum cli_exit live_read(struct rpc *rpc, json_t *live)
{
	json_int_t cursor = 0, last;
	json_t *result, *row, *next;
	enum cli_exit code;
	size_t i;

	do {
		json_t *params = json_pack("{s:i,s:I}", "limit", RULES_PAGE, "cursor", cursor);

		code = rpc_call(rpc, "rules.list", params, &result);
		if (code != CLI_OK)
			return code;
		json_array_foreach(json_object_get(result, "rules"), i, row)
		{
			const char *rule = json_string_value(json_object_get(row, "rule"));
			json_t *flows = json_object_get(row, "live_flows");

			if (rule != NULL && json_integer_value(flows) > 0)
				json_object_set(live, rule, flows);
		}
		last = cursor;
		next = json_object_get(result, "cursor");
		cursor = json_integer_value(next);
		json_decref(result);
	} while (cursor > last); /* null, which is no number, ends the list */
	return CLI_OK;
}

/* Parse what policy.get has said. */
static void take_policy(struct check_running *running, const json_t *result)
{
	const json_t *text = json_object_get(result, "text");
	const char *name = json_string_value(json_object_get(result, "name"));
	struct config_errors errors = {0};

	running->generation = json_integer_value(json_object_get(result, "generation"));
	running->name = strdup(name ? name : "-");
	if (running->name != NULL && json_is_string(text))
		running->now = config_policy_parse(running->name, json_string_value(text),
						   json_string_length(text), &errors);
	if (running->now == NULL)
		fputs("sekisho: not compared: this program cannot read the running policy\n",
		      stderr);
	config_errors_fini(&errors);
}

static void ask(struct check_running *running, const struct cli *cli)
{
	struct rpc rpc;
	json_t *result = NULL;

	if (rpc_init(&rpc, cli->socket, RPC_READ) == CLI_OK &&
	    running_read(cli, &rpc, &result) == CLI_OK)
		take_policy(running, result);
	if (running->now != NULL && live_read(&rpc, running->live) != CLI_OK)
		json_object_clear(running->live);
	json_decref(result);
	rpc_fini(&rpc);
}

void check_running_init(struct check_running *running, const struct cli *cli,
			const struct config_policy *candidate)
{
	const struct sekisho_policy_spec *spec = config_policy_spec(candidate);

	*running = (struct check_running){.semantics = spec->semantics, .live = json_object()};
	if (rpc_answers(cli->socket))
		ask(running, cli);
	else if (cli->socket != NULL)
		fprintf(stderr, "sekisho: no daemon at %s: not compared\n", cli->socket);
	if (running->now == NULL)
		return;
	if (changes_init(&running->changes, config_policy_spec(running->now), spec) == 0 &&
	    lint_untracked_init(&running->untracked, running->now) == 0)
		return;
	fputs("sekisho: not compared: out of memory\n", stderr);
	config_policy_destroy(running->now);
	running->now = NULL;
}

void check_running_fini(struct check_running *running)
{
	lint_untracked_fini(&running->untracked);
	changes_fini(&running->changes);
	config_policy_destroy(running->now);
	json_decref(running->live);
	free(running->name);
}

/* ---- printing --------------------------------------------------------------------------------- */

static json_int_t live_flows(const struct check_running *running, const char *rule)
{
	return json_integer_value(json_object_get(running->live, rule));
}

static void change_print(const struct check_running *running, const struct change *change)
{
	static const char signs[CHANGE_KINDS] = {'+', '-', '~'};
	enum fate fate = fate_of(running, change);
	json_int_t live = change->rule ? live_flows(running, change->name) : 0;

	printf("  %c %s: %s", signs[change->kind], change->name, change->text);
	if (fate != FATE_NONE)
		printf("; %s (%s)", fates[fate].sentence, fates[fate].clause);
	if (live > 0)
		printf("; %" JSON_INTEGER_FORMAT " live now", live);
	putchar('\n');
}

static void change_print_json(const struct check_running *running, const struct change *change)
{
	enum fate fate = fate_of(running, change);
	json_t *line = json_pack(
		"{s:s,s:s?,s:s?,s:s,s:s?,s:o,s:o}", "change", change_kind_word(change->kind),
		"rule", change->rule ? change->name : NULL, "setting",
		change->rule ? NULL : change->name, "text", change->text, "flows", fates[fate].word,
		"live_flows",
		change->rule ? json_integer(live_flows(running, change->name)) : json_null(),
		"clauses", json_array());

	if (fate != FATE_NONE)
		json_array_append_new(json_object_get(line, "clauses"),
				      json_string(fates[fate].clause));
	render_line_json(stdout, line);
	json_decref(line);
}

void check_running_print(const struct cli *cli, const struct check_running *running)
{
	const struct changes *changes = &running->changes;

	if (running->now == NULL)
		return;
	if (cli->output == CLI_TABLE)
		printf("%s %s, generation %" JSON_INTEGER_FORMAT "%s\n",
		       changes->count > 0 ? "against the running policy" : "as the running policy",
		       running->name, running->generation, changes->count > 0 ? ":" : "");
	for (size_t i = 0; i < changes->count; i++) {
		if (cli->output == CLI_JSON)
			change_print_json(running, &changes->items[i]);
		else
			change_print(running, &changes->items[i]);
	}
}

void check_running_summary_json(const struct check_running *running)
{
	const struct changes *changes = &running->changes;

	if (running->now == NULL) {
		fputs("null", stdout);
		return;
	}
	fputs("{\"policy\":", stdout);
	render_string_json(stdout, running->name);
	printf(",\"generation\":%" JSON_INTEGER_FORMAT ",\"added\":%zu,\"removed\":%zu,"
	       "\"changed\":%zu,\"settings\":%zu}",
	       running->generation, changes->rules[CHANGE_ADDED], changes->rules[CHANGE_REMOVED],
	       changes->rules[CHANGE_CHANGED], changes->settings);
}
