/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explain.h: why a packet passes or not, phase by phase, and what would change that.
 *
 * Nothing here decides. The library explains a packet by an excerpt of an engine's state (sekisho.h); this
 * puts what it found into words, and asks it again under other conditions: without the flow, under
 * the other semantics, with a rule that is nearly right made right, or without the one that decided.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <jansson.h>

#include <sekisho.h>

/* A packet, and all that it is judged by. */
struct explain_subject {
	const struct sekisho_policy_spec *spec; /* that the policy was built from */
	const struct sekisho_policy *policy;
	struct sekisho_rule_names *names; /* written: not while another policy is built with them */
	const struct sekisho_frame *frame;
	const struct sekisho_excerpt *excerpt;
};

/*
 * Explain. An object with `direction`, `semantics`, `verdict`, `reason`, `because`, `admitted_by`, `rule`,
 * `at`, `clauses`, `phase`, `phases`, `flow` and `would_change`; NULL: no memory. One thread at a time for
 * the same names.
 */
json_t *explain(const struct explain_subject *subject);

/* ---- nearest.c ---- */

/* The rule of a packet's endpoint and direction that says otherwise in the fewest of its parts. */
struct nearest {
	size_t group, rule;               /* indices */
	bool protocol, ports, icmp, peer; /* what of it does not fit the packet */
};

/* Find it. False if the endpoint has no rule of that direction. */
bool nearest_find(const struct explain_subject *subject, const struct sekisho_explanation *found,
		  struct nearest *nearest);

/* ---- what_if.c ---- */

/* Append to an array what the verdict would be under other conditions, where it would be another. */
void what_if_append(const struct explain_subject *subject, const struct sekisho_explanation *found,
		    json_t *array);

/* ---- explain.c ---- */

/* "policy.yaml:14", where a rule was written, or null. */
json_t *explain_place(const struct sekisho_policy *policy, uint32_t rule);

/*
 * The clauses that a reason follows, as a list: of "AWS-1, STRICT-3" those of the semantics in force; all,
 * where none is of them. Any thread.
 */
json_t *explain_clauses(enum sekisho_reason reason, enum sekisho_semantics semantics);

#endif
