/* SPDX-License-Identifier: BSD-3-Clause */
/* import_acl.c: see import_acl.h. The three shapes of an entry differ in where things stand only. */
#include "import_acl.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "import_describe.h"

#define NUMBER_MAX 32766 /* the last that is not reserved (AWS-132) */

/* What the members of an entry are called; of ports and ICMP, within which member they are, if any. */
struct entry_shape {
	const char *number, *action, *protocol, *ipv4, *ipv6;
	const char *ports, *from, *to;
	const char *icmp, *type, *code;
};

static const struct entry_shape described = {
	.number = "RuleNumber",
	.action = "RuleAction",
	.protocol = "Protocol",
	.ipv4 = "CidrBlock",
	.ipv6 = "Ipv6CidrBlock",
	.ports = "PortRange",
	.from = "From",
	.to = "To",
	.icmp = "IcmpTypeCode",
	.type = "Type",
	.code = "Code",
};

static const struct entry_shape inline_block = {
	.number = "rule_no",
	.action = "action",
	.protocol = "protocol",
	.ipv4 = "cidr_block",
	.ipv6 = "ipv6_cidr_block",
	.from = "from_port",
	.to = "to_port",
	.type = "icmp_type",
	.code = "icmp_code",
};

static const struct entry_shape own_resource = {
	.number = "rule_number",
	.action = "rule_action",
	.protocol = "protocol",
	.ipv4 = "cidr_block",
	.ipv6 = "ipv6_cidr_block",
	.from = "from_port",
	.to = "to_port",
	.type = "icmp_type",
	.code = "icmp_code",
};

/* ---- entries ---------------------------------------------------------------------------------- */

static void leave_out(const struct node *node, const struct import_acl_entry *entry,
		      const char *why)
{
	if (entry->deny)
		NODE_REMARK(node, REMARK_ERROR, "entry %u denies and cannot be carried over: %s",
			    entry->number, why);
	else
		NODE_REMARK(node, REMARK_LEFT_OUT, "entry %u: %s", entry->number, why);
}

/* Two numbers of a member, or of the entry itself; the pointers are NULL where one is absent. */
static void pair_read(const struct node *node, const char *member, const char *const names[2],
		      long values[2], const long *found[2])
{
	struct node inner = member != NULL ? node_member(node, member) : *node;

	for (int i = 0; i < 2; i++)
		found[i] = node_number(&inner, names[i], &values[i]) ? &values[i] : NULL;
}

/* Protocol, ports, type and code (AWS-134). NULL, or why not. */
static const char *traffic_read(const struct node *node, const struct entry_shape *shape,
				struct import_acl_entry *entry)
{
	struct import_traffic_text text = {.protocol = node_need_text(node, shape->protocol)};
	long ports[2], icmp[2];
	const long *found[2];
	const char *why;

	if (text.protocol == NULL)
		return "it has no protocol";
	pair_read(node, shape->ports, (const char *const[]){shape->from, shape->to}, ports, found);
	text.from = found[0];
	text.to = found[1];
	why = import_traffic_parse(&entry->traffic, &text);
	if (entry->traffic.protocol != IPPROTO_ICMP && entry->traffic.protocol != IPPROTO_ICMPV6)
		return why;
	if (entry->traffic.protocol == IPPROTO_ICMPV6 && entry->peer.family == SEKISHO_IPV4) {
		entry->traffic.first = entry->traffic.last = -1;
		return NULL;
	}
	pair_read(node, shape->icmp, (const char *const[]){shape->type, shape->code}, icmp, found);
	text.from = found[0];
	text.to = found[1];
	return import_traffic_parse(&entry->traffic, &text);
}

/* The one block of an entry. NULL, or why not. */
static const char *peer_read(const struct node *node, const struct entry_shape *shape,
			     struct import_acl_entry *entry)
{
	const char *ipv4 = node_text(node, shape->ipv4), *ipv6 = node_text(node, shape->ipv6);
	bool has_ipv4 = ipv4 != NULL && ipv4[0] != '\0', has_ipv6 = ipv6 != NULL && ipv6[0] != '\0';

	if (has_ipv4 == has_ipv6)
		return "one block is needed, of IPv4 or of IPv6";
	if (!describe_is_block(has_ipv4 ? ipv4 : ipv6, has_ipv4 ? SEKISHO_IPV4 : SEKISHO_IPV6,
			       &entry->peer))
		return "its block is no block of addresses of the family";
	return NULL;
}

