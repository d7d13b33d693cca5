/* SPDX-License-Identifier: BSD-3-Clause */
/* builder.h: between the two halves of the policy file's third pass; not for other folders. */
#ifndef CONFIG_BUILDER_H
#define CONFIG_BUILDER_H

#include <stdarg.h>

#include "names.h"
#include "schema.h"

/* Blocks of addresses in the making, and of each whether a rule itself has it (AWS-19). */
struct peers {
	struct sekisho_prefix *prefixes;
	bool *literal;
	size_t count, room;
};

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
	struct names group_names, list_names, endpoint_names;
	struct peers *group_peers, *list_peers; /* what a reference to each stands for */
	size_t boxes;                           /* blocks times ranges of ports, of all so far */
};

/* Zeroed memory that lives as long as the config; NULL: no memory. */
void *policy_own(struct config_policy *config, size_t count, size_t size);

/* A string that lives as long as the config. */
char *policy_print(struct config_policy *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Say an error at a node. */
#define POLICY_ERROR(config, path, ...) \
	reader_error((config)->reader, (config)->errors, path, __VA_ARGS__)

/* A list of addresses, judged; `path` is its own. As many as there are, or NULL: no memory. */
struct sekisho_prefix *policy_build_blocks(struct config_policy *config, char *const *list,
					   size_t count, const char *path);

/* The same for the timers of the policy or of an endpoint. */
void policy_build_timeouts(struct config_policy *config, const struct schema_timeouts *from,
			   uint32_t *to, const char *path);

/* Sort the names of a list. False and an error: no memory. */
bool policy_build_names(struct config_policy *config, struct names *names,
			const struct spelling *list);

/* Refuse names that are there twice, in a list of the file as "groups"; `what` one of them is. */
void policy_refuse_duplicates(struct config_policy *config, const struct names *names,
			      const char *list, const char *what);

/*
 * The position of a name; NAMES_NONE and an error with what may have been meant, if there is none.
 */
size_t policy_find(struct config_policy *config, const struct names *names, const char *what,
		   const char *name, const char *path);

/* policy_endpoints.c: endpoints and their names into the spec; needs the names of groups. */
void policy_build_endpoints(struct config_policy *config);

/* What references begin with. */
#define POLICY_GROUP "group:"
#define POLICY_LIST  "prefix_list:"

/* The names of the file's groups and prefix lists. */
struct spelling policy_groups(const struct schema_policy *schema);
struct spelling policy_lists(const struct schema_policy *schema);

/*
 * policy_peers.c: names of groups and prefix lists, and what the lists stand for. False: no memory.
 */
bool policy_build_references(struct config_policy *config);

/*
 * What references to groups stand for: the addresses of the endpoints; needs the spec's endpoints.
 */
void policy_build_members(struct config_policy *config);

/* The peers of a rule. */
void policy_build_peers(struct config_policy *config, struct sekisho_rule_spec *out,
			const struct schema_rule *rule, const char *path);

/* Count what the policy stands for in all; an error when it becomes more than can be. */
void policy_charge(struct config_policy *config, size_t boxes, const char *path);

/* policy_rules.c: all of a rule but its name. Its direction is set already. */
void policy_build_match(struct config_policy *config, struct sekisho_rule_spec *out,
			const struct schema_rule *rule, const char *path);

/* What the rule names of network ACLs begin with, and those of groups must not. */
#define POLICY_ACL_PREFIX "network_acl:"

/* policy_acls.c: network ACLs into the spec; needs the spec's endpoints. */
void policy_build_acls(struct config_policy *config);

/* policy_rules.c: groups and their rules into the spec; needs all of the above. */
void policy_build_groups(struct config_policy *config);

#endif
