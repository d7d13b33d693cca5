/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.c: the packet path, and nothing else.
 *
 * A burst goes through in stages, so that the cache misses of one packet hide behind the others: parse
 * and hash all, prefetching buckets; find all, prefetching flows; then inspect() each in turn. Whatever
 * inspect() finds, the packet leaves by conclude() with exactly one reason. State is made only once the
 * verdict is known; a packet that is dropped changes nothing (STRICT-7).
 */
#include "engine.h"

#include <netinet/in.h>

#include "track.h"

#define SWEEP_BUDGET 64 /* entries aged a burst; a burst makes at most SEKISHO_BURST_MAX flows */

/* One packet on its way. */
struct job {
	struct packet packet;
	struct flow_key key;
	uint64_t hash;
	struct flow *flow;
	const struct engine_zone *zone;
	const struct sekisho_policy *policy;
	struct sekisho_verdict *verdict;
	unsigned direction;
};

static void key_make(struct flow_key *key, const struct packet *packet, uint16_t zone,
		     unsigned direction)
{
	bool egress = direction == SEKISHO_EGRESS;

	memcpy(key->local, egress ? packet->source : packet->destination, sizeof(key->local));
	memcpy(key->peer, egress ? packet->destination : packet->source, sizeof(key->peer));
	key->zone = zone;
	key->protocol = packet->protocol;
	key->family = packet->family;
	switch (packet->l4_kind) {
	case PACKET_L4_ICMP_QUERY:
		key->local_port = packet->icmp.id;
		key->peer_port = track_icmp_request_type(packet);
		break;
	case PACKET_L4_ICMP_OTHER:
		key->local_port = 0;
		key->peer_port = (uint16_t)(0x100 | packet->icmp.type);
		break;
	default:
		key->local_port = egress ? packet->source_port : packet->destination_port;
		key->peer_port = egress ? packet->destination_port : packet->source_port;
	}
}

static struct track track_of(struct sekisho_engine *engine, const struct sekisho_policy *policy,
			     uint32_t now)
{
	return (struct track){.profile = policy->profile,
			      .strict = &policy->strict,
			      .aws = &policy->aws,
			      .table = &engine->table,
			      .now = now};
}

/* ---- flows ------------------------------------------------------------------------------------ */

static void flow_expire(struct sekisho_engine *engine, struct flow *flow)
{
	engine->table.expired++;
	flow_table_remove(&engine->table, flow);
}

/* The rules' view of the packet that would open a flow in `direction`. */
static struct rules_query opening_query(const struct flow_key *key, unsigned direction)
{
	struct rules_query query = {
		.local = key->local,
		.peer = key->peer,
		.direction = (uint8_t)direction,
		.family = key->family,
		.protocol = key->protocol,
		.port = direction == SEKISHO_EGRESS ? key->peer_port : key->local_port,
	};

	if (key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6)
		query.icmp_type = (uint8_t)key->peer_port;
	return query;
}

/*
 * A new policy since the flow was last looked at: find its timers again, and by the profile close what
 * no rule opens any more (STRICT-4) or what needs no tracking any more (AWS-65). False: it is gone.
 */
static bool flow_rejudge(struct sekisho_engine *engine, const struct sekisho_policy *policy,
			 struct flow *flow, enum sekisho_reason *missing)
{
	const struct profile *profile = policy->profile;
	bool open = false;

	for (unsigned d = 0; d < 2; d++) {
		struct rules_query query = opening_query(&flow->key, d);
		struct rules_match match;

		if (!track_is_originator(flow, d))
			continue;
		match = rules_match(policy->rules, &query);
		flow->timeouts = match.endpoint;
		open |= profile->open_rules_untracked && match.open;
		if (!profile->rules_may_withdraw)
			continue;
		if (match.rule == SEKISHO_RULE_NONE)
			flow->opened &= (uint8_t)~(1u << d);
		else
			flow->rule[d] = match.rule;
	}
	flow->generation = policy->generation;
	if (flow->opened != 0 && !open)
		return true;
	if (!open)
		*missing = SEKISHO_REASON_RULE_WITHDRAWN;
	engine->table.closed++;
	flow_table_remove(&engine->table, flow);
	return false;
}

/* The live flow of a key, judged by the present policy; NULL if there is none (any more). */
static struct flow *flow_live(struct sekisho_engine *engine, const struct sekisho_policy *policy,
			      struct flow *flow, uint32_t now, enum sekisho_reason *missing)
{
	if (flow == NULL)
		return NULL;
	if (flow_time_reached(now, flow->expires_at)) {
		flow_expire(engine, flow);
		return NULL;
	}
	if (flow->generation != policy->generation &&
	    !flow_rejudge(engine, policy, flow, missing))
		return NULL;
	return flow;
}

