/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * history.h: which policies were in force, since when, and who put them there.
 *
 * A *revision* is one of them. Its number is the generation that status tells: it counts up with each
 * commit and each rollback, and goes on over restarts where there is a state directory. A *scope* is
 * what a revision is for: one edge, or all that have no policy of their own.
 *
 * The history is bounded by number and by bytes of text; the oldest goes first, but never the newest
 * confirmed revision of a scope, which a restart loads. Control thread only, but what says otherwise.
 */
#ifndef SEKISHOD_HISTORY_H
#define SEKISHOD_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "sha256.h"

#define HISTORY_MAX       128 /* more than there are scopes: an appliance has at most 64 edges */
#define HISTORY_BYTES_MAX (32u << 20)

enum revision_event {
	REVISION_START, /* read from the appliance's policy file */
	REVISION_COMMIT,
	REVISION_ROLLBACK
};

enum revision_outcome {
	REVISION_PENDING,   /* in force, and taken back unless it is confirmed in time */
	REVISION_CONFIRMED, /* or committed without asking for a confirmation */
	REVISION_WITHDRAWN  /* not confirmed */
};

/* Who did something, as the kernel told (SO_PEERCRED). */
struct actor {
	uid_t uid;
	pid_t pid;
};

/* How many rules differ from the revision before, and whether anything else does. */
struct revision_diff {
	size_t added, removed, changed;
	bool settings;
};

struct revision {
	uint32_t generation;
	uint32_t origin; /* of a rollback: the generation whose text it has; else 0 */
	enum revision_event event;
	enum revision_outcome outcome;
	int64_t time; /* seconds since 1970 */
	struct actor actor;
	char *edge; /* the scope; NULL: all edges without a policy of their own */
	char *name; /* of the file, in the client's words; NULL: the edge follows the common policy again */
	char sha256[SHA256_TEXT];
	size_t length, rules;
	struct revision_diff diff;
	char *text; /* NULL where a state directory keeps it */
};

struct history {
	struct revision *revisions[HISTORY_MAX + 1]; /* the oldest first */
	unsigned count;
	uint32_t generation; /* the highest that was given out */
};

/* A new one, confirmed, of this moment. `edge` and `name` may be NULL. NULL: no memory. */
struct revision *revision_create(enum revision_event event, const char *edge, const char *name,
				 const struct actor *actor);

/* A revision as it is told to clients and kept on disk, without its text. NULL: no memory. */
json_t *revision_json(const struct revision *revision);

/* Any thread. */
void revision_destroy(struct revision *revision);

/* Give a revision the next generation and add it; the history owns it then. */
void history_add(struct history *history, struct revision *revision);

/* Take out and destroy the newest revision: it came to nothing. */
void history_undo(struct history *history);

struct revision *history_find(const struct history *history, uint32_t generation);

/* The newest confirmed revision of a scope, of those below `below`; NULL if there is none. */
struct revision *history_newest(const struct history *history, const char *edge, uint32_t below);

/* The whole as one object, and back. Reading says in `message` why it cannot; then nothing is read. */
json_t *history_json(const struct history *history);
int history_parse(struct history *history, const json_t *object, char *message, size_t size);

void history_fini(struct history *history);

#endif
