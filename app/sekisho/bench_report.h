/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_report.h: what `sekisho bench` has found, in words and pictures. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench_run.h"

#define BENCH_RESULTS_MAX 2 /* one for each semantics */

struct bench_report {
	struct bench_plan plan;
	const char *policy; /* file; NULL: one of its own */
	const char *shadow; /* semantics of the policy beside it; NULL: there is none */
	char flows_why
		[160];  /* so many flows were chosen for the user; empty: there is nothing to say */
	bool hugepages; /* were set apart */
	struct bench_limits limits;
	struct bench_result results[BENCH_RESULTS_MAX];
	unsigned count; /* of results, at least 1 */
};

/* A table, and what must be known to read it. */
void bench_report_table(FILE *to, const struct bench_report *report);

/* One object a result, one a line. */
void bench_report_json(FILE *to, const struct bench_report *report);

/* A page that stands by itself, with the times of bursts as a picture. */
void bench_report_html(FILE *to, const struct bench_report *report);

#endif
