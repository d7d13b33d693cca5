/* SPDX-License-Identifier: BSD-3-Clause */
/* save.c: see save.h. */
#include "save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"

#define WORKER_DEAD_MS 3000
#define WAIT_NS        100000
#define JOB_BYTES      (4u << 20) /* that one job writes */

/* ---- Records of a worker ---------------------------------------------------------------------- */

/* Wait until a worker has filled its box. False if it does not, or need not any more. */
static bool box_wait(struct save *save, struct save_box *box)
{
	const struct timespec pause = {.tv_nsec = WAIT_NS};
	uint64_t until = clock_ms() + WORKER_DEAD_MS;

	while (atomic_load_explicit(&box->state, memory_order_acquire) != SAVE_BOX_DONE) {
		if (clock_ms() > until || atomic_load(&save->cancel))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* A worker that has ended fills no box; the engine is ours then. */
static void box_fill(struct save *save, struct worker *worker)
{
	while (atomic_load(&worker->box.state) == SAVE_BOX_REQUESTED)
		save_box_answer(&worker->box, worker->engine, daemon_now_ms(save->daemon));
}

/* Take the next records of the worker that is asked. */
static void records_take(struct save *save)
{
	struct worker *worker = &save->daemon->workers[save->worker];
	struct save_box *box = &worker->box;
	uint64_t before = box->export.records;

	if (atomic_load_explicit(&box->state, memory_order_acquire) == SAVE_BOX_REQUESTED) {
		save->rc = -ETIMEDOUT; /* still what a former save has asked for */
		return;
	}
	box->used = 0;
	atomic_store_explicit(&box->state, SAVE_BOX_REQUESTED, memory_order_release);
	if (atomic_load(&save->daemon->stop))
		box_fill(save, worker);
	else if (!box_wait(save, box)) {
		save->rc = atomic_load(&save->cancel) ? -ECANCELED : -ETIMEDOUT;
		return;
	}
	image_add_records(&save->writer, box->bytes, box->used, box->export.records - before);
	if (box->export.done)
		save->worker++;
}

/* Whose export begins must begin at its beginning. */
static void boxes_begin(struct save *save)
{
	struct daemon *daemon = save->daemon;

	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct save_box *box = &daemon->workers[i].box;

		if (atomic_load_explicit(&box->state, memory_order_acquire) != SAVE_BOX_REQUESTED)
			box->export = (struct sekisho_export){.base_ms = save->base_ms};
	}
}

/* ---- The file --------------------------------------------------------------------------------- */

static void file_begin(struct save *save)
{
	struct daemon *daemon = save->daemon;
	int fd = state_file_begin(&daemon->state, SAVE_FILE);

	save->worker = 0;
	save->base_ms = daemon_now_ms(daemon);
	boxes_begin(save);
	image_begin(&save->writer, fd, (uint64_t)(clock_wall() * 1000), daemon->proof_key);
	save->rc = fd < 0 ? fd : 0;
}

static void file_end(struct save *save)
{
	const struct daemon *daemon = save->daemon;
	uint32_t rules = sekisho_rule_names_count(daemon->names);

	for (unsigned i = 0; save->rc == 0 && i < daemon->edge_count; i++)
		image_add_zone(&save->writer, daemon->edges[i].name);
	for (uint32_t i = 0; save->rc == 0 && i < rules; i++)
		image_add_rule(&save->writer, sekisho_rule_name(daemon->names, i));
	if (atomic_load(&daemon->stop))
		image_set_exact(&save->writer);
	if (save->rc == 0)
		save->rc = image_end(&save->writer);
	if (save->writer.fd >= 0)
		save->rc = state_file_end(&daemon->state, SAVE_FILE, save->writer.fd, save->rc);
	save->ended = true;
	if (save->rc == -ETIMEDOUT)
		snprintf(save->message, sizeof(save->message), "worker %u does not answer",
			 daemon->workers[save->worker].lcore);
	else if (save->rc < 0)
		snprintf(save->message, sizeof(save->message), "%s/%s: %s", daemon->state.path,
			 SAVE_FILE, strerror(-save->rc));
}

/* Go on until so many bytes more are written, or to the end. */
static void save_advance(struct save *save, uint64_t bytes)
{
	uint64_t until;

	if (save->rc == 0 && save->writer.fd < 0)
		file_begin(save);
	until = save->writer.header.length + bytes;
	while (save->rc == 0 && save->worker < save->daemon->worker_count &&
	       save->writer.header.length < until) {
		records_take(save);
		if (save->rc == 0)
			save->rc = save->writer.error;
	}
	if (save->rc < 0 || save->worker == save->daemon->worker_count)
		file_end(save);
}

static void save_begin(struct save *save)
{
	save->began_ms = clock_ms();
	save->writer.fd = -1;
	save->ended = false;
	save->rc = 0;
}

/* It has ended: remember what became of it. */
static void save_conclude(struct save *save)
{
	const struct image_header *header = &save->writer.header;

	if (save->rc == -ECANCELED)
		return;
	if (save->rc < 0) {
		save->failures++;
		strcpy(save->failure, save->message);
		log_error("flows are not saved: %s", save->message);
		return;
	}
	save->saves++;
	save->failure[0] = '\0';
	save->last = (struct save_outcome){.time_ms = header->time_ms,
					   .records = header->records,
					   .bytes = header->length,
					   .took_ms = clock_ms() - save->began_ms};
	log_debug("%llu flows and address pairs are saved", (unsigned long long)header->records);
}

/* ---- While the daemon runs -------------------------------------------------------------------- */

/* A client that waits for a save which begins after its request. */
struct save_call {
	struct rpc_call call;
	bool joined; /* it is the one that runs */
};

static void save_run(struct job *job)
{
	struct save *save = (struct save *)job;

	if (atomic_load(&save->cancel))
		save->rc = -ECANCELED;
	save_advance(save, JOB_BYTES);
}

static void save_start(struct control *control);

static void client_answer(struct control *control, struct client *client)
{
	const struct save *save = &control->daemon->save;
	struct save_call *waits = client->saving;

	client->saving = NULL;
	if (save->rc < 0)
		rpc_fail(&waits->call, RPC_STATE, "flows are not saved: %s", save->message);
	else
		waits->call.result = json_pack(
			"{s:s,s:s,s:I,s:I,s:I}", "directory", control->daemon->state.path, "file",
			SAVE_FILE, "records", (json_int_t)save->last.records, "bytes",
			(json_int_t)save->last.bytes, "took_ms", (json_int_t)save->last.took_ms);
	rpc_answer(&waits->call);
	free(waits);
	client_continue(control, client);
}

static void save_done(struct job *job)
{
	struct save *save = (struct save *)job;
	struct control *control = save->control;
	bool again = false;

	if (!save->ended) {
		jobs_add(&save->daemon->jobs, &save->job);
		return;
	}
	save->runs = false;
	save_conclude(save);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0 || client->saving == NULL)
			continue;
		if (client->saving->joined)
			client_answer(control, client);
		else
			again = true;
	}
	if (again)
		save_start(control);
}

