/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * semantics.h: the two semantics as const data. Code asks the profile what to do, never which it is,
 * so that a third one would be a third row.
 */
#ifndef SEMANTICS_H
#define SEMANTICS_H

#include <sekisho.h>

struct profile {
	bool answers_need_proof;     /* STRICT-3; else any packet of a live flow passes (AWS-1) */
	bool rules_may_withdraw;     /* STRICT-4; else a tracked flow outlives its rule (AWS-60) */
	bool open_rules_untracked;   /* AWS-10..19 */
	bool tcp_opens_by_syn_only;  /* STRICT-10; else see AWS-80 */
	bool tcp_validates;          /* flags, windows, handshake, RST: STRICT-10..15; not AWS-83 */
	bool checksums_verified;     /* where the policy asks for it: STRICT-73 */
	bool errors_need_relation;   /* STRICT-60, 61; else a rule may admit an ICMP error (AWS-32) */
};

/* The profile of a semantics. Any thread. */
const struct profile *semantics_profile(enum sekisho_semantics semantics);

#endif
