/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_replay.c: `sekisho replay`: what would this policy have done with this capture, and why.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "render.h"
#include "trace.h"

struct replay {
	enum cli_output output;
	struct trace_judge judge;
	uint64_t packets, passed;
	uint64_t by_reason[SEKISHO_REASON_COUNT];
};

static void row_print_json(const struct replay *replay, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];

	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	printf("{\"packet\":%" PRIu64 ",\"time\":%s,\"direction\":\"%s\",\"flow\":", row->number,
	       time, sekisho_direction_word(row->directions[0]));
	render_string_json(stdout, flow);
	putchar(',');
	render_verdict_json(stdout, &row->verdicts[0], replay->judge.names);
	puts("}");
}

static void row_print_table(const struct replay *replay, const struct trace_row *row)
{
	const struct sekisho_verdict *verdict = &row->verdicts[0];
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];
	bool has_origin = verdict->rule != SEKISHO_RULE_NONE || verdict->opened_by;

	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	printf("%6" PRIu64 "  %12s  %-9s  %-4s  %-19s  %-*s", row->number, time,
	       sekisho_direction_word(row->directions[0]), render_action(verdict),
	       sekisho_reason_word(verdict->reason), has_origin ? 50 : 0, flow);
	if (has_origin)
		render_origin(stdout, verdict, &replay->judge);
	putchar('\n');
}

static bool replay_row(void *context, const struct trace_row *row)
{
	struct replay *replay = context;
	const struct sekisho_verdict *verdict = &row->verdicts[0];

	replay->packets++;
	replay->passed += verdict->action == SEKISHO_PASS;
	replay->by_reason[verdict->reason]++;
	if (replay->output == CLI_JSON)
		row_print_json(replay, row);
	else
		row_print_table(replay, row);
	return !ferror(stdout);
}

static void summary_print(const struct replay *replay)
{
	uint64_t dropped = replay->packets - replay->passed;
	struct sekisho_stats stats;

	sekisho_engine_stats(replay->judge.engine, &stats);
	if (replay->output == CLI_JSON) {
		printf("{\"summary\":{\"packets\":%" PRIu64 ",\"passed\":%" PRIu64
		       ",\"dropped\":%" PRIu64 ",\"flows\":%" PRIu64 "}}\n",
		       replay->packets, replay->passed, dropped, stats.flows_created);
		return;
	}
	printf("\n%s: %" PRIu64 " packets, %" PRIu64 " passed, %" PRIu64 " dropped, %" PRIu64
	       " flows\n",
	       sekisho_semantics_word(sekisho_policy_semantics(replay->judge.policy)),
	       replay->packets, replay->passed, dropped, stats.flows_created);
	for (unsigned reason = 0; reason < SEKISHO_REASON_COUNT; reason++)
		if (replay->by_reason[reason])
			printf("%8" PRIu64 "  %s  %-19s  %s\n", replay->by_reason[reason],
			       sekisho_reason_action(reason) == SEKISHO_PASS ? "pass" : "drop",
			       sekisho_reason_word(reason), sekisho_reason_sentence(reason));
}

enum cli_exit cmd_replay(const struct cli *cli)
{
	struct replay replay = {.output = cli->output};
	struct trace_run run = {&replay.judge, 1, replay_row, &replay};
	enum cli_exit code = CLI_OK;
	int status = trace_judge_init(&replay.judge, cli->policy, cli->operands[0]);

	if (status) {
		code = status > 0 ? CLI_USAGE : CLI_FAILED;
		goto out;
	}
	if (cli->output == CLI_TABLE)
		printf("%6s  %12s  %-9s  %-4s  %-19s  %-48s  %s\n", "packet", "time", "direction",
		       "", "reason", "flow", "because of");
	if (trace_run(&run, cli->operands[0]))
		code = CLI_USAGE;
	if (code == CLI_OK || replay.packets)
		summary_print(&replay);
out:
	trace_judge_fini(&replay.judge);
	return code;
}
