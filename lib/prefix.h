/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prefix.h: an address against an address block, for whoever asks that of every packet. Addresses are 16
 * bytes, an IPv4 address in the first 4 and the rest zero, and are taken as two numbers of 64 bits.
 */
#ifndef PREFIX_H
#define PREFIX_H

#include <endian.h>
#include <string.h>

#include "policy_spec.h"

/* The first or the second half of an address. */
static inline uint64_t prefix_half(const uint8_t *address, unsigned which)
{
	uint64_t half;

	memcpy(&half, address + 8 * which, sizeof(half));
	return be64toh(half);
}

/* As sekisho_prefix_holds(). */
static inline bool prefix_holds(const struct sekisho_prefix *prefix, uint8_t family,
				const uint8_t *address)
{
	uint64_t first = prefix_half(prefix->address, 0) ^ prefix_half(address, 0), second;
	unsigned length = prefix->length;

	if (prefix->family != family)
		return false;
	if (length <= 64)
		return length == 0 || first >> (64 - length) == 0;
	second = prefix_half(prefix->address, 1) ^ prefix_half(address, 1);
	return first == 0 && second >> (128 - length) == 0;
}

/* The order of a block's first address and an address, by family and then by number: as memcmp() tells. */
static inline int prefix_order(const struct sekisho_prefix *prefix, uint8_t family,
			       const uint8_t *address)
{
	if (prefix->family != family)
		return (int)prefix->family - (int)family;
	for (unsigned which = 0; which < 2; which++) {
		uint64_t begin = prefix_half(prefix->address, which);
		uint64_t at = prefix_half(address, which);

		if (begin != at)
			return begin > at ? 1 : -1;
	}
	return 0;
}

#endif
