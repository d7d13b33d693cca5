/* SPDX-License-Identifier: BSD-3-Clause */
#include "after.h"

#define FLOWS_WITHOUT_CAPTURE 64

/* The last moment of a capture. */
static bool row_note(void *context, const struct trace_row *row)
{
	*(uint32_t *)context = row->clock_ms;
	return true;
}

enum cli_exit after_judge(const struct cli *cli, struct trace_judge *judge, uint32_t *clock_ms)
{
	struct trace_run run = {judge, 1, row_note, clock_ms};
	int status = cli->after ? trace_judge_init(judge, cli->policy, cli->after)
				: trace_judge_load(judge, cli->policy, FLOWS_WITHOUT_CAPTURE);

	*clock_ms = 0;
	if (status != 0)
		return status > 0 ? CLI_USAGE : CLI_FAILED;
	return cli->after && trace_run(&run, cli->after) ? CLI_USAGE : CLI_OK;
}
