/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch.h: who watches packets and flows live, and the thread that tells them.
 *
 * A *watch* is what one client has asked for: kinds of events, a filter, bounds. The watch thread reads
 * the workers' taps (tap.h), asks each watch's filter, and appends a line to its output, which the
 * control thread takes to the client. So neither a worker nor the control thread waits for a filter,
 * for JSON, or for a client that does not read: its output fills up, events are lost, and once there
 * is room again a line in its place says how many.
 *
 * Life: the control thread makes a watch and lets go of it; the watch thread frees it when it has seen
 * that. While there is no watch, taps are off and the thread sleeps.
 *
 * Locks. `lock` guards the list and is held for no longer than it takes to copy it; a watch's own lock
 * guards its output, and is held for a copy of a line. Neither is ever taken by a worker.
 */
#ifndef SEKISHOD_WATCH_H
#define SEKISHOD_WATCH_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "filter.h"
#include "records.h"

struct daemon;
struct watch;

#define WATCHES_MAX      16
#define WATCH_OUTPUT_MAX (256u << 10) /* bytes that wait for a client */

/* (ID, word): what there is to watch. */
#define WATCH_KINDS(X)      \
	X(PACKET, "packet") \
	X(NEW, "new")       \
	X(END, "end")       \
	X(DROP, "drop")     \
	X(POLICY, "policy") \
	X(PORT, "port")     \
	X(WORKER, "worker")

enum watch_kind {
#define X(id, word) WATCH_##id,
	WATCH_KINDS(X)
#undef X
		WATCH_KIND_COUNT
};

extern const char *const watch_kind_words[WATCH_KIND_COUNT];

struct watch_request {
	unsigned kinds; /* bit by enum watch_kind */
	bool filtered;  /* else `filter` is not looked at; policies, ports and workers are always told */
	struct filter filter;
	uint32_t snap;      /* bytes of each frame to tell; 0: none */
	uint64_t count;     /* events to tell; 0: no bound */
	uint64_t until_ms;  /* clock_ms(); 0: no bound */
	const char *method; /* of the notifications; static; NULL: events are told as they are */
};

struct watches {
	struct daemon *daemon;
	int event; /* readable when a watch has output */
	bool started, stopping, finished;
	cpu_set_t cpus;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct watch *list[WATCHES_MAX]; /* under the lock */
	struct records records;          /* the thread's, once it runs */
	uint64_t tap_lost;               /* as far as records know; the thread's */
	struct watch *recorded;          /* of the events that are recorded; NULL: none are */
	_Atomic unsigned kinds;          /* that any watch wants */
};

/* Start the thread, on `cpus` unless that is empty. 0 or -errno. All below: control thread. */
int watches_start(struct watches *watches, struct daemon *daemon, const cpu_set_t *cpus);

/* What has been told goes to those who watch and into records; nothing more is told. Then let go of all. */
void watches_finish(struct watches *watches);
void watches_stop(struct watches *watches);

/* NULL: there are too many, or no memory. */
struct watch *watch_create(struct watches *watches, const struct watch_request *request);
void watch_release(struct watches *watches, struct watch *watch);

/*
 * Take up to `size` bytes of whole lines that wait. *ended: all have been taken, and none will come
 * any more.
 */
size_t watch_take(struct watch *watch, char *text, size_t size, bool *ended);

/*
 * The last line of a watch whose daemon stops, unless it has its last; once watches_finish() has been called.
 * False if there is no room for it yet.
 */
bool watch_end(struct watch *watch);

/* So many events of this kind are lost to those who want it. */
void watches_lose(struct watches *watches, enum watch_kind kind, uint64_t count);

/* Tell those who want this kind of something that no worker knows; takes the reference. */
void watches_tell(struct watches *watches, enum watch_kind kind, json_t *event);

/* Whether anybody wants this kind. */
static inline bool watches_want(const struct watches *watches, enum watch_kind kind)
{
	return atomic_load_explicit(&watches->kinds, memory_order_relaxed) >> kind & 1;
}

#endif
