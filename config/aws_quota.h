/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aws_quota.h: AWS's default quotas. A policy may well be over them here; AWS would ask for more first.
 */
#ifndef CONFIG_AWS_QUOTA_H
#define CONFIG_AWS_QUOTA_H

#include "config.h"
#include "remark.h"

/* Tell as notes what of a policy is over AWS's quotas (AWS-118..122, 143). */
void aws_quota_tell(const struct config_policy *config, struct remarks *remarks);

#endif
