/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_flow.c: where flows meet rules: which packet may open one, what must give way for it, and what
 * becomes of those that are there when the rules change.
 */
#include "job.h"

#define REJUDGE_LOOKS  64 /* entries that a step of rejudging looks at */
#define REJUDGE_BUDGET 8  /* and of their flows, how many it judges */

#define MATCHED_TOGETHER 4 /* packets that are fewer are matched when it is their turn */

/* ---- flows that are there --------------------------------------------------------------------- */

/* The rules' view of packets of a key, without ICMP's type and code. */
static struct rules_query key_query(const struct flow_key *key, unsigned direction)
{
	return (struct rules_query){
		.local = key->local,
		.peer = key->peer,
		.direction = (uint8_t)direction,
		.family = key->family,
		.protocol = key->protocol,
		.port = direction == SEKISHO_EGRESS ? key->peer_port : key->local_port,
	};
}

/* The rules' view of the packet that has opened a flow in `direction`. */
static struct rules_query opening_query(const struct flow *flow, unsigned direction)
{
	struct rules_query query = key_query(&flow->key, direction);

	if (flow->key.protocol != IPPROTO_ICMP && flow->key.protocol != IPPROTO_ICMPV6)
		return query;
	if (flow->key.peer_port & JOB_ICMP_OTHER) {
		query.icmp_type = (uint8_t)flow->key.peer_port;
		query.icmp_code = (uint8_t)flow->key.local_port;
	} else {
		query.icmp_type = flow->track.icmp.opening[direction].type;
		query.icmp_code = flow->track.icmp.opening[direction].code;
	}
	return query;
}

/* AWS-14: whether packets of this key, endpoint and direction are the way back of an untracked flow. */
static bool is_way_back(const struct sekisho_policy *policy, const struct flow_key *key,
			uint16_t endpoint, unsigned direction)
{
	struct rules_query there = key_query(key, !direction);

	return rules_match_is_open(policy->rules, endpoint, &there);
}

/* AWS-65: rules that are open both ways leave nothing to track. */
static bool needs_no_tracking(const struct sekisho_policy *policy, const struct flow_key *key)
{
	uint16_t endpoint;

	if (!policy->profile->open_rules_untracked)
		return false;
	endpoint = rules_endpoint(policy->rules, key->family, key->local);
	return is_way_back(policy, key, endpoint, 0) || is_way_back(policy, key, endpoint, 1);
}

/*
 * A new policy since the flow was last looked at: find its timers again, and by the profile close
 * what no rule opens any more (STRICT-4) or what needs no tracking any more (AWS-65). False: it is
 * gone.
 */
static bool flow_rejudge(struct sekisho_engine *engine, const struct sekisho_policy *policy,
			 struct flow *flow, enum sekisho_reason *missing)
{
	bool untracked = needs_no_tracking(policy, &flow->key);

	for (unsigned d = 0; d < 2; d++) {
		struct rules_query query = opening_query(flow, d);
		struct rules_match match;

		if (!track_is_originator(flow, d))
			continue;
		match = rules_match(policy->rules, &query);
		flow->timeouts = match.endpoint;
		if (!policy->profile->rules_may_withdraw)
			continue;
		if (match.rule == SEKISHO_RULE_NONE)
			flow->opened ^= (uint8_t)(1u << d);
		flow_table_set_rule(&engine->table, flow, d, match.rule);
	}
	flow->generation = policy->generation;
	if (flow->opened != 0 && !untracked)
		return true;
	if (!untracked)
		*missing = SEKISHO_REASON_RULE_WITHDRAWN;
	flow_table_end(&engine->table, flow,
		       untracked ? SEKISHO_END_UNTRACKED : SEKISHO_END_WITHDRAWN);
	return false;
}

