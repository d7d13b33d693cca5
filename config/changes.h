/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * changes.h: what changes between two policies, in words: rules by their names, and of the settings
 * the semantics, timers, limits, knobs, endpoints, network ACLs and what is never filtered.
 */
#ifndef CONFIG_CHANGES_H
#define CONFIG_CHANGES_H

#include "config.h"

enum change_kind { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED, CHANGE_KINDS };

/* "added", ... */
const char *change_kind_word(enum change_kind kind);

struct change {
	enum change_kind kind;
	const struct sekisho_rule_spec
		*rule; /* as it was, or is to be if it is added; NULL: no rule */
	char *name;    /* "vpn/esp-in", "timeouts.udp", "endpoints.gateway-b.addresses" */
	char *text;    /* "tcp 22 from 10.0.0.0/8", "30 s -> 60 s", "adds 10.0.0.5/32" */
};

struct changes {
	struct change *items; /* settings first, then rules in the order of their names */
	size_t count, room;
	size_t rules[CHANGE_KINDS], settings; /* of each kind; of all kinds */
	bool failed;
};

/*
 * Compare two policies, which must outlive the changes. 0, or -ENOMEM. Call changes_fini() in any
 * case.
 */
int changes_init(struct changes *changes, const struct sekisho_policy_spec *from,
		 const struct sekisho_policy_spec *to);
void changes_fini(struct changes *changes);

#endif
