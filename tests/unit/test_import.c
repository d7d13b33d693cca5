/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_import.c: each folder of tests/import is a case: its *.json files are imported in the order of
 * their names, policy.yaml is what must come of it (absent: it is refused), said.txt the remarks.
 * After that, what must hold of any import: order does not matter, and no bytes whatever do harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "config.h"
#include "import_aws.h"

#define CASES     SOURCE_ROOT "/tests/import"
#define FILES_MAX 8

/* Of the processor: others may want it too. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- cases ------------------------------------------------------------------------------------ */

struct input {
	char name[256];
	char *text;
	size_t length;
};

struct example {
	char name[256];
	struct input inputs[FILES_MAX];
	unsigned count;
	char *policy, *said; /* NULL when there is none */
};

static char *file_read(const char *folder, const char *name, size_t *length)
{
	char path[1024], *text;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return NULL;
	text = malloc(1 << 20);
	*length = fread(text, 1, (1 << 20) - 1, file);
	assert_true(feof(file));
	text[*length] = '\0';
	fclose(file);
	return text;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

static void example_init(struct example *example, const char *name)
{
	char folder[768];
	struct dirent *entry;
	size_t length;
	DIR *files;

	*example = (struct example){0};
	snprintf(example->name, sizeof(example->name), "%s", name);
	snprintf(folder, sizeof(folder), "%s/%s", CASES, name);
	files = opendir(folder);
	assert_non_null(files);
	while ((entry = readdir(files)) != NULL) {
		struct input *input = &example->inputs[example->count];
		const char *dot = strrchr(entry->d_name, '.');

		if (dot == NULL || strcmp(dot, ".json") != 0)
			continue;
		assert_true(example->count++ < FILES_MAX);
		snprintf(input->name, sizeof(input->name), "%s", entry->d_name);
		input->text = file_read(folder, entry->d_name, &input->length);
	}
	closedir(files);
	assert_true(example->count > 0);
	qsort(example->inputs, example->count, sizeof(example->inputs[0]), by_name);
	example->policy = file_read(folder, "policy.yaml", &length);
	example->said = file_read(folder, "said.txt", &length);
}

static void example_fini(struct example *example)
{
	for (unsigned i = 0; i < example->count; i++)
		free(example->inputs[i].text);
	free(example->policy);
	free(example->said);
}

/* Call `check` for each case; at least `least` there must be. */
static void for_each_example(void (*check)(const struct example *example), unsigned least)
{
	DIR *cases = opendir(CASES);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(cases);
	while ((entry = readdir(cases)) != NULL) {
		struct example example;

		if (entry->d_name[0] == '.')
			continue;
		example_init(&example, entry->d_name);
		check(&example);
		example_fini(&example);
		count++;
	}
	closedir(cases);
	assert_true(count >= least);
}

static void add(struct import *import, const char *name, const char *text, size_t length)
{
	/* exactly sized, so that one byte too far is seen */
	char *exact = malloc(length > 0 ? length : 1);
	struct import_source source = {.name = name, .text = exact, .length = length};

	memcpy(exact, text, length);
	import_aws_add(import, &source);
	free(exact);
}

static char *remarks_text(const struct import *import)
{
	const struct remarks *remarks = import_aws_remarks(import);
	size_t length;
	char *text;
	FILE *to = open_memstream(&text, &length);

	for (size_t i = 0; i < remarks->count; i++)
		remark_print(to, &remarks->items[i]);
	fclose(to);
	return text;
}

static void differs(const char *what, const char *name, const char *wanted, const char *got)
{
	size_t at = 0;

	while (wanted[at] != '\0' && wanted[at] == got[at])
		at++;
	while (at > 0 && wanted[at - 1] != '\n')
		at--;
	if (strcmp(wanted, got) != 0)
		fail_msg("%s of %s\n  wanted: %.*s\n  got:    %.*s", what, name,
			 (int)strcspn(wanted + at, "\n"), wanted + at, (int)strcspn(got + at, "\n"),
			 got + at);
}

static void result_check(const struct example *example)
{
	struct import *import = import_aws_create();
	const char *policy;
	char *said;
	size_t length;

	for (unsigned i = 0; i < example->count; i++)
		add(import, example->inputs[i].name, example->inputs[i].text,
		    example->inputs[i].length);
	policy = import_aws_policy(import, &length);
	differs("the policy", example->name, example->policy ? example->policy : "",
		policy ? policy : "");
	assert_true((policy != NULL) == (example->policy != NULL));
	said = remarks_text(import);
	differs("the remarks", example->name, example->said ? example->said : "", said);
	free(said);
	import_aws_destroy(import);
}

static void cases_give_what_is_expected(void **state)
{
	for_each_example(result_check, 20);
}

/* ---- order ------------------------------------------------------------------------------------ */

static void arrays_reverse(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	json_object_foreach(value, key, member) arrays_reverse(member);
	json_array_foreach(value, i, member) arrays_reverse(member);
	for (i = 0; i + 1 < json_array_size(value); i++) {
		member = json_incref(json_array_get(value, json_array_size(value) - 1));
		json_array_remove(value, json_array_size(value) - 1);
		json_array_insert_new(value, i, member);
	}
}

/* The last file first, in it the last document first, in it the last entry first. */
static void add_reversed(struct import *import, const struct input *input)
{
	json_t *documents = json_array();
	size_t at = 0;
	char *text;

	while (at < input->length) {
		json_error_t error;
		json_t *document = json_loadb(input->text + at, input->length - at,
					      JSON_DISABLE_EOF_CHECK, &error);

		assert_non_null(document);
		json_array_append_new(documents, document);
		at += (size_t)error.position;
		at += strspn(input->text + at, "\n");
	}
	arrays_reverse(documents);
	for (size_t i = 0; i < json_array_size(documents); i++) {
		text = json_dumps(json_array_get(documents, i), JSON_SORT_KEYS);
		add(import, input->name, text, strlen(text));
		free(text);
	}
	json_decref(documents);
}

static void order_check(const struct example *example)
{
	struct import *import = import_aws_create();
	const char *policy;
	size_t length;

	for (unsigned i = example->count; i > 0; i--)
		add_reversed(import, &example->inputs[i - 1]);
	policy = import_aws_policy(import, &length);
	differs("the policy of the reverse", example->name, example->policy ? example->policy : "",
		policy ? policy : "");
	import_aws_destroy(import);
}

static void order_does_not_matter(void **state)
{
	for_each_example(order_check, 20);
}

/* ---- references ------------------------------------------------------------------------------- */

/* The rule of a name in the policy of a case. */
static size_t peers_of(const char *name, const char *rule, struct sekisho_prefix *first)
{
	char path[1024];
	struct config_errors errors = {0};
	struct config_policy *config;
	const struct sekisho_policy_spec *spec;
	size_t peers = SIZE_MAX;

	snprintf(path, sizeof(path), "%s/%s/policy.yaml", CASES, name);
	config = config_policy_load(path, &errors);
	assert_non_null(config);
	spec = config_policy_spec(config);
	for (size_t g = 0; g < spec->group_count; g++) {
		for (size_t r = 0; r < spec->groups[g].rule_count; r++) {
			const struct sekisho_rule_spec *one = &spec->groups[g].rules[r];

			if (strncmp(one->name, rule, strlen(rule)) != 0)
				continue;
			peers = one->peer_count;
			if (peers > 0)
				*first = one->peers[0];
		}
	}
	config_policy_destroy(config);
	return peers;
}

/* A group stands for the private addresses of who carries it; nobody does: it matches nothing. */
static void aws_108_110_groups_as_peers(void **state)
{
	struct sekisho_prefix first = {0};

	assert_int_equal(peers_of("peering", "here/in-udp-", &first), 1);
	assert_memory_equal(first.address, "\x0a\x01\0\x04", 4);
	assert_int_equal(first.length, 32);
	assert_int_equal(peers_of("flat-rules", "sg-0f/sgr-10", &first), 0);
}

/* ---- hostile bytes ---------------------------------------------------------------------------- */

static void refused(const char *text, size_t length, const char *why)
{
	struct import *import = import_aws_create();
	double start = seconds();
	char *said;

	add(import, "hostile.json", text, length);
	assert_null(import_aws_policy(import, &length));
	assert_true(import_aws_remarks(import)->of_kind[REMARK_ERROR] > 0);
	said = remarks_text(import);
	if (strstr(said, why) == NULL)
		fail_msg("no '%s' in: %.300s", why, said);
	free(said);
	import_aws_destroy(import);
	assert_true(seconds() - start < 60);
}

static void bad_json_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *why;
	} cases[] = {
#define TEXT(text, why) {text, sizeof(text) - 1, why}
		TEXT("", "the file is empty"),
		TEXT(" \n\t ", "the file is empty"),
		TEXT("\xef\xbb\xbf", "the file is empty"),
		TEXT("{", "hostile.json: line 1, column 1: error: no JSON: "),
		TEXT("nonsense", "no JSON"),
		TEXT("{\"SecurityGroups\":[]}x", "after a whole document, line 1, column 1"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"a\0b\"}]}", "no JSON"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"a\\u0000b\"}]}", "no JSON"),
		TEXT("{\"SecurityGroups\":[]}\0", "no JSON"),
		TEXT("\0", "no JSON"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"a\xff\"}]}", "no JSON"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"\xc0\x80\"}]}", "no JSON"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"\\ud800\"}]}", "no JSON"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"\xed\xa0\x80\"}]}", "no JSON"),
		TEXT("{\"SecurityGroups\":[],\"SecurityGroups\":[]}", "duplicate object key"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"a\",\"GroupId\":\"b\"}]}", "duplicate"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"a\",\"IpPermissions\":[{\"IpProtocol\":"
		     "\"tcp\","
		     "\"FromPort\":99999999999999999999}]}]}",
		     "too big integer"),
		TEXT("{\"SecurityGroups\":[{\"GroupId\":\"a\",\"IpPermissions\":[{\"IpProtocol\":"
		     "\"tcp\","
		     "\"FromPort\":1e999}]}]}",
		     "real number overflow"),
		TEXT("[[[]]]", "is an array, must be an object"),
		TEXT("[1,null,\"x\"]", "is a number, must be an object"),
		TEXT("{\"SecurityGroups\":[]}", "there are no groups in it"),
#undef TEXT
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(cases[i].text, cases[i].length, cases[i].why);
}

