/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint.h: what a valid policy does that its writer may not have meant.
 *
 * A finding has a place, a stable code word, a sentence, and the clauses that it follows from. What
 * is said of rules is worked out, not guessed: rules are taken apart into boxes (a block of
 * addresses, a protocol, a range of ports or ICMP types), and boxes are compared. Where a bound cut
 * the work short, a finding says so.
 */
#ifndef CONFIG_LINT_H
#define CONFIG_LINT_H

#include "config.h"

/* A warning is about what is likely wrong or unsafe, a note about what is good to know. */
enum lint_severity { LINT_NOTE, LINT_WARNING };

/* The kinds of findings: (ID, code word, severity). */
/* clang-format off */
#define LINT_CODES(X) \
	/* what the rules let through that they do not say */ \
	X(SYMMETRIC_PORTS,   "symmetric-ports",   WARNING) \
	X(SYMMETRIC_EGRESS,  "symmetric-egress",  NOTE) \
	X(GUARDED_PORTS,     "guarded-ports",     NOTE) \
	X(ONE_WAY,           "one-way",           WARNING) \
	X(UNTRACKED,         "untracked",         NOTE) \
	X(OPEN_TO_ALL,       "open-to-all",       WARNING) \
	X(NEVER_FILTERED,    "never-filtered",    NOTE) \
	X(UNFILTERED,        "unfiltered",        WARNING) \
	X(WEAKENED_STRICT,   "weakened-strict",   WARNING) \
	/* rules that do nothing, or less than they say */ \
	X(DUPLICATE_RULE,    "duplicate-rule",    WARNING) \
	X(SHADOWED_RULE,     "shadowed-rule",     WARNING) \
	X(NEVER_MATCHES,     "never-matches",     WARNING) \
	X(DENIED_BY_ACL,     "denied-by-acl",     WARNING) \
	X(WIDER,             "wider-than-endpoint", NOTE) \
	X(HOST_BITS,         "host-bits",         WARNING) \
	X(SHADOWED_ENTRY,    "shadowed-entry",    WARNING) \
	X(ACL_DENIES_ALL,    "acl-denies-all",    WARNING) \
	/* what hangs together with nothing */ \
	X(UNUSED_GROUP,      "unused-group",      WARNING) \
	X(UNUSED_LIST,       "unused-prefix-list", NOTE) \
	X(UNUSED_ACL,        "unused-acl",        WARNING) \
	X(EMPTY_REFERENCE,   "empty-reference",   WARNING) \
	X(NO_GROUPS,         "endpoint-without-groups", WARNING) \
	X(NO_EFFECT,         "no-effect",         NOTE) \
	/* the rest */ \
	X(AWS_QUOTA,         "aws-quota",         WARNING) \
	X(CUT_SHORT,         "cut-short",         NOTE)
/* clang-format on */

enum lint_code {
#define X(id, word, severity) LINT_##id,
	LINT_CODES(X)
#undef X
		LINT_CODE_COUNT
};

struct lint_finding {
	enum lint_code code;
	unsigned line, column;
	const char *rule;    /* "group/id" where it is about one, else NULL */
	const char *text;    /* one sentence without a full stop */
	const char *clauses; /* "AWS-70, AWS-71", or NULL */
};

#define LINT_FINDINGS_MAX 1000 /* of one code that are kept; all are counted */

struct lint_report {
	struct lint_finding *findings; /* in the order of their places */
	size_t count;
	size_t found[LINT_CODE_COUNT];
	void **texts;
	size_t text_count, text_room, room;
};

/* "symmetric-ports". */
const char *lint_code_word(enum lint_code code);
enum lint_severity lint_code_severity(enum lint_code code);

/*
 * Look through a policy, which must outlive the report. 0, or -ENOMEM. Call lint_report_fini() in
 * any case.
 */
int lint_report_init(struct lint_report *report, const struct config_policy *config);
void lint_report_fini(struct lint_report *report);

/* The rules of a policy whose flows have no state, on one of its endpoints at least (AWS-10). */
struct lint_untracked {
	const struct sekisho_rule_spec **rules;
	size_t count;
};

/* 0, or -ENOMEM. Call lint_untracked_fini() in any case. */
int lint_untracked_init(struct lint_untracked *untracked, const struct config_policy *config);
void lint_untracked_fini(struct lint_untracked *untracked);

/* Whether a rule of the policy, by its address in the description, is among them. */
bool lint_untracked_has(const struct lint_untracked *untracked,
			const struct sekisho_rule_spec *rule);

#endif
