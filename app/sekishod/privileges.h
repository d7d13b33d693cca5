/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * privileges.h: what the daemon gives up, and when.
 *
 *	privileges_begin()   first of all, while there is one thread: no_new_privs; the user of the
 *	                     appliance file; of the capabilities only what starting needs
 *	privileges_none()    each worker, as it begins to poll: no capability at all
 *	privileges_settle()  when ports and sockets are there: in every thread, those of EAL and of drivers
 *	                     too, only what a port needs that must be made again; and from then on only
 *	                     the system calls of a list (seccomp.h)
 *
 * The user is changed before anything is made, so that the state directory, the audit file and the sockets
 * belong to who must write them later; what opening devices needs is kept as capabilities until
 * privileges_settle(). Capabilities are a thread's own and the kernel lets nobody else lower
 * them, so each thread does it itself, asked by a signal; nothing here is worth a library.
 */
#ifndef SEKISHOD_PRIVILEGES_H
#define SEKISHOD_PRIVILEGES_H

struct config_appliance;
struct daemon;

/* 0, or -errno and a message. */
int privileges_begin(const struct config_appliance *appliance, char *message);

void privileges_none(void);

/*
 * 0, or -errno and a message, also when what must be written later could not be any more. Control thread;
 * threads that are made later have what it has.
 */
int privileges_settle(const struct daemon *daemon, char *message);

#endif
