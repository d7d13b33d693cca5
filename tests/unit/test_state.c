/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_state.c: what outlives the daemon: the history of policies, and the directory that keeps it,
 * also when it is damaged, and when its writer is killed at any of its system calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "history.h"
#include "state.h"

static char root[] = "/tmp/test_state.XXXXXX";

/* ---- Digests ---------------------------------------------------------------------------------- */

static void digests(void **state)
{
	static const struct {
		const char *text, *sha256;
	} rows[] = {
		/* the examples of FIPS 180-2, appendix B */
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	};
	char *million = malloc(1000000), found[SHA256_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sha256_text(rows[i].text, strlen(rows[i].text), found);
		assert_string_equal(found, rows[i].sha256);
	}
	memset(million, 'a', 1000000);
	sha256_text(million, 1000000, found);
	assert_string_equal(found,
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

/* ---- History ---------------------------------------------------------------------------------- */

static struct revision *revision(const char *edge, enum revision_outcome outcome, size_t length)
{
	const struct actor actor = {.uid = 1000, .pid = 42};
	struct revision *made =
		revision_create(REVISION_COMMIT, edge, "/etc/sekisho/policy.yaml", &actor);

	assert_non_null(made);
	made->outcome = outcome;
	made->length = length;
	made->rules = 7;
	made->diff = (struct revision_diff){.added = 1, .removed = 2, .changed = 3, .settings = true};
	return made;
}

static void history_goes_round(void **state)
{
	struct history history = {.generation = 4}, back = {0};
	struct revision *first = revision(NULL, REVISION_CONFIRMED, 10), *third;
	char message[256] = "";
	json_t *json, *again;

	(void)state;
	history_add(&history, first);
	history_add(&history, revision("east", REVISION_WITHDRAWN, 20));
	third = revision("east", REVISION_PENDING, 0);
	third->event = REVISION_ROLLBACK;
	third->origin = 5;
	free(third->name);
	third->name = NULL;
	history_add(&history, third);
	assert_int_equal(first->generation, 5);
	json = history_json(&history);
	assert_int_equal(history_parse(&back, json, message, sizeof(message)), 0);
	again = history_json(&back);
	assert_true(json_equal(json, again));
	assert_int_equal(back.generation, 7);
	assert_null(history_find(&back, 7)->name);
	assert_int_equal(history_find(&back, 5)->actor.uid, 1000);
	assert_null(history_find(&back, 4));
	json_decref(json);
	json_decref(again);
	history_fini(&history);
	history_fini(&back);
}

static void newest_of_a_scope(void **state)
{
	struct history history = {0};

	(void)state;
	history_add(&history, revision(NULL, REVISION_CONFIRMED, 1));   /* 1 */
	history_add(&history, revision("east", REVISION_CONFIRMED, 1)); /* 2 */
	history_add(&history, revision(NULL, REVISION_CONFIRMED, 1));   /* 3 */
	history_add(&history, revision(NULL, REVISION_WITHDRAWN, 1));   /* 4 */
	history_add(&history, revision(NULL, REVISION_PENDING, 1));     /* 5 */
	assert_int_equal(history_newest(&history, NULL, UINT32_MAX)->generation, 3);
	assert_int_equal(history_newest(&history, NULL, 3)->generation, 1);
	assert_null(history_newest(&history, NULL, 1));
	assert_int_equal(history_newest(&history, "east", UINT32_MAX)->generation, 2);
	assert_null(history_newest(&history, "west", UINT32_MAX));
	history_undo(&history);
	assert_null(history_find(&history, 5));
	history_add(&history, revision(NULL, REVISION_CONFIRMED, 1));
	assert_int_equal(history_newest(&history, NULL, UINT32_MAX)->generation, 6);
	history_fini(&history);
}

static void history_is_bounded(void **state)
{
	struct history history = {0};

	(void)state;
	history_add(&history, revision("east", REVISION_CONFIRMED, 1));
	for (unsigned i = 0; i < 3 * HISTORY_MAX; i++)
		history_add(&history, revision(NULL, REVISION_CONFIRMED, 1));
	assert_int_equal(history.count, HISTORY_MAX);
	assert_non_null(history_newest(&history, "east", UINT32_MAX));
	assert_int_equal(history_newest(&history, NULL, UINT32_MAX)->generation,
			 3 * HISTORY_MAX + 1);
	/* by bytes: four of more than a third of the room, of which two fit */
	for (unsigned i = 0; i < 4; i++)
		history_add(&history,
			    revision(NULL, REVISION_CONFIRMED, HISTORY_BYTES_MAX / 3 + 1));
	assert_int_equal(history.count, 3);
	assert_non_null(history_newest(&history, "east", UINT32_MAX));
	/* the newest of a scope stays however long it is */
	history_add(&history, revision(NULL, REVISION_CONFIRMED, 2 * HISTORY_BYTES_MAX));
	assert_int_equal(history.count, 2);
	history_fini(&history);
	/* a scope for each of more edges than there can be */
	for (unsigned i = 0; i < 2 * HISTORY_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "edge%u", i);
		history_add(&history, revision(name, REVISION_CONFIRMED, 1));
	}
	assert_int_equal(history.count, HISTORY_MAX);
	history_fini(&history);
}

static void damaged_histories_are_refused(void **state)
{
	static const char *const members[] = {"generation", "time",   "event",  "outcome", "uid",
					      "pid",        "origin", "length", "sha256",  "rules",
					      "edge",       "name",   "diff"};
	struct history history = {0}, back = {0};
	char message[256];
	json_t *json;

	(void)state;
	history_add(&history, revision(NULL, REVISION_CONFIRMED, 1));
	history_add(&history, revision(NULL, REVISION_CONFIRMED, 1));
	for (size_t i = 0; i < 2 * sizeof(members) / sizeof(members[0]); i++) {
		json_t *damaged;

		json = history_json(&history);
		damaged = json_array_get(json_object_get(json, "revisions"), 1);
		/* lost, and of a wrong type */
		if (i % 2 == 0)
			json_object_del(damaged, members[i / 2]);
		else
			json_object_set_new(damaged, members[i / 2], json_true());
		assert_true(history_parse(&back, json, message, sizeof(message)) < 0);
		assert_string_equal(message, "revision 2 of its list is damaged");
		assert_int_equal(back.count, 0);
		json_decref(json);
	}
	json = history_json(&history);
	json_object_set_new(json, "generation", json_integer(1));
	assert_true(history_parse(&back, json, message, sizeof(message)) < 0);
	json_object_set_new(json, "generation", json_integer(2));
	assert_int_equal(history_parse(&back, json, message, sizeof(message)), 0);
	history_fini(&back);
	json_object_set_new(json, "version", json_integer(2));
	assert_true(history_parse(&back, json, message, sizeof(message)) < 0);
	assert_string_equal(message, "its version is not known");
	json_object_set_new(json, "version", json_integer(1));
	json_object_set_new(
		json_array_get(json_object_get(json, "revisions"), 0), "sha256",
		json_string("../../../../../../../../../../../../../../../../../../etc/passwd"));
	assert_true(history_parse(&back, json, message, sizeof(message)) < 0);
	json_decref(json);
	history_fini(&history);
}

/* ---- The directory ---------------------------------------------------------------------------- */

static struct state opened(void)
{
	struct state state;
	char message[STATE_MESSAGE_MAX] = "";

	if (state_open(&state, root, message) < 0)
		fail_msg("%s", message);
	return state;
}

/* Save a history of one revision with this text. */
static int save(const struct state *state, const char *text, char *message)
{
	struct history history = {0};
	struct revision *only = revision(NULL, REVISION_CONFIRMED, strlen(text));
	struct state_text saved = {only->sha256, text, strlen(text)};
	json_t *json;
	int rc;

	sha256_text(text, strlen(text), only->sha256);
	history_add(&history, only);
	json = history_json(&history);
	rc = state_save(state, json, &saved, message);
	json_decref(json);
	history_fini(&history);
	return rc;
}

/* What was saved last, the caller's; NULL if there is nothing or it is damaged. */
static char *saved_text(const struct state *state)
{
	struct history history = {0};
	char message[STATE_MESSAGE_MAX], *text = NULL;
	json_t *json = state_load(state, message);
	size_t length;

	if (json != NULL && history_parse(&history, json, message, sizeof(message)) == 0)
		text = state_text(state, history.revisions[0]->sha256, &length, message);
	json_decref(json);
	history_fini(&history);
	return text;
}

static void expect_saved(const struct state *state, const char *expected)
{
	char *text = saved_text(state);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static unsigned files(void)
{
	DIR *list = opendir(root);
	unsigned count = 0;

	while (readdir(list) != NULL)
		count++;
	closedir(list);
	return count - 2;
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int empty_root(void **context)
{
	DIR *list = opendir(root);
	const struct dirent *entry;

	(void)context;
	while (list != NULL && (entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(list), entry->d_name, 0);
	if (list != NULL)
		closedir(list);
	return 0;
}

static void one_daemon_at_a_time(void **context)
{
	struct state state = opened(), second;
	char message[STATE_MESSAGE_MAX] = "";

	(void)context;
	assert_true(state_open(&second, root, message) < 0);
	assert_non_null(strstr(message, "another daemon uses it"));
	state_close(&state);
	second = opened();
	state_close(&second);
	assert_true(state_open(&state, "/dev/null/x", message) < 0);
	assert_non_null(strstr(message, "state directory /dev/null/x: "));
}

static void saved_and_loaded(void **context)
{
	struct state state = opened();
	char message[STATE_MESSAGE_MAX] = "x";
	struct stat status;

	(void)context;
	assert_null(state_load(&state, message));
	assert_string_equal(message, "");
	assert_int_equal(save(&state, "one", message), 0);
	expect_saved(&state, "one");
	assert_int_equal(save(&state, "two", message), 0);
	state_close(&state);
	state = opened();
	expect_saved(&state, "two");
	assert_int_equal(files(), 2);
	assert_int_equal(fstatat(state.directory, "history.json", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	state_close(&state);
}

static void files_of_others_are_left_alone(void **context)
{
	static const char half[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.yaml.new";
	struct state state = opened();
	char message[STATE_MESSAGE_MAX];

	(void)context;
	put("policy.yaml", "somebody's");
	put("0123.yaml", "somebody's");
	put(half, "left by a writer that was killed");
	assert_int_equal(save(&state, "one", message), 0);
	assert_int_equal(files(), 4);
	assert_int_equal(faccessat(state.directory, "policy.yaml", F_OK, 0), 0);
	assert_int_not_equal(faccessat(state.directory, half, F_OK, 0), 0);
	state_close(&state);
}

static void damage_is_told(void **context)
{
	static const char *const damaged[] = {"",    "{", "[]", "nothing", "{\"a\":1,\"a\":1}",
					      "\xff"};
	struct state state = opened();
	char message[STATE_MESSAGE_MAX];

	(void)context;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		put("history.json", damaged[i]);
		assert_null(state_load(&state, message));
		assert_string_not_equal(message, "");
		/* set aside, for somebody to look at */
		assert_int_equal(faccessat(state.directory, "history.json.damaged", F_OK, 0), 0);
		assert_null(state_load(&state, message));
		assert_string_equal(message, "");
	}
	assert_int_equal(mkfifoat(state.directory, "history.json", 0600), 0);
	assert_null(state_load(&state, message));
	assert_string_not_equal(message, "");
	unlinkat(state.directory, "history.json", 0);
	assert_int_equal(symlinkat("/etc/hostname", state.directory, "history.json"), 0);
	assert_null(state_load(&state, message));
	assert_string_not_equal(message, "");
	assert_int_equal(save(&state, "sound again", message), 0);
	expect_saved(&state, "sound again");
	state_close(&state);
}

static void a_text_must_be_the_right_one(void **context)
{
	struct state state = opened();
	char message[STATE_MESSAGE_MAX], sha256[SHA256_TEXT], name[SHA256_TEXT + 8];
	size_t length;

	(void)context;
	assert_int_equal(save(&state, "one", message), 0);
	sha256_text("one", 3, sha256);
	snprintf(name, sizeof(name), "%s.yaml", sha256);
	put(name, "two");
	assert_null(state_text(&state, sha256, &length, message));
	assert_non_null(strstr(message, "its digest is another"));
	unlinkat(state.directory, name, 0);
	assert_null(state_text(&state, sha256, &length, message));
	assert_non_null(strstr(message, "No such file"));
	state_close(&state);
}

static void no_room_changes_nothing(void **context)
{
	struct state state = opened();
	char message[STATE_MESSAGE_MAX] = "";
	pid_t child;
	int status;

	(void)context;
	assert_int_equal(save(&state, "one", message), 0);
	child = fork();
	if (child == 0) {
		const struct rlimit limit = {8, 8};

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(save(&state, "a text of more than eight bytes", message) == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect_saved(&state, "one");
	assert_int_equal(files(), 2);
	state_close(&state);
}

/* Save in a child that is killed before its `steps`th system call; false if it came to its end. */
static bool killed_at(const struct state *state, const char *text, unsigned steps)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		char message[STATE_MESSAGE_MAX];

		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(save(state, text, message) == 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	/* a call stops twice: before, and after it */
	for (unsigned i = 0; i < 2 * steps && WIFSTOPPED(status); i++) {
		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		waitpid(child, &status, 0);
	}
	if (WIFEXITED(status)) {
		if (WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(WEXITSTATUS(status), 0);
		return false;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return true;
}

static void killed_at_any_step_it_is_the_old_or_the_new(void **context)
{
	static const char *const texts[] = {"the old", "and the new one"};
	struct state state = opened();
	char message[STATE_MESSAGE_MAX];
	unsigned steps = 0, olds = 0, news = 0;
	bool killed = true;

	(void)context;
	assert_int_equal(save(&state, texts[0], message), 0);
	while (killed) {
		char *text;

		killed = killed_at(&state, texts[1], steps++);
		text = saved_text(&state);
		assert_non_null(text);
		if (strcmp(text, texts[1]) == 0)
			news++;
		else
			assert_string_equal(text, texts[0]);
		olds += strcmp(text, texts[0]) == 0;
		free(text);
		/* the next round starts from the old one, over what the killed writer has left */
		assert_int_equal(save(&state, texts[0], message), 0);
		assert_int_equal(files(), 2);
	}
	print_message("killed at %u steps: %u times the old, %u the new\n", steps - 1, olds, news);
	assert_true(steps > 10 && olds > 5 && news > 2);
	state_close(&state);
}

static int make_root(void **context)
{
	(void)context;
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **context)
{
	empty_root(context);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test(history_goes_round),
		cmocka_unit_test(newest_of_a_scope),
		cmocka_unit_test(history_is_bounded),
		cmocka_unit_test(damaged_histories_are_refused),
		cmocka_unit_test_setup(one_daemon_at_a_time, empty_root),
		cmocka_unit_test_setup(saved_and_loaded, empty_root),
		cmocka_unit_test_setup(files_of_others_are_left_alone, empty_root),
		cmocka_unit_test_setup(damage_is_told, empty_root),
		cmocka_unit_test_setup(a_text_must_be_the_right_one, empty_root),
		cmocka_unit_test_setup(no_room_changes_nothing, empty_root),
		cmocka_unit_test_setup(killed_at_any_step_it_is_the_old_or_the_new, empty_root),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
