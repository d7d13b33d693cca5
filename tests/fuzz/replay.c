/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay.c: a harness without a fuzzer: run kept inputs once. Usage: fuzz_NAME FILE-OR-FOLDER...
 * Fails when there is no input at all, so that a corpus that was lost is noticed.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

#pragma weak LLVMFuzzerInitialize

#define INPUT_MAX (1 << 20)

/* Run one file; its bytes stand in a buffer of just their size. */
static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_MAX), *exact;
	size_t size;

	if (file == NULL || bytes == NULL) {
		printf("%s: cannot be read\n", path);
		exit(EXIT_FAILURE);
	}
	size = fread(bytes, 1, INPUT_MAX, file);
	fclose(file);
	exact = realloc(bytes, size > 0 ? size : 1);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

/* Run a file, or the files of a folder; how many there were. */
static unsigned run_path(const char *path)
{
	struct dirent **entries;
	char inside[PATH_MAX];
	struct stat status;
	unsigned ran = 0;
	int count;

	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		run_file(path);
		return 1;
	}
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			snprintf(inside, sizeof(inside), "%s/%s", path, entries[i]->d_name);
			run_file(inside);
			ran++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return ran;
}

int main(int argc, char **argv)
{
	unsigned ran = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		ran += run_path(argv[i]);
	printf("%u inputs\n", ran);
	return ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
