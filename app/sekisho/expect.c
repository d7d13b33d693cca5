/* SPDX-License-Identifier: BSD-3-Clause */
#include "expect.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void expect_text(char text[EXPECT_TEXT_SIZE], const struct expect_facts *facts)
{
	snprintf(text, EXPECT_TEXT_SIZE, "packet %" PRIu64 ", %s, %s: a %s %s, b %s %s",
		 facts->packet, facts->direction, facts->flow, facts->verdict[0], facts->reason[0],
		 facts->verdict[1], facts->reason[1]);
}

static bool expect_add(struct expect *expect, const struct expect_facts *facts)
{
	char text[EXPECT_TEXT_SIZE];

	if (expect->count == expect->capacity) {
		size_t capacity = expect->capacity ? expect->capacity * 2 : 256;
		struct expect_difference *list = realloc(expect->list, capacity * sizeof(*list));

		if (!list)
			return false;
		expect->list = list;
		expect->capacity = capacity;
	}
	expect_text(text, facts);
	expect->list[expect->count] = (struct expect_difference){facts->packet, strdup(text)};
	return expect->list[expect->count++].text != NULL;
}

/* Read one line's object. NULL, or what is wrong with it. */
static const char *line_take(struct expect *expect, json_t *line)
{
	struct expect_facts facts = {0};
	json_int_t packet = 0;

	if (json_object_get(line, "summary"))
		return NULL;
	if (json_unpack(line, "{s:I, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}}", "packet", &packet,
			"direction", &facts.direction, "flow", &facts.flow, "a", "verdict",
			&facts.verdict[0], "reason", &facts.reason[0], "b", "verdict",
			&facts.verdict[1], "reason", &facts.reason[1]) ||
	    packet < 1)
		return "no difference, must be a line as `sekisho compare -o json` prints";
	facts.packet = (uint64_t)packet;
	if (expect->count && expect->list[expect->count - 1].packet >= facts.packet)
		return "packets are not in order, must be as `sekisho compare -o json` printed "
		       "them";
	return expect_add(expect, &facts) ? NULL : "out of memory";
}

bool expect_load(struct expect *expect, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	const char *wrong = NULL;

	*expect = (struct expect){0};
	if (!file) {
		fprintf(stderr, "sekisho: %s: %s\n", path, strerror(errno));
		return false;
	}
	while (!wrong && getline(&line, &size, file) != -1) {
		json_error_t error;
		json_t *object = json_loads(line, 0, &error);

		number++;
		wrong = object ? line_take(expect, object) : error.text;
		if (wrong)
			fprintf(stderr, "sekisho: %s:%u: %s\n", path, number, wrong);
		json_decref(object);
	}
	if (!wrong && ferror(file)) {
		wrong = strerror(errno);
		fprintf(stderr, "sekisho: %s: %s\n", path, wrong);
	}
	free(line);
	fclose(file);
	return wrong == NULL;
}

void expect_fini(struct expect *expect)
{
	for (size_t i = 0; i < expect->count; i++)
		free(expect->list[i].text);
	free(expect->list);
	*expect = (struct expect){0};
}

const char *expect_missed(struct expect *expect, uint64_t packet)
{
	if (expect->next == expect->count || expect->list[expect->next].packet >= packet)
		return NULL;
	expect->missing++;
	return expect->list[expect->next++].text;
}

bool expect_meet(struct expect *expect, uint64_t packet, const char *text)
{
	if (expect->next < expect->count && expect->list[expect->next].packet == packet &&
	    strcmp(expect->list[expect->next].text, text) == 0) {
		expect->next++;
		return true;
	}
	expect->added++;
	return false;
}
