/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * areas.c: walking the classes of address pairs.
 *
 * Local addresses are told apart by the endpoint that they are of and by the lists of addresses that
 * hold them, in each policy; equal ones are taken together. For each such class the peers are swept
 * from the lowest up. All blocks are of prefixes, so of two that meet one holds the other, and those
 * around the present peers are a stack.
 */
#include "areas.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "number_set.h"

/* What no source may be (STRICT-70), which the engine drops whatever the policy. */
static const struct sekisho_prefix no_sources[] = {
	{{127}, SEKISHO_IPV4, 8},
	{{224}, SEKISHO_IPV4, 4},
	{{255, 255, 255, 255}, SEKISHO_IPV4, 32},
	{{0xff}, SEKISHO_IPV6, 8},
	{{[15] = 1}, SEKISHO_IPV6, 128},
	{{[10] = 0xff, 0xff}, SEKISHO_IPV6, 96},
};
#define NO_SOURCES (sizeof(no_sources) / sizeof(no_sources[0]))

/* A block of local addresses, and a number that is its own: what makes a class of them. */
struct local_block {
	struct area_range range;
	uint32_t mark;
};

/* Local addresses of one class are those in the same blocks: `key` is the sum of their marks' hashes. */
struct local_part {
	struct area_range range;
	uint64_t key;
	uint16_t endpoint[2];
};

struct walk {
	const struct areas_walk *told;
	uint8_t family;
	struct local_block *blocks;
	size_t block_count;
	struct local_part *parts;
	size_t part_count;
	struct area_entry *entries; /* of the class that is swept */
	size_t entry_count, entry_room;
	const struct area_entry **around;
	unsigned __int128 *points; /* from which on the blocks are others */
	size_t point_count;
	struct area_range *locals;
};

/* ---- addresses -------------------------------------------------------------------------------- */

static unsigned __int128 family_last(uint8_t family)
{
	return family == SEKISHO_IPV6 ? ~(unsigned __int128)0 : UINT32_MAX;
}

unsigned __int128 areas_number(uint8_t family, const uint8_t address[16])
{
	unsigned __int128 number = 0;

	for (int i = 0; i < (family == SEKISHO_IPV6 ? 16 : 4); i++)
		number = number << 8 | address[i];
	return number;
}

void areas_address(uint8_t family, unsigned __int128 number, uint8_t address[16])
{
	memset(address, 0, 16);
	for (int i = family == SEKISHO_IPV6 ? 15 : 3; i >= 0; i--) {
		address[i] = (uint8_t)number;
		number >>= 8;
	}
}

struct area_range areas_block(const struct sekisho_prefix *prefix)
{
	unsigned bits = prefix->family == SEKISHO_IPV6 ? 128 : 32;
	unsigned __int128 first = areas_number(prefix->family, prefix->address);
	unsigned __int128 rest = prefix->length == bits ? 0 : family_last(prefix->family);

	if (prefix->length > 0)
		rest = rest & (((unsigned __int128)1 << (bits - prefix->length)) - 1);
	return (struct area_range){first, first | rest};
}

/* Sort by where ranges begin, and those around others before them; both begin with one. */
static int by_range(const void *a, const void *b)
{
	const struct area_range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->last > y->last ? -1 : x->last < y->last;
}

