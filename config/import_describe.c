/* SPDX-License-Identifier: BSD-3-Clause */
/* import_describe.c: see import_describe.h. */
#include "import_describe.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "import_acl.h"

/* ---- shared with Terraform's shapes ----------------------------------------------------------- */

bool describe_is_block(const char *text, uint8_t family, struct sekisho_prefix *block)
{
	return address_parse(text, block) && (family == 0 || block->family == family);
}

bool describe_block(const struct node *place, const char *text, uint8_t family,
		    struct sekisho_prefix *block)
{
	if (describe_is_block(text, family, block))
		return true;
	NODE_REMARK(place, REMARK_LEFT_OUT, "'%s' is no block of %s addresses", text,
		    family == 0              ? "IP"
		    : family == SEKISHO_IPV4 ? "IPv4"
					     : "IPv6");
	return false;
}

void describe_add_rule(struct import *import, struct import_group *group,
		       const struct import_rule *rule)
{
	struct import_rule *slot = IMPORT_ADD(import, &group->rules);

	if (slot == NULL)
		return;
	*slot = *rule;
	if (slot->description == NULL)
		slot->description = "";
}

void describe_address(const struct node *place, struct import_endpoint *endpoint, const char *text)
{
	struct sekisho_prefix block, *slot;

	if (!describe_block(place, text, 0, &block))
		return;
	slot = IMPORT_ADD(place->import, &endpoint->addresses);
	if (slot != NULL)
		*slot = block;
}

void describe_attach(const struct node *place, struct import_endpoint *endpoint, const char *key)
{
	struct import_group *group = import_group(place->import, key, node_place(place));
	struct import_group **slot =
		group != NULL ? IMPORT_ADD(place->import, &endpoint->groups) : NULL;

	if (slot != NULL)
		*slot = group;
}

/* ---- groups ----------------------------------------------------------------------------------- */

/* The four kinds of peers of a permission (AWS-171). */
struct peer_shape {
	const char *list; /* in a permission */
	const char *key;  /* in the list's entries */
	const char *flat; /* in a rule of SecurityGroupRules (AWS-176) */
	enum import_peer_kind kind;
	uint8_t family;
};

static const struct peer_shape peer_shapes[] = {
	{"IpRanges", "CidrIp", "CidrIpv4", IMPORT_PEER_PREFIX, SEKISHO_IPV4},
	{"Ipv6Ranges", "CidrIpv6", "CidrIpv6", IMPORT_PEER_PREFIX, SEKISHO_IPV6},
	{"PrefixListIds", "PrefixListId", "PrefixListId", IMPORT_PEER_LIST, 0},
	{"UserIdGroupPairs", "GroupId", "ReferencedGroupInfo", IMPORT_PEER_GROUP, 0},
};
#define PEER_SHAPES (sizeof(peer_shapes) / sizeof(peer_shapes[0]))

/* The group that a pair refers to; NULL (told) when it cannot be said or is stale (AWS-110). */
static struct import_group *pair_group(const struct node *pair)
{
	const char *id = node_text(pair, "GroupId");
	const char *name = node_text(pair, "GroupName");
	const char *status = node_text(pair, "PeeringStatus");
	struct import_group *group;

	if (id == NULL) {
		NODE_REMARK(pair, REMARK_LEFT_OUT, "the group is given without its id%s%s%s",
			    name ? ", as '" : "", name ? name : "", name ? "'" : "");
		return NULL;
	}
	if (status != NULL && strcmp(status, "active") != 0) {
		NODE_REMARK(pair, REMARK_LEFT_OUT,
			    "the peering of group '%s' is '%s': a stale reference matches nothing "
			    "(AWS-110)",
			    id, status);
		return NULL;
	}
	group = import_group(pair->import, id, node_place(pair));
	if (group != NULL && group->thing.given == NULL)
		group->thing.given = name;
	return group;
}

