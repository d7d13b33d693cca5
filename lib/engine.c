/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.c: the packet path, and nothing else.
 *
 * A burst goes through three stages in a pipeline, so that the cache misses of one packet hide behind
 * the work on others: receive() parses and asks for the bucket, look_up() asks for the flow, judge()
 * inspects, strictly in the order of arrival. Whatever inspect() finds, the packet leaves by
 * conclude() with exactly one reason. State is made only once the verdict is known; a packet that is
 * dropped changes nothing (STRICT-7).
 */
#include "engine.h"

#include <netinet/in.h>

/* How many packets the second and third stage are behind the first: time for memory to answer. */
#define BUCKET_BEHIND 12
#define FLOW_BEHIND   24

#define REJUDGE_LOOKS   64 /* entries that a step of rejudging looks at */
#define REJUDGE_BUDGET  8  /* and of their flows, how many it judges */
#define FRAGMENT_BUDGET 4  /* datagrams that a burst ends because of their age, of each family */

#define ICMP_OTHER 0x100 /* in a key, with the type of what is neither query nor error */

/* One packet on its way. */
struct job {
	struct packet packet;
	struct flow_key key;
	uint64_t hash;
	struct flow *flow;
	struct engine_zone *zone;
	struct sekisho_verdict *verdict;
	const struct sekisho_frame *frame;
	unsigned direction;
	uint32_t denied_by; /* the entry of a network ACL, or SEKISHO_RULE_NONE */
};

/* ICMP has a key by its kind: identifier or code, and type, stand where others have ports. */
static void icmp_key_rest(struct flow_key_rest *rest, const struct packet *packet)
{
	if (packet->l4_kind == PACKET_L4_ICMP_QUERY) {
		rest->local_port = packet->icmp.id;
		rest->peer_port = track_icmp_request_type(packet);
	} else {
		rest->local_port = packet->icmp.code;
		rest->peer_port = (uint16_t)(ICMP_OTHER | packet->icmp.type);
	}
}

/* What goes out has its local end first, what comes in its peer's; no branch for it. */
static inline void key_make(struct flow_key *key, const struct packet *packet, uint16_t zone,
			    unsigned direction)
{
	const uint8_t(*address)[16] = packet->address;
	struct flow_key_rest rest = {.local_port = packet->port[direction],
				     .peer_port = packet->port[!direction],
				     .zone = zone,
				     .protocol = packet->protocol,
				     .family = packet->family};

	_Static_assert(SEKISHO_EGRESS == 0 && SEKISHO_INGRESS == 1, "directions are indices");
	if (packet->l4_kind == PACKET_L4_ICMP_QUERY || packet->l4_kind == PACKET_L4_ICMP_OTHER)
		icmp_key_rest(&rest, packet);
	flow_key_set(key, address[direction], address[!direction], &rest);
}

/* ---- flows ----------------------------------------------------------------------------------- */

static void flow_expire(struct sekisho_engine *engine, struct flow *flow)
{
	engine->table.expired++;
	flow_table_remove(&engine->table, flow);
}

static void flow_close(struct sekisho_engine *engine, struct flow *flow)
{
	engine->table.closed++;
	flow_table_remove(&engine->table, flow);
}

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
	if (flow->key.peer_port & ICMP_OTHER) {
		query.icmp_type = (uint8_t)flow->key.peer_port;
		query.icmp_code = (uint8_t)flow->key.local_port;
	} else {
		query.icmp_type = flow->track.icmp.opening[direction].type;
		query.icmp_code = flow->track.icmp.opening[direction].code;
	}
	return query;
}

/* AWS-14: whether packets of this key and direction are the way back of an untracked flow. */
static bool is_way_back(const struct sekisho_policy *policy, const struct flow_key *key,
			unsigned direction)
{
	struct rules_query there = key_query(key, !direction);

	return rules_match(policy->rules, &there).open;
}

/*
 * A new policy since the flow was last looked at: find its timers again, and by the profile close
 * what no rule opens any more (STRICT-4) or what needs no tracking any more (AWS-65). False: it is
 * gone.
 */
