/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * export_aws.h: a policy in AWS's words, as `aws ec2 describe-*` would print them (AWS-170..178).
 *
 * What a policy names and AWS knows by id keeps its id, or gets one that depends on its name alone.
 * What comes of it, imported again, decides as the policy does; what AWS has no words for is told.
 */
#ifndef CONFIG_EXPORT_AWS_H
#define CONFIG_EXPORT_AWS_H

#include <jansson.h>

#include "config.h"
#include "remark.h"

/*
 * One document with SecurityGroups, SecurityGroupRules, NetworkInterfaces, NetworkAcls, Subnets and
 * PrefixLists, as far as the policy has them. A new reference; NULL when memory is short or there
 * was an error, which is told.
 */
json_t *export_aws(const struct config_policy *config, struct remarks *remarks);

#endif
