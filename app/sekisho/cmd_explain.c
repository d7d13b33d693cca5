/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_explain.c: `sekisho explain`: would this packet pass, why, and what would change that. With --policy
 * by a policy alone, or by the state that a capture (--after) and packets named before it leave behind; else
 * by that of the running daemon.
 */
#include <explain.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "after.h"
#include "packet_words.h"
#include "render.h"
#include "rpc.h"

/* ---- Telling ---------------------------------------------------------------------------------- */

#define CHANGE_SIZE 6000 /* a path and two names */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static void phases_print(const json_t *phases)
{
	const json_t *phase;
	size_t i;

	json_array_foreach(phases, i, phase)
	{
		bool decides = json_is_true(json_object_get(phase, "decides"));
		int indent = printf("%s %-8s  ", decides ? ">" : " ", text_of(phase, "phase"));

		render_folded(stdout, (unsigned)indent, text_of(phase, "outcome"));
	}
}

/* "AWS-1, STRICT-3". */
static void clauses_print(const json_t *clauses)
{
	const json_t *clause;
	size_t i;

	json_array_foreach(clauses, i, clause)
		printf("%s%s", i > 0 ? ", " : "", json_string_value(clause));
}

static void changes_print(const json_t *changes)
{
	const json_t *change;
	size_t i;

	puts(json_array_size(changes) > 0 ? "\nWhat would change it:"
					  : "\nNothing that was tried would change it.");
	json_array_foreach(changes, i, change)
	{
		const char *rule = json_string_value(json_object_get(change, "rule"));
		char text[CHANGE_SIZE];

		snprintf(text, sizeof(text), "if %s: %s, %s%s%s%s", text_of(change, "if"),
			 text_of(change, "verdict"), text_of(change, "reason"),
			 rule ? " (rule " : "", rule ? rule : "", rule ? ")" : "");
		fputs("  ", stdout);
		render_folded(stdout, 2, text);
	}
}

/* Takes over the explanation. The exit code says whether the packet would pass. */
static enum cli_exit explanation_print(const struct cli *cli, json_t *explanation)
{
	bool passes = strcmp(text_of(explanation, "verdict"), "pass") == 0;

	if (cli->output == CLI_JSON) {
		render_line_json(stdout, explanation);
	} else {
		printf("%s\n%s under %s: %s, %s\n  %s [", cli->operands[cli->operand_count - 1],
		       text_of(explanation, "direction"), text_of(explanation, "semantics"),
		       text_of(explanation, "verdict"), text_of(explanation, "reason"),
		       text_of(explanation, "because"));
		clauses_print(json_object_get(explanation, "clauses"));
		puts("]\n");
		phases_print(json_object_get(explanation, "phases"));
		changes_print(json_object_get(explanation, "would_change"));
	}
	json_decref(explanation);
	return passes ? CLI_OK : CLI_NO;
}

/* ---- Offline ---------------------------------------------------------------------------------- */

/* Read a packet's words into a frame; says what is wrong with them. */
static bool frame_read(const char *words, uint8_t bytes[PACKET_WORDS_FRAME_MAX],
		       struct sekisho_frame *frame)
{
	struct packet_words_error error;

	*frame = (struct sekisho_frame){.data = bytes};
	frame->captured = frame->length = packet_words_frame(words, NULL, bytes, &error);
	if (frame->length == 0)
		fprintf(stderr, "sekisho: the packet '%.200s', column %u: %s\n", words,
			error.column, error.text);
	return frame->length > 0;
}

static void frame_direct(struct sekisho_frame *frame, const struct sekisho_policy *policy)
{
	struct sekisho_tuple tuple;

	sekisho_frame_tuple(frame, &tuple);
	frame->direction = (uint8_t)sekisho_policy_direction(policy, &tuple);
}

