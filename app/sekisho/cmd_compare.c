/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_compare.c: `sekisho compare`: two policies on the same packets; what differs, and why.
 *
 * Packets that differ are printed as they come; what is known only at the end (flows, a report)
 * comes out of the record (comparison.h). With --expect only what is not as expected is printed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "comparison.h"
#include "expect.h"
#include "render.h"
#include "report.h"
#include "witness.h"

#define FLOWS_SHOWN 20 /* without --limit */

struct compare {
	const struct cli *cli;
	struct comparison comparison;
	struct expect expect;
	bool out_of_memory;
};

/* ---- A packet -------------------------------------------------------------------------------- */

/* Members of one side beside the verdict: where its rule stands, and what opened its flow. */
static void side_print_json(const struct comparison *comparison, const struct trace_row *row,
			    unsigned j)
{
	const struct trace_judge *judge = &comparison->judges[j];
	const struct comparison_packet *opener = comparison_opener(comparison, row, j);
	struct sekisho_rule_origin origin = {0};
	char before[RENDER_TIME_SIZE], clauses[RENDER_CLAUSES_SIZE];

	printf(",\"%c\":{", "ab"[j]);
	render_verdict_json(stdout, &row->verdicts[j], judge->names);
	comparison_clauses(comparison, row, j, clauses);
	printf(",\"semantics\":\"%s\",\"clause\":\"%s\"", comparison_semantics(comparison, j),
	       clauses);
	if (sekisho_policy_rule_origin(judge->policy, row->verdicts[j].rule, &origin) &&
	    origin.file) {
		fputs(",\"file\":", stdout);
		render_string_json(stdout, origin.file);
		printf(",\"line\":%" PRIu32, origin.line);
	}
	if (opener) {
		render_time(row->time_us - opener->time_us, before, sizeof(before));
		printf(",\"opened_before\":%s,\"opened_direction\":\"%s\"", before,
		       sekisho_direction_word(opener->direction));
	}
	putchar('}');
}

static void row_print_json(const struct compare *compare, const struct trace_row *row,
			   const struct comparison_place *place)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE], clauses[RENDER_CLAUSES_SIZE];
	unsigned drops = row->verdicts[0].action == SEKISHO_PASS ? 1 : 0;

	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	comparison_clauses(&compare->comparison, row, drops, clauses);
	printf("{\"packet\":%" PRIu64 ",\"time\":%s,\"direction\":\"%s\",\"flow\":", row->number,
	       time, sekisho_direction_word(row->directions[0]));
	render_string_json(stdout, flow);
	for (unsigned j = 0; j < 2; j++)
		side_print_json(&compare->comparison, row, j);
	printf(",\"clause\":\"%s\",\"flow_number\":%" PRIu32 ",\"first_of_flow\":%s}", clauses,
	       place->flow + 1, place->is_first ? "true" : "false");
}

static void explanation_print(const struct comparison *comparison, const struct trace_row *row)
{
	for (unsigned j = 0; j < 2; j++) {
		const struct sekisho_verdict *verdict = &row->verdicts[j];

		printf("  %c (%s) %s %s: %s\n", "ab"[j], comparison_semantics(comparison, j),
		       verdict -> action == SEKISHO_PASS ? "passes it," : "drops it,",
		       sekisho_reason_word(verdict->reason),
		       sekisho_reason_sentence(verdict->reason));
		if (sekisho_rule_name(comparison->judges[j].names, verdict->rule) ||
		    comparison_opener(comparison, row, j) || sekisho_bound_word(verdict->bound)) {
			fputs("    ", stdout);
			comparison_behind(stdout, comparison, row, j);
			putchar('\n');
		}
	}
}

/* The first difference is mostly the cause of the others, so it is told in full. */
static void row_print_first(const struct compare *compare, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];

	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	printf("first difference: packet %" PRIu64 " at %s s, %s\n  %s\n", row->number, time,
	       sekisho_direction_word(row->directions[0]), flow);
	explanation_print(&compare->comparison, row);
	printf("\n%6s  %12s  %-9s  %-24s  %-24s  %s\n", "packet", "time", "direction", "a", "b",
	       "flow");
}

static void row_print_table(const struct compare *compare, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE], side[2][64];

	if (comparison_differ(&compare->comparison) == 1)
		row_print_first(compare, row);
	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	for (int j = 0; j < 2; j++)
		snprintf(side[j], sizeof(side[j]), "%s %s", render_action(&row->verdicts[j]),
			 sekisho_reason_word(row->verdicts[j].reason));
	printf("%6" PRIu64 "  %12s  %-9s  %-24s  %-24s  %s\n", row->number, time,
	       sekisho_direction_word(row->directions[0]), side[0], side[1], flow);
}

