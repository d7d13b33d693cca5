/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * notify.h: words to the service manager: datagrams of NAME=VALUE lines to the socket that $NOTIFY_SOCKET
 * names, as sd_notify(3) tells. Without one, nothing is sent. That is all there is to the protocol, so no
 * library is asked.
 */
#ifndef SEKISHOD_NOTIFY_H
#define SEKISHOD_NOTIFY_H

/* Open the socket. Before privileges are given up, while there is one thread. */
void notify_init(void);

/* Send lines ("READY=1\nSTATUS=..."). Never waits. Control thread. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "RELOADING=1" with the time that goes with it. */
void notify_reloading(void);

#endif
