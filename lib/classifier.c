/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * classifier.c: a linear search, and rte_acl tries of both families; see classifier.h.
 *
 * A trie's key is protocol, list, peer, detail. The list is a part of the key, so that one trie serves
 * all groups and a packet asks once for each group of its endpoint. Priorities fall with the entry's
 * index, so that the best match is the first. The second category has the entries with `everywhere`.
 *
 * rte_acl's own bound (max_size) is on the finished tries. What it takes while it builds grows with the
 * entries, about 10 KiB for each; so the number of entries is bounded too.
 */
#include "classifier.h"

#include <arpa/inet.h>
#include <rte_acl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prefix.h"

#define ENTRIES_MAX           1000000u
#define TRIE_MAX              ((size_t)512 << 20) /* bytes of a finished trie */
#define FIELDS_BESIDE_ADDRESS 4
#define FIELDS_MAX            (FIELDS_BESIDE_ADDRESS + 4)
#define CATEGORIES            RTE_ACL_RESULTS_MULTIPLIER
#define ADD_AT_ONCE           1024

enum category { CATEGORY_ALL, CATEGORY_EVERYWHERE };

/* What rte_acl reads: the address follows, in 4-byte words, and then the detail. */
struct key {
	uint8_t protocol;
	uint8_t unused[3];
	uint32_t list; /* network order, like all of it */
	uint8_t rest[16 + 4];
};

RTE_ACL_RULE_DEF(acl_rule, FIELDS_MAX);

struct classifier {
	struct rte_acl_ctx *tries[2]; /* IPv4, IPv6; NULL where there are no entries */
};

static unsigned address_words(unsigned family)
{
	return family == SEKISHO_IPV6 ? 4 : 1;
}

/* ---- linear ----------------------------------------------------------------------------------- */

static bool entry_matches(const struct classifier_entry *entry,
			  const struct classifier_query *query)
{
	if (entry->protocol != SEKISHO_PROTOCOL_ALL && entry->protocol != query->protocol)
		return false;
	return query->detail >= entry->first && query->detail <= entry->last &&
	       prefix_holds(&entry->peer, query->family, query->peer);
}

struct classifier_match classifier_search(const struct classifier_entry *entries, uint32_t first,
					  uint32_t count, const struct classifier_query *query)
{
	struct classifier_match match = {CLASSIFIER_NONE, CLASSIFIER_NONE};

	for (uint32_t i = first; i < first + count; i++) {
		if (!entry_matches(&entries[i], query))
			continue;
		if (match.first == CLASSIFIER_NONE)
			match.first = i;
		if (entries[i].everywhere) {
			match.first_everywhere = i;
			break;
		}
	}
	return match;
}

/* ---- compiled --------------------------------------------------------------------------------- */

static void fields_define(struct rte_acl_field_def *defs, unsigned family)
{
	unsigned words = address_words(family), field = 0;

	defs[field++] = (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_BITMASK,
						   .size = sizeof(uint8_t),
						   .offset = offsetof(struct key, protocol)};
	defs[field++] = (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_BITMASK,
						   .size = sizeof(uint32_t),
						   .offset = offsetof(struct key, list)};
	for (unsigned i = 0; i < words; i++)
		defs[field++] = (struct rte_acl_field_def){
			.type = RTE_ACL_FIELD_TYPE_MASK,
			.size = sizeof(uint32_t),
			.offset = (uint32_t)(offsetof(struct key, rest) + i * sizeof(uint32_t))};
	/* rte_acl reads 4 bytes at a time, so the detail and as many that mean nothing */
	for (unsigned i = 0; i < 2; i++)
		defs[field++] = (struct rte_acl_field_def){
			.type = RTE_ACL_FIELD_TYPE_RANGE,
			.size = sizeof(uint16_t),
			.offset = (uint32_t)(offsetof(struct key, rest) + words * sizeof(uint32_t) +
					     i * sizeof(uint16_t))};
	for (unsigned i = 0; i < field; i++) {
		defs[i].field_index = (uint8_t)i;
		defs[i].input_index = (uint8_t)(i < field - 1 ? i : i - 1);
	}
}

static struct acl_rule rule_of(const struct classifier_entry *entry, uint32_t index)
{
	unsigned words = address_words(entry->peer.family);
	bool all = entry->protocol == SEKISHO_PROTOCOL_ALL;
	struct acl_rule rule = {0};
	unsigned field = 0;

	rule.data.category_mask = (uint32_t)1 << CATEGORY_ALL | (uint32_t)entry->everywhere
									<< CATEGORY_EVERYWHERE;
	rule.data.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - index);
	rule.data.userdata = index + 1;
	rule.field[field].value.u8 = all ? 0 : (uint8_t)entry->protocol;
	rule.field[field++].mask_range.u8 = all ? 0 : UINT8_MAX;
	rule.field[field].value.u32 = entry->list;
	rule.field[field++].mask_range.u32 = UINT32_MAX;
	for (unsigned i = 0; i < words; i++) {
		unsigned before = i * 32, length = entry->peer.length;
		uint32_t word;

		memcpy(&word, entry->peer.address + i * sizeof(word), sizeof(word));
		rule.field[field].value.u32 = ntohl(word);
		rule.field[field++].mask_range.u32 = length <= before       ? 0
						     : length - before > 32 ? 32
									    : length - before;
	}
	rule.field[field].value.u16 = entry->first;
	rule.field[field++].mask_range.u16 = entry->last;
	rule.field[field].mask_range.u16 = UINT16_MAX;
	return rule;
}

