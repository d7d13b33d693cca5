/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_age.c: what makes room. Expiry is exact at look-up, whatever the sweep has got to, so the sweep
 * need only give back entries in good time: once round in two seconds, however many bursts those are,
 * a few entries at a time, never a full walk. What is created faster than that finds its room by
 * flow_age_recycle().
 *
 * An extension's memory may hold any bytes where a key's family stands; the sweep must not take it for
 * a flow, so extensions keep that byte zero (see proof_memory()).
 */
#include "flow_table.h"

#define SWEEP_MAX    64 /* entries looked at in a burst */
#define RECYCLE_SCAN 64 /* entries looked at to find a victim */

static struct flow *sweep_next(struct flow_table *table)
{
	struct flow *flow = &table->flows[table->sweep];

	table->sweep = table->sweep + 1 < table->capacity ? table->sweep + 1 : 0;
	return flow;
}

void flow_age_sweep(struct flow_table *table, uint32_t now)
{
	uint32_t passed = now - table->swept_at;
	uint64_t due = (uint64_t)passed * table->sweep_per_ms;

	if (passed == 0)
		return;
	table->swept_at = now;
	for (uint64_t i = due < SWEEP_MAX ? due : SWEEP_MAX; i > 0; i--) {
		struct flow *flow = sweep_next(table);

		if (flow->key.family == 0 || !flow_time_reached(now, flow->expires_at))
			continue;
		flow_table_end(table, flow, SEKISHO_END_EXPIRED);
	}
}

static bool is_victim(const struct flow *flow, enum flow_victim victims)
{
	if (flow->key.family & FLOW_KEY_PAIR)
		return false;
	return flow_is_half_open(flow) ||
	       (victims == FLOW_VICTIM_UNANSWERED && flow_is_unanswered(flow));
}

bool flow_age_recycle(struct flow_table *table, uint32_t now, enum flow_victim victims,
		      const struct flow *spare)
{
	struct flow *victim = NULL;

	for (unsigned i = 0; i < RECYCLE_SCAN && i < table->capacity; i++) {
		struct flow *flow = sweep_next(table);

		if (flow->key.family == 0 || flow == spare)
			continue;
		if (flow_time_reached(now, flow->expires_at)) {
			bool fits = victims != FLOW_VICTIM_HALF_OPEN || is_victim(flow, victims);

			flow_table_end(table, flow, SEKISHO_END_EXPIRED);
			if (fits)
				return true;
			continue;
		}
		if (is_victim(flow, victims) &&
		    (victim == NULL || !flow_time_reached(flow->opened_at, victim->opened_at)))
			victim = flow;
	}
	if (victim == NULL)
		return false;
	flow_table_end(table, victim, SEKISHO_END_RECYCLED);
	return true;
}

bool flow_age_can_recycle(const struct flow_table *table, uint32_t now, enum flow_victim victims)
{
	for (uint32_t i = 0; i < RECYCLE_SCAN && i < table->capacity; i++) {
		const struct flow *flow = &table->flows[(table->sweep + i) % table->capacity];

		if (flow->key.family == 0)
			continue;
		if (is_victim(flow, victims) || (victims == FLOW_VICTIM_UNANSWERED &&
						 flow_time_reached(now, flow->expires_at)))
			return true;
	}
	return false;
}
