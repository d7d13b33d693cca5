/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules.c: from a description to endpoints and lists of entries (classifier.h), and the questions that
 * the engine asks of them. An endpoint is found by binary search: no two overlap.
 */
#include "rules.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier.h"
#include "prefix.h"

#define SHORT_LIST 8 /* entries that are searched sooner than a trie is walked */

/* The entries of a list: `count` of them from `first` on. */
struct span {
	uint32_t first, count;
	bool open[2][2]; /* [TCP, UDP][IPv4, IPv6]: one entry admits all ports of all (AWS-10 (c)) */
};

struct acl {
	uint32_t lists;   /* of egress; the next one is of ingress */
	uint32_t rest[2]; /* by direction: the number of what denies the rest */
	struct sekisho_prefix *subnets;
	size_t subnet_count;
};

struct endpoint {
	uint16_t *groups;
	size_t group_count;
	uint16_t acl; /* index plus one */
	bool auto_tracked;
	bool open[2][2][2]; /* [direction][TCP, UDP][IPv4, IPv6]: a rule admits all ports of all */
};

/* One of an endpoint's blocks. */
struct address {
	struct sekisho_prefix prefix;
	uint16_t endpoint; /* index */
};

/* Group g has the lists 2g + direction; those of the ACLs follow. */
struct rules {
	struct classifier_entry *entries;
	uint32_t entry_count;
	struct span *lists;
	struct endpoint *endpoints;
	struct acl *acls;
	size_t endpoint_count, acl_count;
	struct address *addresses; /* in order, none within another */
	size_t address_count;
	struct classifier *classifier; /* NULL: entries are searched one after the other */
};

/* ---- questions -------------------------------------------------------------------------------- */

