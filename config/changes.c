/* SPDX-License-Identifier: BSD-3-Clause */
/* changes.c: the list of changes. Which rules differ is found by config_diff_init(). */
#include "changes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "changes_build.h"

const char *change_kind_word(enum change_kind kind)
{
	static const char *const words[CHANGE_KINDS] = {"added", "removed", "changed"};

	return words[kind];
}

/* Takes over name and text. */
static void add(struct changes *changes, const struct change *change)
{
	if (changes->count == changes->room) {
		size_t room = changes->room ? changes->room * 2 : 64;
		struct change *items = realloc(changes->items, room * sizeof(*items));

		if (items == NULL) {
			changes->failed = true;
			free(change->name);
			free(change->text);
			return;
		}
		changes->items = items;
		changes->room = room;
	}
	changes->items[changes->count++] = *change;
	if (change->name == NULL || change->text == NULL)
		changes->failed = true;
}

void changes_add_setting(struct changes *changes, enum change_kind kind, struct change_text *text,
			 const char *format, ...)
{
	struct change change = {.kind = kind, .text = text->bytes};
	va_list arguments;

	if (text->bytes == NULL)
		return;
	va_start(arguments, format);
	if (vasprintf(&change.name, format, arguments) < 0)
		change.name = NULL;
	va_end(arguments);
	changes->settings++;
	add(changes, &change);
}

static void add_rule(struct changes *changes, const struct config_rule_change *differs)
{
	struct change change = {.kind = CHANGE_CHANGED,
				.rule = differs->from ? differs->from : differs->to};
	struct change_text text = {0};

	if (differs->from == NULL)
		change.kind = CHANGE_ADDED;
	else if (differs->to == NULL)
		change.kind = CHANGE_REMOVED;
	if (change.kind == CHANGE_CHANGED)
		change_text_rules(&text, differs->from, differs->to);
	else
		change_text_rule(&text, change.rule);
	change.text = text.bytes;
	if (asprintf(&change.name, "%s", change.rule->name) < 0)
		change.name = NULL;
	changes->rules[change.kind]++;
	add(changes, &change);
}

int changes_init(struct changes *changes, const struct sekisho_policy_spec *from,
		 const struct sekisho_policy_spec *to)
{
	struct config_diff diff;
	int rc = config_diff_init(&diff, from, to);

	*changes = (struct changes){0};
	if (rc == 0) {
		changes_add_settings(changes, from, to);
		for (size_t i = 0; i < diff.added + diff.removed + diff.changed; i++)
			add_rule(changes, &diff.rules[i]);
	}
	config_diff_fini(&diff);
	return rc == 0 && changes->failed ? -ENOMEM : rc;
}

void changes_fini(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->items[i].name);
		free(changes->items[i].text);
	}
	free(changes->items);
	*changes = (struct changes){0};
}
