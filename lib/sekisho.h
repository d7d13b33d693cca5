/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sekisho.h: the firewall as a library. The one header that app/, config/, bench/ and embedders need.
 *
 * Two objects. A *policy* is an immutable snapshot made from a plain description (groups, endpoints,
 * semantics, timeouts); it is built off the packet path and may be used by many engines at once. An
 * *engine* is one worker's packet path with everything that it writes: flow table, fragments,
 * counters. Frames go in by bursts, a verdict comes out for each.
 *
 * Threads. An engine belongs to one thread at a time, its owner; only what says "any thread" may be
 * called by others. Nothing here locks, logs, or makes a system call after creation. A policy may be
 * destroyed when no engine holds it any more: see sekisho_engine_set_policy().
 *
 * Words. The *inside* is where the endpoints are. A frame that comes from the inside is *egress*, one
 * that comes from the outside is *ingress*. A *zone* keeps tuples apart: the same tuple on two edges
 * is two flows.
 */
#ifndef SEKISHO_H
#define SEKISHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy_spec.h"
#include "verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Policy ----------------------------------------------------------------------------------- */

struct sekisho_policy;

/*
 * The names that rules have had, so that a rule keeps its counters and a flow the name of the rule
 * that opened it while policies come and go. One for all engines; written while a policy is built.
 */
struct sekisho_rule_names;

#define SEKISHO_RULE_NONE UINT32_MAX

/* Make room for `capacity` different rule names over the life of the process. NULL: no memory. */
struct sekisho_rule_names *sekisho_rule_names_create(uint32_t capacity);
void sekisho_rule_names_destroy(struct sekisho_rule_names *names);

/* The name of a rule number from a verdict or a flow; NULL for SEKISHO_RULE_NONE. Any thread. */
const char *sekisho_rule_name(const struct sekisho_rule_names *names, uint32_t rule);

/* How many names there is room for. Any thread. */
uint32_t sekisho_rule_names_capacity(const struct sekisho_rule_names *names);

/* How many names a policy of this description takes at most: rules, entries of network ACLs and what
 * each ACL denies at its end. Any thread. */
uint32_t sekisho_policy_spec_names(const struct sekisho_policy_spec *spec);

/* How many rule numbers have been given out; rules are 0..count-1. Any thread. */
uint32_t sekisho_rule_names_count(const struct sekisho_rule_names *names);

/*
 * Build a snapshot. Copies all that it needs from `spec`. Any thread, but for the same `names` only
 * one at a time.
 * Returns NULL and a sentence in `message` when memory or rule names do not suffice.
 */
struct sekisho_policy *sekisho_policy_create(const struct sekisho_policy_spec *spec,
					     struct sekisho_rule_names *names, char *message,
					     size_t message_size);
void sekisho_policy_destroy(struct sekisho_policy *policy);

/* Counts up with each policy created in this process; 1 is the first. Any thread. */
uint32_t sekisho_policy_generation(const struct sekisho_policy *policy);

enum sekisho_semantics sekisho_policy_semantics(const struct sekisho_policy *policy);

/* Where a rule was written. `file` may be NULL. */
struct sekisho_rule_origin {
	const char *file;
	uint32_t line;
	uint8_t direction; /* enum sekisho_direction */
};

/* Look a rule of this policy up; false if it is in another one only. Any thread. */
bool sekisho_policy_rule_origin(const struct sekisho_policy *policy, uint32_t rule,
				struct sekisho_rule_origin *origin);

/* ---- Frames and verdicts ---------------------------------------------------------------------- */

#define SEKISHO_BURST_MAX 64

/* Flags of a frame: what the NIC has already verified. */
#define SEKISHO_FRAME_L4_CHECKSUM_GOOD 0x1

/*
 * One Ethernet frame as it came. `data` need not be aligned; it is never written, nor read after the
 * burst, not even of a frame that is held.
 */
struct sekisho_frame {
	const uint8_t *data;
	void *handle;       /* the caller's own; comes back with the release of a frame that was held */
	uint32_t captured;  /* bytes at `data` */
	uint32_t length;    /* bytes on the wire, >= captured (more only in clipped captures) */
	uint16_t zone;      /* below the engine's zone count */
	uint8_t direction;  /* enum sekisho_direction: the side that it came from */
	uint8_t flags;      /* SEKISHO_FRAME_* */
};

