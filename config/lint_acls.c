/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_acls.c: network ACLs: entries that none gets to, directions that are shut, and whether all
 * of a box is denied. An ACL's entries are asked in the order of their numbers, so its boxes are
 * kept in it.
 */
#include "linter.h"

#include <stdio.h>
#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
	const struct sekisho_acl_entry_spec *const *x = a, *const *y = b;

	return (*x)->number - (*y)->number;
}

/* The boxes of the entries of one direction. */
static bool build_list(struct linter_acl_list *list, const struct sekisho_acl_spec *acl,
		       enum sekisho_direction direction)
{
	const struct sekisho_acl_entry_spec **sorted =
		calloc(acl->entry_count + 1, sizeof(*sorted));
	size_t count = 0, boxes = 0;
	struct lint_box *end;

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < acl->entry_count; i++) {
		if (acl->entries[i].match.direction != direction)
			continue;
		sorted[count++] = &acl->entries[i];
		boxes += lint_boxes_count(&acl->entries[i].match);
	}
	qsort(sorted, count, sizeof(*sorted), by_number);
	list->boxes = calloc(boxes + 1, sizeof(*list->boxes));
	end = list->boxes;
	for (size_t i = 0; end != NULL && i < count; i++)
		end = lint_boxes_of(end, &sorted[i]->match, (uint32_t)(sorted[i] - acl->entries));
	list->count = end != NULL ? (size_t)(end - list->boxes) : 0;
	free(sorted);
	return list->boxes != NULL;
}

bool linter_build_acls(struct linter *linter)
{
	linter->acls = calloc(linter->spec->acl_count + 1, sizeof(*linter->acls));
	if (linter->acls == NULL)
		return false;
	for (size_t a = 0; a < linter->spec->acl_count; a++) {
		for (unsigned d = 0; d < 2; d++) {
			if (!build_list(&linter->acls[a].lists[d], &linter->spec->acls[a], d))
				return false;
		}
	}
	return true;
}

void linter_free_acls(struct linter *linter)
{
	for (size_t a = 0; linter->acls != NULL && a < linter->spec->acl_count; a++) {
		free(linter->acls[a].lists[0].boxes);
		free(linter->acls[a].lists[1].boxes);
	}
	free(linter->acls);
}

/* Whether some of a box's peers are not judged at all (AWS-130). */
static bool is_exempt(const struct sekisho_acl_spec *acl, const struct lint_box *box)
{
	struct lint_box subnet = *box;

	for (size_t i = 0; i < acl->subnet_count; i++) {
		subnet.peer = acl->subnets[i];
		subnet.level = (uint8_t)(subnet.peer.length + 1);
		if (lint_boxes_meet(&subnet, box))
			return true;
	}
	return false;
}

bool linter_acl_denies(struct linter *linter, uint16_t number, const struct lint_box *box,
		       enum sekisho_direction direction)
{
	const struct linter_acl_list *list;
	struct lint_box asked = *box;

	asked.level =
		(uint8_t)(box->peer.length + 1); /* how a block was written is no matter here */
	if (number == 0 || is_exempt(&linter->spec->acls[number - 1], &asked))
		return false;
	list = &linter->acls[number - 1].lists[direction];
	for (size_t i = 0; i < list->count; i++) {
		const struct lint_box *entry = &list->boxes[i];
		bool deny = linter->spec->acls[number - 1].entries[entry->rule].deny;

		if (!linter_spend(linter, 1))
			return false;
		if (lint_box_holds(entry, &asked))
			return deny;
		if (!deny && lint_boxes_meet(entry, &asked))
			return false;
	}
	return true;
}

bool linter_acl_denied(struct linter *linter, uint16_t number, const struct lint_box *point,
		       enum sekisho_direction direction, struct lint_ranges *denied)
{
	static const struct sekisho_prefix all[2] = {{.family = SEKISHO_IPV4},
						     {.family = SEKISHO_IPV6}};
	const struct sekisho_acl_spec *acl = &linter->spec->acls[number - 1];
	const struct linter_acl_list *list = &linter->acls[number - 1].lists[direction];
	struct lint_ranges decided = {0};
	struct lint_box asked = *point;
	bool done = true;