static bool flow_rejudge(struct sekisho_engine *engine, const struct sekisho_policy *policy,
			 struct flow *flow, enum sekisho_reason *missing)
{
	bool untracked = policy->profile->open_rules_untracked &&
			 (is_way_back(policy, &flow->key, 0) || is_way_back(policy, &flow->key, 1));

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
	flow_close(engine, flow);
	return false;
}

/* A flow that is over, or that a former policy judged: NULL if it is gone. */
static __attribute__((noinline)) struct flow *flow_settle(struct sekisho_engine *engine,
							  const struct sekisho_policy *policy,
							  struct flow *flow, uint32_t now,
							  enum sekisho_reason *missing)
{
	if (flow_time_reached(now, flow->expires_at)) {
		flow_expire(engine, flow);
		return NULL;
	}
	return flow_rejudge(engine, policy, flow, missing) ? flow : NULL;
}

/* The live flow of a key, judged by the present policy; NULL if there is none (any more). */
static inline struct flow *flow_live(struct sekisho_engine *engine,
				     const struct sekisho_policy *policy, struct flow *flow,
				     uint32_t now, enum sekisho_reason *missing)
{
	if (flow == NULL ||
	    (!flow_time_reached(now, flow->expires_at) && flow->generation == policy->generation))
		return flow;
	return flow_settle(engine, policy, flow, now, missing);
}

/* A packet passed by this flow, or opened it: timers, counters, and who is to be thanked. */
static void flow_account(struct job *job, struct flow *flow, uint32_t now)
{
	unsigned direction = job->direction;
	unsigned opener = track_is_originator(flow, direction) ? direction : !direction;

	flow->expires_at = now + job->zone->policy->timeouts[flow->timeouts][track_timeout(flow)];
	flow->packets[direction]++;
	flow->bytes[direction] += job->packet.frame_length;
	job->verdict->rule = flow->rule[opener];
	job->verdict->opened_by = flow->opened_by[opener];
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
static bool acl_denies(struct job *job)
{
	const struct rules_query query = packet_query(job);

	return !rules_acl_allows(job->zone->policy->rules, &query, &job->denied_by);
}

static enum sekisho_reason denied_by_acl(const struct job *job)
{
	job->verdict->rule = job->denied_by;
	return SEKISHO_REASON_NETWORK_ACL;
}

static struct rules_match match_packet(const struct job *job)
{
	const struct rules_query query = packet_query(job);

	return rules_match(job->zone->policy->rules, &query);
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
		flow_close(engine, over);
	return full;
}

/* Open a flow, or the packet's side of one that the other side has opened. */
static enum sekisho_reason open_flow(struct sekisho_engine *engine, struct job *job,
				     struct flow *flow, const struct rules_match *match,
				     uint32_t now)
{
	const struct track *track = &job->zone->track;
	bool created = flow == NULL, was_half_open = false;

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
	if (!track_open(track, flow, &job->packet, job->direction)) {
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
		limit_change(&engine->table.limit, flow, was_half_open);
	flow_table_set_rule(&engine->table, flow, job->direction, match->rule);
	flow->opened_by[job->direction] = (uint32_t)job->verdict->packet;
	flow_account(job, flow, now);
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
static enum sekisho_reason may_open(struct sekisho_engine *engine, struct job *job,
				    struct flow *flow, bool over, enum sekisho_reason missing,
				    uint32_t now)
{
	const struct track *track = &job->zone->track;
	enum sekisho_reason not_opening = track_may_open(track, &job->packet);
	struct rules_match match;

	if (not_opening == SEKISHO_REASON_BAD_FLAGS)
		return not_opening;
	match = match_packet(job);
	if (match.rule == SEKISHO_RULE_NONE)
		return vouched_for(job, missing);
	if (job->denied_by != SEKISHO_RULE_NONE)
		return denied_by_acl(job);
	if (job->zone->policy->profile->open_rules_untracked &&
	    (match.open || is_way_back(job->zone->policy, &job->key, job->direction))) {
		job->verdict->rule = match.rule;
		return SEKISHO_REASON_RULE_UNTRACKED;
	}
	if (not_opening != PACKET_REASON_NONE)
		return flow != NULL && !over ? missing : not_opening;
	if (over || flow == NULL) {
		enum sekisho_reason full = over ? make_way(engine, job, flow, now)
						: stay_below(engine, job, NULL, now);

		if (full != PACKET_REASON_NONE)
			return full;
		flow = NULL;
	}
	return open_flow(engine, job, flow, &match, now);
}

/* ---- ICMP errors ----------------------------------------------------------------------------- */

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
	key_make(&key, &quoted, job->key.zone, !job->direction);
	flow = flow_table_find(&engine->table, &key, flow_table_hash(&engine->table, &key));
	flow = flow_live(engine, job->zone->policy, flow, now, &missing);
	return flow != NULL && track_quotes(track, flow, &quoted, !job->direction) ? flow : NULL;
}

/* STRICT-60, 61, AWS-32: by the flow that it quotes; never opens, refreshes or closes one. */
static enum sekisho_reason related(struct sekisho_engine *engine, struct job *job, uint32_t now)
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
			return denied_by_acl(job);
		job->verdict->rule = flow->rule[opener];
		job->verdict->opened_by = flow->opened_by[opener];
		return SEKISHO_REASON_ICMP_RELATED;
	}
	if (need_relation)
		return refused != PACKET_REASON_NONE ? refused : SEKISHO_REASON_ICMP_UNRELATED;
	match = match_packet(job);
	if (match.rule == SEKISHO_RULE_NONE)
		return SEKISHO_REASON_NO_RULE;
	if (job->denied_by != SEKISHO_RULE_NONE)
		return denied_by_acl(job);
	job->verdict->rule = match.rule;
	return SEKISHO_REASON_RULE_STATELESS;
}

