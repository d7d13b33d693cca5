/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track.h: is this packet part of its flow? One file a protocol family behind track_inspect().
 *
 * Trackers know profiles, flows and packets; never rules or policies. A tracker that answers
 * TRACK_PASS or TRACK_LAST has made the packet's changes to the flow; with any other outcome it has changed nothing
 * (STRICT-7).
 */
#ifndef TRACK_H
#define TRACK_H

#include <netinet/in.h>

#include "flow_table.h"
#include "packet.h"
#include "semantics.h"

/* What a tracker is told of its surroundings; lives on the engine's stack for a burst. */
struct track {
	const struct profile *profile;
	const struct sekisho_strict_spec *strict;
	const struct sekisho_aws_spec *aws;
	struct flow_table *table;
	uint32_t generation; /* of the policy */
	uint32_t now;        /* tick */
};

#define TRACK_EPHEMERAL_FIRST 1024 /* ports from here on are chosen, those below are given */

enum track_outcome {
	TRACK_PASS,
	TRACK_LAST,  /* pass, and the flow has nothing more to say (STRICT-23) */
	TRACK_DROP,  /* by `reason` */
	TRACK_JUDGE, /* no answer, says `reason`: by the rules as if there were no flow (STRICT-3) */
	TRACK_REOPEN /* the flow is over and this may be a new one's first packet */
};

struct track_result {
	uint8_t outcome; /* enum track_outcome */
	uint8_t reason;  /* enum sekisho_reason, with DROP and JUDGE */
	uint8_t bound;   /* enum sekisho_bound */
};

#define TRACK_PASSED ((struct track_result){.outcome = TRACK_PASS})

static inline struct track_result track_no(enum track_outcome outcome, enum sekisho_reason reason)
{
	return (struct track_result){.outcome = (uint8_t)outcome, .reason = (uint8_t)reason};
}

/* Whether a rule in this packet's own direction has opened the flow (STRICT-2). */
static inline bool track_is_originator(const struct flow *flow, unsigned direction)
{
	return flow->opened >> direction & 1;
}

/* May this packet open a flow? If not, PACKET_REASON_NONE is replaced by the reason. */
enum sekisho_reason track_may_open(const struct track *track, const struct packet *packet);

/*
 * A rule has admitted this packet as an opening: of a new flow (flow->opened is 0) or of one that the
 * other side has opened before. Sets state; the caller sets rule and counters. False if there is no
 * memory for what must be remembered.
 */
bool track_open(const struct track *track, struct flow *flow, const struct packet *packet,
		unsigned direction);

/* The timers of TCP's states. */
extern const uint8_t track_tcp_timeouts[FLOW_STATE_COUNT];

