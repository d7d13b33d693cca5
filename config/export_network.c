/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * export_network.c: interfaces, prefix lists, network ACLs. In AWS an ACL belongs to subnets and not to
 * interfaces, so each ACL gets a subnet of its own, in which its endpoints are.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "export_model.h"

#define NUMBER_MAX 32766

/* ---- prefix lists ----------------------------------------------------------------------------- */

void export_lists(struct export *export, json_t *document)
{
	json_t *lists;

	if (export->schema->prefix_lists_count == 0)
		return;
	lists = export_array(export, document, "PrefixLists");
	for (unsigned l = 0; l < export->schema->prefix_lists_count && !export->failed; l++) {
		const struct schema_list *list = &export->schema->prefix_lists[l];
		const char *id = json_string_value(json_object_get(export->list_ids, list->name));
		json_t *entry =
			json_pack("{s:s, s:s}", "PrefixListId", id, "PrefixListName", list->name);
		json_t *blocks = export_array(export, entry, "Cidrs");

		export_append(export, lists, entry);
		for (unsigned e = 0; e < list->entries_count; e++) {
			struct sekisho_prefix prefix;
			char text[ADDRESS_TEXT_SIZE];

			if (!address_parse(list->entries[e], &prefix))
				continue; /* cannot be: the policy is valid */
			address_print(&prefix, text);
			export_append(export, blocks, json_string(text));
		}
		if (list->description != NULL && list->description[0] != '\0') {
			char path[64];

			snprintf(path, sizeof(path), "prefix_lists[%u].description", l);
			export_tell(export, REMARK_LEFT_OUT, path, "AWS describes entries only");
		}
	}
}

/* ---- interfaces ------------------------------------------------------------------------------- */

/* An address alone, or a block that is given to the interface as a whole. */
static void address_add(struct export *export, json_t *entry, const struct sekisho_prefix *prefix,
			const char *path)
{
	bool ipv6 = prefix->family == SEKISHO_IPV6;
	bool whole = prefix->length == (ipv6 ? 128 : 32);
	const char *list = whole ? (ipv6 ? "Ipv6Addresses" : "PrivateIpAddresses")
				 : (ipv6 ? "Ipv6Prefixes" : "Ipv4Prefixes");
	const char *key = whole ? (ipv6 ? "Ipv6Address" : "PrivateIpAddress")
				: (ipv6 ? "Ipv6Prefix" : "Ipv4Prefix");
	char text[ADDRESS_TEXT_SIZE];
	json_t *array = json_object_get(entry, list);

	address_print(prefix, text);
	if (whole)
		*strchr(text, '/') = '\0';
	else if (prefix->length != (ipv6 ? 80 : 28))
		export_tell(export, REMARK_NOTE, path,
			    "AWS gives interfaces blocks of /28 and /80 only, not %s", text);
	if (whole && !ipv6 && json_array_size(array) == 0)
		export_set(export, entry, "PrivateIpAddress", json_string(text));
	export_append(export, array, json_pack("{s:s}", key, text));
}

static const struct {
	const char *name;
	enum sekisho_timeout timeout;
} timers[] = {
	{"TcpEstablishedTimeout", SEKISHO_TIMEOUT_TCP_ESTABLISHED},
	{"UdpTimeout", SEKISHO_TIMEOUT_UDP},
	{"UdpStreamTimeout", SEKISHO_TIMEOUT_UDP_STREAM},
};
#define TIMERS (sizeof(timers) / sizeof(timers[0]))

/* AWS has timers by interface only: what the policy sets for all goes to each. */
static void timers_add(struct export *export, json_t *entry, size_t index, const char *path)
{
	const struct sekisho_policy_spec *spec = &export->config->spec;
	uint32_t *const *all = export->schema->timeouts.seconds;
	json_t *tracking = json_object();

	for (size_t t = 0; t < TIMERS; t++) {
		uint32_t seconds = spec->endpoints[index].timeouts[timers[t].timeout];

		if (seconds == 0 && all[timers[t].timeout] != NULL)
			seconds = *all[timers[t].timeout];
		if (seconds != 0)
			export_set(export, tracking, timers[t].name, json_integer(seconds));
	}
	for (unsigned t = 0; t < SEKISHO_TIMEOUT_COUNT; t++) {
		bool known = false;

		for (size_t k = 0; k < TIMERS; k++)
			known |= timers[k].timeout == t;
		if (!known && spec->endpoints[index].timeouts[t] != 0)
			export_tell(export, REMARK_LEFT_OUT, path,
				    "%s cannot be set in AWS (AWS-47)", sekisho_timeouts[t].name);
	}
	if (json_object_size(tracking) > 0)
		export_set(export, entry, "ConnectionTrackingConfiguration", json_incref(tracking));
	json_decref(tracking);
}

