/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comparison.h: what two policies made of the same packets: a record to print, check and report.
 *
 * "Differs" is pass against drop: two policies may well have different reasons to do the same thing.
 * A *flow* is a pair of endpoints whichever way its packets go. A *cause* is a pair of reasons with
 * the rules behind them. What is kept of a packet is a few bytes, so that millions fit.
 */
#ifndef COMPARISON_H
#define COMPARISON_H

#include <stdio.h>

#include "keyed.h"
#include "render.h"
#include "trace.h"

/* The lower endpoint first. No padding. */
struct comparison_key {
	uint8_t address[2][16];
	uint16_t port[2];
	uint16_t ether_type;
	uint8_t protocol, none;
};

struct comparison_flow {
	struct comparison_key key;
	uint32_t cause;         /* of its first difference: index */
	struct trace_row first; /* its first difference */
	uint64_t passed_by[2];  /* packets that differ, by which judge passes them */
};

struct comparison_pair {
	uint32_t reason[2], rule[2]; /* of a and b */
};

struct comparison_cause {
	struct comparison_pair pair;
	uint32_t flow; /* the first: index */
	uint64_t packets;
	uint64_t flows; /* whose first difference it is */
};

/* A packet, whether or not it differs. */
struct comparison_packet {
	int64_t time_us;
	uint32_t flow;     /* if it differs: index */
	uint8_t passed[2]; /* by a and b */
	uint8_t direction; /* by a */
};

struct comparison {
	struct trace_judge judges[2]; /* a and b */
	const char *policies[2];      /* their files */
	struct keyed flows, causes;   /* of struct comparison_flow, struct comparison_cause */
	struct comparison_packet *packets;
	size_t packet_count, packet_capacity;
	uint64_t passed_by[2]; /* packets that differ, by which judge passes them */
	uint64_t in_both;      /* packets that were in both captures of a pair */
};

/* What a packet that differs belongs to. */
struct comparison_place {
	uint32_t flow;
	bool is_first; /* of its flow */
};

/* The judges are the caller's to set. comparison_fini() frees all else, and the judges. */
void comparison_init(struct comparison *comparison, const char *a, const char *b);
void comparison_fini(struct comparison *comparison);

/* Add a packet. 1 if it differs, and *place is set; 0 if not; -1 if there is no memory. */
int comparison_add(struct comparison *comparison, const struct trace_row *row,
		   struct comparison_place *place);

/* How many packets differ. */
uint64_t comparison_differ(const struct comparison *comparison);

/* "aws-like" or "strict" of judge j. */
const char *comparison_semantics(const struct comparison *comparison, unsigned j);

/* The clauses that judge j's reason follows: render_clauses(). */
void comparison_clauses(const struct comparison *comparison, const struct trace_row *row,
			unsigned j, char text[RENDER_CLAUSES_SIZE]);

/* The packet that opened the flow of a verdict, if it came before; else NULL. */
const struct comparison_packet *comparison_opener(const struct comparison *comparison,
						  const struct trace_row *row, unsigned j);

/*
 * Write what stands behind judge j's verdict, for people: `opened by packet 2, egress, 0.005657 s
 * before, under rule vpn/all-out (policy.yaml:14)`. Nothing if there is nothing behind it.
 */
void comparison_behind(FILE *to, const struct comparison *comparison, const struct trace_row *row,
		       unsigned j);

#endif
