/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_boxes.h: rules taken apart into boxes: a block of peers, a protocol, a range of what the
 * protocol has (ports; ICMP type and code). A packet matches a rule if it is in one of its boxes.
 */
#ifndef CONFIG_LINT_BOXES_H
#define CONFIG_LINT_BOXES_H

#include <sekisho.h>

struct lint_box {
	struct sekisho_prefix peer;
	/* By length; but a /0 that a rule itself has is wider than one behind a reference, as it
	 * alone makes flows untracked (AWS-19). A smaller level is wider. */
	uint8_t level;
	uint16_t protocol;    /* or SEKISHO_PROTOCOL_ALL */
	uint16_t first, last; /* ports; ICMP: type x 256 + code; others: all */
	uint32_t rule;        /* any number; a smaller one comes earlier */
};

/* How many boxes a rule has. */
size_t lint_boxes_count(const struct sekisho_rule_spec *rule);

/* Write them; `number` is the rule's. Returns past the last. */
struct lint_box *lint_boxes_of(struct lint_box *boxes, const struct sekisho_rule_spec *rule,
			       uint32_t number);

/* Whether every packet of box b is one of box a. */
bool lint_box_holds(const struct lint_box *a, const struct lint_box *b);

/* Whether a packet can be in both. */
bool lint_boxes_meet(const struct lint_box *a, const struct lint_box *b);

/* What makes a rule needless. */
struct lint_cover {
	uint32_t rule;   /* that holds a box of it; LINT_BOXES_NONE: one is in no other rule */
	bool by_several; /* not all boxes are in that one */
	bool is_equal;   /* each of its boxes is one of the other's, and all are different */
};
#define LINT_BOXES_NONE UINT32_MAX

/*
 * For each rule 0..rules-1 whether all its boxes are in boxes of others: strictly, or equal to
 * those of an earlier rule; so all that is found needless can go at once. Sorts the boxes. Takes
 * time in proportion to boxes x nesting of their blocks x log. 0, -ENOMEM, or -E2BIG if that is too
 * much.
 */
int lint_boxes_cover(struct lint_box *boxes, size_t count, struct lint_cover *covers, size_t rules);

#endif
