/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * random.h: numbers that a seed gives again: splitmix64 (Steele, Lea, Flood 2014).
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. bound - 1; bound is at least 1. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

static inline bool random_chance(struct random *random, uint32_t percent)
{
	return random_below(random, 100) < percent;
}

/* One element of an array. */
#define RANDOM_OF(random, array) \
	((array)[random_below(random, (uint32_t)(sizeof(array) / sizeof((array)[0])))])

#endif