static json_t *interface_make(struct export *export, size_t index)
{
	const struct schema_endpoint *endpoint = &export->schema->endpoints[index];
	const struct sekisho_endpoint_spec *spec = &export->config->spec.endpoints[index];
	json_t *entry = json_object(), *groups;
	char path[64];

	snprintf(path, sizeof(path), "endpoints[%zu]", index);
	export_set(export, entry, "NetworkInterfaceId",
		   export_id(export, "eni-", endpoint->id, endpoint->name));
	export_set(export, entry, "InterfaceType",
		   json_string(spec->auto_tracked ? "vpc_endpoint" : "interface"));
	if (spec->auto_tracked)
		export_tell(
			export, REMARK_NOTE, path,
			"auto_tracked is told as an interface of the type vpc_endpoint, which is "
			"one of those that AWS always tracks (AWS-20)");
	if (spec->acl != 0)
		export_set(export, entry, "SubnetId",
			   json_incref(json_array_get(export->subnet_ids, spec->acl - 1u)));
	export_array(export, entry, "PrivateIpAddresses");
	export_array(export, entry, "Ipv6Addresses");
	export_array(export, entry, "Ipv4Prefixes");
	export_array(export, entry, "Ipv6Prefixes");
	for (size_t a = 0; a < spec->address_count; a++)
		address_add(export, entry, &spec->addresses[a], path);
	groups = export_array(export, entry, "Groups");
	for (unsigned g = 0; g < endpoint->groups_count; g++)
		export_append(export, groups,
			      json_pack("{s:O, s:s}", "GroupId",
					json_object_get(export->group_ids, endpoint->groups[g]),
					"GroupName", endpoint->groups[g]));
	if (endpoint->groups_count == 0)
		export_tell(
			export, REMARK_NOTE, path,
			"an interface without groups is not filtered by any in AWS; here nothing "
			"reaches it");
	timers_add(export, entry, index, path);
	export_name_tag(export, entry, "TagSet", endpoint->name);
	return entry;
}

void export_interfaces(struct export *export, json_t *document)
{
	json_t *list;

	if (export->schema->endpoints_count == 0)
		return;
	list = export_array(export, document, "NetworkInterfaces");
	for (unsigned e = 0; e < export->schema->endpoints_count && !export->failed; e++)
		export_append(export, list, interface_make(export, e));
}

/* ---- network ACLs ----------------------------------------------------------------------------- */

/* An entry of a policy's ACL; AWS's have one block and one range of ports each. */
struct acl_line {
	const struct schema_acl_entry *entry;
	const struct sekisho_rule_spec *match;
	unsigned number; /* of the first */
	size_t count;    /* of AWS's entries that it takes */
};

