/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * html.h: text into HTML. Whatever comes from packets, names and files goes through html_text(): it
 * can then neither be markup, in an element or in a quoted attribute, nor turn the text around it.
 */
#ifndef HTML_H
#define HTML_H

#include <stdio.h>

/* Write a text, escaped. What is no UTF-8 becomes U+FFFD; controls of direction become [U+202E]. */
void html_text(FILE *to, const char *text);

/* The same for a format's result, of at most 2000 bytes. */
void html_textf(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Write a number with a thin space between thousands: 12 345. */
void html_number(FILE *to, unsigned long long number);

#endif
