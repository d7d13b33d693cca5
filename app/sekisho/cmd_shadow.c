/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_shadow.c: `sekisho shadow`: where the shadow policy would decide otherwise than the enforced one; which
 * policy that is, and whether there is one.
 *
 * The daemon counts since its start and knows no rates; they are the difference of two answers over
 * the daemon's own time between them.
 */
#include <inttypes.h>
#include <config.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "render.h"
#include "rpc.h"
#include "running.h"

#define BUILD_SECONDS 600 /* to wait for a policy of many rules */

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Packets of a pair in an earlier answer. */
static json_int_t packets_before(const json_t *before, const json_t *pair)
{
	json_t *old;
	size_t i;

	json_array_foreach(json_object_get(before, "pairs"), i, old)
	{
		if (strcmp(word(old, "enforced"), word(pair, "enforced")) == 0 &&
		    strcmp(word(old, "shadow"), word(pair, "shadow")) == 0)
			return number(old, "packets");
	}
	return 0;
}

/* Put into each pair how many packets it had a second since an earlier answer. */
static void pairs_rate(const json_t *before, const json_t *now)
{
	json_int_t ms = number(now, "time_ms") - number(before, "time_ms");
	json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(now, "pairs"), i, pair)
	{
		json_int_t more = number(pair, "packets") - packets_before(before, pair);

		if (ms > 0)
			json_object_set_new(pair, "per_second",
					    json_real(round((double)more * 1e4 / (double)ms) / 10));
	}
}

/* What one of the two says of a sample. */
static void side_print(const json_t *sample, const char *who)
{
	const json_t *side = json_object_get(sample, who);
	const json_t *rule = json_object_get(side, "rule"), *file = json_object_get(side, "file");

	printf("    %-8s %s, %s: %s\n", who, word(side, "verdict"), word(side, "reason"),
	       word(side, "sentence"));
	if (!json_is_string(rule))
		return;
	printf("             rule %s", json_string_value(rule));
	if (json_is_string(file))
		printf(" (%s:%" JSON_INTEGER_FORMAT ")", json_string_value(file),
		       number(side, "line"));
	putchar('\n');
}

static void samples_print(const json_t *pair)
{
	json_t *sample;
	size_t i;

	json_array_foreach(json_object_get(pair, "samples"), i, sample)
	{
		if (i > 0) /* the others are in -o json */
			return;
		printf("\n  %s %s, %" JSON_INTEGER_FORMAT " s ago: %s\n", word(sample, "edge"),
		       word(sample, "direction"), number(sample, "age_ms") / 1000,
		       word(sample, "flow"));
		side_print(sample, "enforced");
		side_print(sample, "shadow");
	}
}

static void shadow_print(const json_t *now)
{
	static const struct render_column columns[] = {{"PER SECOND", "per_second"},
						       {"PACKETS", "packets"},
						       {"ENFORCED", "enforced"},
						       {"SHADOW", "shadow"},
						       {"SO THE", "verdict"}};
	const json_t *pairs = json_object_get(now, "pairs");
	json_t *pair;
	size_t i;

	printf("%s (%s) has judged %" JSON_INTEGER_FORMAT " packets in %" JSON_INTEGER_FORMAT
	       " s, %" JSON_INTEGER_FORMAT " of them otherwise than they were",
	       word(now, "policy"), word(now, "semantics"), number(now, "packets"),
	       number(now, "since_ms") / 1000, number(now, "differ"));
	if (number(now, "uncompared") > 0)
		printf("; %" JSON_INTEGER_FORMAT " fragments could not be compared",
		       number(now, "uncompared"));
	putchar('\n');
	if (json_array_size(pairs) == 0)
		return;
	putchar('\n');
	render_table(stdout, pairs, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach((json_t *)pairs, i, pair) samples_print(pair);
}

static void shadow_print_json(json_t *now)
{
	json_t *pairs = json_object_get(now, "pairs"), *pair, *summary;
	size_t i;

	json_array_foreach(pairs, i, pair) render_line_json(stdout, pair);
	json_object_del(now, "pairs");
	summary = json_pack("{s:O}", "summary", now);
	render_line_json(stdout, summary);
	json_decref(summary);
}

static enum cli_exit shadow_show(const struct cli *cli)
{
	useconds_t wait = (useconds_t)(cli->interval_ms ? cli->interval_ms : 1000) * 1000;
	json_t *before = NULL, *now = NULL;
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK)
		code = rpc_call(&rpc, "shadow.get", NULL, &before);
	if (code == CLI_OK && !json_is_string(json_object_get(before, "policy"))) {
		fputs("sekisho: no shadow policy runs; `sekisho shadow --policy P` starts one\n",
		      stderr);
		code = CLI_NO;
	}
	if (code == CLI_OK) {
		usleep(wait);
		code = rpc_call(&rpc, "shadow.get", NULL, &now);
	}
	if (code == CLI_OK) {
		pairs_rate(before, now);
		if (cli->output == CLI_JSON)
			shadow_print_json(now);
		else
			shadow_print(now);
	}
	json_decref(before);
	json_decref(now);
	rpc_fini(&rpc);
	return code;
}

/* ---- changing it ------------------------------------------------------------------------------ */

/* Tell that a policy is on trial, or none is any more. Takes over `result`. */
static void change_print(const struct cli *cli, json_t *result)
{
	if (cli->output == CLI_JSON)
		render_line_json(stdout, result);
	else if (cli->off)
		puts(json_is_true(json_object_get(result, "stopped"))
			     ? "no shadow policy runs any more"
			     : "no shadow policy ran");
	else
		printf("%s (%s) is on trial\n", word(result, "policy"), word(result, "semantics"));
	json_decref(result);
}

/* Put a policy on trial: checked here first, so that what is wrong is told without a daemon. */
static enum cli_exit shadow_set(const struct cli *cli, struct rpc *rpc)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(cli->policy, &errors);
	char *path = realpath(cli->policy, NULL);
	enum cli_exit code;
	json_t *result;
	const char *text;
	size_t length;

	if (config == NULL) {
		fputs(errors.text ? errors.text : "sekisho: the policy cannot be read\n", stderr);
		config_errors_fini(&errors);
		free(path);
		return CLI_NO;
	}
	config_errors_fini(&errors);
	text = config_policy_text(config, &length);
	code = running_stage(rpc, text, length);
	rpc_wait(rpc, BUILD_SECONDS);
	if (code == CLI_OK)
		code = rpc_call(rpc, "shadow.set",
				json_pack("{s:s}", "name", path ? path : cli->policy), &result);
	if (code == CLI_OK)
		change_print(cli, result);
	config_policy_destroy(config);
	free(path);
	return code;
}

static enum cli_exit shadow_off(const struct cli *cli, struct rpc *rpc)
{
	json_t *result;
	enum cli_exit code = rpc_call(rpc, "shadow.off", NULL, &result);

	if (code == CLI_OK)
		change_print(cli, result);
	return code;
}

static enum cli_exit shadow_change(const struct cli *cli)
{
	struct rpc rpc;
	enum cli_exit code;

	if (cli->policy && cli->off) {
		fputs("sekisho: --policy and --off exclude each other\n", stderr);
		return CLI_USAGE;
	}
	code = rpc_init(&rpc, cli->socket, RPC_WRITE);
	if (code == CLI_OK)
		code = cli->policy ? shadow_set(cli, &rpc) : shadow_off(cli, &rpc);
	rpc_fini(&rpc);
	return code;
}

enum cli_exit cmd_shadow(const struct cli *cli)
{
	if (cli->policy || cli->off)
		return shadow_change(cli);
	return shadow_show(cli);
}