bool engine_flow_judge(const struct sekisho_policy *policy, struct flow *flow)
{
	for (unsigned d = 0; d < 2; d++) {
		struct rules_query query = opening_query(flow, d);
		struct rules_match match;

		if (!track_is_originator(flow, d))
			continue;
		match = rules_match(policy->rules, &query);
		flow->timeouts = match.endpoint;
		if (match.rule == SEKISHO_RULE_NONE)
			flow->opened ^= (uint8_t)(1u << d);
		if (match.rule == SEKISHO_RULE_NONE || flow->rule[d] == SEKISHO_RULE_NONE ||
		    policy->profile->rules_may_withdraw)
			flow->rule[d] = match.rule;
	}
	flow->generation = policy->generation;
	return flow->opened != 0 && !needs_no_tracking(policy, &flow->key);
}

void engine_pair_judge(const struct sekisho_policy *policy, struct flow *entry, bool vouched)
{
	unsigned opener = entry->opener;
	bool stands = false;

	for (unsigned i = 0; i < 2; i++) {
		unsigned grammar = i == 0 ? SEKISHO_GRAMMAR_IKE : SEKISHO_GRAMMAR_NAT_T;

		for (unsigned p = 0; p < policy->strict.port_count[grammar]; p++) {
			struct rules_query query = {
				.local = entry->key.local,
				.peer = entry->key.peer,
				.direction = (uint8_t)opener,
				.family = entry->key.family & (uint8_t)~FLOW_KEY_PAIR,
				.protocol = IPPROTO_UDP,
				.port = policy->strict.ports[grammar][p],
			};
			uint32_t rule = rules_match(policy->rules, &query).rule;

			stands |= rule != SEKISHO_RULE_NONE && rule == entry->rule[opener];
		}
	}
	entry->generation = vouched && stands ? policy->generation : 0;
}

/* A flow that is over, or that a former policy judged: NULL if it is gone. */
struct flow *engine_flow_settle(struct sekisho_engine *engine, const struct sekisho_policy *policy,
				struct flow *flow, uint32_t now, enum sekisho_reason *missing)
{
	if (flow_time_reached(now, flow->expires_at)) {
		flow_table_end(&engine->table, flow, SEKISHO_END_EXPIRED);
		return NULL;
	}
	return flow_rejudge(engine, policy, flow, missing) ? flow : NULL;
}

/* Judge a flow again if it has not been since the policy of its zone changed. */
static bool rejudge_idle(struct sekisho_engine *engine, struct flow *flow, uint32_t now)
{
	const struct sekisho_policy *policy;
	enum sekisho_reason missing;

	if (flow->key.family == 0 || flow->key.family & FLOW_KEY_PAIR)
		return false;
	policy = engine->zones[flow->key.zone].policy;
	if (flow->generation == policy->generation || flow_time_reached(now, flow->expires_at))
		return false;
	flow_rejudge(engine, policy, flow, &missing);
	return true;
}

bool sekisho_engine_rejudge(struct sekisho_engine *engine, uint32_t now_ms)
{
	unsigned judged = 0;

	for (unsigned i = 0; i < REJUDGE_LOOKS && engine->rejudge_left > 0; i++) {
		struct flow *flow = &engine->table.flows[--engine->rejudge_left];

		judged += rejudge_idle(engine, flow, now_ms);
		if (judged == REJUDGE_BUDGET)
			break;
	}
	return engine->rejudge_left > 0;
}

bool sekisho_engine_close_flow(struct sekisho_engine *engine, const struct sekisho_flow_info *told)
{
	const struct flow_key_rest rest = {told->local_port, told->peer_port, told->zone,
					   told->protocol, told->family};
	struct flow_key key;
	struct flow *flow;

	flow_key_set(&key, told->local, told->peer, &rest);
	flow = flow_table_find(&engine->table, &key, flow_table_hash(&engine->table, &key));
	if (flow == NULL || flow->opener != told->opener ||
	    flow->opened_by[told->opener] != (uint32_t)told->opened_by[told->opener])
		return false;
	flow_table_end(&engine->table, flow, SEKISHO_END_KILLED);
	return true;
}

/* ---- without a flow -------------------------------------------------------------------------- */

static struct rules_query packet_query(const struct job *job)
{
	const struct packet *packet = &job->packet;
	bool icmp = packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6;

