/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limit.h: ceilings on what is new (STRICT-17): half-open flows of the table, and flows and half-open
 * flows of one source, the address that opened them.
 *
 * Sources are counted in a count-min sketch (Cormode and Muthukrishnan, 2005) of two rows under a
 * secret hash: a source has a cell in each row, and what it has is the lesser of the two. So memory is
 * fixed, nothing is probed or evicted, and a flood of made-up sources cannot push a real one out. The
 * price: a source that meets busy ones in both of its cells is taken for busier than it is. An exact
 * table was rejected: it would take as many entries as there are flows, or be full when it is needed.
 *
 * A flow is counted only under a policy that has the ceiling, and says so in itself, so that it is
 * counted out again whatever the policy is then.
 *
 * One thread owns a limit and is the only one that writes it. Limits of several engines may count sources
 * together: then they have one secret, the same number of cells, and each reads those of the others when
 * a flow is to be opened. The price is two looks into each one's memory, and only under a ceiling.
 * Rejected: one sketch for all, to be written by atomic additions when a flow comes and when it goes.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include "flow.h"

struct limit_cell {
	uint32_t flows, half_open;
};

struct limit {
	uint32_t half_open; /* flows now, of all sources */
	uint32_t cells; /* of a row */
	struct limit_cell *rows[2];
	struct flow_hash_secret secret;
	const struct limit *next; /* of the circle of those that count together; NULL: it is alone */
};

/* The highest numbers that are allowed; UINT32_MAX where there is no ceiling. */
struct limit_ceilings {
	uint32_t half_open;
	uint32_t half_open_per_source;
	uint32_t flows_per_source;
};

/* The size of the memory to tell the sources of so many flows apart, in bytes. */
size_t limit_size(uint32_t flows);

/* Lay a limit into zeroed memory of that size. `random` is 32 bytes. */
void limit_init(struct limit *limit, uint32_t flows, void *memory, const uint8_t *random);

/* Count together with `next`, which is of the same size; both have counted nothing yet. */
void limit_join(struct limit *limit, const struct limit *next);

/* Whether the source that `direction` of a key comes from may open one more flow. */
bool limit_admit(const struct limit *limit, const struct limit_ceilings *ceilings,
		 const struct flow_key *key, unsigned direction, bool half_open);

/* What the source that `direction` of a key comes from is taken to have now. */
void limit_count(const struct limit *limit, const struct flow_key *key, unsigned direction,
		 uint32_t *flows, uint32_t *half_open);

/* Have it taken to have so many. */
void limit_set(struct limit *limit, const struct flow_key *key, unsigned direction, uint32_t flows,
	       uint32_t half_open);

/* A flow has been opened. */
void limit_enter(struct limit *limit, const struct limit_ceilings *ceilings, struct flow *flow);

/* A flow may have become half-open, or be so no more; `was` is what it was before. */
void limit_change(struct limit *limit, const struct limit_ceilings *ceilings, struct flow *flow,
		  bool was_half_open);

/* A flow goes. */
void limit_leave(struct limit *limit, const struct flow *flow);

/* It does not after all. */
void limit_return(struct limit *limit, const struct flow *flow);

#endif
