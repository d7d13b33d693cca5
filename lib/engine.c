/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.c: the packet path, and nothing else.
 *
 * A burst goes through stages in groups, so that the cache misses of one group hide behind the work on
 * others: take apart, hash and ask for buckets; ask for flows, again for those that are not where their
 * hash leads first; judge, strictly in the order of arrival. Most packets are plain and of an established
 * flow, and go the short way (engine_plain.h); all others are parsed in full and go by inspect(). Either
 * way a packet gets exactly one reason. State is made only once the verdict is known; a packet that is
 * dropped changes nothing (STRICT-7).
 *
 * Groups, since asking for memory waits itself where an address is not in the TLB: requests in a row wait
 * together. Measured at 1 M flows, ns a packet: groups of 8, 16 and 32: 44.8, 43.4, 44.7; packets one by
 * one through a pipeline of 4, 8 and 12: 64, 55, 53. Of these 15 are work (1 k flows).
 */
#include "engine_plain.h"

#define GROUP RULES_MANY /* packets that go through a stage together */

#define FRAGMENT_BUDGET 4 /* datagrams that a burst ends because of their age, of each family */

static enum sekisho_reason through_flow(struct sekisho_engine *engine, struct job *job,
					struct flow *flow, uint32_t now)
{
	bool was_half_open = flow_is_half_open(flow);
	bool originator = track_is_originator(flow, job->direction);
	struct track_result result;

