/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_plan.h: the resources of `terraform show -json`, of a state or of a plan, and in a plan what
 * stands for the values that are not known before it is applied.
 *
 * A plan of new things knows no ids, so a rule does not know its group's. It is found through the
 * plan's configuration: `security_group_id = aws_security_group.edge.id` refers to a resource of the
 * same module, whose key in the model is its address then. What goes through variables, outputs,
 * conditions or loops that do not run in step is not guessed at.
 */
#ifndef CONFIG_IMPORT_PLAN_H
#define CONFIG_IMPORT_PLAN_H

#include "import_node.h"

struct plan_document;

struct plan_resource {
	const struct plan_document *document;
	const char *address; /* "module.m.aws_security_group.edge[0]" */
	const char *type;
	const char *module; /* "module.m", or "" */
	struct node values;
	const json_t *index;       /* of count or for_each; NULL without */
	const json_t *unknown;     /* after_unknown; NULL in a state */
	const json_t *expressions; /* of the configuration; NULL in a state */
	bool data;                 /* read, not managed */
};

/* Whether a document is Terraform's. */
bool plan_is_terraform(const struct node *document);

/* Call `take` for each resource of a document. */
void plan_resources(const struct node *document,
		    void (*take)(const struct plan_resource *resource));

/* The key of a resource in the model: its id, or while it has none its address. */
const char *plan_key(const struct plan_resource *resource);

/* Whether a value, or any part of it, is not known before the plan is applied. */
bool plan_is_unknown(const struct plan_resource *resource, const char *member);

/* The same of a part of after_unknown. */
bool plan_has_unknown(const json_t *unknown);

/* "123456789012/sg-0abc", a group of another account, without the account. */
const char *plan_without_account(const char *key);

/* Whether the configuration says anything of a member. True in a state. */
bool plan_is_configured(const struct plan_resource *resource, const char *member);

/* Tell that a member is left out for not being known. */
void plan_tell_unknown(const struct plan_resource *resource, const char *member);

/*
 * The key that a member refers to: a string, or what the configuration refers to. NULL if there is
 * none; what cannot be found out is told as left out.
 */
const char *plan_reference(const struct plan_resource *resource, const char *member);

/* The same for a member that is a list: call `take` for each key. */
void plan_references(const struct plan_resource *resource, const char *member,
		     void (*take)(const struct node *place, const char *key, void *context),
		     void *context);

#endif