/* `head`, `count` times `piece`, `tail`. */
static char *repeated(const char *head, const char *piece, size_t count, const char *tail,
		      size_t *length)
{
	size_t size = strlen(piece);
	char *text = malloc(strlen(head) + count * size + strlen(tail) + 1), *at;

	at = stpcpy(text, head);
	for (size_t i = 0; i < count; i++, at += size)
		memcpy(at, piece, size);
	*length = (size_t)(stpcpy(at, tail) - text);
	return text;
}

static void bombs_are_refused(void **state)
{
	static const struct {
		const char *head, *piece, *tail, *why;
		size_t count;
	} cases[] = {
		{"", "[", "", "more than 128 levels", 1 << 20},
		{"", "{\"a\":", "", "more than 128 levels", 1 << 20},
		{"{\"SecurityGroups\":[", "{},", "{}]}", "more than 600000 objects", 700000},
		{"{\"SecurityGroups\":[", "1,", "1]}", "more than 3000000 values", 16 << 20},
		{"{\"SecurityGroups\":[", "{},", "{}]}", "has no GroupId", 500000},
		{"", "[]", "", "there are no groups", 1000000},
		{"{\"SecurityGroups\":[{\"GroupId\":\"", "x", "\"}]}", "at most 1024 are allowed",
		 32 << 20},
		{"", "\\", "", "no JSON", 32 << 20},
		{"", "\"", "", "no JSON", 32 << 20},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rusage usage;
		size_t length;
		double start = seconds();
		char *text = repeated(cases[i].head, cases[i].piece, cases[i].count, cases[i].tail,
				      &length);

		refused(text, length, cases[i].why);
		free(text);
		getrusage(RUSAGE_SELF, &usage);
		print_message("%-28s %.1f s, %ld MiB at most so far\n", cases[i].why,
			      seconds() - start, usage.ru_maxrss >> 10);
	}
}

