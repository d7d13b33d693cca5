/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate.c: a sequence: some conversations at once, lost and bent packets, time that goes by, changes
 * of policy. The few addresses and ports are met again and again, so that flows meet.
 */
#include "generate.h"

#include <netinet/in.h>
#include <string.h>

/* ---- Time ------------------------------------------------------------------------------------- */

/* Below 2^31 ms in all, for an engine need not tell flows apart that were idle for longer. */
#define TIME_MAX UINT64_C(2000000000)

/* Mostly none, or little; sometimes just around one of the policy's timers. */
static uint32_t choose_gap(struct random *random, const struct plan *plan)
{
	static const uint32_t fixed[] = {30000, 60000, 10000, 120000};
	uint32_t kind = random_below(random, 100);

	if (kind < 55)
		return 0;
	if (kind < 80)
		return 1 + random_below(random, 50);
	if (kind < 88)
		return random_below(random, 40000);
	if (kind < 91)
		return RANDOM_OF(random, fixed) - 1 + random_below(random, 3);
	return (uint32_t)model_timeout(&plan->spec, 4, event_address(4, ADDRESS_ENDPOINT),
				       random_below(random, SEKISHO_TIMEOUT_COUNT)) -
	       1 + random_below(random, 3);
}

/* ---- Mutations -------------------------------------------------------------------------------- */

static void bend_address(struct random *random, struct event *event)
{
	uint8_t address = (uint8_t)random_below(random, ADDRESS_COUNT);

	if (random_chance(random, 50))
		event->tuple.source = address;
	else
		event->tuple.destination = address;
}

static void bend_ip(struct random *random, struct event *event)
{
	static const uint8_t hop_limits[] = {0, 1, 254, 255};

	switch (random_below(random, 6)) {
	case 0:
		event->hop_limit = RANDOM_OF(random, hop_limits);
		break;
	case 1:
	case 2:
		event->ip_extra = (uint8_t)random_below(random, 12);
		break;
	case 3:
		event->vlan_tags = (uint8_t)random_below(random, 4);
		break;
	case 4:
		event->tuple.protocol = (uint8_t)random_below(random, 256);
		break;
	default:
		event->family = 0;
		event->ether_type = random_chance(random, 50) ? 0x0806 : 0x88cc;
	}
}

static void bend_bytes(struct random *random, struct event *event)
{
	static const uint8_t bits[] = {1, 2, 4, 8, 16, 32, 64, 128, 255, 3};

	switch (random_below(random, 12)) {
	case 0:
		event->damage.ip_checksum = true;
		break;
	case 1:
		event->damage.l4_checksum = true;
		event->damage.called_good = random_chance(random, 30);
		break;
	case 2:
		event->damage.xor_at = (uint16_t)(12 + random_below(random, 80));
		event->damage.xor_with = (uint8_t)(1 + random_below(random, 255));
		break;
	case 3:
		event->damage.cut = (uint16_t)(1 + random_below(random, 60));
		break;
	case 4:
		event->damage.padding = (uint16_t)(1 + random_below(random, 30));
		break;
	case 5:
		event->damage.layer4_cut = (uint16_t)(1 + random_below(random, 60));
		break;
	case 6:
		event->damage.clip =
			(uint16_t)(1 + random_below(random, random_chance(random, 70) ? 60 : 130));
		break;
	case 7:
		event->damage.no_checksum = true;
		break;
	default:
		event->damage.twist_at =
			(uint16_t)random_below(random, random_chance(random, 70) ? 48 : 160);
		event->damage.twist_with = RANDOM_OF(random, bits);
	}
}

static void bend_layer4(struct random *random, struct event *event)
{
	static const uint16_t ports[] = {0, 53, 80, 500, 1023, 1024, 4000, 4500, 65535};
	static const uint8_t types[] = {0, 8, 3, 5, 11, 13, 14, 1, 2, 128, 129, 133, 135, 137, 9};

	switch (random_below(random, 8)) {
	case 0:
		event->tuple.source_port = RANDOM_OF(random, ports);
		break;
	case 1:
		event->tuple.destination_port = RANDOM_OF(random, ports);
		break;
	case 2:
		event->tuple.icmp_type = RANDOM_OF(random, types);
		event->tuple.icmp_code = (uint8_t)random_below(random, 6);
		break;
	case 3:
		event->tuple.icmp_sequence =
			(uint16_t)(event->tuple.icmp_sequence + random_below(random, 130) - 65);
		break;
	case 4:
		event->tcp_flags = (uint8_t)random_below(random, 256);
		break;
	case 5:
		event->length = (uint16_t)random_below(random, 100);
		break;
	case 6:
		event->payload = (uint8_t)random_below(random, PAYLOAD_COUNT);
		break;
	default:
		event->quoted_bytes = (uint8_t)random_below(random, 12);
	}
}

