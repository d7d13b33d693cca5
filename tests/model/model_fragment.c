/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model_fragment.c: virtual reassembly (STRICT-71, AWS-86; RFC 791, 8200, 1858, 5722). Each piece of a
 * datagram that was seen is kept as it is, and compared with each new one.
 */
#include <string.h>

#include "model.h"

/* ---- Datagrams -------------------------------------------------------------------------------- */

/* Neither zone, direction, address nor identification may mix; in IPv4 nor may the protocol. */
static bool is_of(const struct model_datagram *datagram, const struct model_packet *packet)
{
	return datagram->zone == packet->zone && datagram->direction == packet->direction &&
	       datagram->family == packet->family &&
	       (packet->family == 6 || datagram->protocol == packet->protocol) &&
	       datagram->identification == packet->identification &&
	       memcmp(datagram->source, packet->source, 16) == 0 &&
	       memcmp(datagram->destination, packet->destination, 16) == 0;
}

/* The datagram of a fragment; begun if it was not there; NULL if there is no room. */
static struct model_datagram *datagram_of(struct model *model, const struct model_packet *packet)
{
	struct model_datagram *datagram;

	for (unsigned i = 0; i < model->datagrams; i++)
		if (is_of(&model->datagram[i], packet))
			return &model->datagram[i];
	if (model->datagrams == model->config.datagrams)
		return NULL;
	datagram = &model->datagram[model->datagrams++];
	*datagram = (struct model_datagram){
		.begun = packet->number,
		.zone = packet->zone,
		.direction = packet->direction,
		.family = packet->family,
		.protocol = packet->protocol,
		.identification = packet->identification,
		.expires_at = model->now + (packet->family == 4 ? 30000 : 60000),
		.spoilt = MODEL_FINE,
	};
	memcpy(datagram->source, packet->source, 16);
	memcpy(datagram->destination, packet->destination, 16);
	return datagram;
}

static void forget(struct model *model, struct model_datagram *datagram)
{
	*datagram = model->datagram[--model->datagrams];
}

/* Every byte of it has been seen. */
static bool is_complete(const struct model_datagram *datagram)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < datagram->pieces; i++)
		bytes += datagram->piece[i].past - datagram->piece[i].first;
	return datagram->end != 0 && bytes == datagram->end; /* pieces never overlap */
}

/* ---- Frames that wait ------------------------------------------------------------------------- */

/* Those of a datagram that wait leave with this verdict, in the order in which they came. */
static void release(struct model *model, const struct model_datagram *datagram,
		    struct model_verdict verdict)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < model->held; i++) {
		const struct model_waiting *waiting = &model->waiting[i];

		if (waiting->datagram != datagram->begun) {
			model->waiting[kept++] = *waiting;
			continue;
		}
		verdict.packet = waiting->number;
		model->release[model->releases++] =
			(struct model_release){.verdict = verdict,
					       .datagram = waiting->datagram,
					       .length = waiting->length,
					       .handle = waiting->handle,
					       .zone = waiting->zone,
					       .direction = waiting->direction};
	}
	model->held = kept;
}

/* Bounded frames and bytes; those that may leave count until the caller has taken them. */
static bool may_hold(const struct model *model, const struct model_packet *packet)
{
	uint32_t bytes = packet->frame_length;

	for (unsigned i = 0; i < model->held; i++)
		bytes += model->waiting[i].length;
	for (unsigned i = 0; i < model->releases; i++)
		bytes += model->release[i].length;
	return model->held + model->releases < model->config.held &&
	       bytes <= model->config.held_bytes;
}

static struct model_verdict hold(struct model *model, const struct model_datagram *datagram,
				 const struct model_packet *packet)
{
	model->waiting[model->held++] = (struct model_waiting){.datagram = datagram->begun,
							       .number = packet->number,
							       .length = packet->frame_length,
							       .handle = packet->handle,
							       .zone = packet->zone,
							       .direction = packet->direction};
	return model_drop(SEKISHO_REASON_FRAGMENT_HELD);
}

void model_end_datagrams(struct model *model)
{
	for (unsigned i = model->datagrams; i-- > 0;) {
		if (model->datagram[i].expires_at > model->now)
			continue;
		release(model, &model->datagram[i], model_drop(SEKISHO_REASON_FRAGMENT_TIMEOUT));
		forget(model, &model->datagram[i]);
	}
}

/* ---- What is wrong between the pieces ----------------------------------------------------------- */

/* Two ends, or a piece past the end. */
static bool contradicts(const struct model_datagram *datagram, const struct model_packet *packet)
{
	uint32_t past = packet->offset + packet->bytes;

	if (packet->more)
		return datagram->end != 0 && past > datagram->end;
	if (datagram->end != 0 && datagram->end != past)
		return true;
	for (unsigned i = 0; i < datagram->pieces; i++)
		if (datagram->piece[i].past > past)
			return true;
	return false;
}

