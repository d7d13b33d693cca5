/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_capture.c: any bytes as a capture file, replayed through two policies at once as `compare`
 * does. Rows must come in packet order, each decided, and as many as the engines have seen.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policies.h"
#include "trace.h"

struct rows {
	uint64_t count;
	int64_t latest_us;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	policies_init();
	fuzz_quiet();
	return 0;
}

static bool take_row(void *context, const struct trace_row *row)
{
	struct rows *rows = context;

	FUZZ_CHECK(row->number == ++rows->count);
	for (unsigned j = 0; j < TRACE_JUDGES_MAX; j++) {
		FUZZ_CHECK(row->verdicts[j].reason < SEKISHO_REASON_COUNT);
		FUZZ_CHECK(row->verdicts[j].action != SEKISHO_HOLD);
		FUZZ_CHECK(row->verdicts[j].packet == row->number);
		FUZZ_CHECK(row->directions[j] <= SEKISHO_INGRESS);
	}
	return true;
}

/* A judge with one of our policies, and little room. */
static void judge_init(struct trace_judge *judge, unsigned policy)
{
	struct sekisho_engine_config config = {
		.flows = 64, .fragments = 8, .held = 8, .zones = 1, .names = policies_names()};
	char message[256];

	*judge = (struct trace_judge){
		.policy = policies_get(policy),
		.engine = sekisho_engine_create(&config, message, sizeof(message))};
	FUZZ_CHECK(judge->engine != NULL);
	sekisho_engine_set_policy(judge->engine, 0, judge->policy);
}

static void judge_fini(struct trace_judge *judge, const struct rows *rows)
{
	struct sekisho_stats stats;

	sekisho_engine_stats(judge->engine, &stats);
	FUZZ_CHECK(stats.received == rows->count && stats.held == 0);
	sekisho_engine_destroy(judge->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace_judge judges[TRACE_JUDGES_MAX];
	struct rows rows = {0};
	const struct trace_run run = {.judges = judges,
				      .judge_count = TRACE_JUDGES_MAX,
				      .row = take_row,
				      .context = &rows};

	for (unsigned j = 0; j < TRACE_JUDGES_MAX; j++)
		judge_init(&judges[j], j); /* the founding case under both semantics */
	trace_run(&run, fuzz_file(data, size));
	for (unsigned j = 0; j < TRACE_JUDGES_MAX; j++)
		judge_fini(&judges[j], &rows);
	return 0;
}