static void bend_ike(struct random *random, struct event *event)
{
	struct event_ike *ike = &event->ike;

	switch (random_below(random, 8)) {
	case 0:
		ike->initiator_spi = (uint8_t)random_below(random, 256);
		break;
	case 1:
		ike->responder_spi = (uint8_t)(random_below(random, 2) * 'x');
		break;
	case 2:
		ike->version ^= 0x30;
		break;
	case 3:
		ike->flags ^= 0x20;
		break;
	case 4:
		ike->exchange = (uint8_t)(34 + random_below(random, 5));
		break;
	case 5:
		ike->message += random_below(random, 3);
		break;
	case 6:
		ike->version = (uint8_t)random_below(random, 256);
		break;
	default:
		ike->length_off = (int16_t)(random_below(random, 9) - 4);
	}
}

void generate_mutation(struct random *random, struct event *event)
{
	uint8_t source = event->tuple.source;

	switch (random_below(random, 12)) {
	case 0:
		bend_address(random, event);
		break;
	case 1:
	case 2:
		bend_ip(random, event);
		break;
	case 3:
	case 4:
	case 5:
		bend_bytes(random, event);
		break;
	case 6:
		bend_ike(random, event);
		break;
	case 7: /* from the wrong side */
		event->direction = !event->direction;
		break;
	case 8: /* an echo of itself */
		event->tuple.source = event->tuple.destination;
		event->tuple.destination = source;
		event->direction = !event->direction;
		break;
	default:
		bend_layer4(random, event);
	}
}

/* ---- Errors ----------------------------------------------------------------------------------- */

void generate_error(struct random *random, const struct event *about, struct event *event)
{
	static const uint8_t types_4[] = {3, 3, 3, 4, 5, 11, 12}, types_6[] = {1, 2, 2, 3, 4, 137};
	static const uint16_t mtus[] = {1400, 1280, 1279, 576, 68, 67, 0};
	bool v6 = about->family == SEKISHO_IPV6;

	*event = event_plain();
	event->zone = about->zone;
	event->family = about->family;
	event->direction = !about->direction;
	event->quoted = about->tuple;
	event->tuple.source = random_chance(random, 50) ? about->tuple.destination : ADDRESS_ROUTER;
	event->tuple.destination = about->tuple.source;
	event->tuple.protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	event->tuple.icmp_type = v6 ? RANDOM_OF(random, types_6) : RANDOM_OF(random, types_4);
	event->tuple.icmp_code = (uint8_t)(random_below(random, 2) * 4);
	event->mtu = RANDOM_OF(random, mtus);
	if (random_chance(random, 10))
		event->quoted.source_port ^= 1;
	if (random_chance(random, 10))
		event->quoted.seq += random_below(random, 200000) - 100000;
	if (random_chance(random, 5))
		event->tuple.destination = ADDRESS_ENDPOINT_B;
}

/* ---- The sequence ----------------------------------------------------------------------------- */

void generate_address(const struct talk *talk, unsigned direction, struct event *event)
{
	event->direction = (uint8_t)direction;
	event->tuple.source = talk->address[direction];
	event->tuple.destination = talk->address[!direction];
	event->tuple.source_port = talk->port[direction];
	event->tuple.destination_port = talk->port[!direction];
}

/* A protocol is chosen as often as it stands here. */
static const struct script *const scripts[] = {
	&generate_tcp,       &generate_tcp,       &generate_tcp,   &generate_tcp,
	&generate_udp,       &generate_ike,       &generate_ike,   &generate_ike,
	&generate_dns,       &generate_ntp,       &generate_query, &generate_wireguard,
	&generate_fragments, &generate_fragments, &generate_other, &generate_link,
};

