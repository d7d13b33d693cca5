/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proof.h: is this packet an *answer*? For protocols whose packets can show it (STRICT-20).
 *
 * A proof has two halves. entitle() is called for each packet that passes in a direction which a rule
 * has opened: it remembers what the other side may now answer. answer() is called for a packet in the
 * other direction and says whether it is one of those answers; when it says no it changes nothing.
 */
#ifndef PROOF_H
#define PROOF_H

#include "../track.h"

/*
 * Remember what an admitted packet entitles the other side to. False if there is no memory for it:
 * the packet must then be dropped, for its answer could not be told from an attack.
 */
bool proof_ike_entitle(const struct track *track, struct flow *flow, const struct packet *packet,
		       unsigned direction);

/* TRACK_PASS if the packet is an answer, else TRACK_JUDGE with what was missing. */
struct track_result proof_ike_answer(const struct track *track, struct flow *flow,
				     const struct packet *packet, unsigned direction);

/* Whether an IKE SA of this flow's address pair is alive (STRICT-37, 40). */
bool proof_ike_sa_is_alive(const struct track *track, const struct flow_key *key);

/* Traffic that an IKE SA carries keeps it alive. */
void proof_ike_sa_touch(const struct track *track, const struct flow_key *key);

#endif
