/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.c: the watch thread, its watches, and what both sides of it may touch. */
#include "watch.h"
#include "json_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "daemon.h"
#include "tell.h"
#include "tell_end.h"

#define PASS_RECORDS 256     /* of each worker before clients are looked at: lines of these fit into an output */
#define IDLE_NS      5000000 /* between looks at taps that were empty */
#define THREAD_NICE  5       /* where workers poll on all cpus */

/* What comes through the taps. */
#define TAPPED_KINDS (1u << WATCH_PACKET | 1u << WATCH_NEW | 1u << WATCH_END | 1u << WATCH_DROP)

struct watch {
	struct watch_request request;
	uint64_t since; /* rte_rdtsc() when it began; what is in the taps from before is not its */
	_Atomic bool released; /* nobody takes its output any more */
	uint64_t tap_lost;     /* of all taps, as far as it knows; the watch thread's */
	pthread_mutex_t lock;  /* of what follows */
	char *output;
	size_t length;
	uint64_t told;
	uint64_t lost; /* events, since the last line that said so */
	uint64_t lost_in_all;
	bool ended; /* nothing is added any more */
};

const char *const watch_kind_words[WATCH_KIND_COUNT] = {
#define X(id, word) word,
	WATCH_KINDS(X)
#undef X
};

/* ---- output ----------------------------------------------------------------------------------- */

/* An event as a line, malloc'd; takes the reference. NULL without memory. */
static char *line_make(const struct watch *watch, json_t *event)
{
	json_t *object = watch->request.method == NULL
				 ? event
				 : json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method",
					     watch->request.method, "params", event);
	char *line = json_text(object, JSON_COMPACT | JSON_REAL_PRECISION(16));

	json_decref(object);
	return line;
}

/* Add a line if there is room. The watch's lock is held. */
static bool line_add(struct watch *watch, const char *line)
{
	size_t length = line == NULL ? 0 : strlen(line);

	if (line == NULL || watch->length + length + 1 > WATCH_OUTPUT_MAX)
		return false;
	memcpy(watch->output + watch->length, line, length);
	watch->length += length;
	watch->output[watch->length++] = '\n';
	return true;
}

/* Say in its place how much was lost, if there is room to say so. The watch's lock is held. */
static bool lost_add(struct watch *watch)
{
	char *line;
	bool added;

	if (watch->lost == 0)
		return true;
	line = line_make(watch,
			 json_pack("{s:s,s:I}", "event", "lost", "lost", (json_int_t)watch->lost));
	added = line_add(watch, line);
	free(line);
	if (added)
		watch->lost = 0;
	return added;
}

static void lost_count(struct watch *watch, uint64_t count)
{
	watch->lost += count;
	watch->lost_in_all += count;
}

/* Whether it has been told of as much as it asked for. The watch's lock is held. */
static bool watch_is_full(const struct watch *watch)
{
	return watch->request.count > 0 && watch->told >= watch->request.count;
}

/* Append an event, or count it as lost; takes the reference. */
static void watch_add(struct watch *watch, json_t *event)
{
	char *line = line_make(watch, event);

	pthread_mutex_lock(&watch->lock);
	if (!watch->ended && !watch_is_full(watch)) {
		if (lost_add(watch) && line_add(watch, line))
			watch->told++;
		else
			lost_count(watch, 1);
	}
	pthread_mutex_unlock(&watch->lock);
	free(line);
}

/* The last line, if it has room; why, unless it was asked for no more. The watch's lock is held. */
static void end_add(struct watch *watch, const char *why)
{
	char *line = line_make(watch, json_pack("{s:s,s:I,s:I,s:s*}", "event", "done", "told",
						(json_int_t)watch->told, "lost",
						(json_int_t)watch->lost_in_all, "reason", why));

	watch->ended = lost_add(watch) && line_add(watch, line);
	free(line);
}

bool watch_end(struct watch *watch)
{
	bool ended;

	pthread_mutex_lock(&watch->lock);
	if (!watch->ended)
		end_add(watch, sekisho_end_word(SEKISHO_END_SHUTDOWN));
	ended = watch->ended;
	pthread_mutex_unlock(&watch->lock);
	return ended;
}

