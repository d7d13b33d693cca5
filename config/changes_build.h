/* SPDX-License-Identifier: BSD-3-Clause */
/* changes_build.h: what the parts of changes share; not for other folders. */
#ifndef CONFIG_CHANGES_BUILD_H
#define CONFIG_CHANGES_BUILD_H

#include "changes.h"

/* A text in the making. NULL once memory was short. */
struct change_text {
	char *bytes;
	size_t length, room;
};

void change_text_add(struct change_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "tcp 22, 443", "icmp type 8": all of a rule but its peers. */
void change_text_match(struct change_text *text, const struct sekisho_rule_spec *rule);

/* "10.0.0.0/8, 192.0.2.0/24 and 3 more". */
void change_text_blocks(struct change_text *text, const struct sekisho_prefix *blocks,
			size_t count);

/*
 * "adds 10.0.0.5/32; drops 10.0.0.0/8": how one set of blocks differs from another; nothing is
 * added if it does not.
 */
void change_text_sets(struct change_text *text, const struct sekisho_prefix *from,
		      size_t from_count, const struct sekisho_prefix *to, size_t to_count);

/* "tcp 22 from 10.0.0.0/8". */
void change_text_rule(struct change_text *text, const struct sekisho_rule_spec *rule);

/* How one rule differs from another of its name. */
void change_text_rules(struct change_text *text, const struct sekisho_rule_spec *from,
		       const struct sekisho_rule_spec *to);

/* Add a change of a setting; takes the text over. One without text is none. */
void changes_add_setting(struct changes *changes, enum change_kind kind, struct change_text *text,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* changes_settings.c: all but the rules. */
void changes_add_settings(struct changes *changes, const struct sekisho_policy_spec *from,
			  const struct sekisho_policy_spec *to);

#endif