/* ---- What is expected ------------------------------------------------------------------------ */

/* Say which known differences before `packet` did not come. */
static void missed_print(struct compare *compare, uint64_t packet)
{
	const char *text;

	while ((text = expect_missed(&compare->expect, packet)) != NULL) {
		if (compare->cli->output == CLI_JSON) {
			fputs("{\"missing\":", stdout);
			render_string_json(stdout, text);
			puts("}");
		} else {
			printf("missing  %s\n", text);
		}
	}
}

/* Say it if a difference is not among the known ones. */
static void row_expect(struct compare *compare, const struct trace_row *row,
		       const struct comparison_place *place)
{
	char flow[RENDER_TUPLE_SIZE], text[EXPECT_TEXT_SIZE];
	struct expect_facts facts = {
		.packet = row->number,
		.direction = sekisho_direction_word(row->directions[0]),
		.flow = flow,
	};

	for (int j = 0; j < 2; j++) {
		facts.verdict[j] = render_action(&row->verdicts[j]);
		facts.reason[j] = sekisho_reason_word(row->verdicts[j].reason);
	}
	render_tuple(&row->tuple, flow, sizeof(flow));
	expect_text(text, &facts);
	missed_print(compare, row->number);
	if (expect_meet(&compare->expect, row->number, text))
		return;
	if (compare->cli->output == CLI_JSON) {
		fputs("{\"new\":", stdout);
		row_print_json(compare, row, place);
		puts("}");
	} else {
		printf("new      %s\n", text);
		explanation_print(&compare->comparison, row);
	}
}

