/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate_udp.c: UDP, IKE, ICMP queries, protocols without ports, and any of them in fragments.
 */
#include <netinet/in.h>

#include "generate.h"

static unsigned choose_direction(struct random *random, const struct talk *talk)
{
	return random_chance(random, 50) ? talk->opener : !talk->opener;
}

/* ---- UDP without a grammar: STRICT-21, 22, AWS-46, 70 ------------------------------------------- */

static void udp_begin(struct random *random, struct talk *talk)
{
	static const uint16_t clients[] = {4000, 4001, 4002, 1024, 1023, 514, 99, 65535};
	static const uint16_t servers[] = {99, 99, 514, 1023, 4000, 80, 443};

	talk->port[talk->opener] = RANDOM_OF(random, clients);
	talk->port[!talk->opener] = RANDOM_OF(random, servers);
}

static void udp_say(struct random *random, struct talk *talk, struct event *event)
{
	generate_address(talk, choose_direction(random, talk), event);
}

const struct script generate_udp = {udp_begin, udp_say};

/* ---- IKE: STRICT-30..38 ------------------------------------------------------------------------- */

#define RESPONSE  0x20
#define INITIATOR 0x08

static void ike_begin(struct random *random, struct talk *talk)
{
	bool floats = random_chance(random, 30);

	talk->payload = floats ? PAYLOAD_NATT_IKE : PAYLOAD_IKE;
	talk->port[0] = talk->port[1] = floats ? 4500 : 500;
	if (random_chance(random, 10))
		talk->port[SEKISHO_INGRESS] = 4001;               /* behind a NAT */
	talk->protocol = random_chance(random, 70) ? 0x20 : 0x10; /* the version */
	talk->is_midstream = random_chance(random, 15);
	talk->spi[0] = (uint8_t)('A' + random_below(random, 2));
	talk->spi[1] = (uint8_t)('C' + random_below(random, 2));
}

/* A message in the SA that `owner` has initiated; the responder's SPI is the same letter, small. */
static void ike_message(struct talk *talk, unsigned owner, unsigned sender, struct event *event)
{
	generate_address(talk, sender, event);
	event->payload = talk->payload;
	event->ike = (struct event_ike){
		.version = talk->protocol,
		.initiator_spi = talk->spi[owner],
		.responder_spi = (uint8_t)(talk->spi[owner] | 0x20),
		.flags = talk->protocol == 0x20 && owner == sender ? INITIATOR : 0,
	};
}

/* The first exchange of `owner`: asked, or answered; sometimes by a COOKIE, which has no SPIr. */
static void ike_initiate(struct random *random, struct talk *talk, unsigned owner,
			 struct event *event)
{
	bool answer = random_chance(random, 50);

	if (random_chance(random, 15))
		talk->spi[owner] = (uint8_t)('A' + random_below(random, 20));
	ike_message(talk, owner, answer ? !owner : owner, event);
	event->ike.exchange = talk->protocol == 0x20 ? 34 : 2;
	if (!answer || random_chance(random, 10))
		event->ike.responder_spi = 0;
	if (answer && talk->protocol == 0x20)
		event->ike.flags |= RESPONSE;
}

/* IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL; or phase 1 and 2 of IKEv1. */
static void ike_continue(struct random *random, struct talk *talk, unsigned owner,
			 struct event *event)
{
	static const uint8_t exchanges[] = {35, 36, 37, 37};
	static const uint8_t exchanges_v1[] = {2, 5, 32};
	unsigned sender = choose_direction(random, talk);

	ike_message(talk, owner, sender, event);
	event->ike.exchange = talk->protocol == 0x20 ? RANDOM_OF(random, exchanges)
						     : RANDOM_OF(random, exchanges_v1);
	event->ike.message = talk->asked[sender];
	if (talk->protocol == 0x20 && random_chance(random, 50)) {
		event->ike.flags |= RESPONSE;
		event->ike.message = talk->asked[!sender];
	} else if (random_chance(random, 30)) {
		talk->asked[sender]++;
	}
}

