/* SPDX-License-Identifier: BSD-3-Clause */
/* counters.c: sums of what the workers have counted. */
#include "counters.h"

static const struct {
	const char *key, *word, *sentence;
	enum port_drop_whose whose;
} beside_engine[PORT_DROP_COUNT] = {
#define X(id, key, word, sentence, whose) {#key, word, sentence, PORT_DROP_##whose},
	PORT_DROPS(X)
#undef X
};

const char *counters_drop_key(enum port_drop drop)
{
	return beside_engine[drop].key;
}

enum port_drop_whose counters_drop_whose(enum port_drop drop)
{
	return beside_engine[drop].whose;
}

const char *counters_reason_word(unsigned reason)
{
	return reason < SEKISHO_REASON_COUNT ? sekisho_reason_word(reason)
					     : beside_engine[reason - SEKISHO_REASON_COUNT].word;
}

const char *counters_reason_sentence(unsigned reason)
{
	return reason < SEKISHO_REASON_COUNT
		       ? sekisho_reason_sentence(reason)
		       : beside_engine[reason - SEKISHO_REASON_COUNT].sentence;
}

uint64_t counters_by_reason(const struct daemon_totals *totals, unsigned reason)
{
	return reason < SEKISHO_REASON_COUNT ? totals->engines.by_reason[reason]
					     : totals->port_drops[reason - SEKISHO_REASON_COUNT];
}

struct sekisho_rule_stats counters_of_rule(const struct daemon *daemon, uint32_t rule)
{
	struct sekisho_rule_stats sum = {0}, one;

	for (unsigned i = 0; i < daemon->worker_count; i++) {
		sekisho_engine_rule_stats(daemon->workers[i].engine, rule, &one);
		if (one.packets > 0 &&
		    (sum.packets == 0 || (int32_t)(one.last_ms - sum.last_ms) > 0))
			sum.last_ms = one.last_ms;
		sum.packets += one.packets;
		sum.bytes += one.bytes;
		sum.flows += one.flows;
		sum.live += one.live;
	}
	return sum;
}

bool counters_rule_origin(const struct daemon *daemon, uint32_t rule,
			  struct sekisho_rule_origin *origin)
{
	for (unsigned e = 0; e < daemon->edge_count; e++)
		if (sekisho_policy_rule_origin(daemon->edges[e].snapshot->policy, rule, origin))
			return true;
	return false;
}
