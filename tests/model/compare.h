/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compare.h: one sequence through model and engine, step by step; and what a run is judged by.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "sequence.h"

/* Where two runs first differed. `what` and the two words are the same for the same fault. */
struct difference {
	bool found;
	unsigned event;       /* index */
	const char *what;     /* "reason", "rule", "release", "flow expires", ... */
	const char *sides[2]; /* who says so: "the model", "the engine" */
	char says[2][64];
};

/* Something that holds of each sequence; what is found does not. */
typedef struct difference check(const struct sequence *sequence);

/* Model and engine say the same of each packet, and count the same. */
struct difference compare_sequence(const struct sequence *sequence);

/* What the model says of each event; all zero where it says nothing. SEQUENCE_EVENTS of them. */
void compare_verdicts(const struct sequence *sequence, struct model_verdict *verdicts);

/* How often each reason was the verdict in all sequences up to now; SEKISHO_REASON_COUNT numbers. */
const uint64_t *compare_reasons(void);

#endif
