/* SPDX-License-Identifier: BSD-3-Clause */
/* limit.c: the sketch, and what enters and leaves it; see limit.h. */
#include "limit.h"

#define CELLS_MIN      1024u
#define FLOWS_PER_CELL 20u /* as many a source may be taken to have that has none */

static uint32_t cell_count(uint32_t flows)
{
	uint32_t count = flows / FLOWS_PER_CELL;

	return count > CELLS_MIN ? count : CELLS_MIN;
}

size_t limit_size(uint32_t flows)
{
	return 2 * (size_t)cell_count(flows) * sizeof(struct limit_cell);
}

void limit_init(struct limit *limit, uint32_t flows, void *memory, const uint8_t *random)
{
	memset(limit, 0, sizeof(*limit));
	limit->cells = cell_count(flows);
	limit->rows[0] = memory; /* and the second follows it */
	limit->rows[1] = limit->rows[0] + limit->cells;
	flow_hash_secret_init(&limit->secret, random);
}

void limit_join(struct limit *limit, const struct limit *next)
{
	limit->next = next;
	limit->secret = next->secret;
}

/* A source's cells, one a row. */
struct cells {
	struct limit_cell *row[2];
};

/* What a source has in a cell, and in that of all others that count together. */
static struct limit_cell sum_of(const struct limit *limit, const struct limit_cell *own)
{
	size_t at = (size_t)(own - limit->rows[0]);
	struct limit_cell sum = *own;

	for (const struct limit *other = limit->next; other != NULL && other != limit;
	     other = other->next) {
		sum.flows += __atomic_load_n(&other->rows[0][at].flows, __ATOMIC_RELAXED);
		sum.half_open += __atomic_load_n(&other->rows[0][at].half_open, __ATOMIC_RELAXED);
	}
	return sum;
}

static struct cells cells_of(const struct limit *limit, const struct flow_key *key,
			     unsigned direction)
{
	struct flow_key source = {.zone = key->zone, .family = key->family};
	uint64_t hash;

	memcpy(source.peer, direction == SEKISHO_EGRESS ? key->local : key->peer,
	       sizeof(source.peer));
	hash = flow_key_hash(&source, &limit->secret);
	return (struct cells){{limit->rows[0] + ((hash & UINT32_MAX) * limit->cells >> 32),
			       limit->rows[1] + ((hash >> 32) * limit->cells >> 32)}};
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

bool limit_admit(const struct limit *limit, const struct limit_ceilings *ceilings,
		 const struct flow_key *key, unsigned direction, bool half_open)
{
	bool count_half_open = half_open && ceilings->half_open_per_source != UINT32_MAX;
	uint32_t flows, half_open_flows;

	if (!count_half_open && ceilings->flows_per_source == UINT32_MAX)
		return true;
	limit_count(limit, key, direction, &flows, &half_open_flows);
	return flows < ceilings->flows_per_source &&
	       (!count_half_open || half_open_flows < ceilings->half_open_per_source);
}

void limit_count(const struct limit *limit, const struct flow_key *key, unsigned direction,
		 uint32_t *flows, uint32_t *half_open)
{
	struct cells cells = cells_of(limit, key, direction);
	struct limit_cell one = sum_of(limit, cells.row[0]), other = sum_of(limit, cells.row[1]);

	*flows = lesser(one.flows, other.flows);
	*half_open = lesser(one.half_open, other.half_open);
}

void limit_set(struct limit *limit, const struct flow_key *key, unsigned direction, uint32_t flows,
	       uint32_t half_open)
{
	struct cells cells = cells_of(limit, key, direction);

	for (unsigned r = 0; r < 2; r++)
		*cells.row[r] = (struct limit_cell){.flows = flows, .half_open = half_open};
}

static void count_flow(const struct limit *limit, const struct flow *flow, uint32_t amount)
{
	struct cells cells = cells_of(limit, &flow->key, flow->opener);

	cells.row[0]->flows += amount;
	cells.row[1]->flows += amount;
}

static void count_half_open(const struct limit *limit, const struct flow *flow, uint32_t amount)
{
	struct cells cells = cells_of(limit, &flow->key, flow->opener);

	cells.row[0]->half_open += amount;
	cells.row[1]->half_open += amount;
}

/* A half-open flow counts for its source from here on, if there is a ceiling. */
static void enter_half_open(const struct limit *limit, const struct limit_ceilings *ceilings,
			    struct flow *flow)
{
	if (ceilings->half_open_per_source == UINT32_MAX)
		return;
	flow->counted_half_open = true;
	count_half_open(limit, flow, 1);
}

void limit_enter(struct limit *limit, const struct limit_ceilings *ceilings, struct flow *flow)
{
	bool half_open = flow_is_half_open(flow);

	limit->half_open += half_open;
	if (ceilings->flows_per_source != UINT32_MAX) {
		flow->counted = true;
		count_flow(limit, flow, 1);
	}
	if (half_open)
		enter_half_open(limit, ceilings, flow);
}

void limit_change(struct limit *limit, const struct limit_ceilings *ceilings, struct flow *flow,
		  bool was_half_open)
{
	bool half_open = flow_is_half_open(flow);

	limit->half_open += (uint32_t)half_open - (uint32_t)was_half_open;
	if (half_open && !was_half_open) {
		enter_half_open(limit, ceilings, flow);
	} else if (!half_open && flow->counted_half_open) {
		count_half_open(limit, flow, UINT32_MAX);
		flow->counted_half_open = false;
	}
}

void limit_leave(struct limit *limit, const struct flow *flow)
{
	limit->half_open -= flow_is_half_open(flow);
	if (flow->counted)
		count_flow(limit, flow, UINT32_MAX);
	if (flow->counted_half_open)
		count_half_open(limit, flow, UINT32_MAX);
}

void limit_return(struct limit *limit, const struct flow *flow)
{
	limit->half_open += flow_is_half_open(flow);
	if (flow->counted)
		count_flow(limit, flow, 1);
	if (flow->counted_half_open)
		count_half_open(limit, flow, 1);
}
