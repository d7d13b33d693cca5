/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holes_after.c: see holes_after.h. Flows are put into JSON and filtered by the daemon's own code, which is
 * given a daemon of one edge that does not run, so that both verbs say the same of the same flow.
 */
#include "holes_after.h"

#include <stdio.h>

#include <daemon.h>
#include <flow_json.h>

#include "after.h"

/* One flow, if it is a hole and meant. */
static void flow_take(const struct daemon *daemon, const struct filter *filter,
		      const struct sekisho_flow_info *flow, json_t *holes)
{
	const struct filter_subject subject = flow_subject(daemon, flow);

	if (sekisho_policy_hole(daemon->edges[0].snapshot->policy, flow) == SEKISHO_HOLE_NONE)
		return;
	if (filter == NULL || filter_matches(filter, &subject))
		json_array_append_new(holes, flow_json(daemon, flow, FLOW_JSON_HOLE));
}

static void flows_take(const struct trace_judge *judge, uint32_t now_ms,
		       const struct filter *filter, json_t *holes)
{
	struct snapshot snapshot = {.config = judge->config, .policy = judge->policy};
	struct edge edge = {.name = "-", .snapshot = &snapshot};
	struct daemon daemon = {.names = judge->names, .edges = &edge, .edge_count = 1};
	struct sekisho_flow_info flows[SEKISHO_FLOWS_MAX];
	uint32_t cursor = 0;

	do {
		unsigned count = sekisho_engine_flows(judge->engine, now_ms, &cursor,
						      SEKISHO_FLOWS_SCAN, flows, SEKISHO_FLOWS_MAX);

		for (unsigned i = 0; i < count; i++)
			flow_take(&daemon, filter, &flows[i], holes);
	} while (cursor != 0);
}

enum cli_exit holes_after(const struct cli *cli, json_t *holes)
{
	struct trace_judge judge = {0};
	struct filter filter;
	char message[400];
	enum cli_exit code;
	uint32_t clock_ms;

	if (cli->filter && filter_compile(&filter, cli->filter, message, sizeof(message)) < 0) {
		fprintf(stderr, "sekisho: --filter, %s\n", message);
		return CLI_USAGE;
	}
	code = after_judge(cli, &judge, &clock_ms);
	if (code == CLI_OK)
		flows_take(&judge, clock_ms + (uint32_t)cli->later_ms, cli->filter ? &filter : NULL,
			   holes);
	trace_judge_fini(&judge);
	return code;
}