/* Add the entries of one family, some at a time. */
static int trie_fill(struct rte_acl_ctx *trie, unsigned family,
		     const struct classifier_entry *entries, uint32_t count)
{
	struct acl_rule *rules = calloc(ADD_AT_ONCE, sizeof(*rules));
	unsigned waiting = 0;
	int rc = rules == NULL ? -1 : 0;

	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		if (entries[i].peer.family == family)
			rules[waiting++] = rule_of(&entries[i], i);
		if (waiting > 0 && (waiting == ADD_AT_ONCE || i + 1 == count)) {
			rc = rte_acl_add_rules(trie, (const struct rte_acl_rule *)rules, waiting);
			waiting = 0;
		}
	}
	free(rules);
	return rc;
}

static int trie_build(struct rte_acl_ctx *trie, unsigned family)
{
	struct rte_acl_config config = {.num_categories = CATEGORIES,
					.num_fields = FIELDS_BESIDE_ADDRESS + address_words(family),
					.max_size = TRIE_MAX};

	fields_define(config.defs, family);
	return rte_acl_build(trie, &config);
}

/* The trie of one family; NULL with no message where it has no entries. */
static struct rte_acl_ctx *trie_create(unsigned family, const struct classifier_entry *entries,
				       uint32_t count, char *message, size_t message_size)
{
	static uint32_t serial;
	char name[32];
	struct rte_acl_param param = {.name = name,
				      .socket_id = SOCKET_ID_ANY,
				      .rule_size = (uint32_t)sizeof(struct acl_rule)};
	struct rte_acl_ctx *trie;

	for (uint32_t i = 0; i < count; i++)
		param.max_rule_num += entries[i].peer.family == family;
	if (param.max_rule_num == 0)
		return NULL;
	snprintf(name, sizeof(name), "sekisho-%u", serial++);
	trie = rte_acl_create(&param);
	if (trie != NULL && trie_fill(trie, family, entries, count) == 0 &&
	    trie_build(trie, family) == 0)
		return trie;
	snprintf(message, message_size,
		 "the rules do not compile within %zu MiB: %u entries (peer blocks x port ranges) "
		 "of "
		 "IPv%u",
		 TRIE_MAX >> 20, param.max_rule_num, family);
	rte_acl_free(trie);
	return NULL;
}

struct classifier *classifier_create(const struct classifier_entry *entries, uint32_t count,
				     char *message, size_t message_size)
{
	static const unsigned families[2] = {SEKISHO_IPV4, SEKISHO_IPV6};
	struct classifier *classifier;

	if (count > ENTRIES_MAX) {
		snprintf(
			message, message_size,
			"the rules make %u entries (peer blocks x port ranges); at most %u compile",
			count, ENTRIES_MAX);
		return NULL;
	}
	classifier = calloc(1, sizeof(*classifier));
	if (classifier == NULL) {
		snprintf(message, message_size, "not enough memory for the policy");
		return NULL;
	}
	message[0] = '\0';
	for (unsigned i = 0; i < 2 && message[0] == '\0'; i++)
		classifier->tries[i] =
			trie_create(families[i], entries, count, message, message_size);
	if (message[0] != '\0') {
		classifier_destroy(classifier);
		return NULL;
	}
	return classifier;
}

void classifier_destroy(struct classifier *classifier)
{
	if (classifier == NULL)
		return;
	rte_acl_free(classifier->tries[0]);
	rte_acl_free(classifier->tries[1]);
	free(classifier);
}

/* What a query shows to its family's trie. */
static void key_make(struct key *key, const struct classifier_query *query)
{
	size_t address = address_words(query->family) * sizeof(uint32_t);
	uint16_t detail = htons(query->detail);

	*key = (struct key){.protocol = query->protocol, .list = htonl(query->list)};
	memcpy(key->rest, query->peer, address);
	memcpy(key->rest + address, &detail, sizeof(detail));
}

void classifier_find_many(const struct classifier *classifier,
			  const struct classifier_query *queries, unsigned count,
			  struct classifier_match *matches)
{
	const struct rte_acl_ctx *trie = classifier->tries[queries[0].family == SEKISHO_IPV6];
	uint32_t results[CLASSIFIER_MANY * CATEGORIES] = {0};
	struct key keys[CLASSIFIER_MANY];
	const uint8_t *shown[CLASSIFIER_MANY];

	for (unsigned i = 0; i < count; i++) {
		key_make(&keys[i], &queries[i]);
		shown[i] = (const uint8_t *)&keys[i];
	}
	if (trie != NULL)
		rte_acl_classify(trie, shown, results, count, CATEGORIES);
	/* userdata is an index plus one, and 0 means none; so none becomes CLASSIFIER_NONE */
	for (unsigned i = 0; i < count; i++)
		matches[i] = (struct classifier_match){
			results[i * CATEGORIES + CATEGORY_ALL] - 1,
			results[i * CATEGORIES + CATEGORY_EVERYWHERE] - 1};
}

struct classifier_match classifier_find(const struct classifier *classifier,
					const struct classifier_query *query)
{
	struct classifier_match match;

	classifier_find_many(classifier, query, 1, &match);
	return match;
}