size_t watch_take(struct watch *watch, char *text, size_t size, bool *ended)
{
	size_t taken;

	pthread_mutex_lock(&watch->lock);
	taken = watch->length < size ? watch->length : size;
	while (taken > 0 && watch->output[taken - 1] != '\n')
		taken--;
	memcpy(text, watch->output, taken);
	watch->length -= taken;
	memmove(watch->output, watch->output + taken, watch->length);
	*ended = watch->ended && watch->length == 0;
	pthread_mutex_unlock(&watch->lock);
	return taken;
}

/* ---- packets ---------------------------------------------------------------------------------- */

/* The kinds of events that a packet is. */
static unsigned packet_kinds(const struct tap_record *record)
{
	return 1u << WATCH_PACKET | (unsigned)record->verdict.opened << WATCH_NEW |
	       (unsigned)(record->verdict.action == SEKISHO_DROP) << WATCH_DROP;
}

/* Whether a watch wants to know of a record of these kinds, which says this. */
static bool watch_wants(const struct watch *watch, const struct tap_record *record, unsigned kinds,
			const struct filter_subject *subject)
{
	const struct watch_request *request = &watch->request;

	if (!(kinds & request->kinds) || (int64_t)(record->ticks - watch->since) < 0)
		return false;
	return !request->filtered || filter_matches(&request->filter, subject);
}

/* A packet's record, to all who want to know. */
static void packet_tell(struct watches *watches, const struct tell *tell, struct watch **list,
			unsigned count)
{
	unsigned kinds = packet_kinds(tell->record);

	records_packet(&watches->records, tell);
	for (unsigned i = 0; i < count; i++) {
		const struct watch_request *request = &list[i]->request;
		unsigned kind;

		if (!watch_wants(list[i], tell->record, kinds, &tell->subject))
			continue;
		kind = (unsigned)__builtin_ctz(kinds & request->kinds);
		watch_add(list[i], tell_packet(tell, watch_kind_words[kind], request->snap));
	}
}

/* That of a flow that has ended. */
static void end_tell(const struct tell_end *end, struct watch **list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (watch_wants(list[i], end->record, 1u << WATCH_END, &end->subject))
			watch_add(list[i], tell_flow_end(end, watch_kind_words[WATCH_END]));
}

/* Pairs the workers' clock with that of the world. */
struct clock_pair {
	uint64_t ticks;
	double time, seconds_per_tick;
};

static struct clock_pair clock_pair_read(void)
{
	return (struct clock_pair){rte_rdtsc(), clock_wall(), 1.0 / (double)rte_get_tsc_hz()};
}

/* What is in a worker's tap now, to all; how many records that was. */
static unsigned tap_drain(struct watches *watches, unsigned worker, struct watch **list,
			  unsigned count)
{
	struct clock_pair clock = clock_pair_read();
	struct tap *tap = &watches->daemon->workers[worker].tap;
	const struct tap_record *record;
	unsigned drained = 0;

	while (drained < PASS_RECORDS && (record = tap_peek(tap)) != NULL) {
		double age = (double)(int64_t)(clock.ticks - record->ticks);
		double time = clock.time - age * clock.seconds_per_tick;

		if (record->kind == TAP_PACKET) {
			struct tell tell;

			tell_init(&tell, watches->daemon, worker, record, time);
			packet_tell(watches, &tell, list, count);
		} else {
			struct tell_end end;

			tell_end_init(&end, watches->daemon, worker, record, time);
			end_tell(&end, list, count);
		}
		tap_next(tap, record);
		drained++;
	}
	return drained;
}

/* ---- the thread ------------------------------------------------------------------------------- */

/* Records that taps had no room for. */
static uint64_t taps_lost(const struct daemon *daemon)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < daemon->worker_count; i++)
		lost += atomic_load_explicit(&daemon->workers[i].tap.lost, memory_order_relaxed);
	return lost;
}

/* What taps are to tell, of all watches. The lock is held. */
static void wanted_set(struct watches *watches)
{
	unsigned kinds = 0, wanted = 0, snap = TELL_SNAP;

	for (unsigned i = 0; i < WATCHES_MAX; i++) {
		const struct watch *watch = watches->list[i];

		if (watch == NULL)
			continue;
		kinds |= watch->request.kinds;
		if (watch->request.snap > snap)
			snap = watch->request.snap;
	}
	if (watches->records.flow_log != NULL)
		wanted |= TAP_PASSED | TAP_DROPPED;
	if (kinds & (1u << WATCH_PACKET | 1u << WATCH_NEW))
		wanted |= TAP_PASSED;
	if (kinds & (1u << WATCH_PACKET | 1u << WATCH_DROP))
		wanted |= TAP_DROPPED;
	if (kinds & 1u << WATCH_END)
		wanted |= TAP_ENDED;
	if (wanted != 0)
		wanted |= snap << TAP_SNAP_SHIFT;
	atomic_store_explicit(&watches->kinds, kinds, memory_order_relaxed);
	for (unsigned i = 0; i < watches->daemon->worker_count; i++)
		tap_want(&watches->daemon->workers[i].tap, wanted);
}