/* Read a peer: `text` is a block or a list's id, `pair` an object. False: told and left out. */
static bool peer_read(const struct node *place, const struct peer_shape *shape, const char *text,
		      struct import_peer *peer)
{
	peer->kind = shape->kind;
	switch (shape->kind) {
	case IMPORT_PEER_PREFIX:
		return describe_block(place, text, shape->family, &peer->prefix);
	case IMPORT_PEER_LIST:
		peer->list = import_list(place->import, text, node_place(place));
		return peer->list != NULL;
	case IMPORT_PEER_GROUP:
		peer->group = pair_group(place);
		return peer->group != NULL;
	}
	return false;
}

/* Protocol and ports of a permission or rule. False: told and left out. */
static bool traffic_read(const struct node *rule, struct import_traffic *traffic)
{
	struct import_traffic_text text = {.protocol = node_need_text(rule, "IpProtocol")};
	const char *why;
	long from, to;

	if (node_number(rule, "FromPort", &from))
		text.from = &from;
	if (node_number(rule, "ToPort", &to))
		text.to = &to;
	if (text.protocol == NULL)
		return false;
	why = import_traffic_parse(traffic, &text);
	if (why != NULL)
		NODE_REMARK(rule, REMARK_LEFT_OUT, "protocol '%s': %s", text.protocol, why);
	return why == NULL;
}

/* One IpPermission: several rules that share protocol and ports (AWS-172). */
static void permission_read(const struct node *permission, struct import_group *group,
			    enum sekisho_direction direction)
{
	struct import_traffic traffic = {.direction = direction};
	size_t peers = 0;

	if (!node_is_object(permission) || !traffic_read(permission, &traffic))
		return;
	for (size_t s = 0; s < PEER_SHAPES; s++) {
		const struct peer_shape *shape = &peer_shapes[s];
		struct node list = node_member(permission, shape->list);

		peers += node_length(&list);
		for (size_t i = 0; i < node_length(&list); i++) {
			struct node entry = node_entry(&list, i);
			struct import_rule rule = {.traffic = traffic};
			const char *text = NULL;

			if (!node_is_object(&entry))
				continue;
			if (shape->kind != IMPORT_PEER_GROUP) {
				text = node_need_text(&entry, shape->key);
				if (text == NULL)
					continue;
			}
			rule.description = node_text(&entry, "Description");
			rule.place = node_place(&entry);
			if (peer_read(&entry, shape, text, &rule.peer))
				describe_add_rule(entry.import, group, &rule);
		}
	}
	if (peers == 0)
		NODE_REMARK(permission, REMARK_LEFT_OUT, "a rule without a peer matches nothing");
}

void describe_group(const struct node *entry)
{
	static const struct {
		const char *key;
		enum sekisho_direction direction;
	} permissions[] = {{"IpPermissions", SEKISHO_INGRESS},
			   {"IpPermissionsEgress", SEKISHO_EGRESS}};
	struct import_group *group;
	const char *id;

	if (!node_is_object(entry))
		return;
	id = node_need_text(entry, "GroupId");
	group = id != NULL ? import_group(entry->import, id, node_place(entry)) : NULL;
	if (group == NULL)
		return;
	if (group->thing.known)
		NODE_REMARK(entry, REMARK_NOTE,
			    "group '%s' is here a second time; the rules of both are taken", id);
	group->thing.known = true;
	group->thing.id = id;
	group->thing.place = node_place(entry);
	group->thing.given = node_text(entry, "GroupName");
	group->thing.description = node_text(entry, "Description");
	for (size_t p = 0; p < 2; p++) {
		struct node list = node_member(entry, permissions[p].key);

		for (size_t i = 0; i < node_length(&list); i++) {
			struct node permission = node_entry(&list, i);

			permission_read(&permission, group, permissions[p].direction);
		}
	}
}

/* ---- flat rules ------------------------------------------------------------------------------- */