uint16_t rules_endpoint(const struct rules *rules, uint8_t family, const uint8_t *address)
{
	size_t low = 0, high = rules->address_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (prefix_order(&rules->addresses[middle].prefix, family, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* the last that does not begin after it */
	if (low == 0 || !prefix_holds(&rules->addresses[low - 1].prefix, family, address))
		return 0;
	return (uint16_t)(rules->addresses[low - 1].endpoint + 1);
}

static struct classifier_query query_of(const struct rules_query *query)
{
	struct classifier_query asked = {
		.peer = query->peer, .family = query->family, .protocol = query->protocol};

	if (query->protocol == IPPROTO_TCP || query->protocol == IPPROTO_UDP)
		asked.detail = query->port;
	else if (query->protocol == IPPROTO_ICMP || query->protocol == IPPROTO_ICMPV6)
		asked.detail = (uint16_t)(query->icmp_type << 8 | query->icmp_code);
	return asked;
}

static struct classifier_match list_match(const struct rules *rules, uint32_t list,
					  struct classifier_query *asked)
{
	struct span span = rules->lists[list];

	if (span.count == 0)
		return (struct classifier_match){CLASSIFIER_NONE, CLASSIFIER_NONE};
	asked->list = list;
	return rules->classifier != NULL && span.count > SHORT_LIST
		       ? classifier_find(rules->classifier, asked)
		       : classifier_search(rules->entries, span.first, span.count, asked);
}

/* AWS-10 (a), (c) and (d): could this packet's flow be untracked, if its rule is open too? */
static bool way_back_is_open(const struct endpoint *endpoint, const struct rules_query *query)
{
	if (endpoint->auto_tracked ||
	    (query->protocol != IPPROTO_TCP && query->protocol != IPPROTO_UDP))
		return false;
	return endpoint->open[!query->direction][query->protocol == IPPROTO_UDP]
			     [query->family == SEKISHO_IPV6];
}

/* Match a packet against the endpoint's groups; `first` is what that of the first group is known to be. */
static struct rules_match groups_match(const struct rules *rules, uint16_t number,
				       const struct rules_query *query,
				       const struct classifier_match *first)
{
	const struct endpoint *endpoint = &rules->endpoints[number - 1];
	struct rules_match match = {.rule = SEKISHO_RULE_NONE, .endpoint = number};
	struct classifier_query asked = query_of(query);
	bool back = way_back_is_open(endpoint, query);

	for (size_t g = 0; g < endpoint->group_count; g++) {
		struct classifier_match found =
			g == 0 && first != NULL
				? *first
				: list_match(rules, 2u * endpoint->groups[g] + query->direction,
					     &asked);

		if (match.rule == SEKISHO_RULE_NONE && found.first != CLASSIFIER_NONE)
			match.rule = rules->entries[found.first].rule;
		match.open |= back && found.first_everywhere != CLASSIFIER_NONE;
		if (match.rule != SEKISHO_RULE_NONE && (match.open || !back))
			break;
	}
	return match;
}

struct rules_match rules_match(const struct rules *rules, const struct rules_query *query)
{
	uint16_t number = rules_endpoint(rules, query->family, query->local);

	if (number == 0)
		return (struct rules_match){.rule = SEKISHO_RULE_NONE};
	return groups_match(rules, number, query, NULL);
}

bool rules_match_is_open(const struct rules *rules, uint16_t endpoint,
			 const struct rules_query *query)
{
	return endpoint != 0 && way_back_is_open(&rules->endpoints[endpoint - 1], query) &&
	       groups_match(rules, endpoint, query, NULL).open;
}

/* Whether the first group of an endpoint is one that the trie is walked for; and its list. */
static bool first_list(const struct rules *rules, uint16_t number, unsigned direction,
		       uint32_t *list)
{
	const struct endpoint *endpoint = &rules->endpoints[number - 1];

	if (rules->classifier == NULL || endpoint->group_count == 0)
		return false;
	*list = 2u * endpoint->groups[0] + direction;
	return rules->lists[*list].count > SHORT_LIST;
}

bool rules_gain_by_many(const struct rules *rules)
{
	return rules->classifier != NULL;
}

void rules_match_many(const struct rules *rules, const struct rules_query *queries, unsigned count,
		      struct rules_match *matches)
{
	struct classifier_query asked[CLASSIFIER_MANY];
	struct classifier_match found[CLASSIFIER_MANY];
	unsigned walked[CLASSIFIER_MANY], walks = 0;
	uint16_t number[RULES_MANY];

	_Static_assert(RULES_MANY <= CLASSIFIER_MANY, "they go together");
	for (unsigned i = 0; i < count; i++) {
		uint32_t list;

		number[i] = rules_endpoint(rules, queries[i].family, queries[i].local);
		if (number[i] == 0 || !first_list(rules, number[i], queries[i].direction, &list)) {
			matches[i] = rules_match(rules, &queries[i]);
			continue;
		}
		asked[walks] = query_of(&queries[i]);
		asked[walks].list = list;
		walked[walks++] = i;
	}
	if (walks > 0)
		classifier_find_many(rules->classifier, asked, walks, found);
	for (unsigned w = 0; w < walks; w++)
		matches[walked[w]] =
			groups_match(rules, number[walked[w]], &queries[walked[w]], &found[w]);
}

bool rules_have_acls(const struct rules *rules)
{
	return rules->acl_count > 0;
}

bool rules_acl_allows(const struct rules *rules, const struct rules_query *query, uint32_t *rule)
{
	uint16_t endpoint = rules_endpoint(rules, query->family, query->local);
	struct classifier_query asked = query_of(query);
	struct classifier_match found;
	const struct acl *acl;

	if (endpoint == 0 || rules->endpoints[endpoint - 1].acl == 0)
		return true;
	acl = &rules->acls[rules->endpoints[endpoint - 1].acl - 1];
	for (size_t i = 0; i < acl->subnet_count; i++) {
		if (prefix_holds(&acl->subnets[i], query->family, query->peer))
			return true;
	}
	found = list_match(rules, acl->lists + query->direction, &asked);
	if (found.first != CLASSIFIER_NONE && !rules->entries[found.first].deny)
		return true;
	*rule = found.first == CLASSIFIER_NONE ? acl->rest[query->direction]
					       : rules->entries[found.first].rule;
	return false;
}

/* ---- building: entries ------------------------------------------------------------------------ */

/* A rule of one family's ICMP never matches the other's packets (AWS-106). */
static bool family_fits(const struct sekisho_rule_spec *rule, const struct sekisho_prefix *peer)
{
	return !(rule->protocol == IPPROTO_ICMP && peer->family == SEKISHO_IPV6) &&
	       !(rule->protocol == IPPROTO_ICMPV6 && peer->family == SEKISHO_IPV4);
}

static size_t entries_of(const struct sekisho_rule_spec *rule)
{
	return rule->peer_count * (rule->port_count ? rule->port_count : 1);
}

/* The details that a rule without ports admits: those of its ICMP type and code, or all. */
static struct sekisho_port_range details_of(const struct sekisho_rule_spec *rule)
{
	bool icmp = rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6;
	uint16_t first = 0, last = UINT16_MAX;

	if (icmp && rule->icmp_type != SEKISHO_ICMP_ANY) {
		first = (uint16_t)(rule->icmp_type << 8);
		last = first | UINT8_MAX;
		if (rule->icmp_code != SEKISHO_ICMP_ANY)
			first = last = (uint16_t)(first | rule->icmp_code);
	}
	return (struct sekisho_port_range){first, last};
}

/* AWS-10 (c): note an entry that admits every port to or from everywhere. */
static void note_open(struct span *span, const struct classifier_entry *entry)
{
	static const uint8_t protocols[2] = {IPPROTO_TCP, IPPROTO_UDP};

	if (!entry->everywhere || entry->first != 0 || entry->last != UINT16_MAX)
		return;
	for (unsigned p = 0; p < 2; p++) {
		if (entry->protocol == SEKISHO_PROTOCOL_ALL || entry->protocol == protocols[p])
			span->open[p][entry->peer.family == SEKISHO_IPV6] = true;
	}
}

/* Append a rule's entries to the list that is being made. */
static void add_rule(struct rules *rules, uint32_t list, const struct sekisho_rule_spec *rule,
		     uint32_t number, bool deny)
{
	const struct sekisho_port_range all = details_of(rule);
	const struct sekisho_port_range *ports = rule->port_count ? rule->ports : &all;
	size_t count = rule->port_count ? rule->port_count : 1;

	for (size_t i = 0; i < rule->peer_count; i++) {
		if (!family_fits(rule, &rule->peers[i]))
			continue;
		for (size_t j = 0; j < count; j++) {
			struct classifier_entry *entry = &rules->entries[rules->entry_count++];

			*entry = (struct classifier_entry){
				.peer = rule->peers[i],
				.list = list,
				.rule = number,
				.protocol = rule->protocol,
				.first = ports[j].first,
				.last = ports[j].last,
				.everywhere =
					rule->peers[i].length == 0 && rule->peer_is_literal[i],
				.deny = deny,
			};
			note_open(&rules->lists[list], entry);
			rules->lists[list].count++;
		}
	}
}

static void build_group(struct rules *rules, uint32_t group, const struct sekisho_group_spec *spec,
			const uint32_t *numbers)
{
	for (unsigned d = 0; d < 2; d++) {
		rules->lists[2 * group + d].first = rules->entry_count;
		for (size_t r = 0; r < spec->rule_count; r++) {
			if (spec->rules[r].direction == d)
				add_rule(rules, 2 * group + d, &spec->rules[r], numbers[r], false);
		}
	}
}

/* An entry of an ACL and where its number is; sorted by the entry's own number. */
struct place {
	uint16_t number;
	size_t index;
};

static int place_compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->number != y->number ? (int)x->number - (int)y->number
	       : x->index < y->index  ? -1
				      : x->index > y->index;
}

static bool build_acl(struct rules *rules, struct acl *acl, const struct sekisho_acl_spec *spec,
		      const uint32_t *numbers)
{
	struct place *places = calloc(spec->entry_count + 1, sizeof(*places));

	acl->subnets = calloc(spec->subnet_count + 1, sizeof(*acl->subnets));
	if (places == NULL || acl->subnets == NULL) {
		free(places);
		return false;
	}
	for (size_t i = 0; i < spec->subnet_count; i++)
		acl->subnets[acl->subnet_count++] = spec->subnets[i];
	for (size_t i = 0; i < spec->entry_count; i++)
		places[i] = (struct place){spec->entries[i].number, i};
	qsort(places, spec->entry_count, sizeof(*places), place_compare);
	for (unsigned d = 0; d < 2; d++) {
		rules->lists[acl->lists + d].first = rules->entry_count;
		acl->rest[d] = numbers[spec->entry_count + d];
		for (size_t i = 0; i < spec->entry_count; i++) {
			const struct sekisho_acl_entry_spec *entry =
				&spec->entries[places[i].index];

			if (entry->match.direction == d)
				add_rule(rules, acl->lists + d, &entry->match,
					 numbers[places[i].index], entry->deny);
		}
	}
	free(places);
	return true;
}

static bool build_lists(struct rules *rules, const struct sekisho_policy_spec *spec,
			const struct rules_numbers *numbers)
{
	size_t total = 0, lists = 2 * (spec->group_count + spec->acl_count);

	for (size_t g = 0; g < spec->group_count; g++) {
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			total += entries_of(&spec->groups[g].rules[r]);
	}
	for (size_t a = 0; a < spec->acl_count; a++) {
		for (size_t e = 0; e < spec->acls[a].entry_count; e++)
			total += entries_of(&spec->acls[a].entries[e].match);
	}
	if (total >= UINT32_MAX)
		return false;
	rules->entries = calloc(total + 1, sizeof(*rules->entries));
	rules->lists = calloc(lists + 1, sizeof(*rules->lists));
	rules->acls = calloc(spec->acl_count + 1, sizeof(*rules->acls));
	if (rules->entries == NULL || rules->lists == NULL || rules->acls == NULL)
		return false;
	for (size_t g = 0; g < spec->group_count; g++)
		build_group(rules, (uint32_t)g, &spec->groups[g], numbers->groups[g]);
	for (size_t a = 0; a < spec->acl_count; a++) {
		struct acl *acl = &rules->acls[rules->acl_count++];

		acl->lists = (uint32_t)(2 * (spec->group_count + a));
		if (!build_acl(rules, acl, &spec->acls[a], numbers->acls[a]))
			return false;
	}
	return true;
}

/* ---- building: endpoints ---------------------------------------------------------------------- */

/* The ways that the endpoint's groups leave open, of all together (AWS-16). */
static void note_open_ways(const struct rules *rules, struct endpoint *endpoint)
{
	for (size_t l = 0; l < 2 * endpoint->group_count; l++) {
		const struct span *span = &rules->lists[2u * endpoint->groups[l / 2] + l % 2];

		for (unsigned i = 0; i < 4; i++)
			endpoint->open[l % 2][i / 2][i % 2] |= span->open[i / 2][i % 2];
	}
}

static int address_compare(const void *a, const void *b)
{
	const struct address *x = a, *y = b;
	int order = prefix_order(&x->prefix, y->prefix.family, y->prefix.address);

	return order != 0 ? order : (int)x->prefix.length - (int)y->prefix.length;
}

/* Sort the blocks, and leave out those within others; false if they are of different endpoints. */
static bool build_addresses(struct rules *rules)
{
	size_t kept = 0;

	qsort(rules->addresses, rules->address_count, sizeof(*rules->addresses), address_compare);
	for (size_t i = 0; i < rules->address_count; i++) {
		const struct address *address = &rules->addresses[i];
		const struct address *last = kept > 0 ? &rules->addresses[kept - 1] : NULL;

		if (last == NULL ||
		    !prefix_holds(&last->prefix, address->prefix.family, address->prefix.address))
			rules->addresses[kept++] = *address;
		else if (last->endpoint != address->endpoint)
			return false;
	}
	rules->address_count = kept;
	return true;
}

static bool build_endpoints(struct rules *rules, const struct sekisho_policy_spec *spec)
{
	size_t total = 0;

	for (size_t i = 0; i < spec->endpoint_count; i++)
		total += spec->endpoints[i].address_count;
	rules->endpoints = calloc(spec->endpoint_count + 1, sizeof(*rules->endpoints));
	rules->addresses = calloc(total + 1, sizeof(*rules->addresses));
	if (rules->endpoints == NULL || rules->addresses == NULL)
		return false;
	rules->endpoint_count = spec->endpoint_count;
	for (size_t i = 0; i < spec->endpoint_count; i++) {
		const struct sekisho_endpoint_spec *from = &spec->endpoints[i];
		struct endpoint *to = &rules->endpoints[i];

		to->groups = calloc(from->group_count + 1, sizeof(*to->groups));
		if (to->groups == NULL)
			return false;
		for (size_t g = 0; g < from->group_count; g++)
			to->groups[to->group_count++] = from->groups[g];
		for (size_t a = 0; a < from->address_count; a++)
			rules->addresses[rules->address_count++] =
				(struct address){from->addresses[a], (uint16_t)i};
		to->acl = from->acl;
		to->auto_tracked = from->auto_tracked;
		note_open_ways(rules, to);
	}
	return true;
}

struct rules *rules_create(const struct sekisho_policy_spec *spec,
			   const struct rules_numbers *numbers, char *message, size_t message_size)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	snprintf(message, message_size, "not enough memory for the policy");
	if (rules == NULL || !build_lists(rules, spec, numbers) || !build_endpoints(rules, spec))
		goto fail;
	if (!build_addresses(rules)) {
		snprintf(message, message_size, "addresses of two endpoints overlap");
		goto fail;
	}
	if (spec->matcher == SEKISHO_MATCHER_COMPILED && rules->entry_count > 0) {
		rules->classifier = classifier_create(rules->entries, rules->entry_count, message,
						      message_size);
		if (rules->classifier == NULL)
			goto fail;
	}
	return rules;
fail:
	rules_destroy(rules);
	return NULL;
}

void rules_destroy(struct rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->endpoint_count; i++)
		free(rules->endpoints[i].groups);
	for (size_t i = 0; i < rules->acl_count; i++)
		free(rules->acls[i].subnets);
	classifier_destroy(rules->classifier);
	free(rules->addresses);
	free(rules->endpoints);
	free(rules->acls);
	free(rules->lists);
	free(rules->entries);
	free(rules);
}
