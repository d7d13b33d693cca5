/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo.c: queries of ICMP and ICMPv6 (RFC 792, 950, 4443; STRICT-53). The flow is of one identifier
 * and one kind of query, so what is left to prove is the sequence: a reply has one that was asked
 * and is not yet answered, among the newest 64. A request is never an answer.
 */
#include "proof.h"

#define ECHO_WINDOW 64

static bool is_request(const struct packet *packet)
{
	return track_icmp_request_type(packet) == packet->icmp.type;
}

static void remember_request(struct flow_icmp *memory, unsigned asker, uint16_t sequence)
{
	int16_t ahead = (int16_t)(sequence - memory->newest[asker]);

	if (memory->waiting[asker] == 0 || ahead >= ECHO_WINDOW || ahead <= -ECHO_WINDOW) {
		memory->newest[asker] = sequence;
		memory->waiting[asker] = 1;
	} else if (ahead > 0) {
		memory->newest[asker] = sequence;
		memory->waiting[asker] = memory->waiting[asker] << ahead | 1;
	} else {
		memory->waiting[asker] |= UINT64_C(1) << -ahead;
	}
}

/* Strike the request with this sequence off; false if none waits. */
static bool take_request(struct flow_icmp *memory, unsigned asker, uint16_t sequence)
{
	uint16_t behind = (uint16_t)(memory->newest[asker] - sequence);
	uint64_t bit = behind < ECHO_WINDOW ? UINT64_C(1) << behind : 0;

	if (!(memory->waiting[asker] & bit))
		return false;
	memory->waiting[asker] &= ~bit;
	return true;
}

static struct track_result echo_entitle(const struct track *track, struct flow *flow,
					const struct packet *packet, unsigned direction)
{
	(void)track;
	if (is_request(packet))
		remember_request(&flow->track.icmp, direction, packet->icmp.sequence);
	else
		take_request(&flow->track.icmp, !direction, packet->icmp.sequence);
	return TRACK_PASSED;
}

static struct track_result echo_answer(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	(void)track;
	if (is_request(packet) || !take_request(&flow->track.icmp, !direction, packet->icmp.sequence))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_ECHO);
	return TRACK_PASSED;
}

const struct proof proof_echo = {.entitle = echo_entitle, .answer = echo_answer};
