/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_icmp.c: ICMP and ICMPv6 queries. The flow is the address pair, the identifier and the kind of
 * query (AWS-28). A request is never an answer: from the other side it is judged by its own rules.
 * Under proof, a reply must have a sequence that was asked and not yet answered (STRICT-53).
 */
#include <netinet/in.h>
#include <string.h>

#include "track.h"

/* Requests of one direction that wait for their reply: bit i stands for sequence `newest - i`. */
struct echo_window {
	uint64_t waiting;
	uint16_t newest;
} __attribute__((packed));

_Static_assert(2 * sizeof(struct echo_window) <= sizeof(((struct flow *)0)->track.proof),
	       "the windows of both directions fit into a flow");

static const struct {
	uint8_t request, reply, protocol;
} queries[] = {
	{8, 0, IPPROTO_ICMP},   {13, 14, IPPROTO_ICMP},    {15, 16, IPPROTO_ICMP},
	{17, 18, IPPROTO_ICMP}, {128, 129, IPPROTO_ICMPV6},
};

uint8_t track_icmp_request_type(const struct packet *packet)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (queries[i].protocol == packet->protocol && queries[i].reply == packet->icmp.type)
			return queries[i].request;
	}
	return packet->icmp.type;
}

static bool is_request(const struct packet *packet)
{
	return track_icmp_request_type(packet) == packet->icmp.type;
}

static struct echo_window *window_of(struct flow *flow, unsigned direction)
{
	return (struct echo_window *)flow->track.proof + direction;
}

static void remember_request(struct echo_window *window, uint16_t sequence)
{
	int16_t ahead = (int16_t)(sequence - window->newest);

	if (window->waiting == 0 || ahead >= 64 || ahead <= -64) {
		window->newest = sequence;
		window->waiting = 1;
	} else if (ahead > 0) {
		window->newest = sequence;
		window->waiting = window->waiting << ahead | 1;
	} else {
		window->waiting |= UINT64_C(1) << -ahead;
	}
}

/* The bit of a sequence that waits for its reply, or 0. */
static uint64_t waiting_bit(const struct echo_window *window, uint16_t sequence)
{
	uint16_t behind = (uint16_t)(window->newest - sequence);

	return behind < 64 ? window->waiting & UINT64_C(1) << behind : 0;
}

struct track_result track_icmp_inspect(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	struct echo_window *asked = window_of(flow, !direction);
	uint64_t bit = waiting_bit(asked, packet->icmp.sequence);

	if (!track_is_originator(flow, direction)) {
		if (is_request(packet) && !track->profile->answers_need_proof)
			return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_RULE);
		if (is_request(packet))
			return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_ECHO);
		if (track->profile->answers_need_proof && bit == 0)
			return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_ECHO);
	}
	if (is_request(packet))
		remember_request(window_of(flow, direction), packet->icmp.sequence);
	else
		asked->waiting &= ~bit;
	if (direction != flow->opener)
		flow->state = FLOW_ANSWERED;
	return TRACK_PASSED;
}

bool track_icmp_open(const struct track *track, struct flow *flow, const struct packet *packet,
		     unsigned direction)
{
	(void)track;
	flow->state = flow->opened ? FLOW_ANSWERED : FLOW_UNANSWERED;
	if (is_request(packet))
		remember_request(window_of(flow, direction), packet->icmp.sequence);
	return true;
}
