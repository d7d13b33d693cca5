/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * draw_policy.h: policies drawn at random from a small world, in which every block of addresses that
 * rules tell apart has an address that packets come from; for tests that hold what is said of a policy
 * against the engine. The same seed draws the same.
 */
#ifndef DRAW_POLICY_H
#define DRAW_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct draw_text {
	char bytes[16384];
	size_t length;
};

/* Begin a sequence of draws. */
void draw_seed(uint32_t number);

/* A number from 0 to below - 1. */
uint32_t draw(uint32_t below);

const char *draw_pick(const char *const *words, size_t count);

/* One of the words of an array. */
#define DRAW_PICK(words) draw_pick(words, sizeof(words) / sizeof((words)[0]))

/* A policy file of the endpoints 10.0.0.1 and 10.0.0.2. */
void draw_policy(struct draw_text *text, bool strict);

#endif
