/* SPDX-License-Identifier: BSD-3-Clause */
/* refusal.c: see refusal.h. */
#include "refusal.h"

#include <stdio.h>
#include <string.h>

#include "fuzz.h"

/* One line, its end not included. */
static void check_line(const char *name, const char *line, size_t length)
{
	static const char word[] = ": error: ";
	size_t at = strlen(name);
	unsigned row, column;
	int used = 0;

	FUZZ_CHECK(length > at && strncmp(line, name, at) == 0);
	if (sscanf(line + at, ":%u:%u%n", &row, &column, &used) == 2) {
		FUZZ_CHECK(row > 0 && column > 0);
		at += (size_t)used;
	}
	FUZZ_CHECK(strncmp(line + at, word, sizeof(word) - 1) == 0);
	FUZZ_CHECK(length > at + sizeof(word) - 1);
	for (size_t i = 0; i < length; i++)
		FUZZ_CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
}

void refusal_check(const char *name, bool accepted, const struct config_errors *errors)
{
	const char *line = errors->text;
	unsigned lines = 0;

	FUZZ_CHECK(accepted == (errors->count == 0) && accepted == (errors->text == NULL));
	for (; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
		FUZZ_CHECK(strchr(line, '\n') != NULL);
		check_line(name, line, (size_t)(strchr(line, '\n') - line));
		lines++;
	}
	FUZZ_CHECK(lines ==
		   (errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX));
}
