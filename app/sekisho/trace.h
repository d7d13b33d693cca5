/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.h: a capture through one policy or two, in virtual time.
 *
 * A *judge* is a policy file with an engine of its own. trace_run() reads a capture, shows each
 * packet to all judges, and calls back with what they decided, in packet order.
 *
 * The same file gives the same rows, byte for byte: the hash key is fixed, and time is what the
 * capture says.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <config.h>
#include <sekisho.h>

#define TRACE_JUDGES_MAX 2

struct trace_judge {
	struct config_policy *config;
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *engine;
};

/*
 * Load a policy file and make an engine for it that has room for all flows of `capture`. Returns 0;
 * 1 when the policy is not valid (its errors are printed); -1 for any other failure, printed too.
 * Call trace_judge_fini() in any case.
 */
int trace_judge_init(struct trace_judge *judge, const char *policy, const char *capture);

/*
 * Flows that are enough for captures: a packet opens at most one, and takes 16 bytes for its record
 * beside its own. An unknown size (a pipe) gets a quarter of the most.
 */
uint32_t trace_flows(char *const *captures, unsigned count);

/* The same for an engine that has room for `flows` flows, at least 64. */
int trace_judge_load(struct trace_judge *judge, const char *policy, uint32_t flows);
void trace_judge_fini(struct trace_judge *judge);

/* One packet, decided. Index j of the arrays is the judge. */
struct trace_row {
	uint64_t number; /* 1 is the capture's first */
	int64_t time_us; /* since the first packet; may be negative when the capture's clock went
			    back */
	uint32_t clock_ms; /* of the engines */
	struct sekisho_tuple tuple;
	struct sekisho_verdict verdicts[TRACE_JUDGES_MAX];
	uint8_t directions[TRACE_JUDGES_MAX]; /* enum sekisho_direction */
};

struct trace_run {
	struct trace_judge *judges;
	unsigned judge_count; /* 1..TRACE_JUDGES_MAX */
	/* Called in packet order. Returns false to stop, as when the output is closed. */
	bool (*row)(void *context, const struct trace_row *row);
	void *context;
};

/*
 * Run a capture file ("-" is stdin) through the judges. Returns 0, or -1 after one line on stderr;
 * rows up to a damage in mid-file have been called back then.
 */
int trace_run(const struct trace_run *run, const char *capture);

/*
 * The same for `count` captures: one, or a pair from inside and outside the firewall, merged by time. Of
 * a pair a packet's direction is that of its file: what the inside recorded is egress. One that is in both
 * is judged once, from the side where it was first; *in_both counts them, unless it is NULL.
 */
int trace_run_captures(const struct trace_run *run, char *const *captures, unsigned count,
		       uint64_t *in_both);

#endif
