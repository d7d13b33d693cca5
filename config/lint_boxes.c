/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_boxes.c: which boxes are in others.
 *
 * Boxes are sorted so that a block of addresses comes before all blocks in it. Walking them, the
 * blocks around the present one are a stack. Boxes with the same block and protocol are a run,
 * sorted by where their ranges begin; of each prefix of a run the range that reaches furthest is
 * kept, so that one look tells whether a range goes from before ours to past it. Where that is of
 * the same rule, ours is no matter: what holds that one holds ours as well.
 */
#include "lint_boxes.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 200000000u /* runs that are looked into: some seconds */

/* Boxes of one block and protocol: begin..end-1 of the sorted ones. */
struct run {
	uint32_t begin, end;
	uint16_t protocol;
};

/* Boxes of one block: their runs, begin..end-1. */
struct node {
	const struct lint_box *box; /* any of them */
	uint32_t begin, end;
};

/* Of the boxes of a run up to one, the range that reaches furthest, and whose it is. */
struct reach {
	uint16_t last;
	uint32_t rule;
};

struct cover {
	const struct lint_box *boxes;
	size_t count;
	struct reach *reach; /* by box */
	struct run *runs;
	struct node *nodes;
	size_t run_count, node_count;
	uint64_t steps;
};

/* ---- boxes ------------------------------------------------------------------------------------ */

size_t lint_boxes_count(const struct sekisho_rule_spec *rule)
{
	return rule->peer_count * (rule->port_count ? rule->port_count : 1);
}

/* The range of a rule that has no ports. */
static struct sekisho_port_range whole_range(const struct sekisho_rule_spec *rule)
{
	uint16_t first;

	if (rule->icmp_type == SEKISHO_ICMP_ANY)
		return (struct sekisho_port_range){0, UINT16_MAX};
	first = (uint16_t)(rule->icmp_type << 8);
	if (rule->icmp_code == SEKISHO_ICMP_ANY)
		return (struct sekisho_port_range){first, (uint16_t)(first | 0xff)};
	first = (uint16_t)(first | rule->icmp_code);
	return (struct sekisho_port_range){first, first};
}

struct lint_box *lint_boxes_of(struct lint_box *boxes, const struct sekisho_rule_spec *rule,
			       uint32_t number)
{
	const struct sekisho_port_range whole = whole_range(rule);
	const struct sekisho_port_range *ranges = rule->port_count ? rule->ports : &whole;
	size_t range_count = rule->port_count ? rule->port_count : 1;

	for (size_t i = 0; i < rule->peer_count; i++) {
		const struct sekisho_prefix *peer = &rule->peers[i];
		bool is_open = peer->length == 0 && rule->peer_is_literal[i];

		for (size_t j = 0; j < range_count; j++)
			*boxes++ = (struct lint_box){
				.peer = *peer,
				.level = (uint8_t)(is_open ? 0 : peer->length + 1),
				.protocol = rule->protocol,
				.first = ranges[j].first,
				.last = ranges[j].last,
				.rule = number,
			};
	}
	return boxes;
}

static bool block_holds(const struct lint_box *a, const struct lint_box *b)
{
	unsigned whole = a->peer.length / 8, rest = a->peer.length % 8;

	if (a->level > b->level || a->peer.family != b->peer.family ||
	    memcmp(a->peer.address, b->peer.address, whole) != 0)
		return false;
	return rest == 0 || ((a->peer.address[whole] ^ b->peer.address[whole]) >> (8 - rest)) == 0;
}

bool lint_box_holds(const struct lint_box *a, const struct lint_box *b)
{
	return block_holds(a, b) &&
	       (a->protocol == SEKISHO_PROTOCOL_ALL || a->protocol == b->protocol) &&
	       a->first <= b->first && a->last >= b->last;
}

