/* SPDX-License-Identifier: BSD-3-Clause */
/* community_id.c: SHA-1 (FIPS 180-4) of one block, and the order of ends. */
#include "community_id.h"

#include <netinet/in.h>
#include <string.h>

#define SHA1_SIZE 20

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

/* Of up to 55 bytes, which are one block with what SHA-1 adds. */
static void sha1_short(const uint8_t *data, size_t length, uint8_t digest[SHA1_SIZE])
{
	static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
	const uint32_t first[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint32_t w[80], s[5];
	uint8_t block[64] = {0};

	memcpy(block, data, length);
	block[length] = 0x80;
	block[62] = (uint8_t)(length * 8 >> 8);
	block[63] = (uint8_t)(length * 8);
	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, first, sizeof(s));
	for (unsigned i = 0; i < 80; i++) {
		uint32_t f = i < 20   ? (s[1] & s[2]) | (~s[1] & s[3])
			     : i < 40 ? s[1] ^ s[2] ^ s[3]
			     : i < 60 ? (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])
				      : s[1] ^ s[2] ^ s[3];
		uint32_t next = rotate(s[0], 5) + f + s[4] + constants[i / 20] + w[i];

		s[4] = s[3];
		s[3] = s[2];
		s[2] = rotate(s[1], 30);
		s[1] = s[0];
		s[0] = next;
	}
	for (unsigned i = 0; i < SHA1_SIZE; i++)
		digest[i] = (uint8_t)((first[i / 4] + s[i / 4]) >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *data, size_t length, char *text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		uint32_t group = (uint32_t)data[i] << 16 |
				 (uint32_t)(i + 1 < length ? data[i + 1] : 0) << 8 |
				 (i + 2 < length ? data[i + 2] : 0);

		*text++ = letters[group >> 18];
		*text++ = letters[group >> 12 & 63];
		*text++ = i + 1 < length ? letters[group >> 6 & 63] : '=';
		*text++ = i + 2 < length ? letters[group & 63] : '=';
	}
	*text = '\0';
}

/* The ICMP type that answers or asks for this one; -1 if none does. */
static int icmp_counterpart(uint8_t protocol, uint8_t type)
{
	static const struct {
		uint8_t protocol, a, b;
	} pairs[] = {
		{IPPROTO_ICMP, 8, 0},       {IPPROTO_ICMP, 10, 9},      {IPPROTO_ICMP, 13, 14},
		{IPPROTO_ICMP, 15, 16},     {IPPROTO_ICMP, 17, 18},     {IPPROTO_ICMPV6, 128, 129},
		{IPPROTO_ICMPV6, 130, 131}, {IPPROTO_ICMPV6, 133, 134}, {IPPROTO_ICMPV6, 135, 136},
		{IPPROTO_ICMPV6, 139, 140}, {IPPROTO_ICMPV6, 144, 145},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].protocol != protocol)
			continue;
		if (pairs[i].a == type)
			return pairs[i].b;
		if (pairs[i].b == type)
			return pairs[i].a;
	}
	return -1;
}

bool community_id(const struct sekisho_tuple *tuple, char text[COMMUNITY_ID_SIZE])
{
	size_t size = tuple->family == SEKISHO_IPV6 ? 16 : 4, length = 2;
	uint16_t ports[2] = {tuple->source_port, tuple->destination_port};
	bool has_ports = tuple->has_ports || tuple->has_icmp, swap;
	const uint8_t *ends[2] = {tuple->source, tuple->destination};
	int counterpart = -1, order;
	uint8_t data[64] = {0}, digest[SHA1_SIZE];

	if (tuple->family == 0)
		return false;
	if (tuple->has_icmp) {
		counterpart = icmp_counterpart(tuple->protocol, tuple->icmp_type);
		ports[0] = tuple->icmp_type;
		ports[1] = (uint16_t)(counterpart < 0 ? tuple->icmp_code : counterpart);
	}
	order = memcmp(ends[0], ends[1], size);
	swap = order > 0 || (order == 0 && ports[0] > ports[1]);
	if (tuple->has_icmp && counterpart < 0)
		swap = false; /* it goes one way only */
	for (unsigned i = 0; i < 2; i++, length += size)
		memcpy(data + length, ends[i ^ swap], size);
	data[length] = tuple->protocol;
	length += 2;
	for (unsigned i = 0; has_ports && i < 2; i++, length += 2) {
		data[length] = (uint8_t)(ports[i ^ swap] >> 8);
		data[length + 1] = (uint8_t)ports[i ^ swap];
	}
	sha1_short(data, length, digest);
	memcpy(text, "1:", 2);
	base64(digest, sizeof(digest), text + 2);
	return true;
}
