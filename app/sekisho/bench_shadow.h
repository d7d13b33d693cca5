/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_shadow.h: a second policy beside the measured one, as `shadow:` sets it in the daemon, to tell what
 * that costs. Shadows see the live flows open, and then nothing until they are switched on.
 */
#ifndef BENCH_SHADOW_H
#define BENCH_SHADOW_H

#include <daemon.h>

struct bench_shadow {
	struct shadow_policy policy;
	struct shadow *of[CONFIG_WORKERS_MAX]; /* by worker */
};

/* Build the policy, which is owned then. False with a message of BENCH_MESSAGE_MAX; to be ended either way. */
bool bench_shadow_init(struct bench_shadow *shadow, struct config_policy *config, char *message);

/* A shadow for a worker whose engine is there, and has judged nothing. False with a message. */
bool bench_shadow_add(struct bench_shadow *shadow, struct worker *worker, char *message);

/* Let workers judge by their shadows as well from their next round on, or no more. */
void bench_shadow_switch(const struct bench_shadow *shadow, struct daemon *daemon, bool on);

/* End the workers' shadows: when none of them runs, and before their engines go. */
void bench_shadow_end(struct bench_shadow *shadow);

/* After that, in any case. */
void bench_shadow_fini(struct bench_shadow *shadow);

#endif
