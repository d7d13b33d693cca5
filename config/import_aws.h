/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_aws.h: AWS's own JSON in, a policy file out.
 *
 * Life-cycle: create; add each file's text; ask for the policy; read the remarks; destroy. What was
 * given may come in any order and any number of files: everything is put together by its id, and the
 * policy's order is that of names, so that two dumps of the same rules give the same bytes.
 *
 * Leaving out is safe for what allows and unsafe for what denies: a rule that cannot be carried over
 * is left out and told (REMARK_LEFT_OUT); a network ACL's entry that denies is an error then, and so
 * is what no AWS output looks like. After an error there is no policy.
 */
#ifndef CONFIG_IMPORT_AWS_H
#define CONFIG_IMPORT_AWS_H

#include "remark.h"

#define IMPORT_FILE_MAX (32u << 20) /* bytes of one file; more is not worth reading */

struct import_source {
	const char *name; /* the file's, for remarks; lives as long as the import */
	const char *text;
	size_t length;
	const char *prefix_list; /* whose entries it holds; NULL: as the name says, pl-*.json */
};

struct import;

/* NULL: no memory. */
struct import *import_aws_create(void);
void import_aws_destroy(struct import *import);

/* Take one file's text. What is wrong with it is told by the remarks. */
void import_aws_add(struct import *import, const struct import_source *source);

/*
 * The policy file of all that was added, valid for config_policy_parse(). NULL when there was an
 * error or nothing to carry over; the remarks say which. Once, after the last text.
 */
const char *import_aws_policy(struct import *import, size_t *length);

const struct remarks *import_aws_remarks(const struct import *import);

#endif
