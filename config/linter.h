/* SPDX-License-Identifier: BSD-3-Clause */
/* linter.h: what the parts of lint share; not for other folders. See lint.h. */
#ifndef CONFIG_LINTER_H
#define CONFIG_LINTER_H

#include "builder.h"
#include "lint.h"
#include "lint_boxes.h"
#include "lint_ranges.h"

#define LINTER_NONE      UINT32_MAX
#define LINTER_PATH      96
#define LINTER_ACL_BOXES 64 /* rules with more are not held against network ACLs */

/* A rule of a group, in the order of the file. */
struct linter_rule {
	const struct sekisho_rule_spec *spec;
	uint32_t group, index; /* in the group: ingress first */
	bool is_dead;          /* a finding says that it never matches */
};

/* Endpoints that are judged alike: the same groups, families, network ACL and timers. */
struct linter_class {
	const struct sekisho_endpoint_spec *endpoint; /* one of them */
	size_t count;
	const uint16_t *groups; /* sorted, each once */
	size_t group_count;
	bool family[2]; /* IPv4, IPv6: any of them has addresses of it */
};

/*
 * A network ACL's entries of one direction: boxes in the order of their numbers; `rule` is the
 * entry.
 */
struct linter_acl_list {
	struct lint_box *boxes;
	size_t count;
};

struct linter_acl {
	struct linter_acl_list lists[2]; /* by direction */
};

struct linter {
	const struct config_policy *config;
	const struct sekisho_policy_spec *spec;
	const struct schema_policy *schema;
	struct reader *reader; /* for places */
	struct lint_report *report;
	struct linter_rule *rules;
	size_t rule_count;
	uint32_t *group_rules; /* where the rules of group g begin; [group_count] is their number */
	struct linter_class *classes; /* those with the same groups stand together */
	size_t class_count;
	uint16_t *class_groups;
	/* endpoints that carry group g: carriers[group_carriers[g]] up to [g + 1] */
	uint32_t *group_carriers, *carriers;
	struct linter_acl *acls;
	struct lint_ranges unfiltered; /* what is never filtered */
	struct lint_ranges no_source;  /* addresses that no packet that passes comes from */
	uint64_t steps;                /* taken so far */
	bool failed;                   /* no memory */
};

/* Where and about what a finding is. */
struct linter_subject {
	const char *path;
	const char *rule;
	const char *clauses;
};

/* Add a finding. */
void linter_say(struct linter *linter, enum lint_code code, const struct linter_subject *subject,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The path of a rule in the file. */
void linter_rule_path(const struct linter *linter, const struct linter_rule *rule,
		      char path[LINTER_PATH]);

/*
 * Take steps of work, each a comparison. False once there were too many: a finding says so, and
 * what follows is to be left undone.
 */
bool linter_spend(struct linter *linter, uint64_t steps);

/* Say that something was too much to look at all of it. */
void linter_cut(struct linter *linter);

/* A rule as it is written. */
const struct schema_rule *linter_written(const struct linter *linter,
					 const struct linter_rule *rule);

/* Add a finding about a rule, at its place. */
#define LINTER_SAY_RULE(linter, code, linter_rule, clauses_, ...)                                \
	do {                                                                                     \
		char path_[LINTER_PATH];                                                         \
		linter_rule_path(linter, linter_rule, path_);                                    \
		linter_say(linter, code,                                                         \
			   &(struct linter_subject){path_, (linter_rule)->spec->name, clauses_}, \
			   __VA_ARGS__);                                                         \
	} while (0)

/* How many endpoints carry a group. */
static inline size_t linter_carriers(const struct linter *linter, uint32_t group)
{
	return linter->group_carriers[group + 1] - linter->group_carriers[group];
}

/* The seconds of a timer for an endpoint. */
uint32_t linter_seconds(const struct linter *linter, const struct sekisho_endpoint_spec *endpoint,
			enum sekisho_timeout timeout);

/* The network ACLs' boxes. False: no memory. */
bool linter_build_acls(struct linter *linter);
void linter_free_acls(struct linter *linter);

/*
 * Whether a network ACL, by its number plus one, denies all of a box. False if it may not, and for
 * 0. Right when it says yes; a box that several entries share may get a no.
 */
bool linter_acl_denies(struct linter *linter, uint16_t number, const struct lint_box *box,
		       enum sekisho_direction direction);

/*
 * Add the peers that a network ACL, by its number plus one, denies packets of one protocol and port
 * or type: `point` without its block. Exact. False: it was cut short.
 */
bool linter_acl_denied(struct linter *linter, uint16_t number, const struct lint_box *point,
		       enum sekisho_direction direction, struct lint_ranges *denied);

/* Gather the rules whose flows have no state; there is room for all. False: no memory. */
bool lint_list_untracked(struct linter *linter, struct lint_untracked *untracked);

/* The parts. Each looks at the whole policy. */
void lint_usage(struct linter *linter); /* lint_usage.c: what hangs together with nothing */
void lint_addresses(
	struct linter *linter); /* lint_addresses.c: blocks that are wider than they look */
void lint_settings(struct linter *linter); /* lint_settings.c: knobs, never-filtered lists */
void lint_matches(struct linter *linter);  /* lint_matches.c: rules that never match; marks them */
void lint_acls(struct linter *linter);     /* lint_acls.c: network ACLs */
void lint_shadows(struct linter *linter);  /* lint_shadows.c: rules that others make needless */
void lint_exposure(struct linter *linter); /* lint_exposure.c: answers that are none */
void lint_openness(struct linter *linter); /* lint_openness.c: rules open to all, untracked flows */

#endif
