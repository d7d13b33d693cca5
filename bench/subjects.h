/* SPDX-License-Identifier: BSD-3-Clause */
/* subjects.h: each bench_*.c registers its subjects with one of these. */
#ifndef SUBJECTS_H
#define SUBJECTS_H

#include "gbench_shim.h"

/* A number and its label in a subject's name. */
struct subjects_number {
	const char *label;
	uint32_t value;
};

/* The numbers of flows that subjects are measured at. */
static const struct subjects_number subjects_flows[] = {
	{"1k", 1u << 10}, {"64k", 1u << 16}, {"1M", 1u << 20}, {"4M", 1u << 22}, {"16M", 1u << 24},
};

/* And of rules, with SUBJECTS_LIVE flows. */
static const struct subjects_number subjects_rules[] = {
	{"10", 10}, {"100", 100}, {"1k", 1000}, {"10k", 10000}, {"100k", 100000},
};

#define SUBJECTS_FLOWS (sizeof(subjects_flows) / sizeof(subjects_flows[0]))
#define SUBJECTS_RULES (sizeof(subjects_rules) / sizeof(subjects_rules[0]))
#define SUBJECTS_LIVE  (1u << 20) /* flows, where another number varies */

void bench_baseline_register(void);
void bench_path_register(void);
void bench_new_register(void);
void bench_turnover_register(void);
void bench_table_register(void);
void bench_listing_register(void);

#endif
