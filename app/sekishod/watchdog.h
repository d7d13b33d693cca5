/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watchdog.h: is every worker still polling, and who is told.
 *
 * The control thread looks once a second. Only if every worker's heartbeat has moved since it looked last
 * does it send WATCHDOG=1: so the service manager misses it when a worker hangs, and as well
 * when the control thread itself does. Forwarding needs no control thread and goes on meanwhile.
 * Which worker it is, and that it moves again, is told in the log, to the service manager, in `status` and to
 * those who watch events.
 */
#ifndef SEKISHOD_WATCHDOG_H
#define SEKISHOD_WATCHDOG_H

#include "daemon.h"

struct watchdog {
	uint64_t looked_ms;
	struct {
		uint64_t heartbeat;
		uint64_t moved_ms; /* when it was last seen to have moved */
		bool silent;       /* that it does not move has been told */
	} workers[CONFIG_WORKERS_MAX];
};

/* All workers move. */
void watchdog_init(struct watchdog *watchdog, const struct daemon *daemon);

/* Look, if it is time. Control thread; more often than once a second does no harm. */
void watchdog_tick(struct watchdog *watchdog, const struct daemon *daemon);

/* How a worker was when it was last looked at: "polling" or "stuck". Control thread. */
const char *watchdog_word(const struct watchdog *watchdog, const struct worker *worker);

#endif
