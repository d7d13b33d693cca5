/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate.h: conversations, which know how a protocol is spoken, and mutations, which bend what they say.
 * Shared by the generator's files; others see sequence_generate() in sequence.h.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "sequence.h"

/* One end of TCP, as it sees itself. */
struct tcp_end {
	uint32_t first;  /* its SYN's sequence */
	uint32_t next;   /* what it sends next */
	uint32_t acked;  /* the highest that it was told */
	uint32_t got;    /* what it expects next */
	uint32_t edge;   /* how far the other end lets it go */
	uint16_t window; /* that it offers, before scaling */
	uint8_t scale;   /* or EVENT_NO_SCALE */
	bool fin;
};

#define GENERATE_PIECES 96 /* so many that more than 64 get through */

#define TALK_QUEUE 4 /* segments that may overtake each other */

/* Two ends that talk. Pairs are by direction: [SEKISHO_EGRESS] is what the inside sends or has. */
struct talk {
	const struct script *script;
	uint8_t zone, family;
	uint8_t address[2];
	uint16_t port[2];
	unsigned opener; /* direction of who begins */
	bool is_long;    /* it has much to say, and is alone */
	unsigned step;
	bool is_midstream; /* IKE whose beginning nobody saw */
	uint8_t payload;   /* enum event_payload of IKE */
	uint8_t spi[2];    /* of SAs that each side has initiated; 0: none yet */
	uint16_t id;       /* ICMP identifier, or that of the next datagram in fragments */
	uint16_t asked[2]; /* ICMP sequences, or IKE message ids */
	uint8_t protocol;  /* of others */
	struct event
		whole; /* what is being sent in fragments; `pieces` say which are still to come */
	uint16_t piece[GENERATE_PIECES];
	unsigned pieces;
	struct tcp_end tcp[2];
	struct event queue[TALK_QUEUE];
	unsigned queued;
};

/* Say the next thing: `event` is plain, and comes with zone and family. */
struct script {
	void (*begin)(struct random *random, struct talk *talk);
	void (*say)(struct random *random, struct talk *talk, struct event *event);
};

extern const struct script generate_udp, generate_ike, generate_query, generate_other,
	generate_fragments, generate_tcp, generate_wireguard, generate_dns, generate_ntp,
	generate_link, generate_crowd, generate_shreds;

/* Make the event one that is sent in this direction of the talk. */
void generate_address(const struct talk *talk, unsigned direction, struct event *event);

/* An ICMP error about an event that was sent before, in the other direction. */
void generate_error(struct random *random, const struct event *about, struct event *event);

/* Bend one field of a packet. */
void generate_mutation(struct random *random, struct event *event);

#endif
