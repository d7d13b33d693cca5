/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_icmp.c: ICMP and ICMPv6 queries. The flow is the address pair, the identifier and the kind
 * of query (AWS-28). A request is never an answer: from the other side it is judged by its own
 * rules.
 */
#include <netinet/in.h>

#include "proof/proof.h"
#include "track.h"

static const struct {
	uint8_t request, reply, protocol;
} queries[] = {
	{8, 0, IPPROTO_ICMP},   {13, 14, IPPROTO_ICMP},     {15, 16, IPPROTO_ICMP},
	{17, 18, IPPROTO_ICMP}, {128, 129, IPPROTO_ICMPV6},
};

uint8_t track_icmp_request_type(const struct packet *packet)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (queries[i].protocol == packet->protocol &&
		    queries[i].reply == packet->icmp.type)
			return queries[i].request;
	}
	return packet->icmp.type;
}

struct track_result track_icmp_inspect(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	struct track_result result = TRACK_PASSED;

	if (track->profile->answers_need_proof)
		result = proof_inspect(&proof_echo, track, flow, packet, direction);
	else if (!track_is_originator(flow, direction) &&
		 track_icmp_request_type(packet) == packet->icmp.type)
		result = track_no(TRACK_JUDGE, SEKISHO_REASON_NO_RULE);
	if (track_passes(result) && direction != flow->opener)
		flow->state = FLOW_ANSWERED;
	return result;
}

bool track_icmp_open(const struct track *track, struct flow *flow, const struct packet *packet,
		     unsigned direction)
{
	if (track->profile->answers_need_proof) /* it needs no memory besides the flow's */
		proof_echo.entitle(track, flow, packet, direction);
	flow->state = flow->opened ? FLOW_ANSWERED : FLOW_UNANSWERED;
	flow->track.icmp.opening[direction].type = packet->icmp.type;
	flow->track.icmp.opening[direction].code = packet->icmp.code;
	return true;
}
