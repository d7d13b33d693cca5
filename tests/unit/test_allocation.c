/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_allocation.c: no memory, at every single allocation. What the library and the files' readers do is
 * done again and again while the first, the second, the third ... allocation fails, and then all from some
 * on: each time it succeeds or says that it failed, and nothing is left over.
 *
 * The C library lets a program bring its own malloc, which then serves all libraries as well. Sanitizers
 * bring theirs, so the test is not built with them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "config.h"
#include "export_aws.h"
#include "import_aws.h"
#include "lint.h"
#include "scenario.h"

/* ---- Allocations that fail -------------------------------------------------------------------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *memory);

static struct {
	bool watched;       /* else nothing fails and nothing is counted */
	bool forever;       /* all from the first that fails on */
	unsigned long fail; /* the one that fails; the first is 1 */
	unsigned long made; /* or tried */
	long live;
} memory;

static bool fails(void)
{
	if (!memory.watched)
		return false;
	memory.made++;
	return memory.forever ? memory.made >= memory.fail : memory.made == memory.fail;
}

static void *counted(void *got)
{
	memory.live += memory.watched && got != NULL;
	if (got == NULL)
		errno = ENOMEM;
	return got;
}

void *malloc(size_t size)
{
	return counted(fails() ? NULL : __libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return counted(fails() ? NULL : __libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	void *got = fails() ? NULL : __libc_realloc(old, size);

	if (old == NULL)
		return counted(got);
	if (got == NULL)
		errno = ENOMEM;
	return got;
}

void *aligned_alloc(size_t align, size_t size)
{
	return counted(fails() ? NULL : __libc_memalign(align, size));
}

void free(void *old)
{
	memory.live -= memory.watched && old != NULL;
	__libc_free(old);
}

/* ---- What is tried ---------------------------------------------------------------------------- */

struct input {
	const char *name;
	char *text;
	size_t length;
};

/* Do something with an input; false when it said that it failed. */
typedef bool trial(const struct input *input);

static bool said(const struct config_errors *errors)
{
	return errors->count > 0;
}

static bool build(const struct config_policy *config)
{
	struct sekisho_rule_names *names = sekisho_rule_names_create(4096);
	struct sekisho_engine_config settings = {.flows = 64, .zones = 1, .names = names};
	struct sekisho_policy *policy = NULL;
	struct sekisho_engine *engine = NULL;
	char message[256] = "";

	if (names == NULL)
		return false;
	policy = sekisho_policy_create(config_policy_spec(config), names, message, sizeof(message));
	if (policy != NULL) {
		engine = sekisho_engine_create(&settings, message, sizeof(message));
		if (engine != NULL)
			sekisho_engine_set_policy(engine, 0, policy);
		else
			assert_true(message[0] != '\0');
	} else {
		assert_true(message[0] != '\0');
	}
	if (engine != NULL)
		sekisho_engine_destroy(engine);
	sekisho_policy_destroy(policy);
	sekisho_rule_names_destroy(names);
	return engine != NULL;
}

static bool try_policy(const struct input *input)
{
	struct config_errors errors = {0};
	struct config_policy *config =
		config_policy_parse(input->name, input->text, input->length, &errors);
	bool good = config != NULL && build(config);

	if (config == NULL && !said(&errors))
		assert_true(memory.forever); /* not even for the words */
	config_policy_destroy(config);
	config_errors_fini(&errors);
	return good;
}

/* Whatever reads a policy that is there. */
static bool try_readers(const struct input *input)
{
	struct config_errors errors = {0};
	struct lint_untracked untracked = {0};
	struct lint_report report = {0};
	struct changes changes = {0};
	struct config_diff diff = {0};
	struct remarks remarks = {0};
	struct config_policy *config;
	json_t *exported;
	bool good;

	memory.watched = false;
	config = config_policy_parse(input->name, input->text, input->length, &errors);
	assert_non_null(config);
	memory.watched = true;
	good = lint_report_init(&report, config) == 0;
	lint_report_fini(&report);
	good = lint_untracked_init(&untracked, config) == 0 && good;
	lint_untracked_fini(&untracked);
	good = changes_init(&changes, config_policy_spec(config), config_policy_spec(config)) ==
		       0 &&
	       good;
	changes_fini(&changes);
	good = config_diff_init(&diff, config_policy_spec(config), config_policy_spec(config)) ==
		       0 &&
	       good;
	config_diff_fini(&diff);
	exported = export_aws(config, &remarks);
	good = exported != NULL && good;
	json_decref(exported);
	remarks_fini(&remarks);
	memory.watched = false;
	config_policy_destroy(config);
	memory.watched = true;
	return good;
}

static bool try_import(const struct input *input)
{
	const struct import_source source = {
		.name = input->name, .text = input->text, .length = input->length};
	struct import *import = import_aws_create();
	const char *policy;
	size_t length;

	if (import == NULL)
		return false;
	import_aws_add(import, &source);
	policy = import_aws_policy(import, &length);
	import_aws_destroy(import);
	return policy != NULL;
}

static bool try_appliance(const struct input *input)
{
	struct config_errors errors = {0};
	struct config_appliance *appliance = config_appliance_load(input->name, &errors);
	bool good = appliance != NULL;

	if (!good && !said(&errors))
		assert_true(memory.forever);
	config_appliance_destroy(appliance);
	config_errors_fini(&errors);
	return good;
}

static bool try_scenario(const struct input *input)
{
	struct config_errors errors = {0};
	struct scenario *scenario = scenario_load(input->name, &errors);
	bool good = scenario != NULL;

	if (!good && !said(&errors))
		assert_true(memory.forever);
	scenario_destroy(scenario);
	config_errors_fini(&errors);
	return good;
}

/* Try once with a failure at `fail`. True when the failure was never reached. */
static bool try_once(trial *try, const struct input *input, unsigned long fail, bool forever)
{
	bool beyond;

	memory.fail = fail;
	memory.forever = forever;
	memory.made = 0;
	memory.live = 0;
	memory.watched = true;
	try(input);
	memory.watched = false;
	beyond = memory.made < fail;
	if (memory.live != 0)
		fail_msg("%s: %ld allocations are left over when the %lu%s fails", input->name,
			 memory.live, fail, forever ? " and all after it" : "");
	return beyond;
}

static void try_all(trial *try, const struct input *input)
{
	for (unsigned forever = 0; forever < 2; forever++) {
		unsigned long fail = 1;

		/* what is taken once in the life of the process is not left over */
		try_once(try, input, UINT32_MAX, false);
		while (!try_once(try, input, fail, forever))
			fail += forever ? 1 + fail / 16 : 1; /* each alone; to the end, some */
		assert_true(fail > 1);
	}
}

/* ---- Inputs ----------------------------------------------------------------------------------- */

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), ending = strlen(end);

	return length >= ending && strcmp(name + length - ending, end) == 0;
}

