/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness_search.c: breadth first, by playing again.
 *
 * A node is a sequence that both judge alike; to go on from it, both engines forget all and its packets
 * are played again. That is a few dozen packets' work, and needs no copy of an engine. A packet that
 * both drop has changed nothing (STRICT-7, and so has aws-like it): the next one is tried on the same
 * state at once.
 */
#include "witness_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

#define GAPS_MAX (1 + 4 * SEKISHO_STATE_TIMERS)

/* A sequence, as nodes have it. */
struct path {
	struct witness_step steps[WITNESS_PACKETS_MAX];
	unsigned length;
};

void witness_search_fini(struct witness_search *search)
{
	free(search->nodes);
	number_set_fini(&search->states);
	number_set_fini(&search->told);
}

/* ---- playing ---------------------------------------------------------------------------------- */

static void forget(const struct witness_search *search)
{
	probe_forget(&search->judges[0], 0);
	probe_forget(&search->judges[1], 0);
}

static void ask(struct witness_search *search, uint32_t now_ms, struct witness_step *step)
{
	const struct alphabet_packet *packet = &search->alphabet->packets[step->packet];
	const struct sekisho_frame frame = {.data = packet->bytes,
					    .captured = packet->length,
					    .length = packet->length,
					    .direction = packet->direction};

	for (unsigned p = 0; p < 2; p++)
		step->verdicts[p] = probe_ask(&search->judges[p], now_ms, &frame);
}

static bool passes(const struct witness_step *step, unsigned policy)
{
	return step->verdicts[policy].action == SEKISHO_PASS;
}

static bool differs(const struct witness_step *step)
{
	return passes(step, 0) != passes(step, 1);
}

/* Play a sequence from the beginning; returns the time at its end. */
static uint32_t play(struct witness_search *search, struct path *path)
{
	uint32_t now_ms = 0;

	forget(search);
	for (unsigned i = 0; i < path->length; i++) {
		now_ms += path->steps[i].gap_ms;
		ask(search, now_ms, &path->steps[i]);
	}
	return now_ms;
}

/* Whether any packet of a sequence is judged differently. */
static bool play_differs(struct witness_search *search, struct path path)
{
	play(search, &path);
	for (unsigned i = 0; i < path.length; i++) {
		if (differs(&path.steps[i]))
			return true;
	}
	return false;
}

/* ---- minimal ---------------------------------------------------------------------------------- */

/* The sequence without one of its steps; the next one comes when it did. */
static struct path path_without(const struct path *path, unsigned step)
{
	struct path less = {.length = path->length - 1};

	for (unsigned i = 0, to = 0; i < path->length; i++) {
		if (i != step)
			less.steps[to++] = path->steps[i];
	}
	less.steps[step].gap_ms += path->steps[step].gap_ms;
	return less;
}

/* Whether a witness needs each of its packets and gaps. */
static bool is_minimal(struct witness_search *search, const struct path *path)
{
	for (unsigned i = 0; i + 1 < path->length; i++) {
		if (play_differs(search, path_without(path, i)))
			return false;
	}
	for (unsigned i = 0; i < path->length; i++) {
		struct path sooner = *path;

		sooner.steps[i].gap_ms = 0;
		if (path->steps[i].gap_ms != 0 && play_differs(search, sooner))
			return false;
	}
	return true;
}

/* ---- nodes ------------------------------------------------------------------------------------ */

static struct path path_of(const struct witness_search *search, uint32_t node)
{
	struct path path = {.length = 0};

	for (uint32_t at = node; at != 0; at = search->nodes[at - 1].parent)
		path.length++;
	for (uint32_t at = node, i = path.length; at != 0; at = search->nodes[at - 1].parent) {
		i--;
		path.steps[i].gap_ms = search->nodes[at - 1].gap_ms;
		path.steps[i].packet = search->nodes[at - 1].packet;
	}
	return path;
}

