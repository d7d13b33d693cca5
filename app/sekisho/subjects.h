/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * subjects.h: what two policies can be asked about by sequences of packets.
 *
 * A *subject* is a flow of two policies' world: an address pair, a protocol, ports. Packets of
 * different address pairs know nothing of each other, nor do those of different flows, but for IKE,
 * its second port and ESP of one pair, which are one subject together. Subjects of which both
 * policies say the same at every point (rules, network ACLs, grammars, timers) are one; the first that
 * is found stands for all.
 */
#ifndef SUBJECTS_H
#define SUBJECTS_H

#include "alphabet.h"
#include "areas.h"

struct subjects_walk {
	const struct sekisho_policy_spec *specs[2];
	/* What both say of a frame that comes first, as a number; called often. */
	uint64_t (*first_word)(void *context, const struct sekisho_frame *frame);
	/* Called for each subject that is unlike all before. Returns false to stop. */
	bool (*subject)(void *context, const struct alphabet *alphabet);
	void *context;
	/* filled in: */
	uint64_t found; /* subjects, those alike included */
	bool shortened; /* an area has more unlike ports than are looked at: 64 */
};

/* Walk. 0, 1 if it was stopped, or -ENOMEM. */
int subjects_walk(struct subjects_walk *walk);

#endif
