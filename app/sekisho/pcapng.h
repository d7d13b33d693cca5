/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapng.h: a capture file with a comment a packet. The format is that of the IETF's draft
 * draft-ietf-opsawg-pcapng: blocks in the byte order of who writes, padded to 32 bits.
 *
 * Every function writes whole blocks with one call; false: it could not be written.
 */
#ifndef PCAPNG_H
#define PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PCAPNG_TEXT_MAX  1024 /* of a name or a comment; what is longer is cut */
#define PCAPNG_FRAME_MAX 65535

struct pcapng_packet {
	uint32_t interface; /* by the order in which they were written */
	uint64_t time_us;   /* since 1970 */
	const uint8_t *data;
	uint32_t captured, length;
	const char *comment;
};

/* The beginning of a file, and then its interfaces; all of Ethernet. */
bool pcapng_begin(FILE *to, const char *program);
bool pcapng_interface(FILE *to, const char *name, const char *description);

bool pcapng_packet(FILE *to, const struct pcapng_packet *packet);

/* The bytes that a packet's block takes. */
size_t pcapng_packet_size(const struct pcapng_packet *packet);

#endif
