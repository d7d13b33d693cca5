/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gbench_shim.h: Google Benchmark's face for C. The C++ stays in gbench_shim.cc.
 *
 * When a subject is measured, its `setup` makes a world of its plan, then its `run` is called with
 * a loop of the library's, as often as the library needs to find how many iterations are enough; the
 * world is torn down when another subject is due:
 *
 *	static void run(struct gbench_state *state, void *world)
 *	{
 *		uint64_t packets = 0;
 *
 *		while (gbench_next(state))
 *			packets += ...one iteration...
 *		gbench_items(state, packets);
 *	}
 */
#ifndef GBENCH_SHIM_H
#define GBENCH_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gbench_state; /* of one run; only valid within it */

/* What subjects of a kind have in common. */
struct gbench_kind {
	/* Make what `run` needs; NULL, and a sentence in `message`, fails the subject. */
	void *(*setup)(const void *plan, char *message, unsigned message_size);
	void (*run)(struct gbench_state *state, void *world);
	void (*teardown)(void *world);
	int64_t iterations; /* of a run, exactly; 0: as many as the library finds enough */
};

/*
 * Add a subject to those that gbench_main() runs, as "NAME/LABEL", or NAME without a label. The
 * strings are copied; `kind` and `plan`, which is setup's, must live as long as the program.
 */
void gbench_register(const struct gbench_kind *kind, const char *name, const char *label,
		     const void *plan);

/* True as long as one more iteration is wanted; the time between two calls is what is measured. */
bool gbench_next(struct gbench_state *state);

/* Stop the clock, for work between iterations that is not the subject's; and start it again. */
void gbench_pause(struct gbench_state *state);
void gbench_resume(struct gbench_state *state);

/* How many packets (flows, look-ups, ...) all iterations together have done; gives the rate. */
void gbench_items(struct gbench_state *state, uint64_t count);

/* One more number in the row of this run. */
void gbench_counter(struct gbench_state *state, const char *name, double value);

/* This run is void, because of what the message says; and gbench_main() will return 1. */
void gbench_fail(struct gbench_state *state, const char *message);

/* Make a run void if packets (or keys) of it did not pass: then something else was measured. */
void gbench_expect_none_lost(struct gbench_state *state, uint64_t lost);

/* Run what the command line asks for, with the library's options. The program's exit code. */
int gbench_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
