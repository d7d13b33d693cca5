/* SPDX-License-Identifier: BSD-3-Clause */
/* drops.h: rates of drops, for `drops` and `top`. */
#ifndef DROPS_H
#define DROPS_H

#include <jansson.h>

/*
 * The rows of an answer to drops.list, each with "per_second" since an earlier answer, the fastest first. A new
 * array, the caller's; its rows are those of `now`.
 */
json_t *drops_rated(const json_t *before, const json_t *now);

#endif