/* A packet passed by this flow, or opened it: timers, counters, and who is to be thanked. */
static void flow_account(struct job *job, struct flow *flow, uint32_t now)
{
	unsigned direction = job->direction;
	unsigned opener = track_is_originator(flow, direction) ? direction : !direction;

	flow->expires_at = now + job->policy->timeouts[flow->timeouts][track_timeout(flow)];
	flow->packets[direction]++;
	flow->bytes[direction] += job->packet.frame_length;
	job->verdict->rule = flow->rule[opener];
	job->verdict->opened_by = flow->opened_by[opener];
}

/* ---- without a flow --------------------------------------------------------------------------- */

static struct rules_match match_packet(const struct job *job)
{
	const struct packet *packet = &job->packet;
	bool icmp = packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6;
	struct rules_query query = {
		.local = job->key.local,
		.peer = job->key.peer,
		.direction = (uint8_t)job->direction,
		.family = packet->family,
		.protocol = packet->protocol,
		.port = packet->destination_port,
		.icmp_type = icmp ? packet->icmp.type : 0,
		.icmp_code = icmp ? packet->icmp.code : 0,
	};

	return rules_match(job->policy->rules, &query);
}

static enum sekisho_reason make_room(struct sekisho_engine *engine, const struct job *job,
				     uint32_t now)
{
	struct flow_table *table = &engine->table;

	if (job->packet.l4_kind == PACKET_L4_TCP && table->half_open >= job->zone->half_open_max &&
	    !flow_age_recycle(table, now, FLOW_VICTIM_HALF_OPEN))
		return SEKISHO_REASON_LIMIT_HALF_OPEN;
	if (table->free_head == FLOW_NONE &&
	    !flow_age_recycle(table, now, FLOW_VICTIM_UNANSWERED))
		return SEKISHO_REASON_TABLE_FULL;
	return PACKET_REASON_NONE;
}

/* Open a flow, or the packet's side of one that the other side has opened. */
static enum sekisho_reason open_flow(struct sekisho_engine *engine, struct job *job,
				     struct flow *flow, const struct rules_match *match,
				     uint32_t now)
{
	struct track track = track_of(engine, job->policy, now);
	bool created = flow == NULL, was_half_open = false;

	if (created) {
		enum sekisho_reason full = make_room(engine, job, now);

		if (full != PACKET_REASON_NONE)
			return full;
		flow = flow_table_insert(&engine->table, &job->key, job->hash);
		if (flow == NULL)
			return SEKISHO_REASON_TABLE_FULL;
		flow->generation = job->policy->generation;
		flow->opened_at = now;
		flow->timeouts = match->endpoint;
		flow->rule[0] = flow->rule[1] = SEKISHO_RULE_NONE;
	} else {
		was_half_open = flow_is_half_open(flow);
	}
	if (!track_open(&track, flow, &job->packet, job->direction)) {
		if (created) {
			engine->table.created--;
			flow->state = FLOW_UNANSWERED;
			flow_table_remove(&engine->table, flow);
		}
		return SEKISHO_REASON_TABLE_FULL;
	}
	engine->table.half_open += (uint32_t)flow_is_half_open(flow) - (uint32_t)was_half_open;
	flow->rule[job->direction] = match->rule;
	flow->opened_by[job->direction] = (uint32_t)job->verdict->packet;
	flow_account(job, flow, now);
	job->verdict->opened = created;
	return SEKISHO_REASON_RULE_MATCH;
}

/*
 * No flow answers for this packet: do the rules? `missing` is the reason if none does. `flow` is the
 * live flow that did not answer for it, or NULL; with `over` it has ended and makes room for the new.
 */
static enum sekisho_reason may_open(struct sekisho_engine *engine, struct job *job,
				    struct flow *flow, bool over, enum sekisho_reason missing,
				    uint32_t now)
{
	struct track track = track_of(engine, job->policy, now);
	enum sekisho_reason not_opening = track_may_open(&track, &job->packet);
	struct rules_match match;

	if (not_opening == SEKISHO_REASON_BAD_FLAGS)
		return not_opening;
	match = match_packet(job);
	if (match.rule == SEKISHO_RULE_NONE)
		return missing;
	if (match.open && job->policy->profile->open_rules_untracked) {
		job->verdict->rule = match.rule;
		return SEKISHO_REASON_RULE_UNTRACKED;
	}
	if (not_opening != PACKET_REASON_NONE)
		return flow != NULL && !over ? missing : not_opening;
	if (over) {
		engine->table.closed++;
		flow_table_remove(&engine->table, flow);
		flow = NULL;
	}
	return open_flow(engine, job, flow, &match, now);
}

