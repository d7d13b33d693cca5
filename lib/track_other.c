/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_other.c: ESP, AH, GRE, IPIP and all else without ports: addresses and the protocol number are
 * all there is (AWS-35, 41), and nothing in a packet proves it an answer (STRICT-40).
 */
#include <netinet/in.h>

#include "proof/proof.h"
#include "track.h"

/* STRICT-40: whether an IKE SA speaks for the packet. It is kept alive by that. */
static bool follows_ike(const struct track *track, const struct flow *flow,
			const struct packet *packet)
{
	return track->strict->esp == SEKISHO_ESP_FOLLOWS_IKE && packet->protocol == IPPROTO_ESP &&
	       proof_ike_sa_refresh(track, &flow->key);
}

struct track_result track_other_inspect(const struct track *track, struct flow *flow,
					const struct packet *packet, unsigned direction)
{
	if (track->profile->answers_need_proof && !follows_ike(track, flow, packet) &&
	    !track_is_originator(flow, direction))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_PROTOCOL);
	if (direction != flow->opener)
		flow->state = FLOW_ANSWERED;
	return TRACK_PASSED;
}

bool track_other_open(const struct track *track, struct flow *flow, const struct packet *packet,
		      unsigned direction)
{
	(void)track;
	(void)packet;
	(void)direction;
	flow->state = flow->opened ? FLOW_ANSWERED : FLOW_UNANSWERED;
	return true;
}
