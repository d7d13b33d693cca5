/* SPDX-License-Identifier: BSD-3-Clause */
/* after.h: a policy's judge where a capture leaves it, for verbs that ask about the state then. */
#ifndef AFTER_H
#define AFTER_H

#include "cli.h"
#include "trace.h"

/*
 * Load --policy, and bring its judge to where the capture of --after leaves it, if there is one; *clock_ms is
 * the engine's time then. A line on stderr if that fails. Call trace_judge_fini() in any case.
 */
enum cli_exit after_judge(const struct cli *cli, struct trace_judge *judge, uint32_t *clock_ms);

#endif
