/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_space.h: flows that a policy admits, to measure with. */
#ifndef BENCH_SPACE_H
#define BENCH_SPACE_H

#include <frames.h>
#include <sekisho.h>

/* A space of flows of one protocol, and how many there are. */
struct bench_space {
	struct frames_space space;
	enum frames_kind kind;
	uint64_t flows; /* 0: none */
};

/*
 * The largest space of IPv4 flows of a protocol that a single rule of the policy admits, with one of
 * its endpoints inside. None has 0 flows.
 */
struct bench_space bench_space_largest(const struct sekisho_policy_spec *spec,
				       enum frames_kind kind);

#endif
