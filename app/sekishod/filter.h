/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter.h: which flows or packets are meant: `proto udp and port 500`.
 *
 *	proto NAME|NUMBER           [src|dst] port N[-M]        [src|dst] host ADDRESS[/LENGTH]
 *	edge NAME    rule NAME      state WORD     reason WORD     direction egress|ingress
 *	verdict pass|drop           ip    ip6    all            not X    X and Y    X or Y    ( X )
 *
 * and shorter: `sport N`, `dport N`, `src ADDRESS`, `dst ADDRESS`, `pass`, `drop`, `egress`, `ingress`,
 * and a protocol's name for itself.
 *
 * `and` binds more than `or`. The source of a flow is who opened it. What a subject does not have (a
 * packet has no state, ESP no port) is no match. Words stand apart by spaces; parentheses need none.
 *
 * A text becomes a list of steps in postfix order, whose number is bounded; matching allocates nothing and
 * takes some nanoseconds a step.
 */
#ifndef SEKISHOD_FILTER_H
#define SEKISHOD_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_TEXT_MAX 1024
#define FILTER_STEPS    64
#define FILTER_WORD_MAX 256

enum filter_end { FILTER_SOURCE, FILTER_DESTINATION };

/* What is asked about. NULL: it has none. */
struct filter_subject {
	uint8_t family; /* 4, 6; 0 if it is no IP */
	uint8_t protocol;
	uint8_t direction; /* enum sekisho_direction */
	bool has_ports;
	const uint8_t
		*address[2]; /* by enum filter_end; network order, IPv4 in the first 4 bytes */
	uint16_t port[2];
	const char *edge, *rule, *state, *reason, *verdict;
};

enum filter_kind {
	FILTER_ALL,
	FILTER_FAMILY,
	FILTER_PROTOCOL,
	FILTER_PORT,
	FILTER_HOST,
	FILTER_DIRECTION,
	FILTER_EDGE,
	FILTER_RULE,
	FILTER_STATE,
	FILTER_REASON,
	FILTER_VERDICT,
	FILTER_NOT,
	FILTER_AND,
	FILTER_OR
};

struct filter_step {
	uint8_t kind;       /* enum filter_kind */
	uint8_t ends;       /* bit by enum filter_end: which may match */
	uint8_t family;     /* of `address` */
	uint8_t length;     /* of the prefix */
	uint16_t low, high; /* port; protocol, family and direction in `low` */
	uint16_t word;      /* where in `words` it begins */
	uint8_t address[16];
};

struct filter {
	unsigned count;
	struct filter_step step[FILTER_STEPS];
	char words[FILTER_TEXT_MAX];
};

/*
 * Understand a text. 0, or -EINVAL and a sentence with the column in `message`. Any thread.
 */
int filter_compile(struct filter *filter, const char *text, char *message, size_t size);

/* Whether a subject is meant. Any thread. */
bool filter_matches(const struct filter *filter, const struct filter_subject *subject);

#endif
