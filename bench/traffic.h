/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * traffic.h: an engine with live flows, and the frames that belong to them, as a worker would get them.
 *
 * Frames are made beforehand and stand in the order in which they are sent, a random order of flows, so
 * that reading them is a stream and the flows are what misses the caches. Memory is in huge pages where
 * the system gives them.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <sekisho.h>

#define TRAFFIC_BURST      32
#define TRAFFIC_FRAME_SIZE 64

enum traffic_kind { TRAFFIC_UDP, TRAFFIC_TCP };

struct traffic_plan {
	enum sekisho_semantics semantics;
	enum traffic_kind kind;
	uint32_t flows;    /* live ones */
	uint32_t capacity; /* of the engine; 0: so that it is filled to 85 % */
	uint32_t rules;    /* of the policy; the one that admits is the last; at least 1 */
};

struct traffic {
	struct traffic_plan plan;
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *engine;
	uint8_t (*frames)
		[TRAFFIC_FRAME_SIZE]; /* answers and originals, in a random order of flows */
	uint8_t *directions;          /* of each frame */
	uint32_t frame_count;         /* a multiple of TRAFFIC_BURST */
	uint32_t next;                /* frame to send */
	uint32_t now_ms;
	uint64_t bytes; /* that the engine took */
};

/* Make a traffic with all its flows established. NULL, and a sentence in `message`, on failure. */
struct traffic *traffic_create(const struct traffic_plan *plan, char *message,
			       unsigned message_size);
void traffic_destroy(struct traffic *traffic);

/* Send the next burst; returns how many of its packets passed. */
unsigned traffic_burst(struct traffic *traffic);

/* Zeroed memory for a bench, in huge pages if the system has any; NULL: none. */
void *traffic_memory(size_t size);
void traffic_memory_free(void *memory, size_t size);

#endif
