/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_ranges.h: sets of addresses, as ranges that neither overlap nor touch. */
#ifndef CONFIG_LINT_RANGES_H
#define CONFIG_LINT_RANGES_H

#include <sekisho.h>

struct lint_range {
	unsigned __int128 first, last;
};

/* Zero it before use. */
struct lint_ranges {
	struct {
		struct lint_range *ranges;
		size_t count, room;
	} family[2]; /* IPv4, IPv6 */
	bool failed; /* no memory: what was added since is missing */
};

void lint_ranges_fini(struct lint_ranges *set);

/* Take out all, and keep the memory. */
void lint_ranges_clear(struct lint_ranges *set);

void lint_ranges_add(struct lint_ranges *set, const struct sekisho_prefix *prefix);

/* Add all that another set has. */
void lint_ranges_add_all(struct lint_ranges *set, const struct lint_ranges *other);

/* Add what a block has and another set, which is sealed, has not. */
void lint_ranges_add_rest(struct lint_ranges *set, const struct sekisho_prefix *prefix,
			  const struct lint_ranges *other);

/* Make ready to be asked, once all is added. */
void lint_ranges_seal(struct lint_ranges *set);

/* Whether all addresses of a block are in the set, be it by several of its blocks. */
bool lint_ranges_hold(const struct lint_ranges *set, const struct sekisho_prefix *prefix);

#endif
