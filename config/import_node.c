/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_node.c: JSON by jansson, behind a look at the raw bytes: depth and number of values are
 * counted before anything is built, because a value of two bytes costs a hundred in memory.
 */
#include "import_node.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX   128
#define VALUES_MAX  3000000u
#define OBJECTS_MAX 600000u
#define PATH_SIZE   1024

/* ---- documents -------------------------------------------------------------------------------- */

struct extent {
	size_t depth, deepest, values, objects;
};

/* Brackets and commas outside strings. Wrong JSON is counted somehow, and refused later. */
static struct extent extent_of(const char *text, size_t length)
{
	struct extent extent = {0};

	for (size_t i = 0; i < length; i++) {
		switch (text[i]) {
		case '"':
			for (i++; i < length && text[i] != '"'; i++)
				i += text[i] == '\\';
			break;
		case '{':
			extent.objects++; /* fall through */
		case '[':
			if (++extent.depth > extent.deepest)
				extent.deepest = extent.depth;
			extent.values++;
			break;
		case '}':
		case ']':
			extent.depth -= extent.depth > 0;
			break;
		case ',':
			extent.values++;
			break;
		}
	}
	return extent;
}

static bool refuse(struct import *import, const char *file, const char *why)
{
	import_remark(import, REMARK_ERROR, (struct remark_place){file, NULL}, "%s", why);
	return false;
}

static bool is_bounded(struct import *import, const struct import_source *source)
{
	struct extent extent = extent_of(source->text, source->length);

	if (extent.deepest > DEPTH_MAX)
		return refuse(import, source->name, "more than 128 levels of brackets");
	if (extent.values > VALUES_MAX)
		return refuse(import, source->name, "more than 3000000 values");
	if (extent.objects > OBJECTS_MAX)
		return refuse(import, source->name, "more than 600000 objects");
	return true;
}

static void take_document(const struct node *document, void (*take)(const struct node *document))
{
	if (!json_is_array(document->value)) {
		take(document);
		return;
	}
	for (size_t i = 0; i < json_array_size(document->value); i++) {
		struct node entry = node_entry(document, i);

		take(&entry);
	}
}

static size_t blank_length(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
		at++;
	return at;
}

