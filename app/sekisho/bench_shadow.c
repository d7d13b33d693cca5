/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_shadow.c: see bench_shadow.h. */
#include "bench_shadow.h"

bool bench_shadow_init(struct bench_shadow *shadow, struct config_policy *config, char *message)
{
	*shadow = (struct bench_shadow){0};
	return shadow_policy_build(&shadow->policy, config, message) == 0;
}

bool bench_shadow_add(struct bench_shadow *shadow, struct worker *worker, char *message)
{
	struct sekisho_engine_config like;

	if (worker_engine_config(worker, &like, message) < 0)
		return false;
	shadow->of[worker->index] = shadow_create(&shadow->policy, worker->engine, &like, message);
	return shadow->of[worker->index] != NULL;
}

void bench_shadow_switch(const struct bench_shadow *shadow, struct daemon *daemon, bool on)
{
	for (unsigned i = 0; i < daemon->worker_count; i++)
		atomic_store_explicit(&daemon->workers[i].shadow_next, on ? shadow->of[i] : NULL,
				      memory_order_release);
}

void bench_shadow_end(struct bench_shadow *shadow)
{
	for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++) {
		shadow_destroy(shadow->of[i]);
		shadow->of[i] = NULL;
	}
}

void bench_shadow_fini(struct bench_shadow *shadow)
{
	shadow_policy_fini(&shadow->policy);
}
