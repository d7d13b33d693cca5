/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state.h: the state directory: what outlives the daemon.
 *
 * It holds `history.json`, and the text of each revision as `SHA256.yaml`. Every file is written to
 * a temporary one, synced and renamed; texts come before the history that names them. So whatever is
 * interrupted, and when, `history.json` is the old one or the new one, and has its texts. What it
 * names is believed only if it is well-formed, and a text only if its digest is right.
 *
 * One daemon has the directory at a time. Its files are for its owner only. Any one thread at a time.
 */
#ifndef SEKISHOD_STATE_H
#define SEKISHOD_STATE_H

#include <stddef.h>

#include <jansson.h>

#define STATE_MESSAGE_MAX 512
#define STATE_HISTORY     "history.json"

struct state {
	const char *path;
	int directory; /* -1: there is none, and nothing outlives the daemon */
};

/* Use a directory, and make it if need be. 0, or -errno and a message. */
int state_open(struct state *state, const char *path, char *message);
void state_close(struct state *state);

/*
 * Read the history as it was saved last; NULL if there is none. What cannot be read as JSON is set
 * aside as `history.json.damaged`, and `message`, else empty, says why.
 */
json_t *state_load(const struct state *state, char *message);

/* Set a file aside, under its name and `.damaged`, as it makes no sense: the history's, or another's. */
void state_set_aside(const struct state *state, const char *name);

/* The text of a digest, NUL-terminated and the caller's. NULL and a message if it is not there whole. */
char *state_text(const struct state *state, const char *sha256, size_t *length, char *message);

/* A text to be saved. */
struct state_text {
	const char *sha256, *bytes;
	size_t length;
};

/*
 * A file of another's, replaced as all here are: state_file_begin() gives an empty temporary one to write,
 * or -errno; state_file_end() puts it, synced by the caller, in the place of the file, or with `rc` below 0
 * throws it away. 0, or -errno.
 */
int state_file_begin(const struct state *state, const char *name);
int state_file_end(const struct state *state, const char *name, int fd, int rc);

/* Open a file of the directory for reading: a descriptor, or -errno. */
int state_file_open(const struct state *state, const char *name);

/*
 * Save a history, and before it the text that is new in it (NULL: none is); afterwards remove the texts
 * that it does not name. 0, or -errno and a message; then the former history is still there.
 */
int state_save(const struct state *state, const json_t *history, const struct state_text *text,
	       char *message);

#endif
