/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_model.c: the import's memory, its remarks, and what is found or made by key.
 *
 * Memory is taken in chunks and given back all at once, so that a reader may keep any pointer. A
 * vector doubles by moving to a new place in a chunk; the old one is wasted, which costs at most as
 * much again.
 */
#include "import_model.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

#define CHUNK_SIZE (64u << 10)

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t bytes[];
};

const char *const import_timer_names[IMPORT_TIMER_COUNT] = {
	[IMPORT_TCP_ESTABLISHED] = "tcp_established",
	[IMPORT_UDP] = "udp",
	[IMPORT_UDP_STREAM] = "udp_stream",
};

/* ---- memory ----------------------------------------------------------------------------------- */

void *import_own(struct import *import, size_t size)
{
	struct chunk *chunk = import->chunks;
	void *memory;

	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (chunk == NULL || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = calloc(1, sizeof(*chunk) + room);
		if (chunk == NULL) {
			import->no_memory = true;
			return NULL;
		}
		chunk->size = room;
		chunk->next = import->chunks;
		import->chunks = chunk;
	}
	memory = (char *)chunk->bytes + chunk->used;
	chunk->used += size;
	return memory;
}

char *import_print(struct import *import, const char *format, ...)
{
	va_list arguments;
	char *made, *text = NULL;
	int length;

	va_start(arguments, format);
	length = vasprintf(&made, format, arguments);
	va_end(arguments);
	if (length < 0) {
		import->no_memory = true;
		return NULL;
	}
	text = import_own(import, (size_t)length + 1);
	if (text != NULL)
		memcpy(text, made, (size_t)length + 1);
	free(made);
	return text;
}

void *import_room(struct import *import, void *items, size_t count, size_t size)
{
	void *room;

	/* full at 0, 4, 8, 16, ... */
	if (count != 0 && (count < 4 || (count & (count - 1)) != 0))
		return items;
	room = import_own(import, (count == 0 ? 4 : count * 2) * size);
	if (room != NULL && count != 0)
		memcpy(room, items, count * size);
	return room;
}

struct import *import_aws_create(void)
{
	struct import *import = calloc(1, sizeof(*import));

	if (import == NULL)
		return NULL;
	import->group_keys = json_object();
	import->list_keys = json_object();
	import->endpoint_keys = json_object();
	import->acl_keys = json_object();
	import->subnet_keys = json_object();
	import->pages = json_object();
	if (import->group_keys == NULL || import->list_keys == NULL ||
	    import->endpoint_keys == NULL || import->acl_keys == NULL ||
	    import->subnet_keys == NULL || import->pages == NULL) {
		import_aws_destroy(import);
		return NULL;
	}
	return import;
}

void import_aws_destroy(struct import *import)
{
	struct chunk *next;

	if (import == NULL)
		return;
	for (struct chunk *chunk = import->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	json_decref(import->group_keys);
	json_decref(import->list_keys);
	json_decref(import->endpoint_keys);
	json_decref(import->acl_keys);
	json_decref(import->subnet_keys);
	json_decref(import->pages);
	remarks_fini(&import->remarks);
	free(import);
}

/* ---- remarks ---------------------------------------------------------------------------------- */

void import_remark(struct import *import, enum remark_kind kind, struct remark_place place,
		   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	remark_add_v(&import->remarks, kind, place, format, arguments);
	va_end(arguments);
}

const struct remarks *import_aws_remarks(const struct import *import)
{
	return &import->remarks;
}

/* ---- things by key ---------------------------------------------------------------------------- */

/* Where a key's thing is in its vector; `count` if it is new, which is noted. */
static size_t index_of(struct import *import, json_t *keys, const char *key, size_t count)
{
	const json_t *position = json_object_get(keys, key);

	if (position != NULL)
		return (size_t)json_integer_value(position);
	if (json_object_set_new(keys, key, json_integer((json_int_t)count)) != 0)
		import->no_memory = true;
	return count;
}

/* One function for each kind: find by key, or make and append. */
#define FIND_OR_MAKE(kind, vector)                                                            \
	struct import_##kind *import_##kind(struct import *import, const char *key,           \
					    struct remark_place place)                        \
	{                                                                                     \
		size_t at = index_of(import, import->kind##_keys, key, import->vector.count); \
		struct import_##kind **slot, *made;                                           \
                                                                                              \
		if (at < import->vector.count)                                                \
			return import->vector.items[at];                                      \
		made = import_own(import, sizeof(*made));                                     \
		slot = made != NULL ? IMPORT_ADD(import, &import->vector) : NULL;             \
		if (slot == NULL)                                                             \
			return NULL;                                                          \
		made->thing.key = import_print(import, "%s", key);                            \
		made->thing.place = place;                                                    \
		*slot = made;                                                                 \
		return made;                                                                  \
	}

FIND_OR_MAKE(group, groups)
FIND_OR_MAKE(list, lists)
FIND_OR_MAKE(endpoint, endpoints)
FIND_OR_MAKE(acl, acls)
FIND_OR_MAKE(subnet, subnets)

/* ---- protocol and ports ----------------------------------------------------------------------- */

static const char *ports_parse(struct import_traffic *traffic,
			       const struct import_traffic_text *text)
{
	if (text->from == NULL || text->to == NULL)
		return "tcp and udp need a range of ports (AWS-103)";
	if (*text->from < 0 || *text->to > UINT16_MAX || *text->from > *text->to)
		return "that is no range of ports in 0..65535";
	traffic->first = (int32_t)*text->from;
	traffic->last = (int32_t)*text->to;
	return NULL;
}

static const char *icmp_parse(struct import_traffic *traffic,
			      const struct import_traffic_text *text)
{
	if (text->from == NULL && text->to == NULL)
		return traffic->protocol == IPPROTO_ICMPV6
			       ? NULL
			       : "icmp needs a type and a code (AWS-103)";
	if (text->from == NULL || text->to == NULL)
		return "an ICMP type and code come together (AWS-105)";
	if (*text->from < -1 || *text->from > UINT8_MAX || *text->to < -1 || *text->to > UINT8_MAX)
		return "ICMP types and codes are 0..255, or -1 for any (AWS-105)";
	if (*text->from == -1 && *text->to != -1)
		return "ICMP type -1 goes with code -1 only (AWS-105)";
	traffic->first = (int32_t)*text->from;
	traffic->last = (int32_t)*text->to;
	return NULL;
}

const char *import_traffic_parse(struct import_traffic *traffic,
				 const struct import_traffic_text *text)
{
	char protocol[16];
	size_t length = strlen(text->protocol);

	traffic->first = traffic->last = -1;
	if (length >= sizeof(protocol))
		return "the protocol is not known";
	for (size_t i = 0; i <= length; i++)
		protocol[i] = (char)tolower((unsigned char)text->protocol[i]);
	if (!address_parse_protocol(protocol, &traffic->protocol))
		return "the protocol is not known";
	if (traffic->protocol == IPPROTO_TCP || traffic->protocol == IPPROTO_UDP)
		return ports_parse(traffic, text);
	if (traffic->protocol == IPPROTO_ICMP || traffic->protocol == IPPROTO_ICMPV6)
		return icmp_parse(traffic, text);
	return NULL; /* AWS-102: whatever ports are given, all are meant */
}
