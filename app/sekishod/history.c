/* SPDX-License-Identifier: BSD-3-Clause */
/* history.c: a short list of revisions, and its form as JSON. */
#include "history.h"
#include "json_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION 1

static const char *const event_words[] = {"start", "commit", "rollback", NULL};
static const char *const outcome_words[] = {"pending", "confirmed", "withdrawn", NULL};

/* ---- One revision ----------------------------------------------------------------------------- */

struct revision *revision_create(enum revision_event event, const char *edge, const char *name,
				 const struct actor *actor)
{
	struct revision *revision = calloc(1, sizeof(*revision));

	if (revision == NULL)
		return NULL;
	*revision = (struct revision){.event = event,
				      .outcome = REVISION_CONFIRMED,
				      .time = time(NULL),
				      .actor = *actor,
				      .edge = edge ? strdup(edge) : NULL,
				      .name = name ? strdup(name) : NULL};
	sha256_text("", 0, revision->sha256);
	if ((edge != NULL && revision->edge == NULL) || (name != NULL && revision->name == NULL)) {
		revision_destroy(revision);
		return NULL;
	}
	return revision;
}

json_t *revision_json(const struct revision *revision)
{
	const struct revision_diff *diff = &revision->diff;
	json_t *changes = json_pack("{s:I,s:I,s:I,s:b}", "added", (json_int_t)diff->added,
				    "removed", (json_int_t)diff->removed, "changed",
				    (json_int_t)diff->changed, "settings", diff->settings);

	return json_pack("{s:I,s:I,s:s,s:s,s:I,s:I,s:I,s:s?,s:s?,s:I,s:s,s:I,s:o}", "generation",
			 (json_int_t)revision->generation, "time", (json_int_t)revision->time,
			 "event", event_words[revision->event], "outcome",
			 outcome_words[revision->outcome], "uid", (json_int_t)revision->actor.uid,
			 "pid", (json_int_t)revision->actor.pid, "origin",
			 (json_int_t)revision->origin, "edge", revision->edge, "name",
			 revision->name, "length", (json_int_t)revision->length, "sha256",
			 revision->sha256, "rules", (json_int_t)revision->rules, "diff", changes);
}

void revision_destroy(struct revision *revision)
{
	if (revision == NULL)
		return;
	free(revision->edge);
	free(revision->name);
	free(revision->text);
	free(revision);
}

/* The position of a word in a NULL-terminated list; -1 if it is not there. */
static int word_position(const char *const *words, const json_t *word)
{
	for (int i = 0; json_is_string(word) && words[i] != NULL; i++)
		if (strcmp(words[i], json_string_value(word)) == 0)
			return i;
	return -1;
}

static bool is_digest(const char *text)
{
	return text != NULL && strlen(text) == SHA256_TEXT - 1 &&
	       strspn(text, "0123456789abcdef") == SHA256_TEXT - 1;
}

/* A member that is a number from 0 on, up to `max`. */
static bool number_read(const json_t *object, const char *key, json_int_t max, json_int_t *number)
{
	const json_t *member = json_object_get(object, key);

	*number = json_integer_value(member);
	return json_is_integer(member) && *number >= 0 && *number <= max;
}

/* A member that is a string or null. */
static bool string_read(const json_t *object, const char *key, char **string)
{
	const json_t *member = json_object_get(object, key);

	if (json_is_null(member))
		return true;
	*string = json_is_string(member) ? strdup(json_string_value(member)) : NULL;
	return *string != NULL;
}

static bool numbers_read(struct revision *revision, const json_t *object)
{
	const json_t *diff = json_object_get(object, "diff");
	json_int_t generation, time, uid, pid, origin, length, rules, added, removed, changed;

	if (!number_read(object, "generation", UINT32_MAX, &generation) ||
	    !number_read(object, "time", INT64_MAX, &time) ||
	    !number_read(object, "uid", UINT32_MAX, &uid) ||
	    !number_read(object, "pid", INT32_MAX, &pid) ||
	    !number_read(object, "origin", UINT32_MAX, &origin) ||
	    !number_read(object, "length", INT32_MAX, &length) ||
	    !number_read(object, "rules", INT32_MAX, &rules) ||
	    !number_read(diff, "added", INT32_MAX, &added) ||
	    !number_read(diff, "removed", INT32_MAX, &removed) ||
	    !number_read(diff, "changed", INT32_MAX, &changed))
		return false;
	revision->generation = (uint32_t)generation;
	revision->time = time;
	revision->actor = (struct actor){.uid = (uid_t)uid, .pid = (pid_t)pid};
	revision->origin = (uint32_t)origin;
	revision->length = (size_t)length;
	revision->rules = (size_t)rules;
	revision->diff = (struct revision_diff){
		.added = (size_t)added,
		.removed = (size_t)removed,
		.changed = (size_t)changed,
		.settings = json_is_true(json_object_get(diff, "settings")),
	};
	return true;
}

