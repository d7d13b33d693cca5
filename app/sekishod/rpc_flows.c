/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_flows.c: flows that are listed or closed, by their owners, without waiting for them.
 *
 * A *walk* is one request. It puts a question into a worker's mailbox, looks for a moment whether the worker
 * has answered (it mostly has, within microseconds), and else leaves the rest to the timer. A worker that
 * does not answer for three seconds fails the request. What a walk does with the flows that it is told of is
 * its *order*: a page of them, with a cursor "worker:position" to go on from; the first by some key, for
 * which it must see all; or close them. Filters are asked here, so that a worker does no more than copy.
 *
 * Many clients may walk at once; a mailbox serves one question at a time and remembers whose it is.
 * When the asker goes away before the answer, the mailbox is nobody's and the answer is thrown away.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "flow_json.h"

#define PAGE_MAX       256
#define WORKER_DEAD_MS 3000
#define EXCHANGES_MAX  8 /* in one go */
/* In one page: an empty region of the table must not hold a client long. */
#define PAGE_EXCHANGES 64
#define SPINS_MAX      2000

enum walk_order {
		WALK_PAGE,
		WALK_SORTED,
		WALK_CLOSE
	};

/* By what flows may be sorted; the first is the one with the largest, or by its time the soonest. */
static uint64_t by_bytes(const struct sekisho_flow_info *flow)
{
	return flow->bytes[0] + flow->bytes[1];
}

static uint64_t by_packets(const struct sekisho_flow_info *flow)
{
	return flow->packets[0] + flow->packets[1];
}

static uint64_t by_age(const struct sekisho_flow_info *flow)
{
	return flow->age_ms;
}

static uint64_t by_expires(const struct sekisho_flow_info *flow)
{
	return UINT32_MAX - flow->expires_ms;
}

static const struct sort_key {
	const char *word;
	uint64_t (*value)(const struct sekisho_flow_info *flow);
} sort_keys[] = {
	{"bytes", by_bytes}, {"packets", by_packets}, {"age", by_age}, {"expires", by_expires}};

/* A flow that may be among the first. */
struct candidate {
	uint64_t value;
	struct sekisho_flow_info flow;
};

struct flow_walk {
	struct rpc_call call;
	uint64_t number;
	enum walk_order order;
	enum flow_json_detail detail;
	bool holes; /* only flows that let in what no rule does */
	bool filtered;
	struct filter filter;
	unsigned asked;  /* the worker that has the question */
	unsigned worker; /* where to go on */
	uint32_t position;
	unsigned left; /* flows that still fit on the page */
	unsigned exchanges;
	uint64_t heard_ms; /* when a worker last answered */
	uint64_t closed;
	json_t *flows;
	/* sorted: up to twice as many as are wanted, of which the best are kept when it is full */
	uint64_t (*value)(const struct sekisho_flow_info *flow);
	unsigned wanted, candidate_count;
	struct candidate *candidates;
};

/* ---- what a walk does with flows -------------------------------------------------------------- */

static bool walk_means(const struct flow_walk *walk, const struct sekisho_flow_info *flow)
{
	const struct daemon *daemon = walk->call.control->daemon;
	struct filter_subject subject;

	if (walk->holes && sekisho_policy_hole(daemon->edges[flow->zone].snapshot->policy, flow) ==
				   SEKISHO_HOLE_NONE)
		return false;
	if (!walk->filtered)
		return true;
	subject = flow_subject(daemon, flow);
	return filter_matches(&walk->filter, &subject);
}

static int candidate_compare(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	return a->value < b->value ? 1 : a->value > b->value ? -1 : 0;
}

/* Bring the candidates into order and let go of those that are not among the first. */
static void candidates_sort(struct flow_walk *walk)
{
	qsort(walk->candidates, walk->candidate_count, sizeof(walk->candidates[0]),
	      candidate_compare);
	if (walk->candidate_count > walk->wanted)
		walk->candidate_count = walk->wanted;
}

static void candidate_add(struct flow_walk *walk, const struct sekisho_flow_info *flow)
{
	if (walk->candidate_count == 2 * walk->wanted)
		candidates_sort(walk);
	walk->candidates[walk->candidate_count++] = (struct candidate){walk->value(flow), *flow};
}

static void page_add(struct flow_walk *walk, const struct sekisho_flow_info *flow)
{
	json_array_append_new(walk->flows,
			      flow_json(walk->call.control->daemon, flow, walk->detail));
	walk->left--;
}

/* ---- the mailbox ------------------------------------------------------------------------------ */

/* Have the flows of an answer closed that are meant; false if there are none. */
static bool walk_close(const struct flow_walk *walk, struct mailbox *mailbox)
{
	unsigned count = 0;

	for (unsigned i = 0; i < mailbox->count; i++)
		if (walk_means(walk, &mailbox->flows[i]))
			mailbox->flows[count++] = mailbox->flows[i];
	mailbox->count = count;
	mailbox->steps = 0;
	mailbox->question = MAILBOX_CLOSE;
	return count > 0;
}

