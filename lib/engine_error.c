/* SPDX-License-Identifier: BSD-3-Clause */
/* engine_error.c: ICMP errors, by the packet of a live flow that they quote. */
#include "job.h"

/* What never passes by relation: redirects, and under proof an MTU that no path has (STRICT-61). */
static enum sekisho_reason error_is_refused(const struct packet *error, bool need_relation)
{
	bool v4 = error->family == SEKISHO_IPV4;

	if (error->icmp.type == (v4 ? 5 : 137))
		return SEKISHO_REASON_ICMP_REDIRECT;
	if (!need_relation)
		return PACKET_REASON_NONE;
	if (v4 && error->icmp.type == 3 && error->icmp.code == 4 && error->icmp.mtu < 68)
		return SEKISHO_REASON_ICMP_MTU_SMALL;
	if (!v4 && error->icmp.type == 2 && error->icmp.mtu < 1280)
		return SEKISHO_REASON_ICMP_MTU_SMALL;
	return PACKET_REASON_NONE;
}

/* The live flow whose packet an error quotes, if the error goes to that packet's sender. */
static struct flow *quoted_flow(struct sekisho_engine *engine, const struct job *job, uint32_t now)
{
	const struct track *track = &job->zone->track;
	enum sekisho_reason missing;
	struct packet quoted;
	struct flow_key key = {0};
	struct flow *flow;

	if (!packet_parse_quoted(&quoted, &job->packet) ||
	    memcmp(quoted.source, job->packet.destination, sizeof(quoted.source)) != 0)
		return NULL;
	job_key_make(&key, &quoted, job->key.zone, !job->direction);
	flow = flow_table_find(&engine->table, &key, flow_table_hash(&engine->table, &key));
	flow = engine_flow_live(engine, job->zone->policy, flow, now, &missing);
	return flow != NULL && track_quotes(track, flow, &quoted, !job->direction) ? flow : NULL;
}

/* STRICT-60, 61, AWS-32: by the flow that it quotes; never opens, refreshes or closes one. */
enum sekisho_reason engine_error_inspect(struct sekisho_engine *engine, struct job *job,
					 uint32_t now)
{
	bool need_relation = job->zone->policy->profile->errors_need_relation;
	enum sekisho_reason refused = error_is_refused(&job->packet, need_relation);
	struct rules_match match;
	struct flow *flow = NULL;

	if (refused == PACKET_REASON_NONE)
		flow = quoted_flow(engine, job, now);
	if (flow != NULL) {
		unsigned sender = !job->direction;
		unsigned opener = track_is_originator(flow, sender) ? sender : !sender;

		if (job->denied_by != SEKISHO_RULE_NONE)
			return engine_acl_refuse(job);
		job->verdict->rule = flow->rule[opener];
		job->verdict->opened_by = flow->opened_by[opener];
		return SEKISHO_REASON_ICMP_RELATED;
	}
	if (need_relation)
		return refused != PACKET_REASON_NONE ? refused : SEKISHO_REASON_ICMP_UNRELATED;
	match = engine_match(job);
	if (match.rule == SEKISHO_RULE_NONE)
		return SEKISHO_REASON_NO_RULE;
	if (job->denied_by != SEKISHO_RULE_NONE)
		return engine_acl_refuse(job);
	job->verdict->rule = match.rule;
	return SEKISHO_REASON_RULE_STATELESS;
}