/* TCP bounds that a segment can fail (STRICT-13), for traces. */
enum sekisho_bound {
	SEKISHO_BOUND_NONE,
	SEKISHO_BOUND_DATA_UPPER, /* ends past what the receiver offered */
	SEKISHO_BOUND_DATA_LOWER, /* begins more than a window before what was acknowledged */
	SEKISHO_BOUND_ACK_UPPER,  /* acknowledges what was not sent */
	SEKISHO_BOUND_ACK_LOWER   /* acknowledges what is long acknowledged */
};

/* "data-upper", ...; NULL for SEKISHO_BOUND_NONE. Any thread. */
const char *sekisho_bound_word(enum sekisho_bound bound);

struct sekisho_verdict {
	uint8_t action; /* enum sekisho_action */
	uint8_t reason; /* enum sekisho_reason */
	uint8_t bound;  /* enum sekisho_bound, with SEKISHO_REASON_OUT_OF_WINDOW */
	uint8_t opened; /* 1 if this packet made a flow */
	uint32_t rule;  /* the rule that admitted it or opened its flow; SEKISHO_RULE_NONE if none */
	uint64_t packet;    /* this packet's number: 1 is the first that the engine was given */
	uint64_t opened_by; /* number, modulo 2^32, of the packet that opened the flow; 0 if none */
};

/* What a packet says of itself, for people. Ports and ICMP fields where the protocol has them. */
struct sekisho_tuple {
	uint16_t ether_type; /* host order, after VLAN tags; 0 if the frame is too short */
	uint8_t family;      /* enum sekisho_family, or 0 when it is no readable IP packet */
	uint8_t protocol;    /* IP protocol after extension headers */
	bool has_ports;      /* TCP, UDP, SCTP, DCCP, UDP-Lite, with their header present */
	bool has_icmp;
	bool is_fragment;    /* not the first fragment: no layer 4 */
	uint8_t icmp_type, icmp_code;
	uint8_t tcp_flags;  /* FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32 */
	uint32_t ip_length; /* of the packet, by its IP header; 0 if that was not readable */
	uint16_t source_port, destination_port; /* host order */
	uint8_t source[16], destination[16];    /* IPv4 in the first 4 bytes */
};

/* Read a frame's tuple as far as it can be read. No side effects. Any thread. */
void sekisho_frame_tuple(const struct sekisho_frame *frame, struct sekisho_tuple *tuple);

/*
 * Where a frame of this tuple comes from, judged by addresses alone: ingress if its destination is an
 * endpoint of the policy, else egress if its source is one, else ingress. For captures. Any thread.
 */
enum sekisho_direction sekisho_policy_direction(const struct sekisho_policy *policy,
						const struct sekisho_tuple *tuple);

/* ---- Engine ----------------------------------------------------------------------------------- */

struct sekisho_engine;

#define SEKISHO_HELD_DEFAULT 1024 /* frames that an engine may hold at once */

struct sekisho_engine_config {
	uint32_t flows;      /* flows it can hold; at least 64 */
	uint32_t flows_together; /* of all engines that count sources together; 0 takes `flows` */
	uint32_t fragments;  /* fragmented datagrams it can follow at once; 0 takes 4096 */
	uint32_t held;       /* frames it may hold at once; 0 takes SEKISHO_HELD_DEFAULT */
	uint32_t held_bytes; /* and the sum of their lengths; 0 takes 4 MiB */
	uint16_t zones;      /* policies it can have, one a zone; at least 1 */
	const struct sekisho_rule_names *names; /* must outlive the engine */
	uint8_t hash_key[32]; /* random; from getrandom(2), or fixed in tests */
	uint8_t proof_key[32]; /* the same, of what proofs remember; that of an image to be imported */
	/* memory, zeroed and aligned to `align` bytes; NULL takes the C library's */
	void *(*allocate)(void *context, size_t size, size_t align);
	void (*release)(void *context, void *memory);
	void *context;
};

/* Make an engine. All its memory is taken here. NULL and a sentence in `message` on failure. */
struct sekisho_engine *sekisho_engine_create(const struct sekisho_engine_config *config,
					     char *message, size_t message_size);

void sekisho_engine_destroy(struct sekisho_engine *engine);

/*
 * Use this policy for a zone from the next burst on. Owner only, between bursts. Flows stay; what
 * becomes of them is the semantics' matter (AWS-60..66, STRICT-4). After the call the engine holds no
 * pointer to the zone's former policy.
 */
void sekisho_engine_set_policy(struct sekisho_engine *engine, uint16_t zone,
			       const struct sekisho_policy *policy);

