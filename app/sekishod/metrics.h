/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics.h: the counters as Prometheus reads them: text of version 0.0.4 over HTTP, on a UNIX socket, on a
 * port of the loopback address, or nowhere.
 *
 * All of it is the control thread's. A page is made in parts, each when the one before has gone out, so
 * that a million rules take neither memory nor a long time at once; so a page is not of one instant, but
 * the totals in it are.
 */
#ifndef SEKISHOD_METRICS_H
#define SEKISHOD_METRICS_H

#include <stdio.h>

#include "daemon.h"

/* A page, and how far it has been told. */
struct metrics_page {
	const struct daemon *daemon;
	struct daemon_totals totals;
	unsigned family, sample; /* the next */
};

/* ---- metrics.c: the text ---- */

void metrics_page_init(struct metrics_page *page, const struct daemon *daemon);

/* Write on, some 16 KiB. True while there is more. */
bool metrics_page_write(struct metrics_page *page, FILE *to);

/* ---- metrics_http.c: who asks for it ---- */

struct metrics_server;

/*
 * Listen where the appliance says. *server is NULL if that is nowhere. 0, or -errno and a message. The fd
 * is readable when metrics_server_work() has something to do.
 */
int metrics_server_create(struct metrics_server **server, const struct daemon *daemon,
			  char *message);
int metrics_server_fd(const struct metrics_server *server);

/* Go on with all that can go on. Never blocks. */
void metrics_server_work(struct metrics_server *server);

/* Close who takes too long; every second. NULL is fine, here and below. */
void metrics_server_tick(struct metrics_server *server);
void metrics_server_destroy(struct metrics_server *server);

#endif