	return (struct rules_query){
		.local = job->key.local,
		.peer = job->key.peer,
		.direction = (uint8_t)job->direction,
		.family = packet->family,
		.protocol = packet->protocol,
		.port = packet->destination_port,
		.icmp_type = icmp ? packet->icmp.type : 0,
		.icmp_code = icmp ? packet->icmp.code : 0,
	};
}

/*
 * AWS-145: whether the network ACL of the packet's endpoint denies it. It comes before the groups on
 * ingress, and after them on egress, where a packet that they would not let out is their drop. It knows
 * no flows, and a packet that it denies changes none.
 */
bool engine_acl_denies(struct job *job)
{
	const struct rules_query query = packet_query(job);

	return !rules_acl_allows(job->zone->policy->rules, &query, &job->denied_by);
}

enum sekisho_reason engine_acl_refuse(const struct job *job)
{
	job->verdict->rule = job->denied_by;
	return SEKISHO_REASON_NETWORK_ACL;
}

struct rules_match engine_match(const struct job *job)
{
	struct rules_query query;

	if (job->is_matched)
		return job->match;
	query = packet_query(job);
	return rules_match(job->zone->policy->rules, &query);
}

/* Of one policy, those of the first that is found. */
void engine_match_missed(struct job *jobs, unsigned count)
{
	const struct sekisho_policy *policy = NULL;
	struct rules_query queries[RULES_MANY];
	struct rules_match matches[RULES_MANY];
	struct job *missed[RULES_MANY];
	unsigned many = 0;

	for (unsigned i = 0; i < count; i++) {
		struct job *job = &jobs[i];

		if (job->flow != NULL || job->plain == 0 || !job->zone->matches_many ||
		    (policy != NULL && job->zone->policy != policy))
			continue;
		policy = job->zone->policy;
		queries[many] = key_query(&job->key, job->direction);
		missed[many++] = job;
	}
	if (many < MATCHED_TOGETHER)
		return;
	rules_match_many(policy->rules, queries, many, matches);
	for (unsigned i = 0; i < many; i++) {
		missed[i]->match = matches[i];
		missed[i]->is_matched = true;
	}
}

