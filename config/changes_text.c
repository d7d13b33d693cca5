/* SPDX-License-Identifier: BSD-3-Clause */
/* changes_text.c: rules and blocks of addresses in words, and how two of them differ. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "changes_build.h"

#define NAMED_MAX 4 /* of a list */

void change_text_add(struct change_text *text, const char *format, ...)
{
	va_list arguments;
	char *more = NULL, *grown;
	int length;

	va_start(arguments, format);
	length = vasprintf(&more, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	if (text->length + (size_t)length >= text->room) {
		size_t room = (text->length + (size_t)length + 1) * 2;

		grown = realloc(text->bytes, room);
		if (grown == NULL) {
			free(more);
			return;
		}
		text->bytes = grown;
		text->room = room;
	}
	memcpy(text->bytes + text->length, more, (size_t)length + 1);
	text->length += (size_t)length;
	free(more);
}

/* ---- blocks ----------------------------------------------------------------------------------- */

void change_text_blocks(struct change_text *text, const struct sekisho_prefix *blocks, size_t count)
{
	for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
		char block[ADDRESS_TEXT_SIZE];

		address_print(&blocks[i], block);
		change_text_add(text, "%s%s", i ? ", " : "", block);
	}
	if (count > NAMED_MAX)
		change_text_add(text, " and %zu more", count - NAMED_MAX);
	if (count == 0)
		change_text_add(text, "nothing");
}

static int by_block(const void *a, const void *b)
{
	const struct sekisho_prefix *x = a, *y = b;
	int order;

	if (x->family != y->family)
		return x->family - y->family;
	order = memcmp(x->address, y->address, sizeof(x->address));
	return order != 0 ? order : x->length - y->length;
}

/* A sorted copy, each block once; NULL: no memory. */
static struct sekisho_prefix *sorted_set(const struct sekisho_prefix *blocks, size_t *count)
{
	struct sekisho_prefix *set = malloc((*count + 1) * sizeof(*set));
	size_t kept = 0;

	if (set == NULL || *count == 0)
		return set;
	memcpy(set, blocks, *count * sizeof(*set));
	qsort(set, *count, sizeof(*set), by_block);
	for (size_t i = 0; i < *count; i++) {
		if (kept == 0 || by_block(&set[kept - 1], &set[i]) != 0)
			set[kept++] = set[i];
	}
	*count = kept;
	return set;
}

/* What the first of two sorted sets has and the second has not, put to the front of the first. */
static size_t keep_rest(struct sekisho_prefix *set, size_t count,
			const struct sekisho_prefix *other, size_t other_count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (other_count == 0 ||
		    bsearch(&set[i], other, other_count, sizeof(*other), by_block) == NULL)
			set[kept++] = set[i];
	}
	return kept;
}

void change_text_sets(struct change_text *text, const struct sekisho_prefix *from,
		      size_t from_count, const struct sekisho_prefix *to, size_t to_count)
{
	size_t old_count = from_count, new_count = to_count, added = 0, dropped = 0;
	struct sekisho_prefix *old = sorted_set(from, &old_count);
	struct sekisho_prefix *new = sorted_set(to, &new_count);
	struct sekisho_prefix *rest = sorted_set(to, &to_count);

	if (old != NULL && new != NULL && rest != NULL) {
		added = keep_rest(rest, to_count, old, old_count);
		dropped = keep_rest(old, old_count, new, new_count);
	}
	if (added > 0) {
		change_text_add(text, "adds ");
		change_text_blocks(text, rest, added);
	}
	if (dropped > 0) {
		change_text_add(text, "%sdrops ", added > 0 ? "; " : "");
		change_text_blocks(text, old, dropped);
	}
	free(old);
	free(new);
	free(rest);
}

/* ---- rules ------------------------------------------------------------------------------------ */

void change_text_match(struct change_text *text, const struct sekisho_rule_spec *rule)
{
	char protocol[ADDRESS_TEXT_SIZE];

	address_print_protocol(rule->protocol, protocol);
	change_text_add(text, "%s", protocol);
	for (size_t i = 0; i < rule->port_count && i < NAMED_MAX; i++) {
		const struct sekisho_port_range *ports = &rule->ports[i];

		change_text_add(text, "%s%u", i ? ", " : " ", ports->first);
		if (ports->last != ports->first)
			change_text_add(text, "-%u", ports->last);
	}
	if (rule->port_count > NAMED_MAX)
		change_text_add(text, " and %zu more", rule->port_count - NAMED_MAX);
	if (rule->icmp_type != SEKISHO_ICMP_ANY)
		change_text_add(text, " type %d", rule->icmp_type);
	if (rule->icmp_code != SEKISHO_ICMP_ANY)
		change_text_add(text, " code %d", rule->icmp_code);
}

void change_text_rule(struct change_text *text, const struct sekisho_rule_spec *rule)
{
	change_text_match(text, rule);
	change_text_add(text, rule->direction == SEKISHO_INGRESS ? " from " : " to ");
	change_text_blocks(text, rule->peers, rule->peer_count);
}

static bool matches_alike(const struct sekisho_rule_spec *a, const struct sekisho_rule_spec *b)
{
	bool alike = a->direction == b->direction && a->protocol == b->protocol &&
		     a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code &&
		     a->port_count == b->port_count;

	for (size_t i = 0; alike && i < a->port_count; i++)
		alike = a->ports[i].first == b->ports[i].first &&
			a->ports[i].last == b->ports[i].last;
	return alike;
}

void change_text_rules(struct change_text *text, const struct sekisho_rule_spec *from,
		       const struct sekisho_rule_spec *to)
{
	struct change_text peers = {0};

	if (from->direction != to->direction)
		change_text_add(text, "%s ", sekisho_direction_word(from->direction));
	change_text_match(text, from);
	if (!matches_alike(from, to)) {
		change_text_add(text, " -> ");
		if (from->direction != to->direction)
			change_text_add(text, "%s ", sekisho_direction_word(to->direction));
		change_text_match(text, to);
	}
	change_text_sets(&peers, from->peers, from->peer_count, to->peers, to->peer_count);
	if (peers.bytes != NULL)
		change_text_add(text, ", %s %s", to->direction == SEKISHO_INGRESS ? "from" : "to",
				peers.bytes);
	else if (matches_alike(from, to))
		change_text_add(text, ", the same blocks in other words or order");
	free(peers.bytes);
}
