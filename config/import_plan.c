/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_plan.c: two walks over the modules. The first notes under which key each address is to be
 * found, the second hands out the resources; so a rule may stand before its group.
 */
#include "import_plan.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS_SIZE   1200
#define REFERENCES_MAX 16 /* of one expression */

struct plan_document {
	struct import *import;
	json_t *keys; /* address to key; null where an address without index stands for several */
	json_t *unknowns; /* address to after_unknown */
	bool data_only;   /* of what a plan has read before, only data is of interest */
	void (*take)(const struct plan_resource *resource);
};

bool plan_is_terraform(const struct node *document)
{
	return node_member(document, "format_version").value != NULL ||
	       node_member(document, "planned_values").value != NULL;
}

static void set(const struct plan_document *document, json_t *object, const char *key,
		json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		document->import->no_memory = true;
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* The configuration's resources of a module, by address; a new reference, or NULL in a state. */
static json_t *expressions_by_address(const struct plan_document *document, const json_t *module)
{
	const json_t *resources = json_object_get(module, "resources");
	json_t *by_address = module != NULL ? json_object() : NULL, *resource;
	size_t i;

	json_array_foreach(resources, i, resource)
	{
		const char *address = json_string_value(json_object_get(resource, "address"));
		json_t *expressions = json_object_get(resource, "expressions");

		if (address != NULL && expressions != NULL)
			set(document, by_address, address, json_incref(expressions));
	}
	return by_address;
}

/* The configuration of a child module: of "module.a.module.b[0]" that of the call "b". */
static const json_t *module_called(const json_t *module, const char *parent, const char *address)
{
	size_t length = strlen(parent);
	char name[256];

	if (length > 0 && strncmp(address, parent, length) == 0 && address[length] == '.')
		address += length + 1;
	if (strncmp(address, "module.", 7) != 0)
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(address + 7, "["), address + 7);
	return json_object_get(json_object_get(json_object_get(module, "module_calls"), name),
			       "module");
}

/* "module.m.aws_security_group.edge" of ".....edge[0]", as the configuration calls it within `m`. */
static void address_bare(const struct plan_resource *resource, const char *name, char *bare)
{
	snprintf(bare, ADDRESS_SIZE, "%s%s.%s", resource->data ? "data." : "", resource->type,
		 name);
}

static void resource_take(const struct plan_document *document, const struct node *entry,
			  const char *module, const json_t *expressions)
{
	struct plan_resource resource = {.document = document, .module = module};
	struct node titled = *entry;
	const char *mode, *name;
	char bare[ADDRESS_SIZE];

	if (!node_is_object(entry))
		return;
	resource.address = node_need_text(entry, "address");
	resource.type = node_need_text(entry, "type");
	name = node_need_text(entry, "name");
	mode = node_text(entry, "mode");
	if (resource.address == NULL || resource.type == NULL || name == NULL)
		return;
	resource.data = mode != NULL && strcmp(mode, "data") == 0;
	if (document->data_only && !resource.data)
		return;
	titled.title = resource.address;
	resource.values = node_member(&titled, "values");
	resource.index = json_object_get(entry->value, "index");
	resource.unknown = json_object_get(document->unknowns, resource.address);
	address_bare(&resource, name, bare);
	resource.expressions = json_object_get(expressions, bare);
	if (resource.values.value != NULL && node_is_object(&resource.values))
		document->take(&resource);
}

static void module_walk(const struct plan_document *document, const struct node *module,
			const json_t *configuration)
{
	struct node resources = node_member(module, "resources");
	struct node children = node_member(module, "child_modules");
	const char *address = node_text(module, "address");
	json_t *expressions = expressions_by_address(document, configuration);

	if (address == NULL)
		address = "";
	for (size_t i = 0; i < node_length(&resources); i++) {
		struct node entry = node_entry(&resources, i);

		resource_take(document, &entry, address, expressions);
	}
	json_decref(expressions);
	for (size_t i = 0; i < node_length(&children); i++) {
		struct node child = node_entry(&children, i);
		const char *called = node_is_object(&child) ? node_text(&child, "address") : NULL;

		if (called != NULL)
			module_walk(document, &child,
				    module_called(configuration, address, called));
	}
}

/* First walk: what address is found under what key. */
static void key_note(const struct plan_resource *resource)
{
	const struct plan_document *document = resource->document;
	const char *id = node_text(&resource->values, "id");
	const char *key = id != NULL && id[0] != '\0' ? id : resource->address;
	char bare[ADDRESS_SIZE];

	set(document, document->keys, resource->address, json_string(key));
	if (resource->index == NULL)
		return;
	snprintf(bare, sizeof(bare), "%.*s",
		 (int)(strrchr(resource->address, '[')
			       ? strrchr(resource->address, '[') - resource->address
			       : 0),
		 resource->address);
	set(document, document->keys, bare,
	    json_object_get(document->keys, bare) != NULL ? json_null() : json_string(key));
}

