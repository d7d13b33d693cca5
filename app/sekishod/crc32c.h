/* SPDX-License-Identifier: BSD-3-Clause */
/* crc32c.h: the checksum of Castagnoli's polynomial (RFC 3720), eight bytes at a time. */
#ifndef SEKISHOD_CRC32C_H
#define SEKISHOD_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_BEGIN UINT32_MAX

/* Go on from `before`, at first CRC32C_BEGIN, without the last complement. Any thread. */
uint32_t crc32c(uint32_t before, const void *bytes, size_t length);

#endif
