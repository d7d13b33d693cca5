/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.c: the packet path, and nothing else.
 *
 * A burst goes through three stages in groups, so that the cache misses of one group hide behind the
 * work on others: parse, hash and ask for buckets; ask for flows; judge, strictly in the order of
 * arrival. Whatever inspect() finds, the packet leaves by conclude() with exactly one reason. State is
 * made only once the verdict is known; a packet that is dropped changes nothing (STRICT-7).
 *
 * Groups, since asking for memory waits itself where an address is not in the TLB: eight requests in a
 * row wait together. Measured at 1 M flows, ns a packet: whole bursts a stage 53, packets one by one
 * through a pipeline 54, groups of 4, 8 and 16: 61, 48, 49.
 */
#include "job.h"

#define GROUP 8 /* packets that go through a stage together */

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

/* Take a packet that is parsed in, and find out where its flow would be. */
static inline void receive_parsed(struct sekisho_engine *engine, struct job *job,
				  const struct sekisho_frame *frame,
				  struct sekisho_verdict *verdict)
{
	job->frame = frame;
	job->verdict = verdict;
	job->direction = frame->direction & 1;
	job->denied_by = SEKISHO_RULE_NONE;
	job->zone = &engine->zones[frame->zone];
	job->zone->track.now = engine->telemetry.now_ms;
	job_key_make(&job->key, &job->packet, frame->zone, job->direction);
	job->hash = flow_table_hash(&engine->table, &job->key);
	*verdict = (struct sekisho_verdict){.rule = SEKISHO_RULE_NONE,
					    .packet = ++engine->telemetry.received};
	engine->telemetry.received_bytes += frame->length;
}

/* Take a frame apart, and find out where its flow would be. */
static inline void receive(struct sekisho_engine *engine, struct job *job,
			   const struct sekisho_frame *frame, struct sekisho_verdict *verdict)
{
	packet_parse(&job->packet, frame->data, frame->captured, frame->length);
	receive_parsed(engine, job, frame, verdict);
}

/* Judge a packet by the flow that was asked for, or by the one that is there now. */
static inline void judge(struct sekisho_engine *engine, struct job *job, uint32_t now)
{
	if (!flow_is(job->flow, &job->key))
		job->flow = flow_table_find(&engine->table, &job->key, job->hash);
	conclude(engine, job->verdict, job->packet.frame_length, inspect(engine, job, now));
}

static inline void age(struct sekisho_engine *engine, uint32_t now_ms)
{
	flow_age_sweep(&engine->table, now_ms);
	fragment_age(&engine->fragments, now_ms, FRAGMENT_BUDGET);
}

/* A burst, whose packets are in `jobs` afterwards. */
static inline void burst(struct sekisho_engine *engine, uint32_t now_ms,
			 const struct sekisho_frame *frames, unsigned count,
			 struct sekisho_verdict *verdicts, struct job *jobs)
{
	engine->telemetry.now_ms = now_ms;
	for (unsigned first = 0; first < count + 2 * GROUP; first += GROUP) {
		/* the groups before it; those before the burst wrap, and so are past its end */
		unsigned second = first - GROUP, third = first - 2 * GROUP;

		for (unsigned i = first; i < first + GROUP && i < count; i++)
			receive(engine, &jobs[i], &frames[i], &verdicts[i]);
		for (unsigned i = first; i < first + GROUP && i < count; i++)
			flow_table_prefetch(&engine->table, jobs[i].hash);
		for (unsigned i = second; i < second + GROUP && i < count; i++)
			jobs[i].flow = flow_table_candidate(&engine->table, jobs[i].hash);
		for (unsigned i = second; i < second + GROUP && i < count; i++)
			flow_prefetch(jobs[i].flow);
		for (unsigned i = third; i < third + GROUP && i < count; i++)
			judge(engine, &jobs[i], now_ms);
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
	struct sekisho_engine *beside = engines[1];
	struct job jobs[SEKISHO_BURST_MAX];

	burst(engines[0], now_ms, frames, count, verdicts[0], jobs);
	beside->telemetry.now_ms = now_ms;
	for (unsigned i = 0; i < count; i++) {
		receive_parsed(beside, &jobs[i], &frames[i], &verdicts[1][i]);
		flow_table_prefetch(&beside->table, jobs[i].hash);
	}
	for (unsigned first = 0; first < count + GROUP; first += GROUP) {
		unsigned second = first - GROUP; /* the group before it, as above */

		for (unsigned i = first; i < first + GROUP && i < count; i++) {
			jobs[i].flow = flow_table_candidate(&beside->table, jobs[i].hash);
			flow_prefetch(jobs[i].flow);
		}
		for (unsigned i = second; i < second + GROUP && i < count; i++)
			judge(beside, &jobs[i], now_ms);
	}
	age(beside, now_ms);
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