static int line_compare(const void *a, const void *b)
{
	const struct acl_line *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static void entry_add(struct export *export, json_t *entries, const struct acl_line *line,
		      size_t nth)
{
	const struct sekisho_rule_spec *match = line->match;
	size_t ranges = match->port_count > 0 ? match->port_count : 1;
	const struct sekisho_prefix *peer = &match->peers[nth / ranges];
	bool has_ports = match->protocol == IPPROTO_TCP || match->protocol == IPPROTO_UDP;
	char block[ADDRESS_TEXT_SIZE];
	json_t *entry;

	address_print(peer, block);
	entry = json_pack("{s:i, s:b, s:s, s:s}", "RuleNumber", (int)(line->number + nth), "Egress",
			  match->direction == SEKISHO_EGRESS, "RuleAction", line->entry->action,
			  peer->family == SEKISHO_IPV6 ? "Ipv6CidrBlock" : "CidrBlock", block);
	export_set(export, entry, "Protocol",
		   match->protocol == SEKISHO_PROTOCOL_ALL ? json_string("-1")
							   : json_sprintf("%u", match->protocol));
	if (has_ports && match->port_count > 0)
		export_set(export, entry, "PortRange",
			   json_pack("{s:i, s:i}", "From", match->ports[nth % ranges].first, "To",
				     match->ports[nth % ranges].last));
	else if (has_ports)
		export_set(export, entry, "PortRange",
			   json_pack("{s:i, s:i}", "From", 0, "To", UINT16_MAX));
	if (match->protocol == IPPROTO_ICMP || match->protocol == IPPROTO_ICMPV6)
		export_set(export, entry, "IcmpTypeCode",
			   json_pack("{s:i, s:i}", "Type", match->icmp_type, "Code",
				     match->icmp_code));
	export_append(export, entries, entry);
}

/* Give new numbers if an entry takes more of them than there are before the next. */
static void lines_number(struct export *export, struct acl_line *lines, size_t count,
			 const char *path)
{
	size_t total = 0;
	bool fit = true;

	for (size_t i = 0; i < count; i++) {
		unsigned next = i + 1 < count ? lines[i + 1].number : NUMBER_MAX + 1;

		fit = fit && lines[i].number + lines[i].count <= next;
		total += lines[i].count;
	}
	if (fit)
		return;
	if (total > NUMBER_MAX)
		export_tell(
			export, REMARK_ERROR, path,
			"%zu entries of one block and range of ports each: AWS has numbers for %d",
			total, NUMBER_MAX);
	else
		export_tell(
			export, REMARK_NOTE, path,
			"entries are numbered anew, because AWS's have one block and one range of "
			"ports each");
	total = 1;
	for (size_t i = 0; i < count; i++) {
		lines[i].number = (unsigned)total;
		total += lines[i].count;
	}
}

static void direction_add(struct export *export, json_t *entries, size_t index, bool ingress)
{
	const struct schema_acl *acl = &export->schema->network_acls[index];
	const struct sekisho_acl_entry_spec *specs = export->config->spec.acls[index].entries;
	unsigned count = ingress ? acl->ingress_count : acl->egress_count;
	struct acl_line *lines = calloc(count + 1u, sizeof(*lines));
	char path[64];

	snprintf(path, sizeof(path), "network_acls[%zu].%s", index, ingress ? "ingress" : "egress");
	export->failed |= lines == NULL;
	for (unsigned i = 0; lines != NULL && i < count; i++) {
		const struct sekisho_rule_spec *match =
			&specs[ingress ? i : acl->ingress_count + i].match;
		const struct schema_acl_entry *entry = ingress ? &acl->ingress[i] : &acl->egress[i];
		size_t ranges = match->port_count > 0 ? match->port_count : 1;

		lines[i] =
			(struct acl_line){entry, match, entry->number, match->peer_count * ranges};
		if (entry->match.description != NULL && entry->match.description[0] != '\0')
			export_tell(export, REMARK_LEFT_OUT, path,
				    "entry %u: AWS has no descriptions there", entry->number);
	}
	if (lines != NULL) {
		qsort(lines, count, sizeof(*lines), line_compare);
		lines_number(export, lines, count, path);
	}
	for (unsigned i = 0; lines != NULL && i < count; i++) {
		for (size_t n = 0; n < lines[i].count && !export->failed; n++)
			entry_add(export, entries, &lines[i], n);
	}
	free(lines);
}

/* What AWS prints at the end of each direction (AWS-135). */
static void ends_add(struct export *export, json_t *entries)
{
	for (int egress = 0; egress < 2; egress++) {
		export_append(export, entries,
			      json_pack("{s:i, s:b, s:s, s:s, s:s}", "RuleNumber", 32767, "Egress",
					egress, "RuleAction", "deny", "Protocol", "-1", "CidrBlock",
					"0.0.0.0/0"));
		export_append(export, entries,
			      json_pack("{s:i, s:b, s:s, s:s, s:s}", "RuleNumber", 32768, "Egress",
					egress, "RuleAction", "deny", "Protocol", "-1",
					"Ipv6CidrBlock", "::/0"));
	}
}

/* The subnet of an ACL's endpoints, if it has any or blocks of its own. */
static void subnet_add(struct export *export, json_t *subnets, size_t index)
{
	const struct sekisho_acl_spec *acl = &export->config->spec.acls[index];
	json_t *entry =
		json_pack("{s:O, s:[]}", "SubnetId", json_array_get(export->subnet_ids, index),
			  "Ipv6CidrBlockAssociationSet");
	json_t *ipv6 = json_object_get(entry, "Ipv6CidrBlockAssociationSet");
	char text[ADDRESS_TEXT_SIZE], path[96];

	for (size_t s = 0; s < acl->subnet_count; s++) {
		address_print(&acl->subnets[s], text);
		snprintf(path, sizeof(path), "network_acls[%zu].subnets[%zu]", index, s);
		if (acl->subnets[s].family == SEKISHO_IPV6)
			export_append(export, ipv6, json_pack("{s:s}", "Ipv6CidrBlock", text));
		else if (json_object_get(entry, "CidrBlock") == NULL)
			export_set(export, entry, "CidrBlock", json_string(text));
		else
			export_tell(export, REMARK_LEFT_OUT, path,
				    "%s: a subnet of AWS has one block of IPv4", text);
	}
	export_append(export, subnets, entry);
}

void export_acls(struct export *export, json_t *document)
{
	json_t *acls, *subnets;

	if (export->schema->network_acls_count == 0)
		return;
	acls = export_array(export, document, "NetworkAcls");
	subnets = export_array(export, document, "Subnets");
	for (unsigned a = 0; a < export->schema->network_acls_count && !export->failed; a++) {
		const struct schema_acl *acl = &export->schema->network_acls[a];
		json_t *id = json_array_get(export->acl_ids, a);
		json_t *entry = json_pack("{s:O, s:b, s:[{s:O, s:O}]}", "NetworkAclId", id,
					  "IsDefault", 0, "Associations", "NetworkAclId", id,
					  "SubnetId", json_array_get(export->subnet_ids, a));
		json_t *entries = export_array(export, entry, "Entries");

		export_append(export, acls, entry);
		direction_add(export, entries, a, true);
		direction_add(export, entries, a, false);
		ends_add(export, entries);
		export_name_tag(export, entry, "Tags", acl->name);
		subnet_add(export, subnets, a);
	}
}
