/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * expect.h: `compare --expect FILE`: the differences that are known, as `compare -o json` printed
 * them. A difference is known if packet, direction, flow, verdicts and reasons are the same; other
 * members, and the summary, are not looked at.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPECT_TEXT_SIZE 400

struct expect_difference {
	uint64_t packet;
	char *text; /* expect_text() */
};

struct expect {
	struct expect_difference *list; /* by packet */
	size_t count, capacity;
	size_t next; /* not met yet */
	uint64_t added, missing;
};

/* What a difference is, for people and to tell it from others. */
struct expect_facts {
	uint64_t packet;
	const char *direction, *flow;
	const char *verdict[2], *reason[2]; /* of a and b */
};

void expect_text(char text[EXPECT_TEXT_SIZE], const struct expect_facts *facts);

/* Read a file. False after one line on stderr. Call expect_fini() in any case. */
bool expect_load(struct expect *expect, const char *path);
void expect_fini(struct expect *expect);

/* The next known difference that comes before `packet` and was not met: it is missing; else NULL. */
const char *expect_missed(struct expect *expect, uint64_t packet);

/* Whether a difference of `packet` is known, after all those before it were asked for. Counts. */
bool expect_meet(struct expect *expect, uint64_t packet, const char *text);

#endif