static int node_add(struct witness_search *search, const struct witness_node *node)
{
	if (search->node_count == search->node_room) {
		size_t room = search->node_room ? search->node_room * 2 : 64;
		struct witness_node *larger = realloc(search->nodes, room * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		search->nodes = larger;
		search->node_room = room;
	}
	search->nodes[search->node_count++] = *node;
	return 0;
}

/* One number for the state of both engines. */
static uint64_t state_of_both(const struct witness_search *search, uint32_t now_ms,
			      struct sekisho_state states[2])
{
	uint64_t digests[2];

	for (unsigned p = 0; p < 2; p++) {
		sekisho_engine_state(search->judges[p].engine, now_ms, &states[p]);
		digests[p] = states[p].digest;
	}
	return number_mix(UINT64_C(0xcbf29ce484222325), digests, sizeof(digests));
}

static int by_time(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The times to wait after a sequence: none, and to just before and to the end of each timer. */
static unsigned gaps_of(const struct sekisho_state states[2], uint32_t gaps[GAPS_MAX])
{
	unsigned count = 1, kept = 0;

	gaps[0] = 0;
	for (unsigned p = 0; p < 2; p++) {
		for (unsigned i = 0; i < states[p].timer_count; i++) {
			gaps[count++] = states[p].left_ms[i] - 1;
			gaps[count++] = states[p].left_ms[i];
		}
	}
	qsort(gaps, count, sizeof(*gaps), by_time);
	for (unsigned i = 0; i < count; i++) {
		if (kept == 0 || gaps[kept - 1] != gaps[i])
			gaps[kept++] = gaps[i];
	}
	return kept;
}

/* ---- going on from a node --------------------------------------------------------------------- */

/* A node, the gap after it, and what differs there. */
struct branch {
	uint32_t node; /* index plus one; 0: the beginning */
	uint32_t gap_ms;
	struct path path; /* room for the last step is there */
	struct witness_step differ[ALPHABET_MAX];
	unsigned differ_count;
};

static bool same_class(const struct witness_search *search, const struct witness_step *a,
		       const struct witness_step *b)
{
	const struct alphabet_packet *packets = search->alphabet->packets;

	return packets[a->packet].direction == packets[b->packet].direction &&
	       a->verdicts[0].reason == b->verdicts[0].reason &&
	       a->verdicts[1].reason == b->verdicts[1].reason &&
	       a->verdicts[0].rule == b->verdicts[0].rule &&
	       a->verdicts[1].rule == b->verdicts[1].rule;
}

/* 1 if this class of last packets after the node has not been told with a shorter wait. */
static int is_untold(struct witness_search *search, const struct branch *branch,
		     const struct witness_step *step)
{
	const uint64_t class[] = {branch->node, search->alphabet->packets[step->packet].direction,
				  step->packet, step->verdicts[0].reason, step->verdicts[1].reason};

	return number_set_add(&search->told, number_mix(3, class, sizeof(class)));
}

/* Number packets from the beginning of the sequence, not from that of the engine. */
static void steps_number(struct path *path)
{
	for (unsigned p = 0; p < 2; p++) {
		for (unsigned i = path->length; i-- > 0;) {
			struct sekisho_verdict *verdict = &path->steps[i].verdicts[p];
			unsigned by = 0;

			while (by < i && (uint32_t)path->steps[by].verdicts[p].packet !=
						 (uint32_t)verdict->opened_by)
				by++;
			verdict->packet = i + 1;
			verdict->opened_by = verdict->opened_by != 0 ? by + 1 : 0;
		}
	}
}

/* Tell what differs in a branch, class by class. */
static int branch_tell(struct witness_search *search, struct branch *branch)
{
	bool done[ALPHABET_MAX] = {false};

	for (unsigned i = 0; i < branch->differ_count; i++) {
		struct witness_found found = {.alphabet = search->alphabet,
					      .length = branch->path.length};
		bool untold = false;

		if (done[i])
			continue;
		for (unsigned j = i; j < branch->differ_count; j++) {
			int is_new;

			if (done[j] || !same_class(search, &branch->differ[i], &branch->differ[j]))
				continue;
			done[j] = true;
			is_new = is_untold(search, branch, &branch->differ[j]);
			if (is_new < 0)
				return is_new;
			untold |= is_new && j == i;
			if (is_new && j != i)
				found.others[found.other_count++] = branch->differ[j].packet;
		}
		branch->path.steps[branch->path.length - 1] = branch->differ[i];
		if (!untold || !is_minimal(search, &branch->path))
			continue;
		play(search, &branch->path);
		steps_number(&branch->path);
		memcpy(found.steps, branch->path.steps, sizeof(found.steps));
		if (!search->found(search->context, &found))
			return 1;
	}
	return 0;
}

/* Both let the packet pass: is the state that it leads to a new one? */
static int branch_keep(struct witness_search *search, const struct branch *branch, uint8_t packet,
		       uint32_t now_ms)
{
	const struct witness_node node = {branch->node, branch->gap_ms, packet};
	struct sekisho_state states[2];
	int is_new = number_set_add(&search->states, state_of_both(search, now_ms, states));

	return is_new <= 0 ? is_new : node_add(search, &node);
}

/* Try all packets after a node and a gap. */
static int branch_try(struct witness_search *search, struct branch *branch, bool is_last)
{
	unsigned last = branch->path.length - 1;
	bool changed = true;
	uint32_t now_ms = 0;
	int rc = 0;

	branch->differ_count = 0;
	for (uint8_t i = 0; rc == 0 && i < search->alphabet->count; i++) {
		struct witness_step step = {.gap_ms = branch->gap_ms, .packet = i};

		if (changed) {
			struct path before = branch->path;

			before.length = last;
			now_ms = play(search, &before) + branch->gap_ms;
		}
		ask(search, now_ms, &step);
		search->sequences++;
		changed = passes(&step, 0) || passes(&step, 1);
		if (differs(&step))
			branch->differ[branch->differ_count++] = step;
		else if (changed && !is_last)
			rc = branch_keep(search, branch, i, now_ms);
	}
	return rc == 0 ? branch_tell(search, branch) : rc;
}

/* All sequences that are one packet longer than a node. */
static int node_extend(struct witness_search *search, uint32_t node, unsigned length)
{
	struct branch branch = {.node = node, .path = path_of(search, node)};
	struct sekisho_state states[2];
	uint32_t gaps[GAPS_MAX];
	uint32_t now_ms = play(search, &branch.path);
	unsigned count;
	int rc = 0;

	state_of_both(search, now_ms, states);
	count = gaps_of(states, gaps);
	branch.path.length++;
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		branch.gap_ms = gaps[i];
		rc = branch_try(search, &branch, length == WITNESS_PACKETS_MAX);
	}
	if (rc == 0 && !search->go_on(search->context))
		rc = 1;
	return rc;
}

int witness_search_length(struct witness_search *search, unsigned length, bool *more)
{
	size_t from = search->level, to = search->node_count;
	int rc = 0;

	search->level = to;
	if (length == 1) {
		struct sekisho_state states[2];

		forget(search);
		rc = number_set_add(&search->states, state_of_both(search, 0, states));
		rc = rc < 0 ? rc : node_extend(search, 0, 1);
	}
	for (size_t i = from; length > 1 && rc == 0 && i < to; i++)
		rc = node_extend(search, (uint32_t)i + 1, length);
	*more = search->node_count > to;
	return rc;
}
