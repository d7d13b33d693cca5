/* SPDX-License-Identifier: BSD-3-Clause */
/* watchdog.c: heartbeats in, WATCHDOG=1 out. */
#include <jansson.h>

#include "notify.h"
#include "watchdog.h"

#define LOOK_MS   900  /* the timer ticks once a second, more or less */
#define SILENT_MS 3000 /* a worker that shares its cpu may wait for its turn */

void watchdog_init(struct watchdog *watchdog, const struct daemon *daemon)
{
	*watchdog = (struct watchdog){.looked_ms = clock_ms()};
	for (unsigned i = 0; i < daemon->worker_count; i++)
		watchdog->workers[i].moved_ms = watchdog->looked_ms;
}

const char *watchdog_word(const struct watchdog *watchdog, const struct worker *worker)
{
	return watchdog->workers[worker->index].silent ? "stuck" : "polling";
}

/* Tell those who watch how a worker is now. */
static void worker_tell(const struct watchdog *watchdog, const struct worker *worker)
{
	struct watches *watches = &worker->daemon->watches;

	if (watches_want(watches, WATCH_WORKER))
		watches_tell(watches, WATCH_WORKER,
			     json_pack("{s:s,s:f,s:i,s:s}", "event", "worker", "time", clock_wall(),
				       "worker", (int)worker->lcore, "state",
				       watchdog_word(watchdog, worker)));
}

/* Whether a worker has moved since the last look; tells when it stops to, and when it does again. */
static bool worker_moves(struct watchdog *watchdog, const struct worker *worker)
{
	uint64_t heartbeat = atomic_load_explicit(&worker->heartbeat, memory_order_relaxed);
	uint64_t *seen = &watchdog->workers[worker->index].heartbeat;
	uint64_t *moved_ms = &watchdog->workers[worker->index].moved_ms;
	bool *silent = &watchdog->workers[worker->index].silent;
	bool moves = heartbeat != *seen;

	if (moves && *silent) {
		*silent = false;
		log_warning("worker %u moves again", worker->lcore);
		notify_send("STATUS=worker %u moves again", worker->lcore);
		worker_tell(watchdog, worker);
	}
	if (moves) {
		*seen = heartbeat;
		*moved_ms = watchdog->looked_ms;
	} else if (!*silent && watchdog->looked_ms - *moved_ms >= SILENT_MS) {
		log_error("worker %u does not move any more: its edges forward nothing",
			  worker->lcore);
		notify_send("STATUS=worker %u does not move any more", worker->lcore);
		*silent = true;
		worker_tell(watchdog, worker);
	}
	return moves;
}

void watchdog_tick(struct watchdog *watchdog, const struct daemon *daemon)
{
	uint64_t now = clock_ms();
	bool all = true;

	if (now - watchdog->looked_ms < LOOK_MS)
		return;
	watchdog->looked_ms = now;
	for (unsigned i = 0; i < daemon->worker_count; i++)
		all &= worker_moves(watchdog, &daemon->workers[i]);
	if (all)
		notify_send("WATCHDOG=1");
}
