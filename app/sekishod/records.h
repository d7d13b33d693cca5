/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.h: flow logs and events in files, written by the watch thread.
 *
 * The flow log (flow_log.h) is of whole intervals; the events are the lines of `sekisho events -o json`.
 * A file is opened to append, is given another name when it is as large as may be, or of another day
 * (FILE.1, FILE.2, ...), and is opened anew on SIGHUP and SIGUSR1, so that others may rename it as well. What cannot be written is lost,
 * said in the log once a failure, and counted.
 */
#ifndef SEKISHOD_RECORDS_H
#define SEKISHOD_RECORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <config.h>

#include "flow_log.h"
#include "tell.h"

struct daemon;

struct record_file {
	const char *path; /* NULL: none */
	int fd;           /* -1: to be opened */
	uint64_t size;
	time_t written_at; /* last */
	bool failed; /* and the log has said so */
};

struct records {
	const struct daemon *daemon;
	struct record_file flow_file, event_file;
	struct flow_log *flow_log;
	const char *interfaces[CONFIG_EDGES_MAX];
	uint64_t flush_at_ms;           /* clock_ms() */
	_Atomic bool reopen;            /* set by the control thread */
	_Atomic uint64_t written, lost; /* lines; read by any thread */
};

/* Whether the appliance's records can be kept: its format has fields that there are. 0, or -EINVAL and a sentence. */
int records_check(const struct config_appliance *appliance, char *message, size_t size);

/* 0, or -errno. A file that cannot be opened is no reason not to start. */
int records_init(struct records *records, const struct daemon *daemon);
void records_fini(struct records *records);

/* ---- the watch thread ------------------------------------------------------------------------- */

void records_packet(struct records *records, const struct tell *tell);

/* Records were lost on the way here. */
void records_lose(struct records *records);

/* Append whole lines of events. */
void records_events(struct records *records, const char *lines, size_t length);

/* Write what is due. */
void records_work(struct records *records);

#endif
