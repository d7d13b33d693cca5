/* SPDX-License-Identifier: BSD-3-Clause */
#include "html.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <utf8.h>

/* Whether a character changes the direction of others, or is not to be seen. */
static bool is_hidden(uint32_t character)
{
	return (character >= 0x200b && character <= 0x200f) ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2060 && character <= 0x206f) || character == 0xfeff ||
	       character == 0x061c || (character >= 0x7f && character < 0xa0);
}

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(FILE *to, const char *text)
{
	unsigned length;

	for (; *text; text += length) {
		uint32_t character;
		const char *entity = entity_of(*text);

		length = utf8_read(text, &character);
		if (length == 0 || (character < ' ' && character != '\n' && character != '\t')) {
			length = 1;
			fputs("\xef\xbf\xbd", to);
		} else if (entity) {
			fputs(entity, to);
		} else if (is_hidden(character)) {
			fprintf(to, "[U+%04X]", character);
		} else {
			fwrite(text, 1, length, to);
		}
	}
}

void html_textf(FILE *to, const char *format, ...)
{
	char text[2000];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	html_text(to, text);
}

void html_number(FILE *to, unsigned long long number)
{
	if (number >= 1000) {
		html_number(to, number / 1000);
		fprintf(to, "&#8239;%03llu", number % 1000);
	} else {
		fprintf(to, "%llu", number);
	}
}
