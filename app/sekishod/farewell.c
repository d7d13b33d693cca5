/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * farewell.c: see farewell.h.
 *
 * Once the workers have stopped their engines and taps are ours: we write the ends of flows as they would, while
 * the watch thread goes on to read them. We wait for room, which a worker must not, and serve clients meanwhile.
 */
#include "farewell.h"

#include <time.h>

#include "control.h"

#define FAREWELL_MS 3000
#define PARTING_MS  500 /* for the last lines of who reads */

/* Have those who watch take what waits for them, as far as they do. False if nobody is left. */
static bool watchers_serve(struct control *control)
{
	bool left = false;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd >= 0)
			client_continue(control, client);
		left |= client->fd >= 0;
	}
	return left;
}

static void pause_briefly(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

/* How many live flows there are from a cursor on. */
static uint64_t rest_count(const struct worker *worker, uint32_t cursor)
{
	struct sekisho_flow_info flows[SEKISHO_FLOWS_MAX];
	uint32_t now_ms = daemon_now_ms(worker->daemon);
	uint64_t count = 0;

	do
		count += sekisho_engine_flows(worker->engine, now_ms, &cursor, UINT32_MAX, flows,
					      SEKISHO_FLOWS_MAX);
	while (cursor != 0);
	return count;
}

/* Tell of the flows of a worker that has ended. */
static void rest_tell(struct control *control, struct worker *worker, uint64_t until_ms)
{
	uint32_t cursor = 0;

	if (!worker->tap.told_of_ends)
		return;
	do {
		while (!tap_is_half_empty(&worker->tap) && clock_ms() < until_ms) {
			watchers_serve(control);
			pause_briefly();
		}
		if (clock_ms() >= until_ms) {
			watches_lose(&control->daemon->watches, WATCH_END,
				     rest_count(worker, cursor));
			return;
		}
		sekisho_engine_tell_rest(worker->engine, &cursor, SEKISHO_FLOWS_SCAN);
	} while (cursor != 0);
}

void farewell(struct control *control)
{
	struct daemon *daemon = control->daemon;
	uint64_t until_ms;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd >= 0 && client->watch == NULL)
			client_close(control, client);
		client->ended = true; /* it is not listened to any more */
	}
	save_cancel(&daemon->save);
	jobs_stop(&daemon->jobs);
	if (!worker_stop_all(daemon))
		return;
	until_ms = clock_ms() + FAREWELL_MS;
	for (unsigned i = 0; i < daemon->worker_count; i++)
		rest_tell(control, &daemon->workers[i], until_ms);
	watches_finish(&daemon->watches);
	until_ms = clock_ms() + PARTING_MS;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		while (control->clients[i].watch != NULL && clock_ms() < until_ms &&
		       !watch_end(control->clients[i].watch)) {
			watchers_serve(control);
			pause_briefly();
		}
	while (watchers_serve(control) && clock_ms() < until_ms)
		pause_briefly();
}
