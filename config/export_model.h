/* SPDX-License-Identifier: BSD-3-Clause */
/* export_model.h: between the parts of the export; not for other folders. */
#ifndef CONFIG_EXPORT_MODEL_H
#define CONFIG_EXPORT_MODEL_H

#include "builder.h"
#include "export_aws.h"

struct export
{
	const struct config_policy *config;
	const struct schema_policy *schema;
	struct remarks *remarks;
	json_t *group_ids, *list_ids; /* id by name */
	json_t *acl_ids,
		*subnet_ids; /* id by index; the subnet is what the ACL's endpoints are in */
	json_t *taken;       /* all ids that are in use, by any kind */
	bool failed;         /* memory is short; sticky */
};

/* json_object_set_new() and json_array_append_new() that remember a failure. */
void export_set(struct export *export, json_t *object, const char *key, json_t *value);
void export_append(struct export *export, json_t *array, json_t *value);

/* A new array under a key of an object; borrowed. */
json_t *export_array(struct export *export, json_t *object, const char *key);

/*
 * The id of a thing: its own, if it has one that nothing else has, or one made of its kind ("sg-") and
 * its name. A new reference.
 */
json_t *export_id(struct export *export, const char *kind, const char *own, const char *name);

/* Say something about a node of the policy file, "groups[0]". */
void export_tell(struct export *export, enum remark_kind kind, const char *path, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

/* [{"Key": "Name", "Value": name}] under a key of an object. */
void export_name_tag(struct export *export, json_t *object, const char *key, const char *name);

/* export_groups.c */
void export_groups(struct export *export, json_t *document);

/* export_network.c */
void export_lists(struct export *export, json_t *document);
void export_interfaces(struct export *export, json_t *document);
void export_acls(struct export *export, json_t *document);

#endif
