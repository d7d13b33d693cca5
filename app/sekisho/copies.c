/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copies.c: a table of what one side has sent and the other not yet. Its size is fixed; a place is free
 * again when its packet's time is over, and where there is none the oldest near by makes room.
 */
#include "copies.h"

#include <stdlib.h>

#define SLOTS    (1u << 20)
#define PROBES   16u
#define ETHERNET 14u
#define HASHED   128u /* bytes; lengths as well, so that clipped captures match */

int copies_init(struct copies *copies)
{
	copies->table = calloc(SLOTS, sizeof(*copies->table));
	return copies->table ? 0 : -1;
}

void copies_fini(struct copies *copies)
{
	free(copies->table);
}

/* How many bytes of the network layer there are, without the padding of Ethernet. */
static uint32_t length_of(const uint8_t *ip, uint32_t captured, uint32_t length)
{
	uint32_t told = length;

	if (captured >= 20 && ip[0] >> 4 == 4)
		told = (uint32_t)ip[2] << 8 | ip[3];
	else if (captured >= 40 && ip[0] >> 4 == 6)
		told = ((uint32_t)ip[4] << 8 | ip[5]) + 40;
	return told < length ? told : length;
}

/* FNV-1a of the first bytes and the length; never 0. */
static uint64_t hash_of(const struct sekisho_frame *frame)
{
	uint32_t captured = frame->captured > ETHERNET ? frame->captured - ETHERNET : 0;
	const uint8_t *ip = frame->data + ETHERNET;
	uint32_t length =
		length_of(ip, captured, frame->length > ETHERNET ? frame->length - ETHERNET : 0);
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ length;

	for (uint32_t i = 0; i < captured && i < length && i < HASHED; i++)
		hash = (hash ^ ip[i]) * UINT64_C(0x100000001b3);
	return hash | 1;
}

bool copies_take(struct copies *copies, const struct sekisho_frame *frame,
		 const struct timeval *time, unsigned side)
{
	uint64_t hash = hash_of(frame);
	int64_t now = (int64_t)((uint64_t)time->tv_sec * 1000000u + (uint64_t)time->tv_usec);
	struct copies_packet *room = NULL, *twin = NULL;

	for (uint64_t i = 0; i < PROBES; i++) {
		struct copies_packet *packet =
			&copies->table[((hash ^ hash >> 32) + i) & (SLOTS - 1)];
		bool is_over = packet->hash == 0 ||
			       (uint64_t)now - (uint64_t)packet->time_us > COPIES_WINDOW_US;

		if (!is_over && packet->hash == hash && packet->side != side &&
		    (!twin || packet->time_us < twin->time_us))
			twin = packet;
		if (!room || (is_over && room->hash != 0) ||
		    (room->hash != 0 && packet->time_us < room->time_us))
			room = packet;
	}
	if (twin) {
		twin->hash = 0;
		return true;
	}
	*room = (struct copies_packet){hash, now, side};
	return false;
}