/* Each family has its own ICMP; the other's number is just another protocol (AWS-106). */
static inline uint8_t track_icmp_of(uint8_t family)
{
	return family == SEKISHO_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/*
 * What speaks for a packet that neither a flow of its own nor a rule admits (STRICT-40), and is kept
 * alive by it; it has opener, rule and opened_by as a flow has. NULL if nothing does.
 */
const struct flow *track_vouches(const struct track *track, const struct flow_key *key,
				 const struct packet *packet);

/* Which of the timers a flow runs on. */
static inline enum sekisho_timeout track_timeout(const struct flow *flow)
{
	switch (flow->key.protocol) {
	case IPPROTO_TCP:
		return (enum sekisho_timeout)track_tcp_timeouts[flow->state];
	case IPPROTO_UDP:
		return flow->state == FLOW_STREAM ? SEKISHO_TIMEOUT_UDP_STREAM
						  : SEKISHO_TIMEOUT_UDP;
	default:
		return flow->key.protocol == track_icmp_of(flow->key.family)
			       ? SEKISHO_TIMEOUT_ICMP
			       : SEKISHO_TIMEOUT_OTHER;
	}
}

/* The word of a flow's state, for people. */
const char *track_state_word(enum flow_state state);

/*
 * Does the quoted packet belong to what this flow sent in `direction`? For TCP its sequence must be
 * in the window where the profile validates (STRICT-60).
 */
bool track_quotes(const struct track *track, const struct flow *flow, const struct packet *quoted,
		  unsigned direction);

/*
 * An extension of a flow of this key and grammar, or of an address pair, that has been kept outside of the
 * table: whether any bytes can be one, and have its times moved by so many ticks.
 */
bool track_memory_is_sound(const struct flow_key *key, uint8_t grammar, const void *memory);
void track_memory_move(const struct flow_key *key, uint8_t grammar, void *memory, uint32_t ticks);

/* ---- one protocol family each; same contracts ---- */

bool track_tcp_memory_is_sound(const void *memory);

struct track_result track_tcp_inspect(const struct track *track, struct flow *flow,
				      const struct packet_tcp *tcp, unsigned direction);
enum sekisho_reason track_tcp_may_open(const struct track *track, const struct packet_tcp *tcp);
bool track_tcp_open(const struct track *track, struct flow *flow, const struct packet_tcp *tcp,
		    unsigned direction);
/* The rest of a fragmented segment has passed: `direction` has sent up to `end`. */
void track_tcp_stretch(struct flow *flow, unsigned direction, uint32_t end);
bool track_tcp_quotes(const struct flow *flow, const struct packet *quoted, unsigned direction);

struct track_result track_udp_inspect(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction);
/* How answers are told from what merely fits the tuple. */
enum track_answers { TRACK_ANSWERS_BY_TUPLE, TRACK_ANSWERS_BY_GRAMMAR, TRACK_ANSWERS_BY_NOTHING };

/* Under proof, of UDP that was sent from port `chosen` to port `called` (STRICT-20..22). */
enum track_answers track_udp_answers(const struct sekisho_strict_spec *strict, uint16_t chosen,
				     uint16_t called);

/* Is the tuple itself the proof: did the opener choose a source port that nobody could know? */
static inline bool track_udp_tuple_proves(const struct sekisho_strict_spec *strict, uint16_t chosen,
					  uint16_t called)
{
	return strict->symmetric_udp == SEKISHO_SYMMETRIC_TUPLE ||
	       (chosen >= TRACK_EPHEMERAL_FIRST && chosen != called);
}

/*
 * Whether packets of `direction` pass by their tuple alone, and change nothing of the flow: it is a stream,
 * or they come from the opener, whose requests have been counted as far as they are.
 */
static inline bool track_udp_is_settled(const struct track *track, const struct flow *flow,
					unsigned direction)
{
	const uint16_t port[2] = {flow->key.local_port, flow->key.peer_port};

	return (flow->state == FLOW_STREAM || (direction == flow->opener && flow->requests == 2)) &&
	       (!track->profile->answers_need_proof ||
		(flow->grammar == 0 &&
		 (track_is_originator(flow, direction) ||
		  track_udp_tuple_proves(track->strict, port[!direction], port[direction]))));
}

bool track_udp_open(const struct track *track, struct flow *flow, const struct packet *packet,
		    unsigned direction);

struct track_result track_icmp_inspect(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction);
bool track_icmp_open(const struct track *track, struct flow *flow, const struct packet *packet,
		     unsigned direction);
/* The request type of a query type: 0 and 8 give 8, 129 and 128 give 128. */
uint8_t track_icmp_request_type(const struct packet *packet);

struct track_result track_other_inspect(const struct track *track, struct flow *flow,
					const struct packet *packet, unsigned direction);
bool track_other_open(const struct track *track, struct flow *flow, const struct packet *packet,
		      unsigned direction);

const struct flow *track_other_vouches(const struct track *track, const struct flow_key *key,
				       const struct packet *packet);
/* The SPIs of an ESP flow with their packets, as far as they are counted; else leaves `spis` alone. */
void track_other_spis(const struct flow_table *table, const struct flow *flow,
		      struct sekisho_spi_count spis[2][SEKISHO_FLOW_SPIS]);

/* ---- of all ---- */

/* Judge a packet of a live flow. */
static inline struct track_result track_inspect(const struct track *track, struct flow *flow,
						const struct packet *packet, unsigned direction)
{
	switch (packet->l4_kind) {
	case PACKET_L4_TCP:
		return track_tcp_inspect(track, flow, &packet->tcp, direction);
	case PACKET_L4_UDP:
		return track_udp_inspect(track, flow, packet, direction);
	case PACKET_L4_ICMP_QUERY:
		return track_icmp_inspect(track, flow, packet, direction);
	default:
		return track_other_inspect(track, flow, packet, direction);
	}
}

#endif
