/* SPDX-License-Identifier: BSD-3-Clause */
/* number_map.h: numbers by 64-bit numbers that are hashes already. Zero it before use. */
#ifndef NUMBER_MAP_H
#define NUMBER_MAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct number_map {
	struct {
		uint64_t key; /* 0: free */
		uint64_t value;
	} * slots;
	size_t size, count; /* size is a power of two, at most half of it used */
};

static inline void number_map_fini(struct number_map *map)
{
	free(map->slots);
	*map = (struct number_map){0};
}

/* Where a key is, or would be. The map has room. */
static inline size_t number_map_at(const struct number_map *map, uint64_t key)
{
	size_t at = (size_t)(key ^ key >> 32) & (map->size - 1);

	while (map->slots[at].key != 0 && map->slots[at].key != key)
		at = (at + 1) & (map->size - 1);
	return at;
}

/* Find a key's number. False if it has none. */
static inline bool number_map_find(const struct number_map *map, uint64_t key, uint64_t *value)
{
	size_t at;

	key = key ? key : 1;
	if (map->size == 0)
		return false;
	at = number_map_at(map, key);
	*value = map->slots[at].value;
	return map->slots[at].key != 0;
}

/* Give a key a number. 0 or -ENOMEM. */
static inline int number_map_put(struct number_map *map, uint64_t key, uint64_t value)
{
	size_t at;

	key = key ? key : 1;
	if (map->count * 2 >= map->size) {
		struct number_map larger = {.size = map->size ? map->size * 2 : 64,
					    .count = map->count};

		larger.slots = calloc(larger.size, sizeof(*larger.slots));
		if (larger.slots == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < map->size; i++)
			if (map->slots[i].key != 0)
				larger.slots[number_map_at(&larger, map->slots[i].key)] =
					map->slots[i];
		free(map->slots);
		*map = larger;
	}
	at = number_map_at(map, key);
	map->count += map->slots[at].key == 0;
	map->slots[at].key = key;
	map->slots[at].value = value;
	return 0;
}

#endif
