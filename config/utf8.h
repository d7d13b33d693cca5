/* SPDX-License-Identifier: BSD-3-Clause */
/* utf8.h: text that strangers wrote, which need not be UTF-8. */
#ifndef CONFIG_UTF8_H
#define CONFIG_UTF8_H

#include <stdint.h>

/* Read the first character of a string; its length in bytes, or 0 if that is no UTF-8. */
unsigned utf8_read(const char *text, uint32_t *character);

/* Put '?' in the place of each byte that is part of no character, so that JSON can hold the string. */
void utf8_repair(char *text);

#endif