void node_documents(struct import *import, const struct import_source *source,
		    void (*take)(const struct node *document))
{
	struct node document = {.import = import, .file = source->name};
	size_t at = 0;

	if (!is_bounded(import, source))
		return;
	/* a byte order mark is what some shells put before redirected output */
	if (source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	at += blank_length(source->text + at, source->length - at);
	if (at == source->length)
		refuse(import, source->name, "the file is empty");
	for (; at < source->length; document.index++) {
		json_error_t error;
		char place[64];

		document.value =
			json_loadb(source->text + at, source->length - at,
				   JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
		if (document.value == NULL) {
			snprintf(place, sizeof(place), "%sline %d, column %d",
				 document.index > 0 ? "after a whole document, " : "", error.line,
				 error.column);
			import_remark(import, REMARK_ERROR,
				      (struct remark_place){source->name,
							    import_print(import, "%s", place)},
				      "no JSON: %s", error.text);
			return;
		}
		take_document(&document, take);
		json_decref(document.value);
		at += (size_t)error.position;
		at += blank_length(source->text + at, source->length - at);
	}
}

/* ---- places ----------------------------------------------------------------------------------- */

/* Append to `path` from `at` on; returns the new length, at most PATH_SIZE - 1. */
static size_t path_write(const struct node *node, char *path)
{
	size_t at;
	int wrote;

	if (node->parent == NULL) {
		path[0] = '\0';
		if (node->index == 0)
			return 0;
		return (size_t)snprintf(path, PATH_SIZE, "document %zu", node->index + 1);
	}
	at = path_write(node->parent, path);
	if (node->key == NULL)
		wrote = snprintf(path + at, PATH_SIZE - at, "[%zu]%s%s%s", node->index,
				 node->title ? "(" : "", node->title ? node->title : "",
				 node->title ? ")" : "");
	else
		wrote = snprintf(path + at, PATH_SIZE - at, "%s%s",
				 at == 0                        ? ""
				 : node->parent->parent == NULL ? ": "
								: ".",
				 node->key);
	at += (size_t)wrote;
	return at < PATH_SIZE ? at : PATH_SIZE - 1;
}

struct remark_place node_place(const struct node *node)
{
	char path[PATH_SIZE];

	path_write(node, path);
	return (struct remark_place){node->file, import_print(node->import, "%s", path)};
}

/* ---- values ----------------------------------------------------------------------------------- */

static struct node node_below(const struct node *parent, json_t *value)
{
	return (struct node){.import = parent->import,
			     .parent = parent,
			     .file = parent->file,
			     .value = json_is_null(value) ? NULL : value};
}

struct node node_member(const struct node *parent, const char *key)
{
	struct node node = node_below(parent, json_object_get(parent->value, key));

	node.key = key;
	return node;
}

struct node node_entry(const struct node *parent, size_t index)
{
	struct node node = node_below(parent, json_array_get(parent->value, index));

	node.index = index;
	return node;
}

static const char *type_word(const json_t *value)
{
	static const char *const words[] = {
		[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",    [JSON_INTEGER] = "a number",
		[JSON_REAL] = "a real number", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",        [JSON_NULL] = "null",
	};

	return words[json_typeof(value)];
}

static void wrong_type(const struct node *node, const char *wanted)
{
	NODE_REMARK(node, REMARK_ERROR, "is %s, must be %s", type_word(node->value), wanted);
}

size_t node_length(const struct node *array)
{
	if (array->value == NULL)
		return 0;
	if (!json_is_array(array->value))
		wrong_type(array, "an array");
	return json_array_size(array->value);
}

bool node_is_object(const struct node *node)
{
	if (json_is_object(node->value))
		return true;
	if (node->value == NULL)
		NODE_REMARK(node, REMARK_ERROR, "is null, must be an object");
	else
		wrong_type(node, "an object");
	return false;
}

const char *node_entry_text(const struct node *entry)
{
	if (entry->value == NULL)
		return NULL;
	if (!json_is_string(entry->value)) {
		wrong_type(entry, "a string");
		return NULL;
	}
	if (json_string_length(entry->value) > NODE_TEXT_MAX) {
		NODE_REMARK(entry, REMARK_ERROR, "is %zu bytes long, at most %d are allowed",
			    json_string_length(entry->value), NODE_TEXT_MAX);
		return NULL;
	}
	return import_print(entry->import, "%s", json_string_value(entry->value));
}

const char *node_text(const struct node *parent, const char *key)
{
	struct node node = node_member(parent, key);

	return node_entry_text(&node);
}

const char *node_need_text(const struct node *parent, const char *key)
{
	struct node node = node_member(parent, key);
	const char *text = node_entry_text(&node);

	if (node.value == NULL || (text != NULL && text[0] == '\0')) {
		NODE_REMARK(parent, REMARK_ERROR, "has no %s", key);
		return NULL;
	}
	return text;
}

bool node_number(const struct node *parent, const char *key, long *number)
{
	struct node node = node_member(parent, key);

	if (node.value == NULL)
		return false;
	if (!json_is_integer(node.value)) {
		wrong_type(&node, "a whole number");
		return false;
	}
	*number = (long)json_integer_value(node.value);
	return true;
}

/* Whether a member is there; if it is not, that is told. */
static bool is_there(const struct node *parent, const char *key)
{
	struct node node = node_member(parent, key);

	if (node.value == NULL)
		NODE_REMARK(parent, REMARK_ERROR, "has no %s", key);
	return node.value != NULL;
}

bool node_need_number(const struct node *parent, const char *key, long *number)
{
	return is_there(parent, key) && node_number(parent, key, number);
}

bool node_flag(const struct node *parent, const char *key, bool *flag)
{
	struct node node = node_member(parent, key);

	if (node.value == NULL)
		return false;
	if (!json_is_boolean(node.value)) {
		wrong_type(&node, "true or false");
		return false;
	}
	*flag = json_is_true(node.value);
	return true;
}

bool node_need_flag(const struct node *parent, const char *key, bool *flag)
{
	return is_there(parent, key) && node_flag(parent, key, flag);
}