static void try_file(trial *try, const char *path)
{
	struct input input = {.name = path, .text = malloc(1 << 20)};
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	assert_non_null(input.text);
	input.length = fread(input.text, 1, 1 << 20, file);
	assert_true(input.length < 1 << 20);
	fclose(file);
	try_all(try, &input);
	free(input.text);
}

/* Try with all files of a folder that have this ending; of its folders as well, if `deep`. */
static unsigned try_folder(trial *try, const char *folder, const char *ending, bool deep)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (deep && entry->d_type == DT_DIR) {
			count += try_folder(try, path, ending, false);
		} else if (ends_in(path, ending)) {
			try_file(try, path);
			count++;
		}
	}
	closedir(entries);
	return count;
}

static void policies_and_engines(void **state)
{
	assert_true(try_folder(try_policy, SOURCE_ROOT "/tests/lint", ".yaml", false) > 20);
}

static void lint_changes_and_export(void **state)
{
	assert_true(try_folder(try_readers, SOURCE_ROOT "/tests/lint", ".yaml", false) > 20);
}

static void imports(void **state)
{
	assert_true(try_folder(try_import, SOURCE_ROOT "/tests/import", ".json", true) > 20);
}

static void appliances(void **state)
{
	try_file(try_appliance, SOURCE_ROOT "/config/examples/sekisho.yaml");
}

static void scenarios(void **state)
{
	assert_true(try_folder(try_scenario, SOURCE_ROOT "/config/examples/scenarios", ".yaml",
			       false) > 1);
}

int main(void)
{
	/* jansson itself takes a string that it cannot keep for an impossible one, and aborts */
	json_set_alloc_funcs(__libc_malloc, __libc_free);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_and_engines),
		cmocka_unit_test(lint_changes_and_export),
		cmocka_unit_test(imports),
		cmocka_unit_test(appliances),
		cmocka_unit_test(scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