/* "+30s", "+0.5s", "+20ms": milliseconds, or -1. */
static double gap_ms(const char *word)
{
	char *unit;
	double number = strtod(word + 1, &unit);

	if (unit == word + 1 || !(number >= 0 && number <= 1e7))
		return -1;
	return strcmp(unit, "ms") == 0 ? number : strcmp(unit, "s") == 0 ? number * 1000 : -1;
}

/* Let what stands before the last packet happen: packets, and time that goes by. */
static bool history_run(const struct cli *cli, struct trace_judge *judge, uint32_t *clock_ms)
{
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	struct sekisho_verdict verdict;
	struct sekisho_frame frame;

	for (int i = 0; i < cli->operand_count - 1; i++) {
		const char *word = cli->operands[i];

		if (word[0] == '+') {
			double gap = gap_ms(word);

			if (gap < 0) {
				fprintf(stderr, "sekisho: '%s' is no time to wait: +30s, +20ms\n",
					word);
				return false;
			}
			*clock_ms += (uint32_t)gap;
			continue;
		}
		if (!frame_read(word, bytes, &frame))
			return false;
		frame_direct(&frame, judge->policy);
		sekisho_engine_burst(judge->engine, *clock_ms, &frame, 1, &verdict);
	}
	return true;
}

static json_t *explain_offline(const struct cli *cli, const struct trace_judge *judge,
			       struct sekisho_frame *frame, uint32_t clock_ms)
{
	struct sekisho_excerpt excerpt;
	const struct explain_subject subject = {.spec = config_policy_spec(judge->config),
						.policy = judge->policy,
						.names = judge->names,
						.frame = frame,
						.excerpt = &excerpt};

	frame_direct(frame, judge->policy);
	sekisho_engine_excerpt(judge->engine, clock_ms + (uint32_t)cli->later_ms, frame, &excerpt);
	return explain(&subject);
}

/* ---- Live ------------------------------------------------------------------------------------- */

static enum cli_exit explain_live(const struct cli *cli, const struct sekisho_frame *frame,
				  json_t **explanation)
{
	char *hex = malloc(2 * (size_t)frame->length + 1);
	struct rpc rpc;
	enum cli_exit code;

	if (hex == NULL)
		return CLI_FAILED;
	for (uint32_t i = 0; i < frame->length; i++)
		sprintf(hex + 2 * (size_t)i, "%02x", frame->data[i]);
	code = rpc_init(&rpc, cli->socket, RPC_READ);
	if (code == CLI_OK)
		code = rpc_call(&rpc, "explain",
				json_pack("{s:s,s:s*}", "frame", hex, "edge", cli->edge),
				explanation);
	rpc_fini(&rpc);
	free(hex);
	return code;
}

enum cli_exit cmd_explain(const struct cli *cli)
{
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	struct sekisho_frame frame;
	struct trace_judge judge = {0};
	json_t *explanation = NULL;
	enum cli_exit code;
	uint32_t clock_ms;

	if (!frame_read(cli->operands[cli->operand_count - 1], bytes, &frame))
		return CLI_USAGE;
	if (!cli->policy && (cli->after || cli->later_ms > 0 || cli->operand_count > 1)) {
		fputs("sekisho: --after, --later and packets before the last go with --policy: the "
		      "daemon has its own state\n",
		      stderr);
		return CLI_USAGE;
	}
	if (!cli->policy) {
		code = explain_live(cli, &frame, &explanation);
		return code == CLI_OK ? explanation_print(cli, explanation) : code;
	}
	code = after_judge(cli, &judge, &clock_ms);
	if (code == CLI_OK && !history_run(cli, &judge, &clock_ms))
		code = CLI_USAGE;
	if (code == CLI_OK) {
		explanation = explain_offline(cli, &judge, &frame, clock_ms);
		if (explanation == NULL) {
			fputs("sekisho: out of memory\n", stderr);
			code = CLI_FAILED;
		} else {
			code = explanation_print(cli, explanation);
		}
	}
	trace_judge_fini(&judge);
	return code;
}
