/* SPDX-License-Identifier: BSD-3-Clause */
/* drive.c: see drive.h. */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

struct driver {
	const struct sequence *sequence;
	const struct drive_hooks *hooks;
	void *context;
	struct sekisho_engine *engine;
	struct random sizes;   /* of bursts, and of what is taken out of hold at once */
	struct random choices; /* the same whatever the sizes are */
	const struct plan *plan[MODEL_ZONES]; /* of now */
	uint32_t offset_ms;        /* of the clock that the engine has, which a restart sets anew */
	unsigned burst_max, limit; /* of the next burst */
	struct drive_burst burst;
	uint8_t bytes[DRIVE_BURST][EVENT_FRAME_MAX];
};

static uint32_t engine_clock(const struct driver *driver)
{
	return (uint32_t)(driver->sequence->start_ms + driver->offset_ms + driver->burst.now);
}

static void release(struct driver *driver)
{
	struct sekisho_release releases[4];
	unsigned got, max = 1 + random_below(&driver->sizes, 4);

	do {
		got = sekisho_engine_release(driver->engine, releases, max);
		for (unsigned i = 0; i < got && driver->hooks->release != NULL; i++)
			driver->hooks->release(driver->context, &releases[i]);
	} while (got == max);
	if (driver->hooks->released != NULL)
		driver->hooks->released(driver->context, &driver->burst);
}

static void flush(struct driver *driver)
{
	struct drive_burst *burst = &driver->burst;

	if (driver->hooks->ahead != NULL)
		driver->hooks->ahead(driver->context, driver->engine, engine_clock(driver), burst);
	sekisho_engine_burst(driver->engine, engine_clock(driver), burst->frame, burst->count,
			     burst->verdict);
	driver->hooks->burst(driver->context, burst);
	release(driver);
	burst->count = 0;
	driver->limit = 1 + random_below(&driver->sizes, driver->burst_max);
}

static void add_frame(struct driver *driver, unsigned index)
{
	const struct event *event = &driver->sequence->event[index];
	struct drive_burst *burst = &driver->burst;
	uint8_t *bytes = driver->bytes[burst->count];
	struct sekisho_frame *frame = &burst->frame[burst->count];

	*frame = (struct sekisho_frame){.data = bytes,
					.handle = (void *)(uintptr_t)index,
					.zone = event->zone,
					.direction = event->direction};
	frame->length = event_build(event, bytes);
	frame->captured = event_captured(event, frame->length);
	if (event->damage.called_good)
		frame->flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD;
	burst->event[burst->count++] = index;
	burst->last_event = index;
}

static void set_policy(struct driver *driver, unsigned zone, unsigned policy)
{
	const struct plan *plan = &driver->sequence->plans[policy];

	driver->plan[zone] = plan;
	sekisho_engine_set_policy(driver->engine, (uint16_t)zone, plan->policy);
	if (driver->hooks->policy != NULL)
		driver->hooks->policy(driver->context, zone, plan);
}

/* STRICT-4: flows may be judged again at their next packet, or all of them in steps. */
static void rejudge(struct driver *driver)
{
	if (random_chance(&driver->choices, 50))
		return;
	while (sekisho_engine_rejudge(driver->engine, engine_clock(driver)))
		;
	if (driver->hooks->rejudged != NULL)
		driver->hooks->rejudged(driver->context, driver->burst.now);
}

static struct sekisho_engine *engine_create(const struct driver *driver, uint8_t hash_key)
{
	const struct model_config *sizes = &driver->sequence->config;
	struct sekisho_engine_config config = {
		.flows = sizes->flows,
		.fragments = sizes->datagrams,
		.held = sizes->held,
		.held_bytes = sizes->held_bytes,
		.zones = MODEL_ZONES,
		.names = driver->sequence->pool->names,
		.hash_key = {hash_key, 2, 3, 4},
		.proof_key = {5, 6, 7, 8},
	};
	char message[128];
	struct sekisho_engine *engine = sekisho_engine_create(&config, message, sizeof(message));

	if (engine == NULL) {
		fprintf(stderr, "model: %s\n", message);
		exit(2);
	}
	return engine;
}

static void begin(struct driver *driver)
{
	driver->offset_ms = 0;
	driver->engine = engine_create(driver, 1);
	for (unsigned zone = 0; zone < MODEL_ZONES; zone++)
		set_policy(driver, zone, zone);
	driver->sizes = driver->choices = (struct random){driver->sequence->seed};
	driver->limit = 1 + random_below(&driver->sizes, driver->burst_max);
	driver->burst.now = driver->burst.count = driver->burst.last_event = 0;
}