static void watch_destroy(struct watch *watch)
{
	pthread_mutex_destroy(&watch->lock);
	free(watch->output);
	free(watch);
}

/*
 * The watches there are, without those that were let go of. Waits while there is none and no flow log;
 * false if it is time to stop.
 */
static bool list_copy(struct watches *watches, struct watch **list, unsigned *number)
{
	unsigned count;
	bool stopping;

	pthread_mutex_lock(&watches->lock);
	for (;;) {
		count = 0;
		for (unsigned i = 0; i < WATCHES_MAX; i++) {
			struct watch *watch = watches->list[i];

			if (watch == NULL)
				continue;
			if (!atomic_load_explicit(&watch->released, memory_order_acquire)) {
				list[count++] = watch;
				continue;
			}
			watches->list[i] = NULL;
			watch_destroy(watch);
			wanted_set(watches);
		}
		if (count > 0 || watches->records.flow_log != NULL || watches->stopping)
			break;
		pthread_cond_wait(&watches->wake, &watches->lock);
	}
	stopping = watches->stopping;
	pthread_mutex_unlock(&watches->lock);
	*number = count;
	return !stopping;
}

/* A watch's upkeep after a look at the taps, which have lost so many. True if it has output. */
static bool watch_settle(struct watch *watch, uint64_t lost, uint64_t now_ms)
{
	const struct watch_request *request = &watch->request;
	bool over, output;

	pthread_mutex_lock(&watch->lock);
	over = watch_is_full(watch) || (request->until_ms > 0 && now_ms >= request->until_ms);
	if (!watch->ended && request->kinds & TAPPED_KINDS)
		lost_count(watch, lost - watch->tap_lost);
	watch->tap_lost = lost;
	lost_add(watch);
	if (over && !watch->ended)
		end_add(watch, NULL);
	output = watch->length > 0;
	pthread_mutex_unlock(&watch->lock);
	return output;
}

/* Events that wait for their file, to it. */
static void events_record(struct watches *watches)
{
	static char lines[WATCH_OUTPUT_MAX];
	size_t length;
	bool ended;

	if (watches->recorded != NULL &&
	    (length = watch_take(watches->recorded, lines, sizeof(lines), &ended)) > 0)
		records_events(&watches->records, lines, length);
}

/* Once over all taps and all watches. True if there may be more at once. */
static bool pass(struct watches *watches, struct watch **list, unsigned count)
{
	struct daemon *daemon = watches->daemon;
	bool more = false, output = false;
	uint64_t lost, now_ms = clock_ms();

	for (unsigned w = 0; w < daemon->worker_count; w++) {
		more |= tap_drain(watches, w, list, count) == PASS_RECORDS;
		events_record(watches);
	}
	lost = taps_lost(daemon);
	for (unsigned i = 0; i < count; i++)
		output |= watch_settle(list[i], lost, now_ms);
	events_record(watches);
	if (lost != watches->tap_lost)
		records_lose(&watches->records);
	watches->tap_lost = lost;
	records_work(&watches->records);
	if (output)
		eventfd_write(watches->event, 1);
	return more;
}

static void *watches_main(void *argument)
{
	const struct timespec idle = {.tv_nsec = IDLE_NS};
	struct watches *watches = argument;
	struct watch *list[WATCHES_MAX];
	unsigned count;

	if (CPU_COUNT(&watches->cpus) > 0)
		sched_setaffinity(0, sizeof(watches->cpus), &watches->cpus);
	else
		setpriority(PRIO_PROCESS, (id_t)gettid(), THREAD_NICE);
	while (list_copy(watches, list, &count)) {
		if (!pass(watches, list, count))
			nanosleep(&idle, NULL);
	}
	/* What was told last; workers may go on telling, so no more than was there. */
	for (unsigned left = TAP_RING / sizeof(struct tap_record) / PASS_RECORDS + 1;
	     left > 0 && pass(watches, list, count); left--)
		;
	return NULL;
}