static void save_start(struct control *control)
{
	struct save *save = &control->daemon->save;

	save->control = control;
	save->runs = true;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].saving != NULL)
			control->clients[i].saving->joined = true;
	save_begin(save);
	save->job = (struct job){.run = save_run, .done = save_done};
	jobs_add(&control->daemon->jobs, &save->job);
}

void save_tick(struct control *control)
{
	struct daemon *daemon = control->daemon;
	uint64_t interval = (uint64_t)daemon->appliance->save_interval * 1000;

	if (daemon->state.directory >= 0 && interval > 0 && !daemon->save.runs &&
	    clock_ms() - daemon->save.began_ms >= interval)
		save_start(control);
}

void rpc_state_save(struct rpc_call *call)
{
	struct save_call *waits;

	if (call->control->daemon->state.directory < 0) {
		rpc_fail(call, RPC_STATE, "the daemon has no state directory: nothing outlives it");
		return;
	}
	waits = calloc(1, sizeof(*waits));
	if (waits == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	waits->call = *call;
	/* The method's name is the request's, which does not outlive its line. */
	waits->call.method = NULL;
	call->later = true;
	call->client->saving = waits;
	if (!call->control->daemon->save.runs)
		save_start(call->control);
}

void save_forget(struct client *client)
{
	if (client->saving == NULL)
		return;
	rpc_drop(&client->saving->call);
	free(client->saving);
	client->saving = NULL;
}

void save_cancel(struct save *save)
{
	atomic_store(&save->cancel, true);
}

void save_at_stop(struct daemon *daemon)
{
	struct save *save = &daemon->save;

	if (daemon->state.directory < 0)
		return;
	atomic_store(&save->cancel, false);
	save_begin(save);
	save_advance(save, UINT64_MAX / 2);
	save_conclude(save);
	if (save->rc == 0)
		log_info("%llu flows and address pairs are saved in %s/%s",
			 (unsigned long long)save->last.records, daemon->state.path, SAVE_FILE);
}
