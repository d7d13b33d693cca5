/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compare.h: one sequence through model and engine, step by step; and what a run is judged by.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "sequence.h"

/* Where they first differed. `what` and the two words are the same for the same fault. */
struct difference {
	bool found;
	unsigned event;   /* index */
	const char *what; /* "reason", "rule", "release", "flow expires", ... */
	char model[64], engine[64];
};

/* Run the sequence; `verdicts`, if not NULL, gets the model's, one an event (those that got one). */
struct difference compare_sequence(const struct sequence *sequence, struct model_verdict *verdicts);

/* How often each reason was the verdict in all sequences up to now; SEKISHO_REASON_COUNT numbers. */
const uint64_t *compare_reasons(void);

#endif