/* Whether the ceilings let a packet open a flow (STRICT-17); `over`, or NULL, is not to make room. */
static enum sekisho_reason stay_below(struct sekisho_engine *engine, const struct job *job,
				      const struct flow *over, uint32_t now)
{
	const struct limit_ceilings *ceilings = &job->zone->ceilings;
	struct flow_table *table = &engine->table;
	bool half_open =
		job->packet.l4_kind == PACKET_L4_TCP &&
		(job->packet.tcp.flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == PACKET_TCP_SYN;

	if (!limit_admit(&table->limit, ceilings, &job->key, job->direction, half_open))
		return SEKISHO_REASON_LIMIT_SOURCE;
	if (half_open && table->limit.half_open >= ceilings->half_open &&
	    !flow_age_recycle(table, now, FLOW_VICTIM_HALF_OPEN, over))
		return SEKISHO_REASON_LIMIT_HALF_OPEN;
	return PACKET_REASON_NONE;
}

/*
 * The same for one that opens in the place of a flow which is over; that is not counted, but goes only
 * if the new one may come (STRICT-7).
 */
static enum sekisho_reason make_way(struct sekisho_engine *engine, const struct job *job,
				    struct flow *over, uint32_t now)
{
	enum sekisho_reason full;

	limit_leave(&engine->table.limit, over);
	full = stay_below(engine, job, over, now);
	limit_return(&engine->table.limit, over);
	if (full == PACKET_REASON_NONE)
		flow_table_end(&engine->table, over, SEKISHO_END_REOPENED);
	return full;
}

/* What has opened a side of a flow: a rule, and the packet of this number. */
struct opening {
	uint32_t rule, packet;
};

static void set_opening(struct sekisho_engine *engine, const struct job *job, struct flow *flow,
			struct opening opening)
{
	flow_table_set_rule(&engine->table, flow, job->direction, opening.rule);
	flow->opened_by[job->direction] = opening.packet;
}

/* Open a flow, or the packet's side of one that the other side has opened. */
static enum sekisho_reason open_flow(struct sekisho_engine *engine, struct job *job,
				     struct flow *flow, const struct rules_match *match,
				     uint32_t now)
{
	const struct track *track = &job->zone->track;
	bool created = flow == NULL, was_half_open = false;
	struct opening former;

	if (created) {
		struct flow_table *table = &engine->table;

		if (table->free_head != FLOW_NONE ||
		    flow_age_recycle(table, now, FLOW_VICTIM_UNANSWERED, NULL))
			flow = flow_table_insert(table, &job->key, job->hash);
		if (flow == NULL)
			return SEKISHO_REASON_TABLE_FULL;
		flow->generation = job->zone->policy->generation;
		flow->opened_at = now;
		flow->timeouts = match->endpoint;
	} else {
		was_half_open = flow_is_half_open(flow);
	}
	former = (struct opening){flow->rule[job->direction], flow->opened_by[job->direction]};
	set_opening(engine, job, flow,
		    (struct opening){match->rule, (uint32_t)job->verdict->packet});
	if (!track_open(track, flow, &job->packet, job->direction)) {
		set_opening(engine, job, flow, former);
		if (created) {
			engine->table.created--;
			flow->state = FLOW_UNANSWERED;
			flow_table_remove(&engine->table, flow);
		}
		return SEKISHO_REASON_TABLE_FULL;
	}
	if (created)
		limit_enter(&engine->table.limit, &job->zone->ceilings, flow);
	else
		limit_change(&engine->table.limit, &job->zone->ceilings, flow, was_half_open);
	engine_flow_account(job, flow, now);
	job->verdict->opened = created;
	return SEKISHO_REASON_RULE_MATCH;
}

/* Neither a flow nor a rule admits the packet: does something else speak for it? */
static enum sekisho_reason vouched_for(const struct job *job, enum sekisho_reason missing)
{
	const struct flow *by = NULL;

	if (job->denied_by == SEKISHO_RULE_NONE)
		by = track_vouches(&job->zone->track, &job->key, &job->packet);
	if (by == NULL)
		return missing;
	job->verdict->rule = by->rule[by->opener];
	job->verdict->opened_by = by->opened_by[by->opener];
	return job->direction == by->opener ? SEKISHO_REASON_FLOW_ORIGINATOR
					    : SEKISHO_REASON_FLOW_ANSWER;
}

/*
 * No flow answers for this packet: do the rules? `missing` is the reason if none does. `flow` is
 * the live flow that did not answer for it, or NULL; with `over` it has ended and makes room for
 * the new.
 */
enum sekisho_reason engine_flow_may_open(struct sekisho_engine *engine, struct job *job,
					 struct flow *flow, bool over, enum sekisho_reason missing,
					 uint32_t now)
{
	const struct track *track = &job->zone->track;
	enum sekisho_reason not_opening = track_may_open(track, &job->packet);
	struct rules_match match;

	if (not_opening == SEKISHO_REASON_BAD_FLAGS)
		return not_opening;
	match = engine_match(job);
	if (match.rule == SEKISHO_RULE_NONE)
		return vouched_for(job, missing);
	if (job->denied_by != SEKISHO_RULE_NONE)
		return engine_acl_refuse(job);
	if (job->zone->policy->profile->open_rules_untracked &&
	    (match.open ||
	     is_way_back(job->zone->policy, &job->key, match.endpoint, job->direction))) {
		job->verdict->rule = match.rule;
		return SEKISHO_REASON_RULE_UNTRACKED;
	}
	if (not_opening != PACKET_REASON_NONE)
		return flow != NULL && !over ? missing : not_opening;
	if (over || flow == NULL) {
		enum sekisho_reason full =
			over ? make_way(engine, job, flow, now) : stay_below(engine, job, NULL, now);

		if (full != PACKET_REASON_NONE)
			return full;
		flow = NULL;
	}
	return open_flow(engine, job, flow, &match, now);
}
