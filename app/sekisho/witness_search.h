/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness_search.h: the shortest sequences of a subject's packets over which two policies differ.
 *
 * Shortest first: all sequences of one packet, then those of two, and so on. A sequence is gone on with
 * only while both policies have judged it alike and it has led both engines to a state that no
 * sequence before it has. Between two packets there is either no time, or as much as ends just before,
 * or with, a timer that runs in one of the engines.
 *
 * A *witness* is a sequence whose last packet passes under one policy alone. It is told only if it
 * needs all its packets and all its gaps: without any of them the two would agree.
 */
#ifndef WITNESS_SEARCH_H
#define WITNESS_SEARCH_H

#include "alphabet.h"
#include "number_set.h"
#include "trace.h"

#define WITNESS_PACKETS_MAX 4

struct witness_step {
	uint32_t gap_ms; /* since the step before */
	uint8_t packet;  /* of the alphabet */
	struct sekisho_verdict verdicts[2];
};

struct witness_found {
	const struct alphabet *alphabet;
	struct witness_step steps[WITNESS_PACKETS_MAX];
	unsigned length;
	/* packets that would do in place of the last: same direction, verdicts and reasons */
	uint8_t others[ALPHABET_MAX];
	unsigned other_count;
};

/* A way that both policies judge alike. */
struct witness_node {
	uint32_t parent; /* index plus one; 0: none */
	uint32_t gap_ms;
	uint8_t packet;
};

struct witness_search {
	const struct trace_judge *judges; /* a and b, of PROBE_FLOWS flows */
	const struct alphabet *alphabet;
	/* Called for each witness. Returns false to stop. */
	bool (*found)(void *context, const struct witness_found *found);
	/* Called now and then. Returns false to give up, as when time is over. */
	bool (*go_on)(void *context);
	void *context;
	/* filled in, and to be zeroed before: */
	uint64_t sequences; /* judged */
	struct witness_node *nodes;
	size_t node_count, node_room;
	size_t level; /* where the nodes of the last length begin */
	struct number_set states, told;
};

/* Free what was filled in. */
void witness_search_fini(struct witness_search *search);

/*
 * Look at all sequences of `length` packets; call it for 1, 2, ... in turn. 0, 1 if it was stopped, or
 * -ENOMEM. `*more` is false when no longer sequence can be a witness.
 */
int witness_search_length(struct witness_search *search, unsigned length, bool *more);

#endif