static void walk(struct plan_document *document, const struct node *top,
		 const json_t *configuration)
{
	struct node values = node_member(top, "planned_values"), prior, module;

	if (values.value == NULL)
		values = node_member(top, "values");
	module = node_member(&values, "root_module");
	if (module.value != NULL && node_is_object(&module))
		module_walk(document, &module, json_object_get(configuration, "root_module"));
	/* what a plan has read already stands with the state before it */
	prior = node_member(top, "prior_state");
	values = node_member(&prior, "values");
	module = node_member(&values, "root_module");
	document->data_only = true;
	if (module.value != NULL && node_is_object(&module))
		module_walk(document, &module, NULL);
	document->data_only = false;
}

void plan_resources(const struct node *top, void (*take)(const struct plan_resource *resource))
{
	struct plan_document document = {
		.import = top->import,
		.keys = json_object(),
		.unknowns = json_object(),
		.take = key_note,
	};
	const json_t *configuration = json_object_get(top->value, "configuration");
	json_t *change;
	size_t i, errors;

	json_array_foreach(json_object_get(top->value, "resource_changes"), i, change)
	{
		const char *address = json_string_value(json_object_get(change, "address"));
		json_t *unknown =
			json_object_get(json_object_get(change, "change"), "after_unknown");

		if (address != NULL && unknown != NULL)
			set(&document, document.unknowns, address, json_incref(unknown));
	}
	errors = top->import->remarks.of_kind[REMARK_ERROR];
	walk(&document, top, configuration);
	document.take = take;
	/* what is no resource is told once */
	if (top->import->remarks.of_kind[REMARK_ERROR] == errors)
		walk(&document, top, configuration);
	json_decref(document.keys);
	json_decref(document.unknowns);
}

const char *plan_key(const struct plan_resource *resource)
{
	const char *key =
		json_string_value(json_object_get(resource->document->keys, resource->address));

	return key != NULL ? import_print(resource->values.import, "%s", key) : NULL;
}

/* ---- what is not known ------------------------------------------------------------------------ */

bool plan_has_unknown(const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	json_object_foreach((json_t *)value, key, member)
	{
		if (plan_has_unknown(member))
			return true;
	}
	json_array_foreach((json_t *)value, i, member)
	{
		if (plan_has_unknown(member))
			return true;
	}
	return json_is_true(value);
}

bool plan_is_unknown(const struct plan_resource *resource, const char *member)
{
	return plan_has_unknown(json_object_get(resource->unknown, member));
}

bool plan_is_configured(const struct plan_resource *resource, const char *member)
{
	return resource->expressions == NULL ||
	       json_object_get(resource->expressions, member) != NULL;
}

void plan_tell_unknown(const struct plan_resource *resource, const char *member)
{
	NODE_REMARK(&resource->values, REMARK_LEFT_OUT,
		    "%s is not known before the plan is applied", member);
}

/* ---- references ------------------------------------------------------------------------------- */

/*
 * What an expression refers to: `aws_x.name.id` with its parts, or `aws_x.name` and `each.key` for
 * `aws_x.name[each.key].id`. Up to Terraform 1.0 it is `aws_x.name` always.
 */
struct references {
	const char *ids[REFERENCES_MAX + 1]; /* of resources, with ".id" */
	size_t id_count;
	const char
		*looped; /* a resource without ".id": one instance of it is picked, or it has one */
	bool loop;       /* by each.key or count.index */
	bool unclear;    /* anything else: variables, conditions, outputs, ... */
};

/* "aws_x.name" and "aws_x.name[0]" are told beside "aws_x.name[0].id". */
static bool is_part_of_id(const struct references *found, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < found->id_count; i++) {
		if (strncmp(found->ids[i], text, length) == 0 &&
		    strchr(".[", found->ids[i][length]) != NULL)
			return true;
	}
	return false;
}

static bool is_id(const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	return length > 3 && strcmp(text + length - 3, ".id") == 0;
}

/* A reference that is no id. */
static void reference_note(struct references *found, const char *text)
{
	if (text == NULL) {
		found->unclear = true;
	} else if (strcmp(text, "each.key") == 0 || strcmp(text, "count.index") == 0) {
		found->loop = true;
	} else if (!is_part_of_id(found, text) && strcmp(text, "each") != 0 &&
		   strcmp(text, "count") != 0) {
		found->unclear |= found->looped != NULL;
		found->looped = text;
	}
}

