/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * explanation.h: why a packet would pass or not, and what flows let in; the part of sekisho.h, which includes
 * it, that asks without anything happening.
 *
 * The owner of an engine takes an *excerpt*, all of its state that one packet could meet. Anybody may then
 * *explain* the packet by it, under any policy.
 */
#ifndef SEKISHO_EXPLANATION_H
#define SEKISHO_EXPLANATION_H

#include "sekisho.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEKISHO_EXCERPT_ENTRIES 2 /* a flow, and what is known of its address pair */

#define SEKISHO_EXCERPT_DATAGRAM 512

/* An entry of the flow table, for the library alone. */
struct sekisho_excerpt_entry {
	uint8_t flow[128], extension[128];
	bool extended;
	bool judged; /* by the policy of its zone, and not by a former one */
};

/* All of an engine's state that one packet could meet. */
struct sekisho_excerpt {
	uint8_t proof_key[32]; /* the engine's, so that what proofs remember reads the same: a secret */
	uint32_t now_ms, resumed_ms;
	uint32_t count;
	uint64_t received; /* packets, before this one */
	uint32_t capacity, free_entries, half_open; /* of the table; and of flows */
	uint32_t source_flows, source_half_open;    /* of the source of the packet */
	bool recyclable[2]; /* something half-open, or unanswered, could make way */
	struct sekisho_excerpt_entry entries[SEKISHO_EXCERPT_ENTRIES];
	bool fragment;          /* it is one, and then: */
	uint8_t datagram[SEKISHO_EXCERPT_DATAGRAM]; /* what is known of the others; for the library alone */
};

/*
 * Take an excerpt for a frame. Changes nothing and takes no longer than judging the frame would. Owner
 * only, between bursts; all else about it is anybody's.
 */
void sekisho_engine_excerpt(const struct sekisho_engine *engine, uint32_t now_ms,
			    const struct sekisho_frame *frame, struct sekisho_excerpt *excerpt);

enum sekisho_met { SEKISHO_MET_NONE, SEKISHO_MET_LIVE, SEKISHO_MET_EXPIRED };

/* What was known of a fragment's datagram before it came. */
struct sekisho_datagram {
	uint32_t pieces;     /* fragments that have come; 0: nothing is known */
	bool decided;        /* the first one has been judged */
	uint8_t reason;      /* and this was said of it, enum sekisho_reason */
	uint32_t expires_ms; /* how long it is still remembered */
};

/* What would become of a packet, and what was found on the way. */
struct sekisho_explanation {
	struct sekisho_verdict verdict;
	struct sekisho_tuple tuple;
	bool sound;            /* it was parsed; else the reason is why not, or it is of the link */
	bool is_fragment;      /* the first one of its datagram unless tuple.is_fragment */
	struct sekisho_datagram datagram;
	enum sekisho_met met;  /* a flow, for an ICMP error the one that it quotes */
	struct sekisho_flow_info flow; /* as it is before the packet, if one was met */
	uint16_t endpoint;     /* whose inside address it has, as index plus one; 0: nobody's */
	uint32_t rule;         /* what the groups admit it by, flow or no flow; or none */
	uint32_t denied_by;    /* the entry of a network ACL; or none */
	bool open;             /* rules open both ways leave nothing to track (AWS-10) */
};

/*
 * Explain a frame by an excerpt that was taken for it, under the policy of its zone or any other with the
 * same rule names. The path itself decides, in an engine of its own. False: no memory. Any thread.
 */
bool sekisho_explain(const struct sekisho_policy *policy, const struct sekisho_rule_names *names,
		     const struct sekisho_frame *frame, const struct sekisho_excerpt *excerpt,
		     struct sekisho_explanation *out);

/* What a flow that was opened from the inside lets in, where no inbound rule would. */
enum sekisho_hole {
	SEKISHO_HOLE_NONE,   /* nothing, or what a rule would let in as well */
	SEKISHO_HOLE_ANY,    /* any packet of the tuple */
	SEKISHO_HOLE_WINDOW, /* TCP that fits the flow's state */
	SEKISHO_HOLE_ANSWERS /* answers that prove themselves */
};

/* "none", "any-packet", "in-window", "answers-with-proof". Any thread. */
const char *sekisho_hole_word(enum sekisho_hole hole);

/* What a flow that was told of lets in under this policy, its zone's. Any thread. */
enum sekisho_hole sekisho_policy_hole(const struct sekisho_policy *policy,
				      const struct sekisho_flow_info *flow);

#ifdef __cplusplus
}
#endif

#endif
