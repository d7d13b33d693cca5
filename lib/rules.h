/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules.h: groups and network ACLs compiled into lists that packets are matched against.
 *
 * A group's verdict is the OR over all rules of all groups of the endpoint (AWS-101); where several
 * match, the first in the file, group by group, is the one that is told. A network ACL's is that of its
 * first entry that matches (AWS-132). Immutable once built.
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

/* The numbers of all rules, in the order of the description. */
struct rules_numbers {
	const uint32_t *const *groups; /* groups[g][r]: of rule r of group g */
	const uint32_t *const *acls; /* acls[a][e]: of entry e of ACL a; then [entry_count + d]: of
					* what denies the rest of direction d */
};

/* Compile. NULL, and a sentence in `message`: no memory, endpoints that overlap, or too large. */
struct rules *rules_create(const struct sekisho_policy_spec *spec,
			   const struct rules_numbers *numbers, char *message, size_t message_size);
void rules_destroy(struct rules *rules);

#define RULES_MANY 16

/* Whether packets together take less time than one by one. */
bool rules_gain_by_many(const struct rules *rules);

/* Match up to RULES_MANY IPv4 packets, as rules_match() does each. */
void rules_match_many(const struct rules *rules, const struct rules_query *queries, unsigned count,
		      struct rules_match *matches);

/* Match a packet against the groups of its endpoint. */
struct rules_match rules_match(const struct rules *rules, const struct rules_query *query);

/* The `open` of rules_match(), where the endpoint is known, as it tells it. */
bool rules_match_is_open(const struct rules *rules, uint16_t endpoint,
			 const struct rules_query *query);

/* Whether any endpoint has a network ACL. */
bool rules_have_acls(const struct rules *rules);

/*
 * Whether the network ACL of the packet's endpoint lets it pass, as one that has none does. If not,
 * `rule` gets the entry that denies it.
 */
bool rules_acl_allows(const struct rules *rules, const struct rules_query *query, uint32_t *rule);

/* The endpoint of an inside address, as index plus one; 0 if there is none. */
uint16_t rules_endpoint(const struct rules *rules, uint8_t family, const uint8_t *address);

#endif
