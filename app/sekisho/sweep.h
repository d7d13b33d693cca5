/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep.h: a scenario played again and again, one conversation later each time: does any conversation
 * come up, and when? With a picture of the answer.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdio.h>

#include "stage.h"

struct sweep_point {
	bool is_up;
	uint32_t at_ms;      /* when the first conversation came up */
	size_t conversation; /* which */
};

struct sweep {
	size_t step_count;
	struct sweep_point *points; /* [step][case] */
	size_t case_count;
};

/* Play it all. False if there is no memory. Call sweep_fini() in any case. */
bool sweep_run(struct sweep *sweep, struct stage *stage);
void sweep_fini(struct sweep *sweep);

/* How much later the conversation begins in a step. */
uint32_t sweep_delay(const struct scenario *scenario, size_t step);

static inline const struct sweep_point *sweep_point(const struct sweep *sweep, size_t step,
						    size_t index)
{
	return &sweep->points[step * sweep->case_count + index];
}

/* In how many steps a case comes up. */
size_t sweep_ups(const struct sweep *sweep, size_t index);

/* Draw it as SVG: when a conversation comes up, by delay, a panel for each case. */
void sweep_draw(FILE *to, const struct sweep *sweep, const struct stage *stage);

#endif