static void begin_talk(struct random *random, const struct script *script, struct talk *talk)
{
	static const uint8_t insides[] = {ADDRESS_ENDPOINT, ADDRESS_ENDPOINT, ADDRESS_ENDPOINT,
					  ADDRESS_ENDPOINT_B};
	static const uint8_t outsides[] = {ADDRESS_PEER, ADDRESS_PEER, ADDRESS_PEER_B};

	memset(talk, 0, sizeof(*talk));
	talk->script = script;
	talk->zone = random_chance(random, 10);
	talk->family = random_chance(random, 65) ? SEKISHO_IPV4 : SEKISHO_IPV6;
	talk->address[SEKISHO_EGRESS] = RANDOM_OF(random, insides);
	talk->address[SEKISHO_INGRESS] = RANDOM_OF(random, outsides);
	talk->opener = random_chance(random, 60) ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	talk->script->begin(random, talk);
}

/* An event that was generated before, or NULL if that was no packet. */
static const struct event *recall(struct random *random, const struct sequence *sequence)
{
	const struct event *event;

	if (sequence->count == 0)
		return NULL;
	event = &sequence->event[random_below(random, sequence->count)];
	if (event->kind != EVENT_PACKET || (event->family != 4 && event->family != 6))
		return NULL;
	return event;
}

static void generate_event(struct random *random, struct sequence *sequence, struct talk *talk)
{
	struct event *event = &sequence->event[sequence->count];
	uint32_t kind = random_below(random, 100);
	const struct event *former = kind < 12 ? recall(random, sequence) : NULL;

	*event = event_plain();
	event->zone = talk->zone;
	event->family = talk->family;
	if (kind < 4 && former != NULL && talk->script != &generate_shreds) {
		*event = *former; /* a duplicate */
	} else if (kind < 12 && former != NULL) {
		generate_error(random, former, event);
	} else if (kind < 15 && !talk->is_long) {
		event->kind = EVENT_POLICY;
		event->policy = (uint8_t)random_below(random, SEQUENCE_POLICIES);
	} else {
		talk->script->say(random, talk, event);
	}
	if (event->kind == EVENT_PACKET && random_chance(random, 12) &&
	    talk->script != &generate_crowd) /* its flows are to have one entry each */
		generate_mutation(random, event);
}

/* What the sequence is run on: who talks, how long, and how large the tables are. */
static unsigned begin_talks(struct random *random, struct sequence *sequence, struct talk *talks)
{
	unsigned talking = 1 + random_below(random, 4);

	sequence->least_gap_ms = 0;
	if (random_chance(random, 4)) {
		sequence->least_gap_ms = 1;
		begin_talk(random, &generate_crowd, &talks[0]);
		return 1;
	}
	if (random_chance(random, 1)) {
		begin_talk(random, &generate_shreds, &talks[0]);
		return 1;
	}
	for (unsigned i = 0; i < talking; i++)
		begin_talk(random, RANDOM_OF(random, scripts), &talks[i]);
	return talking;
}

void sequence_generate(struct sequence *sequence, const struct pool *pool, uint64_t seed)
{
	static const uint32_t starts[] = {0, 1000, 0xfffff000, 0x7ffff000, 0xffff0000};
	struct random random = {seed};
	struct talk talks[4];
	uint32_t talking, events;
	uint64_t time = 0;

	sequence->seed = seed;
	sequence->pool = pool;
	sequence->plans = pool->plan[random_below(&random, POOL_FAMILIES)];
	sequence->semantics = sequence->plans[0].spec.semantics;
	sequence->config = (struct model_config){
		.flows = MODEL_FLOWS, .datagrams = 4, .held = 6, .held_bytes = 4000};
	sequence->start_ms = RANDOM_OF(&random, starts);
	sequence->count = 0;
	sequence->tail_ms = 0;
	talking = begin_talks(&random, sequence, talks);
	events = 4 + random_below(&random, 45);
	if (talking == 1 && talks[0].is_long)
		events = SEQUENCE_EVENTS;
	while (sequence->count < events) {
		struct event *event = &sequence->event[sequence->count];
		uint32_t gap = choose_gap(&random, &sequence->plans[0]);

		if (talks[0].is_long && random_chance(&random, 99)) /* or nothing would last */
			gap = sequence->least_gap_ms + gap % 4;
		generate_event(&random, sequence, &talks[random_below(&random, talking)]);
		event->gap_ms = time + gap < TIME_MAX ? gap : 0;
		time += event->gap_ms;
		if (!random_chance(&random, 5)) /* else it was lost before it came here */
			sequence->count++;
	}
}
