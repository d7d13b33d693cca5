/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scenario.h: a scenario file: timed packets and conversations, and what is expected of them under one
 * policy or several side by side. Packets are kept as words: who reads the file makes frames of them.
 *
 * A *case* is a way to judge: the policies of the filters that stand between the hosts. A
 * *conversation* is exchanges one after the other: what asks is sent again until it is answered. It is
 * *up* when its last exchange is. A *sweep* runs everything again and again with one conversation
 * beginning later each time.
 */
#ifndef CONFIG_SCENARIO_H
#define CONFIG_SCENARIO_H

#include <config.h>

#define SCENARIO_CASES_MAX    8
#define SCENARIO_POLICIES_MAX 4 /* of a case */
#define SCENARIO_TRIES_MAX    20
#define SCENARIO_TIME_MAX_MS  86400000u
#define SCENARIO_STEPS_MAX    20000u /* of a sweep */

/* A packet in words, and where they stand. */
struct scenario_words {
	const char *text;
	unsigned line, column;
};

/* Words for what must come of something: one for all cases, or one a case; or none. */
struct scenario_expect {
	char *const *words;
	size_t count;
};

struct scenario_address {
	const char *name, *address;
};

struct scenario_case {
	const char *name;
	const char **policies; /* files, resolved */
	size_t policy_count;
};

struct scenario_packet {
	uint32_t at_ms;
	struct scenario_words send;
	struct scenario_expect expect; /* pass, drop, or a reason's word */
};

struct scenario_exchange {
	struct scenario_words ask, answer;
};

struct scenario_conversation {
	const char *name;
	unsigned line;
	uint32_t at_ms;
	uint32_t retry_ms[SCENARIO_TRIES_MAX]; /* from one asking to the next */
	uint32_t patience_ms;                  /* from the last one until it gives up */
	size_t tries;                          /* how often it asks again */
	struct scenario_exchange *exchanges;
	size_t exchange_count;
	struct scenario_expect expect; /* up or down */
};

struct scenario_sweep {
	const struct scenario_conversation *conversation; /* NULL: there is no sweep */
	unsigned line;
	uint32_t from_ms, to_ms, step_ms;
	struct scenario_expect expect; /* always, sometimes or never up */
};

struct scenario {
	const char *name;  /* of the file */
	const char *title; /* or NULL */
	struct scenario_address *addresses;
	struct scenario_case *cases;
	struct scenario_packet *packets; /* in the file's order */
	struct scenario_conversation *conversations;
	size_t address_count, case_count, packet_count, conversation_count;
	struct scenario_sweep sweep;
};

/* Read a scenario file. NULL and errors if it is not valid or not readable. */
struct scenario *scenario_load(const char *path, struct config_errors *errors);
void scenario_destroy(struct scenario *scenario);

/* What is expected in a case; NULL for nothing. */
const char *scenario_expected(const struct scenario_expect *expect, size_t index);

#endif
