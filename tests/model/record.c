/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c: see record.h. */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include "drive.h"

static void note(struct record *record, unsigned event, const struct sekisho_verdict *verdict)
{
	record->outcome[event] = (struct outcome){
		.reason = verdict->reason,
		.bound = verdict->bound,
		.opened = verdict->opened,
		.rule = verdict->rule,
		.opened_by = verdict->opened_by == 0 ? 0 : record->number[verdict->opened_by - 1],
	};
}

static void note_burst(void *context, const struct drive_burst *burst)
{
	struct record *record = context;

	/* another engine counts packets from one again */
	if (!record->restarted && record->restart > 0 && burst->last_event >= record->restart) {
		record->restarted = true;
		record->packets = 0;
	}
	for (unsigned i = 0; i < burst->count; i++)
		record->number[record->packets++] = burst->event[i] + 1;
	for (unsigned i = 0; i < burst->count; i++)
		note(record, burst->event[i], &burst->verdict[i]);
}

static void note_release(void *context, const struct sekisho_release *release)
{
	note(context, (unsigned)(uintptr_t)release->handle, &release->verdict);
}

void record(const struct sequence *sequence, unsigned burst_max, struct record *record)
{
	static const struct drive_hooks hooks = {.burst = note_burst, .release = note_release};

	memset(record, 0, sizeof(*record));
	drive(sequence, burst_max, &hooks, record);
}

static bool restarts(void *context, unsigned event)
{
	return event == ((const struct record *)context)->restart;
}

void record_restarted(const struct sequence *sequence, unsigned restart, struct record *record)
{
	static const struct drive_hooks hooks = {
		.burst = note_burst, .release = note_release, .restarts = restarts};

	memset(record, 0, sizeof(*record));
	record->restart = restart;
	drive(sequence, DRIVE_BURST, &hooks, record);
}

static void say(char *text, size_t size, const struct outcome *outcome)
{
	snprintf(text, size, "%s, bound %u, opened %u by %u, rule %d",
		 sekisho_reason_word(outcome->reason), outcome->bound, outcome->opened,
		 outcome->opened_by, (int)outcome->rule);
}

struct difference record_difference(const struct record *one, const struct record *other,
				    const unsigned *same, unsigned count)
{
	struct difference difference = {.found = false};

	for (unsigned i = 0; i < count && !difference.found; i++) {
		struct outcome a = one->outcome[same[i]], b = other->outcome[i];

		if (b.opened_by > 0)
			b.opened_by = same[b.opened_by - 1] + 1;
		if (memcmp(&a, &b, sizeof(a)) == 0)
			continue;
		difference.found = true;
		difference.event = same[i];
		say(difference.says[0], sizeof(difference.says[0]), &a);
		say(difference.says[1], sizeof(difference.says[1]), &b);
	}
	return difference;
}

/* A ceiling that no sequence can reach is none. */
static bool is_none(uint32_t ceiling)
{
	return ceiling == 0 || ceiling >= SEQUENCE_EVENTS;
}

bool record_is_exact(const struct sequence *sequence)
{
	const struct sekisho_limits_spec *limits = &sequence->plans[0].spec.limits;
	bool elder_is_known = sequence->least_gap_ms > 0 || limits->half_open_percent == 0 ||
			      limits->half_open_percent >= 25;

	return elder_is_known && is_none(limits->flows_per_source) &&
	       is_none(limits->half_open_per_source);
}
