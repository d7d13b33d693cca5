/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_acl.h: network ACLs and the subnets that they serve, as AWS and as Terraform tell them.
 *
 * An entry that allows and cannot be carried over is left out and told; one that denies is an error,
 * because without it the next one might allow.
 */
#ifndef CONFIG_IMPORT_ACL_H
#define CONFIG_IMPORT_ACL_H

#include "import_plan.h"

void acl_describe(const struct node *entry);        /* NetworkAcls, AWS-178 */
void acl_describe_subnet(const struct node *entry); /* Subnets */

/* Put an endpoint in its subnet. */
void acl_place_endpoint(const struct node *place, struct import_endpoint *endpoint,
			const char *subnet);

void acl_terraform(const struct plan_resource *resource);             /* aws_network_acl, AWS-182 */
void acl_terraform_default(const struct plan_resource *resource);     /* aws_default_network_acl */
void acl_terraform_rule(const struct plan_resource *resource);        /* aws_network_acl_rule */
void acl_terraform_association(const struct plan_resource *resource); /* ..._association */
void acl_terraform_subnet(const struct plan_resource *resource);      /* aws_subnet */

#endif