/* ---- fragments ------------------------------------------------------------------------------- */

static enum sekisho_reason through_state(struct sekisho_engine *engine, struct job *job,
					 uint32_t now);

static struct fragment_origin fragment_origin(const struct job *job, uint32_t now)
{
	return (struct fragment_origin){
		.zone = job->key.zone, .direction = (uint8_t)job->direction, .now = now};
}

/* The first fragment: judged like a whole packet; the others inherit what became of it. */
static enum sekisho_reason judge_first(struct sekisho_engine *engine, struct job *job,
				       struct fragment_datagram *datagram, uint32_t now)
{
	const struct packet *packet = &job->packet;
	enum sekisho_reason reason = through_state(engine, job, now);

	if (packet->l4_kind == PACKET_L4_TCP) {
		datagram->is_tcp = true;
		datagram->flow = job->key;
		datagram->tcp_end_base = packet_tcp_end(packet) - packet->fragment_length;
	}
	fragment_decide(&engine->fragments, datagram, reason, job->verdict->rule,
			(uint32_t)job->verdict->opened_by);
	return reason;
}

static enum sekisho_reason follow_first(struct job *job, const struct fragment_datagram *datagram)
{
	job->verdict->rule = datagram->rule;
	job->verdict->opened_by = datagram->opened_by;
	return fragment_inherit(datagram);
}

static enum sekisho_reason hold(struct sekisho_engine *engine, const struct job *job,
				struct fragment_datagram *datagram)
{
	const struct fragment_held frame = {.handle = job->frame->handle,
					    .packet = job->verdict->packet,
					    .length = job->packet.frame_length,
					    .zone = job->key.zone,
					    .direction = (uint8_t)job->direction};

	fragment_hold(&engine->fragments, datagram, &frame);
	return SEKISHO_REASON_FRAGMENT_HELD;
}

/* All of a datagram has been seen: its flow learns where a TCP segment ends. */
static void finish_datagram(struct sekisho_engine *engine, struct fragment_datagram *datagram)
{
	struct flow *flow = NULL;

	if (datagram->is_tcp && sekisho_reason_action(datagram->reason) == SEKISHO_PASS)
		flow = flow_table_find(&engine->table, &datagram->flow,
				       flow_table_hash(&engine->table, &datagram->flow));
	if (flow != NULL)
		track_tcp_stretch(flow, datagram->direction,
				  datagram->tcp_end_base + datagram->end);
	fragment_forget(&engine->fragments, datagram);
}

