/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_explain.c: why a packet would pass or not, by the state of now.
 *
 * The owner of the packet's flow gives an excerpt of its engine, between two bursts (inquiry.h). The rest
 * is a job: the packet is explained by the excerpt, under the policy of its edge and variations of it
 * (../explain). One worker is asked one thing at a time; who comes meanwhile waits for the timer's next turn.
 */
#include <stdlib.h>
#include <string.h>

#include <explain.h>

#include "control.h"

#define WORKER_DEAD_MS 1000

struct explaining {
	struct job job;       /* first, so that a job's address is its explaining's */
	struct rpc_call call; /* its client is NULL when it has gone */
	struct control *control;
	struct edge *edge;
	struct worker *worker; /* who owns the packet */
	struct snapshot *snapshot; /* held once the excerpt is there */
	struct sekisho_frame frame;
	struct sekisho_excerpt excerpt;
	uint64_t asked_ms;
	uint8_t bytes[INQUIRY_FRAME_MAX];
};

static void explaining_destroy(struct explaining *explaining)
{
	if (explaining->snapshot != NULL)
		snapshot_drop(explaining->control->daemon, explaining->snapshot);
	free(explaining);
}

/* Answer the client, if there still is one. */
static void explaining_finish(struct explaining *explaining)
{
	struct client *client = explaining->call.client;
	struct control *control = explaining->control;

	if (client != NULL) {
		client->explaining = NULL;
		rpc_answer(&explaining->call);
	} else {
		rpc_drop(&explaining->call);
	}
	explaining_destroy(explaining);
	if (client != NULL)
		client_continue(control, client);
}

/* ---- The job ---------------------------------------------------------------------------------- */

static void explain_run(struct job *job)
{
	struct explaining *explaining = (struct explaining *)job;
	const struct explain_subject subject = {
		.spec = config_policy_spec(explaining->snapshot->config),
		.policy = explaining->snapshot->policy,
		.names = explaining->control->daemon->names,
		.frame = &explaining->frame,
		.excerpt = &explaining->excerpt,
	};

	explaining->call.result = explain(&subject);
}

static void explain_done(struct job *job)
{
	struct explaining *explaining = (struct explaining *)job;

	if (explaining->call.result == NULL)
		rpc_fail(&explaining->call, RPC_INTERNAL, "no memory");
	else
		json_object_set_new(explaining->call.result, "edge",
				    json_string(explaining->edge->name));
	explaining_finish(explaining);
}

/* ---- The question ----------------------------------------------------------------------------- */

/* Put the question, or take its answer. True when the excerpt is there. */
static bool inquire(struct explaining *explaining)
{
	struct inquiry *inquiry = &explaining->worker->inquiry;
	int state = atomic_load_explicit(&inquiry->state, memory_order_acquire);

	if (state == INQUIRY_DONE && inquiry->owner == NULL)
		state = INQUIRY_IDLE;
	if (state == INQUIRY_IDLE) {
		memcpy(inquiry->bytes, explaining->bytes, explaining->frame.length);
		inquiry->frame = explaining->frame;
		inquiry->frame.data = inquiry->bytes;
		inquiry->owner = explaining;
		atomic_store_explicit(&inquiry->state, INQUIRY_REQUESTED, memory_order_release);
		return false;
	}
	if (state != INQUIRY_DONE || inquiry->owner != explaining)
		return false;
	explaining->excerpt = inquiry->excerpt;
	inquiry->owner = NULL;
	atomic_store_explicit(&inquiry->state, INQUIRY_IDLE, memory_order_relaxed);
	return true;
}

void explaining_continue(struct control *control, struct client *client)
{
	struct explaining *explaining = client->explaining;

	if (explaining->snapshot != NULL) /* the job has it */
		return;
	if (inquire(explaining)) {
		explaining->snapshot = explaining->edge->snapshot;
		snapshot_hold(explaining->snapshot);
		explaining->job = (struct job){.run = explain_run, .done = explain_done};
		jobs_add(&control->daemon->jobs, &explaining->job);
	} else if (clock_ms() - explaining->asked_ms > WORKER_DEAD_MS) {
		rpc_fail(&explaining->call, RPC_WORKER, "worker %u does not answer",
			 explaining->worker->lcore);
		explaining_forget(control, client);
	}
}

/* Nobody waits for the worker's answer any more. */
static void inquiry_leave(const struct explaining *explaining)
{
	struct inquiry *inquiry = &explaining->worker->inquiry;

	if (inquiry->owner == explaining)
		inquiry->owner = NULL;
}

void explaining_forget(struct control *control, struct client *client)
{
	struct explaining *explaining = client->explaining;

	(void)control;
	if (explaining == NULL)
		return;
	if (explaining->snapshot != NULL) { /* the job ends it */
		client->explaining = NULL;
		explaining->call.client = NULL;
		return;
	}
	inquiry_leave(explaining);
	if (explaining->call.code == 0) { /* the client has gone */
		client->explaining = NULL;
		explaining->call.client = NULL;
	}
	explaining_finish(explaining);
}

/* ---- The request ------------------------------------------------------------------------------ */

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

/* Read a frame from hexadecimal digits; its length, or 0. */
static uint32_t frame_read(const char *hex, uint8_t bytes[INQUIRY_FRAME_MAX])
{
	uint32_t length = 0;

	for (; hex != NULL && hex[0] != '\0'; hex += 2) {
		int high = hex_digit(hex[0]), low = hex_digit(hex[1]);

		if (high < 0 || low < 0 || length == INQUIRY_FRAME_MAX)
			return 0;
		bytes[length++] = (uint8_t)(high << 4 | low);
	}
	return length;
}

void rpc_explain(struct rpc_call *call)
{
	struct edge *edge = rpc_edge_shown(call);
	struct explaining *explaining;
	struct sekisho_tuple tuple;

	if (edge == NULL)
		return;
	explaining = calloc(1, sizeof(*explaining));
	if (explaining == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	explaining->frame.length = frame_read(
		json_string_value(json_object_get(call->params, "frame")), explaining->bytes);
	if (explaining->frame.length == 0) {
		free(explaining);
		rpc_fail(call, RPC_PARAMS,
			 "frame must be an Ethernet frame in hexadecimal digits, at most %d bytes",
			 INQUIRY_FRAME_MAX);
		return;
	}
	explaining->frame.captured = explaining->frame.length;
	explaining->frame.data = explaining->bytes;
	explaining->frame.zone = edge->index;
	sekisho_frame_tuple(&explaining->frame, &tuple);
	explaining->frame.direction =
		(uint8_t)sekisho_policy_direction(edge->snapshot->policy, &tuple);
	explaining->call = *call;
	/* The method's name is the request's, which does not outlive its line. */
	explaining->call.method = "explain";
	explaining->control = call->control;
	explaining->edge = edge;
	explaining->worker = &call->control->daemon->workers[steer_worker(
		call->control->daemon, &explaining->frame)];
	explaining->asked_ms = clock_ms();
	call->later = true;
	call->client->explaining = explaining;
	explaining_continue(call->control, call->client);
}