	for (size_t i = 0; i < acl->subnet_count; i++)
		lint_ranges_add(&decided, &acl->subnets[i]);
	lint_ranges_seal(&decided);
	for (size_t i = 0; i < list->count && done; i++) {
		const struct lint_box *entry = &list->boxes[i];

		asked.peer = entry->peer;
		asked.level = entry->level;
		done = linter_spend(linter, decided.family[0].count + decided.family[1].count + 1);
		if (!lint_box_holds(entry, &asked))
			continue; /* not for this protocol and port */
		if (acl->entries[entry->rule].deny)
			lint_ranges_add_rest(denied, &entry->peer, &decided);
		lint_ranges_add(&decided, &entry->peer);
		lint_ranges_seal(&decided);
	}
	for (unsigned f = 0; f < 2 && done; f++)
		lint_ranges_add_rest(denied, &all[f], &decided);
	linter->failed = linter->failed || decided.failed;
	lint_ranges_fini(&decided);
	return done;
}

/* ---- findings --------------------------------------------------------------------------------- */

/* The path of an entry; `entry` is its position in the spec, where ingress comes first. */
static void entry_path(const struct linter *linter, size_t acl, uint32_t entry,
		       char path[LINTER_PATH])
{
	uint32_t ingress = linter->schema->network_acls[acl].ingress_count;

	if (entry < ingress)
		snprintf(path, LINTER_PATH, "network_acls[%zu].ingress[%u]", acl, entry);
	else
		snprintf(path, LINTER_PATH, "network_acls[%zu].egress[%u]", acl, entry - ingress);
}

/* The first box before `i` that holds box `i`, or i. */
static size_t held_by(struct linter *linter, const struct linter_acl_list *list, size_t i)
{
	struct lint_box box = list->boxes[i];

	box.level = (uint8_t)(box.peer.length + 1);
	for (size_t j = 0; j < i && list->boxes[j].rule != box.rule; j++) {
		if (!linter_spend(linter, 1))
			return i;
		if (lint_box_holds(&list->boxes[j], &box))
			return j;
	}
	return i;
}

static void find_shadowed(struct linter *linter, size_t a, const struct linter_acl_list *list)
{
	const struct sekisho_acl_entry_spec *entries = linter->spec->acls[a].entries;

	for (size_t i = 0, end; i < list->count; i = end) {
		size_t holder = held_by(linter, list, i);
		bool held = holder < i;
		char path[LINTER_PATH];

		for (end = i + 1; end < list->count && list->boxes[end].rule == list->boxes[i].rule;
		     end++)
			held = held && held_by(linter, list, end) < end;
		if (!held)
			continue;
		entry_path(linter, a, list->boxes[i].rule, path);
		linter_say(
			linter, LINT_SHADOWED_ENTRY,
			&(struct linter_subject){path, entries[list->boxes[i].rule].match.name,
						 "AWS-132"},
			"no packet gets to entry %u: what matches it matches an entry before it, "
			"as %u",
			entries[list->boxes[i].rule].number,
			entries[list->boxes[holder].rule].number);
	}
}

/* A direction without an entry that allows anything. */
static void find_shut(struct linter *linter, size_t a, enum sekisho_direction direction)
{
	const struct sekisho_acl_spec *acl = &linter->spec->acls[a];
	char path[LINTER_PATH];

	if (linter->schema->network_acls[a].endpoints_count == 0)
		return;
	for (size_t i = 0; i < acl->entry_count; i++) {
		if (acl->entries[i].match.direction == direction && !acl->entries[i].deny)
			return;
	}
	snprintf(path, sizeof(path), "network_acls[%zu]", a);
	linter_say(linter, LINT_ACL_DENIES_ALL,
		   &(struct linter_subject){.path = path, .clauses = "AWS-137, AWS-138"},
		   "network ACL '%s' allows no %s, answers included: it keeps no state", acl->name,
		   sekisho_direction_word(direction));
}

void lint_acls(struct linter *linter)
{
	for (size_t a = 0; a < linter->spec->acl_count; a++) {
		for (unsigned d = 0; d < 2; d++) {
			find_shadowed(linter, a, &linter->acls[a].lists[d]);
			find_shut(linter, a, d);
		}
	}
}