bool lint_boxes_meet(const struct lint_box *a, const struct lint_box *b)
{
	bool all = a->protocol == SEKISHO_PROTOCOL_ALL || b->protocol == SEKISHO_PROTOCOL_ALL;

	if (!block_holds(a, b) && !block_holds(b, a))
		return false;
	if (a->protocol != b->protocol)
		return all;
	return a->first <= b->last && b->first <= a->last;
}

/* ---- sorting ---------------------------------------------------------------------------------- */

static int by_block(const struct lint_box *x, const struct lint_box *y)
{
	int order;

	if (x->peer.family != y->peer.family)
		return x->peer.family - y->peer.family;
	order = memcmp(x->peer.address, y->peer.address, sizeof(x->peer.address));
	return order != 0 ? order : x->level - y->level;
}

static int by_all(const void *a, const void *b)
{
	const struct lint_box *x = a, *y = b;
	int order = by_block(x, y);

	if (order != 0)
		return order;
	if (x->protocol != y->protocol)
		return x->protocol - y->protocol;
	if (x->first != y->first)
		return x->first - y->first;
	if (x->last != y->last)
		return y->last - x->last;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static bool is_equal(const struct lint_box *a, const struct lint_box *b)
{
	return by_block(a, b) == 0 && a->protocol == b->protocol && a->first == b->first &&
	       a->last == b->last;
}

/* Runs, nodes and reaches. Of equal boxes the first one counts. */
static bool index_boxes(struct cover *cover)
{
	cover->reach = malloc((cover->count + 1) * sizeof(*cover->reach));
	cover->runs = malloc((cover->count + 1) * sizeof(*cover->runs));
	cover->nodes = malloc((cover->count + 1) * sizeof(*cover->nodes));
	if (cover->reach == NULL || cover->runs == NULL || cover->nodes == NULL)
		return false;
	for (uint32_t i = 0; i < cover->count; i++) {
		const struct lint_box *box = &cover->boxes[i];
		struct reach reach = {.rule = LINT_BOXES_NONE};
		bool new_node = i == 0 || by_block(box - 1, box) != 0;

		if (new_node || box[-1].protocol != box->protocol)
			cover->runs[cover->run_count++] = (struct run){i, i + 1, box->protocol};
		else
			reach = cover->reach[i - 1];
		if (new_node)
			cover->nodes[cover->node_count++] =
				(struct node){box, (uint32_t)cover->run_count - 1, 0};
		if (reach.rule == LINT_BOXES_NONE || box->last > reach.last)
			reach = (struct reach){box->last, box->rule};
		cover->reach[i] = reach;
		cover->runs[cover->run_count - 1].end = i + 1;
		cover->nodes[cover->node_count - 1].end = (uint32_t)cover->run_count;
	}
	return true;
}

/* ---- looking ---------------------------------------------------------------------------------- */

/* A rule whose range, in the boxes up to `upto` of a run, holds that of a box. */
static uint32_t reaching(const struct cover *cover, uint32_t upto, const struct lint_box *box)
{
	const struct reach *reach = &cover->reach[upto];

	return reach->last >= box->last ? reach->rule : LINT_BOXES_NONE;
}

/* The same in a whole run of a node. */
static uint32_t run_holds(struct cover *cover, const struct node *node, uint16_t protocol,
			  const struct lint_box *box)
{
	uint32_t low = node->begin, high = node->end;

	cover->steps++;
	while (low < high) { /* the run of the protocol */
		uint32_t middle = low + (high - low) / 2;

		if (cover->runs[middle].protocol < protocol)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == node->end || cover->runs[low].protocol != protocol)
		return LINT_BOXES_NONE;
	high = cover->runs[low].end;
	low = cover->runs[low].begin;
	while (low < high) { /* past the last range that does not begin after ours */
		uint32_t middle = low + (high - low) / 2;

		if (cover->boxes[middle].first <= box->first)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || by_block(&cover->boxes[low - 1], node->box) != 0 ||
	    cover->boxes[low - 1].protocol != protocol)
		return LINT_BOXES_NONE;
	return reaching(cover, low - 1, box);
}

/* A rule that holds a box, or LINT_BOXES_NONE. `around[0..depth-1]` are the nodes around. */
static uint32_t holder_of(struct cover *cover, uint32_t i, const struct node *node,
			  const struct node *const *around, size_t depth)
{
	const struct lint_box *box = &cover->boxes[i];
	uint32_t holder = LINT_BOXES_NONE;

	/* of its own run, those before it: what comes after it does not hold it */
	if (i > 0 && by_block(box - 1, box) == 0 && box[-1].protocol == box->protocol)
		holder = reaching(cover, i - 1, box);
	if (holder == LINT_BOXES_NONE && box->protocol != SEKISHO_PROTOCOL_ALL)
		holder = run_holds(cover, node, SEKISHO_PROTOCOL_ALL, box);
	while (holder == LINT_BOXES_NONE && depth-- > 0) {
		holder = run_holds(cover, around[depth], box->protocol, box);
		if (holder == LINT_BOXES_NONE && box->protocol != SEKISHO_PROTOCOL_ALL)
			holder = run_holds(cover, around[depth], SEKISHO_PROTOCOL_ALL, box);
	}
	return holder;
}

/* One more box of a rule, and who holds it; `equal` if that has the very same. */
static void note_holder(struct lint_cover *cover, bool *is_new, uint32_t holder, bool equal)
{
	if (*is_new)
		cover->rule = holder;
	else if (holder == LINT_BOXES_NONE)
		cover->rule = LINT_BOXES_NONE;
	else if (cover->rule != LINT_BOXES_NONE && cover->rule != holder)
		cover->by_several = true;
	cover->is_equal = cover->is_equal && equal && !cover->by_several;
	*is_new = false;
}

/* Walk all boxes. */
static int judge_boxes(struct cover *cover, struct lint_cover *covers, bool *is_new)
{
	const struct node **around = malloc((cover->node_count + 1) * sizeof(*around));
	size_t depth = 0;

	if (around == NULL)
		return -ENOMEM;
	for (size_t n = 0; n < cover->node_count && cover->steps < STEPS_MAX; n++) {
		const struct node *node = &cover->nodes[n];
		uint32_t first = cover->runs[node->begin].begin,
			 end = cover->runs[node->end - 1].end;
		uint32_t original = LINT_BOXES_NONE; /* the rule that has the present box first */

		while (depth > 0 && !block_holds(around[depth - 1]->box, node->box))
			depth--;
		for (uint32_t i = first; i < end; i++) {
			const struct lint_box *box = &cover->boxes[i];
			bool again = i > first && is_equal(box - 1, box);
			uint32_t holder = original;

			if (!again) {
				original = box->rule;
				holder = holder_of(cover, i, node, around, depth);
			}
			/* a box within another of its own, or that it has twice, says nothing */
			if (holder == box->rule || (again && box[-1].rule == box->rule))
				covers[box->rule].is_equal = false;
			else
				note_holder(&covers[box->rule], &is_new[box->rule], holder, again);
		}
		around[depth++] = node;
	}
	free(around);
	return cover->steps < STEPS_MAX ? 0 : -E2BIG;
}

int lint_boxes_cover(struct lint_box *boxes, size_t count, struct lint_cover *covers, size_t rules)
{
	struct cover cover = {.boxes = boxes, .count = count};
	bool *is_new = malloc(rules + 1);
	int rc = -ENOMEM;

	for (size_t r = 0; r < rules; r++)
		covers[r] = (struct lint_cover){.rule = LINT_BOXES_NONE, .is_equal = true};
	if (is_new != NULL)
		memset(is_new, true, rules);
	if (count > 0)
		qsort(boxes, count, sizeof(*boxes), by_all);
	if (is_new != NULL && index_boxes(&cover))
		rc = judge_boxes(&cover, covers, is_new);
	free(is_new);
	free(cover.reach);
	free(cover.runs);
	free(cover.nodes);
	return rc;
}
