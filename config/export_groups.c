/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * export_groups.c: groups and their rules. As AWS does, rules of one protocol and port range make one
 * permission, and a peer is in it once. Rules that have AWS's ids are told a second time, flat, for
 * that is the only place where AWS tells them.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "export_model.h"

#define KEY_SIZE 1024

/* Protocol and ports as AWS writes them. */
struct permission_shape {
	char protocol[ADDRESS_TEXT_SIZE];
	bool has_ports;
	long from, to;
};

/* One direction of a group in the making. */
struct permissions {
	struct export *export;
	json_t *list;
	json_t *by_shape; /* borrowed permissions */
	json_t *peers;    /* what is there already, by shape and peer */
	const char *group_id;
	bool egress;
};

static struct permission_shape shape_of(const struct sekisho_rule_spec *rule,
					const struct sekisho_port_range *ports)
{
	struct permission_shape shape = {0};

	switch (rule->protocol) {
	case SEKISHO_PROTOCOL_ALL:
		strcpy(shape.protocol, "-1");
		break;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		shape.has_ports = true;
		shape.from = ports != NULL ? ports->first : 0;
		shape.to = ports != NULL ? ports->last : UINT16_MAX;
		address_print_protocol(rule->protocol, shape.protocol);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		shape.has_ports = true;
		shape.from = rule->icmp_type;
		shape.to = rule->icmp_code;
		address_print_protocol(rule->protocol, shape.protocol);
		break;
	default:
		snprintf(shape.protocol, sizeof(shape.protocol), "%u", rule->protocol);
		break;
	}
	return shape;
}

static json_t *permission_find(struct permissions *permissions,
			       const struct permission_shape *shape, const char *key)
{
	json_t *permission = json_object_get(permissions->by_shape, key);

	if (permission != NULL)
		return permission;
	permission = json_pack("{s:s, s:[], s:[], s:[], s:[]}", "IpProtocol", shape->protocol,
			       "IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs");
	if (shape->has_ports) {
		export_set(permissions->export, permission, "FromPort", json_integer(shape->from));
		export_set(permissions->export, permission, "ToPort", json_integer(shape->to));
	}
	export_append(permissions->export, permissions->list, permission);
	export_set(permissions->export, permissions->by_shape, key, json_incref(permission));
	return permission;
}

/* A peer in AWS's words. */
struct peer {
	const char *list, *key, *flat; /* in a permission, in its list, in a flat rule */
	char block[ADDRESS_TEXT_SIZE];
	const char *id; /* of a group or list; NULL for a block */
};

static struct peer peer_of(const struct export *export, const char *text)
{
	struct peer peer = {0};
	struct sekisho_prefix prefix;

	if (strncmp(text, "group:", 6) == 0) {
		peer = (struct peer){
			.list = "UserIdGroupPairs",
			.key = "GroupId",
			.flat = "ReferencedGroupInfo",
			.id = json_string_value(json_object_get(export->group_ids, text + 6))};
	} else if (strncmp(text, "prefix_list:", 12) == 0) {
		peer = (struct peer){
			.list = "PrefixListIds",
			.key = "PrefixListId",
			.flat = "PrefixListId",
			.id = json_string_value(json_object_get(export->list_ids, text + 12))};
	} else if (address_parse(text, &prefix)) {
		bool ipv6 = prefix.family == SEKISHO_IPV6;

		peer = (struct peer){.list = ipv6 ? "Ipv6Ranges" : "IpRanges",
				     .key = ipv6 ? "CidrIpv6" : "CidrIp",
				     .flat = ipv6 ? "CidrIpv6" : "CidrIpv4"};
		address_print(&prefix, peer.block);
	}
	return peer;
}

static void peer_add(struct permissions *permissions, const struct permission_shape *shape,
		     const struct peer *peer, const char *description)
{
	const char *text = peer->id != NULL ? peer->id : peer->block;
	char key[KEY_SIZE];
	json_t *permission, *entry;
	int length =
		snprintf(key, sizeof(key), "%s %ld %ld", shape->protocol, shape->from, shape->to);

	permission = permission_find(permissions, shape, key);
	snprintf(key + length, sizeof(key) - (size_t)length, " %s %s", peer->key, text);
	if (json_object_get(permissions->peers, key) != NULL)
		return;
	export_set(permissions->export, permissions->peers, key, json_true());
	entry = json_pack("{s:s}", peer->key, text);
	if (description != NULL && description[0] != '\0')
		export_set(permissions->export, entry, "Description", json_string(description));
	export_append(permissions->export, json_object_get(permission, peer->list), entry);
}

