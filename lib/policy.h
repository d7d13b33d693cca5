/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy.h: the immutable snapshot that a zone is judged by. Built by one thread, read by any number
 * of engines, destroyed when none holds it.
 */
#ifndef POLICY_H
#define POLICY_H

#include "rules.h"
#include "semantics.h"

struct sekisho_policy {
	const struct profile *profile;
	struct rules *rules;
	/* milliseconds; set 0 is the policy's own, set e + 1 is endpoint e's */
	uint32_t (*timeouts)[SEKISHO_TIMEOUT_COUNT];
	struct sekisho_strict_spec strict;
	struct sekisho_aws_spec aws;
	struct sekisho_limits_spec limits;
	struct sekisho_prefix *never_filtered;
	size_t never_filtered_count;
	enum sekisho_semantics semantics;
	uint32_t generation;
	struct policy_origin *origins; /* where each rule was written, by rule number */
	size_t origin_count;
};

/* Whether an address is on the never-filtered list (AWS-115). */
bool policy_never_filters(const struct sekisho_policy *policy, uint8_t family,
			  const uint8_t *address);

#endif
