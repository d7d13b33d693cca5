/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_proofs.c: which WireGuard, DNS and NTP packets are answers (STRICT-50..52), and which is the last
 * of its flow (STRICT-23).
 *
 * Chosen: how much is remembered. Of a flow, 14 DNS queries; 3 NTP timestamps; of WireGuard 2 initiations
 * a side that wait, and 11 that were answered. The oldest makes room; what is asked again is new.
 */
#include <string.h>

#include "model.h"

/* ---- Questions -------------------------------------------------------------------------------- */

bool model_has(const struct model_questions *list, struct model_question question)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->question[i].asker == question.asker &&
		    list->question[i].what == question.what)
			return true;
	return false;
}

void model_strike(struct model_questions *list, struct model_question question)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < list->count; i++)
		if (list->question[i].asker != question.asker ||
		    list->question[i].what != question.what)
			list->question[kept++] = list->question[i];
	list->count = kept;
}

void model_add(struct model_questions *list, unsigned most, struct model_question question)
{
	model_strike(list, question);
	if (list->count == most)
		model_strike(list, list->question[0]);
	list->question[list->count++] = question;
}

/* FNV-1a. */
uint64_t model_number(uint64_t kind, const uint8_t *bytes, uint32_t length)
{
	uint64_t number = (UINT64_C(0xcbf29ce484222325) ^ kind) * UINT64_C(0x100000001b3);

	for (uint32_t i = 0; i < length; i++)
		number = (number ^ bytes[i]) * UINT64_C(0x100000001b3);
	return number;
}

/* What a packet means in its protocol. */
struct meaning {
	bool malformed;
	bool asks, answers; /* and what */
	struct model_question asked, answered;
};

/* ---- DNS: STRICT-51, RFC 1035 ------------------------------------------------------------------- */

/* The bytes of a question: a name of labels, type and class; 0 if it is none. */
static uint32_t question_length(const uint8_t *at, uint32_t captured)
{
	uint32_t length = 0;

	while (length < captured && at[length] != 0) {
		if (at[length] > 63) /* a pointer, or nothing */
			return 0;
		length += 1u + at[length];
	}
	return length + 1 > 255 || length + 5 > captured ? 0 : length + 5;
}

static struct meaning read_dns(const struct model_packet *packet)
{
	const uint8_t *at = packet->data;
	struct meaning meaning = {.malformed = true};
	struct model_question query = {.asker = packet->direction};
	uint32_t length = 0, questions;
	uint8_t id_and_question[2 + 512];

	if (packet->data_captured < 12)
		return meaning;
	questions = (uint32_t)at[4] << 8 | at[5];
	if (questions == 1)
		length = question_length(at + 12, packet->data_captured - 12);
	if (questions > 1 || (questions == 1 && length == 0))
		return meaning;
	memcpy(id_and_question, at, 2);
	memcpy(id_and_question + 2, at + 12, length);
	query.what = model_number(0, id_and_question, 2 + length);
	meaning.malformed = false;
	if (at[2] & 0x80) {
		meaning.answers = true;
		meaning.answered = query;
		meaning.answered.asker = !packet->direction;
	} else {
		meaning.asks = true;
		meaning.asked = query;
	}
	return meaning;
}

/* ---- NTP: STRICT-52, RFC 5905 ------------------------------------------------------------------- */

enum { SYMMETRIC_ACTIVE = 1, SYMMETRIC_PASSIVE, CLIENT, SERVER, BROADCAST };

/* Everybody knows 0, so that is no timestamp to refer to. */
static bool is_zero(const uint8_t *timestamp)
{
	static const uint8_t zero[8];

	return memcmp(timestamp, zero, 8) == 0;
}

/* A server answers clients, symmetric peers answer each other; the rest neither asks nor answers. */
static struct meaning read_ntp(const struct model_packet *packet)
{
	const uint8_t *at = packet->data;
	struct meaning meaning = {.malformed = true};
	unsigned mode, version;
	bool symmetric;

	if (packet->data_captured < 1)
		return meaning;
	version = at[0] >> 3 & 7;
	mode = at[0] & 7;
	if (version < 1 || version > 4 || mode == 0 ||
	    (mode <= BROADCAST && packet->data_captured < 48))
		return meaning;
	meaning.malformed = false;
	symmetric = mode == SYMMETRIC_ACTIVE || mode == SYMMETRIC_PASSIVE;
	if ((symmetric || mode == CLIENT) && !is_zero(at + 40)) {
		meaning.asks = true;
		meaning.asked = (struct model_question){packet->direction,
							model_number(symmetric, at + 40, 8)};
	}
	if ((symmetric || mode == SERVER) && !is_zero(at + 24)) {
		meaning.answers = true;
		meaning.answered = (struct model_question){!packet->direction,
							   model_number(symmetric, at + 24, 8)};
	}
	return meaning;
}

static bool is_from_server(const struct model_packet *packet)
{
	return packet->data_captured > 0 && (packet->data[0] & 7) == SERVER;
}

/* ---- WireGuard: STRICT-50 ----------------------------------------------------------------------- */

enum { INITIATION = 1, RESPONSE, COOKIE, DATA };

static struct meaning read_wireguard(const struct model_packet *packet)
{
	static const uint32_t lengths[] = {[INITIATION] = 148, [RESPONSE] = 92, [COOKIE] = 64};
	const uint8_t *at = packet->data;
	struct meaning meaning = {.malformed = true};

