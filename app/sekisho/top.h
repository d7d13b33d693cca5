/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * top.h: what `top` shows: two answers of the daemon and what has changed between them, as lines.
 *
 * The lines know nothing of terminals; cmd_top.c puts them on a screen, or prints the first of them.
 */
#ifndef TOP_H
#define TOP_H

#include "rpc.h"

/* What the daemon has said at one time. */
struct top_sample {
	json_t *status, *stats, *drops, *flows;
	json_int_t time_ms; /* the daemon's clock */
};

/* Ask. What there is of it is to be freed with top_sample_fini() in any case. */
enum cli_exit top_sample_init(struct top_sample *sample, struct rpc *rpc);
void top_sample_fini(struct top_sample *sample);

/* A screen of text. */
struct top_lines {
	char **text; /* `count` of them; one that begins with TOP_BOLD is a heading */
	unsigned count, room;
};
#define TOP_BOLD '\1'

/* Make at most `rows` lines. False: no memory. Call top_lines_fini() in any case. */
bool top_lines_init(struct top_lines *lines, unsigned rows, const struct top_sample *before,
		    const struct top_sample *now);
void top_lines_fini(struct top_lines *lines);

/* The same in one line, for what is no screen. */
void top_summary(FILE *to, const struct top_sample *before, const struct top_sample *now);

/* The same as an object in a line: the answer of `stats`, with its rates `per_second` and all `drops`. */
void top_json(FILE *to, const struct top_sample *before, const struct top_sample *now);

#endif