	if (job->denied_by != SEKISHO_RULE_NONE)
		return engine_acl_refuse(job);
	result = track_inspect(&job->zone->track, flow, &job->packet, job->direction);
	switch (result.outcome) {
	case TRACK_PASS:
	case TRACK_LAST:
		if (flow_is_half_open(flow) != was_half_open)
			limit_change(&engine->table.limit, &job->zone->ceilings, flow,
				     was_half_open);
		engine_flow_account(job, flow, now);
		if (result.outcome == TRACK_LAST)
			flow_table_end(&engine->table, flow, SEKISHO_END_ANSWERED);
		return originator ? SEKISHO_REASON_FLOW_ORIGINATOR : SEKISHO_REASON_FLOW_ANSWER;
	case TRACK_JUDGE:
		return engine_flow_may_open(engine, job, flow, false, result.reason, now);
	case TRACK_REOPEN:
		return engine_flow_may_open(engine, job, flow, true, SEKISHO_REASON_NO_RULE, now);
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

enum sekisho_reason engine_inspect_state(struct sekisho_engine *engine, struct job *job,
					 uint32_t now)
{
	const struct engine_zone *zone = job->zone;
	enum sekisho_reason missing = SEKISHO_REASON_NO_RULE;
	struct flow *flow;

	if (zone->verifies_checksums && !(job->frame->flags & SEKISHO_FRAME_L4_CHECKSUM_GOOD) &&
	    !packet_checksum_ok(&job->packet))
		return SEKISHO_REASON_BAD_CHECKSUM;
	if (zone->has_acls && engine_acl_denies(job) && job->direction == SEKISHO_INGRESS)
		return engine_acl_refuse(job);
	if (job->packet.l4_kind == PACKET_L4_ICMP_ERROR)
		return engine_error_inspect(engine, job, now);
	flow = engine_flow_live(engine, zone->policy, job->flow, now, &missing);
	if (flow == NULL)
		return engine_flow_may_open(engine, job, NULL, false, missing, now);
	return through_flow(engine, job, flow, now);
}

static enum sekisho_reason inspect(struct sekisho_engine *engine, struct job *job, uint32_t now)
{
	const struct packet *packet = &job->packet;

	if (packet->reason != PACKET_REASON_NONE)
		return engine_fragment_malformed(engine, job, now);
	if (packet->kind == PACKET_ARP)
		return SEKISHO_REASON_ARP;
	if (packet->l4_kind == PACKET_L4_ND)
		return SEKISHO_REASON_NEIGHBOUR;
	if (job->zone->has_never_filtered && is_never_filtered(job))
		return SEKISHO_REASON_NEVER_FILTERED;
	if (packet->is_fragment)
		return engine_fragment_inspect(engine, job, now);
	return engine_inspect_state(engine, job, now);
}

/* Take a frame apart that is not plain. */
static __attribute__((noinline)) void receive_any(struct job *job)
{
	const struct sekisho_frame *frame = job->frame;

	packet_parse_any(&job->packet, frame->data, frame->captured, frame->length);
	job_key_make(&job->key, &job->packet, frame->zone, job->direction);
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

/* Take a packet in whose key is known, and find out where its flow would be. */
static inline void enter(struct sekisho_engine *engine, struct job *job,
			 struct sekisho_verdict *verdict)
{
	job->verdict = verdict;
	job->is_matched = false;
	job->zone = &engine->zones[job->frame->zone];
	job->hash = flow_table_hash(&engine->table, &job->key);
	engine->telemetry.received_bytes += job->frame->length;
}

/* Take a frame apart, as far as is needed now, and find out where its flow would be. */
static inline void receive(struct sekisho_engine *engine, struct job *job,
			   const struct sekisho_frame *frame, struct sekisho_verdict *verdict)
{
	job->frame = frame;
	job->direction = frame->direction & 1;
	job->plain = packet_plain_protocol(frame->data, frame->captured, frame->length);
	if (job->plain != 0)
		engine_plain_key(&job->key, frame, job->plain);
	else
		receive_any(job);
	enter(engine, job, verdict);
}

/* Judge a packet that takes more than the short way. */
static __attribute__((noinline)) void judge_any(struct sekisho_engine *engine, struct job *job,
						uint32_t now)
{
	const struct sekisho_frame *frame = job->frame;

	if (job->plain != 0)
		packet_parse(&job->packet, frame->data, frame->captured, frame->length);
	job->plain = 0;
	job->denied_by = SEKISHO_RULE_NONE;
	job->zone->track.now = now;
	*job->verdict = (struct sekisho_verdict){.rule = SEKISHO_RULE_NONE,
						 .packet = engine->telemetry.received};
	conclude(engine, job->verdict, frame->length, inspect(engine, job, now));
}

/* Judge a packet by the flow that was asked for, or by the one that is there now. */
static inline void judge(struct sekisho_engine *engine, struct job *job, uint32_t now)
{
	enum sekisho_reason reason = PACKET_REASON_NONE;

	engine->telemetry.received++;
	if (!flow_is(job->flow, &job->key))
		job->flow = flow_table_find(&engine->table, &job->key, job->hash);
	if (job->plain != 0)
		reason = engine_plain_inspect(job, now);
	if (reason == PACKET_REASON_NONE) {
		judge_any(engine, job, now);
		return;
	}
	job->verdict->action = SEKISHO_PASS;
	job->verdict->reason = (uint8_t)reason;
	job->verdict->bound = job->verdict->opened = 0;
	job->verdict->packet = engine->telemetry.received;
	engine->telemetry.by_reason[reason]++;
	telemetry_rule(&engine->telemetry, job->verdict->rule, job->frame->length, 0);
}

static inline void age(struct sekisho_engine *engine, uint32_t now_ms)
{
	flow_age_sweep(&engine->table, now_ms);
	fragment_age(&engine->fragments, now_ms, FRAGMENT_BUDGET);
}

/* ---- stages, each of one group of jobs ---------------------------------------------------------- */

struct group {
	unsigned first, end;
};

/* Groups before the burst have numbers that wrap, and so are past its end, and empty. */
static inline struct group group_at(unsigned first, unsigned count)
{
	if (first >= count)
		return (struct group){0, 0};
	return (struct group){first, count - first < GROUP ? count : first + GROUP};
}

static inline void ask_buckets(const struct sekisho_engine *engine, const struct job *jobs,
			       struct group group)
{
	for (unsigned i = group.first; i < group.end; i++)
		flow_table_prefetch(&engine->table, jobs[i].hash);
}

static inline void ask_flows(const struct sekisho_engine *engine, struct job *jobs,
			     struct group group)
{
	for (unsigned i = group.first; i < group.end; i++)
		jobs[i].flow = flow_table_candidate(&engine->table, jobs[i].hash);
	for (unsigned i = group.first; i < group.end; i++)
		flow_prefetch(jobs[i].flow);
}

/* Those that have not been where their hash leads first; those that are nowhere will ask the rules. */
static inline void ask_flows_again(const struct sekisho_engine *engine, struct job *jobs,
				   struct group group)
{
	unsigned missed = 0;

	for (unsigned i = group.first; i < group.end; i++) {
		if (jobs[i].flow == NULL)
			jobs[i].flow =
				flow_table_second_candidate(&engine->table, jobs[i].hash);
		missed += jobs[i].flow == NULL;
	}
	if (missed > 1)
		engine_match_missed(jobs + group.first, group.end - group.first);
}

/* All that follows when the packets of the group at `first` have their keys and hashes. */
static inline void advance(struct sekisho_engine *engine, struct job *jobs, unsigned first,
			   unsigned count)
{
	const struct group last = group_at(first - 3 * GROUP, count);

	ask_buckets(engine, jobs, group_at(first, count));
	ask_flows(engine, jobs, group_at(first - GROUP, count));
	ask_flows_again(engine, jobs, group_at(first - 2 * GROUP, count));
	for (unsigned i = last.first; i < last.end; i++)
		judge(engine, &jobs[i], engine->telemetry.now_ms);
}

/* A burst, whose packets are in `jobs` afterwards. */
static inline void burst(struct sekisho_engine *engine, uint32_t now_ms,
			 const struct sekisho_frame *frames, unsigned count,
			 struct sekisho_verdict *verdicts, struct job *jobs)
{
	engine->telemetry.now_ms = now_ms;
	for (unsigned first = 0; first < count + 3 * GROUP; first += GROUP) {
		const struct group group = group_at(first, count);

		for (unsigned i = group.first; i < group.end; i++)
			receive(engine, &jobs[i], &frames[i], &verdicts[i]);
		advance(engine, jobs, first, count);
	}
	age(engine, now_ms);
}

/* The same packets by another engine. */
static inline void burst_again(struct sekisho_engine *engine, uint32_t now_ms, unsigned count,
			       struct sekisho_verdict *verdicts, struct job *jobs)
{
	engine->telemetry.now_ms = now_ms;
	for (unsigned first = 0; first < count + 3 * GROUP; first += GROUP) {
		const struct group group = group_at(first, count);

		for (unsigned i = group.first; i < group.end; i++)
			enter(engine, &jobs[i], &verdicts[i]);
		advance(engine, jobs, first, count);
	}
	age(engine, now_ms);
}

void sekisho_engine_burst(struct sekisho_engine *engine, uint32_t now_ms,
			  const struct sekisho_frame *frames, unsigned count,
			  struct sekisho_verdict *verdicts)
{
	struct job jobs[SEKISHO_BURST_MAX];

	burst(engine, now_ms, frames, count, verdicts, jobs);
}

void sekisho_engine_burst_both(struct sekisho_engine *const engines[2], uint32_t now_ms,
			       const struct sekisho_frame *frames, unsigned count,
			       struct sekisho_verdict *const verdicts[2])
{
	struct job jobs[SEKISHO_BURST_MAX];

	burst(engines[0], now_ms, frames, count, verdicts[0], jobs);
	burst_again(engines[1], now_ms, count, verdicts[1], jobs);
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
