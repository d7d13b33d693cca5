/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * traffic.h: an engine with live flows, frames that belong to them, and frames that open others.
 *
 * The clock is the traffic's own. It stands still while bursts are measured, unless a subject moves it.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <sekisho.h>

#include "frames.h"

struct traffic_plan {
	enum sekisho_semantics semantics;
	enum frames_kind kind; /* of the live flows; those that are opened are UDP */
	enum frames_size size;
	uint32_t live;  /* flows that have had their handshake or first answers; may be 0 */
	uint32_t fresh; /* flows that can be opened besides; may be 0 */
	uint32_t
		room; /* flows that the engine has room for; 0: so that the others fill 85 % of it */
	uint32_t rules; /* of the policy; the one that admits is the last; at least 1 */
	enum sekisho_matcher matcher;
	bool shadowed; /* another engine judges all packets as well */
};

struct traffic {
	struct traffic_plan plan;
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *engine;
	struct sekisho_engine *beside; /* NULL unless shadowed */
	struct frames live, fresh;
	uint32_t now_ms;
	uint64_t bytes;       /* that the engine took */
	uint64_t fixed_bytes; /* of them, what it takes whatever the number of its flows */
};

/* Make an engine and its live flows. NULL, and a sentence in `message`, on failure. */
struct traffic *traffic_create(const struct traffic_plan *plan, char *message,
			       unsigned message_size);
void traffic_destroy(struct traffic *traffic);

/* Judge the next burst of one of the traffic's two sets; returns how many of its packets passed. */
unsigned traffic_burst(struct traffic *traffic, struct frames *frames);

/* A burst without frames, as of a worker to whom nothing came. */
void traffic_idle(struct traffic *traffic);

/* Let time pass until the fresh flows have expired and are gone. False if they do not go. */
bool traffic_settle(struct traffic *traffic);

/* Flows in the engine's table now. */
uint32_t traffic_flows(const struct traffic *traffic);

#endif
