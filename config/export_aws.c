/* SPDX-License-Identifier: BSD-3-Clause */
/* export_aws.c: the document, its ids, and what of a policy AWS has no words for. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "aws_quota.h"
#include "export_model.h"

#define ID_SIZE 64

void export_set(struct export *export, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		export->failed = true;
}

void export_append(struct export *export, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		export->failed = true;
}

json_t *export_array(struct export *export, json_t *object, const char *key)
{
	json_t *array = json_array();

	export_set(export, object, key, array);
	return export->failed ? NULL : array;
}

void export_tell(struct export *export, enum remark_kind kind, const char *path, const char *format,
		 ...)
{
	va_list arguments;

	va_start(arguments, format);
	remark_add_v(export->remarks, kind, (struct remark_place){export->config->name, path},
		     format, arguments);
	va_end(arguments);
}

void export_name_tag(struct export *export, json_t *object, const char *key, const char *name)
{
	json_t *tags = export_array(export, object, key);

	export_append(export, tags, json_pack("{s:s, s:s}", "Key", "Name", "Value", name));
}

/* ---- ids -------------------------------------------------------------------------------------- */

/* Own ids first, so that none that is made up is one of them. */
static void reserve(struct export *export, const char *id)
{
	if (id == NULL)
		return;
	export_set(export, export->taken, id,
		   json_integer(json_integer_value(json_object_get(export->taken, id)) + 1));
}

static void reserve_all(struct export *export)
{
	const struct schema_policy *schema = export->schema;

	for (unsigned i = 0; i < schema->groups_count; i++)
		reserve(export, schema->groups[i].id);
	for (unsigned i = 0; i < schema->prefix_lists_count; i++)
		reserve(export, schema->prefix_lists[i].id);
	for (unsigned i = 0; i < schema->endpoints_count; i++)
		reserve(export, schema->endpoints[i].id);
	for (unsigned i = 0; i < schema->network_acls_count; i++)
		reserve(export, schema->network_acls[i].id);
}

json_t *export_id(struct export *export, const char *kind, const char *own, const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	char id[ID_SIZE];

	if (own != NULL && json_integer_value(json_object_get(export->taken, own)) == 1)
		return json_string(own);
	/* what was not described when it was imported has its id for a name */
	if (own == NULL && strncmp(name, kind, strlen(kind)) == 0 &&
	    json_object_get(export->taken, name) == NULL) {
		reserve(export, name);
		return json_string(name);
	}
	for (const char *p = name; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
	do {
		snprintf(id, sizeof(id), "%s0%016llx", kind, (unsigned long long)hash++);
	} while (json_object_get(export->taken, id) != NULL);
	reserve(export, id);
	return json_string(id);
}

static void ids_give(struct export *export)
{
	const struct schema_policy *schema = export->schema;

	reserve_all(export);
	for (unsigned i = 0; i < schema->groups_count; i++)
		export_set(export, export->group_ids, schema->groups[i].name,
			   export_id(export, "sg-", schema->groups[i].id, schema->groups[i].name));
	for (unsigned i = 0; i < schema->prefix_lists_count; i++)
		export_set(export, export->list_ids, schema->prefix_lists[i].name,
			   export_id(export, "pl-", schema->prefix_lists[i].id,
				     schema->prefix_lists[i].name));
	for (unsigned i = 0; i < schema->network_acls_count; i++) {
		const struct schema_acl *acl = &schema->network_acls[i];

		export_append(export, export->acl_ids,
			      export_id(export, "acl-", acl->id, acl->name));
		export_append(export, export->subnet_ids,
			      export_id(export, "subnet-", NULL, acl->name));
	}
}

/* ---- what AWS does not know ------------------------------------------------------------------- */

/* Timers that AWS lets nobody set; the three others go to the interfaces. */
static void tell_timeouts(struct export *export)
{
	for (unsigned t = 0; t < SEKISHO_TIMEOUT_COUNT; t++) {
		if (t == SEKISHO_TIMEOUT_TCP_ESTABLISHED || t == SEKISHO_TIMEOUT_UDP ||
		    t == SEKISHO_TIMEOUT_UDP_STREAM)
			continue;
		if (export->schema->timeouts.seconds[t] != NULL)
			export_tell(export, REMARK_LEFT_OUT, "timeouts",
				    "%s cannot be set in AWS (AWS-47)", sekisho_timeouts[t].name);
	}
}

static void tell_unknown(struct export *export)
{
	const struct schema_policy *schema = export->schema;
	const struct sekisho_policy_spec *spec = &export->config->spec;

	if (spec->semantics == SEKISHO_STRICT)
		export_tell(export, REMARK_LEFT_OUT, "semantics",
			    "strict: AWS tracks as aws-like does, and admits what strict drops");
	if (schema->aws.tcp_pickup != NULL)
		export_tell(export, REMARK_LEFT_OUT, "aws.tcp_pickup", "AWS has no such switch");
	if (schema->never_filtered_count > 0)
		export_tell(export, REMARK_LEFT_OUT, "never_filtered",
			    "AWS has a list of its own (AWS-115)");
	if (memcmp(&schema->limits, &(struct schema_limits){0}, sizeof(schema->limits)) != 0)
		export_tell(export, REMARK_LEFT_OUT, "limits", "AWS sets its own (AWS-50)");
	tell_timeouts(export);
}

json_t *export_aws(const struct config_policy *config, struct remarks *remarks)
{
	struct export export = {
		.config = config,
		.schema = config->schema,
		.remarks = remarks,
		.group_ids = json_object(),
		.list_ids = json_object(),
		.acl_ids = json_array(),
		.subnet_ids = json_array(),
		.taken = json_object(),
	};
	json_t *document = json_object();

	ids_give(&export);
	tell_unknown(&export);
	aws_quota_tell(config, remarks);
	export_groups(&export, document);
	export_lists(&export, document);
	export_interfaces(&export, document);
	export_acls(&export, document);
	if (export.failed)
		remark_add(remarks, REMARK_ERROR, (struct remark_place){config->name, NULL},
			   "not enough memory");
	json_decref(export.group_ids);
	json_decref(export.list_ids);
	json_decref(export.acl_ids);
	json_decref(export.subnet_ids);
	json_decref(export.taken);
	if (remarks->of_kind[REMARK_ERROR] == 0)
		return document;
	json_decref(document);
	return NULL;
}
