/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_life.h: what becomes of ports while the daemon runs: links, MTUs, ports that vanish and come back.
 *
 * Stages of a port. *Serving*: workers receive from it and send to it. When its interface is gone, or its driver
 * says so, it is *leaving*: workers are told by `port.up` to keep off, and after grace periods (rte_rcu_qsbr)
 * none of them touches it any more, nor has one a frame in hand that bears its number. Then the device
 * is closed and the port is *absent*, until its interface is there again and the device can be made anew, by the
 * capabilities that privileges.c has kept for that. While one port of an edge is away, what the other
 * receives is dropped, port-down, unseen by the engine, so it changes no state.
 *
 * The kernel tells of changes at once (rtnetlink); what it says is only taken as a reason to look, and all ports are
 * looked at each second besides, for drivers that no interface of the kernel stands behind. All of it is
 * the control thread's.
 */
#ifndef SEKISHOD_PORT_LIFE_H
#define SEKISHOD_PORT_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;

enum port_stage { PORT_ABSENT, PORT_SERVING, PORT_LEAVING };

struct port_life {
	enum port_stage stage;
	bool link;              /* it was up when it was last looked at */
	bool lowered;           /* by us, as the other side's link is down (port_mirror.c) */
	unsigned interface;     /* the kernel's number; 0: none is known */
	unsigned mtu;           /* 0: not known */
	bool unmirrored;        /* it cannot be lowered */
	uint64_t settled_ms;    /* until then a link that was raised may take to come up */
	uint64_t token;         /* of the grace period under way */
	unsigned passed;        /* grace periods that are over */
	uint64_t retry_ms;      /* not before, it is tried again to make it */
	unsigned retry_wait_ms; /* after the next failure */
};

/* Let the ports serve, which have been started. 0, or -errno and a message. */
int port_life_init(struct daemon *daemon, char *message);

/* Look at all ports. Now and then, and when `daemon.links` is readable. */
void port_life_look(struct daemon *daemon);

/* Whether a port is about to leave, so that it should be looked at soon. */
bool port_life_hurries(const struct daemon *daemon);

/* When workers have stopped: links are raised that were lowered, and `daemon.links` is closed. */
void port_life_fini(struct daemon *daemon);

/* ---- port_removal.c ---- */

/* Listen to drivers and busses who say that a device is gone. 0 or -errno; and cease to. */
int port_removal_init(void);
void port_removal_fini(void);

/* Whether that was said of a port's device, by the port's number; and have a new one go by that number. */
bool port_removal_told(uint16_t id);
void port_removal_forget(uint16_t id);

/* ---- port_mirror.c ---- */

/* Lower or raise the links of an edge's ports as those of their other sides say. */
void port_mirror_look(struct daemon *daemon, unsigned edge);

/* Raise what was lowered. */
void port_mirror_undo(struct daemon *daemon, unsigned edge);

#endif
