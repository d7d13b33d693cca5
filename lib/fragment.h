/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragment.h: later fragments follow the verdict of their datagram's first one (AWS-86, STRICT-71).
 *
 * A fixed number of datagrams is remembered, by (zone, direction, addresses, protocol, id); the one
 * that would be forgotten first makes room. A later fragment whose first has not come is an orphan:
 * dropped, never passed unseen.
 */
#ifndef FRAGMENT_H
#define FRAGMENT_H

#include "flow_key.h"
#include "packet.h"

struct fragment_datagram {
	struct flow_key key; /* the id in the ports */
	uint32_t expires_at;
	uint32_t rule;
	uint32_t opened_by;
	uint8_t reason; /* of the first fragment */
	uint8_t direction;
};

#define FRAGMENT_WAYS 4

struct fragment_table {
	struct fragment_datagram *datagrams;
	uint32_t set_mask; /* sets of FRAGMENT_WAYS */
	struct flow_hash_secret secret;
};

/* The size of the memory for `count` datagrams, in bytes. */
size_t fragment_table_size(uint32_t count);

/* Lay a table into zeroed memory of that size. */
void fragment_table_init(struct fragment_table *table, uint32_t count, void *memory,
			 const uint8_t random[32]);

/* Remember what became of a first fragment. The returned entry's verdict fields are the caller's. */
struct fragment_datagram *fragment_begin(struct fragment_table *table, const struct packet *packet,
					 uint16_t zone, unsigned direction, uint32_t now);

/* What became of this later fragment's first; NULL for an orphan. */
const struct fragment_datagram *fragment_find(const struct fragment_table *table,
					      const struct packet *packet, uint16_t zone,
					      unsigned direction, uint32_t now);

#endif
