/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_terraform.c: one function a kind of resource. Members have other names than in AWS's own JSON
 * and the kinds differ in them, so that each kind of rule says by a table where its peers stand.
 */
#include "import_terraform.h"

#include <stdio.h>
#include <string.h>

#include "import_acl.h"
#include "import_describe.h"

/* ---- rules ------------------------------------------------------------------------------------ */

/* Rules in the making: all that the peers of one block or resource share. */
struct rule_block {
	const struct plan_resource *resource;
	struct node node; /* of the block, or the resource's values */
	struct import_group *group;
	struct import_rule rule; /* but for the peer */
};

/* Protocol and ports; false: told and left out. */
static bool traffic_read(struct rule_block *block, const char *protocol)
{
	struct import_traffic_text text = {.protocol = node_need_text(&block->node, protocol)};
	const char *why;
	long from, to;

	if (node_number(&block->node, "from_port", &from))
		text.from = &from;
	if (node_number(&block->node, "to_port", &to))
		text.to = &to;
	if (text.protocol == NULL)
		return false;
	why = import_traffic_parse(&block->rule.traffic, &text);
	if (why != NULL)
		NODE_REMARK(&block->node, REMARK_LEFT_OUT, "protocol '%s': %s", text.protocol, why);
	return why == NULL;
}

static void add_prefix(const struct rule_block *block, const struct node *place, const char *text,
		       uint8_t family)
{
	struct import_rule rule = block->rule;

	rule.place = node_place(place);
	rule.peer.kind = IMPORT_PEER_PREFIX;
	if (describe_block(place, text, family, &rule.peer.prefix))
		describe_add_rule(place->import, block->group, &rule);
}

static void add_group(const struct node *place, const char *key, void *context)
{
	const struct rule_block *block = context;
	struct import_rule rule = block->rule;

	rule.place = node_place(place);
	rule.peer.kind = IMPORT_PEER_GROUP;
	rule.peer.group = import_group(place->import, key, rule.place);
	if (rule.peer.group != NULL)
		describe_add_rule(place->import, block->group, &rule);
}

static void add_list(const struct node *place, const char *key, void *context)
{
	const struct rule_block *block = context;
	struct import_rule rule = block->rule;

	rule.place = node_place(place);
	rule.peer.kind = IMPORT_PEER_LIST;
	rule.peer.list = import_list(place->import, key, rule.place);
	if (rule.peer.list != NULL)
		describe_add_rule(place->import, block->group, &rule);
}

static void add_prefixes(struct rule_block *block, const char *member, uint8_t family)
{
	struct node list = node_member(&block->node, member);

	for (size_t i = 0; i < node_length(&list); i++) {
		struct node entry = node_entry(&list, i);
		const char *text = node_entry_text(&entry);

		if (text != NULL)
			add_prefix(block, &entry, text, family);
	}
}

static void add_self(struct rule_block *block)
{
	bool self = false;

	if (node_flag(&block->node, "self", &self) && self)
		add_group(&block->node, block->group->thing.key, block);
}

/* The group that a resource's rules go to; NULL (told) if that is not known. */
static struct import_group *rules_group(const struct plan_resource *resource)
{
	const char *key = plan_reference(resource, "security_group_id");

	return key != NULL
		       ? import_group(resource->values.import, key, node_place(&resource->values))
		       : NULL;
}

/* Whether a rule can be told without the members that are not known; if not, they are told. */
static bool is_told(const struct plan_resource *resource, const char *const *members)
{
	bool told = true;

	for (; *members != NULL; members++) {
		if (!plan_is_unknown(resource, *members))
			continue;
		plan_tell_unknown(resource, *members);
		told = false;
	}
	return told;
}