static enum sekisho_reason through_fragments(struct sekisho_engine *engine, struct job *job,
					     uint32_t now)
{
	const struct fragment_origin origin = fragment_origin(job, now);
	struct fragment_admission admission =
		fragment_admit(&engine->fragments, &job->packet, &origin);
	enum sekisho_reason reason = admission.reason;

	switch (admission.outcome) {
	case FRAGMENT_REFUSE:
		return reason;
	case FRAGMENT_WAIT:
		return hold(engine, job, admission.datagram);
	case FRAGMENT_JUDGE:
		reason = judge_first(engine, job, admission.datagram, now);
		break;
	case FRAGMENT_FOLLOW:
		reason = follow_first(job, admission.datagram);
		break;
	}
	if (fragment_is_complete(admission.datagram))
		finish_datagram(engine, admission.datagram);
	return reason;
}

/* A packet that did not parse; as a first fragment it takes its whole datagram with it. */
static enum sekisho_reason malformed(struct sekisho_engine *engine, const struct job *job,
				     uint32_t now)
{
	const struct packet *packet = &job->packet;
	const struct fragment_origin origin = fragment_origin(job, now);

	if (packet->is_fragment && packet->fragment_offset == 0)
		fragment_refuse(&engine->fragments, packet, &origin);
	return packet->reason;
}

/* ---- the path -------------------------------------------------------------------------------- */

static enum sekisho_reason through_flow(struct sekisho_engine *engine, struct job *job,
					struct flow *flow, uint32_t now)
{
	bool was_half_open = flow_is_half_open(flow);
	bool originator = track_is_originator(flow, job->direction);
	struct track_result result;

	if (job->denied_by != SEKISHO_RULE_NONE)
		return denied_by_acl(job);
	result = track_inspect(&job->zone->track, flow, &job->packet, job->direction);
	switch (result.outcome) {
	case TRACK_PASS:
	case TRACK_LAST:
		if (flow_is_half_open(flow) != was_half_open)
			limit_change(&engine->table.limit, flow, was_half_open);
		flow_account(job, flow, now);
		if (result.outcome == TRACK_LAST)
			flow_close(engine, flow);
		return originator ? SEKISHO_REASON_FLOW_ORIGINATOR : SEKISHO_REASON_FLOW_ANSWER;
	case TRACK_JUDGE:
		return may_open(engine, job, flow, false, result.reason, now);
	case TRACK_REOPEN:
		return may_open(engine, job, flow, true, SEKISHO_REASON_NO_RULE, now);
	default:
		job->verdict->bound = result.bound;
		return result.reason;
	}
}

static bool is_never_filtered(const struct job *job)
{
	const struct packet *packet = &job->packet;

	return policy_never_filters(job->zone->policy, packet->family, packet->source) ||
	       policy_never_filters(job->zone->policy, packet->family, packet->destination);
}

static enum sekisho_reason through_state(struct sekisho_engine *engine, struct job *job,
					 uint32_t now)
{
	const struct engine_zone *zone = job->zone;
	enum sekisho_reason missing = SEKISHO_REASON_NO_RULE;
	struct flow *flow;

	if (zone->verifies_checksums && !(job->frame->flags & SEKISHO_FRAME_L4_CHECKSUM_GOOD) &&
	    !packet_checksum_ok(&job->packet))
		return SEKISHO_REASON_BAD_CHECKSUM;
	if (zone->has_acls && acl_denies(job) && job->direction == SEKISHO_INGRESS)
		return denied_by_acl(job);
	if (job->packet.l4_kind == PACKET_L4_ICMP_ERROR)
		return related(engine, job, now);
	flow = flow_live(engine, zone->policy, job->flow, now, &missing);
	if (flow == NULL)
		return may_open(engine, job, NULL, false, missing, now);
	return through_flow(engine, job, flow, now);
}

static enum sekisho_reason inspect(struct sekisho_engine *engine, struct job *job, uint32_t now)
{
	const struct packet *packet = &job->packet;