/* All records of the engine's flows; returns their bytes. */
static size_t export(const struct driver *driver, uint8_t *records, size_t room)
{
	struct sekisho_export export = {.base_ms = engine_clock(driver),
					.now_ms = engine_clock(driver)};
	size_t used = 0;

	while (!export.done)
		used += sekisho_engine_export(driver->engine, &export, records + used, room - used);
	return used;
}

static void import(struct driver *driver, const uint8_t *records, size_t used, uint32_t down_ms)
{
	const struct sekisho_rule_names *names = driver->sequence->pool->names;
	uint16_t zones[MODEL_ZONES];
	uint32_t *rules = calloc(sekisho_rule_names_count(names), sizeof(*rules));
	struct sekisho_record_terms terms = {.zones = zones,
					     .rules = rules,
					     .zone_count = MODEL_ZONES,
					     .rule_count = sekisho_rule_names_count(names),
					     .exact = true};
	size_t length;

	for (uint32_t i = 0; rules != NULL && i < terms.rule_count; i++)
		rules[i] = i;
	for (uint16_t zone = 0; zone < MODEL_ZONES; zone++)
		zones[zone] = zone;
	for (size_t at = 0; rules != NULL && at < used; at += length) {
		struct sekisho_record_owner owner;

		length = sekisho_record_check(records + at, used - at, &terms, &owner);
		if (length == 0 ||
		    sekisho_engine_import(driver->engine, engine_clock(driver), down_ms,
					  records + at, length, &terms) == SEKISHO_IMPORT_UNSOUND) {
			fputs("model: an engine's own record is not sound\n", stderr);
			abort();
		}
	}
	free(rules);
}

/* Another engine, of another clock and hash, goes on with the flows of this one after a while. */
static void restart(struct driver *driver, uint32_t down_ms)
{
	size_t room = (driver->sequence->config.flows + 1) * (size_t)SEKISHO_RECORD_MAX, used;
	uint8_t *records = malloc(room);

	if (records == NULL) {
		fputs("model: no memory for a restart\n", stderr);
		exit(2);
	}
	used = export(driver, records, room);
	sekisho_engine_destroy(driver->engine);
	driver->burst.now += down_ms;
	driver->offset_ms = (uint32_t)(driver->sequence->seed * UINT64_C(0x9e3779b97f4a7c15) >> 32);
	driver->engine = engine_create(driver, 9);
	for (unsigned zone = 0; zone < MODEL_ZONES; zone++)
		sekisho_engine_set_policy(driver->engine, (uint16_t)zone,
					  driver->plan[zone]->policy);
	import(driver, records, used, down_ms);
	free(records);
}

/* Let time go by until an event comes. */
static void wait(struct driver *driver, uint32_t gap)
{
	driver->burst.now += gap;
	if (gap >= MODEL_GHOST_MS) /* an engine that is idle is called all the same */
		flush(driver);
}

void drive(const struct sequence *sequence, unsigned burst_max, const struct drive_hooks *hooks,
	   void *context)
{
	static struct driver driver; /* large, and one at a time */

	driver.sequence = sequence;
	driver.hooks = hooks;
	driver.context = context;
	driver.burst_max = burst_max;
	begin(&driver);
	for (unsigned i = 0; i < sequence->count; i++) {
		const struct event *event = &sequence->event[i];
		uint32_t gap = sequence_gap(sequence, i);

		if (hooks->enough != NULL && hooks->enough(context))
			break;
		if (driver.burst.count > 0 &&
		    (gap > 0 || event->kind == EVENT_POLICY || driver.burst.count == driver.limit))
			flush(&driver);
		if (hooks->restarts != NULL && hooks->restarts(context, i)) {
			if (driver.burst.count > 0)
				flush(&driver);
			restart(&driver, gap);
		} else {
			wait(&driver, gap);
		}
		if (event->kind == EVENT_PACKET) {
			add_frame(&driver, i);
		} else {
			set_policy(&driver, event->zone, event->policy);
			rejudge(&driver);
		}
	}
	if (sequence->tail_ms > 0) {
		flush(&driver);
		wait(&driver, sequence->tail_ms);
	}
	flush(&driver);
	if (hooks->end != NULL)
		hooks->end(context, driver.engine, driver.burst.now);
	sekisho_engine_destroy(driver.engine);
}