/* aws_security_group_rule */
static void take_rule(const struct plan_resource *resource)
{
	static const char *const members[] = {"type",    "protocol", "from_port",
					      "to_port", "self",     NULL};
	static const char *const peers[] = {"cidr_blocks", "ipv6_cidr_blocks", NULL};
	struct rule_block block = {.resource = resource, .node = resource->values};
	const char *type, *source;

	if (!is_told(resource, members))
		return;
	type = node_need_text(&block.node, "type");
	block.group = rules_group(resource);
	if (type == NULL || block.group == NULL)
		return;
	block.rule.traffic.direction =
		strcmp(type, "egress") == 0 ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	if (strcmp(type, "egress") != 0 && strcmp(type, "ingress") != 0) {
		NODE_REMARK(&block.node, REMARK_ERROR, "type is '%s', must be ingress or egress",
			    type);
		return;
	}
	if (!traffic_read(&block, "protocol"))
		return;
	block.rule.description = node_text(&block.node, "description");
	is_told(resource, peers);
	add_prefixes(&block, "cidr_blocks", SEKISHO_IPV4);
	add_prefixes(&block, "ipv6_cidr_blocks", SEKISHO_IPV6);
	add_self(&block);
	source = plan_reference(resource, "source_security_group_id");
	if (source != NULL)
		add_group(&block.node, source, &block);
	plan_references(resource, "prefix_list_ids", add_list, &block);
}

/* aws_vpc_security_group_ingress_rule and _egress_rule: one peer each */
static void take_vpc_rule(const struct plan_resource *resource)
{
	static const char *const members[] = {"ip_protocol", "from_port", "to_port",
					      "cidr_ipv4",   "cidr_ipv6", NULL};
	struct rule_block block = {.resource = resource, .node = resource->values};
	const char *text;

	if (!is_told(resource, members))
		return;
	block.group = rules_group(resource);
	block.rule.traffic.direction =
		strstr(resource->type, "egress") != NULL ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	if (block.group == NULL || !traffic_read(&block, "ip_protocol"))
		return;
	block.rule.description = node_text(&block.node, "description");
	block.rule.id = node_text(&block.node, "security_group_rule_id");
	text = node_text(&block.node, "cidr_ipv4");
	if (text != NULL)
		add_prefix(&block, &block.node, text, SEKISHO_IPV4);
	text = node_text(&block.node, "cidr_ipv6");
	if (text != NULL)
		add_prefix(&block, &block.node, text, SEKISHO_IPV6);
	text = plan_reference(resource, "referenced_security_group_id");
	if (text != NULL)
		add_group(&block.node, text, &block);
	text = plan_reference(resource, "prefix_list_id");
	if (text != NULL)
		add_list(&block.node, text, &block);
}

/* ---- groups ----------------------------------------------------------------------------------- */

static void add_named(struct rule_block *block, const char *member,
		      void (*add)(const struct node *place, const char *key, void *context))
{
	struct node list = node_member(&block->node, member);

	for (size_t i = 0; i < node_length(&list); i++) {
		struct node entry = node_entry(&list, i);
		const char *key = node_entry_text(&entry);

		if (key != NULL)
			add(&entry, plan_without_account(key), block);
	}
}

/* A block within a group. What it refers to cannot be found, for blocks have no place in the plan. */
static void take_block(struct rule_block *block, const json_t *unknown)
{
	static const char *const traffic[] = {"protocol", "from_port", "to_port"};
	const char *key;
	json_t *value;

	if (!node_is_object(&block->node))
		return;
	json_object_foreach((json_t *)unknown, key, value)
	{
		if (plan_has_unknown(value))
			NODE_REMARK(&block->node, REMARK_LEFT_OUT,
				    "%s is not known before the plan is applied", key);
	}
	for (size_t t = 0; t < 3; t++) {
		if (plan_has_unknown(json_object_get(unknown, traffic[t])))
			return;
	}
	if (!traffic_read(block, "protocol"))
		return;
	block->rule.description = node_text(&block->node, "description");
	add_prefixes(block, "cidr_blocks", SEKISHO_IPV4);
	add_prefixes(block, "ipv6_cidr_blocks", SEKISHO_IPV6);
	add_named(block, "security_groups", add_group);
	add_named(block, "prefix_list_ids", add_list);
	add_self(block);
}

