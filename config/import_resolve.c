/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_resolve.c: from what was gathered to what is written. Names first, since all order comes from
 * them; then endpoints, whose addresses must not overlap; then the rules of each group.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "builder.h"
#include "import_model.h"
#include "names.h"

static const struct remark_place nowhere;

/* ---- names ------------------------------------------------------------------------------------ */

/*
 * A policy's names have neither blanks nor '/', and do not look like a network ACL's rule; blanks at
 * the end do not count (AWS-114).
 */
static char *name_clean(struct import *import, const char *given)
{
	char *name = import_print(import, "%s", given);
	size_t length = name != NULL ? strlen(name) : 0;

	while (length > 0 && name[length - 1] == ' ')
		name[--length] = '\0';
	for (size_t i = 0; i < length; i++) {
		if (name[i] == ' ' || name[i] == '/' || iscntrl((unsigned char)name[i]))
			name[i] = '-';
	}
	if (name != NULL && strncmp(name, POLICY_ACL_PREFIX, sizeof(POLICY_ACL_PREFIX) - 1) == 0)
		name[sizeof(POLICY_ACL_PREFIX) - 2] = '-';
	return name;
}

/* The id, or what stands for it; as a name. */
static char *name_of_key(struct import *import, const struct import_thing *thing)
{
	char *name = name_clean(import, thing->id != NULL ? thing->id : thing->key);

	return name == NULL || name[0] != '\0' ? name : import_print(import, "unnamed");
}

static char *name_initial(struct import *import, const struct import_thing *thing)
{
	char *name = thing->given != NULL ? name_clean(import, thing->given) : NULL;

	return name != NULL && name[0] != '\0' ? name : name_of_key(import, thing);
}

/* How often a name is in `names` so far; one more from now on. */
static json_int_t name_count(struct import *import, json_t *names, const char *name)
{
	json_int_t before = json_integer_value(json_object_get(names, name));

	if (json_object_set_new(names, name, json_integer(before + 1)) != 0)
		import->no_memory = true;
	return before;
}

static void name_settle(struct import *import, struct import_thing *thing, json_t *wanted,
			json_t *taken)
{
	const char *initial = thing->name;
	bool shared = json_integer_value(json_object_get(wanted, initial)) > 1;
	const char *name = initial;

	if (shared) {
		const char *key = name_of_key(import, thing);

		name = import_print(import, "%s.%s", initial, key != NULL ? key : "");
	}
	while (name != NULL && name_count(import, taken, name) > 0)
		name = import_print(import, "%s.2", name);
	thing->name = name != NULL ? name : "";
	if (thing->given != NULL && thing->given[0] != '\0' &&
	    strcmp(thing->given, thing->name) != 0)
		import_remark(import, REMARK_NOTE, thing->place,
			      "'%s' is named '%s' in the policy: %s", thing->given, thing->name,
			      shared || name != initial
				      ? "several would have the same name"
				      : "names there have neither blanks nor '/'");
}

