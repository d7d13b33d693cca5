/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crc32c.c: by eight tables (Kounavis and Berry, "A Systematic Approach to Building High Performance
 * Software-Based CRC Generators", 2005). Table n says what a byte does that n others follow.
 */
#include "crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82f63b78u /* bits reversed */
#define STEP       8

static uint32_t tables[STEP][256];

static void tables_make(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][byte] = crc;
	}
	for (unsigned n = 1; n < STEP; n++)
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t before = tables[n - 1][byte];

			tables[n][byte] = before >> 8 ^ tables[0][before & 0xff];
		}
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t length)
{
	static pthread_once_t made = PTHREAD_ONCE_INIT;
	const uint8_t *at = bytes;

	pthread_once(&made, tables_make);
	for (; length >= STEP; at += STEP, length -= STEP) {
		uint32_t first = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 |
					(uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);

		crc = tables[7][first & 0xff] ^ tables[6][first >> 8 & 0xff] ^
		      tables[5][first >> 16 & 0xff] ^ tables[4][first >> 24] ^ tables[3][at[4]] ^
		      tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
	}
	for (; length > 0; at++, length--)
		crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
	return crc;
}