/* ---- ICMP errors ------------------------------------------------------------------------------ */

static enum sekisho_reason error_is_refused(const struct packet *error)
{
	bool v4 = error->family == SEKISHO_IPV4;

	if (error->icmp.type == (v4 ? 5 : 137))
		return SEKISHO_REASON_ICMP_REDIRECT;
	if (v4 && error->icmp.type == 3 && error->icmp.code == 4 && error->icmp.mtu < 68)
		return SEKISHO_REASON_ICMP_MTU_SMALL;
	if (!v4 && error->icmp.type == 2 && error->icmp.mtu < 1280)
		return SEKISHO_REASON_ICMP_MTU_SMALL;
	return PACKET_REASON_NONE;
}

/* The live flow whose packet an error quotes, if the error goes to that packet's sender. */
static struct flow *quoted_flow(struct sekisho_engine *engine, const struct job *job, uint32_t now)
{
	struct track track = track_of(engine, job->policy, now);
	enum sekisho_reason missing;
	struct packet quoted;
	struct flow_key key = {0};
	struct flow *flow;

	if (!packet_parse_quoted(&quoted, &job->packet) ||
	    memcmp(quoted.source, job->packet.destination, sizeof(quoted.source)) != 0)
		return NULL;
	key_make(&key, &quoted, job->key.zone, !job->direction);
	flow = flow_table_find(&engine->table, &key, flow_table_hash(&engine->table, &key));
	flow = flow_live(engine, job->policy, flow, now, &missing);
	return flow != NULL && track_quotes(&track, flow, &quoted, !job->direction) ? flow : NULL;
}

/* STRICT-60, 61, AWS-32: by the flow that it quotes; never opens, refreshes or closes one. */
static enum sekisho_reason related(struct sekisho_engine *engine, struct job *job, uint32_t now)
{
	enum sekisho_reason refused = error_is_refused(&job->packet);
	struct rules_match match;
	struct flow *flow = NULL;

	if (refused == PACKET_REASON_NONE)
		flow = quoted_flow(engine, job, now);
	if (flow != NULL) {
		unsigned sender = !job->direction;
		unsigned opener = track_is_originator(flow, sender) ? sender : !sender;

		job->verdict->rule = flow->rule[opener];
		job->verdict->opened_by = flow->opened_by[opener];
		return SEKISHO_REASON_ICMP_RELATED;
	}
	if (job->policy->profile->errors_need_relation)
		return refused != PACKET_REASON_NONE ? refused : SEKISHO_REASON_ICMP_UNRELATED;
	match = match_packet(job);
	job->verdict->rule = match.rule;
	return match.rule == SEKISHO_RULE_NONE ? SEKISHO_REASON_NO_RULE
					       : SEKISHO_REASON_RULE_STATELESS;
}

/* ---- fragments -------------------------------------------------------------------------------- */

static enum sekisho_reason follow_fragment(struct sekisho_engine *engine, struct job *job,
					   uint32_t now)
{
	const struct fragment_datagram *first = fragment_find(
		&engine->fragments, &job->packet, job->key.zone, job->direction, now);

	if (first == NULL)
		return SEKISHO_REASON_FRAGMENT_ORPHAN;
	if (sekisho_reason_action(first->reason) == SEKISHO_DROP)
		return SEKISHO_REASON_FRAGMENT_REFUSED;
	job->verdict->rule = first->rule;
	job->verdict->opened_by = first->opened_by;
	return first->reason == SEKISHO_REASON_RULE_MATCH ? SEKISHO_REASON_FLOW_ORIGINATOR
							  : first->reason;
}

static void remember_fragment(struct sekisho_engine *engine, const struct job *job,
			      enum sekisho_reason reason, uint32_t now)
{
	struct fragment_datagram *datagram = fragment_begin(
		&engine->fragments, &job->packet, job->key.zone, job->direction, now);

	datagram->reason = (uint8_t)reason;
	datagram->rule = job->verdict->rule;
	datagram->opened_by = (uint32_t)job->verdict->opened_by;
}

/* ---- the path --------------------------------------------------------------------------------- */

static enum sekisho_reason through_flow(struct sekisho_engine *engine, struct job *job,
					struct flow *flow, uint32_t now)
{
	struct track track = track_of(engine, job->policy, now);
	bool was_half_open = flow_is_half_open(flow);
	struct track_result result = track_inspect(&track, flow, &job->packet, job->direction);

