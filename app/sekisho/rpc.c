/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.c: lines to and from the control socket. The daemon is believed no further than it must be:
 * lines are bounded, waiting is bounded, missing members are errors.
 */
#include "rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_ADMIN    "/run/sekisho/sekisho.sock"
#define SOCKET_READONLY "/run/sekisho/sekisho-ro.sock"
#define WAIT_SECONDS    30

/* How long connecting, and each word there or back, may take. */
static void patience_set(int fd, unsigned seconds)
{
	const struct timeval wait = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

/* Returns a connected socket or -errno. */
static int socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	patience_set(fd, WAIT_SECONDS);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static enum cli_exit connection_lost(const char *why)
{
	fprintf(stderr, "sekisho: the daemon's answer did not come: %s\n", why);
	return CLI_UNREACHABLE;
}

/* Take one line as a JSON object. On CLI_OK, *object is the caller's. */
static enum cli_exit line_receive(struct rpc *rpc, json_t **object)
{
	json_error_t error;
	char *end;

	while (!(end = memchr(rpc->buffer, '\n', rpc->length))) {
		ssize_t got;

		if (rpc->length == RPC_ANSWER_MAX)
			return connection_lost("a line over 4 MiB");
		got = recv(rpc->fd, rpc->buffer + rpc->length, RPC_ANSWER_MAX - rpc->length, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return connection_lost(errno == EAGAIN ? "no word for too long"
							       : strerror(errno));
		if (got == 0) {
			fputs("sekisho: the daemon has ended, or has closed the connection\n", stderr);
			return CLI_UNREACHABLE;
		}
		rpc->length += (size_t)got;
	}
	*object = json_loadb(rpc->buffer, (size_t)(end - rpc->buffer), 0, &error);
	rpc->length -= (size_t)(end + 1 - rpc->buffer);
	memmove(rpc->buffer, end + 1, rpc->length);
	if (json_is_object(*object))
		return CLI_OK;
	json_decref(*object);
	return connection_lost("not a JSON object");
}

/* Take the hello and see whether we speak the same methods. */
static enum cli_exit hello_receive(struct rpc *rpc)
{
	json_t *hello, *params, *api;
	enum cli_exit code = line_receive(rpc, &hello);
	const char *method, *version;
	json_int_t low, high;

	if (code != CLI_OK)
		return code;
	method = json_string_value(json_object_get(hello, "method"));
	params = json_object_get(hello, "params");
	api = json_object_get(params, "api");
	low = json_integer_value(json_array_get(api, 0));
	high = json_integer_value(json_array_get(api, 1));
	version = json_string_value(json_object_get(params, "version"));
	if (!method || strcmp(method, "hello") != 0) {
		fputs("sekisho: what answers on the socket is no sekishod\n", stderr);
		code = CLI_UNREACHABLE;
	} else if (RPC_API < low || RPC_API > high) {
		fprintf(stderr,
			"sekisho: the daemon (version %s) speaks api %" JSON_INTEGER_FORMAT
			" to %" JSON_INTEGER_FORMAT ", this program %d\n",
			version ? version : "unknown", low, high, RPC_API);
		code = CLI_FAILED;
	}
	json_decref(hello);
	return code;
}

enum cli_exit rpc_init(struct rpc *rpc, const char *path, enum rpc_access access)
{
	const char *first = path ? path : SOCKET_ADMIN;

	*rpc = (struct rpc){.fd = -1};
	rpc->buffer = malloc(RPC_ANSWER_MAX);
	if (!rpc->buffer) {
		fputs("sekisho: out of memory\n", stderr);
		return CLI_FAILED;
	}
	rpc->fd = socket_connect(first);
	if (rpc->fd < 0 && !path && access == RPC_READ) {
		int readonly = socket_connect(SOCKET_READONLY);

		/* Tell of the admin socket if neither works. */
		if (readonly >= 0)
			rpc->fd = readonly;
	}
	if (rpc->fd < 0) {
		fprintf(stderr, "sekisho: no daemon at %s: %s\n", first, strerror(-rpc->fd));
		return CLI_UNREACHABLE;
	}
	return hello_receive(rpc);
}

void rpc_wait(struct rpc *rpc, unsigned seconds)
{
	patience_set(rpc->fd, seconds);
}

bool rpc_answers(const char *path)
{
	int fd = socket_connect(path ? path : SOCKET_ADMIN);

	if (fd < 0 && !path)
		fd = socket_connect(SOCKET_READONLY);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void rpc_fini(struct rpc *rpc)
{
	if (rpc->fd >= 0)
		close(rpc->fd);
	free(rpc->buffer);
	*rpc = (struct rpc){.fd = -1};
}

static enum cli_exit line_send(struct rpc *rpc, const char *line, size_t length)
{
	while (length) {
		ssize_t sent = send(rpc->fd, line, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return connection_lost(strerror(errno));
		line += sent;
		length -= (size_t)sent;
	}
	return CLI_OK;
}

static enum cli_exit request_send(struct rpc *rpc, const char *method, json_t *params)
{
	json_t *request =
		json_pack("{s:s,s:I,s:s}", "jsonrpc", "2.0", "id", ++rpc->id, "method", method);
	enum cli_exit code = CLI_FAILED;
	char *line = NULL;
	size_t length;

	if (params)
		json_object_set_new(request, "params", params);
	if (request)
		line = json_dumps(request, JSON_COMPACT);
	length = line ? strlen(line) : 0;
	if (!line) {
		fputs("sekisho: cannot put the request together\n", stderr);
	} else if (length + 1 > RPC_REQUEST_MAX) {
		fprintf(stderr, "sekisho: the request has %zu bytes, the daemon takes at most %u\n",
			length + 1, RPC_REQUEST_MAX);
	} else {
		line[length] = '\n';
		code = line_send(rpc, line, length + 1);
	}
	free(line);
	json_decref(request);
	return code;
}

/* Print an error answer: the message, and verbatim what the daemon found wrong in a file. */
static enum cli_exit error_print(const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	const json_t *data = json_object_get(error, "data");
	const char *errors = json_string_value(json_object_get(data, "errors"));

	fprintf(stderr, "sekisho: the daemon refused: %s\n", message ? message : "no reason given");
	if (errors)
		fprintf(stderr, "%s%s", errors,
			*errors && errors[strlen(errors) - 1] == '\n' ? "" : "\n");
	return CLI_FAILED;
}

enum cli_exit rpc_call(struct rpc *rpc, const char *method, json_t *params, json_t **result)
{
	enum cli_exit code = request_send(rpc, method, params);
	json_t *answer, *id;

	*result = NULL;
	while (code == CLI_OK) {
		code = line_receive(rpc, &answer);
		if (code != CLI_OK)
			break;
		id = json_object_get(answer, "id");
		/* An error without an id is about our line too: there is no other. */
		if (json_object_get(answer, "error") &&
		    (!json_is_integer(id) || json_integer_value(id) == rpc->id)) {
			code = error_print(json_object_get(answer, "error"));
		} else if (json_is_integer(id) && json_integer_value(id) == rpc->id) {
			*result = json_incref(json_object_get(answer, "result"));
			if (!*result)
				code = connection_lost("neither a result nor an error");
			json_decref(answer);
			break;
		} else if (!id && rpc->notified) {
			const char *what = json_string_value(json_object_get(answer, "method"));

			rpc->notified(what ? what : "", json_object_get(answer, "params"));
		}
		json_decref(answer);
	}
	return code;
}

enum cli_exit rpc_listen(struct rpc *rpc, const char *method, unsigned seconds,
			 bool (*take)(void *context, const json_t *params), void *context)
{
	enum cli_exit code = CLI_OK;
	bool more = true;

	rpc_wait(rpc, seconds);
	while (more && code == CLI_OK) {
		json_t *line;
		const char *what;

		code = line_receive(rpc, &line);
		if (code != CLI_OK)
			break;
		what = json_string_value(json_object_get(line, "method"));
		if (what && strcmp(what, method) == 0)
			more = take(context, json_object_get(line, "params"));
		json_decref(line);
	}
	return code;
}

enum cli_exit rpc_done(const json_t *done)
{
	const char *reason = json_string_value(json_object_get(done, "reason"));

	if (!reason)
		return CLI_OK;
	fprintf(stderr, "sekisho: the daemon has stopped (%s)\n", reason);
	return CLI_UNREACHABLE;
}