/* Take an entry of a direction; the reserved last ones are those that a policy has of itself. */
static void entry_take(const struct node *node, const struct entry_shape *shape,
		       struct import_acl *acl, enum sekisho_direction direction)
{
	struct import_acl_entry entry = {.traffic.direction = direction}, *slot;
	const char *action = node_need_text(node, shape->action), *why;
	long number;

	if (!node_need_number(node, shape->number, &number) || action == NULL)
		return;
	entry.deny = strcmp(action, "deny") == 0;
	if (!entry.deny && strcmp(action, "allow") != 0) {
		NODE_REMARK(node, REMARK_ERROR, "%s is '%s', must be allow or deny", shape->action,
			    action);
		return;
	}
	if (number > NUMBER_MAX && number <= UINT16_MAX && entry.deny)
		return; /* AWS-135 */
	if (number < 1 || number > NUMBER_MAX) {
		NODE_REMARK(node, REMARK_ERROR, "%s is %ld, must be 1..%d", shape->number, number,
			    NUMBER_MAX);
		return;
	}
	entry.number = (uint16_t)number;
	why = peer_read(node, shape, &entry);
	if (why == NULL)
		why = traffic_read(node, shape, &entry);
	if (why != NULL) {
		leave_out(node, &entry, why);
		return;
	}
	entry.place = node_place(node);
	slot = IMPORT_ADD(node->import, &acl->entries);
	if (slot != NULL)
		*slot = entry;
}

/* ---- subnets ---------------------------------------------------------------------------------- */

static void subnet_attach(const struct node *place, const char *id, struct import_acl *acl)
{
	struct import_subnet *subnet = import_subnet(place->import, id, node_place(place));

	if (subnet == NULL || subnet->acl == acl)
		return;
	if (subnet->acl != NULL)
		NODE_REMARK(place, REMARK_ERROR,
			    "subnet '%s' has two network ACLs, '%s' and '%s': one is allowed "
			    "(AWS-131)",
			    id, subnet->acl->thing.key, acl->thing.key);
	subnet->acl = acl;
}

static void subnet_add_block(const struct node *place, struct import_subnet *subnet,
			     const char *text)
{
	struct sekisho_prefix block, *slot;

	if (text == NULL || text[0] == '\0' || !describe_block(place, text, 0, &block))
		return;
	slot = IMPORT_ADD(place->import, &subnet->blocks);
	if (slot != NULL)
		*slot = block;
}

void acl_place_endpoint(const struct node *place, struct import_endpoint *endpoint, const char *id)
{
	if (id != NULL && id[0] != '\0')
		endpoint->subnet = import_subnet(place->import, id, node_place(place));
}

void acl_describe_subnet(const struct node *entry)
{
	struct node sets = node_member(entry, "Ipv6CidrBlockAssociationSet");
	struct import_subnet *subnet;
	const char *id;

	if (!node_is_object(entry))
		return;
	id = node_need_text(entry, "SubnetId");
	subnet = id != NULL ? import_subnet(entry->import, id, node_place(entry)) : NULL;
	if (subnet == NULL)
		return;
	subnet_add_block(entry, subnet, node_text(entry, "CidrBlock"));
	for (size_t i = 0; i < node_length(&sets); i++) {
		struct node set = node_entry(&sets, i);

		if (node_is_object(&set))
			subnet_add_block(&set, subnet, node_text(&set, "Ipv6CidrBlock"));
	}
}

/* ---- as described ----------------------------------------------------------------------------- */

void acl_describe(const struct node *entry)
{
	struct node associations = node_member(entry, "Associations");
	struct node entries = node_member(entry, "Entries");
	struct import_acl *acl;
	const char *id;

	if (!node_is_object(entry))
		return;
	id = node_need_text(entry, "NetworkAclId");
	acl = id != NULL ? import_acl(entry->import, id, node_place(entry)) : NULL;
	if (acl == NULL)
		return;
	acl->thing.known = true;
	acl->thing.id = id;
	acl->thing.given = describe_name_tag(entry, "Tags");
	for (size_t i = 0; i < node_length(&associations); i++) {
		struct node association = node_entry(&associations, i);
		const char *subnet = node_is_object(&association)
					     ? node_need_text(&association, "SubnetId")
					     : NULL;

		if (subnet != NULL)
			subnet_attach(&association, subnet, acl);
	}
	for (size_t i = 0; i < node_length(&entries); i++) {
		struct node one = node_entry(&entries, i);
		bool egress;

		if (node_is_object(&one) && node_need_flag(&one, "Egress", &egress))
			entry_take(&one, &described, acl,
				   egress ? SEKISHO_EGRESS : SEKISHO_INGRESS);
	}
}