static void ike_esp_in_udp(struct random *random, struct talk *talk, struct event *event)
{
	generate_address(talk, choose_direction(random, talk), event);
	event->payload = random_chance(random, 70) ? PAYLOAD_JUNK : PAYLOAD_KEEPALIVE;
}

static void ike_say(struct random *random, struct talk *talk, struct event *event)
{
	unsigned owner = random_chance(random, 70) ? talk->opener : !talk->opener;
	uint32_t kind = random_below(random, 100);

	talk->step++;
	if (talk->is_midstream && kind < 80) { /* SAs from before anybody looked: STRICT-38 */
		talk->spi[owner] = (uint8_t)('K' + random_below(random, 4));
		ike_continue(random, talk, owner, event);
		event->ike.message = 0;
	} else if (kind < 6) { /* rekeyed under encryption: both SPIs are new */
		talk->spi[owner]++;
		ike_continue(random, talk, owner, event);
	} else if (kind < 12) { /* float: RFC 7296 2.23 */
		talk->payload = PAYLOAD_NATT_IKE;
		talk->port[0] = talk->port[1] = 4500;
		ike_continue(random, talk, owner, event);
	} else if (kind < 26 && talk->payload == PAYLOAD_NATT_IKE) {
		ike_esp_in_udp(random, talk, event);
	} else if (kind < 32) {
		generate_address(talk, choose_direction(random, talk), event);
		event->tuple.protocol = IPPROTO_ESP;
	} else if (talk->step < 5 || kind < 50) {
		ike_initiate(random, talk, owner, event);
	} else {
		ike_continue(random, talk, owner, event);
	}
}

const struct script generate_ike = {ike_begin, ike_say};

/* ---- ICMP queries: STRICT-53, AWS-25..30 -------------------------------------------------------- */

static void query_begin(struct random *random, struct talk *talk)
{
	talk->id = (uint16_t)(7 + random_below(random, 2));
	talk->asked[0] = talk->asked[1] = (uint16_t)(random_chance(random, 50) ? 65530 : 1);
	talk->protocol = talk->family == 6 ? 128 : random_chance(random, 80) ? 8 : 13;
}

static void query_say(struct random *random, struct talk *talk, struct event *event)
{
	unsigned direction = choose_direction(random, talk);
	bool request =
		direction == talk->opener ? random_chance(random, 95) : random_chance(random, 10);
	uint8_t reply = talk->protocol == 8 ? 0 : (uint8_t)(talk->protocol + 1);
	uint16_t *asked = &talk->asked[request ? direction : !direction];

	generate_address(talk, direction, event);
	event->tuple.protocol = talk->family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	event->tuple.icmp_type = request ? talk->protocol : reply;
	event->tuple.icmp_id = talk->id;
	if (request)
		*asked = (uint16_t)(*asked +
				    (random_chance(random, 80) ? 1 : random_below(random, 100)));
	event->tuple.icmp_sequence =
		(uint16_t)(*asked - (random_chance(random, 70) ? 0 : random_below(random, 70)));
}

const struct script generate_query = {query_begin, query_say};

/* ---- Protocols without ports: STRICT-40, AWS-35..41 --------------------------------------------- */

static void other_begin(struct random *random, struct talk *talk)
{
	static const uint8_t protocols[] = {IPPROTO_ESP, IPPROTO_ESP,  IPPROTO_GRE,
					    IPPROTO_AH,  IPPROTO_IPIP, IPPROTO_SCTP};

	talk->protocol = RANDOM_OF(random, protocols);
}

static void other_say(struct random *random, struct talk *talk, struct event *event)
{
	generate_address(talk, choose_direction(random, talk), event);
	event->tuple.protocol = talk->protocol;
}

const struct script generate_other = {other_begin, other_say};

/* ---- The link: ARP, neighbour discovery (STRICT-62) -------------------------------------------- */

