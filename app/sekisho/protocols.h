/* SPDX-License-Identifier: BSD-3-Clause */
/* protocols.h: IP protocols by name, as people read and type them. */
#ifndef PROTOCOLS_H
#define PROTOCOLS_H

#include <stddef.h>
#include <stdint.h>

/* The name of a protocol; NULL if it goes by number. */
const char *protocols_name(uint8_t number);

/* The number of the protocol whose name is the `length` bytes at `name`; -1 if there is none. */
int protocols_number(const char *name, size_t length);

#endif