/* Why nothing is made is told, however much else there is to tell. */
static void errors_are_told_after_all_else(void **state)
{
	size_t length;
	char *text = repeated("{\"SecurityGroups\":[{\"GroupId\":\"sg-1\",\"IpPermissions\":[",
			      "{\"IpProtocol\":\"tcp\"},", 20000,
			      "{\"FromPort\":\"x\",\"IpProtocol\":\"-1\"}]}]}", &length);

	refused(text, length, "FromPort: error: is a string, must be a whole number");
	free(text);
}

/* Any prefix of a file, and any one byte of it changed, is refused or imported, and nothing worse. */
static void damage_check(const struct example *example)
{
	const struct input *input = &example->inputs[0];
	unsigned seed = 1;

	for (unsigned i = 0; i < 300; i++) {
		struct import *import = import_aws_create();
		char *text = malloc(input->length);
		size_t length = i % 3 == 0 ? (size_t)rand_r(&seed) % input->length : input->length;

		memcpy(text, input->text, input->length);
		for (unsigned flips = i % 3; flips > 0; flips--)
			text[(size_t)rand_r(&seed) % input->length] = (char)rand_r(&seed);
		add(import, "damaged.json", text, length);
		if (import_aws_policy(import, &length) == NULL)
			assert_true(import_aws_remarks(import)->of_kind[REMARK_ERROR] > 0);
		free(text);
		import_aws_destroy(import);
	}
}

static void damaged_files_do_no_harm(void **state)
{
	for_each_example(damage_check, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_give_what_is_expected),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(aws_108_110_groups_as_peers),
		cmocka_unit_test(bad_json_is_refused),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(errors_are_told_after_all_else),
		cmocka_unit_test(damaged_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
