/* SPDX-License-Identifier: BSD-3-Clause */
/* model_icmp.c: ICMP that asks and answers (AWS-25..30, STRICT-53). Errors are in model.c. */
#include "model.h"

/* The request that a query type is, or answers: echo, timestamp, information, mask; ICMPv6 echo. */
uint8_t model_icmp_request(uint8_t type)
{
	switch (type) {
	case 0:
		return 8;
	case 14:
	case 16:
	case 18:
		return (uint8_t)(type - 1);
	case 129:
		return 128;
	default:
		return type;
	}
}

static bool is_request(const struct model_packet *packet)
{
	return model_icmp_request(packet->type) == packet->type;
}

/* STRICT-53: asked, not yet answered, and within 64 of the newest. */
static bool waits_for(const struct model_echo *echo, uint16_t sequence)
{
	uint16_t age = (uint16_t)(echo->newest - sequence);

	return age < 64 && echo->waits[age];
}

struct model_opinion model_icmp_belongs(struct model *model, const struct model_flow *flow,
					const struct model_packet *packet)
{
	if (flow->opened[packet->direction])
		return model_opinion(MODEL_PASSES, 0);
	if (is_request(packet)) /* AWS-28: a question is not the answer to one */
		return model_opinion(MODEL_NO_ANSWER, model_is_strict(model, packet)
							      ? SEKISHO_REASON_NO_PROOF_ECHO
							      : SEKISHO_REASON_NO_RULE);
	if (model_is_strict(model, packet) &&
	    !waits_for(&flow->echo[!packet->direction], packet->sequence))
		return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_NO_PROOF_ECHO);
	return model_opinion(MODEL_PASSES, 0);
}

static bool any_waits(const struct model_echo *echo)
{
	for (unsigned n = 0; n < 64; n++)
		if (echo->waits[n])
			return true;
	return false;
}

/*
 * Remember a question. Chosen: the window of 64 moves on with the newest; one that is as far off as that
 * from the newest, or is asked when none waits, begins a window of its own.
 */
static void ask(struct model_echo *echo, uint16_t sequence)
{
	int ahead = (int16_t)(sequence - echo->newest);
	struct model_echo moved = {.newest = sequence, .waits = {true}};

	if (any_waits(echo) && ahead <= 0 && ahead > -64) {
		echo->waits[-ahead] = true;
		return;
	}
	for (int n = 0; ahead > 0 && n + ahead < 64; n++)
		moved.waits[n + ahead] = echo->waits[n];
	*echo = moved;
}

void model_icmp_passed(struct model *model, struct model_flow *flow,
		       const struct model_packet *packet)
{
	struct model_echo *asked = &flow->echo[!packet->direction];

	(void)model;
	if (packet->direction != flow->opener && flow->state == UNANSWERED)
		flow->state = ANSWERED;
	if (is_request(packet))
		ask(&flow->echo[packet->direction], packet->sequence);
	else if (waits_for(asked, packet->sequence))
		asked->waits[(uint16_t)(asked->newest - packet->sequence)] = false;
}
