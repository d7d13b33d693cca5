/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aws_quota.h: AWS's default quotas. A policy may well be over them here; AWS would ask for more
 * first.
 */
#ifndef CONFIG_AWS_QUOTA_H
#define CONFIG_AWS_QUOTA_H

#include "config.h"
#include "remark.h"

/* What there is more of than a quota. */
struct aws_excess {
	const char *path;   /* in the file: "groups[0].ingress" */
	const char *what;   /* "rules for IPv4" */
	const char *clause; /* "AWS-118" */
	size_t count, quota;
};

/*
 * Call back with all that a policy has too much of (AWS-118..122, 143). What is passed lives as
 * long as the call. False: no memory, and nothing was told.
 */
bool aws_quota_look(const struct config_policy *config,
		    void (*tell)(void *context, const struct aws_excess *excess), void *context);

/* Tell the same as notes. */
void aws_quota_tell(const struct config_policy *config, struct remarks *remarks);

#endif
