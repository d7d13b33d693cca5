/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_compare.c: `sekisho compare`: two policies on the same packets; what differs, and why.
 *
 * "Differs" is pass against drop: two policies may well have different reasons to do the same
 * thing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "render.h"
#include "trace.h"
#include "witness.h"

/* A flow whichever way its packets go: the lower endpoint first. No padding: compared as bytes. */
struct pair_key {
	uint8_t address[2][16];
	uint16_t port[2];
	uint16_t ether_type;
	uint8_t protocol;
	uint8_t used;
};

/* A set of keys: open addressing, a power of two, at most half full. */
struct pair_set {
	struct pair_key *slots;
	size_t size, count;
};

struct compare {
	enum cli_output output;
	struct trace_judge judges[2]; /* a and b */
	struct pair_set flows;
	uint64_t packets, differ;
	bool out_of_memory;
};

/* ---- Distinct flows -------------------------------------------------------------------------- */

static void key_make(struct pair_key *key, const struct sekisho_tuple *tuple)
{
	int order = memcmp(tuple->source, tuple->destination, 16);
	int source;

	if (order == 0)
		order = (int)tuple->source_port - (int)tuple->destination_port;
	source = order > 0;
	memset(key, 0, sizeof(*key));
	memcpy(key->address[source], tuple->source, 16);
	memcpy(key->address[!source], tuple->destination, 16);
	key->port[source] = tuple->source_port;
	key->port[!source] = tuple->destination_port;
	key->ether_type = tuple->ether_type;
	key->protocol = tuple->protocol;
	key->used = 1;
}

/* The slot of a key, or the free one where it belongs. FNV-1a: the keys are the user's own file. */
static struct pair_key *set_slot(const struct pair_set *set, const struct pair_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t at;

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	at = (size_t)(hash ^ hash >> 32) & (set->size - 1);
	while (set->slots[at].used && memcmp(&set->slots[at], key, sizeof(*key)) != 0)
		at = (at + 1) & (set->size - 1);
	return &set->slots[at];
}

static int set_grow(struct pair_set *set)
{
	struct pair_set larger = {.size = set->size ? set->size * 2 : 64, .count = set->count};

	larger.slots = calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return -1;
	for (size_t i = 0; i < set->size; i++)
		if (set->slots[i].used)
			*set_slot(&larger, &set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = larger;
	return 0;
}

/* Add a tuple's flow; returns 0, or -1 when there is no memory. */
static int set_add(struct pair_set *set, const struct sekisho_tuple *tuple)
{
	struct pair_key key, *slot;

	if (set->count * 2 >= set->size && set_grow(set))
		return -1;
	key_make(&key, tuple);
	slot = set_slot(set, &key);
	set->count += !slot->used;
	*slot = key;
	return 0;
}

/* ---- Output ---------------------------------------------------------------------------------- */

static const char *semantics_of(const struct trace_judge *judge)
{
	return sekisho_semantics_word(sekisho_policy_semantics(judge->policy));
}

static void row_print_json(const struct compare *compare, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];

	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	printf("{\"packet\":%" PRIu64 ",\"time\":%s,\"direction\":\"%s\",\"flow\":", row->number,
	       time, sekisho_direction_word(row->directions[0]));
	render_string_json(stdout, flow);
	for (int j = 0; j < 2; j++) {
		printf(",\"%c\":{", "ab"[j]);
		render_verdict_json(stdout, &row->verdicts[j], compare->judges[j].names);
		printf(",\"semantics\":\"%s\"}", semantics_of(&compare->judges[j]));
	}
	puts("}");
}

/* The first difference is mostly the cause of the others, so it is told in full. */
static void row_print_first(const struct compare *compare, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];

	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	printf("first difference: packet %" PRIu64 " at %s s, %s\n  %s\n", row->number, time,
	       sekisho_direction_word(row->directions[0]), flow);
	for (int j = 0; j < 2; j++) {
		const struct sekisho_verdict *verdict = &row->verdicts[j];

		printf("  %c (%s) %s %s: %s\n", "ab"[j], semantics_of(&compare->judges[j]),
		       verdict->action == SEKISHO_PASS ? "passes it," : "drops it,",
		       sekisho_reason_word(verdict->reason),
		       sekisho_reason_sentence(verdict->reason));
		if (sekisho_rule_name(compare->judges[j].names, verdict->rule) ||
		    verdict->opened_by) {
			fputs("    ", stdout);
			render_origin(stdout, verdict, &compare->judges[j]);
			putchar('\n');
		}
	}
	printf("\n%6s  %12s  %-9s  %-24s  %-24s  %s\n", "packet", "time", "direction", "a", "b",
	       "flow");
}

static void row_print_table(const struct compare *compare, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE], side[2][64];

	if (compare->differ == 1)
		row_print_first(compare, row);
	render_tuple(&row->tuple, flow, sizeof(flow));
	render_time(row->time_us, time, sizeof(time));
	for (int j = 0; j < 2; j++)
		snprintf(side[j], sizeof(side[j]), "%s %s", render_action(&row->verdicts[j]),
			 sekisho_reason_word(row->verdicts[j].reason));
	printf("%6" PRIu64 "  %12s  %-9s  %-24s  %-24s  %s\n", row->number, time,
	       sekisho_direction_word(row->directions[0]), side[0], side[1], flow);
}

static bool compare_row(void *context, const struct trace_row *row)
{
	struct compare *compare = context;

	compare->packets++;
	if (row->verdicts[0].action == row->verdicts[1].action)
		return true;
	compare->differ++;
	if (set_add(&compare->flows, &row->tuple)) {
		compare->out_of_memory = true;
		return false;
	}
	if (compare->output == CLI_JSON)
		row_print_json(compare, row);
	else
		row_print_table(compare, row);
	return !ferror(stdout);
}

static void summary_print(const struct compare *compare)
{
	if (compare->output == CLI_JSON) {
		printf("{\"summary\":{\"packets\":%" PRIu64 ",\"differ\":%" PRIu64
		       ",\"flows_differ\":%zu}}\n",
		       compare->packets, compare->differ, compare->flows.count);
		return;
	}
	if (compare->differ)
		printf("\n%" PRIu64 " of %" PRIu64 " packets differ, in %zu flow%s\n",
		       compare->differ, compare->packets, compare->flows.count,
		       compare->flows.count == 1 ? "" : "s");
	else
		printf("no difference in %" PRIu64 " packets\n", compare->packets);
}

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

static enum cli_exit compare_capture(const struct cli *cli)
{
	struct compare compare = {.output = cli->output};
	struct trace_run run = {compare.judges, 2, compare_row, &compare};
	enum cli_exit code = CLI_OK;
	int status = trace_judge_init(&compare.judges[0], cli->a, cli->operands[0]);

	if (status == 0)
		status = trace_judge_init(&compare.judges[1], cli->b, cli->operands[0]);
	if (status) {
		/* 1 would say that the policies differ. */
		code = status > 0 ? CLI_USAGE : CLI_FAILED;
		goto out;
	}
	if (trace_run(&run, cli->operands[0]))
		code = CLI_USAGE;
	if (compare.out_of_memory) {
		fputs("sekisho: out of memory\n", stderr);
		code = CLI_FAILED;
	}
	if (code == CLI_OK || compare.packets)
		summary_print(&compare);
	if (code == CLI_OK && compare.differ)
		code = CLI_NO;
out:
	free(compare.flows.slots);
	trace_judge_fini(&compare.judges[0]);
	trace_judge_fini(&compare.judges[1]);
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