/*
 * Judge `count` frames (0..SEKISHO_BURST_MAX). verdicts[i] answers frames[i]; where its action is to
 * hold, the caller keeps the frame until it is released. `now_ms` is any
 * millisecond clock that does not go back; only differences matter, so its wrapping at 2^32 is fine.
 * Call with no frames when idle, so that ageing goes on. Owner only.
 */
void sekisho_engine_burst(struct sekisho_engine *engine, uint32_t now_ms,
			  const struct sekisho_frame *frames, unsigned count,
			  struct sekisho_verdict *verdicts);

/*
 * The same by two engines, each with verdicts of its own; the packets are taken apart only once. Neither
 * knows of the other. Both are the caller's, who owns them.
 */
void sekisho_engine_burst_both(struct sekisho_engine *const engines[2], uint32_t now_ms,
			       const struct sekisho_frame *frames, unsigned count,
			       struct sekisho_verdict *const verdicts[2]);

/*
 * A step of what follows a new policy: judge a few flows again that have had no packet since, so that
 * what their rules or their semantics keep no longer does not stay in the table until it has aged. A
 * packet's own flow never waits for this. True while there is more to do. Owner only, between bursts.
 */
bool sekisho_engine_rejudge(struct sekisho_engine *engine, uint32_t now_ms);

/* A frame that was held, and has its verdict now. */
struct sekisho_release {
	struct sekisho_verdict verdict; /* passes or drops */
	void *handle;                   /* of the frame */
	uint16_t zone;
	uint8_t direction;
};

/*
 * Take up to `max` frames whose wait is over, in the order in which they came for each datagram.
 * Fragments are held while the first of their datagram, which has the ports, has not come (STRICT-71).
 * Call after each burst until it returns less than `max`. Owner only.
 */
unsigned sekisho_engine_release(struct sekisho_engine *engine, struct sekisho_release *releases,
				unsigned max);

/* ---- Several engines -------------------------------------------------------------------------- */

#define SEKISHO_OWNERS_TABLE 512 /* most entries of an indirection table */

/*
 * Which of several engines, by number, owns a packet: all whose verdicts may depend on each other have one
 * owner. It is found by the zone and the two addresses in either order, and by nothing else: so both
 * directions of a flow meet, fragments, protocols without ports, an IKE SA and its ESP. An ICMP error goes
 * by the addresses of the packet that it quotes; but one in fragments by its own, for only the first of
 * them has the quote.
 */
struct sekisho_owners {
	uint32_t engines;
	uint64_t secret[4];
	uint32_t entries; /* of `table`, a power of two; 0: keyed */
	uint16_t toeplitz[2][256]; /* the hash of each byte of a 16-bit word */
	uint8_t table[SEKISHO_OWNERS_TABLE];
};

/* The key that makes Toeplitz hashes symmetric: these 16 bits, again and again. */
#define SEKISHO_OWNERS_TOEPLITZ 0x6d5a

#define SEKISHO_OWNER_ANY UINT32_MAX /* not told apart by addresses: it meets no state */

/* Share packets out over `engines` of them. `random` from getrandom(2), or fixed in tests. */
void sekisho_owners_init(struct sekisho_owners *owners, uint32_t engines, const uint8_t random[32]);

/*
 * The same as a NIC shares them out by RSS: by Toeplitz over the two addresses with the key above, and an
 * indirection table of `entries`, a power of two up to SEKISHO_OWNERS_TABLE, in which the engines, 256 at most,
 * take turns. Zones make no difference here. Everybody knows the key, so addresses can be chosen that
 * all have one owner; the price of having the NIC do it.
 */
void sekisho_owners_init_rss(struct sekisho_owners *owners, uint32_t engines, uint32_t entries);

/* The owner of a frame, or SEKISHO_OWNER_ANY. No side effects. Any thread. */
uint32_t sekisho_frame_owner(const struct sekisho_owners *owners, const struct sekisho_frame *frame);

/* The owner of what goes between two addresses of a family, 16 bytes each, in a zone. Any thread. */
uint32_t sekisho_addresses_owner(const struct sekisho_owners *owners, uint16_t zone, uint8_t family,
				 const uint8_t *one, const uint8_t *other);

/*
 * Let engines count sources together, so that ceilings on one source hold for all of them: each counts its
 * own flows and asks all when one is to be opened. They have been made with the same `flows`, and the sum of
 * theirs as `flows_together`, and none has had a burst. Each must outlive the last burst of all. Two that
 * open flows of one source at the same moment may go past a ceiling by one each. Before the engines have
 * owners.
 */
void sekisho_engines_share_limits(struct sekisho_engine *const *engines, unsigned count);

/* ---- What an engine tells --------------------------------------------------------------------- */