/* ---- the control thread ----------------------------------------------------------------------- */

/* Begin to record what the appliance asks for. */
static int records_begin(struct watches *watches)
{
	const struct watch_request events = {.kinds = (1u << WATCH_KIND_COUNT) - 1 -
						      (1u << WATCH_PACKET)};
	int rc = records_init(&watches->records, watches->daemon);

	if (rc == 0 && watches->daemon->appliance->records.events != NULL) {
		watches->recorded = watch_create(watches, &events);
		rc = watches->recorded == NULL ? -ENOMEM : 0;
	}
	pthread_mutex_lock(&watches->lock);
	wanted_set(watches);
	pthread_mutex_unlock(&watches->lock);
	return rc;
}

int watches_start(struct watches *watches, struct daemon *daemon, const cpu_set_t *cpus)
{
	int rc;

	*watches = (struct watches){
		.daemon = daemon, .cpus = *cpus, .event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	if (watches->event < 0)
		return -errno;
	pthread_mutex_init(&watches->lock, NULL);
	pthread_cond_init(&watches->wake, NULL);
	rc = records_begin(watches);
	if (rc == 0)
		rc = -pthread_create(&watches->thread, NULL, watches_main, watches);
	if (rc < 0) {
		records_fini(&watches->records);
		close(watches->event);
		return rc;
	}
	watches->started = true;
	return 0;
}

void watches_finish(struct watches *watches)
{
	if (!watches->started || watches->finished)
		return;
	pthread_mutex_lock(&watches->lock);
	watches->stopping = true;
	pthread_cond_signal(&watches->wake);
	pthread_mutex_unlock(&watches->lock);
	pthread_join(watches->thread, NULL);
	watches->finished = true;
}

void watches_stop(struct watches *watches)
{
	if (!watches->started)
		return;
	watches_finish(watches);
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		if (watches->list[i] != NULL)
			watch_destroy(watches->list[i]);
	records_fini(&watches->records);
	close(watches->event);
	pthread_cond_destroy(&watches->wake);
	pthread_mutex_destroy(&watches->lock);
	watches->started = false;
}

struct watch *watch_create(struct watches *watches, const struct watch_request *request)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	bool placed = false;

	if (watch != NULL)
		watch->output = malloc(WATCH_OUTPUT_MAX);
	if (watch == NULL || watch->output == NULL) {
		free(watch);
		return NULL;
	}
	watch->request = *request;
	watch->since = rte_rdtsc();
	watch->tap_lost = taps_lost(watches->daemon);
	pthread_mutex_init(&watch->lock, NULL);
	pthread_mutex_lock(&watches->lock);
	for (unsigned i = 0; i < WATCHES_MAX && !placed; i++) {
		if (watches->list[i] != NULL)
			continue;
		watches->list[i] = watch;
		placed = true;
	}
	if (placed)
		wanted_set(watches);
	pthread_cond_signal(&watches->wake);
	pthread_mutex_unlock(&watches->lock);
	if (placed)
		return watch;
	watch_destroy(watch);
	return NULL;
}

void watch_release(struct watches *watches, struct watch *watch)
{
	atomic_store_explicit(&watch->released, true, memory_order_release);
	pthread_mutex_lock(&watches->lock);
	pthread_cond_signal(&watches->wake);
	pthread_mutex_unlock(&watches->lock);
}

void watches_tell(struct watches *watches, enum watch_kind kind, json_t *event)
{
	pthread_mutex_lock(&watches->lock);
	for (unsigned i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = watches->list[i];

		if (watch != NULL && watch->request.kinds >> kind & 1)
			watch_add(watch, json_incref(event));
	}
	pthread_mutex_unlock(&watches->lock);
	json_decref(event);
}

void watches_lose(struct watches *watches, enum watch_kind kind, uint64_t count)
{
	pthread_mutex_lock(&watches->lock);
	for (unsigned i = 0; i < WATCHES_MAX; i++) {
		struct watch *watch = watches->list[i];

		if (watch == NULL || !(watch->request.kinds >> kind & 1))
			continue;
		pthread_mutex_lock(&watch->lock);
		lost_count(watch, count);
		pthread_mutex_unlock(&watch->lock);
	}
	pthread_mutex_unlock(&watches->lock);
}
