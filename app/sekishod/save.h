/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * save.h: the flows of all workers saved as a flow image (image.h) in the state directory: now and then, when
 * somebody asks, and when the daemon stops. resume.h is the way back.
 *
 * The job thread asks one worker after the other. A worker copies a few flows between two bursts until the
 * box is full; the job thread writes them to a temporary file, which replaces the former image when all of
 * it is on the disk. So a worker never waits for a disk, and the image is the former or the new one whole.
 * A save goes by several jobs, so that a commit need not wait for all of it.
 *
 * Failures are counted, told by status and metrics, and the former image stays.
 */
#ifndef SEKISHOD_SAVE_H
#define SEKISHOD_SAVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sekisho.h>

#include "image.h"
#include "jobs.h"
#include "state.h"

#define SAVE_FILE      "flows.image"
#define SAVE_BOX_BYTES 65536

enum save_box_state { SAVE_BOX_IDLE, SAVE_BOX_REQUESTED, SAVE_BOX_DONE };

/*
 * Records on their way out of an engine. The job thread sets REQUESTED, the worker fills it in small steps
 * and sets DONE; each touches the rest only in its own turn.
 */
struct save_box {
	_Atomic int state; /* enum save_box_state */
	struct sekisho_export export;
	size_t used;
	uint8_t bytes[SAVE_BOX_BYTES];
};

/* Go a step on if records are asked for. The worker, between two bursts. */
static inline void save_box_answer(struct save_box *box, const struct sekisho_engine *engine,
				   uint32_t now_ms)
{
	if (atomic_load_explicit(&box->state, memory_order_acquire) != SAVE_BOX_REQUESTED)
		return;
	box->export.now_ms = now_ms;
	box->used += sekisho_engine_export(engine, &box->export, box->bytes + box->used,
					   sizeof(box->bytes) - box->used);
	if (box->export.done || sizeof(box->bytes) - box->used < SEKISHO_RECORD_MAX)
		atomic_store_explicit(&box->state, SAVE_BOX_DONE, memory_order_release);
}

/* What an image was, or why there is none. */
struct save_outcome {
	uint64_t time_ms; /* since 1970 */
	uint64_t records, bytes, took_ms;
};

struct client;
struct control;
struct daemon;
struct rpc_call;

struct save {
	struct job job; /* first, so that a job's address is its save's */
	struct daemon *daemon;
	struct control *control;
	bool runs;           /* control thread, as all up to here */
	uint64_t began_ms;   /* clock_ms() of the last one */
	_Atomic bool cancel; /* the daemon stops */
	/* the job thread's while it runs */
	unsigned worker; /* that is asked */
	struct image_writer writer;
	uint32_t base_ms;
	bool ended;
	int rc;
	char message[STATE_MESSAGE_MAX];
	/* what became of them; control thread */
	uint64_t saves, failures;
	struct save_outcome last;        /* the last that succeeded */
	char failure[STATE_MESSAGE_MAX]; /* of the last one, if it failed */
};

/* Once a second: begin if it is time. Control thread. */
void save_tick(struct control *control);

/* The daemon stops: leave what is under way. Control thread. */
void save_cancel(struct save *save);

/* Save now, when there are no workers and jobs any more. */
void save_at_stop(struct daemon *daemon);

/* A client that waits for a save has gone. Control thread. */
void save_forget(struct client *client);

#endif
