/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_ranges.c: sorted and merged; a block is looked up by bisection. */
#include "lint_ranges.h"

#include <stdlib.h>

static struct lint_range range_of(const struct sekisho_prefix *prefix)
{
	unsigned bits = prefix->family == SEKISHO_IPV6 ? 128 : 32, host = bits - prefix->length;
	unsigned __int128 first = 0, size_less_one;

	for (unsigned i = 0; i < bits / 8; i++)
		first = first << 8 | prefix->address[i];
	size_less_one = host == 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << host) - 1;
	return (struct lint_range){first, first | size_less_one};
}

void lint_ranges_fini(struct lint_ranges *set)
{
	free(set->family[0].ranges);
	free(set->family[1].ranges);
	*set = (struct lint_ranges){0};
}

void lint_ranges_clear(struct lint_ranges *set)
{
	set->family[0].count = set->family[1].count = 0;
}

static void add(struct lint_ranges *set, unsigned f, struct lint_range range)
{
	if (set->family[f].count == set->family[f].room) {
		size_t room = set->family[f].room ? set->family[f].room * 2 : 16;
		struct lint_range *ranges = realloc(set->family[f].ranges, room * sizeof(*ranges));

		if (ranges == NULL) {
			set->failed = true;
			return;
		}
		set->family[f].ranges = ranges;
		set->family[f].room = room;
	}
	set->family[f].ranges[set->family[f].count++] = range;
}

void lint_ranges_add(struct lint_ranges *set, const struct sekisho_prefix *prefix)
{
	add(set, prefix->family == SEKISHO_IPV6, range_of(prefix));
}

void lint_ranges_add_all(struct lint_ranges *set, const struct lint_ranges *other)
{
	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < other->family[f].count; i++)
			add(set, f, other->family[f].ranges[i]);
	}
}

/* How many ranges of a family begin at or before an address. */
static size_t count_before(const struct lint_ranges *set, unsigned f, unsigned __int128 address)
{
	size_t low = 0, high = set->family[f].count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->family[f].ranges[middle].first <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void lint_ranges_add_rest(struct lint_ranges *set, const struct sekisho_prefix *prefix,
			  const struct lint_ranges *other)
{
	unsigned f = prefix->family == SEKISHO_IPV6;
	struct lint_range rest = range_of(prefix);
	size_t i = count_before(other, f, rest.first);

	for (i -= i > 0; i < other->family[f].count; i++) {
		const struct lint_range *hole = &other->family[f].ranges[i];

		if (hole->last < rest.first)
			continue;
		if (hole->first > rest.last)
			break;
		if (hole->first > rest.first)
			add(set, f, (struct lint_range){rest.first, hole->first - 1});
		if (hole->last >= rest.last)
			return;
		rest.first = hole->last + 1;
	}
	add(set, f, rest);
}

static int by_first(const void *a, const void *b)
{
	const struct lint_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void lint_ranges_seal(struct lint_ranges *set)
{
	for (unsigned f = 0; f < 2; f++) {
		struct lint_range *ranges = set->family[f].ranges;
		size_t kept = 0;

		if (set->family[f].count == 0)
			continue;
		qsort(ranges, set->family[f].count, sizeof(*ranges), by_first);
		for (size_t i = 1; i < set->family[f].count; i++) {
			if (ranges[i].first == 0 || ranges[i].first - 1 <= ranges[kept].last) {
				if (ranges[i].last > ranges[kept].last)
					ranges[kept].last = ranges[i].last;
			} else {
				ranges[++kept] = ranges[i];
			}
		}
		set->family[f].count = kept + 1;
	}
}

bool lint_ranges_hold(const struct lint_ranges *set, const struct sekisho_prefix *prefix)
{
	unsigned f = prefix->family == SEKISHO_IPV6;
	struct lint_range wanted = range_of(prefix);
	size_t before = count_before(set, f, wanted.first);

	return before > 0 && set->family[f].ranges[before - 1].last >= wanted.last;
}
