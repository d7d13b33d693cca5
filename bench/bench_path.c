/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_path.c: the whole path, from frames to verdicts and counters, for packets of live flows.
 *
 *	path/PROTOCOL/SEMANTICS/FLOWS	64-byte frames, 100 rules
 *	path/udp-imix/aws-like/1M	frames of the simple IMIX
 *	path/udp-shadowed/aws-like/1M	a second engine judges beside the first
 *	rules/established/RULES		udp, aws-like, 1M flows
 *	burst/established		the same, each burst timed by itself
 */
#include <rte_cycles.h>
#include <stdio.h>

#include "histogram.h"
#include "subjects.h"
#include "timing.h"
#include "traffic.h"

#define RULES 100

static void *setup(const void *plan, char *message, unsigned message_size)
{
	return traffic_create(plan, message, message_size);
}

static void teardown(void *world)
{
	traffic_destroy(world);
}

/* What every run tells of the bursts that it has done. */
static void report(struct gbench_state *state, const struct traffic *traffic, uint64_t bursts,
		   uint64_t passed)
{
	gbench_items(state, bursts * FRAMES_BURST);
	gbench_expect_none_lost(state, bursts * FRAMES_BURST - passed);
	gbench_counter(state, "flows", traffic->plan.live);
	gbench_counter(state, "bytes_per_flow",
		       (double)(traffic->bytes - traffic->fixed_bytes) / traffic->plan.live);
	gbench_counter(state, "bytes_fixed", (double)traffic->fixed_bytes);
}

static void run(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	uint64_t bursts = 0, passed = 0;

	while (gbench_next(state)) {
		passed += traffic_burst(traffic, &traffic->live);
		bursts++;
	}
	report(state, traffic, bursts, passed);
}

static void run_timed(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	struct histogram ticks = {0};
	uint64_t bursts = 0, passed = 0;

	while (gbench_next(state)) {
		uint64_t start = rte_rdtsc();

		passed += traffic_burst(traffic, &traffic->live);
		histogram_add(&ticks, rte_rdtsc() - start);
		bursts++;
	}
	report(state, traffic, bursts, passed);
	timing_report(state, &ticks);
}

static void flows_register(const struct gbench_kind *kind)
{
	static const struct {
		const char *name;
		enum sekisho_semantics semantics;
		enum frames_kind kind;
	} subjects[] = {
		{"path/udp/aws-like", SEKISHO_AWS_LIKE, FRAMES_UDP},
		{"path/udp/strict", SEKISHO_STRICT, FRAMES_UDP},
		{"path/tcp/aws-like", SEKISHO_AWS_LIKE, FRAMES_TCP},
		{"path/tcp/strict", SEKISHO_STRICT, FRAMES_TCP},
	};
	static struct traffic_plan plans[sizeof(subjects) / sizeof(subjects[0])][SUBJECTS_FLOWS];

	for (unsigned s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++)
		for (unsigned i = 0; i < SUBJECTS_FLOWS; i++) {
			plans[s][i] = (struct traffic_plan){.semantics = subjects[s].semantics,
							    .kind = subjects[s].kind,
							    .live = subjects_flows[i].value,
							    .rules = RULES,
							    .matcher = SEKISHO_MATCHER_COMPILED};
			gbench_register(kind, subjects[s].name, subjects_flows[i].label,
					&plans[s][i]);
		}
}

void bench_path_register(void)
{
	static const struct gbench_kind kind = {setup, run, teardown, 0};
	static const struct gbench_kind timed = {setup, run_timed, teardown, 0};
	static const struct traffic_plan imix = {.size = FRAMES_IMIX,
						 .live = SUBJECTS_LIVE,
						 .rules = RULES,
						 .matcher = SEKISHO_MATCHER_COMPILED};
	static const struct traffic_plan shadowed = {.live = SUBJECTS_LIVE,
						     .rules = RULES,
						     .matcher = SEKISHO_MATCHER_COMPILED,
						     .shadowed = true};
	static const struct traffic_plan burst = {
		.live = SUBJECTS_LIVE, .rules = RULES, .matcher = SEKISHO_MATCHER_COMPILED};
	static struct traffic_plan rules[SUBJECTS_RULES];

	flows_register(&kind);
	gbench_register(&kind, "path/udp-imix/aws-like", "1M", &imix);
	gbench_register(&kind, "path/udp-shadowed/aws-like", "1M", &shadowed);
	for (unsigned i = 0; i < SUBJECTS_RULES; i++) {
		rules[i] = (struct traffic_plan){.live = SUBJECTS_LIVE,
						 .rules = subjects_rules[i].value,
						 .matcher = SEKISHO_MATCHER_COMPILED};
		gbench_register(&kind, "rules/established", subjects_rules[i].label, &rules[i]);
	}
	gbench_register(&timed, "burst/established", NULL, &burst);
}