static int by_number(const void *a, const void *b)
{
	const unsigned __int128 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* ---- the classes of local addresses ----------------------------------------------------------- */

static size_t blocks_at_most(const struct areas_walk *told)
{
	size_t count = NO_SOURCES + 1;

	for (unsigned p = 0; p < 2; p++) {
		count += told->specs[p]->never_filtered_count;
		for (size_t e = 0; e < told->specs[p]->endpoint_count; e++)
			count += told->specs[p]->endpoints[e].address_count;
	}
	return count;
}

static void block_add(struct walk *walk, const struct sekisho_prefix *prefix, uint32_t mark)
{
	if (prefix->family == walk->family)
		walk->blocks[walk->block_count++] = (struct local_block){areas_block(prefix), mark};
}

/* Marks: 1 what is no source, 2 and 3 a never-filtered list; from 4 on endpoints, the policies in turn. */
static void blocks_take(struct walk *walk)
{
	for (size_t i = 0; i < NO_SOURCES; i++)
		block_add(walk, &no_sources[i], 1);
	for (uint32_t p = 0; p < 2; p++) {
		const struct sekisho_policy_spec *spec = walk->told->specs[p];

		for (size_t i = 0; i < spec->never_filtered_count; i++)
			block_add(walk, &spec->never_filtered[i], 2 + p);
		for (uint32_t e = 0; e < spec->endpoint_count; e++) {
			for (size_t i = 0; i < spec->endpoints[e].address_count; i++)
				block_add(walk, &spec->endpoints[e].addresses[i], 4 + 2 * e + p);
		}
	}
	qsort(walk->blocks, walk->block_count, sizeof(*walk->blocks), by_range);
}

/* Points where blocks begin or are over: sorted, each once; the first is 0. */
static void points_seal(struct walk *walk)
{
	size_t kept = 0;

	walk->points[walk->point_count++] = 0;
	qsort(walk->points, walk->point_count, sizeof(*walk->points), by_number);
	for (size_t i = 0; i < walk->point_count; i++) {
		if (kept == 0 || walk->points[i] != walk->points[kept - 1])
			walk->points[kept++] = walk->points[i];
	}
	walk->point_count = kept;
}

static void points_add(struct walk *walk, const struct area_range *range)
{
	walk->points[walk->point_count++] = range->first;
	if (range->last != family_last(walk->family))
		walk->points[walk->point_count++] = range->last + 1;
}

/* The range from a point up to the next. */
static struct area_range points_range(const struct walk *walk, size_t i)
{
	return (struct area_range){walk->points[i], i + 1 < walk->point_count
							    ? walk->points[i + 1] - 1
							    : family_last(walk->family)};
}

/* Say of a part which blocks hold it; a block that holds it twice counts once. */
static void part_judge(const struct walk *walk, struct local_part *part)
{
	bool unfiltered[2] = {false, false}, no_source = false;

	for (size_t i = 0; i < walk->block_count; i++) {
		const struct local_block *block = &walk->blocks[i];

		if (block->range.first > part->range.first)
			break;
		if (block->range.last < part->range.first)
			continue;
		if (block->mark >= 4)
			part->endpoint[block->mark & 1] = (uint16_t)((block->mark - 4) / 2 + 1);
		else if (block->mark >= 2)
			unfiltered[block->mark & 1] = true;
		else
			no_source = true;
	}
	part->key = (uint64_t)part->endpoint[0] << 32 | (uint64_t)part->endpoint[1] << 16 |
		    (uint64_t)unfiltered[0] << 2 | (uint64_t)unfiltered[1] << 1 | no_source;
}

static int by_key(const void *a, const void *b)
{
	const struct local_part *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return by_range(&x->range, &y->range);
}

static int parts_make(struct walk *walk)
{
	walk->point_count = 0;
	for (size_t i = 0; i < walk->block_count; i++)
		points_add(walk, &walk->blocks[i].range);
	points_seal(walk);
	walk->parts = calloc(walk->point_count, sizeof(*walk->parts));
	walk->locals = calloc(walk->point_count, sizeof(*walk->locals));
	if (walk->parts == NULL || walk->locals == NULL)
		return -ENOMEM;
	walk->part_count = walk->point_count;
	for (size_t i = 0; i < walk->part_count; i++) {
		walk->parts[i].range = points_range(walk, i);
		part_judge(walk, &walk->parts[i]);
	}
	qsort(walk->parts, walk->part_count, sizeof(*walk->parts), by_key);
	return 0;
}

/* ---- the peers of a class --------------------------------------------------------------------- */

static int entry_add(struct walk *walk, const struct sekisho_prefix *prefix,
		     struct area_entry entry)
{
	if (prefix->family != walk->family)
		return 0;
	if (walk->entry_count == walk->entry_room) {
		size_t room = walk->entry_room ? walk->entry_room * 2 : 64;
		struct area_entry *larger = realloc(walk->entries, room * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		walk->entries = larger;
		walk->entry_room = room;
	}
	entry.peers = areas_block(prefix);
	walk->entries[walk->entry_count++] = entry;
	return 0;
}

static int entries_add(struct walk *walk, const struct sekisho_prefix *prefixes, size_t count,
		       struct area_entry entry)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = entry_add(walk, &prefixes[i], entry);
	return rc;
}

static int entries_of_acl(struct walk *walk, uint8_t policy, const struct sekisho_acl_spec *acl)
{
	int rc = entries_add(walk, acl->subnets, acl->subnet_count,
			     (struct area_entry){.policy = policy, .kind = AREA_ACL_SUBNETS});

	for (size_t e = 0; rc == 0 && e < acl->entry_count; e++) {
		const struct sekisho_rule_spec *match = &acl->entries[e].match;

		rc = entries_add(walk, match->peers, match->peer_count,
				 (struct area_entry){.policy = policy,
						     .kind = AREA_ACL_ENTRY,
						     .rule = match,
						     .acl_entry = &acl->entries[e]});
	}
	return rc;
}

/* All that an endpoint's packets are judged by. */
static int entries_of_endpoint(struct walk *walk, uint8_t policy,
			       const struct sekisho_endpoint_spec *endpoint)
{
	const struct sekisho_policy_spec *spec = walk->told->specs[policy];
	int rc = 0;

	for (size_t g = 0; g < endpoint->group_count; g++) {
		const struct sekisho_group_spec *group = &spec->groups[endpoint->groups[g]];

		for (size_t r = 0; rc == 0 && r < group->rule_count; r++)
			rc = entries_add(walk, group->rules[r].peers, group->rules[r].peer_count,
					 (struct area_entry){.policy = policy,
							     .kind = AREA_RULE,
							     .rule = &group->rules[r]});
	}
	if (rc == 0 && endpoint->acl != 0)
		rc = entries_of_acl(walk, policy, &spec->acls[endpoint->acl - 1]);
	return rc;
}

static int entries_take(struct walk *walk, const struct local_part *part)
{
	int rc = entries_add(walk, no_sources, NO_SOURCES,
			     (struct area_entry){.kind = AREA_NO_SOURCE});

	for (uint8_t p = 0; rc == 0 && p < 2; p++) {
		const struct sekisho_policy_spec *spec = walk->told->specs[p];

		rc = entries_add(walk, spec->never_filtered, spec->never_filtered_count,
				 (struct area_entry){.policy = p, .kind = AREA_UNFILTERED});
		if (rc == 0 && part->endpoint[p] != 0)
			rc = entries_of_endpoint(walk, p, &spec->endpoints[part->endpoint[p] - 1]);
	}
	if (rc == 0 && walk->entry_count > 0)
		qsort(walk->entries, walk->entry_count, sizeof(*walk->entries), by_range);
	return rc;
}

/* Room for what a sweep of the class needs. */
static int sweep_prepare(struct walk *walk)
{
	free(walk->points);
	free(walk->around);
	walk->points = calloc(2 * walk->entry_count + 1, sizeof(*walk->points));
	walk->around = calloc(walk->entry_count + 1, sizeof(*walk->around));
	if (walk->points == NULL || walk->around == NULL)
		return -ENOMEM;
	walk->point_count = 0;
	for (size_t i = 0; i < walk->entry_count; i++)
		points_add(walk, &walk->entries[i].peers);
	points_seal(walk);
	return 0;
}

/* Sweep the peers of a class of locals: parts[from..to-1]. */
static int class_sweep(struct walk *walk, size_t from, size_t to)
{
	const struct local_part *part = &walk->parts[from];
	struct area area = {.family = walk->family,
			    .locals = walk->locals,
			    .specs = {walk->told->specs[0], walk->told->specs[1]},
			    .endpoint = {part->endpoint[0], part->endpoint[1]}};
	size_t next = 0;
	int rc;

	walk->entry_count = 0;
	rc = entries_take(walk, part);
	if (rc == 0)
		rc = sweep_prepare(walk);
	if (rc != 0)
		return rc;
	for (size_t i = from; i < to; i++) {
		struct area_range *last = &walk->locals[area.local_count];

		if (area.local_count > 0 && last[-1].last + 1 == walk->parts[i].range.first)
			last[-1].last = walk->parts[i].range.last;
		else
			walk->locals[area.local_count++] = walk->parts[i].range;
	}
	area.entries = walk->around;
	for (size_t i = 0; i < walk->point_count; i++) {
		area.peers = points_range(walk, i);
		while (area.entry_count > 0 &&
		       walk->around[area.entry_count - 1]->peers.last < area.peers.first)
			area.entry_count--;
		while (next < walk->entry_count &&
		       walk->entries[next].peers.first == area.peers.first)
			walk->around[area.entry_count++] = &walk->entries[next++];
		if (!walk->told->area(walk->told->context, &area))
			return 1;
	}
	return 0;
}

static int family_walk(struct walk *walk)
{
	size_t room = blocks_at_most(walk->told);
	int rc = -ENOMEM;

	walk->blocks = calloc(room, sizeof(*walk->blocks));
	walk->points = calloc(2 * room + 1, sizeof(*walk->points));
	if (walk->blocks != NULL && walk->points != NULL) {
		blocks_take(walk);
		rc = parts_make(walk);
	}
	for (size_t from = 0, to = 0; rc == 0 && from < walk->part_count; from = to) {
		while (to < walk->part_count && walk->parts[to].key == walk->parts[from].key)
			to++;
		rc = class_sweep(walk, from, to);
	}
	free(walk->blocks);
	free(walk->points);
	free(walk->parts);
	free(walk->locals);
	free(walk->entries);
	free(walk->around);
	return rc;
}

int areas_walk(const struct areas_walk *told)
{
	struct walk four = {.told = told, .family = SEKISHO_IPV4};
	struct walk six = {.told = told, .family = SEKISHO_IPV6};
	int rc = family_walk(&four);

	return rc == 0 ? family_walk(&six) : rc;
}

/* ---- within an area --------------------------------------------------------------------------- */

bool areas_mention(const struct area *area, unsigned protocol)
{
	for (size_t i = 0; i < area->entry_count; i++) {
		if (area->entries[i]->rule != NULL && area->entries[i]->rule->protocol == protocol)
			return true;
	}
	return false;
}

static bool is_icmp(const struct area *area, unsigned protocol)
{
	return protocol == (area->family == SEKISHO_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* Mark where the details of a rule begin and are over. */
static void cuts_mark(const struct sekisho_rule_spec *rule, uint8_t *marks)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		marks[rule->ports[i].first] = 1;
		marks[rule->ports[i].last + 1u] = 1;
	}
	if (rule->icmp_type != SEKISHO_ICMP_ANY && rule->icmp_code != SEKISHO_ICMP_ANY) {
		marks[rule->icmp_type * 256 + rule->icmp_code] = 1;
		marks[rule->icmp_type * 256 + rule->icmp_code + 1] = 1;
	}
}

/* Strict looks at ports by itself (STRICT-20..22). */
static void cuts_mark_udp(const struct sekisho_policy_spec *spec, uint8_t *marks)
{
	marks[1024] = 1;
	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++) {
		for (unsigned i = 0; i < spec->strict.port_count[g]; i++) {
			marks[spec->strict.ports[g][i]] = 1;
			marks[spec->strict.ports[g][i] + 1u] = 1;
		}
	}
}