/* ---- as Terraform tells ----------------------------------------------------------------------- */

/* A plan without a value of an entry cannot tell whether it denies: the whole ACL is not known. */
static bool is_whole(const struct node *node, const json_t *unknown)
{
	if (!plan_has_unknown(unknown))
		return true;
	NODE_REMARK(
		node, REMARK_ERROR,
		"an entry of a network ACL is not known before the plan is applied, and without "
		"it the others may allow what it denies");
	return false;
}

static void take_blocks(const struct plan_resource *resource, struct import_acl *acl,
			enum sekisho_direction direction)
{
	const char *member = sekisho_direction_word(direction);
	struct node list = node_member(&resource->values, member);
	const json_t *unknown = json_object_get(resource->unknown, member);

	if (json_is_true(unknown) && plan_is_configured(resource, member))
		is_whole(&resource->values, unknown);
	for (size_t i = 0; i < node_length(&list); i++) {
		struct node block = node_entry(&list, i);

		if (node_is_object(&block) && is_whole(&block, json_array_get(unknown, i)))
			entry_take(&block, &inline_block, acl, direction);
	}
}

static void attach(const struct node *place, const char *key, void *context)
{
	subnet_attach(place, key, context);
}

static void take_acl(const struct plan_resource *resource, const char *key)
{
	struct import_acl *acl =
		import_acl(resource->values.import, key, node_place(&resource->values));
	struct node tags = node_member(&resource->values, "tags");

	if (acl == NULL)
		return;
	acl->thing.known = true;
	acl->thing.id = strcmp(key, resource->address) != 0 ? key : NULL;
	acl->thing.given = node_text(&tags, "Name");
	acl->thing.place = node_place(&resource->values);
	take_blocks(resource, acl, SEKISHO_INGRESS);
	take_blocks(resource, acl, SEKISHO_EGRESS);
	plan_references(resource, "subnet_ids", attach, acl);
}

void acl_terraform(const struct plan_resource *resource)
{
	const char *key = plan_key(resource);

	if (key != NULL)
		take_acl(resource, key);
}

void acl_terraform_default(const struct plan_resource *resource)
{
	const char *key = node_text(&resource->values, "default_network_acl_id");

	take_acl(resource, key != NULL && key[0] != '\0' ? key : resource->address);
}

void acl_terraform_rule(const struct plan_resource *resource)
{
	static const char *const members[] = {
		"rule_number", "egress",     "protocol",  "rule_action", "from_port",
		"to_port",     "cidr_block", "icmp_type", "icmp_code",   "ipv6_cidr_block"};
	const char *key = plan_reference(resource, "network_acl_id");
	struct import_acl *acl = key != NULL ? import_acl(resource->values.import, key,
							  node_place(&resource->values))
					     : NULL;
	bool egress = false;

	if (key == NULL)
		is_whole(&resource->values, json_object_get(resource->unknown, "network_acl_id"));
	if (acl == NULL)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!is_whole(&resource->values, json_object_get(resource->unknown, members[i])))
			return;
	}
	node_flag(&resource->values, "egress", &egress);
	entry_take(&resource->values, &own_resource, acl,
		   egress ? SEKISHO_EGRESS : SEKISHO_INGRESS);
}

void acl_terraform_association(const struct plan_resource *resource)
{
	const char *key = plan_reference(resource, "network_acl_id");
	const char *subnet = plan_reference(resource, "subnet_id");
	struct import_acl *acl =
		key != NULL && subnet != NULL
			? import_acl(resource->values.import, key, node_place(&resource->values))
			: NULL;

	if (acl != NULL)
		subnet_attach(&resource->values, subnet, acl);
}

void acl_terraform_subnet(const struct plan_resource *resource)
{
	const char *key = plan_key(resource);
	struct import_subnet *subnet = key != NULL ? import_subnet(resource->values.import, key,
								   node_place(&resource->values))
						   : NULL;

	if (subnet == NULL)
		return;
	subnet_add_block(&resource->values, subnet, node_text(&resource->values, "cidr_block"));
	subnet_add_block(&resource->values, subnet,
			 node_text(&resource->values, "ipv6_cidr_block"));
}
