/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng.c: blocks, put together in memory and written whole. */
#include "pcapng.h"

#include <string.h>

#define SECTION_HEADER    0x0a0d0d0au
#define INTERFACE         1u
#define ENHANCED_PACKET   6u
#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1u

#define OPTION_END         0
#define OPTION_COMMENT     1
#define OPTION_NAME        2 /* of an interface */
#define OPTION_DESCRIPTION 3
#define OPTION_PROGRAM     4 /* of a section: what has written it */

#define BLOCK_MAX (PCAPNG_FRAME_MAX + 2 * PCAPNG_TEXT_MAX + 128)

struct block {
	size_t length;
	uint8_t bytes[BLOCK_MAX];
};

static size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

static void put(struct block *block, const void *bytes, size_t length)
{
	memcpy(block->bytes + block->length, bytes, length);
	memset(block->bytes + block->length + length, 0, padded(length) - length);
	block->length += padded(length);
}

static void put32(struct block *block, uint32_t value)
{
	put(block, &value, sizeof(value));
}

static void put16s(struct block *block, uint16_t first, uint16_t second)
{
	const uint16_t pair[2] = {first, second};

	put(block, pair, sizeof(pair));
}

static size_t text_length(const char *text)
{
	return strnlen(text, PCAPNG_TEXT_MAX);
}

static void put_option(struct block *block, uint16_t code, const char *text)
{
	put16s(block, code, (uint16_t)text_length(text));
	put(block, text, text_length(text));
}

static void block_begin(struct block *block, uint32_t type)
{
	block->length = 0;
	put32(block, type);
	put32(block, 0); /* its length, when that is known */
}

static bool block_write(struct block *block, FILE *to)
{
	uint32_t length;

	put16s(block, OPTION_END, 0);
	length = (uint32_t)block->length + 4;
	put32(block, length);
	memcpy(block->bytes + 4, &length, sizeof(length));
	return fwrite(block->bytes, block->length, 1, to) == 1;
}

bool pcapng_begin(FILE *to, const char *program)
{
	struct block block;

	block_begin(&block, SECTION_HEADER);
	put32(&block, BYTE_ORDER_MAGIC);
	put16s(&block, 1, 0);      /* version */
	put32(&block, UINT32_MAX); /* the section's length is not known */
	put32(&block, UINT32_MAX);
	put_option(&block, OPTION_PROGRAM, program);
	return block_write(&block, to);
}

bool pcapng_interface(FILE *to, const char *name, const char *description)
{
	struct block block;

	block_begin(&block, INTERFACE);
	put16s(&block, LINKTYPE_ETHERNET, 0);
	put32(&block, 0); /* frames are not cut */
	put_option(&block, OPTION_NAME, name);
	put_option(&block, OPTION_DESCRIPTION, description);
	return block_write(&block, to);
}

bool pcapng_packet(FILE *to, const struct pcapng_packet *packet)
{
	struct block block;

	if (packet->captured > PCAPNG_FRAME_MAX)
		return false;
	block_begin(&block, ENHANCED_PACKET);
	put32(&block, packet->interface);
	put32(&block, (uint32_t)(packet->time_us >> 32));
	put32(&block, (uint32_t)packet->time_us);
	put32(&block, packet->captured);
	put32(&block, packet->length);
	put(&block, packet->data, packet->captured);
	put_option(&block, OPTION_COMMENT, packet->comment);
	return block_write(&block, to);
}

size_t pcapng_packet_size(const struct pcapng_packet *packet)
{
	/* seven words around the frame, the option's and the last one's headers */
	return 8 * 4 + padded(packet->captured) + 4 + padded(text_length(packet->comment)) + 4;
}
