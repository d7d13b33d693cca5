/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_watch.c: clients that want to be told: trace.start, events.start.
 *
 * Both make a watch (watch.h), one a client, which lives until it has told what it was asked for, or the
 * client goes. What it tells comes as notifications; the answer to the request comes before them.
 * Frames hold what people say to each other, so they are for the admin socket alone.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"

#define COUNT_MAX  1000000000
#define FOR_MS_MAX 86400000

/* A whole number from `params`, 0 if it is not there. False with the call failed if it is none. */
static bool number_read(struct rpc_call *call, const char *name, json_int_t most, uint64_t *number)
{
	const json_t *value = json_object_get(call->params, name);

	*number = (uint64_t)json_integer_value(value);
	if (value == NULL ||
	    (json_is_integer(value) && json_integer_value(value) >= 1 && *number <= (uint64_t)most))
		return true;
	rpc_fail(call, RPC_PARAMS, "%s must be a whole number from 1 to %" JSON_INTEGER_FORMAT,
		 name, most);
	return false;
}

static bool filter_read(struct rpc_call *call, struct watch_request *request)
{
	const json_t *filter = json_object_get(call->params, "filter");
	char message[400];

	if (filter == NULL)
		return true;
	request->filtered = true;
	if (!json_is_string(filter) ||
	    strlen(json_string_value(filter)) != json_string_length(filter)) {
		rpc_fail(call, RPC_PARAMS, "filter must be a string");
		return false;
	}
	if (filter_compile(&request->filter, json_string_value(filter), message, sizeof(message)) ==
	    0)
		return true;
	rpc_fail(call, RPC_PARAMS, "filter, %s", message);
	return false;
}

/* What both methods take. */
static bool bounds_read(struct rpc_call *call, struct watch_request *request)
{
	uint64_t for_ms;

	if (!filter_read(call, request) ||
	    !number_read(call, "count", COUNT_MAX, &request->count) ||
	    !number_read(call, "for_ms", FOR_MS_MAX, &for_ms))
		return false;
	request->until_ms = for_ms > 0 ? clock_ms() + for_ms : 0;
	return true;
}

static void watch_start(struct rpc_call *call, const struct watch_request *request)
{
	struct client *client = call->client;

	if (client->watch != NULL) {
		rpc_fail(call, RPC_BUSY, "this client is told of something already; one at a time");
		return;
	}
	client->watch = watch_create(&call->control->daemon->watches, request);
	if (client->watch == NULL)
		rpc_fail(call, RPC_CLIENTS, "%d clients are told of something already",
			 WATCHES_MAX);
	else
		call->result = json_pack("{s:b}", "started", 1);
}

void rpc_trace_start(struct rpc_call *call)
{
	struct watch_request request = {.kinds = 1u << WATCH_PACKET, .method = "trace"};
	const json_t *drops = json_object_get(call->params, "drops");
	uint64_t snap;

	if (drops != NULL && !json_is_boolean(drops)) {
		rpc_fail(call, RPC_PARAMS, "drops must be true or false");
		return;
	}
	if (json_is_true(drops))
		request.kinds = 1u << WATCH_DROP;
	if (!bounds_read(call, &request) || !number_read(call, "frame_bytes", TAP_SNAP, &snap))
		return;
	if (snap > 0 && call->client->role != CONTROL_ADMIN) {
		rpc_fail(call, RPC_ROLE, "frames are not told on the read-only socket");
		return;
	}
	request.snap = (uint32_t)snap;
	watch_start(call, &request);
}

/* Which bit a word is; 0 if there is no such event. */
static unsigned kind_bit(const char *word)
{
	for (unsigned i = WATCH_NEW; word != NULL && i < WATCH_KIND_COUNT; i++)
		if (strcmp(watch_kind_words[i], word) == 0)
			return 1u << i;
	return 0;
}

static bool kinds_read(struct rpc_call *call, unsigned *kinds)
{
	const json_t *list = json_object_get(call->params, "kinds");
	char words[128] = "";
	json_t *word;
	size_t i;

	*kinds = list == NULL ? (1u << WATCH_KIND_COUNT) - 1 - (1u << WATCH_PACKET) : 0;
	json_array_foreach((json_t *)list, i, word)
	{
		unsigned bit = kind_bit(json_string_value(word));

		*kinds |= bit;
		if (bit == 0)
			break;
	}
	if (*kinds != 0 && (list == NULL || i == json_array_size(list)))
		return true;
	for (i = WATCH_NEW; i < WATCH_KIND_COUNT; i++) {
		strcat(words, i > WATCH_NEW ? ", " : "");
		strcat(words, watch_kind_words[i]);
	}
	rpc_fail(call, RPC_PARAMS, "kinds must be a list of some of %s", words);
	return false;
}

void rpc_events_start(struct rpc_call *call)
{
	struct watch_request request = {.method = "event"};

	if (kinds_read(call, &request.kinds) && bounds_read(call, &request))
		watch_start(call, &request);
}
