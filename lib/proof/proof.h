/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proof.h: is this packet an *answer*? For protocols whose packets can show it (STRICT-20).
 *
 * A proof has two halves. entitle() is called for each packet that passes in a direction which a
 * rule has opened: it remembers what the other side may now answer. answer() is called for a packet
 * in the other direction and says whether it is one of those answers. Trackers ask them, and only
 * where the profile wants answers proved; a proof never hears of rules.
 *
 * Each protocol is one file; docs/adding.md has the steps to one more.
 *
 * What a proof remembers it keeps in flow->track.proof (24 bytes, zero at first) and, if that is
 * not enough, in one more entry of the flow table, proof_memory(). Sets are bounded and the oldest
 * makes room (bounded_set.h). What fills a set should be what the asking side does, never what the
 * answering side sends, or an outsider could push out what the inside waits for.
 *
 * Payloads are hostile: payload_length bytes were on the wire, payload_captured of them are there.
 */
#ifndef PROOF_H
#define PROOF_H

#include "../track.h"

struct proof {
	/*
	 * Remember what an admitted packet entitles the other side to. TRACK_PASS; TRACK_LAST if by
	 * this packet nothing is left to say (STRICT-23); TRACK_DROP with table-full if there is no
	 * memory, for then an answer could not be told from an attack, and nothing has changed.
	 */
	struct track_result (*entitle)(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction);
	/*
	 * TRACK_PASS or TRACK_LAST if the packet is an answer, TRACK_DROP as above, else
	 * TRACK_JUDGE with what was missing, and nothing has changed.
	 */
	struct track_result (*answer)(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction);
};

extern const struct proof proof_ike; /* on its port, and on that of NAT traversal */
extern const struct proof proof_wireguard;
extern const struct proof proof_dns;
extern const struct proof proof_ntp;
extern const struct proof proof_echo; /* ICMP queries; having no ports they have no grammar */

/* The proof of the grammar that a flow speaks; NULL if it speaks none. */
const struct proof *proof_of(const struct flow *flow);

/* Ask the half of a proof that is meant for a packet of this direction. */
static inline struct track_result proof_inspect(const struct proof *proof,
						const struct track *track, struct flow *flow,
						const struct packet *packet, unsigned direction)
{
	return track_is_originator(flow, direction) ? proof->entitle(track, flow, packet, direction)
						    : proof->answer(track, flow, packet, direction);
}

/* Whether a proof or tracker lets the packet pass. */
static inline bool track_passes(struct track_result result)
{
	return result.outcome == TRACK_PASS || result.outcome == TRACK_LAST;
}

/* ---- what proofs share ---- */

/*
 * Make room for so many entries more in the table, as for a flow that opens, but never at the cost
 * of `flow`. False if none can be made.
 */
bool proof_make_room(const struct track *track, const struct flow *flow, uint32_t entries);

/*
 * A flow's entry for a proof's memory: 128 bytes, zeroed when it is made. NULL when there is no
 * room. Its byte where a flow has its key's family must stay zero (flow_age.c).
 */
void *proof_memory(const struct track *track, struct flow *flow);

/*
 * A keyed hash of what an answer must repeat, for sets to remember; never 0. `what` (48 bits) tells
 * apart what has the same bytes. `length` is below 2^16.
 */
uint64_t proof_hash(const struct track *track, uint64_t what, const uint8_t *bytes,
		    uint32_t length);

/* ---- ike.c, for those that follow IKE ---- */

/* track_memory_is_sound() and track_memory_move() of what a flow of IKE or an address pair has. */
bool proof_ike_memory_is_sound(const void *memory);
void proof_ike_memory_move(void *memory, uint32_t ticks);

/*
 * Whether an IKE SA of this flow's address pair is alive (STRICT-37, 40); if so, it is kept alive by
 * the traffic that asks. To be called for packets that then pass.
 */
bool proof_ike_sa_refresh(const struct track *track, const struct flow_key *key);

/*
 * The same for traffic that has no flow of its own. What is returned is no flow, but has the opener,
 * rule and opened_by of the IKE flow. NULL also if a policy has come since that flow was last heard of.
 */
const struct flow *proof_ike_sa_vouch(const struct track *track, const struct flow_key *key);

#endif
