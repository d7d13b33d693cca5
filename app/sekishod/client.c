/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c: one connection: lines in, lines out, both bounded.
 *
 * A client's next line is taken only when the answers to the former are nearly out, so one that asks
 * and does not read fills its own socket and nothing else; when it takes no byte for
 * CONTROL_STALL_MS it is closed (control.c looks). A line without its newline is no line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "json_memory.h"

#define OUTPUT_PAUSE 65536 /* with more than this waiting, no further line is taken */

/* Queue text. False if there is no room for all of it; then none of it is. */
static bool output_add(struct client *client, const char *text, size_t length)
{
	char *output;

	if (client->output_sent > 0) {
		client->output_length -= client->output_sent;
		memmove(client->output, client->output + client->output_sent, client->output_length);
		client->output_sent = 0;
	}
	if (client->output_length + length > CONTROL_OUTPUT_MAX)
		return false;
	output = realloc(client->output, client->output_length + length);
	if (output == NULL)
		return false;
	client->output = output;
	if (client->output_length == 0)
		client->progress_ms = clock_ms();
	memcpy(output + client->output_length, text, length);
	client->output_length += length;
	return true;
}

void client_send(struct client *client, json_t *object)
{
	char *text = json_text(object, JSON_COMPACT);

	json_decref(object);
	/* An answer that cannot be told must not be left out in silence. */
	if (text == NULL || !output_add(client, text, strlen(text)) || !output_add(client, "\n", 1))
		client->closing = true;
	free(text);
}

/* Whether a request is still to be answered; no other is taken meanwhile. */
static bool client_is_busy(const struct client *client)
{
	return client->walk != NULL || client->change != NULL || client->explaining != NULL ||
	       client->saving != NULL || client->trial != NULL;
}

static size_t client_waiting(const struct client *client)
{
	return client->output_length - client->output_sent;
}

/* Take what the client's watch has to say, as far as the client may have output waiting. */
static void client_watch(struct control *control, struct client *client)
{
	char text[OUTPUT_PAUSE];
	size_t length = 1;
	bool ended = false;

	while (length > 0 && !ended && client_waiting(client) <= OUTPUT_PAUSE) {
		length = watch_take(client->watch, text, sizeof(text), &ended);
		if (length > 0 && !output_add(client, text, length))
			client->closing = true;
	}
	if (!ended)
		return;
	watch_release(&control->daemon->watches, client->watch);
	client->watch = NULL;
}

/* false when the connection is broken. */
static bool client_write(struct client *client)
{
	while (client_waiting(client) > 0) {
		ssize_t sent = send(client->fd, client->output + client->output_sent,
				    client_waiting(client), MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN;
		client->output_sent += (size_t)sent;
		client->progress_ms = clock_ms();
	}
	free(client->output);
	client->output = NULL;
	client->output_length = client->output_sent = 0;
	return true;
}

/* false when the connection is broken. */
static bool client_read(struct client *client)
{
	ssize_t got;

	if (client->ended || client->closing || client->input_length > CONTROL_LINE_MAX)
		return true;
	got = recv(client->fd, client->input + client->input_length,
		   CONTROL_LINE_MAX + 1 - client->input_length, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		client->ended = true;
	client->input_length += (size_t)got;
	return true;
}

/* Take the lines that have come, as far as the client may have answers waiting. */
static void client_lines(struct control *control, struct client *client)
{
	size_t start = 0;

	while (!client_is_busy(client) && !client->closing && !control->stop &&
	       client_waiting(client) <= OUTPUT_PAUSE) {
		char *line = client->input + start;
		char *end = memchr(line, '\n', client->input_length - start);

		if (end == NULL)
			break;
		rpc_line(control, client, line, (size_t)(end - line));
		start = (size_t)(end - client->input) + 1;
	}
	client->input_length -= start;
	memmove(client->input, client->input + start, client->input_length);
	if (client->input_length > CONTROL_LINE_MAX && !client->closing &&
	    memchr(client->input, '\n', client->input_length) == NULL) {
		client_send(client, rpc_error(RPC_REQUEST, "a line has at most 65536 bytes"));
		client->closing = true;
	}
}

void client_continue(struct control *control, struct client *client)
{
	struct epoll_event event = {.data.ptr = client};
	bool more;

	do {
		client_lines(control, client);
		if (client->watch != NULL)
			client_watch(control, client);
		if (!client_write(client)) {
			client_close(control, client);
			return;
		}
		more = !client_is_busy(client) && !client->closing && !control->stop &&
		       client_waiting(client) <= OUTPUT_PAUSE &&
		       memchr(client->input, '\n', client->input_length) != NULL;
	} while (more);
	if (client_waiting(client) == 0 &&
	    (client->closing ||
	     (client->ended && !client_is_busy(client) && client->watch == NULL))) {
		client_close(control, client);
		return;
	}
	if (client_waiting(client) > 0)
		event.events |= EPOLLOUT;
	else if (!client_is_busy(client) && !client->ended && !client->closing)
		event.events |= EPOLLIN;
	if (event.events != client->interest) {
		client->interest = event.events;
		epoll_ctl(control->epoll, EPOLL_CTL_MOD, client->fd, &event);
	}
}

void client_event(struct control *control, struct client *client, uint32_t events)
{
	/* Hung up on both sides with nothing more to read: nobody is left to answer. */
	if ((events & EPOLLERR) || ((events & EPOLLHUP) && (client->ended || client_is_busy(client)))) {
		client_close(control, client);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP)) && !client_read(client)) {
		client_close(control, client);
		return;
	}
	client_continue(control, client);
}

const char client_refusal[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32005,"
			      "\"message\":\"too many clients\"}}\n";

/* A place for a client of this role; NULL if there is none. */
static struct client *place_find(struct control *control, enum control_role role)
{
	struct client *place = NULL;
	unsigned readers = 0;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0)
			place = client;
		else if (client->role == CONTROL_READER)
			readers++;
	}
	return role == CONTROL_READER && readers >= CONTROL_READERS_MAX ? NULL : place;
}

void client_open(struct control *control, int fd, enum control_role role)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct client *client = place_find(control, role);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	if (client != NULL)
		*client = (struct client){.fd = fd, .role = role, .interest = EPOLLIN,
					  .input = malloc(CONTROL_LINE_MAX + 1)};
	event.data.ptr = client;
	if (client == NULL || client->input == NULL ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		if (client != NULL) {
			free(client->input);
			client->fd = -1;
		}
		control->daemon->clients_refused++;
		if (send(fd, client_refusal, strlen(client_refusal), MSG_NOSIGNAL) < 0)
			log_debug("a client was refused unheard");
		close(fd);
		return;
	}
	client->uid = peer.uid;
	client->pid = peer.pid;
	client_send(client, json_pack("{s:s,s:s,s:{s:s,s:[i,i],s:s}}", "jsonrpc", "2.0", "method",
				      "hello", "params", "version", SEKISHO_VERSION, "api", 1, 1,
				      "role", role == CONTROL_ADMIN ? "admin" : "reader"));
	client_continue(control, client);
}

void client_close(struct control *control, struct client *client)
{
	explaining_forget(control, client);
	trial_forget(client);
	save_forget(client);
	if (client->walk != NULL)
		flow_walk_destroy(control, client->walk);
	if (client->watch != NULL)
		watch_release(&control->daemon->watches, client->watch);
	commit_forget(control, client);
	staged_fini(control, client);
	free(client->input);
	free(client->output);
	close(client->fd);
	*client = (struct client){.fd = -1};
}
