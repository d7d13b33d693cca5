/* SPDX-License-Identifier: BSD-3-Clause */
/* semantics.c: the profiles, and the defaults that go with them. */
#include "semantics.h"

#include <string.h>

static const struct profile profiles[] = {
	[SEKISHO_AWS_LIKE] = {.open_rules_untracked = true},
	[SEKISHO_STRICT] = {.answers_need_proof = true,
			    .rules_may_withdraw = true,
			    .tcp_opens_by_syn_only = true,
			    .tcp_validates = true,
			    .checksums_verified = true,
			    .errors_need_relation = true},
};

const struct sekisho_timeout_info sekisho_timeouts[] = {
#define X(id, name, aws, strict, min, max) [SEKISHO_TIMEOUT_##id] = {name, {aws, strict}, min, max},
	SEKISHO_TIMEOUTS(X)
#undef X
};

static const uint16_t grammar_ports[] = {
#define X(id, name, port, known_by, clause) [SEKISHO_GRAMMAR_##id] = port,
	SEKISHO_GRAMMARS(X)
#undef X
};

const struct profile *semantics_profile(enum sekisho_semantics semantics)
{
	return &profiles[semantics];
}

const char *sekisho_semantics_word(enum sekisho_semantics semantics)
{
	return semantics == SEKISHO_STRICT ? "strict" : "aws-like";
}

const char *sekisho_direction_word(enum sekisho_direction direction)
{
	return direction == SEKISHO_INGRESS ? "ingress" : "egress";
}

void sekisho_policy_spec_init(struct sekisho_policy_spec *spec, enum sekisho_semantics semantics)
{
	memset(spec, 0, sizeof(*spec));
	spec->semantics = semantics;
	for (int i = 0; i < SEKISHO_TIMEOUT_COUNT; i++)
		spec->timeouts[i] = sekisho_timeouts[i].initial[semantics];
	for (int i = 0; i < SEKISHO_GRAMMAR_COUNT; i++) {
		spec->strict.ports[i][0] = grammar_ports[i];
		spec->strict.port_count[i] = 1;
	}
	spec->strict.verify_checksums = true;
	spec->aws.tcp_pickup = true;
	if (semantics == SEKISHO_STRICT)
		spec->limits = (struct sekisho_limits_spec){.half_open_percent = 25,
							    .half_open_per_source = 4096};
}
