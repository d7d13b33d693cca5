/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy_endpoints.c: endpoints judged: names, groups, timers, and that no address has two of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"

#define ENDPOINTS_MAX 65000 /* and groups: the library counts them in 16 bits */

static const char *endpoint_name_at(const void *list, size_t i)
{
	return ((const struct schema_endpoint *)list)[i].name;
}

/* ---- overlaps --------------------------------------------------------------------------------- */

/* An address block and whose it is. */
struct owned {
	const struct sekisho_prefix *block;
	uint32_t endpoint, address;
};

static bool overlap(const struct sekisho_prefix *a, const struct sekisho_prefix *b)
{
	unsigned length = a->length < b->length ? a->length : b->length;

	if (a->family != b->family || memcmp(a->address, b->address, length / 8) != 0)
		return false;
	return length % 8 == 0 ||
	       ((a->address[length / 8] ^ b->address[length / 8]) >> (8 - length % 8)) == 0;
}

/* A block comes right before all that it holds; of equal ones, the first in the file. */
static int by_block(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int order;

	if (x->block->family != y->block->family)
		return x->block->family - y->block->family;
	order = memcmp(x->block->address, y->block->address, sizeof(x->block->address));
	if (order == 0)
		order = x->block->length - y->block->length;
	if (order == 0)
		order = (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
	return order;
}

static void say_overlap(struct config_policy *config, const struct owned *a, const struct owned *b)
{
	const struct owned *later = a->endpoint > b->endpoint ? a : b;
	const struct owned *earlier = later == a ? b : a;
	char at[128];

	snprintf(at, sizeof(at), "endpoints[%u].addresses[%u]", later->endpoint, later->address);
	POLICY_ERROR(config, at, "'%s' overlaps with addresses of endpoint '%s'",
		     config->schema->endpoints[later->endpoint].addresses[later->address],
		     config->endpoints[earlier->endpoint].name);
}

/*
 * Blocks overlap only by one holding the other, so it is enough to look at the nearest that does.
 */
static void refuse_overlaps(struct config_policy *config)
{
	size_t total = 0, count = 0, depth = 0;
	struct owned *blocks;
	const struct owned **around;

	for (size_t e = 0; e < config->schema->endpoints_count; e++)
		total += config->endpoints[e].address_count;
	blocks = policy_own(config, total + 1, sizeof(*blocks));
	around = policy_own(config, total + 1, sizeof(*around));
	if (blocks == NULL || around == NULL)
		return;
	for (size_t e = 0; e < config->schema->endpoints_count; e++) {
		for (size_t a = 0; a < config->endpoints[e].address_count; a++)
			blocks[count++] = (struct owned){&config->endpoints[e].addresses[a],
							 (uint32_t)e, (uint32_t)a};
	}
	qsort(blocks, count, sizeof(*blocks), by_block);
	for (size_t i = 0; i < count; i++) {
		while (depth > 0 && !overlap(around[depth - 1]->block, blocks[i].block))
			depth--;
		if (depth > 0 && around[depth - 1]->endpoint != blocks[i].endpoint)
			say_overlap(config, around[depth - 1], &blocks[i]);
		around[depth++] = &blocks[i];
	}
}

/* ---- endpoints -------------------------------------------------------------------------------- */

static void build_groups(struct config_policy *config, size_t e)
{
	const struct schema_endpoint *from = &config->schema->endpoints[e];
	uint16_t *groups = policy_own(config, from->groups_count + 1, sizeof(*groups));

	for (size_t i = 0; groups != NULL && i < from->groups_count; i++) {
		char at[128];

		snprintf(at, sizeof(at), "endpoints[%zu].groups[%zu]", e, i);
		groups[i] = (uint16_t)policy_find(config, &config->group_names, "group",
						  from->groups[i], at);
	}
	config->endpoints[e].groups = groups;
	config->endpoints[e].group_count = groups != NULL ? from->groups_count : 0;
}

static void build_endpoint(struct config_policy *config, size_t e)
{
	const struct schema_endpoint *from = &config->schema->endpoints[e];
	struct sekisho_endpoint_spec *to = &config->endpoints[e];
	char at[128];

	snprintf(at, sizeof(at), "endpoints[%zu].addresses", e);
	if (from->addresses_count == 0)
		POLICY_ERROR(config, at, "endpoint '%s' has no addresses", from->name);
	to->name = from->name;
	to->addresses = policy_build_blocks(config, from->addresses, from->addresses_count, at);
	to->address_count = to->addresses != NULL ? from->addresses_count : 0;
	to->auto_tracked = from->auto_tracked;
	build_groups(config, e);
	snprintf(at, sizeof(at), "endpoints[%zu].timeouts", e);
	policy_build_timeouts(config, &from->timeouts, to->timeouts, at);
}

void policy_build_endpoints(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	const struct spelling list = {endpoint_name_at, schema->endpoints, schema->endpoints_count};

	if (schema->endpoints_count > ENDPOINTS_MAX || schema->groups_count > ENDPOINTS_MAX) {
		POLICY_ERROR(config,
			     schema->endpoints_count > ENDPOINTS_MAX ? "endpoints" : "groups",
			     "%u endpoints and %u groups, at most %d each are allowed",
			     schema->endpoints_count, schema->groups_count, ENDPOINTS_MAX);
		return;
	}
	config->endpoints =
		policy_own(config, schema->endpoints_count + 1, sizeof(*config->endpoints));
	if (config->endpoints == NULL ||
	    !policy_build_names(config, &config->endpoint_names, &list))
		return;
	policy_refuse_duplicates(config, &config->endpoint_names, "endpoints", "endpoint");
	for (size_t e = 0; e < schema->endpoints_count; e++)
		build_endpoint(config, e);
	refuse_overlaps(config);
	config->spec.endpoints = config->endpoints;
	config->spec.endpoint_count = schema->endpoints_count;
}
