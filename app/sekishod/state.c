/* SPDX-License-Identifier: BSD-3-Clause */
/* state.c: files that are there whole or not at all. */
#include "state.h"
#include "json_memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path.h"
#include "sha256.h"

#define DAMAGED   ".damaged"
#define TEMPORARY ".new"
#define TEXT_END  ".yaml"
#define FILE_MAX  (64u << 20) /* more than any file of ours */

/* ---- The directory ---------------------------------------------------------------------------- */

int state_open(struct state *state, const char *path, char *message)
{
	int rc = path_make_parents(path);

	if (rc == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	*state = (struct state){.path = path, .directory = -1};
	if (rc == 0) {
		state->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = state->directory < 0 ? -errno : 0;
	}
	if (rc == 0 && flock(state->directory, LOCK_EX | LOCK_NB) < 0)
		rc = -errno;
	if (rc < 0) {
		snprintf(message, STATE_MESSAGE_MAX, "state directory %s: %s", path,
			 rc == -EWOULDBLOCK ? "another daemon uses it" : strerror(-rc));
		state_close(state);
	}
	return rc;
}

void state_close(struct state *state)
{
	if (state->directory >= 0)
		close(state->directory);
	state->directory = -1;
}

/* ---- Reading ---------------------------------------------------------------------------------- */

/* Read what is left of an open file; NUL-terminated. */
static char *read_all(int fd, size_t size, size_t *length)
{
	char *bytes = malloc(size + 1);
	ssize_t got;

	*length = 0;
	while (bytes != NULL && *length < size) {
		got = read(fd, bytes + *length, size - *length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*length += (size_t)got;
	}
	if (bytes != NULL)
		bytes[*length] = '\0';
	return bytes;
}

int state_file_open(const struct state *state, const char *name)
{
	int fd = openat(state->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A file of the directory whole; NULL and errno if it cannot be read. */
static char *file_read(const struct state *state, const char *name, size_t *length)
{
	int fd = state_file_open(state, name);
	struct stat status;
	char *bytes = NULL;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	if (fstat(fd, &status) == 0) {
		errno = EFBIG;
		if (S_ISREG(status.st_mode) && status.st_size <= FILE_MAX)
			bytes = read_all(fd, (size_t)status.st_size, length);
	}
	close(fd);
	return bytes;
}

void state_set_aside(const struct state *state, const char *name)
{
	char aside[NAME_MAX];

	snprintf(aside, sizeof(aside), "%s" DAMAGED, name);
	renameat(state->directory, name, state->directory, aside);
}

json_t *state_load(const struct state *state, char *message)
{
	json_error_t error;
	json_t *object;
	size_t length;
	char *bytes = file_read(state, STATE_HISTORY, &length);

	message[0] = '\0';
	if (bytes == NULL) {
		if (errno != ENOENT)
			snprintf(message, STATE_MESSAGE_MAX, "%s", strerror(errno));
		return NULL;
	}
	object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
	free(bytes);
	if (!json_is_object(object)) {
		snprintf(message, STATE_MESSAGE_MAX, "line %d: %s", error.line,
			 object ? "no object" : error.text);
		json_decref(object);
		state_set_aside(state, STATE_HISTORY);
		return NULL;
	}
	return object;
}

static void text_name(char name[SHA256_TEXT + sizeof(TEXT_END)], const char *sha256)
{
	snprintf(name, SHA256_TEXT + sizeof(TEXT_END), "%s" TEXT_END, sha256);
}

char *state_text(const struct state *state, const char *sha256, size_t *length, char *message)
{
	char name[SHA256_TEXT + sizeof(TEXT_END)], found[SHA256_TEXT], *bytes;

	text_name(name, sha256);
	bytes = file_read(state, name, length);
	if (bytes == NULL) {
		snprintf(message, STATE_MESSAGE_MAX, "%s/%s: %s", state->path, name,
			 strerror(errno));
		return NULL;
	}
	sha256_text(bytes, *length, found);
	if (strcmp(found, sha256) != 0) {
		snprintf(message, STATE_MESSAGE_MAX, "%s/%s: its digest is another", state->path,
			 name);
		free(bytes);
		return NULL;
	}
	return bytes;
}

/* ---- Writing ---------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		length -= (size_t)done;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int state_file_begin(const struct state *state, const char *name)
{
	char temporary[NAME_MAX];
	int fd;

	snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, name);
	unlinkat(state->directory, temporary, 0);
	fd = openat(state->directory, temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int state_file_end(const struct state *state, const char *name, int fd, int rc)
{
	char temporary[NAME_MAX];

	snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, name);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && renameat(state->directory, temporary, state->directory, name) < 0)
		rc = -errno;
	if (rc < 0) {
		unlinkat(state->directory, temporary, 0);
		return rc;
	}
	/* It is there now. Should this fail, then a loss of power may bring the former one back. */
	fsync(state->directory);
	return 0;
}

/* Put a file in the place of the one of that name, and make sure that it stays. */
static int file_replace(const struct state *state, const char *name, const char *bytes,
			size_t length)
{
	int fd = state_file_begin(state, name);

	return fd < 0 ? fd : state_file_end(state, name, fd, write_all(fd, bytes, length));
}

/* Whether the history names a text of this file's name. */
static bool is_named(const json_t *history, const char *file)
{
	const json_t *revision;
	size_t i;

	json_array_foreach(json_object_get(history, "revisions"), i, revision)
	{
		char name[SHA256_TEXT + sizeof(TEXT_END)];
		const char *sha256 = json_string_value(json_object_get(revision, "sha256"));

		text_name(name, sha256 ? sha256 : "");
		if (strcmp(name, file) == 0)
			return true;
	}
	return false;
}

/* Whether a file is a text of ours, or one that was left half-written. Others are left alone. */
static bool is_text(const char *file)
{
	const char *end = file + SHA256_TEXT - 1;

	return strspn(file, "0123456789abcdef") == SHA256_TEXT - 1 &&
	       (strcmp(end, TEXT_END) == 0 || strcmp(end, TEXT_END TEMPORARY) == 0);
}

/* Remove the texts that the history does not name. */
static void tidy(const struct state *state, const json_t *history)
{
	int copy = openat(state->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (list == NULL) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(list)) != NULL)
		if (is_text(entry->d_name) && !is_named(history, entry->d_name))
			unlinkat(state->directory, entry->d_name, 0);
	closedir(list);
}

int state_save(const struct state *state, const json_t *history, const struct state_text *text,
	       char *message)
{
	char *bytes = json_text(history, JSON_INDENT(1)), name[SHA256_TEXT + sizeof(TEXT_END)];
	int rc = bytes == NULL ? -ENOMEM : 0;

	if (rc == 0 && text != NULL) {
		text_name(name, text->sha256);
		rc = file_replace(state, name, text->bytes, text->length);
	}
	if (rc == 0)
		rc = file_replace(state, STATE_HISTORY, bytes, strlen(bytes));
	free(bytes);
	if (rc < 0)
		snprintf(message, STATE_MESSAGE_MAX, "state directory %s: %s", state->path,
			 strerror(-rc));
	else
		tidy(state, history);
	return rc;
}
