/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_plain.h: the short way of most packets: a plain frame of a flow that is established, and nothing
 * that its zone asks besides.
 *
 * It finds what inspect() in engine.c would find, from the few fields that this takes, and is only ever
 * certain that a packet passes: in all other cases it has changed nothing, the frame is parsed and inspect()
 * says what becomes of it. So it needs to know neither reasons nor rules.
 */
#ifndef ENGINE_PLAIN_H
#define ENGINE_PLAIN_H

#include "job.h"
#include "packet_plain.h"

/* The key of a plain frame; the same as job_key_make() makes of it once parsed. */
static inline void engine_plain_key(struct flow_key *key, const struct sekisho_frame *frame,
				    uint8_t protocol)
{
	const uint8_t *ip = frame->data + PACKET_PLAIN_IP, *l4 = frame->data + PACKET_PLAIN_L4;
	unsigned ingress = frame->direction & 1;
	const struct flow_key_rest rest = {.local_port = load16(l4 + 2 * ingress),
					   .peer_port = load16(l4 + 2 * !ingress),
					   .zone = frame->zone,
					   .protocol = protocol,
					   .family = SEKISHO_IPV4};

	flow_key_set_ipv4(key, ip + 12 + 4 * ingress, ip + 12 + 4 * !ingress, &rest);
}

/* Whether the packet is known to pass by its flow, of which the tracker's part has been changed then. */
static inline bool engine_plain_tracks(struct job *job, struct flow *flow, uint32_t now,
				       enum sekisho_timeout *timer)
{
	struct track *track = &job->zone->track;
	struct packet_tcp tcp;

	if (job->plain == IPPROTO_UDP) {
		*timer = flow->state == FLOW_STREAM ? SEKISHO_TIMEOUT_UDP_STREAM
						    : SEKISHO_TIMEOUT_UDP;
		return track_udp_is_settled(track, flow, job->direction);
	}
	if (flow->state != FLOW_ESTABLISHED)
		return false;
	track->now = now;
	packet_plain_tcp(&tcp, job->frame->data);
	if (track_tcp_inspect(track, flow, &tcp, job->direction).outcome != TRACK_PASS)
		return false;
	*timer = (enum sekisho_timeout)track_tcp_timeouts[flow->state];
	return true;
}

/* Pass a plain packet by the flow that it has, if that is certain; PACKET_REASON_NONE if not. */
static inline enum sekisho_reason engine_plain_inspect(struct job *job, uint32_t now)
{
	const struct engine_zone *zone = job->zone;
	struct flow *flow = job->flow;
	enum sekisho_timeout timer;

	if (flow == NULL || flow_time_reached(now, flow->expires_at) ||
	    flow->generation != zone->track.generation || zone->has_acls ||
	    zone->has_never_filtered ||
	    (zone->verifies_checksums && !(job->frame->flags & SEKISHO_FRAME_L4_CHECKSUM_GOOD) &&
	     !packet_plain_checksum_ok(job->frame->data, job->plain)) ||
	    !engine_plain_tracks(job, flow, now, &timer))
		return PACKET_REASON_NONE;
	engine_flow_refresh(job, flow, timer, now);
	return track_is_originator(flow, job->direction) ? SEKISHO_REASON_FLOW_ORIGINATOR
							 : SEKISHO_REASON_FLOW_ANSWER;
}

#endif
