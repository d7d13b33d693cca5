/* SPDX-License-Identifier: BSD-3-Clause */
/* shrink.h: from a sequence that differs to the shortest one that differs in the same way. */
#ifndef SHRINK_H
#define SHRINK_H

#include "compare.h"

/* Shorten and simplify in place, as long as the check finds the same; returns it as it is at last. */
struct difference shrink(struct sequence *sequence, check *finds, struct difference difference);

/* Print a sequence and what was found, as rows that can be pasted into a test, with its policies. */
void shrink_print(const struct sequence *sequence, const struct difference *difference);

#endif
