/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules.h: groups compiled into lists that a packet without a flow is matched against.
 *
 * A verdict is the OR over all rules of all groups of the endpoint (AWS-101); where several match, the
 * first in the file is the one that is told. Immutable once built.
 */
#ifndef RULES_H
#define RULES_H

#include <sekisho.h>

struct rules;

/* What a packet asks of the rules. */
struct rules_query {
	const uint8_t *local, *peer; /* 16 bytes; IPv4 in the first 4 */
	uint8_t direction;
	uint8_t family;
	uint8_t protocol;
	uint8_t icmp_type, icmp_code;
	uint16_t port; /* destination, host order; TCP and UDP */
};

struct rules_match {
	uint32_t rule;     /* SEKISHO_RULE_NONE: nothing admits it */
	uint16_t endpoint; /* index plus one; 0 if the local address is no endpoint */
	bool open;         /* the way back is open as well, so AWS-10 has nothing to track */
};

/* Compile. `numbers[g][r]` is the number of rule r of group g. NULL: no memory. */
struct rules *rules_create(const struct sekisho_policy_spec *spec, const uint32_t *const *numbers);
void rules_destroy(struct rules *rules);

/* Match a packet. */
struct rules_match rules_match(const struct rules *rules, const struct rules_query *query);

/* The endpoint of an inside address, as index plus one; 0 if there is none. */
uint16_t rules_endpoint(const struct rules *rules, uint8_t family, const uint8_t *address);

/* Whether an address is in a block. */
bool rules_prefix_holds(const struct sekisho_prefix *prefix, uint8_t family,
			const uint8_t *address);

#endif
