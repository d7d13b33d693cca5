/* SPDX-License-Identifier: BSD-3-Clause */
/* builder.h: between the two halves of the policy file's third pass; not for other folders. */
#ifndef CONFIG_BUILDER_H
#define CONFIG_BUILDER_H

#include <stdarg.h>

#include "schema.h"

struct config_policy {
	char *name, *text;
	size_t length;
	struct sekisho_policy_spec spec;
	/* what the spec points to */
	struct sekisho_group_spec *groups;
	struct sekisho_endpoint_spec *endpoints;
	struct sekisho_acl_spec *acls;
	struct sekisho_prefix *never_filtered;
	void **owned; /* everything else */
	size_t owned_count, owned_size;
	/* while it is built */
	const struct schema_policy *schema;
	const struct reader *reader;
	struct config_errors *errors;
};

/* Zeroed memory that lives as long as the config; NULL: no memory. */
void *policy_own(struct config_policy *config, size_t count, size_t size);

/* A string that lives as long as the config. */
char *policy_print(struct config_policy *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say an error at a node. */
#define POLICY_ERROR(config, path, ...) \
	reader_error((config)->reader, (config)->errors, path, __VA_ARGS__)

/* The name in a list that is nearest to a wrong one, or NULL if none is near. */
const char *policy_nearest(const char *wrong, const char *(*name_at)(const void *, size_t),
			   const void *list, size_t count);

/* Addresses and blocks as written, judged; `path` is that of the list. */
struct sekisho_prefix *policy_build_blocks(struct config_policy *config, char *const *list,
					   size_t count, const char *path);

/* policy_rules.c: all of a rule but its name. Its direction is set already. */
void policy_build_match(struct config_policy *config, struct sekisho_rule_spec *out,
			const struct schema_rule *rule, const char *path);

/* What the rule names of network ACLs begin with, and those of groups must not. */
#define POLICY_ACL_PREFIX "network_acl:"

/* policy_acls.c: network ACLs into the spec; needs the spec's endpoints. */
void policy_build_acls(struct config_policy *config);

/* policy_rules.c: groups and their rules into the spec; needs the spec's endpoints. */
void policy_build_groups(struct config_policy *config);

#endif