	if (packet->reason != PACKET_REASON_NONE)
		return malformed(engine, job, now);
	if (packet->kind == PACKET_ARP)
		return SEKISHO_REASON_ARP;
	if (packet->l4_kind == PACKET_L4_ND)
		return SEKISHO_REASON_NEIGHBOUR;
	if (job->zone->has_never_filtered && is_never_filtered(job))
		return SEKISHO_REASON_NEVER_FILTERED;
	if (packet->is_fragment)
		return through_fragments(engine, job, now);
	return through_state(engine, job, now);
}

/* Give a packet its reason; one that is held is counted when it is released. */
static inline void conclude(struct sekisho_engine *engine, struct sekisho_verdict *verdict,
			    uint32_t frame_length, enum sekisho_reason reason)
{
	verdict->reason = (uint8_t)reason;
	verdict->action = sekisho_reason_actions[reason];
	if (verdict->action == SEKISHO_HOLD)
		return;
	engine->telemetry.by_reason[reason]++;
	telemetry_rule(&engine->telemetry, verdict->rule, frame_length,
		       reason == SEKISHO_REASON_RULE_MATCH);
}

/* The first stage: take the frame apart, and ask for the bucket where its flow would be. */
static inline void receive(struct sekisho_engine *engine, struct job *job,
			   const struct sekisho_frame *frame, struct sekisho_verdict *verdict)
{
	packet_parse(&job->packet, frame->data, frame->captured, frame->length);
	job->frame = frame;
	job->verdict = verdict;
	job->direction = frame->direction & 1;
	job->denied_by = SEKISHO_RULE_NONE;
	job->zone = &engine->zones[frame->zone];
	job->zone->track.now = engine->telemetry.now_ms;
	key_make(&job->key, &job->packet, frame->zone, job->direction);
	job->hash = flow_table_hash(&engine->table, &job->key);
	flow_table_prefetch(&engine->table, job->hash);
	*verdict = (struct sekisho_verdict){.rule = SEKISHO_RULE_NONE,
					    .packet = ++engine->telemetry.received};
	engine->telemetry.received_bytes += frame->length;
}

/* The second: the bucket has come; ask for the flow. */
static inline void look_up(const struct sekisho_engine *engine, struct job *job)
{
	job->flow = flow_table_candidate(&engine->table, job->hash);
	flow_prefetch(job->flow);
}

/* The third: judge the packet by the flow that was asked for, or by the one that is there now. */
static inline void judge(struct sekisho_engine *engine, struct job *job, uint32_t now)
{
	if (!flow_is(job->flow, &job->key))
		job->flow = flow_table_find(&engine->table, &job->key, job->hash);
	conclude(engine, job->verdict, job->packet.frame_length, inspect(engine, job, now));
}

void sekisho_engine_burst(struct sekisho_engine *engine, uint32_t now_ms,
			  const struct sekisho_frame *frames, unsigned count,
			  struct sekisho_verdict *verdicts)
{
	struct job jobs[SEKISHO_BURST_MAX];

	engine->telemetry.now_ms = now_ms;
	for (unsigned i = 0; i < count + FLOW_BEHIND; i++) {
		unsigned looked_up = i - BUCKET_BEHIND, judged = i - FLOW_BEHIND;

		if (i < count)
			receive(engine, &jobs[i], &frames[i], &verdicts[i]);
		if (looked_up < count)
			look_up(engine, &jobs[looked_up]);
		if (judged < count)
			judge(engine, &jobs[judged], now_ms);
	}
	flow_age_sweep(&engine->table, now_ms);
	fragment_age(&engine->fragments, now_ms, FRAGMENT_BUDGET);
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

unsigned sekisho_engine_release(struct sekisho_engine *engine, struct sekisho_release *releases,
				unsigned max)
{
	struct fragment_held frame;
	unsigned count = 0;

	while (count < max && fragment_take_ready(&engine->fragments, &frame)) {
		struct sekisho_release *release = &releases[count++];

		*release = (struct sekisho_release){.handle = frame.handle,
						    .zone = frame.zone,
						    .direction = frame.direction,
						    .verdict = {.rule = frame.rule,
								.packet = frame.packet,
								.opened_by = frame.opened_by}};
		conclude(engine, &release->verdict, frame.length, frame.reason);
	}
	return count;
}
