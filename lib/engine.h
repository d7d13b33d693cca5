/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.h: what an engine consists of; shared by the packet path (engine.c) and by what surrounds it
 * (engine_create.c: life and reading).
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "flow_table.h"
#include "fragment.h"
#include "policy.h"
#include "telemetry.h"
#include "track.h"

struct engine_zone {
	const struct sekisho_policy *policy;
	uint32_t (*timeouts)[SEKISHO_TIMEOUT_COUNT]; /* the policy's */
	struct limit_ceilings ceilings;
	struct track track; /* its `now` is that of the burst */
	/* What a packet has to be asked besides its flow and the rules. */
	bool verifies_checksums, has_acls, has_never_filtered;
	bool matches_many; /* rules, of packets together */
};

struct sekisho_engine {
	struct flow_table table;
	struct fragment_table fragments;
	struct telemetry telemetry;
	struct engine_zone *zones;
	uint32_t rejudge_left; /* entries of the table not looked at since a policy changed */
	struct sekisho_engine_config config;
	sekisho_flow_ended *tell_end; /* NULL: nobody is told */
	void *tell_context;
	void *memory[7]; /* all that was allocated */
};

/* ---- engine_create.c ---- */

/* How many half-open flows a policy allows in a table of `capacity` flows. */
uint32_t engine_half_open_ceiling(const struct sekisho_policy *policy, uint32_t capacity);

/* Tell people of a flow. */
void engine_flow_describe(const struct flow_table *table, const struct flow *flow, uint32_t now,
			  struct sekisho_flow_info *info);

#endif
