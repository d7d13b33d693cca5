/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policies.h: policies for the harnesses that run an engine: sets of rules for the two endpoints of
 * grammar.h, under both semantics and with knobs turned.
 */
#ifndef POLICIES_H
#define POLICIES_H

#include <sekisho.h>

/* Build all of them, once. */
void policies_init(void);

/* The names of their rules. */
struct sekisho_rule_names *policies_names(void);

/* One of them; any number will do. */
struct sekisho_policy *policies_get(unsigned which);

#endif
