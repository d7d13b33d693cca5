/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_ike.c: which IKE messages are answers (STRICT-30..38; RFC 7296 3.1, RFC 2408 3.1, RFC 3948).
 *
 * Each flow knows what has passed on it. What the 500 flow of an address pair knows, the pair knows, and
 * its 4500 flow may rely on it (STRICT-36).
 *
 * Chosen: the pair forgets 600 s after it last learnt something, and so long after the last packet of
 * IKE, of ESP in UDP, or of ESP that follows IKE its SA is no more, for deletes are encrypted and cannot
 * be seen. What fits: 8 SPIs that were asked with, where the oldest of the side that holds more makes
 * room; 3 that were adopted by rekeying; 4 that are barred; 3 requests that await their response. Once an
 * adopted SPI has been pushed out, a response that could be of its SA bars nothing.
 */
#include <string.h>

#include "model.h"

#define PAIR_MS  600000
#define RESPONSE 0x20 /* IKEv2 */

#define ASKED   8
#define ADOPTED 3
#define BARRED  4
#define AWAITED 3

enum { CREATE_CHILD_SA = 36, INFORMATIONAL = 37 };

enum carried { IKE, ESP_OR_KEEPALIVE, NEITHER };

struct message {
	enum carried carried;
	uint8_t initiator_spi[8], responder_spi[8];
	bool is_v2, is_response; /* v1 marks no responses */
	uint8_t exchange;
	uint32_t id;
};

