/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_describe.h: the members of what `aws ec2 describe-...` and `get-...` print. Each function
 * takes one entry of the member's array.
 */
#ifndef CONFIG_IMPORT_DESCRIBE_H
#define CONFIG_IMPORT_DESCRIBE_H

#include "import_node.h"

void describe_group(const struct node *entry);      /* SecurityGroups, AWS-170..174 */
void describe_group_rule(const struct node *entry); /* SecurityGroupRules, AWS-176, 177 */
void describe_interface(const struct node *entry);  /* NetworkInterfaces, AWS-175 */
void describe_list(const struct node *entry);       /* PrefixLists: names, AWS's own with blocks */
void describe_list_entry(const struct node *entry); /* Entries of the list of the present file */

/* ---- shared with Terraform's shapes ----------------------------------------------------------- */

/* Add a rule to a group; it is copied, and its description may be NULL. */
void describe_add_rule(struct import *import, struct import_group *group,
		       const struct import_rule *rule);

/* Whether a text is a block of addresses of a family; 0 takes both. */
bool describe_is_block(const char *text, uint8_t family, struct sekisho_prefix *block);

/* The same; what is none is told as left out. */
bool describe_block(const struct node *place, const char *text, uint8_t family,
		    struct sekisho_prefix *block);

/* Add an address of an endpoint; what is none is told. */
void describe_address(const struct node *place, struct import_endpoint *endpoint, const char *text);

/* Add an entry to a prefix list. */
void describe_add_entry(const struct node *place, struct import_list *list, const char *text,
			const char *description);

/* The value of the tag "Name" in a list of tags; NULL if there is none. */
const char *describe_name_tag(const struct node *entry, const char *member);

/* Add a group to an endpoint. */
void describe_attach(const struct node *place, struct import_endpoint *endpoint, const char *group);

#endif
