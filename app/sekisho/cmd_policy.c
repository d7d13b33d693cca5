/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_policy.c: the verbs that show and change the running policy.
 *
 * Texts go over the control socket in parts, as its lines are short and policies may be long.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "render.h"
#include "rpc.h"
#include "running.h"

#define BUILD_SECONDS 600 /* to wait for a policy that is built: one of many rules takes its time */

/* ---- Reading ---------------------------------------------------------------------------------- */

enum cli_exit cmd_policy(const struct cli *cli)
{
	struct rpc rpc;
	json_t *result, *text;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = running_read(cli, &rpc, &result);
	rpc_fini(&rpc);
	if (code != CLI_OK)
		return code;
	text = json_object_get(result, "text");
	if (cli->output == CLI_JSON)
		render_line_json(stdout, result);
	else /* as it was committed: `sekisho policy > P` gives it back */
		fwrite(json_string_value(text), 1, json_string_length(text), stdout);
	json_decref(result);
	return CLI_OK;
}

/* ---- Changing --------------------------------------------------------------------------------- */

/* The generation that is in force where the commit goes to; 0 if the daemon does not say. */
static enum cli_exit generation_ask(const struct cli *cli, struct rpc *rpc, json_int_t *generation)
{
	json_t *result;
	enum cli_exit code =
		rpc_call(rpc, "policy.get", json_pack("{s:i,s:s*}", "offset", 0, "edge", cli->edge),
			 &result);

	*generation = json_integer_value(json_object_get(result, "generation"));
	json_decref(result);
	return code;
}

/* How far a change is, on stderr, from its first second on. */
static void progress_print(const char *method, const json_t *params)
{
	const char *stage = json_string_value(json_object_get(params, "stage"));
	json_int_t rules = json_integer_value(json_object_get(params, "rules"));
	json_int_t elapsed = json_integer_value(json_object_get(params, "elapsed_ms"));

	if (strcmp(method, "policy.progress") != 0 || !stage)
		return;
	fprintf(stderr, "sekisho: %s", stage);
	if (rules > 0)
		fprintf(stderr, " %" JSON_INTEGER_FORMAT " rules", rules);
	fprintf(stderr, ", %" JSON_INTEGER_FORMAT " s so far\n", elapsed / 1000);
}

/* What commits and rollbacks have in common; NULL: no memory. */
static json_t *change_params(const struct cli *cli, json_int_t expected)
{
	json_t *params = json_pack("{s:b,s:s*}", "progress", 1, "edge", cli->edge);

	if (cli->confirm_ms > 0)
		json_object_set_new(params, "confirm_ms", json_integer(cli->confirm_ms));
	if (expected > 0)
		json_object_set_new(params, "if_generation", json_integer(expected));
	return params;
}

/*
 * Send, then commit, if what was in force before is so still: what its author took for granted must not
 * have changed meanwhile. On CLI_OK, *result is the caller's.
 */
static enum cli_exit policy_commit(const struct cli *cli, struct rpc *rpc,
				   const struct config_policy *config, json_t **result)
{
	size_t length;
	const char *text = config_policy_text(config, &length);
	json_int_t expected = cli->generation;
	enum cli_exit code = expected ? CLI_OK : generation_ask(cli, rpc, &expected);
	char *path = realpath(cli->operands[0], NULL);
	json_t *params;

	if (code == CLI_OK)
		code = running_stage(rpc, text, length);
	if (code == CLI_OK) {
		rpc_wait(rpc, BUILD_SECONDS);
		rpc->notified = progress_print;
		params = change_params(cli, expected);
		json_object_set_new(params, "name", json_string(path ? path : cli->operands[0]));
		code = rpc_call(rpc, "policy.commit", params, result);
	}
	free(path);
	return code;
}

/* Print a number member, or "-". */
static void member_print(const char *format, const json_t *object, const char *key)
{
	char *text = render_cell(json_object_get(object, key));

	printf(format, text ? text : "-");
	free(text);
}

/* "3 rules added, 0 removed, 1 changed; other settings too". */
static void diff_print(const json_t *diff)
{
	member_print("rules: %s added", diff, "added");
	member_print(", %s removed", diff, "removed");
	member_print(", %s changed", diff, "changed");
	puts(json_is_true(json_object_get(diff, "settings")) ? "; other settings changed" : "");
}

/* Tell what a commit or a rollback has done. Takes over `result`. */
static enum cli_exit change_print(const struct cli *cli, const char *done, json_t *result)
{
	const json_t *confirm = json_object_get(result, "confirm_ms");
	const json_t *diff = json_object_get(result, "diff");

	if (cli->output == CLI_JSON) {
		render_line_json(stdout, result);
	} else {
		printf("%s", done);
		member_print(", generation %s\n", result, "generation");
		if (json_is_object(diff))
			diff_print(diff);
		if (json_is_integer(confirm)) {
			printf("taken back in %g s unless it is confirmed: sekisho confirm",
			       (double)json_integer_value(confirm) / 1000);
			member_print(" %s\n", result, "generation");
		}
	}
	json_decref(result);
	return CLI_OK;
}

