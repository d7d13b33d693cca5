/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_udp.c: UDP. Two timers (AWS-46, STRICT-23), and under proof three kinds of answer: by the
 * protocol's grammar, by an ephemeral port that only an answerer knows, or none (STRICT-20..22).
 */
#include "proof/proof.h"
#include "track.h"

/* The grammar spoken on a port, plus one; 0 if none. */
static uint8_t grammar_of(const struct sekisho_strict_spec *strict, uint16_t port)
{
	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++) {
		for (unsigned i = 0; i < strict->port_count[g]; i++) {
			if (strict->ports[g][i] == port)
				return (uint8_t)(g + 1);
		}
	}
	return 0;
}

/* AWS-46: a second answer after a second request makes a stream, and that it stays. */
static inline void count_turns(struct flow *flow, unsigned direction)
{
	if (flow->state == FLOW_STREAM)
		return;
	if (direction == flow->opener) {
		flow->requests = flow->requests < 2 ? (uint8_t)(flow->requests + 1) : 2;
		return;
	}
	flow->answers = flow->answers < 2 ? (uint8_t)(flow->answers + 1) : 2;
	if (flow->answers == 2 && flow->requests == 2)
		flow->state = FLOW_STREAM;
	else if (flow->state == FLOW_UNANSWERED)
		flow->state = FLOW_ANSWERED;
}

/* Under proof: is it what the other side is entitled to, or may it entitle? */
static struct track_result prove(const struct track *track, struct flow *flow,
				 const struct packet *packet, unsigned direction)
{
	const struct proof *proof = proof_of(flow);

	if (proof != NULL)
		return proof_inspect(proof, track, flow, packet, direction);
	/* an answer goes to the port that the opener chose, and comes from the one it called */
	if (track_is_originator(flow, direction) ||
	    track_udp_tuple_proves(track->strict, packet->destination_port, packet->source_port))
		return TRACK_PASSED;
	return track_no(TRACK_JUDGE, SEKISHO_REASON_SYMMETRIC_PORTS);
}

struct track_result track_udp_inspect(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction)
{
	struct track_result result = TRACK_PASSED;

	if (track->profile->answers_need_proof)
		result = prove(track, flow, packet, direction);
	if (track_passes(result))
		count_turns(flow, direction);
	return result;
}

enum track_answers track_udp_answers(const struct sekisho_strict_spec *strict, uint16_t chosen,
				     uint16_t called)
{
	if (grammar_of(strict, called) != 0 || grammar_of(strict, chosen) != 0)
		return TRACK_ANSWERS_BY_GRAMMAR;
	return track_udp_tuple_proves(strict, chosen, called) ? TRACK_ANSWERS_BY_TUPLE
						    : TRACK_ANSWERS_BY_NOTHING;
}

bool track_udp_open(const struct track *track, struct flow *flow, const struct packet *packet,
		    unsigned direction)
{
	const struct proof *proof;

	if (flow->opened == 0) {
		flow->opener = direction & 1;
		flow->grammar = grammar_of(track->strict, packet->destination_port);
		if (flow->grammar == 0)
			flow->grammar = grammar_of(track->strict, packet->source_port);
	}
	proof = proof_of(flow);
	if (track->profile->answers_need_proof && proof != NULL &&
	    !track_passes(proof->entitle(track, flow, packet, direction)))
		return false;
	count_turns(flow, direction);
	return true;
}