static bool is_zero(const uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/*
 * STRICT-30. Malformed is what has no initiator's SPI, no exchange, a version other than 1 and 2, or a
 * length that is not there. Chosen: bytes after the message are no matter.
 */
static struct message read_header(const uint8_t *at, uint32_t captured, uint32_t length)
{
	struct message message = {.carried = NEITHER};

	if (captured < 28)
		return message;
	memcpy(message.initiator_spi, at, 8);
	memcpy(message.responder_spi, at + 8, 8);
	message.is_v2 = at[17] >> 4 == 2;
	message.exchange = at[18];
	message.is_response = message.is_v2 && (at[19] & RESPONSE);
	message.id = get32(at + 20);
	if ((at[17] >> 4 == 1 || message.is_v2) && get32(at + 24) >= 28 &&
	    get32(at + 24) <= length && message.exchange != 0 && !is_zero(message.initiator_spi, 8))
		message.carried = IKE;
	return message;
}

static bool is_nat_t(const struct model_flow *flow)
{
	return flow->grammar == SEKISHO_GRAMMAR_NAT_T;
}

/* On the ports of NAT-T, IKE is behind four zero bytes, and ESP has at least its SPI and sequence. */
static struct message read_message(const struct model_flow *flow, const struct model_packet *packet)
{
	const uint8_t *at = packet->data;
	uint32_t captured = packet->data_captured, length = packet->data_length;

	if (!is_nat_t(flow))
		return read_header(at, captured, length);
	if (length == 1 && captured == 1 && at[0] == 0xff)
		return (struct message){.carried = ESP_OR_KEEPALIVE};
	if (captured < 4)
		return (struct message){.carried = NEITHER};
	if (!is_zero(at, 4))
		return (struct message){.carried = length >= 8 ? ESP_OR_KEEPALIVE : NEITHER};
	return read_header(at + 4, captured - 4, length - 4);
}

/* STRICT-31: an IKEv2 response can have no SPIr too (COOKIE, INVALID_KE_PAYLOAD). */
static bool is_initiation(const struct message *message)
{
	return is_zero(message->responder_spi, 8) && !message->is_response;
}

/* STRICT-33 (b): what an SA made by rekeying begins with. */
static bool begins_rekeyed(const struct message *message)
{
	return message->is_v2 &&
	       (message->exchange == CREATE_CHILD_SA || message->exchange == INFORMATIONAL);
}

/* The SPIi of a message, asked with by a side. */
static struct model_question spi_of(const struct message *message, unsigned asker)
{
	return (struct model_question){asker, model_number(0, message->initiator_spi, 8)};
}

/* STRICT-38: SPIs and message id of a request of `asker`, and of its response. */
static struct model_question exchange_of(const struct message *message, unsigned asker)
{
	uint8_t both[16];

	memcpy(both, message->initiator_spi, 8);
	memcpy(both + 8, message->responder_spi, 8);
	return (struct model_question){asker, model_number(message->id, both, 16)};
}

/* ---- The pair ----------------------------------------------------------------------------------- */

static const struct model_pair *find_pair(const struct model *model, const struct model_key *key)
{
	for (unsigned i = 0; i < model->flows.pairs; i++) {
		const struct model_key *of = &model->flows.pair[i].key;

		if (of->zone == key->zone && of->family == key->family &&
		    memcmp(of->local, key->local, 16) == 0 && memcmp(of->peer, key->peer, 16) == 0)
			return &model->flows.pair[i];
	}
	return NULL;
}

/* Something is learnt. */
static struct model_pair *make_pair(struct model *model, const struct model_key *key)
{
	struct model_pair *pair = (struct model_pair *)find_pair(model, key);

	if (pair == NULL) {
		pair = &model->flows.pair[model->flows.pairs++];
		*pair = (struct model_pair){.key = *key};
	}
	pair->expires_at = model->now + PAIR_MS;
	return pair;
}

bool model_ike_is_alive(const struct model *model, const struct model_key *key)
{
	const struct model_pair *pair = find_pair(model, key);

	return pair != NULL && pair->alive_until > model->now;
}

const struct model_pair *model_ike_pair(const struct model *model,
					const struct model_packet *packet)
{
	struct model_key key = model_key(packet);

	return model_ike_is_alive(model, &key) ? find_pair(model, &key) : NULL;
}

void model_ike_touch(struct model *model, const struct model_key *key)
{
	if (model_ike_is_alive(model, key))
		make_pair(model, key)->alive_until = model->now + PAIR_MS;
}

/* ---- What is known ------------------------------------------------------------------------------ */

/* All that is known to a flow: its own, and on 4500 what the pair's 500 flow knows. */
struct knowledge {
	const struct model_ike *own, *pair;
};

static struct knowledge knowledge_of(const struct model *model, const struct model_flow *flow)
{
	static const struct model_ike nothing;
	const struct model_pair *pair = is_nat_t(flow) ? find_pair(model, &flow->key) : NULL;

	return (struct knowledge){&flow->ike, pair != NULL ? &pair->ike : &nothing};
}

static bool has_asked(struct knowledge known, const struct message *message, unsigned asker)
{
	return model_has(&known.own->asked, spi_of(message, asker)) ||
	       model_has(&known.pair->asked, spi_of(message, asker));
}

static bool is_adopted(struct knowledge known, const struct message *message)
{
	return model_has(&known.own->adopted, spi_of(message, 0)) ||
	       model_has(&known.pair->adopted, spi_of(message, 0));
}

static bool is_barred(struct knowledge known, const struct message *message)
{
	return model_has(&known.own->barred, spi_of(message, 0)) ||
	       model_has(&known.pair->barred, spi_of(message, 0));
}

/* STRICT-38: the response to a request of SPIs that were not known. */
static bool is_awaited(const struct model_flow *flow, const struct message *message, unsigned asker)
{
	return message->is_response && model_has(&flow->ike.awaited, exchange_of(message, asker));
}

/* STRICT-33 (b) */
static bool is_rekeyed(struct knowledge known, const struct message *message, unsigned asker)
{
	return is_adopted(known, message) ||
	       (begins_rekeyed(message) && !is_barred(known, message) &&
		(known.own->answered[asker] || known.pair->answered[asker]));
}

/* STRICT-33 */
struct model_opinion model_ike_answers(struct model *model, const struct model_flow *flow,
				       const struct model_packet *packet)
{
	struct message message = read_message(flow, packet);
	struct knowledge known = knowledge_of(model, flow);
	unsigned asker = !packet->direction;

	if (message.carried == NEITHER)
		return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_IKE_MALFORMED);
	if (message.carried == ESP_OR_KEEPALIVE) /* STRICT-37 */
		return model_ike_is_alive(model, &flow->key)
			       ? model_opinion(MODEL_PASSES, 0)
			       : model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_NO_IKE_SA);
	if (!is_initiation(&message) &&
	    (has_asked(known, &message, asker) || is_awaited(flow, &message, asker) ||
	     is_rekeyed(known, &message, asker)))
		return model_opinion(MODEL_PASSES, 0);
	return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_NO_PROOF_IKE);
}

/* ---- What has passed ---------------------------------------------------------------------------- */

/* Who has the oldest that makes room: the side that holds more, or else the one that asks. */
static unsigned crowded_side(const struct model_questions *asked, unsigned asker)
{
	unsigned held[2] = {0, 0};

	for (unsigned i = 0; i < asked->count; i++)
		held[asked->question[i].asker]++;
	return held[0] == held[1] ? asker : held[1] > held[0];
}

