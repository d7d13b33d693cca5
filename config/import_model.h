/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_model.h: what an import has gathered so far; between the readers of JSON and the writer of
 * YAML, not for other folders.
 *
 * Everything is owned by the import and freed with it at once; pointers stay good until then. What has
 * an id is made the first time that the id is met, be it by a reference, so that order does not matter;
 * `known` tells whether its own description was met too.
 */
#ifndef CONFIG_IMPORT_MODEL_H
#define CONFIG_IMPORT_MODEL_H

#include <jansson.h>
#include <stdarg.h>

#include "import_aws.h"
#include <sekisho.h>

#define IMPORT_VECTOR(type)   \
	struct {              \
		type *items;  \
		size_t count; \
	}

/* What a rule or an ACL's entry is about, without the peer. */
struct import_traffic {
	enum sekisho_direction direction;
	uint16_t protocol;   /* 0..255 or SEKISHO_PROTOCOL_ALL */
	int32_t first, last; /* ports of TCP and UDP; type and code of ICMP, -1 for any; else -1 */
};

enum import_peer_kind { IMPORT_PEER_PREFIX, IMPORT_PEER_GROUP, IMPORT_PEER_LIST };

struct import_peer {
	enum import_peer_kind kind;
	union {
		struct sekisho_prefix prefix;
		struct import_group *group;
		struct import_list *list;
	};
};

struct import_rule {
	struct import_traffic traffic;
	struct import_peer peer; /* one; the writer puts rules of one kind on one line */
	const char *id;          /* "sgr-..." or NULL */
	const char *description; /* never NULL */
	struct remark_place place;
};

/* What all named things have in common. */
struct import_thing {
	const char *key;   /* what references say: an AWS id or a Terraform address */
	const char *id;    /* AWS's; NULL while it has none, as in a plan */
	const char *given; /* its name in AWS; NULL if it has none */
	const char *name;  /* its name in the policy; import_resolve() makes it */
	const char *description;
	bool known;
	struct remark_place place; /* of its description, or of the first reference */
};

struct import_group {
	struct import_thing thing;
	IMPORT_VECTOR(struct import_rule) rules;
};

struct import_entry {
	struct sekisho_prefix prefix;
	const char *description;
};

struct import_list {
	struct import_thing thing;
	IMPORT_VECTOR(struct import_entry) entries;
};

/* Of a network ACL; what none of them matches is denied. */
struct import_acl_entry {
	struct import_traffic traffic;
	uint16_t number;
	bool deny;
	struct sekisho_prefix peer;
	struct remark_place place;
};

struct import_acl {
	struct import_thing thing;
	IMPORT_VECTOR(struct import_acl_entry) entries;
	IMPORT_VECTOR(struct import_endpoint *) endpoints; /* import_resolve() finds them */
	const struct import_subnet *subnet;                /* if it serves one only */
	size_t subnets;
};

struct import_subnet {
	struct import_thing thing;
	IMPORT_VECTOR(struct sekisho_prefix) blocks;
	struct import_acl *acl; /* NULL while none is known */
};

enum import_timer { IMPORT_TCP_ESTABLISHED, IMPORT_UDP, IMPORT_UDP_STREAM, IMPORT_TIMER_COUNT };

struct import_endpoint {
	struct import_thing thing;
	IMPORT_VECTOR(struct sekisho_prefix) addresses;
	IMPORT_VECTOR(struct import_group *) groups;
	const struct import_subnet *subnet; /* NULL when that is not known */
	long seconds[IMPORT_TIMER_COUNT];   /* 0 where nothing is set */
	bool auto_tracked;
};

/* Names of import_timer in the policy file. */
extern const char *const import_timer_names[IMPORT_TIMER_COUNT];

struct import {
	struct chunk *chunks;
	bool no_memory; /* sticky */
	struct remarks remarks;
	IMPORT_VECTOR(struct import_group *) groups;
	IMPORT_VECTOR(struct import_list *) lists;
	IMPORT_VECTOR(struct import_endpoint *) endpoints;
	IMPORT_VECTOR(struct import_acl *) acls;
	IMPORT_VECTOR(struct import_subnet *) subnets;
	/* key to position in the vector */
	json_t *group_keys, *list_keys, *endpoint_keys, *acl_keys, *subnet_keys;
	json_t *pages; /* by what is listed: whether a page was met that no other follows */
	const char *source_list; /* whose entries the present file holds, or NULL */
	bool entries_taken;
};

/* Zeroed memory that lives as long as the import; NULL: none left, and `no_memory` is set. */
void *import_own(struct import *import, size_t size);
char *import_print(struct import *import, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for one more item of a vector that has `count`; NULL: no memory. */
void *import_room(struct import *import, void *items, size_t count, size_t size);

/* A new zeroed item at the end of a vector, or NULL. */
#define IMPORT_ADD(import, vector)                                                  \
	({                                                                          \
		void *room_ = import_room(import, (vector)->items, (vector)->count, \
					  sizeof(*(vector)->items));                \
		if (room_ != NULL)                                                  \
			(vector)->items = room_;                                    \
		room_ != NULL ? &(vector)->items[(vector)->count++] : NULL;         \
	})

/* Say something about a place; `place` may be all NULL. */
void import_remark(struct import *import, enum remark_kind kind, struct remark_place place,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Find by key, or make; NULL: no memory. `place` is kept for what is new. */
struct import_group *import_group(struct import *import, const char *key,
				  struct remark_place place);
struct import_list *import_list(struct import *import, const char *key, struct remark_place place);
struct import_endpoint *import_endpoint(struct import *import, const char *key,
					struct remark_place place);

struct import_acl *import_acl(struct import *import, const char *key, struct remark_place place);
struct import_subnet *import_subnet(struct import *import, const char *key,
				    struct remark_place place);

/* Protocol and ports as AWS and Terraform write them; NULL where one is absent. */
struct import_traffic_text {
	const char *protocol;
	const long *from, *to;
};

/* Understand them (AWS-102, 103, 105). NULL, or the sentence that says why they cannot be. */
const char *import_traffic_parse(struct import_traffic *traffic,
				 const struct import_traffic_text *text);

/* import_resolve.c: settle names, references and duplicates; sort everything. */
void import_resolve(struct import *import);

/* Whether two neighbours in a resolved group differ in their peer only, so that one line says both. */
bool import_rule_joins(const struct import_rule *a, const struct import_rule *b);

/* import_yaml.c: the policy file. malloc'd; NULL: no memory. */
char *import_yaml(const struct import *import, size_t *length);

#endif