static struct references references_read(const json_t *list)
{
	struct references found = {0};
	json_t *reference;
	size_t i;

	json_array_foreach((json_t *)list, i, reference)
	{
		const char *text = json_string_value(reference);

		if (!is_id(text))
			continue;
		found.unclear |= found.id_count == REFERENCES_MAX;
		if (found.id_count < REFERENCES_MAX)
			found.ids[found.id_count++] = text;
	}
	json_array_foreach((json_t *)list, i, reference)
	{
		if (!is_id(json_string_value(reference)))
			reference_note(&found, json_string_value(reference));
	}
	return found;
}

/* The key of what is called `text` in the resource's module; NULL if that is no single one. */
static const char *called_key(const struct plan_resource *resource, const char *text, size_t length)
{
	char address[ADDRESS_SIZE];

	snprintf(address, sizeof(address), "%s%s%.*s", resource->module,
		 resource->module[0] != '\0' ? "." : "", (int)length, text);
	return json_string_value(json_object_get(resource->document->keys, address));
}

/* The same of the instance that has the resource's own index. */
static const char *looped_key(const struct plan_resource *resource, const char *text)
{
	const char *name = json_string_value(resource->index);
	char called[ADDRESS_SIZE];

	if (name != NULL)
		snprintf(called, sizeof(called), "%s[\"%s\"]", text, name);
	else
		snprintf(called, sizeof(called), "%s[%lld]", text,
			 (long long)json_integer_value(resource->index));
	return called_key(resource, called, strlen(called));
}

/* Settle what is looped or, as older Terraform has it, told without ".id"; false: unclear. */
static bool references_settle(struct references *found, const struct plan_resource *resource)
{
	if (found->looped == NULL)
		return !found->unclear && !found->loop;
	if (found->id_count > 0 || (found->loop && resource->index == NULL))
		return false;
	found->ids[found->id_count++] = found->looped;
	return !found->unclear;
}

/* The keys of all resources whose id an expression refers to; a new array, empty if any is unclear. */
static json_t *referred_keys(const struct plan_resource *resource, const char *member)
{
	const json_t *references =
		json_object_get(json_object_get(resource->expressions, member), "references");
	struct references found = references_read(references);
	json_t *keys = json_array();

	if (!references_settle(&found, resource))
		return keys;
	for (size_t i = 0; i < found.id_count; i++) {
		size_t length = strlen(found.ids[i]) - (found.looped == NULL ? 3 : 0);
		const char *key = found.loop ? looped_key(resource, found.ids[i])
					     : called_key(resource, found.ids[i], length);

		if (key == NULL) {
			json_array_clear(keys);
			break;
		}
		json_array_append_new(keys, json_string(key));
	}
	return keys;
}

const char *plan_without_account(const char *key)
{
	size_t digits = strspn(key, "0123456789");

	return digits > 0 && key[digits] == '/' ? key + digits + 1 : key;
}

const char *plan_reference(const struct plan_resource *resource, const char *member)
{
	const char *text = node_text(&resource->values, member), *key = NULL;
	json_t *keys;

	if (text != NULL && text[0] != '\0')
		return plan_without_account(text);
	if (!plan_is_unknown(resource, member) || !plan_is_configured(resource, member))
		return NULL;
	keys = referred_keys(resource, member);
	if (json_array_size(keys) == 1)
		key = import_print(resource->values.import, "%s",
				   json_string_value(json_array_get(keys, 0)));
	else
		plan_tell_unknown(resource, member);
	json_decref(keys);
	return key;
}

void plan_references(const struct plan_resource *resource, const char *member,
		     void (*take)(const struct node *place, const char *key, void *context),
		     void *context)
{
	struct node list = node_member(&resource->values, member);
	size_t count = node_length(&list), known = 0;
	json_t *keys;

	for (size_t i = 0; i < count; i++) {
		struct node entry = node_entry(&list, i);
		const char *text = node_entry_text(&entry);

		if (text == NULL)
			continue;
		known++;
		take(&entry, plan_without_account(text), context);
	}
	if (!plan_is_unknown(resource, member) || !plan_is_configured(resource, member))
		return;
	keys = referred_keys(resource, member);
	/* a condition would refer to more than comes of it */
	if (json_array_size(keys) == 0 || (count > 0 && json_array_size(keys) != count - known)) {
		plan_tell_unknown(resource, member);
	} else {
		for (size_t i = 0; i < json_array_size(keys); i++)
			take(&resource->values, json_string_value(json_array_get(keys, i)),
			     context);
	}
	json_decref(keys);
}
