/* SPDX-License-Identifier: BSD-3-Clause */
/* utf8.c: see utf8.h. */
#include "utf8.h"

unsigned utf8_read(const char *text, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = (uint8_t)text[0];
	unsigned length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : 4;

	*character = first & (length == 1 ? 0x7f : 0xff >> (length + 1));
	if (length == 4 && first >> 3 != 30)
		return 0;
	for (unsigned i = 1; i < length; i++) {
		if (((uint8_t)text[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | ((uint8_t)text[i] & 0x3f);
	}
	if (*character < least[length] || *character > 0x10ffff || *character >> 11 == 27)
		return 0;
	return length;
}

void utf8_repair(char *text)
{
	unsigned length;

	for (; *text != '\0'; text += length) {
		uint32_t character;

		length = utf8_read(text, &character);
		if (length == 0) {
			*text = '?';
			length = 1;
		}
	}
}