/* Go on from a cursor of the worker; 0 is its end. */
static void walk_move(struct flow_walk *walk, uint32_t cursor)
{
	walk->position = cursor;
	if (cursor == 0)
		walk->worker++;
}

/* Take the answer of a mailbox for the walk that asked. True if it goes on with the next question. */
static bool walk_take(struct flow_walk *walk, struct mailbox *mailbox)
{
	walk->exchanges++;
	walk->heard_ms = clock_ms();
	if (mailbox->question == MAILBOX_CLOSE) {
		walk->closed += mailbox->closed;
		return false;
	}
	walk_move(walk, mailbox->cursor);
	if (walk->order == WALK_CLOSE)
		return walk_close(walk, mailbox);
	for (unsigned i = 0; i < mailbox->count; i++) {
		const struct sekisho_flow_info *flow = &mailbox->flows[i];

		if (!walk_means(walk, flow))
			continue;
		if (walk->order == WALK_SORTED) {
			candidate_add(walk, flow);
			continue;
		}
		page_add(walk, flow);
		if (walk->left == 0 && i + 1 < mailbox->count) {
			/* the rest is for the next page */
			walk->worker = walk->asked;
			walk_move(walk, flow->next);
			break;
		}
	}
	return false;
}

/* How many flows to ask for: without a filter no more than there is room for. */
static unsigned walk_flows_max(const struct flow_walk *walk)
{
	return walk->order == WALK_PAGE && !walk->filtered && !walk->holes ? walk->left
									   : MAILBOX_FLOWS;
}

/* One question and, if it comes soon, its answer. false when it is to be tried again later. */
static bool walk_exchange(struct flow_walk *walk)
{
	struct mailbox *mailbox = &walk->call.control->daemon->workers[walk->asked].mailbox;
	int state = atomic_load_explicit(&mailbox->state, memory_order_acquire);

	if (state == MAILBOX_DONE && mailbox->owner == 0)
		state = MAILBOX_IDLE;
	if (state == MAILBOX_IDLE) {
		mailbox->owner = walk->number;
		mailbox->question = MAILBOX_LIST;
		mailbox->cursor = walk->position;
		mailbox->max = walk_flows_max(walk);
		mailbox->count = mailbox->steps = mailbox->closed = 0;
		state = MAILBOX_REQUESTED;
		atomic_store_explicit(&mailbox->state, state, memory_order_release);
	}
	if (mailbox->owner != walk->number)
		return false;
	for (unsigned i = 0; i < SPINS_MAX && state != MAILBOX_DONE; i++)
		state = atomic_load_explicit(&mailbox->state, memory_order_acquire);
	if (state != MAILBOX_DONE)
		return false;
	if (walk_take(walk, mailbox)) {
		atomic_store_explicit(&mailbox->state, MAILBOX_REQUESTED, memory_order_release);
		return true;
	}
	walk->asked = walk->worker;
	mailbox->owner = 0;
	atomic_store_explicit(&mailbox->state, MAILBOX_IDLE, memory_order_relaxed);
	return true;
}

/* Whether there is nothing more to ask. */
static bool walk_is_done(const struct flow_walk *walk)
{
	if (walk->asked == walk->call.control->daemon->worker_count)
		return true;
	return walk->order == WALK_PAGE && (walk->left == 0 || walk->exchanges >= PAGE_EXCHANGES);
}

/* Go on for a while. true when the walk is done, or has failed. */
static bool walk_advance(struct flow_walk *walk)
{
	struct daemon *daemon = walk->call.control->daemon;

	for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
		if (walk_is_done(walk))
			return true;
		if (walk_exchange(walk))
			continue;
		if (clock_ms() - walk->heard_ms <= WORKER_DEAD_MS)
			return false;
		rpc_fail(&walk->call, RPC_WORKER, "worker %u does not answer",
			 daemon->workers[walk->asked].lcore);
		return true;
	}
	return false;
}

/* ---- from request to answer ------------------------------------------------------------------- */

static void walk_finish_list(struct flow_walk *walk)
{
	json_t *cursor = json_null();
	char text[32];

	if (walk->order == WALK_SORTED) {
		candidates_sort(walk);
		for (unsigned i = 0; i < walk->candidate_count; i++)
			page_add(walk, &walk->candidates[i].flow);
	} else if (walk->worker < walk->call.control->daemon->worker_count) {
		snprintf(text, sizeof(text), "%u:%u", walk->worker, walk->position);
		cursor = json_string(text);
	}
	walk->call.result = json_pack("{s:O,s:o}", "flows", walk->flows, "cursor", cursor);
}

static void walk_finish_close(struct flow_walk *walk)
{
	const struct actor actor = {walk->call.client->uid, walk->call.client->pid};
	const char *filter = json_string_value(json_object_get(walk->call.params, "filter"));

	audit_flows_kill(walk->call.control->daemon, &actor, filter, walk->closed);
	walk->call.result = json_pack("{s:I}", "killed", (json_int_t)walk->closed);
}

