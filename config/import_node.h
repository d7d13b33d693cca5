/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_node.h: JSON values with the way to them, so that each remark tells its place. A node lives on
 * the stack of who reads it, under its parent's. JSON's null is absence, as in dumps that went
 * through other tools. A value of a wrong type is told as an error and read as absent.
 */
#ifndef CONFIG_IMPORT_NODE_H
#define CONFIG_IMPORT_NODE_H

#include "import_model.h"

struct node {
	struct import *import;
	const struct node *parent; /* NULL for a document */
	const char *file;
	const char *key;   /* of a member; NULL for an entry of an array, and for a document */
	size_t index;      /* of an entry or a document */
	const char *title; /* what an entry calls itself; NULL for most */
	json_t *value;     /* NULL when absent */
};

/* Call `take` for each JSON document of a source, and for each entry of one that is an array. */
void node_documents(struct import *import, const struct import_source *source,
		    void (*take)(const struct node *document));

struct node node_member(const struct node *parent, const char *key);
struct node node_entry(const struct node *parent, size_t index);

/* The length of an array; 0 if absent or (told) no array. */
size_t node_length(const struct node *array);

/* Whether it is there and an object; if it is anything else, that is told. */
bool node_is_object(const struct node *node);

/* A string member, copied for good; NULL if absent. Over NODE_TEXT_MAX bytes is told as an error. */
const char *node_text(const struct node *parent, const char *key);
#define NODE_TEXT_MAX 1024

/* The same of an entry that is itself a string. */
const char *node_entry_text(const struct node *entry);

/* A string member that has to be there and not be empty: if it is not, that is an error. */
const char *node_need_text(const struct node *parent, const char *key);

/* An integer member. False if absent. */
bool node_number(const struct node *parent, const char *key, long *number);

/* The same of a member that has to be there. */
bool node_need_number(const struct node *parent, const char *key, long *number);

/* A boolean member. False if absent; with `need`, that is an error. */
bool node_flag(const struct node *parent, const char *key, bool *flag);
bool node_need_flag(const struct node *parent, const char *key, bool *flag);

/* Where a node is, for a remark that may be made later. */
struct remark_place node_place(const struct node *node);

/* Say something about a node. */
#define NODE_REMARK(node, kind, ...) \
	import_remark((node)->import, kind, node_place(node), __VA_ARGS__)

#endif
