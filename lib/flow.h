/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow.h: one flow, both directions, two cache lines.
 *
 * All fields belong to the owner core, which writes them with plain stores. Index pairs are by enum
 * sekisho_direction. Life: created by flow_table_insert(), opened by track_open(), refreshed by every
 * packet that passes, gone at `expires_at` whether or not the sweep has been there.
 */
#ifndef FLOW_H
#define FLOW_H

#include <sekisho.h>

#include "flow_key.h"

#define FLOW_NONE UINT32_MAX

enum flow_state {
	FLOW_UNANSWERED, /* UDP, ICMP, others: only the opener has spoken */
	FLOW_ANSWERED,
	FLOW_STREAM,       /* UDP: more than one request and response (AWS-46) */
	FLOW_SYN_SENT,     /* TCP from here on; the opener has sent SYN */
	FLOW_SYN_CROSSED,  /* and so has the other, unasked: neither is acknowledged by both */
	FLOW_SYN_RECEIVED, /* or the other has answered */
	FLOW_ESTABLISHED,
	FLOW_RESUMED,    /* established in a former run; its numbers may have gone on unseen */
	FLOW_PICKED_UP,  /* opened by no SYN, and only the opener has spoken (AWS-80) */
	FLOW_FIN_WAIT,   /* one side has sent FIN */
	FLOW_CLOSE_WAIT, /* and the other has acknowledged it */
	FLOW_LAST_ACK,   /* both have sent FIN */
	FLOW_TIME_WAIT,  /* and both are acknowledged */
	FLOW_CLOSED,     /* by RST */
	FLOW_STATE_COUNT
};

/* One side of TCP as a sender: track_window.h. */
struct flow_tcp_side {
	uint32_t end;       /* highest sequence sent, plus one */
	uint32_t acked;     /* highest that the other acknowledged; until then its SYN's own */
	uint16_t room;      /* what the other offers past `acked`, in units of the other's scale */
	uint8_t scale;      /* of the windows that this side offers */
	uint8_t reach : 5;  /* the largest of them was at most 1 << reach */
	bool syn_acked : 1; /* the other has acknowledged its SYN */
	bool fin : 1;       /* it has sent FIN; where the flow is closed, the RST */
	bool fin_acked : 1; /* and that was acknowledged; or is beyond doubt */
};

_Static_assert(sizeof(struct flow_tcp_side) == 12, "two fit into a flow");

/* ICMP queries. */
struct flow_icmp {
	uint64_t waiting[2]; /* requests of a direction: bit i stands for the sequence newest - i */
	uint16_t newest[2];
	struct {
		uint8_t type, code;
	} opening[2]; /* what has opened the flow in this direction, as rules see it */
};

struct flow {
	/* line 0: all that an established packet reads */
	struct flow_key key;
	uint32_t expires_at; /* tick */
	uint32_t generation; /* of the policy that it was last judged by */
	uint8_t state;       /* enum flow_state */
	uint8_t opened;      /* bit per direction: a rule admitted an opening packet of it */
	uint8_t opener : 1;  /* direction of the first opening packet */
	uint8_t counted : 1; /* among the flows of its source, and the half-open ones: limit.h */
	uint8_t counted_half_open : 1;
	uint8_t caught_up : 1; /* resumed: a side that a rule opens has said where the flow is */
	uint8_t grammar;   /* enum sekisho_grammar + 1, or 0 */
	uint16_t timeouts; /* which set of the policy's timeouts */
	union {
		struct {                  /* UDP */
			uint8_t requests; /* packets of the opener's direction, up to 2 */
			uint8_t answers;  /* that followed as many requests, up to 2 */
		};
		uint16_t syn_mark; /* TCP: low half of the sequence of the opener's SYN */
	};
	uint32_t opened_at; /* tick */
	uint32_t extension; /* index of a second entry for a proof's memory, or FLOW_NONE */

	/* line 1 */
	uint32_t rule[2];
	uint32_t opened_by[2]; /* packet numbers, low 32 bits */
	uint64_t bytes[2];
	uint32_t packets[2]; /* wraps at 2^32 */
	union {
		struct flow_tcp_side tcp[2]; /* by direction of the sender */
		uint8_t proof[24];           /* small memories of proofs */
		struct flow_icmp icmp;
	} track;
};

_Static_assert(sizeof(struct flow) == 128, "a flow is two cache lines");

/* TCP before its handshake is done (STRICT-17). */
static inline bool flow_is_half_open(const struct flow *flow)
{
	return flow->state >= FLOW_SYN_SENT && flow->state <= FLOW_SYN_RECEIVED;
}

/* Only its opener has spoken, and that not to open TCP. */
static inline bool flow_is_unanswered(const struct flow *flow)
{
	return flow->state == FLOW_UNANSWERED || flow->state == FLOW_PICKED_UP;
}

/* Whether an entry is that of a key; none is not. */
static inline bool flow_is(const struct flow *flow, const struct flow_key *key)
{
	return flow != NULL && flow_key_equal(&flow->key, key);
}

/* Ask for both lines of an entry; nothing for none. */
static inline void flow_prefetch(const struct flow *flow)
{
	__builtin_prefetch(flow, 1);
	/* no arithmetic on a pointer to none */
	__builtin_prefetch((const void *)((uintptr_t)flow + 64), 1);
}

/* Ticks wrap; a is at or after b. */
static inline bool flow_time_reached(uint32_t now, uint32_t when)
{
	return (int32_t)(now - when) >= 0;
}

#endif
