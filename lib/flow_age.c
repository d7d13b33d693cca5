/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_age.c: what makes room. Expiry is exact at look-up, whatever the sweep has got to, so the sweep
 * need only give back entries in good time: once round in two seconds (two million flows and more: as many
 * milliseconds as there are thousands of them), a few entries a burst, never a full walk. What one burst
 * leaves is due in the next. What is created faster than that finds its room by flow_age_recycle().
 *
 * Others were measured, at 1 M live flows of which 35 come and 35 end each millisecond, half of all having
 * packets: time for ageing in a millisecond, the 99th percentile of a burst, and an opening by itself.
 *
 *	sweep of the entries, 64 a burst          5.5 to 6.3 us     0.9 us    17 ns
 *	sweep of times apart, packed, 512 a burst 2.3 to 2.6 us     2.2 us    16 ns, and a line more a packet
 *	FIFO of a class, lazily put back          4.3 to 5.8 us     6 us      10 ns
 *	timing wheel of 128 ms, lazily put back   3.9 to 6.4 us     11 us     46 ns
 *
 * Lists look at fewer entries, but at random ones, whose lines are not there; they take 8 bytes a flow, and
 * a flow that closes early takes two neighbours' lines along. The sweep's lines come in order. It costs a
 * core 0.6 % of its time, and no burst more than 64 entries.
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

/* How many entries to look at now; what is due besides is left for the bursts that come. */
static uint32_t sweep_share(struct flow_table *table, uint32_t now)
{
	uint64_t due = (uint64_t)(now - table->swept_at) * table->sweep_per_ms + table->sweep_due;
	uint32_t share;

	if (due > table->capacity)
		due = table->capacity; /* more than once round is never due */
	share = due < SWEEP_MAX ? (uint32_t)due : SWEEP_MAX;
	table->swept_at = now;
	table->sweep_due = (uint32_t)due - share;
	return share;
}

void flow_age_sweep(struct flow_table *table, uint32_t now)
{
	for (uint32_t left = sweep_share(table, now); left > 0; left--) {
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