/* Tell a rule flat if its id is AWS's, which stands for one peer and one range of ports. */
static void rule_add_flat(struct permissions *permissions, json_t *flat,
			  const struct permission_shape *shape, const struct peer *peer,
			  const struct schema_rule *rule)
{
	struct export *export = permissions->export;
	json_t *entry;

	entry = json_pack("{s:s, s:s, s:b, s:s, s:I, s:I}", "SecurityGroupRuleId", rule->id,
			  "GroupId", permissions->group_id, "IsEgress", permissions->egress,
			  "IpProtocol", shape->protocol, "FromPort",
			  (json_int_t)(shape->has_ports ? shape->from : -1), "ToPort",
			  (json_int_t)(shape->has_ports ? shape->to : -1));
	if (strcmp(peer->flat, "ReferencedGroupInfo") == 0)
		export_set(export, entry, peer->flat, json_pack("{s:s}", "GroupId", peer->id));
	else
		export_set(export, entry, peer->flat,
			   json_string(peer->id != NULL ? peer->id : peer->block));
	if (rule->description != NULL && rule->description[0] != '\0')
		export_set(export, entry, "Description", json_string(rule->description));
	export_append(export, flat, entry);
}

static bool is_aws_id(const struct schema_rule *rule, const struct sekisho_rule_spec *spec)
{
	size_t peers = spec->direction == SEKISHO_INGRESS ? rule->from_count : rule->to_count;

	return rule->id != NULL && strncmp(rule->id, "sgr-", 4) == 0 && peers == 1 &&
	       rule->ports_count <= 1;
}

static void rule_add(struct permissions *permissions, json_t *flat, const struct schema_rule *rule,
		     const struct sekisho_rule_spec *spec)
{
	char *const *peers = permissions->egress ? rule->to : rule->from;
	unsigned count = permissions->egress ? rule->to_count : rule->from_count;
	size_t ranges = spec->port_count > 0 ? spec->port_count : 1;

	for (size_t p = 0; p < ranges; p++) {
		struct permission_shape shape =
			shape_of(spec, spec->port_count > 0 ? &spec->ports[p] : NULL);

		for (unsigned i = 0; i < count; i++) {
			struct peer peer = peer_of(permissions->export, peers[i]);

			peer_add(permissions, &shape, &peer, rule->description);
			if (is_aws_id(rule, spec))
				rule_add_flat(permissions, flat, &shape, &peer, rule);
		}
	}
}

static void rules_add(struct permissions *permissions, json_t *flat,
		      const struct schema_rule *rules, const struct sekisho_rule_spec *specs,
		      unsigned count)
{
	permissions->by_shape = json_object();
	permissions->peers = json_object();
	for (unsigned r = 0; r < count; r++)
		rule_add(permissions, flat, &rules[r], &specs[r]);
	json_decref(permissions->by_shape);
	json_decref(permissions->peers);
}

/* AWS-114. */
static bool is_aws_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		" ._-:/()#,@[]+=&;{}!$*";

	return strlen(name) <= 255 && name[strspn(name, allowed)] == '\0' &&
	       strncmp(name, "sg-", 3) != 0;
}

static size_t foreign_ids(const struct schema_group *group)
{
	size_t count = 0;

	for (unsigned r = 0; r < group->ingress_count; r++)
		count += group->ingress[r].id != NULL &&
			 strncmp(group->ingress[r].id, "sgr-", 4) != 0;
	for (unsigned r = 0; r < group->egress_count; r++)
		count +=
			group->egress[r].id != NULL && strncmp(group->egress[r].id, "sgr-", 4) != 0;
	return count;
}

static void group_tell(struct export *export, size_t index)
{
	const struct schema_group *group = &export->schema->groups[index];
	size_t foreign = foreign_ids(group);
	char path[64];

	snprintf(path, sizeof(path), "groups[%zu]", index);
	if (!is_aws_name(group->name))
		export_tell(export, REMARK_NOTE, path,
			    "AWS takes no group of the name '%s' (AWS-114)", group->name);
	if (foreign > 0)
		export_tell(export, REMARK_LEFT_OUT, path,
			    "the ids of %zu rules: AWS gives ids of its own", foreign);
}

void export_groups(struct export *export, json_t *document)
{
	json_t *list = export_array(export, document, "SecurityGroups");
	json_t *flat = json_array();

	for (unsigned g = 0; g < export->schema->groups_count && !export->failed; g++) {
		const struct schema_group *group = &export->schema->groups[g];
		const struct sekisho_rule_spec *specs = export->config->spec.groups[g].rules;
		const char *id = json_string_value(json_object_get(export->group_ids, group->name));
		json_t *entry = json_pack("{s:s, s:s, s:s}", "GroupId", id, "GroupName",
					  group->name, "Description",
					  group->description != NULL ? group->description : "");
		struct permissions ingress = {.export = export, .group_id = id};
		struct permissions egress = {.export = export, .group_id = id, .egress = true};

		export_append(export, list, entry);
		ingress.list = export_array(export, entry, "IpPermissions");
		rules_add(&ingress, flat, group->ingress, specs, group->ingress_count);
		egress.list = export_array(export, entry, "IpPermissionsEgress");
		rules_add(&egress, flat, group->egress, specs + group->ingress_count,
			  group->egress_count);
		group_tell(export, g);
	}
	if (json_array_size(flat) > 0)
		export_set(export, document, "SecurityGroupRules", json_incref(flat));
	json_decref(flat);
}
