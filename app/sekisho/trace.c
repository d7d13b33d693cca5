/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.c: reading a capture and asking the judges.
 *
 * One packet at a time: a capture's packets seldom share a millisecond. A packet that a judge holds
 * gets its verdict later; it and the rows after it wait, so that rows come out in packet order.
 * What still waits when the capture ends is waited for: the clock goes on without packets.
 *
 * Time. The engine's clock must not go back, and compares 32-bit milliseconds by signed difference.
 * So a timestamp before the latest one stands still, and a gap longer than any timer is cut to
 * GAP_MAX_MS: hostile captures jump by decades.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "matcher.h"
#include "source.h"

#define GAP_MAX_MS  (UINT32_C(1) << 30) /* 12 days; the longest timer is 5 */
#define TIME_MAX_US INT64_C(1000000000000000000)
#define END_STEP_MS 1000u /* of the clock, once the capture has ended */
#define ROWS_MIN    256u
#define FLOWS_MIN   4096u
#define FLOWS_MAX   (1u << 22)

/* How far a run is. */
struct progress {
	uint64_t packets;
	struct timeval first;
	int64_t latest_us; /* highest so far */
	int64_t rest_us;   /* of latest_us, not yet in clock_ms */
	uint32_t clock_ms;
};

/* Rows that are not called back yet, in packet order. */
struct rows {
	struct trace_row *row;
	size_t first, count, size; /* a ring; size is a power of two */
};

/* ---- Judges ---------------------------------------------------------------------------------- */

uint32_t trace_flows(char *const *captures, unsigned count)
{
	struct stat status;
	uint64_t most = 0;
	uint32_t flows = FLOWS_MIN;

	for (unsigned i = 0; i < count; i++) {
		if (strcmp(captures[i], "-") != 0 && stat(captures[i], &status) == 0 &&
		    S_ISREG(status.st_mode))
			most += (uint64_t)status.st_size / 16;
		else
			most += FLOWS_MAX / 4;
	}
	while (flows < most && flows < FLOWS_MAX)
		flows *= 2;
	return flows;
}

int trace_judge_init(struct trace_judge *judge, const char *policy, const char *capture)
{
	char *const captures[] = {(char *)capture};

	return trace_judge_load(judge, policy, trace_flows(captures, 1));
}

int trace_judge_load(struct trace_judge *judge, const char *policy, uint32_t flows)
{
	struct sekisho_engine_config engine = {.flows = flows, .zones = 1};
	struct config_errors errors = {0};
	char message[256] = "out of memory";

	*judge = (struct trace_judge){0};
	judge->config = config_policy_load(policy, &errors);
	if (!judge->config) {
		fputs(errors.text ? errors.text : "sekisho: the policy cannot be read\n", stderr);
		config_errors_fini(&errors);
		return 1;
	}
	config_errors_fini(&errors);
	judge->names = sekisho_rule_names_create(
		sekisho_policy_spec_names(config_policy_spec(judge->config)));
	if (judge->names)
		judge->policy = matcher_policy_create(config_policy_spec(judge->config),
						      judge->names, message, sizeof(message));
	if (judge->policy) {
		engine.names = judge->names;
		for (unsigned i = 0; i < sizeof(engine.hash_key); i++)
			engine.hash_key[i] = (uint8_t)i;
		judge->engine = sekisho_engine_create(&engine, message, sizeof(message));
	}
	if (!judge->engine) {
		fprintf(stderr, "sekisho: %s: %s\n", policy, message);
		return -1;
	}
	sekisho_engine_set_policy(judge->engine, 0, judge->policy);
	return 0;
}

