/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment.c: a small set-associative memory of datagrams; see fragment.h. */
#include <stddef.h>

#include "fragment.h"

#define IPV4_LIFE_MS 30000u /* STRICT-71 */
#define IPV6_LIFE_MS 60000u

static uint32_t set_count(uint32_t count)
{
	uint32_t sets = 1;

	while (sets * FRAGMENT_WAYS < count)
		sets *= 2;
	return sets;
}

size_t fragment_table_size(uint32_t count)
{
	return (size_t)set_count(count) * FRAGMENT_WAYS * sizeof(struct fragment_datagram);
}

void fragment_table_init(struct fragment_table *table, uint32_t count, void *memory,
			 const uint8_t random[32])
{
	table->datagrams = memory;
	table->set_mask = set_count(count) - 1;
	flow_hash_secret_init(&table->secret, random);
}

static struct flow_key key_of(const struct packet *packet, uint16_t zone)
{
	struct flow_key key = {
		.local_port = (uint16_t)(packet->fragment_id >> 16),
		.peer_port = (uint16_t)packet->fragment_id,
		.zone = zone,
		.protocol = packet->protocol,
		.family = packet->family,
	};

	memcpy(key.local, packet->source, sizeof(key.local));
	memcpy(key.peer, packet->destination, sizeof(key.peer));
	return key;
}

static bool is_live(const struct fragment_datagram *datagram, uint32_t now)
{
	return datagram->key.family != 0 && (int32_t)(now - datagram->expires_at) < 0;
}

static bool is_same(const struct fragment_datagram *datagram, const struct flow_key *key,
		    unsigned direction)
{
	return datagram->direction == direction && flow_key_equal(&datagram->key, key);
}

static struct fragment_datagram *set_of(const struct fragment_table *table,
					const struct flow_key *key)
{
	uint64_t set = flow_key_hash(key, &table->secret) & table->set_mask;

	return &table->datagrams[set * FRAGMENT_WAYS];
}

struct fragment_datagram *fragment_begin(struct fragment_table *table, const struct packet *packet,
					 uint16_t zone, unsigned direction, uint32_t now)
{
	struct flow_key key = key_of(packet, zone);
	struct fragment_datagram *set = set_of(table, &key), *place = set;

	for (unsigned i = 0; i < FRAGMENT_WAYS; i++) {
		if (is_live(&set[i], now) && is_same(&set[i], &key, direction)) {
			place = &set[i];
			break;
		}
		if (!is_live(place, now))
			continue;
		if (!is_live(&set[i], now) || (int32_t)(set[i].expires_at - place->expires_at) < 0)
			place = &set[i];
	}
	place->key = key;
	place->direction = (uint8_t)direction;
	place->expires_at = now + (packet->family == 6 ? IPV6_LIFE_MS : IPV4_LIFE_MS);
	return place;
}

const struct fragment_datagram *fragment_find(const struct fragment_table *table,
					      const struct packet *packet, uint16_t zone,
					      unsigned direction, uint32_t now)
{
	struct flow_key key = key_of(packet, zone);
	const struct fragment_datagram *set = set_of(table, &key);

	for (unsigned i = 0; i < FRAGMENT_WAYS; i++) {
		if (is_live(&set[i], now) && is_same(&set[i], &key, direction))
			return &set[i];
	}
	return NULL;
}
