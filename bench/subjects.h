/* SPDX-License-Identifier: BSD-3-Clause */
/* subjects.h: each bench_*.c registers its subjects with one of these. */
#ifndef SUBJECTS_H
#define SUBJECTS_H

#include "gbench_shim.h"

/* Register one subject for each of these numbers of flows. */
static const struct subjects_flows {
	const char *label;
	uint32_t flows;
} subjects_flows[] = {
	{"1k", 1u << 10}, {"64k", 1u << 16}, {"1M", 1u << 20}, {"4M", 1u << 22}, {"16M", 1u << 24},
};

#define SUBJECTS_FLOWS (sizeof(subjects_flows) / sizeof(subjects_flows[0]))

void bench_baseline_register(void);
void bench_path_register(void);

#endif