enum cli_exit cmd_commit(const struct cli *cli)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(cli->operands[0], &errors);
	struct rpc rpc;
	enum cli_exit code;
	json_t *result;

	if (!config) {
		fputs(errors.text ? errors.text : "sekisho: the policy cannot be read\n", stderr);
		config_errors_fini(&errors);
		return CLI_NO;
	}
	config_errors_fini(&errors);
	code = rpc_init(&rpc, cli->socket, RPC_WRITE);
	if (code == CLI_OK)
		code = policy_commit(cli, &rpc, config, &result);
	rpc_fini(&rpc);
	config_policy_destroy(config);
	return code == CLI_OK ? change_print(cli, "committed", result) : code;
}

/* Call a method with the generation that the operand names, if there is one. */
static enum cli_exit ask_about(const struct cli *cli, const char *method, json_t *params,
			       json_t **result)
{
	long generation = cli->operand_count > 0 ? cli_number(cli->operands[0]) : 0;
	struct rpc rpc;
	enum cli_exit code;

	if (cli->operand_count > 0 && generation == 0) {
		fprintf(stderr, "sekisho: \"%s\" is no generation; sekisho history lists them\n",
			cli->operands[0]);
		json_decref(params);
		return CLI_USAGE;
	}
	if (generation > 0)
		json_object_set_new(params, "generation", json_integer(generation));
	code = rpc_init(&rpc, cli->socket, RPC_WRITE);
	if (code == CLI_OK) {
		rpc_wait(&rpc, BUILD_SECONDS);
		rpc.notified = progress_print;
		code = rpc_call(&rpc, method, params, result);
	} else {
		json_decref(params);
	}
	rpc_fini(&rpc);
	return code;
}

enum cli_exit cmd_confirm(const struct cli *cli)
{
	json_t *result;
	enum cli_exit code = ask_about(cli, "policy.confirm", json_object(), &result);

	if (code != CLI_OK)
		return code;
	if (cli->output == CLI_JSON)
		render_line_json(stdout, result);
	else
		member_print("confirmed, generation %s\n", result, "generation");
	json_decref(result);
	return CLI_OK;
}

enum cli_exit cmd_rollback(const struct cli *cli)
{
	json_t *result;
	enum cli_exit code =
		ask_about(cli, "policy.rollback", change_params(cli, cli->generation), &result);

	if (code != CLI_OK)
		return code;
	return change_print(
		cli, json_object_get(result, "withdrawn") ? "taken back" : "rolled back", result);
}

/* ---- History ---------------------------------------------------------------------------------- */

/* A revision as a row for people. */
static json_t *history_row(const json_t *revision)
{
	const json_t *diff = json_object_get(revision, "diff");
	json_int_t uid = json_integer_value(json_object_get(revision, "uid"));
	const struct passwd *user = getpwuid((uid_t)uid);
	time_t seconds = (time_t)json_integer_value(json_object_get(revision, "time"));
	const char *sha256 = json_string_value(json_object_get(revision, "sha256"));
	char when[32], who[80], changes[80];
	struct tm local;
	json_t *row = json_copy((json_t *)revision);

	localtime_r(&seconds, &local);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &local);
	snprintf(who, sizeof(who), "%s (uid %lld, pid %lld)", user ? user->pw_name : "?",
		 (long long)uid, (long long)json_integer_value(json_object_get(revision, "pid")));
	snprintf(changes, sizeof(changes), "+%lld -%lld ~%lld%s",
		 (long long)json_integer_value(json_object_get(diff, "added")),
		 (long long)json_integer_value(json_object_get(diff, "removed")),
		 (long long)json_integer_value(json_object_get(diff, "changed")),
		 json_is_true(json_object_get(diff, "settings")) ? " settings" : "");
	json_object_set_new(row, "when", json_string(when));
	json_object_set_new(row, "who", json_string(who));
	json_object_set_new(row, "changes", json_string(changes));
	json_object_set_new(row, "digest", json_stringn(sha256 ? sha256 : "", sha256 ? 12 : 0));
	return row;
}

enum cli_exit cmd_history(const struct cli *cli)
{
	static const struct render_column columns[] = {
		{"GENERATION", "generation"},
		{"WHEN", "when"},
		{"EVENT", "event"},
		{"OUTCOME", "outcome"},
		{"IN FORCE", "in_force"},
		{"WHO", "who"},
		{"EDGE", "edge"},
		{"RULES", "rules"},
		{"CHANGES", "changes"},
		{"SHA-256", "digest"},
		{"NAME", "name"},
	};
	json_t *result, *revision, *rows = json_array();
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);
	size_t i;

	if (code == CLI_OK)
		code = rpc_call(&rpc, "policy.history", NULL, &result);
	rpc_fini(&rpc);
	if (code == CLI_OK) {
		json_array_foreach(json_object_get(result, "revisions"), i, revision)
		{
			if (cli->output == CLI_JSON)
				render_line_json(stdout, revision);
			else
				json_array_append_new(rows, history_row(revision));
		}
		if (cli->output == CLI_TABLE)
			render_table(stdout, rows, columns, sizeof(columns) / sizeof(columns[0]));
		json_decref(result);
	}
	json_decref(rows);
	return code;
}
