/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics_http.c: as much of HTTP as a scrape needs, and no more.
 *
 * One request a connection: GET or HEAD of /metrics, anything else gets a status that says so. Bodies
 * are not read. Clients are few, a request is small and both ends of it are bounded in time, so whoever
 * asks can spoil a scrape at most. The epoll here is one fd for the control loop.
 *
 * A client's life: reads its request, writes the answer part by part, then drains: the socket is shut for
 * writing and what still comes is thrown away, as closing earlier could take the answer with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "metrics.h"

#define CLIENTS_MAX 8
#define REQUEST_MAX 4096
#define EVENTS_MAX  16
#define PARTS_MAX   4     /* in one go, so that the rest of the control loop has its turn */
#define QUIET_MS    10000 /* without a byte */
#define WHOLE_MS    60000 /* a scrape in all */

enum stage { STAGE_READ, STAGE_WRITE, STAGE_DRAIN };

struct scrape {
	int fd; /* -1: free place */
	enum stage stage;
	bool more;    /* of the page is to come */
	bool chunked; /* HTTP/1.1; else the end of the connection is the end of the page */
	uint64_t started_ms, moved_ms;
	size_t input_length;
	char input[REQUEST_MAX];
	struct metrics_page page;
	char *output;
	size_t output_length, output_sent;
};

struct metrics_server {
	const struct daemon *daemon;
	int epoll;
	int listeners[2]; /* UNIX, TCP; -1 if there is none */
	int spare; /* for socket_accept() */
	struct scrape scrapes[CLIENTS_MAX];
};

static void scrape_close(struct scrape *scrape)
{
	close(scrape->fd);
	free(scrape->output);
	scrape->output = NULL;
	scrape->fd = -1;
}

/* ---- answers ---------------------------------------------------------------------------------- */

/* Take an answer that is whole, or its beginning. */
static void output_set(struct scrape *scrape, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void output_set(struct scrape *scrape, const char *format, ...)
{
	va_list arguments;
	int length;

	free(scrape->output);
	va_start(arguments, format);
	length = vasprintf(&scrape->output, format, arguments);
	va_end(arguments);
	if (length < 0)
		scrape->output = NULL;
	scrape->output_length = length < 0 ? 0 : (size_t)length;
	scrape->output_sent = 0;
	scrape->stage = STAGE_WRITE;
}

static void refuse(struct scrape *scrape, const char *status, const char *more)
{
	output_set(
		scrape,
		"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
		"%sConnection: close\r\n\r\n%s\n",
		status, strlen(status) + 1, more, status);
}

/* The next part of the page. False when memory is short: then the page ends in the middle, which shows. */
static bool output_next(struct scrape *scrape)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	if (to == NULL)
		return false;
	scrape->more = metrics_page_write(&scrape->page, to);
	if (fclose(to) != 0) {
		free(text);
		return false;
	}
	/* A chunk of no bytes would be the last one. */
	if (scrape->chunked && length > 0)
		output_set(scrape, "%zx\r\n%s\r\n%s", length, text,
			   scrape->more ? "" : "0\r\n\r\n");
	else
		output_set(scrape, "%s", scrape->chunked ? "0\r\n\r\n" : text);
	free(text);
	return scrape->output != NULL;
}