void trace_judge_fini(struct trace_judge *judge)
{
	if (judge->engine)
		sekisho_engine_destroy(judge->engine);
	if (judge->policy)
		sekisho_policy_destroy(judge->policy);
	if (judge->names)
		sekisho_rule_names_destroy(judge->names);
	if (judge->config)
		config_policy_destroy(judge->config);
	*judge = (struct trace_judge){0};
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* Microseconds from the first packet on, within +-TIME_MAX_US whatever the file says. */
static int64_t elapsed_us(const struct timeval *first, const struct timeval *at)
{
	int64_t seconds, us;

	if (__builtin_sub_overflow((int64_t)at->tv_sec, (int64_t)first->tv_sec, &seconds) ||
	    __builtin_mul_overflow(seconds, INT64_C(1000000), &us) ||
	    __builtin_add_overflow(us, (int64_t)at->tv_usec - (int64_t)first->tv_usec, &us) ||
	    us > TIME_MAX_US || us < -TIME_MAX_US)
		return at->tv_sec < first->tv_sec ? -TIME_MAX_US : TIME_MAX_US;
	return us;
}

/* Move the engine's clock to a packet's time. */
static void clock_advance(struct progress *progress, int64_t time_us)
{
	int64_t gap_us, gap_ms;

	if (time_us <= progress->latest_us)
		return;
	gap_us = time_us - progress->latest_us + progress->rest_us;
	gap_ms = gap_us / 1000;
	progress->latest_us = time_us;
	progress->rest_us = gap_us % 1000;
	progress->clock_ms += gap_ms > (int64_t)GAP_MAX_MS ? GAP_MAX_MS : (uint32_t)gap_ms;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Add an empty row; NULL when there is no memory. */
static struct trace_row *rows_add(struct rows *rows)
{
	struct trace_row *row;

	if (rows->count == rows->size) {
		size_t size = rows->size ? rows->size * 2 : ROWS_MIN;
		struct trace_row *larger = calloc(size, sizeof(*larger));

		if (!larger)
			return NULL;
		for (size_t i = 0; i < rows->count; i++)
			larger[i] = rows->row[(rows->first + i) & (rows->size - 1)];
		free(rows->row);
		*rows = (struct rows){larger, 0, rows->count, size};
	}
	row = &rows->row[(rows->first + rows->count++) & (rows->size - 1)];
	memset(row, 0, sizeof(*row));
	return row;
}

/* The waiting row of a packet number. */
static struct trace_row *rows_find(const struct rows *rows, uint64_t number)
{
	uint64_t behind = number - rows->row[rows->first].number;

	return &rows->row[(rows->first + behind) & (rows->size - 1)];
}

static bool row_is_decided(const struct trace_row *row, const struct trace_run *run)
{
	for (unsigned j = 0; j < run->judge_count; j++)
		if (row->verdicts[j].action == SEKISHO_HOLD)
			return false;
	return true;
}

/* Call back with the rows that nothing holds up. False to stop. */
static bool rows_flush(struct rows *rows, const struct trace_run *run)
{
	while (rows->count > 0 && row_is_decided(&rows->row[rows->first], run)) {
		if (!run->row(run->context, &rows->row[rows->first]))
			return false;
		rows->first = (rows->first + 1) & (rows->size - 1);
		rows->count--;
	}
	return true;
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* Take what a judge releases. The handle of a frame is its packet's number. */
static void rows_release(struct rows *rows, const struct trace_run *run, unsigned judge)
{
	struct sekisho_release releases[SEKISHO_BURST_MAX];
	unsigned count;

	do {
		count = sekisho_engine_release(run->judges[judge].engine, releases,
					       SEKISHO_BURST_MAX);
		for (unsigned i = 0; i < count; i++)
			rows_find(rows, (uintptr_t)releases[i].handle)->verdicts[judge] =
				releases[i].verdict;
	} while (count == SEKISHO_BURST_MAX);
}

/* Where a packet comes from: the side whose capture it is in, or what its addresses say. */
static enum sekisho_direction direction_of(const struct trace_row *row, enum source_side side,
					   const struct sekisho_policy *policy)
{
	if (side != SOURCE_ONLY)
		return side == SOURCE_INSIDE ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	return row->tuple.family ? sekisho_policy_direction(policy, &row->tuple) : SEKISHO_INGRESS;
}

/* Show one packet to all judges. */
static void row_judge(struct rows *rows, struct trace_row *row, const struct trace_run *run,
		      struct source_packet *packet, uint32_t now_ms)
{
	struct sekisho_frame *frame = &packet->frame;

	sekisho_frame_tuple(frame, &row->tuple);
	frame->handle = (void *)(uintptr_t)row->number;
	for (unsigned j = 0; j < run->judge_count && j < TRACE_JUDGES_MAX; j++) {
		const struct trace_judge *judge = &run->judges[j];

		frame->direction = (uint8_t)direction_of(row, packet->side, judge->policy);
		row->directions[j] = frame->direction;
		sekisho_engine_burst(judge->engine, now_ms, frame, 1, &row->verdicts[j]);
		rows_release(rows, run, j);
	}
}

/* Take one packet through. Returns 1 to go on, 0 to stop, -1 when there is no memory. */
static int packet_take(struct progress *progress, struct rows *rows, const struct trace_run *run,
		       struct source_packet *packet)
{
	struct trace_row *row = rows_add(rows);

	if (!row)
		return -1;
	if (progress->packets == 0)
		progress->first = packet->time;
	row->number = ++progress->packets;
	row->time_us = elapsed_us(&progress->first, &packet->time);
	clock_advance(progress, row->time_us);
	row->clock_ms = progress->clock_ms;
	row_judge(rows, row, run, packet, progress->clock_ms);
	return rows_flush(rows, run) ? 1 : 0;
}

/* The capture has ended: let time pass until nothing is held. */
static void rows_finish(struct progress *progress, struct rows *rows, const struct trace_run *run)
{
	while (rows->count > 0) {
		progress->clock_ms += END_STEP_MS;
		for (unsigned j = 0; j < run->judge_count; j++) {
			sekisho_engine_burst(run->judges[j].engine, progress->clock_ms, NULL, 0,
					     NULL);
			rows_release(rows, run, j);
		}
		if (!rows_flush(rows, run))
			return;
	}
}

int trace_run(const struct trace_run *run, const char *capture)
{
	char *const captures[] = {(char *)capture};

	return trace_run_captures(run, captures, 1, NULL);
}

int trace_run_captures(const struct trace_run *run, char *const *captures, unsigned count,
		       uint64_t *in_both)
{
	struct progress progress = {0};
	struct source_packet packet;
	struct rows rows = {0};
	struct source source;
	int status = 1, went = 1;

	if (source_init(&source, captures, count)) {
		source_fini(&source);
		return -1;
	}
	while (went == 1 && (status = source_next(&source, &packet)) == 1)
		went = packet_take(&progress, &rows, run, &packet);
	if (went == 1)
		rows_finish(&progress, &rows, run);
	if (went < 0)
		fprintf(stderr, "sekisho: %s: out of memory\n", captures[0]);
	if (in_both)
		*in_both = source.in_both;
	source_fini(&source);
	free(rows.row);
	return went < 0 || status < 0 ? -1 : 0;
}