static void add_asked(struct model_questions *asked, struct model_question question)
{
	unsigned crowded = crowded_side(asked, question.asker);

	if (asked->count == ASKED && !model_has(asked, question))
		for (unsigned i = 0; i < asked->count; i++)
			if (asked->question[i].asker == crowded) {
				model_strike(asked, asked->question[i]);
				break;
			}
	model_add(asked, ASKED, question);
}

/* What a flow learns the pair learns, unless the flow is the one that only reads of it. */
static struct model_ike *pair_of(struct model *model, const struct model_flow *flow)
{
	static struct model_ike nobody;
	struct model_pair *pair = make_pair(model, &flow->key);

	return is_nat_t(flow) ? &nobody : &pair->ike;
}

static void learn_asked(struct model *model, struct model_flow *flow, const struct message *message,
			unsigned asker)
{
	add_asked(&flow->ike.asked, spi_of(message, asker));
	add_asked(&pair_of(model, flow)->asked, spi_of(message, asker));
}

/* An SA that `asker` opened was answered, with both its SPIs. */
static void learn_answered(struct model *model, struct model_flow *flow,
			   const struct message *message, unsigned asker)
{
	struct model_pair *pair;

	learn_asked(model, flow, message, asker);
	flow->ike.answered[asker] = true;
	pair_of(model, flow)->answered[asker] = true;
	pair = make_pair(model, &flow->key);
	pair->alive_until = model->now + PAIR_MS;
	/* who has asked on another flow of the pair need not have opened this one */
	pair->opener = flow->opened[asker] ? asker : !asker;
	pair->rule = flow->rule[pair->opener];
	pair->opened_by = flow->opened_by[pair->opener];
	pair->policy = model->policy[flow->key.zone];
}

static void adopt(struct model_ike *ike, const struct message *message)
{
	if (ike->adopted.count == ADOPTED && !model_has(&ike->adopted, spi_of(message, 0)))
		ike->forgot = true;
	model_add(&ike->adopted, ADOPTED, spi_of(message, 0));
}

/* An answer, in the answer direction. COOKIE and INVALID_KE_PAYLOAD have no SPIr, and make no SA. */
static void note_answer(struct model *model, struct model_flow *flow, const struct message *message,
			unsigned asker)
{
	if (is_zero(message->responder_spi, 8))
		return;
	if (is_awaited(flow, message, asker) ||
	    has_asked(knowledge_of(model, flow), message, asker)) {
		if (message->is_response)
			model_strike(&flow->ike.awaited, exchange_of(message, asker));
		learn_answered(model, flow, message, asker);
		return;
	}
	adopt(&flow->ike, message);
	adopt(pair_of(model, flow), message);
	model_ike_touch(model, &flow->key);
}

/* STRICT-32, 35, 38: what a packet that passed by a rule entitles the other side to. */
static void note_question(struct model *model, struct model_flow *flow,
			  const struct message *message, unsigned sender)
{
	struct knowledge known = knowledge_of(model, flow);
	bool forgot = known.own->forgot || known.pair->forgot;

	if (is_initiation(message)) {
		learn_asked(model, flow, message, sender);
	} else if (has_asked(known, message, !sender) || is_awaited(flow, message, !sender)) {
		note_answer(model, flow, message, !sender);
	} else if (has_asked(known, message, sender)) {
		learn_asked(model, flow, message, sender);
		model_ike_touch(model, &flow->key);
	} else if (is_adopted(known, message)) {
		model_ike_touch(model, &flow->key);
	} else if (message->is_response && !(forgot && begins_rekeyed(message))) {
		model_add(&flow->ike.barred, BARRED, spi_of(message, 0));
		model_add(&pair_of(model, flow)->barred, BARRED, spi_of(message, 0));
	} else if (!message->is_response && message->is_v2 && !is_barred(known, message)) {
		model_add(&flow->ike.awaited, AWAITED, exchange_of(message, sender));
	}
}

void model_ike_passed(struct model *model, struct model_flow *flow,
		      const struct model_packet *packet)
{
	struct message message = read_message(flow, packet);

	if (message.carried == ESP_OR_KEEPALIVE)
		model_ike_touch(model, &flow->key);
	if (message.carried != IKE)
		return;
	if (flow->opened[packet->direction])
		note_question(model, flow, &message, packet->direction);
	else
		note_answer(model, flow, &message, !packet->direction);
}