/* Let go of what the walk holds but its call, which is answered or dropped by the caller. */
static void walk_fini(struct control *control, struct flow_walk *walk)
{
	for (unsigned i = 0; i < control->daemon->worker_count; i++)
		if (control->daemon->workers[i].mailbox.owner == walk->number)
			control->daemon->workers[i].mailbox.owner = 0;
	json_decref(walk->flows);
	walk->flows = NULL;
	free(walk->candidates);
}

void flow_walk_continue(struct control *control, struct client *client)
{
	struct flow_walk *walk = client->walk;

	if (!walk_advance(walk))
		return;
	if (walk->order == WALK_CLOSE)
		walk_finish_close(walk);
	else if (walk->call.code == 0)
		walk_finish_list(walk);
	client->walk = NULL;
	rpc_answer(&walk->call);
	walk_fini(control, walk);
	free(walk);
}

void flow_walk_destroy(struct control *control, struct flow_walk *walk)
{
	/* What has been closed until here must be on record, though nobody is told any more. */
	if (walk->order == WALK_CLOSE)
		walk_finish_close(walk);
	walk_fini(control, walk);
	rpc_drop(&walk->call);
	free(walk);
}

/* Each reads a param into the walk; false with the call failed if it is wrong. */
static bool take_filter(struct rpc_call *call, struct flow_walk *walk)
{
	const json_t *filter = json_object_get(call->params, "filter");
	char message[400];

	if (filter == NULL && walk->order != WALK_CLOSE)
		return true;
	walk->filtered = true;
	if (!json_is_string(filter)) {
		rpc_fail(call, RPC_PARAMS, "filter must be a text; all means all flows");
		return false;
	}
	if (filter_compile(&walk->filter, json_string_value(filter), message, sizeof(message)) == 0)
		return true;
	rpc_fail(call, RPC_PARAMS, "filter: %s", message);
	return false;
}

static bool take_page(struct rpc_call *call, struct flow_walk *walk)
{
	const json_t *cursor = json_object_get(call->params, "cursor");
	const json_t *limit = json_object_get(call->params, "limit");
	json_int_t most = limit == NULL ? 64 : json_integer_value(limit);
	bool good = most >= 1 && most <= PAGE_MAX;
	char after;

	if (good && cursor != NULL && !json_is_null(cursor))
		good = json_is_string(cursor) &&
		       sscanf(json_string_value(cursor), "%u:%u%c", &walk->worker, &walk->position,
			      &after) == 2 &&
		       walk->worker < call->control->daemon->worker_count;
	if (!good)
		rpc_fail(call, RPC_PARAMS, "cursor must be one that was given, limit 1 to %d",
			 PAGE_MAX);
	walk->left = walk->wanted = good ? (unsigned)most : 0;
	walk->asked = walk->worker;
	return good;
}

static bool take_sort(struct rpc_call *call, struct flow_walk *walk)
{
	const json_t *sort = json_object_get(call->params, "sort");
	const json_t *cursor = json_object_get(call->params, "cursor");

	if (sort == NULL)
		return true;
	for (size_t i = 0; json_is_string(sort) && i < sizeof(sort_keys) / sizeof(sort_keys[0]);
	     i++)
		if (strcmp(json_string_value(sort), sort_keys[i].word) == 0)
			walk->value = sort_keys[i].value;
	if (walk->value == NULL || (cursor != NULL && !json_is_null(cursor))) {
		rpc_fail(call, RPC_PARAMS,
			 "sort must be bytes, packets, age or expires, and goes without cursor");
		return false;
	}
	walk->order = WALK_SORTED;
	walk->candidates = calloc(2 * walk->wanted, sizeof(walk->candidates[0]));
	if (walk->candidates == NULL)
		rpc_fail(call, RPC_INTERNAL, "no memory");
	return walk->candidates != NULL;
}

/* Begin a walk of this order, if its params are right. */
static void walk_begin(struct rpc_call *call, enum walk_order order, const char *method)
{
	static uint64_t walks;
	struct flow_walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	walk->order = order;
	walk->holes = strcmp(method, "holes.list") == 0;
	if (json_is_true(json_object_get(call->params, "why")))
		walk->detail = FLOW_JSON_WHY;
	if (walk->holes)
		walk->detail = FLOW_JSON_HOLE;
	if (!take_filter(call, walk) ||
	    (order != WALK_CLOSE && (!take_page(call, walk) || !take_sort(call, walk)))) {
		free(walk->candidates);
		free(walk);
		return;
	}
	walk->call = *call;
	walk->number = ++walks;
	walk->heard_ms = clock_ms();
	walk->flows = json_array();
	/* The method's name is the request's, which does not outlive this line. */
	walk->call.method = method;
	call->later = true;
	call->client->walk = walk;
	flow_walk_continue(call->control, call->client);
}

void rpc_flows_list(struct rpc_call *call)
{
	walk_begin(call, WALK_PAGE, "flows.list");
}

void rpc_holes_list(struct rpc_call *call)
{
	walk_begin(call, WALK_PAGE, "holes.list");
}

void rpc_flows_kill(struct rpc_call *call)
{
	walk_begin(call, WALK_CLOSE, "flows.kill");
}
