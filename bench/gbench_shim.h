/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gbench_shim.h: Google Benchmark's face for C. The C++ stays in gbench_shim.cc.
 *
 * A subject is registered once for each argument; when it is measured, its `setup` is called, then its
 * `run` with a loop of the library's, then its `teardown`:
 *
 *	static void run(struct gbench_state *state, void *world)
 *	{
 *		while (gbench_next(state))
 *			...one iteration...
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

struct gbench_subject {
	const char *name; /* "path/udp/aws-like"; the argument's label is added */
	const char *label;
	int64_t argument; /* of setup: flows, rules, ... as the subject understands it */
	/* Make what `run` needs; NULL, and a sentence in `message`, skips the subject. */
	void *(*setup)(int64_t argument, char *message, unsigned message_size);
	void (*run)(struct gbench_state *state, void *world);
	void (*teardown)(void *world);
};

/* Add a subject to those that gbench_main() runs. The strings are copied. */
void gbench_register(const struct gbench_subject *subject);

/* True as long as one more iteration is wanted; the time between two calls is what is measured. */
bool gbench_next(struct gbench_state *state);

/* Stop the clock, for work between iterations that is not the subject's; and start it again. */
void gbench_pause(struct gbench_state *state);
void gbench_resume(struct gbench_state *state);

/* How many packets (flows, look-ups, ...) all iterations together have done; gives the rate. */
void gbench_items(struct gbench_state *state, int64_t count);

/* One more number in the row of this run. */
void gbench_counter(struct gbench_state *state, const char *name, double value);

/* Run what the command line asks for, with the library's own options. The program's exit code. */
int gbench_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
