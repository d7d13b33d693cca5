/* SPDX-License-Identifier: BSD-3-Clause */
/* remark.c: see remark.h. */
#include "remark.h"

#include <stdlib.h>
#include <string.h>

void remark_add_v(struct remarks *remarks, enum remark_kind kind, struct remark_place place,
		  const char *format, va_list arguments)
{
	struct remark remark = {.kind = kind}, *items;

	remarks->of_kind[kind]++;
	/* whatever else there is to say, why nothing is made must be said */
	if (remarks->count >= REMARKS_MAX + (kind == REMARK_ERROR ? REMARKS_ERRORS : 0))
		return;
	/* full at 0, 1, 2, 4, 8, ... */
	if ((remarks->count & (remarks->count - 1)) == 0) {
		size_t room = remarks->count == 0 ? 1 : remarks->count * 2;

		items = realloc(remarks->items, room * sizeof(*items));
		if (items == NULL)
			return;
		remarks->items = items;
	}
	if (vasprintf(&remark.text, format, arguments) < 0)
		return;
	remark.file = place.file != NULL ? strdup(place.file) : NULL;
	remark.path = place.path != NULL && place.path[0] != '\0' ? strdup(place.path) : NULL;
	remarks->items[remarks->count++] = remark;
}

void remark_add(struct remarks *remarks, enum remark_kind kind, struct remark_place place,
		const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	remark_add_v(remarks, kind, place, format, arguments);
	va_end(arguments);
}

void remarks_fini(struct remarks *remarks)
{
	for (size_t i = 0; i < remarks->count; i++) {
		free(remarks->items[i].file);
		free(remarks->items[i].path);
		free(remarks->items[i].text);
	}
	free(remarks->items);
	*remarks = (struct remarks){0};
}

static void print_safe(FILE *to, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			p++; /* U+0080..U+009F */
			putc('?', to);
		} else {
			putc(p[0] >= 0x20 && p[0] != 0x7f ? p[0] : '?', to);
		}
	}
}

void remark_print(FILE *to, const struct remark *remark)
{
	static const char *const kinds[REMARK_KIND_COUNT] = {
		[REMARK_ERROR] = "error",
		[REMARK_LEFT_OUT] = "not carried over",
		[REMARK_NOTE] = "note",
	};

	if (remark->file != NULL) {
		print_safe(to, remark->file);
		fputs(": ", to);
	}
	if (remark->path != NULL) {
		print_safe(to, remark->path);
		fputs(": ", to);
	}
	fprintf(to, "%s: ", kinds[remark->kind]);
	print_safe(to, remark->text);
	putc('\n', to);
}