struct sekisho_stats {
	uint64_t received;
	uint64_t received_bytes;
	uint64_t held;                            /* frames now, their verdict still to come */
	uint64_t by_reason[SEKISHO_REASON_COUNT]; /* received = sum of these + held */
	uint64_t flows;                           /* in the table now; some may be past their time */
	uint64_t flows_capacity;
	uint64_t flows_available; /* that can still be opened; proofs take room as well (AWS-52) */
	uint64_t flows_half_open; /* now */
	uint64_t flows_created;
	uint64_t flows_expired;
	uint64_t flows_recycled; /* made room under pressure */
	uint64_t flows_closed;   /* by policy, by their last answer, or for a new opening */
};

/* Read the counters. Each is right, though not all of the same instant. Any thread. */
void sekisho_engine_stats(const struct sekisho_engine *engine, struct sekisho_stats *stats);

struct sekisho_rule_stats {
	uint64_t packets; /* admitted by it, or by a flow that it opened; or denied by a network ACL's */
	uint64_t bytes;   /* of whole frames */
	uint64_t flows;   /* opened by it */
	uint32_t live;    /* of these, in the table now */
	uint32_t last_ms; /* when it last had a packet, by the burst's clock; if it ever had one */
};

/* Counters of rule `rule` (a number below the names' capacity). Any thread. */
void sekisho_engine_rule_stats(const struct sekisho_engine *engine, uint32_t rule,
			       struct sekisho_rule_stats *stats);

#define SEKISHO_FLOW_SPIS 5 /* SPIs of ESP that are counted, of each direction of a flow */

/* Packets of an SPI since it was first seen (STRICT-41). */
struct sekisho_spi_count {
	uint32_t spi;     /* host order; 0: none */
	uint32_t packets; /* modulo 2^32 */
};

/* A flow for people. Index 0/1 of the pairs is enum sekisho_direction. */
struct sekisho_flow_info {
	uint16_t zone;
	uint8_t family, protocol;
	uint8_t local[16], peer[16];    /* local: the inside's address */
	uint16_t local_port, peer_port; /* ICMP: the identifier and the query's type; else 0 */
	uint8_t opener;                 /* enum sekisho_direction of the first opening packet */
	uint8_t opened[2];              /* 1 where a packet of that direction opened it by a rule */
	const char *state;              /* "syn-sent", "established", "unanswered", "stream", ... */
	uint32_t rule[2];
	uint64_t opened_by[2];
	uint64_t packets[2], bytes[2];
	uint32_t age_ms;     /* since it was opened */
	uint32_t expires_ms; /* from now */
	uint32_t next;       /* a cursor to list from what follows it; 0 if nothing does */
	/* of ESP under strict, if there was memory for it: the newest SPIs, newest first */
	struct sekisho_spi_count spis[2][SEKISHO_FLOW_SPIS];
};

/* The words for what a flow's state can be, from 0 on; NULL behind the last. Any thread. */
const char *sekisho_flow_state_word(unsigned state);

/*
 * Copy live flows, looking at up to `scan` table entries from `*cursor` on, at most `max` of them
 * into `out`. Start with *cursor = 0; it is 0 again when the walk is done, and at once if it is past
 * the table. A flow that lives through the whole walk is told exactly once. Owner only.
 */
unsigned sekisho_engine_flows(const struct sekisho_engine *engine, uint32_t now_ms,
			      uint32_t *cursor, unsigned scan, struct sekisho_flow_info *out,
			      unsigned max);

/* How far a call of sekisho_engine_flows() may go between two bursts: it takes some microseconds. */
#define SEKISHO_FLOWS_SCAN 256
#define SEKISHO_FLOWS_MAX  64

/*
 * Close a flow that was told of, as if its time were over, and count it as closed. False if it is gone;
 * one that another packet has opened since is another flow and stays. Owner only, between bursts.
 */
bool sekisho_engine_close_flow(struct sekisho_engine *engine, const struct sekisho_flow_info *flow);

/* A flow that is no more. */
struct sekisho_flow_end {
	struct sekisho_flow_info flow; /* as it was at its last packet; `next` and `expires_ms` are 0 */
	enum sekisho_end why;
	uint32_t ago_ms; /* since its end: what has expired is found some time after */
};

/* Told of a flow as it ends: on the packet path, so it must not wait, nor call the engine. */
typedef void sekisho_flow_ended(void *context, const struct sekisho_flow_end *end);

/*
 * Have somebody told of each flow that ends from now on, with its last counters; NULL: nobody. That costs
 * a branch for each flow that ends then. Owner only, between bursts.
 */
