/* SPDX-License-Identifier: BSD-3-Clause */
/* model_udp.c: UDP (AWS-46, STRICT-20..23), and which proof is asked for. */
#include "model.h"

static unsigned grammar_of_port(const struct sekisho_policy_spec *policy, uint16_t port)
{
	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++)
		for (unsigned i = 0; i < policy->strict.port_count[g]; i++)
			if (policy->strict.ports[g][i] == port)
				return g;
	return MODEL_NO_GRAMMAR;
}

/* STRICT-20: by port. Chosen: that which the opening packet goes to, or else that it comes from. */
static unsigned grammar_of(const struct sekisho_policy_spec *policy,
			   const struct model_packet *opening)
{
	unsigned grammar = grammar_of_port(policy, opening->destination_port);

	return grammar != MODEL_NO_GRAMMAR ? grammar
					   : grammar_of_port(policy, opening->source_port);
}

/* STRICT-21: the originator's source port is one that only an answerer knows. */
static bool source_port_is_ephemeral(const struct model_flow *flow, unsigned originator)
{
	bool egress = originator == SEKISHO_EGRESS;
	uint16_t source = egress ? flow->key.local_port : flow->key.peer_port;
	uint16_t destination = egress ? flow->key.peer_port : flow->key.local_port;

	return source >= 1024 && source != destination;
}

static bool is_ike(const struct model_flow *flow)
{
	return flow->grammar == SEKISHO_GRAMMAR_IKE || flow->grammar == SEKISHO_GRAMMAR_NAT_T;
}

struct model_opinion model_udp_belongs(struct model *model, const struct model_flow *flow,
				       const struct model_packet *packet)
{
	const struct sekisho_policy_spec *policy = model->policy[packet->zone];

	if (policy->semantics == SEKISHO_AWS_LIKE)
		return model_opinion(MODEL_PASSES, 0);
	if (flow->opened[packet->direction])
		return model_opinion(model_proof_ends(flow, packet) ? MODEL_ENDS : MODEL_PASSES, 0);
	if (is_ike(flow))
		return model_ike_answers(model, flow, packet);
	if (flow->grammar != MODEL_NO_GRAMMAR)
		return model_proof_answers(flow, packet);
	if (source_port_is_ephemeral(flow, !packet->direction) ||
	    policy->strict.symmetric_udp == SEKISHO_SYMMETRIC_TUPLE)
		return model_opinion(MODEL_PASSES, 0);
	return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_SYMMETRIC_PORTS);
}

/*
 * AWS-46: a stream has seen more than one request and response: the second packet of the answer's
 * direction that follows a second one of the request's.
 */
static void count_transactions(struct model_flow *flow, const struct model_packet *packet)
{
	if (packet->direction == flow->opener) {
		flow->requests++;
		return;
	}
	if (flow->state == UNANSWERED)
		flow->state = ANSWERED;
	if (flow->answers < flow->requests)
		flow->answers++;
	if (flow->answers >= 2)
		flow->state = STREAM;
}

void model_udp_passed(struct model *model, struct model_flow *flow,
		      const struct model_packet *packet)
{
	if (flow->packets[0] + flow->packets[1] == 1 && model_is_strict(model, packet))
		flow->grammar = grammar_of(model->policy[packet->zone], packet);
	count_transactions(flow, packet);
	if (is_ike(flow))
		model_ike_passed(model, flow, packet);
	else if (flow->grammar != MODEL_NO_GRAMMAR)
		model_proof_passed(flow, packet);
}
