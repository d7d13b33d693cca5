/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grammar.h: a record as one step of a conversation. The fields say what is sent relative to what was
 * sent before (a sequence number is an offset from the next one expected, a quote is one of the last
 * packets), so that a step of zeros is a sensible packet and most changes keep sense.
 */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <stdbool.h>

#include "craft.h"
#include "records.h"

#define GRAMMAR_PORTS  12
#define GRAMMAR_QUOTES 8
#define GRAMMAR_QUOTE  128 /* bytes */

enum grammar_what {
	GRAMMAR_TCP,
	GRAMMAR_UDP,
	GRAMMAR_IKE,
	GRAMMAR_ESP_IN_UDP,
	GRAMMAR_WIREGUARD,
	GRAMMAR_DNS,
	GRAMMAR_NTP,
	GRAMMAR_ICMP,
	GRAMMAR_ERROR,
	GRAMMAR_PROTOCOL, /* without ports */
	GRAMMAR_LINK,     /* ARP, neighbour discovery, no IP */
	GRAMMAR_POLICY,   /* no packet: another policy */
	GRAMMAR_IDLE,     /* no packet: a burst without any */
	GRAMMAR_WHAT_COUNT
};

#define GRAMMAR_INGRESS      0x01
#define GRAMMAR_IPV6         0x02
#define GRAMMAR_OTHER_LOCAL  0x04
#define GRAMMAR_OTHER_PEER   0x08
#define GRAMMAR_BURST        0x10 /* more of the burst follows */
#define GRAMMAR_BAD_CHECKSUM 0x20
#define GRAMMAR_TAGGED       0x40
#define GRAMMAR_OTHER_ZONE   0x80

struct step {
	uint8_t what; /* enum grammar_what, modulo */
	uint8_t way;  /* GRAMMAR_* bits */
	uint8_t gap;  /* which time goes by before it */
	uint8_t flags;
	uint8_t local_port, peer_port; /* which */
	uint8_t length;
	uint8_t fragment; /* 0: whole; else bits 0,1 the identification, bit 2 more follow */
	uint8_t a[4], b[3];
	uint8_t options; /* enum craft_options, mostly none */
};

_Static_assert(sizeof(struct step) == RECORD_SIZE, "a step is one record");

/* What was sent before. Zero it at the start of a sequence. */
struct grammar {
	/* the next sequence number of each side of a TCP connection, by family and ports */
	uint32_t next[2][GRAMMAR_PORTS][GRAMMAR_PORTS][2];
	struct {
		uint8_t bytes[GRAMMAR_QUOTE];
		uint32_t length;
		uint8_t from;
	} quotes[GRAMMAR_QUOTES]; /* the last packets */
	unsigned sent;
};

/* Read record `i` of an input. */
struct step grammar_step(const uint8_t *data, size_t i);

/* The milliseconds that go by before a step. */
uint32_t grammar_gap_ms(const struct step *step);

/* Build the frame of a step that is a packet; its length. */
uint32_t grammar_frame(struct grammar *grammar, const struct step *step, uint8_t *frame);

#endif