	switch (result.outcome) {
	case TRACK_PASS:
		engine->table.half_open +=
			(uint32_t)flow_is_half_open(flow) - (uint32_t)was_half_open;
		flow_account(job, flow, now);
		return track_is_originator(flow, job->direction) ? SEKISHO_REASON_FLOW_ORIGINATOR
								 : SEKISHO_REASON_FLOW_ANSWER;
	case TRACK_JUDGE:
		return may_open(engine, job, flow, false, result.reason, now);
	case TRACK_REOPEN:
		return may_open(engine, job, flow, true, SEKISHO_REASON_NO_RULE, now);
	default:
		job->verdict->bound = result.bound;
		return result.reason;
	}
}

static enum sekisho_reason inspect(struct sekisho_engine *engine, struct job *job, uint8_t flags,
				   uint32_t now)
{
	const struct packet *packet = &job->packet;
	const struct sekisho_policy *policy = job->policy;
	enum sekisho_reason missing = SEKISHO_REASON_NO_RULE;
	struct flow *flow;

	if (packet->reason != PACKET_REASON_NONE)
		return packet->reason;
	if (packet->kind == PACKET_ARP)
		return SEKISHO_REASON_ARP;
	if (packet->l4_kind == PACKET_L4_ND)
		return SEKISHO_REASON_NEIGHBOUR;
	if (policy_never_filters(policy, packet->family, packet->source) ||
	    policy_never_filters(policy, packet->family, packet->destination))
		return SEKISHO_REASON_NEVER_FILTERED;
	if (packet->is_fragment && packet->fragment_offset != 0)
		return follow_fragment(engine, job, now);
	if (policy->profile->checksums_verified && policy->strict.verify_checksums &&
	    !(flags & SEKISHO_FRAME_L4_CHECKSUM_GOOD) && !packet_checksum_ok(packet))
		return SEKISHO_REASON_BAD_CHECKSUM;
	if (packet->l4_kind == PACKET_L4_ICMP_ERROR)
		return related(engine, job, now);
	flow = flow_live(engine, policy, job->flow, now, &missing);
	if (flow == NULL)
		return may_open(engine, job, NULL, false, missing, now);
	return through_flow(engine, job, flow, now);
}

static void conclude(struct sekisho_engine *engine, struct job *job, enum sekisho_reason reason)
{
	struct sekisho_verdict *verdict = job->verdict;

	verdict->reason = (uint8_t)reason;
	verdict->action = (uint8_t)sekisho_reason_action(reason);
	engine->telemetry.by_reason[reason]++;
	telemetry_rule(&engine->telemetry, verdict->rule, job->packet.frame_length,
		       reason == SEKISHO_REASON_RULE_MATCH);
}

void sekisho_engine_burst(struct sekisho_engine *engine, uint32_t now_ms,
			  const struct sekisho_frame *frames, unsigned count,
			  struct sekisho_verdict *verdicts)
{
	struct job jobs[SEKISHO_BURST_MAX];
	uint32_t changes = engine->table.changes;

	for (unsigned i = 0; i < count; i++) {
		struct job *job = &jobs[i];

		packet_parse(&job->packet, frames[i].data, frames[i].captured, frames[i].length);
		job->direction = frames[i].direction;
		job->zone = &engine->zones[frames[i].zone];
		job->policy = job->zone->policy;
		key_make(&job->key, &job->packet, frames[i].zone, job->direction);
		job->hash = flow_table_hash(&engine->table, &job->key);
		flow_table_prefetch(&engine->table, job->hash);
		verdicts[i] = (struct sekisho_verdict){.rule = SEKISHO_RULE_NONE,
						       .packet = ++engine->telemetry.received};
		engine->telemetry.received_bytes += frames[i].length;
		job->verdict = &verdicts[i];
	}
	for (unsigned i = 0; i < count; i++) {
		jobs[i].flow = flow_table_find(&engine->table, &jobs[i].key, jobs[i].hash);
		if (jobs[i].flow != NULL)
			__builtin_prefetch(jobs[i].flow->rule); /* its second line */
	}
	for (unsigned i = 0; i < count; i++) {
		enum sekisho_reason reason;

		/* an earlier packet of the burst may have made or removed the flow */
		if (engine->table.changes != changes)
			jobs[i].flow = flow_table_find(&engine->table, &jobs[i].key, jobs[i].hash);
		reason = inspect(engine, &jobs[i], frames[i].flags, now_ms);
		if (jobs[i].packet.is_fragment && jobs[i].packet.fragment_offset == 0)
			remember_fragment(engine, &jobs[i], reason, now_ms);
		conclude(engine, &jobs[i], reason);
	}
	flow_age_sweep(&engine->table, now_ms, SWEEP_BUDGET);
}
