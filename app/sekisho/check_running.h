/* SPDX-License-Identifier: BSD-3-Clause */
/* check_running.h: what a policy would change if it were committed. */
#ifndef CHECK_RUNNING_H
#define CHECK_RUNNING_H

#include <changes.h>
#include <jansson.h>
#include <lint.h>

#include "cli.h"

/* A running policy, and a candidate for its place. */
struct check_running {
	json_int_t generation;
	char *name;                       /* of the running policy's file */
	struct config_policy *now;        /* NULL: there is none to compare with */
	struct changes changes;           /* to the candidate */
	struct lint_untracked untracked;  /* rules of the running one */
	enum sekisho_semantics semantics; /* of the candidate */
	json_t *live;                     /* live flows by rule, where there are any */
};

/*
 * Ask the daemon, if there is one, and compare. That there is none, or that its policy cannot be
 * had, is no failure: `now` stays NULL, and stderr has a word where --socket was given or something
 * went wrong.
 */
void check_running_init(struct check_running *running, const struct cli *cli,
			const struct config_policy *candidate);
void check_running_fini(struct check_running *running);

/* Print the changes, one a line. */
void check_running_print(const struct cli *cli, const struct check_running *running);

/* Print the value of the summary's member `running`. */
void check_running_summary_json(const struct check_running *running);

#endif