/* The one peer of a flat rule; NULL (told) if there is none or more than one. */
static const struct peer_shape *flat_shape(const struct node *rule)
{
	const struct peer_shape *found = NULL;

	for (size_t s = 0; s < PEER_SHAPES; s++) {
		struct node peer = node_member(rule, peer_shapes[s].flat);

		if (peer.value == NULL)
			continue;
		if (found != NULL) {
			NODE_REMARK(rule, REMARK_ERROR, "has both %s and %s: one peer is allowed",
				    found->flat, peer_shapes[s].flat);
			return NULL;
		}
		found = &peer_shapes[s];
	}
	if (found == NULL)
		NODE_REMARK(rule, REMARK_ERROR,
			    "has no peer: one of CidrIpv4, CidrIpv6, PrefixListId and "
			    "ReferencedGroupInfo is needed");
	return found;
}

void describe_group_rule(const struct node *entry)
{
	struct import_rule rule = {0};
	const struct peer_shape *shape;
	struct import_group *group;
	const char *id, *text = NULL;
	struct node peer;
	bool egress;

	if (!node_is_object(entry))
		return;
	id = node_need_text(entry, "GroupId");
	shape = flat_shape(entry);
	if (!node_need_flag(entry, "IsEgress", &egress))
		return;
	rule.traffic.direction = egress ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	if (id == NULL || shape == NULL || !traffic_read(entry, &rule.traffic))
		return;
	peer = node_member(entry, shape->flat);
	if (shape->kind == IMPORT_PEER_GROUP ? !node_is_object(&peer)
					     : (text = node_entry_text(&peer)) == NULL)
		return;
	rule.id = node_text(entry, "SecurityGroupRuleId");
	rule.description = node_text(entry, "Description");
	rule.place = node_place(entry);
	if (!peer_read(&peer, shape, text, &rule.peer))
		return;
	group = import_group(entry->import, id, node_place(entry));
	if (group == NULL)
		return;
	group->thing.known = true;
	group->thing.id = id;
	describe_add_rule(entry->import, group, &rule);
}

/* ---- interfaces ------------------------------------------------------------------------------- */

/* Where addresses stand in an interface: alone, or in a list of objects. */
static const struct {
	const char *list, *key;
} address_shapes[] = {
	{"PrivateIpAddresses", "PrivateIpAddress"},
	{"Ipv6Addresses", "Ipv6Address"},
	{"Ipv4Prefixes", "Ipv4Prefix"},
	{"Ipv6Prefixes", "Ipv6Prefix"},
};