	if (packet->data_captured < 12 || at[0] < INITIATION || at[0] > DATA || at[1] != 0 ||
	    at[2] != 0 || at[3] != 0)
		return meaning;
	if (at[0] == DATA ? packet->data_length < 32 || packet->data_length % 16 != 0
			  : packet->data_length != lengths[at[0]])
		return meaning;
	meaning.malformed = false;
	meaning.asks = at[0] == INITIATION;
	meaning.answers = !meaning.asks;
	meaning.asked = (struct model_question){packet->direction, model_number(0, at + 4, 4)};
	meaning.answered = (struct model_question){
		!packet->direction, model_number(0, at[0] == RESPONSE ? at + 8 : at + 4, 4)};
	return meaning;
}

/* Data needs an initiation that was answered; the rest one that was made. */
static bool wireguard_answers(const struct model_flow *flow, const struct model_packet *packet,
			      const struct meaning *meaning)
{
	if (!meaning->answers)
		return false;
	return model_has(&flow->sessions, meaning->answered) ||
	       (packet->data[0] != DATA && model_has(&flow->asked, meaning->answered));
}

/* The oldest waiting initiation of a side makes room for its third. */
static void wireguard_passed(struct model_flow *flow, const struct model_packet *packet,
			     const struct meaning *meaning)
{
	struct model_questions own = {0};

	if (meaning->asks) {
		for (unsigned i = 0; i < flow->asked.count; i++)
			if (flow->asked.question[i].asker == packet->direction)
				own.question[own.count++] = flow->asked.question[i];
		if (own.count == 2 && !model_has(&flow->asked, meaning->asked))
			model_strike(&flow->asked, own.question[0]);
		model_add(&flow->asked, MODEL_QUESTIONS, meaning->asked);
	} else if (packet->data[0] == RESPONSE && model_has(&flow->asked, meaning->answered)) {
		model_strike(&flow->asked, meaning->answered);
		model_add(&flow->sessions, 11, meaning->answered);
	}
}

/* ---- All three ---------------------------------------------------------------------------------- */

static struct meaning read(const struct model_flow *flow, const struct model_packet *packet)
{
	switch (flow->grammar) {
	case SEKISHO_GRAMMAR_DNS:
		return read_dns(packet);
	case SEKISHO_GRAMMAR_NTP:
		return read_ntp(packet);
	case SEKISHO_GRAMMAR_WIREGUARD:
		return read_wireguard(packet);
	default:
		return (struct meaning){.malformed = true};
	}
}

static bool is_answer(const struct model_flow *flow, const struct model_packet *packet,
		      const struct meaning *meaning)
{
	if (meaning->malformed)
		return false;
	if (flow->grammar == SEKISHO_GRAMMAR_WIREGUARD)
		return wireguard_answers(flow, packet, meaning);
	return meaning->answers && model_has(&flow->asked, meaning->answered);
}

/* It answers a question for good: DNS, and NTP's servers. */
static bool settles(const struct model_flow *flow, const struct model_packet *packet,
		    const struct meaning *meaning)
{
	return is_answer(flow, packet, meaning) &&
	       (flow->grammar == SEKISHO_GRAMMAR_DNS ||
		(flow->grammar == SEKISHO_GRAMMAR_NTP && is_from_server(packet)));
}

/* STRICT-23: the answer to the last question closes the flow. */
bool model_proof_ends(const struct model_flow *flow, const struct model_packet *packet)
{
	struct meaning meaning = read(flow, packet);

	return flow->asked.count == 1 && settles(flow, packet, &meaning);
}

struct model_opinion model_proof_answers(const struct model_flow *flow,
					 const struct model_packet *packet)
{
	static const struct {
		enum sekisho_reason malformed, no_proof;
	} reasons[] = {
		[SEKISHO_GRAMMAR_WIREGUARD] = {SEKISHO_REASON_WIREGUARD_MALFORMED,
					       SEKISHO_REASON_NO_PROOF_WIREGUARD},
		[SEKISHO_GRAMMAR_DNS] = {SEKISHO_REASON_DNS_MALFORMED, SEKISHO_REASON_NO_PROOF_DNS},
		[SEKISHO_GRAMMAR_NTP] = {SEKISHO_REASON_NTP_MALFORMED, SEKISHO_REASON_NO_PROOF_NTP},
	};
	_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == SEKISHO_GRAMMAR_COUNT,
		       "each grammar has its reasons");
	struct meaning meaning = read(flow, packet);

	if (meaning.malformed)
		return model_opinion(MODEL_NO_ANSWER, reasons[flow->grammar].malformed);
	if (!is_answer(flow, packet, &meaning))
		return model_opinion(MODEL_NO_ANSWER, reasons[flow->grammar].no_proof);
	return model_opinion(model_proof_ends(flow, packet) ? MODEL_ENDS : MODEL_PASSES, 0);
}

void model_proof_passed(struct model_flow *flow, const struct model_packet *packet)
{
	struct meaning meaning = read(flow, packet);

	if (meaning.malformed)
		return;
	if (flow->grammar == SEKISHO_GRAMMAR_WIREGUARD) {
		wireguard_passed(flow, packet, &meaning);
		return;
	}
	if (settles(flow, packet, &meaning))
		model_strike(&flow->asked, meaning.answered);
	else if (meaning.asks && flow->opened[packet->direction])
		model_add(&flow->asked, flow->grammar == SEKISHO_GRAMMAR_DNS ? MODEL_QUESTIONS : 3,
			  meaning.asked);
}
