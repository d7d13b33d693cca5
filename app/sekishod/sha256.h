/* SPDX-License-Identifier: BSD-3-Clause */
/* sha256.h: the digest of a text (FIPS 180-4), as `sha256sum` prints it. */
#ifndef SEKISHOD_SHA256_H
#define SEKISHOD_SHA256_H

#include <stddef.h>

#define SHA256_TEXT 65 /* 64 hexadecimal digits and a NUL */

/* Any thread. */
void sha256_text(const void *bytes, size_t length, char text[SHA256_TEXT]);

#endif