static bool compare_row(void *context, const struct trace_row *row)
{
	struct compare *compare = context;
	struct comparison_place place;
	int differs = comparison_add(&compare->comparison, row, &place);

	compare->out_of_memory = differs < 0;
	if (differs < 1)
		return differs == 0;
	if (compare->cli->expect) {
		row_expect(compare, row, &place);
	} else if (compare->cli->output == CLI_JSON) {
		row_print_json(compare, row, &place);
		putchar('\n');
	} else {
		row_print_table(compare, row);
	}
	return !ferror(stdout);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void flow_print(const struct comparison *comparison, const struct comparison_flow *flow)
{
	char text[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];

	render_tuple(&flow->first.tuple, text, sizeof(text));
	render_time(flow->first.time_us, time, sizeof(time));
	printf("\n%s\n  only a passes %" PRIu64 ", only b passes %" PRIu64 "; first packet %" PRIu64
	       " at %s s, %s\n",
	       text, flow->passed_by[0], flow->passed_by[1], flow->first.number, time,
	       sekisho_direction_word(flow->first.directions[0]));
	explanation_print(comparison, &flow->first);
}

/* The first difference of each flow; one flow alone was told before. */
static void flows_print(const struct compare *compare)
{
	const struct comparison *comparison = &compare->comparison;
	size_t limit = compare->cli->limit ? (size_t)compare->cli->limit : FLOWS_SHOWN;

	if (comparison->flows.count < 2)
		return;
	printf("\nflows that differ, with the first difference of each:\n");
	for (size_t i = 0; i < comparison->flows.count && i < limit; i++)
		flow_print(comparison, keyed_item(&comparison->flows, i));
	if (comparison->flows.count > limit)
		printf("\n(%zu more; --limit N shows more)\n", comparison->flows.count - limit);
}

static void summary_print(const struct compare *compare)
{
	const struct comparison *comparison = &compare->comparison;
	uint64_t differ = comparison_differ(comparison);

	if (compare->cli->output == CLI_TABLE && comparison->in_both)
		printf("%" PRIu64 " packets were in both captures, and are judged once\n",
		       comparison->in_both);
	if (compare->cli->output == CLI_JSON) {
		printf("{\"summary\":{\"packets\":%zu,\"differ\":%" PRIu64 ",\"flows_differ\":%zu",
		       comparison->packet_count, differ, comparison->flows.count);
		if (compare->cli->expect)
			printf(",\"new\":%" PRIu64 ",\"missing\":%" PRIu64, compare->expect.added,
			       compare->expect.missing);
		if (compare->cli->operand_count == 2)
			printf(",\"in_both\":%" PRIu64, comparison->in_both);
		puts("}}");
		return;
	}
	if (compare->cli->expect) {
		printf("%" PRIu64 " of %zu packets differ: %" PRIu64 " new, %" PRIu64 " missing\n",
		       differ, comparison->packet_count, compare->expect.added,
		       compare->expect.missing);
	} else if (differ) {
		flows_print(compare);
		printf("\n%" PRIu64 " of %zu packets differ, in %zu flow%s\n", differ,
		       comparison->packet_count, comparison->flows.count,
		       comparison->flows.count == 1 ? "" : "s");
	} else {
		printf("no difference in %zu packets\n", comparison->packet_count);
	}
}

/* Write --report. */
static enum cli_exit compare_report(const struct compare *compare)
{
	const struct report report = {.comparison = &compare->comparison,
				      .captures = compare->cli->operands,
				      .capture_count = compare->cli->operand_count};
	FILE *to = fopen(compare->cli->report, "we");
	bool written = to != NULL && report_write(&report, to);

	if (to && fclose(to))
		written = false;
	if (written)
		return CLI_OK;
	fprintf(stderr, "sekisho: cannot write %s: %s\n", compare->cli->report, strerror(errno));
	return CLI_FAILED;
}

/* All packets have been judged: what is the answer? */
static enum cli_exit compare_end(struct compare *compare)
{
	enum cli_exit code = CLI_OK;

	if (compare->out_of_memory) {
		fputs("sekisho: out of memory\n", stderr);
		return CLI_FAILED;
	}
	if (compare->cli->expect)
		missed_print(compare, UINT64_MAX);
	summary_print(compare);
	if (compare->cli->report)
		code = compare_report(compare);
	if (code != CLI_OK)
		return code;
	if (compare->cli->expect)
		return compare->expect.added + compare->expect.missing ? CLI_NO : CLI_OK;
	return comparison_differ(&compare->comparison) ? CLI_NO : CLI_OK;
}

static enum cli_exit compare_capture(const struct cli *cli)
{
	struct compare compare = {.cli = cli};
	struct comparison *comparison = &compare.comparison;
	struct trace_run run = {comparison->judges, 2, compare_row, &compare};
	enum cli_exit code = CLI_USAGE;
	unsigned count = (unsigned)cli->operand_count;
	int status = 0;

	comparison_init(comparison, cli->a, cli->b);
	if (cli->expect && !expect_load(&compare.expect, cli->expect))
		goto out;
	for (int j = 0; j < 2 && status == 0; j++)
		status = trace_judge_load(&comparison->judges[j], comparison->policies[j],
					  trace_flows(cli->operands, count));
	if (status) {
		/* 1 would say that the policies differ. */
		code = status > 0 ? CLI_USAGE : CLI_FAILED;
		goto out;
	}
	if (trace_run_captures(&run, cli->operands, count, &comparison->in_both) == 0)
		code = compare_end(&compare);
	else if (comparison->packet_count)
		summary_print(&compare);
out:
	expect_fini(&compare.expect);
	comparison_fini(comparison);
	return code;
}

/* ---- Without a capture ----------------------------------------------------------------------- */

/* Look for differences without a capture. */
static enum cli_exit compare_witness(const struct cli *cli)
{
	struct witness witness = {.cli = cli};
	enum cli_exit code = CLI_FAILED;
	int status = trace_judge_load(&witness.judges[0], cli->a, PROBE_FLOWS);

	if (status == 0)
		status = trace_judge_load(&witness.judges[1], cli->b, PROBE_FLOWS);
	if (status > 0)
		code = CLI_USAGE;
	if (status == 0) {
		for (int j = 0; j < 2; j++)
			witness.specs[j] = config_policy_spec(witness.judges[j].config);
		code = cli->witness == CLI_WITNESS_STATIC ? witness_static(&witness)
							  : witness_sequences(&witness);
	}
	trace_judge_fini(&witness.judges[0]);
	trace_judge_fini(&witness.judges[1]);
	return code;
}

enum cli_exit cmd_compare(const struct cli *cli)
{
	if (cli->witness == CLI_WITNESS_NONE && cli->operand_count == 0) {
		fputs("sekisho: compare needs a capture, or --witness\n", stderr);
		return CLI_USAGE;
	}
	if (cli->witness != CLI_WITNESS_NONE && cli->operand_count > 0) {
		fputs("sekisho: compare --witness takes no capture\n", stderr);
		return CLI_USAGE;
	}
	return cli->witness ? compare_witness(cli) : compare_capture(cli);
}
