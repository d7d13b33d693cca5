/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drive.h: runs the frames of a sequence through an engine of its own, as a worker would: in bursts of
 * random size, with changes of policy between them. What is made of the verdicts is others' matter.
 */
#ifndef DRIVE_H
#define DRIVE_H

#include "sequence.h"

#define DRIVE_BURST 16

/* A burst that the engine has judged; of no frames, if time has merely gone by. */
struct drive_burst {
	uint64_t now; /* ms since the sequence began */
	unsigned count;
	struct sekisho_frame frame[DRIVE_BURST]; /* their handles are the events' indices */
	unsigned event[DRIVE_BURST];
	struct sekisho_verdict verdict[DRIVE_BURST];
	unsigned last_event; /* whatever leaves now can only be for what came up to here */
};

/* What is told; those that are not asked for may be NULL. */
struct drive_hooks {
	/* a zone has this policy from now on */
	void (*policy)(void *context, unsigned zone, const struct plan *plan);
	/* all flows have been judged again by the policies of now (STRICT-4) */
	void (*rejudged)(void *context, uint64_t now);
	void (*burst)(void *context, const struct drive_burst *burst);
	/* a burst is about to be judged by the engine, whose clock says so */
	void (*ahead)(void *context, const struct sekisho_engine *engine, uint32_t clock,
		      const struct drive_burst *burst);
	/* a frame that was held leaves */
	void (*release)(void *context, const struct sekisho_release *release);
	/* all that could be released after a burst has been */
	void (*released)(void *context, const struct drive_burst *burst);
	/* before this event: whether the engine ends here, and another goes on with its flows */
	bool (*restarts)(void *context, unsigned event);
	/* nothing more need be run */
	bool (*enough)(void *context);
	/* the end, with the engine as it is then */
	void (*end)(void *context, const struct sekisho_engine *engine, uint64_t now);
};

/* Run a sequence, in bursts of at most `burst_max` (1..DRIVE_BURST) frames. */
void drive(const struct sequence *sequence, unsigned burst_max, const struct drive_hooks *hooks,
	   void *context);

#endif