/* What is asked for; the head of the answer, or a refusal. */
static void request_answer(struct scrape *scrape, const struct daemon *daemon)
{
	char method[8], path[64], version[12], after;
	bool head;

	/* The words of the first line; a longer one is none that we know. */
	if (sscanf(scrape->input, "%7[A-Z] %63[^ \r\n] %11[^ \r\n]%c", method, path, version,
		   &after) != 4 ||
	    (after != '\r' && after != '\n') || strncmp(version, "HTTP/1.", 7) != 0) {
		refuse(scrape, "400 Bad Request", "");
		return;
	}
	head = strcmp(method, "HEAD") == 0;
	if (!head && strcmp(method, "GET") != 0) {
		refuse(scrape, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
		return;
	}
	path[strcspn(path, "?")] = '\0';
	if (strcmp(path, "/metrics") != 0) {
		refuse(scrape, "404 Not Found", "");
		return;
	}
	metrics_page_init(&scrape->page, daemon);
	scrape->more = !head;
	scrape->chunked = strcmp(version, "HTTP/1.0") != 0;
	output_set(scrape,
		   "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		   "%sConnection: close\r\n\r\n",
		   scrape->chunked && !head ? "Transfer-Encoding: chunked\r\n" : "");
}

/* ---- stages ----------------------------------------------------------------------------------- */

/* Each: false when the connection is to be closed. */
static bool scrape_read(struct scrape *scrape, const struct daemon *daemon)
{
	ssize_t got = recv(scrape->fd, scrape->input + scrape->input_length,
			   REQUEST_MAX - 1 - scrape->input_length, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	scrape->moved_ms = clock_ms();
	scrape->input_length += (size_t)got;
	scrape->input[scrape->input_length] = '\0';
	if (strlen(scrape->input) < scrape->input_length)
		refuse(scrape, "400 Bad Request", "");
	else if (strstr(scrape->input, "\r\n\r\n") != NULL || strstr(scrape->input, "\n\n") != NULL)
		request_answer(scrape, daemon);
	else if (scrape->input_length == REQUEST_MAX - 1)
		refuse(scrape, "431 Request Header Fields Too Large", "");
	return true;
}

static bool scrape_write(struct scrape *scrape)
{
	for (unsigned parts = 0; parts < PARTS_MAX;) {
		ssize_t sent;

		if (scrape->output_sent == scrape->output_length) {
			if (!scrape->more) {
				scrape->stage = STAGE_DRAIN;
				return shutdown(scrape->fd, SHUT_WR) == 0;
			}
			if (!output_next(scrape))
				return false;
			parts++;
		}
		sent = send(scrape->fd, scrape->output + scrape->output_sent,
			    scrape->output_length - scrape->output_sent, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		scrape->output_sent += (size_t)sent;
		scrape->moved_ms = clock_ms();
	}
	return true;
}

static bool scrape_drain(struct scrape *scrape)
{
	char waste[REQUEST_MAX];
	ssize_t got = recv(scrape->fd, waste, sizeof(waste), 0);

	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void scrape_work(struct metrics_server *server, struct scrape *scrape)
{
	static const uint32_t interest[] = {
		[STAGE_READ] = EPOLLIN, [STAGE_WRITE] = EPOLLOUT, [STAGE_DRAIN] = EPOLLIN};
	struct epoll_event event = {.data.ptr = scrape};
	bool open = true;

	if (scrape->stage == STAGE_READ)
		open = scrape_read(scrape, server->daemon);
	else if (scrape->stage == STAGE_DRAIN)
		open = scrape_drain(scrape);
	if (open && scrape->stage == STAGE_WRITE)
		open = scrape->output != NULL && scrape_write(scrape);
	event.events = interest[scrape->stage];
	if (!open || epoll_ctl(server->epoll, EPOLL_CTL_MOD, scrape->fd, &event) < 0)
		scrape_close(scrape);
}

/* ---- the server ------------------------------------------------------------------------------- */

static void scrape_open(struct metrics_server *server, int fd)
{
	static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n";
	struct epoll_event event = {.events = EPOLLIN};
	struct scrape *scrape = NULL;

	for (unsigned i = 0; i < CLIENTS_MAX && scrape == NULL; i++)
		if (server->scrapes[i].fd < 0)
			scrape = &server->scrapes[i];
	event.data.ptr = scrape;
	if (scrape == NULL || epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		if (send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL) < 0)
			log_debug("a scrape was refused unheard");
		close(fd);
		return;
	}
	*scrape = (struct scrape){.fd = fd};
	scrape->started_ms = scrape->moved_ms = clock_ms();
}

void metrics_server_work(struct metrics_server *server)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(server->epoll, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		int *listener = events[i].data.ptr;

		if (listener == &server->listeners[0] || listener == &server->listeners[1]) {
			int fd = socket_accept(*listener, &server->spare, "");

			if (fd >= 0)
				scrape_open(server, fd);
		} else if (((struct scrape *)events[i].data.ptr)->fd >= 0) {
			scrape_work(server, events[i].data.ptr);
		}
	}
}

void metrics_server_tick(struct metrics_server *server)
{
	uint64_t now = clock_ms();

	for (unsigned i = 0; server != NULL && i < CLIENTS_MAX; i++) {
		struct scrape *scrape = &server->scrapes[i];

		if (scrape->fd >= 0 &&
		    (now - scrape->moved_ms > QUIET_MS || now - scrape->started_ms > WHOLE_MS))
			scrape_close(scrape);
	}
}

int metrics_server_fd(const struct metrics_server *server)
{
	return server->epoll;
}

static int listen_loopback(uint16_t port, char *message)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons(port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1, rc = 0;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 2 * CLIENTS_MAX) < 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	snprintf(message, DAEMON_MESSAGE_MAX, "metrics on 127.0.0.1:%u: %s", port, strerror(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Watch a listener if there is one, or take over its error. */
static int listener_add(struct metrics_server *server, unsigned which, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &server->listeners[which]};

	if (fd < 0)
		return fd;
	server->listeners[which] = fd;
	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int metrics_server_create(struct metrics_server **made, const struct daemon *daemon, char *message)
{
	const struct config_appliance *appliance = daemon->appliance;
	struct metrics_server *server;
	int rc = 0;

	*made = NULL;
	if (appliance->metrics_port == 0 && appliance->metrics_socket == NULL)
		return 0;
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		snprintf(message, DAEMON_MESSAGE_MAX, "metrics: no memory");
		return -ENOMEM;
	}
	*made = server;
	server->daemon = daemon;
	server->listeners[0] = server->listeners[1] = -1;
	server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		server->scrapes[i].fd = -1;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	snprintf(message, DAEMON_MESSAGE_MAX, "metrics cannot be served");
	if (server->epoll < 0)
		return -errno;
	if (appliance->metrics_socket != NULL)
		rc = listener_add(
			server, 0,
			socket_listen(appliance->metrics_socket, appliance->group, message));
	if (rc == 0 && appliance->metrics_port != 0)
		rc = listener_add(server, 1, listen_loopback(appliance->metrics_port, message));
	if (rc == 0)
		message[0] = '\0';
	return rc;
}

void metrics_server_destroy(struct metrics_server *server)
{
	if (server == NULL)
		return;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (server->scrapes[i].fd >= 0)
			scrape_close(&server->scrapes[i]);
	if (server->listeners[0] >= 0)
		unlink(server->daemon->appliance->metrics_socket);
	for (unsigned i = 0; i < 2; i++)
		if (server->listeners[i] >= 0)
			close(server->listeners[i]);
	if (server->epoll >= 0)
		close(server->epoll);
	if (server->spare >= 0)
		close(server->spare);
	free(server);
}
