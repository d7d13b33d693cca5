/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drops.h: a worker's drops by edge, direction, reason and, where there is one, rule.
 *
 * Written by the worker, and only for packets that are dropped; read by any thread. Without a rule a
 * drop is one addition in an array. Those with a rule (of a network ACL, or of the flow that they do not
 * fit) are in a hash besides, with bounded probes; what finds no room there is counted without its rule.
 */
#ifndef SEKISHOD_DROPS_H
#define SEKISHOD_DROPS_H

#include <sekisho.h>

struct drops;

/* All of its memory, to be freed with free(); NULL if there is none. */
struct drops *drops_create(unsigned edges);

/* Count a packet that was dropped. The worker only. */
void drops_count(struct drops *drops, unsigned edge, unsigned direction,
		 const struct sekisho_verdict *verdict);

struct drops_row {
	uint16_t edge;
	uint8_t direction; /* enum sekisho_direction */
	uint8_t reason;    /* as counters.h numbers them */
	uint32_t rule;     /* or SEKISHO_RULE_NONE */
	uint64_t packets;
};

/* The most rows that drops_read() gives. */
unsigned drops_rows(const struct drops *drops);

/* What was counted, each row once and none of 0 packets; how many rows there are. Any thread. */
unsigned drops_read(const struct drops *drops, struct drops_row *rows);

#endif