static void take_blocks(const struct plan_resource *resource, struct import_group *group,
			enum sekisho_direction direction)
{
	const char *member = sekisho_direction_word(direction);
	struct node list = node_member(&resource->values, member);
	const json_t *unknown = json_object_get(resource->unknown, member);

	/* AWS-180: what the configuration is silent on is not there, though the plan cannot know */
	if (json_is_true(unknown) && plan_is_configured(resource, member))
		plan_tell_unknown(resource, member);
	for (size_t i = 0; i < node_length(&list); i++) {
		struct rule_block block = {
			.resource = resource, .node = node_entry(&list, i), .group = group};

		block.rule.traffic.direction = direction;
		take_block(&block, json_array_get(unknown, i));
	}
}

/* What groups, lists and interfaces have in common. */
static void thing_take(const struct plan_resource *resource, struct import_thing *thing)
{
	const char *id = node_text(&resource->values, "id");

	thing->id = id != NULL && id[0] != '\0' ? id : NULL;
	thing->place = node_place(&resource->values);
	thing->known |= !resource->data;
}

/* aws_security_group and aws_default_security_group; of data, only names are known */
static void take_group(const struct plan_resource *resource)
{
	const char *key = plan_key(resource);
	struct import_group *group = key != NULL ? import_group(resource->values.import, key,
								node_place(&resource->values))
						 : NULL;

	if (group == NULL)
		return;
	thing_take(resource, &group->thing);
	group->thing.given = node_text(&resource->values, "name");
	if (resource->data)
		return;
	group->thing.description = node_text(&resource->values, "description");
	take_blocks(resource, group, SEKISHO_INGRESS);
	take_blocks(resource, group, SEKISHO_EGRESS);
}

/* ---- prefix lists ----------------------------------------------------------------------------- */

static void list_add(const struct node *place, struct import_list *list)
{
	const char *text = node_text(place, "cidr");

	if (text == NULL)
		NODE_REMARK(place, REMARK_LEFT_OUT, "cidr is not known before the plan is applied");
	else
		describe_add_entry(place, list, text, node_text(place, "description"));
}

/* aws_ec2_managed_prefix_list; its data calls the entries otherwise */
static void take_list(const struct plan_resource *resource)
{
	const char *key = plan_key(resource), *member = resource->data ? "entries" : "entry";
	struct node entries = node_member(&resource->values, member);
	struct import_list *list = key != NULL ? import_list(resource->values.import, key,
							     node_place(&resource->values))
					       : NULL;

	if (list == NULL)
		return;
	thing_take(resource, &list->thing);
	list->thing.known = true;
	list->thing.given = node_text(&resource->values, "name");
	if (json_is_true(json_object_get(resource->unknown, member)) &&
	    plan_is_configured(resource, member))
		plan_tell_unknown(resource, member);
	for (size_t i = 0; i < node_length(&entries); i++) {
		struct node entry = node_entry(&entries, i);

		if (node_is_object(&entry))
			list_add(&entry, list);
	}
}

/* aws_ec2_managed_prefix_list_entry */
static void take_list_entry(const struct plan_resource *resource)
{
	const char *key = plan_reference(resource, "prefix_list_id");
	struct import_list *list = key != NULL ? import_list(resource->values.import, key,
							     node_place(&resource->values))
					       : NULL;

	if (list != NULL)
		list_add(&resource->values, list);
}

/* ---- interfaces ------------------------------------------------------------------------------- */

static void attach(const struct node *place, const char *key, void *context)
{
	describe_attach(place, context, key);
}

static void add_addresses(const struct plan_resource *resource, struct import_endpoint *endpoint,
			  const char *member)
{
	struct node list = node_member(&resource->values, member);

	for (size_t i = 0; i < node_length(&list); i++) {
		struct node entry = node_entry(&list, i);
		const char *text = node_entry_text(&entry);

		if (text != NULL)
			describe_address(&entry, endpoint, text);
	}
}

