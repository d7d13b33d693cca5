/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * matcher.h: how offline verbs match packets against rules.
 *
 * A few rules are looked through as fast as they are looked up. Many are compiled (DPDK's rte_acl), for which
 * EAL must run: it is started then, with ordinary memory, no devices and no files, and only then, since it
 * takes a tenth of a second and has its own ideas of memory.
 */
#ifndef MATCHER_H
#define MATCHER_H

#include <sekisho.h>

/*
 * Build a policy with the matcher that suits its size. Where compiling is not possible, for want of EAL
 * or of memory, it is linear: slower, with the same answers. As sekisho_policy_create(). One thread.
 */
struct sekisho_policy *matcher_policy_create(const struct sekisho_policy_spec *spec,
					     struct sekisho_rule_names *names, char *message,
					     size_t message_size);

#endif