void sekisho_engine_tell_ends(struct sekisho_engine *engine, sekisho_flow_ended *tell,
			      void *context);

/*
 * An engine that judges no more: tell of the flows that it still has as of flows that have ended now, by
 * SEKISHO_END_SHUTDOWN or, where the sweep has not yet got to them, of their own. Looks at up to `scan` table
 * entries from `*cursor` on, which begins at 0 and is 0 again when all are told. How many were. Nothing
 * changes, so the flows can still be saved. Nothing is told while nobody is to be. Owner only.
 */
unsigned sekisho_engine_tell_rest(struct sekisho_engine *engine, uint32_t *cursor, unsigned scan);

#define SEKISHO_STATE_TIMERS 8

/* What an engine's flows are, as far as it can make a difference to packets to come. */
struct sekisho_state {
	uint64_t digest; /* of all live flows, what their proofs remember, and the time they have left */
	uint32_t left_ms[SEKISHO_STATE_TIMERS]; /* the shortest of these times, each once, in order */
	unsigned timer_count;
};

/*
 * Read the state, for what-if questions: an engine whose digest is the same again judges what comes as
 * it would have before, but for a chance of 2^-64; ceilings and fragments are not looked at. Digests of
 * engines with different hash keys say nothing of each other. Goes through the whole table. Owner only.
 */
void sekisho_engine_state(const struct sekisho_engine *engine, uint32_t now_ms,
			  struct sekisho_state *state);

/* ---- Flows that outlive their engine ----------------------------------------------------------- */

/*
 * A flow, or what is known of an address pair, as bytes. They mean something to this layout only, on a
 * machine of the same byte order, and to an engine of the same proof_key.
 */
#define SEKISHO_RECORD_LAYOUT 1
#define SEKISHO_RECORD_MAX    240

/* How far a call of sekisho_engine_export() goes between two bursts: it takes some microseconds. */
#define SEKISHO_EXPORT_SCAN  256
#define SEKISHO_EXPORT_FLOWS 32

/* An export under way. Begin with the cursor 0, and `base_ms` the clock at the image's time. */
struct sekisho_export {
	uint32_t base_ms, now_ms;
	uint32_t cursor;
	uint64_t records; /* up to now */
	bool done;
};

/*
 * Write the records of some live flows to `to`, and go on with the cursor; returns how many bytes were
 * written of `room`, at least SEKISHO_RECORD_MAX. A flow that lives through the whole export is in it as it
 * was at one moment. Owner only, between bursts.
 */
size_t sekisho_engine_export(const struct sekisho_engine *engine, struct sekisho_export *under_way,
			     uint8_t *to, size_t room);

/* What the numbers in records stand for here; with UINT16_MAX or SEKISHO_RULE_NONE for nothing. */
struct sekisho_record_terms {
	const uint16_t *zones;
	const uint32_t *rules;
	uint32_t zone_count, rule_count;
	bool exact; /* no packet has passed since the export; else TCP may have gone on unseen */
};

/* Whose flow it is: what chooses an engine. */
struct sekisho_record_owner {
	uint16_t zone; /* the exporter's number */
	uint8_t family, protocol;
	bool is_pair; /* of the addresses alone, wherever flows between them are */
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port;
};

/* The length of the record at `bytes`, which may be anything; 0 if it is no sound one. Any thread. */
size_t sekisho_record_check(const uint8_t *bytes, size_t length,
			    const struct sekisho_record_terms *terms,
			    struct sekisho_record_owner *owner);

enum sekisho_import {
	SEKISHO_IMPORT_RESUMED,
	SEKISHO_IMPORT_REMEMBERED, /* no flow, but what proofs know of an address pair */
	SEKISHO_IMPORT_EXPIRED,
	SEKISHO_IMPORT_WITHDRAWN, /* no rule admits it, or it needs no tracking, by the policy of now */
	SEKISHO_IMPORT_NO_ZONE,
	SEKISHO_IMPORT_NO_ROOM,
	SEKISHO_IMPORT_UNSOUND
};

/*
 * Resume a flow, judged by the policy of its zone whatever the semantics, `down_ms` after the image's
 * time. All zones have their policies. Owner only, before the first burst.
 */
enum sekisho_import sekisho_engine_import(struct sekisho_engine *engine, uint32_t now_ms,
					  uint64_t down_ms, const uint8_t *bytes, size_t length,
					  const struct sekisho_record_terms *terms);

#ifdef __cplusplus
}
#endif

#include "explanation.h"

#endif