/* Whether a plan makes an interface whose addresses will be known only then. */
static bool is_addressless(const struct plan_resource *resource)
{
	struct node list = node_member(&resource->values, "private_ips");

	return node_text(&resource->values, "private_ip") == NULL && node_length(&list) == 0 &&
	       (plan_is_unknown(resource, "private_ip") ||
		plan_is_unknown(resource, "private_ips"));
}

/* Addresses, name and groups of an interface or of an instance's first one. */
static void interface_take(const struct plan_resource *resource, const char *key,
			   const char *groups)
{
	static const char *const lists[] = {"private_ips", "secondary_private_ips",
					    "ipv6_addresses", "ipv4_prefixes", "ipv6_prefixes"};
	struct node tags = node_member(&resource->values, "tags");
	const char *only = node_text(&resource->values, "private_ip"), *name;
	struct import_endpoint *endpoint;

	if (is_addressless(resource)) {
		plan_tell_unknown(resource, "the address");
		return;
	}
	endpoint = import_endpoint(resource->values.import, key, node_place(&resource->values));
	if (endpoint == NULL)
		return;
	endpoint->thing.known = true;
	endpoint->thing.id = strcmp(key, resource->address) != 0 ? key : NULL;
	endpoint->thing.place = node_place(&resource->values);
	name = node_text(&tags, "Name");
	if (name != NULL)
		endpoint->thing.given = name;
	if (only != NULL && only[0] != '\0')
		describe_address(&resource->values, endpoint, only);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		add_addresses(resource, endpoint, lists[i]);
	acl_place_endpoint(&resource->values, endpoint, plan_reference(resource, "subnet_id"));
	plan_references(resource, groups, attach, endpoint);
}

/* aws_network_interface */
static void take_interface(const struct plan_resource *resource)
{
	const char *key = plan_key(resource);

	if (key != NULL)
		interface_take(resource, key, "security_groups");
}

/* aws_instance: known by its first interface, which may be told by itself too */
static void take_instance(const struct plan_resource *resource)
{
	const char *key = node_text(&resource->values, "primary_network_interface_id");

	if (key == NULL || key[0] == '\0')
		key = resource->address;
	interface_take(resource, key, "vpc_security_group_ids");
}

/* aws_network_interface_sg_attachment */
static void take_attachment(const struct plan_resource *resource)
{
	const char *interface = plan_reference(resource, "network_interface_id");
	const char *group = plan_reference(resource, "security_group_id");
	struct import_endpoint *endpoint =
		interface != NULL && group != NULL
			? import_endpoint(resource->values.import, interface,
					  node_place(&resource->values))
			: NULL;

	if (endpoint != NULL)
		describe_attach(&resource->values, endpoint, group);
}

/* ---- kinds ------------------------------------------------------------------------------------ */

void terraform_take(const struct plan_resource *resource)
{
	static const struct {
		const char *type;
		bool data; /* is of use when it is read only, too */
		void (*take)(const struct plan_resource *resource);
	} kinds[] = {
		{"aws_security_group", true, take_group},
		{"aws_default_security_group", false, take_group},
		{"aws_security_group_rule", false, take_rule},
		{"aws_vpc_security_group_ingress_rule", false, take_vpc_rule},
		{"aws_vpc_security_group_egress_rule", false, take_vpc_rule},
		{"aws_ec2_managed_prefix_list", true, take_list},
		{"aws_ec2_managed_prefix_list_entry", false, take_list_entry},
		{"aws_network_interface", false, take_interface},
		{"aws_network_interface_sg_attachment", false, take_attachment},
		{"aws_instance", false, take_instance},
		{"aws_network_acl", false, acl_terraform},
		{"aws_default_network_acl", false, acl_terraform_default},
		{"aws_network_acl_rule", false, acl_terraform_rule},
		{"aws_network_acl_association", false, acl_terraform_association},
		{"aws_subnet", true, acl_terraform_subnet},
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (strcmp(kinds[k].type, resource->type) == 0 &&
		    (kinds[k].data || !resource->data))
			kinds[k].take(resource);
	}
}
