/* SPDX-License-Identifier: BSD-3-Clause */
/* engine_fragment.c: fragments on the path; what is kept of them is in fragment.c. */
#include "job.h"

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
	enum sekisho_reason reason = engine_inspect_state(engine, job, now);

	if (packet->l4_kind == PACKET_L4_TCP) {
		datagram->is_tcp = true;
		datagram->flow = job->key;
		datagram->tcp_end_base = packet_tcp_end(&packet->tcp) - packet->fragment_length;
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

enum sekisho_reason engine_fragment_inspect(struct sekisho_engine *engine, struct job *job,
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
enum sekisho_reason engine_fragment_malformed(struct sekisho_engine *engine, const struct job *job,
					      uint32_t now)
{
	const struct packet *packet = &job->packet;
	const struct fragment_origin origin = fragment_origin(job, now);

	if (packet->is_fragment && packet->fragment_offset == 0)
		fragment_refuse(&engine->fragments, packet, &origin);
	return packet->reason;
}