static bool overlaps(const struct model_datagram *datagram, const struct model_packet *packet)
{
	for (unsigned i = 0; i < datagram->pieces; i++)
		if (packet->offset < datagram->piece[i].past &&
		    datagram->piece[i].first < packet->offset + packet->bytes)
			return true;
	return false;
}

static enum sekisho_reason spoils(const struct model_datagram *datagram,
				  const struct model_packet *packet)
{
	if (datagram->pieces == MODEL_PIECES)
		return SEKISHO_REASON_FRAGMENT_TOO_MANY;
	if (contradicts(datagram, packet))
		return SEKISHO_REASON_FRAGMENT_BAD;
	if (overlaps(datagram, packet))
		return SEKISHO_REASON_FRAGMENT_OVERLAP;
	return MODEL_FINE;
}

static void note_piece(struct model_datagram *datagram, const struct model_packet *packet)
{
	uint32_t past = packet->offset + packet->bytes;

	datagram->piece[datagram->pieces++] = (struct model_piece){packet->offset, past};
	if (!packet->more)
		datagram->end = past;
}

/* ---- The verdict ------------------------------------------------------------------------------ */

/* What the others have from the first fragment's verdict. */
static struct model_verdict inherit(const struct model_datagram *datagram)
{
	struct model_verdict verdict = datagram->verdict;

	if (sekisho_reason_action(verdict.reason) != SEKISHO_PASS)
		verdict.reason = SEKISHO_REASON_FRAGMENT_REFUSED; /* by the ACL's entry, if any */
	if (verdict.reason == SEKISHO_REASON_RULE_MATCH)
		verdict.reason = SEKISHO_REASON_FLOW_ORIGINATOR; /* its flow is there by now */
	verdict.opened = false;
	verdict.bound = SEKISHO_BOUND_NONE;
	return verdict;
}

static void decide(struct model *model, struct model_datagram *datagram,
		   struct model_verdict verdict)
{
	datagram->decided = true;
	datagram->verdict = verdict;
	release(model, datagram, inherit(datagram));
}

/*
 * All of a datagram has been seen. STRICT-13: where a TCP segment ends is known by now, and its flow
 * must know too, or its acknowledgement would be of what was not sent.
 */
static void finish(struct model *model, const struct model_datagram *datagram)
{
	const struct model_packet *first = &datagram->first;
	struct model_flow *flow;

	if (first->kind != MODEL_TCP ||
	    sekisho_reason_action(datagram->verdict.reason) != SEKISHO_PASS)
		return;
	flow = model_find(model, first);
	if (flow != NULL)
		model_tcp_stretch(flow, first->direction,
				  model_tcp_end(first) + datagram->end - first->bytes);
}

struct model_verdict model_judge_fragment(struct model *model, const struct model_packet *packet)
{
	struct model_datagram *datagram = datagram_of(model, packet);
	bool waits = datagram != NULL && packet->offset > 0 && !datagram->decided;
	struct model_verdict verdict;

	if (datagram == NULL)
		return model_drop(SEKISHO_REASON_FRAGMENT_BUDGET);
	if (datagram->spoilt != MODEL_FINE)
		return model_drop(datagram->spoilt);
	if (waits && !may_hold(model, packet)) {
		if (datagram->pieces == 0)
			forget(model, datagram); /* it never came */
		return model_drop(SEKISHO_REASON_FRAGMENT_BUDGET);
	}
	datagram->spoilt = spoils(datagram, packet);
	if (datagram->spoilt != MODEL_FINE) {
		release(model, datagram, model_drop(datagram->spoilt));
		return model_drop(datagram->spoilt);
	}
	note_piece(datagram, packet);
	if (waits)
		return hold(model, datagram, packet);
	if (packet->offset == 0) {
		verdict = model_judge_whole(model, packet);
		datagram->first = *packet;
		decide(model, datagram, verdict);
	} else {
		verdict = inherit(datagram);
	}
	if (is_complete(datagram)) {
		finish(model, datagram);
		forget(model, datagram);
	}
	return verdict;
}

/* A first fragment that is malformed: what else comes of its datagram goes the same way. */
void model_refuse_fragment(struct model *model, const struct model_packet *packet)
{
	struct model_datagram *datagram = datagram_of(model, packet);

	if (datagram == NULL || datagram->spoilt != MODEL_FINE)
		return;
	datagram->spoilt = SEKISHO_REASON_FRAGMENT_REFUSED;
	release(model, datagram, model_drop(datagram->spoilt));
}
