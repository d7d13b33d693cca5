/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shared_engines.h: the same packets through one engine, and through several to which they are dealt by
 * their owners, as workers do it. A packet that has no owner goes to each of them in turn. Every verdict must
 * be the one engine's.
 */
#ifndef SHARED_ENGINES_H
#define SHARED_ENGINES_H

#include <sekisho.h>

#define SHARED_ENGINES_MAX 4
#define SHARED_PACKETS_MAX 65536 /* that one run may have held */

struct shared_engines {
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *alone, *engines[SHARED_ENGINES_MAX];
	struct sekisho_owners owners;
	unsigned count;
	uint32_t packets;
	uint8_t released[2]
			[SHARED_PACKETS_MAX]; /* reasons of what was held: alone's, the others' */
};

/* Make `count` engines and one beside them, of as many flows as each of them. */
void shared_engines_init(struct shared_engines *shared, unsigned count,
			 const struct sekisho_policy_spec *spec, uint32_t flows);

/* Judge a frame by both, and fail unless they agree; the reason that both have. */
enum sekisho_reason shared_engines_judge(struct shared_engines *shared, uint32_t now_ms,
					 const struct sekisho_frame *frame);

/* Check that what was held has had the same end, and as many flows have been opened; and clear up. */
void shared_engines_fini(struct shared_engines *shared);

#endif