unsigned areas_cuts(const struct area *area, unsigned protocol, uint32_t *cuts)
{
	uint8_t marks[AREAS_CUTS_MAX] = {[0] = 1, [AREAS_CUTS_MAX - 1] = 1};
	bool icmp = is_icmp(area, protocol);
	unsigned count = 0;

	for (size_t i = 0; i < area->entry_count; i++) {
		const struct sekisho_rule_spec *rule = area->entries[i]->rule;

		if (rule != NULL && rule->protocol == protocol &&
		    (icmp || protocol == IPPROTO_TCP || protocol == IPPROTO_UDP))
			cuts_mark(rule, marks);
	}
	for (unsigned type = 0; icmp && type < 256; type++)
		marks[type * 256] = marks[type * 256 + 1] = 1; /* code 0 may be the only one */
	for (unsigned p = 0; protocol == IPPROTO_UDP && p < 2; p++)
		cuts_mark_udp(area->specs[p], marks);
	for (uint32_t i = 0; i < AREAS_CUTS_MAX; i++) {
		if (marks[i])
			cuts[count++] = i;
	}
	return count;
}

static bool rule_admits(const struct area *area, const struct sekisho_rule_spec *rule,
			unsigned protocol, uint16_t detail)
{
	if (rule->protocol != SEKISHO_PROTOCOL_ALL && rule->protocol != protocol)
		return false;
	if (rule->protocol == (area->family == SEKISHO_IPV4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false; /* the other family's ICMP (AWS-106) */
	if (rule->icmp_type != SEKISHO_ICMP_ANY && rule->icmp_type != detail >> 8)
		return false;
	if (rule->icmp_code != SEKISHO_ICMP_ANY && rule->icmp_code != (detail & 0xff))
		return false;
	for (size_t i = 0; i < rule->port_count; i++) {
		if (rule->ports[i].first <= detail && detail <= rule->ports[i].last)
			return true;
	}
	return rule->port_count == 0;
}

struct area_word areas_look_up(const struct area *area, unsigned policy, unsigned direction,
			       unsigned protocol, uint16_t detail)
{
	uint16_t endpoint = area->endpoint[policy];
	bool judged = endpoint != 0 && area->specs[policy]->endpoints[endpoint - 1].acl != 0;
	struct area_word word = {.by_rule = false, .acl_allows = !judged};
	unsigned number = UINT16_MAX + 1u; /* of the first entry that matches */

	for (size_t i = 0; i < area->entry_count; i++) {
		const struct area_entry *entry = area->entries[i];

		if (entry->policy != policy || entry->kind >= AREA_UNFILTERED)
			continue;
		if (entry->kind == AREA_ACL_SUBNETS) {
			word.acl_allows = true;
			number = 0;
		}
		if (entry->rule == NULL || entry->rule->direction != direction ||
		    !rule_admits(area, entry->rule, protocol, detail))
			continue;
		if (entry->kind == AREA_RULE) {
			word.by_rule = true;
		} else if (entry->acl_entry->number < number) {
			number = entry->acl_entry->number;
			word.acl_allows = !entry->acl_entry->deny;
		}
	}
	return word;
}

uint64_t areas_key(const struct area *area, unsigned direction, unsigned protocol, uint16_t detail)
{
	const uint64_t packet[] = {
		(uint64_t)area->family << 32 | direction << 24 | protocol << 16 | detail,
		(uint64_t)area->locals[0].first, (uint64_t)(area->locals[0].first >> 64)};
	uint64_t key = number_mix(11, packet, sizeof(packet));

	for (size_t i = 0; i < area->entry_count; i++) {
		const struct area_entry *entry = area->entries[i];
		const uintptr_t speaks[] = {entry->kind, entry->policy, (uintptr_t)entry->rule};

		if (entry->rule == NULL || (entry->rule->direction == direction &&
					    rule_admits(area, entry->rule, protocol, detail)))
			key = number_mix(key, speaks, sizeof(speaks));
	}
	return key;
}

/* The first address of a range, or one that is known from documents (RFC 5737, 3849) if it has one. */
static unsigned __int128 range_example(uint8_t family, const struct area_range *range)
{
	static const uint8_t four[][16] = {{203, 0, 113, 1}, {192, 0, 2, 1}};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	bool is_v6 = family == SEKISHO_IPV6;

	for (unsigned i = 0; i < (is_v6 ? 1u : 2u); i++) {
		unsigned __int128 known = areas_number(family, is_v6 ? six : four[i]);

		if (range->first <= known && known <= range->last)
			return known;
	}
	return range->first;
}

bool areas_example(const struct area *area, unsigned __int128 *local, unsigned __int128 *peer)
{
	*local = range_example(area->family, &area->locals[0]);
	*peer = range_example(area->family, &area->peers);
	if (*local != *peer)
		return true;
	if (area->peers.first != area->peers.last)
		*peer = *peer == area->peers.first ? *peer + 1 : area->peers.first;
	else if (area->locals[0].first != area->locals[0].last)
		*local = *local == area->locals[0].first ? *local + 1 : area->locals[0].first;
	else if (area->local_count > 1)
		*local = area->locals[1].first;
	else
		return false;
	return true;
}