static void link_begin(struct random *random, struct talk *talk)
{
	talk->family = SEKISHO_IPV6;
	talk->id = (uint16_t)random_below(random, 2);
}

static void link_say(struct random *random, struct talk *talk, struct event *event)
{
	static const uint8_t types[] = {133, 134, 135, 136, 137, 130, 143};

	generate_address(talk, choose_direction(random, talk), event);
	event->tuple.protocol = IPPROTO_ICMPV6;
	event->tuple.icmp_type = RANDOM_OF(random, types);
	event->hop_limit = random_chance(random, 80) ? 255 : 64;
	if (random_chance(random, 20)) {
		event->family = 0;
		event->ether_type = 0x0806;
	}
}

const struct script generate_link = {link_begin, link_say};

/* ---- Fragments: STRICT-71, AWS-86 --------------------------------------------------------------- */

static const struct script *const fragmented[] = {&generate_udp,   &generate_tcp, &generate_query,
						  &generate_other, &generate_ike, &generate_dns};

static void fragments_begin(struct random *random, struct talk *talk)
{
	talk->id = (uint16_t)(1 + random_below(random, 3));
	udp_begin(random, talk);
}

/* More pieces than are allowed, of one datagram, in order. */
static void shreds_begin(struct random *random, struct talk *talk)
{
	fragments_begin(random, talk);
	talk->is_long = true;
}

/* A datagram to send, and the number of its pieces; in an order that the wire has made. */
static void fragments_cut(struct random *random, struct talk *talk)
{
	struct talk inner = *talk;
	const struct script *script = RANDOM_OF(random, fragmented);

	script->begin(random, &inner);
	talk->whole = event_plain();
	talk->whole.zone = talk->zone;
	talk->whole.family = talk->family;
	script->say(random, &inner, &talk->whole);
	talk->whole.length = (uint16_t)(40 + random_below(random, 1200));
	talk->whole.fragment.is_fragment = true;
	talk->whole.fragment.id = talk->id++;
	talk->pieces = 2 + random_below(random, random_chance(random, 80) ? 2 : 8);
	if (talk->is_long)
		talk->pieces = GENERATE_PIECES;
	for (unsigned i = 0; i < talk->pieces; i++) { /* they are sent from the last on */
		unsigned j = talk->is_long ? i : random_below(random, i + 1);

		talk->piece[i] = talk->piece[j];
		talk->piece[j] = (uint16_t)(talk->is_long ? talk->pieces - 1 - i : i);
	}
	talk->step = talk->pieces;
}

/* A piece that does not fit to the others. */
static void bend_fragment(struct random *random, struct event_fragment *fragment)
{
	if (random_chance(random, 4))
		fragment->first = (uint16_t)(fragment->first + 8);
	if (random_chance(random, 4))
		fragment->bytes = (uint16_t)(fragment->bytes + 8 * random_below(random, 3) - 8);
	if (random_chance(random, 2))
		fragment->more = !fragment->more;
	if (random_chance(random, 2))
		fragment->first = 0xfff8;
}

static void fragments_say(struct random *random, struct talk *talk, struct event *event)
{
	struct event_fragment *fragment = &event->fragment;
	uint16_t slice, piece;

	if (talk->pieces == 0)
		fragments_cut(random, talk);
	piece = talk->piece[--talk->pieces];
	*event = talk->whole;
	slice = (uint16_t)((talk->whole.length + 20u) / talk->step & ~7u);
	if (slice == 0)
		slice = 8;
	fragment->first = (uint16_t)(piece * slice);
	fragment->more = piece + 1u < talk->step;
	fragment->bytes = slice;
	if (!fragment->more)
		fragment->bytes = (uint16_t)(slice + random_below(random, 9));
	if (!talk->is_long)
		bend_fragment(random, fragment);
}

const struct script generate_fragments = {fragments_begin, fragments_say};
const struct script generate_shreds = {shreds_begin, fragments_say};