static int thing_by_key(const void *a, const void *b)
{
	const struct import_thing *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static int thing_by_name(const void *a, const void *b)
{
	const struct import_thing *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Name and sort things of one kind. A pointer to one is a pointer to its struct import_thing. */
static void things_name(struct import *import, void *items, size_t count)
{
	struct import_thing **things = items;
	json_t *wanted = json_object(), *taken = json_object();

	if (wanted == NULL || taken == NULL)
		import->no_memory = true;
	if (count > 0)
		qsort(things, count, sizeof(*things), thing_by_key);
	for (size_t i = 0; i < count && !import->no_memory; i++) {
		things[i]->name = name_initial(import, things[i]);
		if (things[i]->name != NULL)
			name_count(import, wanted, things[i]->name);
	}
	for (size_t i = 0; i < count && !import->no_memory; i++)
		name_settle(import, things[i], wanted, taken);
	if (count > 0 && !import->no_memory)
		qsort(things, count, sizeof(*things), thing_by_name);
	json_decref(wanted);
	json_decref(taken);
}

/* ---- references that go nowhere --------------------------------------------------------------- */

static void tell_unknown(struct import *import)
{
	for (size_t i = 0; i < import->groups.count; i++) {
		const struct import_group *group = import->groups.items[i];

		if (!group->thing.known)
			import_remark(import, REMARK_NOTE, group->thing.place,
				      "group '%s' is not described in the files: it has %s in the "
				      "policy, and stands for the endpoints that carry it there",
				      group->thing.key,
				      group->rules.count > 0 ? "only the rules that were met"
							     : "no rules");
	}
	for (size_t i = 0; i < import->lists.count; i++) {
		const struct import_thing *thing = &import->lists.items[i]->thing;

		if (!thing->known)
			import_remark(import, REMARK_NOTE, thing->place,
				      "the entries of prefix list '%s' are not in the files: it is "
				      "empty in the policy, and matches nothing",
				      thing->key);
	}
	for (size_t i = 0; i < import->acls.count; i++) {
		const struct import_thing *thing = &import->acls.items[i]->thing;

		if (!thing->known)
			import_remark(import, REMARK_NOTE, thing->place,
				      "network ACL '%s' is not described in the files: it has only "
				      "the entries that were met, and denies the rest",
				      thing->key);
	}
}

/* ---- endpoints -------------------------------------------------------------------------------- */

struct owned_block {
	struct sekisho_prefix prefix;
	struct import_endpoint *owner;
};

static int prefix_order(const struct sekisho_prefix *a, const struct sekisho_prefix *b)
{
	int order = a->family - b->family;

	if (order == 0)
		order = memcmp(a->address, b->address, sizeof(a->address));
	return order != 0 ? order : a->length - b->length;
}

static int block_order(const void *a, const void *b)
{
	const struct owned_block *x = a, *y = b;
	int order = prefix_order(&x->prefix, &y->prefix);

	return order != 0 ? order : strcmp(x->owner->thing.key, y->owner->thing.key);
}

/* Whether `outer` holds all of `inner`, which comes after it in order. */
static bool block_holds(const struct sekisho_prefix *outer, const struct sekisho_prefix *inner)
{
	unsigned whole = outer->length / 8, rest = outer->length % 8;

	if (outer->family != inner->family || outer->length > inner->length ||
	    memcmp(outer->address, inner->address, whole) != 0)
		return false;
	return rest == 0 || ((outer->address[whole] ^ inner->address[whole]) >> (8 - rest)) == 0;
}

/* Give the sorted blocks back to their owners, each address to one only. */
static void blocks_deal(struct import *import, const struct owned_block *blocks, size_t count)
{
	const struct owned_block *last = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct owned_block *block = &blocks[i];
		struct import_endpoint *owner = block->owner;
		char text[ADDRESS_TEXT_SIZE];

		if (i > 0 && block_order(block, block - 1) == 0)
			continue; /* told twice by one interface */
		if (last == NULL || !block_holds(&last->prefix, &block->prefix)) {
			owner->addresses.items[owner->addresses.count++] = block->prefix;
			last = block;
		} else if (last->owner != owner) {
			address_print(&block->prefix, text);
			import_remark(
				import, REMARK_LEFT_OUT, owner->thing.place,
				"address %s of '%s': '%s' has it too, and a policy knows one of "
				"each; import each VPC by itself",
				text, owner->thing.name, last->owner->thing.name);
		}
	}
}

static void endpoints_part(struct import *import)
{
	struct owned_block *blocks;
	size_t count = 0, at = 0;

	for (size_t e = 0; e < import->endpoints.count; e++)
		count += import->endpoints.items[e]->addresses.count;
	blocks = import_own(import, (count + 1) * sizeof(*blocks));
	if (blocks == NULL)
		return;
	for (size_t e = 0; e < import->endpoints.count; e++) {
		struct import_endpoint *endpoint = import->endpoints.items[e];

		for (size_t a = 0; a < endpoint->addresses.count; a++)
			blocks[at++] = (struct owned_block){endpoint->addresses.items[a], endpoint};
		endpoint->addresses.count = 0;
	}
	qsort(blocks, count, sizeof(*blocks), block_order);
	blocks_deal(import, blocks, count);
}

static void endpoint_sort_groups(struct import_endpoint *endpoint)
{
	size_t kept = 0;

	if (endpoint->groups.count > 0)
		qsort(endpoint->groups.items, endpoint->groups.count,
		      sizeof(*endpoint->groups.items), thing_by_name);
	for (size_t g = 0; g < endpoint->groups.count; g++) {
		if (g == 0 || endpoint->groups.items[g] != endpoint->groups.items[kept - 1])
			endpoint->groups.items[kept++] = endpoint->groups.items[g];
	}
	endpoint->groups.count = kept;
}

/* Keep the endpoints that `is_usable` and tell the others. */
static void endpoints_keep(struct import *import,
			   bool (*is_usable)(const struct import_endpoint *endpoint),
			   const char *why)
{
	size_t kept = 0;

	for (size_t e = 0; e < import->endpoints.count; e++) {
		struct import_endpoint *endpoint = import->endpoints.items[e];

		if (is_usable(endpoint))
			import->endpoints.items[kept++] = endpoint;
		else
			import_remark(import, REMARK_LEFT_OUT, endpoint->thing.place,
				      "interface '%s' %s", endpoint->thing.name, why);
	}
	import->endpoints.count = kept;
}

static bool has_groups(const struct import_endpoint *endpoint)
{
	return endpoint->groups.count > 0;
}

static bool has_addresses(const struct import_endpoint *endpoint)
{
	return endpoint->addresses.count > 0;
}

/* ---- rules ------------------------------------------------------------------------------------ */

static int number_order(long a, long b)
{
	return (a > b) - (a < b);
}

static int traffic_order(const struct import_traffic *a, const struct import_traffic *b)
{
	/* ingress first: that is how people list them */
	int order = number_order(b->direction, a->direction);

	if (order == 0)
		order = number_order(a->protocol, b->protocol);
	if (order == 0)
		order = number_order(a->first, b->first);
	return order != 0 ? order : number_order(a->last, b->last);
}

static int peer_order(const struct import_peer *a, const struct import_peer *b)
{
	int order = number_order(a->kind, b->kind);

	if (order != 0)
		return order;
	switch (a->kind) {
	case IMPORT_PEER_PREFIX:
		return prefix_order(&a->prefix, &b->prefix);
	case IMPORT_PEER_GROUP:
		return strcmp(a->group->thing.name, b->group->thing.name);
	case IMPORT_PEER_LIST:
		return strcmp(a->list->thing.name, b->list->thing.name);
	}
	return 0;
}

/* Equal in what they admit: side by side, the one with most to tell first. */
static int rule_by_meaning(const void *a, const void *b)
{
	const struct import_rule *x = a, *y = b;
	int order = traffic_order(&x->traffic, &y->traffic);

	if (order == 0)
		order = peer_order(&x->peer, &y->peer);
	if (order == 0)
		order = (x->id == NULL) - (y->id == NULL);
	if (order == 0)
		order = (x->description[0] == '\0') - (y->description[0] == '\0');
	if (order == 0)
		order = strcmp(x->description, y->description);
	return order != 0 || x->id == NULL ? order : strcmp(x->id, y->id);
}

/* Rules that one line can say side by side; peers in order within it. */
static int rule_by_line(const void *a, const void *b)
{
	const struct import_rule *x = a, *y = b;
	int order = traffic_order(&x->traffic, &y->traffic);

	if (order == 0)
		order = strcmp(x->description, y->description);
	if (order == 0)
		order = (x->id != NULL) - (y->id != NULL);
	return order != 0 ? order : peer_order(&x->peer, &y->peer);
}

bool import_rule_joins(const struct import_rule *a, const struct import_rule *b)
{
	return a->id == NULL && b->id == NULL && traffic_order(&a->traffic, &b->traffic) == 0 &&
	       strcmp(a->description, b->description) == 0;
}

/* Of rules that admit the same one is kept, with the id and the description that there are. */
static void rules_unite(struct import *import, struct import_group *group)
{
	size_t kept = 0;

	for (size_t r = 0; r < group->rules.count; r++) {
		struct import_rule *rule = &group->rules.items[r];
		struct import_rule *last = kept > 0 ? &group->rules.items[kept - 1] : NULL;

		if (last == NULL || traffic_order(&last->traffic, &rule->traffic) != 0 ||
		    peer_order(&last->peer, &rule->peer) != 0) {
			group->rules.items[kept++] = *rule;
			continue;
		}
		if (last->description[0] == '\0')
			last->description = rule->description;
		else if (rule->description[0] != '\0' &&
			 strcmp(last->description, rule->description) != 0)
			import_remark(
				import, REMARK_NOTE, rule->place,
				"the same rule is here a second time; of its two descriptions "
				"'%s' is not kept",
				rule->description);
	}
	group->rules.count = kept;
}

/* An id is good for one rule of its group, and has the letters that a policy allows. */
static void rules_check_ids(struct import *import, struct import_group *group)
{
	json_t *taken = json_object();

	for (size_t r = 0; r < group->rules.count; r++) {
		struct import_rule *rule = &group->rules.items[r];

		if (rule->id == NULL)
			continue;
		if (rule->id[0] != '\0' && strpbrk(rule->id, "/ \t") == NULL &&
		    names_is_printable(rule->id) && name_count(import, taken, rule->id) == 0)
			continue;
		import_remark(
			import, REMARK_NOTE, rule->place,
			"rule id '%s' is not kept: ids have neither blanks nor '/' nor control "
			"characters, and each is there once",
			rule->id);
		rule->id = NULL;
	}
	json_decref(taken);
}

static void group_settle(struct import *import, struct import_group *group)
{
	if (group->rules.count == 0)
		return;
	qsort(group->rules.items, group->rules.count, sizeof(*group->rules.items), rule_by_meaning);
	rules_unite(import, group);
	rules_check_ids(import, group);
	qsort(group->rules.items, group->rules.count, sizeof(*group->rules.items), rule_by_line);
}

/* ---- network ACLs ----------------------------------------------------------------------------- */

static int acl_entry_order(const void *a, const void *b)
{
	const struct import_acl_entry *x = a, *y = b;
	int order = number_order(y->traffic.direction, x->traffic.direction);

	if (order == 0)
		order = number_order(x->number, y->number);
	if (order == 0)
		order = traffic_order(&x->traffic, &y->traffic);
	if (order == 0)
		order = prefix_order(&x->peer, &y->peer);
	return order != 0 ? order : number_order(x->deny, y->deny);
}

/* Sort by number; an entry that was told twice is one, but two with one number are not. */
static void acl_unite(struct import *import, struct import_acl *acl)
{
	size_t kept = 0;

	if (acl->entries.count > 0)
		qsort(acl->entries.items, acl->entries.count, sizeof(*acl->entries.items),
		      acl_entry_order);
	for (size_t e = 0; e < acl->entries.count; e++) {
		const struct import_acl_entry *entry = &acl->entries.items[e];
		const struct import_acl_entry *last =
			kept > 0 ? &acl->entries.items[kept - 1] : NULL;

		if (last != NULL && acl_entry_order(last, entry) == 0)
			continue;
		if (last != NULL && last->number == entry->number &&
		    last->traffic.direction == entry->traffic.direction)
			import_remark(import, REMARK_ERROR, entry->place,
				      "network ACL '%s' has two different entries %u, %s",
				      acl->thing.name, entry->number,
				      sekisho_direction_word(entry->traffic.direction));
		acl->entries.items[kept++] = *entry;
	}
	acl->entries.count = kept;
}

/* AWS does not judge what stays in a subnet (AWS-130). Of one subnet a policy can say so. */
static void acls_find_subnets(struct import *import)
{
	for (size_t s = 0; s < import->subnets.count; s++) {
		const struct import_subnet *subnet = import->subnets.items[s];

		if (subnet->acl == NULL)
			continue;
		subnet->acl->subnet = subnet->acl->subnets++ == 0 ? subnet : NULL;
	}
	for (size_t a = 0; a < import->acls.count; a++) {
		const struct import_acl *acl = import->acls.items[a];

		if (acl->endpoints.count == 0 ||
		    (acl->subnet != NULL && acl->subnet->blocks.count > 0))
			continue;
		import_remark(import, REMARK_NOTE, acl->thing.place,
			      "network ACL '%s' judges what stays within a subnet too, as AWS does "
			      "not (AWS-130): %s",
			      acl->thing.name,
			      acl->subnet != NULL
				      ? "the subnet's blocks are not in the files, which "
					"describe-subnets has"
				      : "it serves several");
	}
}

static void acls_settle(struct import *import)
{
	for (size_t e = 0; e < import->endpoints.count; e++) {
		struct import_endpoint *endpoint = import->endpoints.items[e], **slot;
		struct import_acl *acl = endpoint->subnet != NULL ? endpoint->subnet->acl : NULL;

		slot = acl != NULL ? IMPORT_ADD(import, &acl->endpoints) : NULL;
		if (slot != NULL)
			*slot = endpoint;
	}
	acls_find_subnets(import);
	for (size_t a = 0; a < import->acls.count; a++)
		acl_unite(import, import->acls.items[a]);
}

/* ---- the whole -------------------------------------------------------------------------------- */

static int subnet_block_order(const void *a, const void *b)
{
	return prefix_order(a, b);
}

static void subnet_sort(struct import_subnet *subnet)
{
	size_t kept = 0;

	if (subnet->blocks.count > 0)
		qsort(subnet->blocks.items, subnet->blocks.count, sizeof(*subnet->blocks.items),
		      subnet_block_order);
	for (size_t b = 0; b < subnet->blocks.count; b++) {
		if (b == 0 ||
		    prefix_order(&subnet->blocks.items[b], &subnet->blocks.items[kept - 1]) != 0)
			subnet->blocks.items[kept++] = subnet->blocks.items[b];
	}
	subnet->blocks.count = kept;
}

static int entry_order(const void *a, const void *b)
{
	const struct import_entry *x = a, *y = b;

	return prefix_order(&x->prefix, &y->prefix);
}

void import_resolve(struct import *import)
{
	things_name(import, import->groups.items, import->groups.count);
	things_name(import, import->lists.items, import->lists.count);
	things_name(import, import->endpoints.items, import->endpoints.count);
	things_name(import, import->acls.items, import->acls.count);
	if (import->no_memory)
		return;
	tell_unknown(import);
	endpoints_keep(
		import, has_groups,
		"carries no group: AWS filters it by none, and a policy has no such endpoint");
	endpoints_part(import);
	endpoints_keep(import, has_addresses, "has no address left");
	if (import->endpoints.count == 0)
		import_remark(
			import, REMARK_NOTE, nowhere,
			"no network interfaces are in the files, so the policy has no endpoints "
			"yet: write them, or give the output of describe-network-interfaces too");
	for (size_t e = 0; e < import->endpoints.count; e++)
		endpoint_sort_groups(import->endpoints.items[e]);
	acls_settle(import);
	for (size_t s = 0; s < import->subnets.count; s++)
		subnet_sort(import->subnets.items[s]);
	for (size_t g = 0; g < import->groups.count; g++)
		group_settle(import, import->groups.items[g]);
	for (size_t l = 0; l < import->lists.count; l++) {
		struct import_list *list = import->lists.items[l];

		if (list->entries.count > 0)
			qsort(list->entries.items, list->entries.count,
			      sizeof(*list->entries.items), entry_order);
	}
}