/* Interfaces whose flows are always tracked (AWS-20). */
static bool is_auto_tracked(const char *type)
{
	static const char *const types[] = {
		"natGateway",   "nat_gateway", "network_load_balancer",
		"vpc_endpoint", "lambda",      "global_accelerator_managed"};

	for (size_t i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

static void interface_addresses(const struct node *entry, struct import_endpoint *endpoint)
{
	const char *only = node_text(entry, "PrivateIpAddress");

	if (only != NULL)
		describe_address(entry, endpoint, only);
	for (size_t s = 0; s < sizeof(address_shapes) / sizeof(address_shapes[0]); s++) {
		struct node list = node_member(entry, address_shapes[s].list);

		for (size_t i = 0; i < node_length(&list); i++) {
			struct node one = node_entry(&list, i), association;
			const char *text;

			if (!node_is_object(&one))
				continue;
			text = node_need_text(&one, address_shapes[s].key);
			if (text != NULL)
				describe_address(&one, endpoint, text);
			association = node_member(&one, "Association");
			text = node_text(&association, "PublicIp");
			if (text != NULL)
				NODE_REMARK(&association, REMARK_LEFT_OUT,
					    "public address %s: groups see private addresses only "
					    "(AWS-108)",
					    text);
		}
	}
}

static void interface_timers(const struct node *entry, struct import_endpoint *endpoint)
{
	static const struct {
		const char *key;
		enum import_timer timer;
		enum sekisho_timeout bounds;
	} timers[] = {
		{"TcpEstablishedTimeout", IMPORT_TCP_ESTABLISHED, SEKISHO_TIMEOUT_TCP_ESTABLISHED},
		{"UdpTimeout", IMPORT_UDP, SEKISHO_TIMEOUT_UDP},
		{"UdpStreamTimeout", IMPORT_UDP_STREAM, SEKISHO_TIMEOUT_UDP_STREAM},
	};
	struct node tracking = node_member(entry, "ConnectionTrackingConfiguration");

	if (tracking.value == NULL || !node_is_object(&tracking))
		return;
	for (size_t t = 0; t < sizeof(timers) / sizeof(timers[0]); t++) {
		const struct sekisho_timeout_info *info = &sekisho_timeouts[timers[t].bounds];
		long seconds;

		if (!node_number(&tracking, timers[t].key, &seconds))
			continue;
		if (seconds >= (long)info->min && seconds <= (long)info->max)
			endpoint->seconds[timers[t].timer] = seconds;
		else
			NODE_REMARK(&tracking, REMARK_LEFT_OUT,
				    "%s of %ld s is out of bounds: %u..%u", timers[t].key, seconds,
				    info->min, info->max);
	}
}

const char *describe_name_tag(const struct node *entry, const char *member)
{
	struct node tags = node_member(entry, member);

	for (size_t i = 0; i < node_length(&tags); i++) {
		struct node tag = node_entry(&tags, i);
		const char *key = node_is_object(&tag) ? node_text(&tag, "Key") : NULL;

		if (key != NULL && strcmp(key, "Name") == 0)
			return node_text(&tag, "Value");
	}
	return NULL;
}

void describe_interface(const struct node *entry)
{
	struct node groups = node_member(entry, "Groups");
	struct import_endpoint *endpoint;
	const char *id;

	if (!node_is_object(entry))
		return;
	id = node_need_text(entry, "NetworkInterfaceId");
	endpoint = id != NULL ? import_endpoint(entry->import, id, node_place(entry)) : NULL;
	if (endpoint == NULL)
		return;
	endpoint->thing.known = true;
	endpoint->thing.id = id;
	endpoint->thing.given = describe_name_tag(entry, "TagSet");
	endpoint->auto_tracked = is_auto_tracked(node_text(entry, "InterfaceType"));
	acl_place_endpoint(entry, endpoint, node_text(entry, "SubnetId"));
	interface_addresses(entry, endpoint);
	interface_timers(entry, endpoint);
	for (size_t i = 0; i < node_length(&groups); i++) {
		struct node group = node_entry(&groups, i);
		const char *key = node_is_object(&group) ? node_need_text(&group, "GroupId") : NULL;

		if (key != NULL)
			describe_attach(&group, endpoint, key);
	}
}

/* ---- prefix lists ----------------------------------------------------------------------------- */

void describe_add_entry(const struct node *place, struct import_list *list, const char *text,
			const char *description)
{
	struct import_entry *slot;
	struct sekisho_prefix block;

	list->thing.known = true;
	if (!describe_block(place, text, 0, &block))
		return;
	slot = IMPORT_ADD(place->import, &list->entries);
	if (slot != NULL)
		*slot = (struct import_entry){block, description};
}

void describe_list(const struct node *entry)
{
	struct import_list *list;
	struct node blocks = node_member(entry, "Cidrs");
	const char *id;

	if (!node_is_object(entry))
		return;
	id = node_need_text(entry, "PrefixListId");
	list = id != NULL ? import_list(entry->import, id, node_place(entry)) : NULL;
	if (list == NULL)
		return;
	list->thing.id = id;
	list->thing.given = node_text(entry, "PrefixListName");
	list->thing.known |= blocks.value != NULL;
	for (size_t i = 0; i < node_length(&blocks); i++) {
		struct node block = node_entry(&blocks, i);
		const char *text = node_entry_text(&block);

		if (text != NULL)
			describe_add_entry(&block, list, text, NULL);
	}
}

void describe_list_entry(const struct node *entry)
{
	const char *id = entry->import->source_list, *text;
	struct import_list *list;

	if (!node_is_object(entry))
		return;
	text = node_need_text(entry, "Cidr");
	list = text != NULL ? import_list(entry->import, id, node_place(entry)) : NULL;
	if (list == NULL)
		return;
	list->thing.id = id;
	describe_add_entry(entry, list, text, node_text(entry, "Description"));
}