/* NULL if it is no revision. */
static struct revision *revision_parse(const json_t *object)
{
	struct revision *revision = calloc(1, sizeof(*revision));
	const char *sha256 = json_string_value(json_object_get(object, "sha256"));
	int event = word_position(event_words, json_object_get(object, "event"));
	int outcome = word_position(outcome_words, json_object_get(object, "outcome"));

	if (revision == NULL || event < 0 || outcome < 0 || !is_digest(sha256) ||
	    !numbers_read(revision, object) || !string_read(object, "edge", &revision->edge) ||
	    !string_read(object, "name", &revision->name)) {
		revision_destroy(revision);
		return NULL;
	}
	revision->event = (enum revision_event)event;
	revision->outcome = (enum revision_outcome)outcome;
	strcpy(revision->sha256, sha256);
	return revision;
}

/* ---- The list --------------------------------------------------------------------------------- */

static bool scope_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void remove_at(struct history *history, unsigned position)
{
	revision_destroy(history->revisions[position]);
	history->count--;
	memmove(&history->revisions[position], &history->revisions[position + 1],
		(history->count - position) * sizeof(history->revisions[0]));
}

/* The oldest revision that is not the newest of its scope; `count` if there is none. */
static unsigned oldest_spare(const struct history *history)
{
	unsigned i;

	for (i = 0; i < history->count; i++) {
		const struct revision *revision = history->revisions[i];

		if (revision->outcome != REVISION_PENDING &&
		    history_newest(history, revision->edge, UINT32_MAX) != revision)
			break;
	}
	return i;
}

static size_t bytes_of(const struct history *history)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < history->count; i++)
		bytes += history->revisions[i]->length;
	return bytes;
}

static void trim(struct history *history)
{
	while (history->count > HISTORY_MAX || bytes_of(history) > HISTORY_BYTES_MAX) {
		unsigned spare = oldest_spare(history);

		if (spare < history->count)
			remove_at(history, spare);
		else if (history->count > HISTORY_MAX)
			remove_at(history,
				  0); /* more scopes than an appliance has edges: old names */
		else
			return; /* few, but long */
	}
}

void history_add(struct history *history, struct revision *revision)
{
	revision->generation = ++history->generation;
	history->revisions[history->count++] = revision;
	trim(history);
}

void history_undo(struct history *history)
{
	remove_at(history, history->count - 1);
}

struct revision *history_find(const struct history *history, uint32_t generation)
{
	for (unsigned i = 0; i < history->count; i++)
		if (history->revisions[i]->generation == generation)
			return history->revisions[i];
	return NULL;
}

struct revision *history_newest(const struct history *history, const char *edge, uint32_t below)
{
	for (unsigned i = history->count; i-- > 0;) {
		struct revision *revision = history->revisions[i];

		if (revision->outcome == REVISION_CONFIRMED && revision->generation < below &&
		    scope_equal(revision->edge, edge))
			return revision;
	}
	return NULL;
}

/* ---- The whole -------------------------------------------------------------------------------- */

json_t *history_json(const struct history *history)
{
	json_t *revisions, *whole;

	json_memory_was_short();
	revisions = json_array();
	for (unsigned i = 0; i < history->count; i++)
		json_array_append_new(revisions, revision_json(history->revisions[i]));
	whole = json_pack("{s:i,s:I,s:o}", "version", VERSION, "generation",
			  (json_int_t)history->generation, "revisions", revisions);
	if (!json_memory_was_short())
		return whole;
	json_decref(whole);
	return NULL;
}

/* What is wrong with the object's own members; NULL if nothing is. */
static const char *whole_check(const json_t *object, json_int_t *generation)
{
	const json_t *revisions = json_object_get(object, "revisions");

	if (json_integer_value(json_object_get(object, "version")) != VERSION)
		return "its version is not known";
	if (!number_read(object, "generation", UINT32_MAX, generation))
		return "it has no generation";
	if (!json_is_array(revisions) || json_array_size(revisions) > HISTORY_MAX)
		return "it has no list of revisions, or too long a one";
	return NULL;
}

int history_parse(struct history *history, const json_t *object, char *message, size_t size)
{
	json_int_t generation;
	const char *wrong = whole_check(object, &generation);
	struct history read = {0};
	const json_t *item;
	size_t i;

	if (wrong != NULL) {
		snprintf(message, size, "%s", wrong);
		return -EINVAL;
	}
	read.generation = (uint32_t)generation;
	json_array_foreach(json_object_get(object, "revisions"), i, item)
	{
		struct revision *revision = revision_parse(item);
		uint32_t before = i == 0 ? 0 : read.revisions[i - 1]->generation;

		if (revision == NULL || revision->generation <= before ||
		    revision->generation > read.generation) {
			snprintf(message, size, "revision %zu of its list is damaged", i + 1);
			revision_destroy(revision);
			history_fini(&read);
			return -EINVAL;
		}
		read.revisions[read.count++] = revision;
	}
	*history = read;
	return 0;
}

void history_fini(struct history *history)
{
	while (history->count > 0)
		revision_destroy(history->revisions[--history->count]);
}
