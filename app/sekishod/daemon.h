/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon.h: what the daemon is made of.
 *
 * Threads. The *control thread* is the process's first one (EAL's main lcore); it owns everything
 * here but what a worker's part says. A *worker* is one polling lcore with one engine. Each packet has
 * one worker who owns it, found by its zone and its pair of addresses, so that both directions of a flow
 * meet in one engine; whoever else receives it hands it over (steer.h).
 *
 * Sharing. Counters have one writer (the worker) and are read by the control thread with relaxed
 * atomics. A policy goes to a worker through `edge.current`; see snapshot.c for how an old one is freed.
 * Flow listings go through the worker's mailbox. What takes long goes to the job thread (jobs.h).
 */
#ifndef SEKISHOD_DAEMON_H
#define SEKISHOD_DAEMON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <config.h>
#include <sekisho.h>

#include "history.h"
#include "idle.h"
#include "inquiry.h"
#include "jobs.h"
#include "port_drops.h"
#include "port_life.h"
#include "resume.h"
#include "save.h"
#include "shadow.h"
#include "state.h"
#include "steer.h"
#include "tap.h"
#include "trial.h"
#include "watch.h"

struct drops;
struct rte_mbuf;
struct rte_mempool;
struct rte_rcu_qsbr;

#define DAEMON_BURST         32
#define DAEMON_RULE_NAMES    1048576 /* different rule names in the life of the process */
#define DAEMON_MESSAGE_MAX   STATE_MESSAGE_MAX /* bytes of a message for the user */
#define DAEMON_STOP_MS       10000   /* how long a worker may take to stop: others may have its cpu */

/* One policy in use. Control thread only; workers see just `policy`. */
struct snapshot {
	struct job job; /* that frees it */
	struct config_policy *config;
	struct sekisho_policy *policy;
	uint32_t generation; /* its revision's in the history */
	unsigned holders;    /* edges, and whoever may want it back */
	/* once nobody holds it: */
	struct snapshot *next;
	uint64_t token;  /* of the grace period under way */
	unsigned passed; /* grace periods that are over */
};

/* What one worker counts of a port; nobody else writes it. */
struct port_counters {
	_Alignas(64) _Atomic uint64_t received;
	_Atomic uint64_t received_bytes;
	_Atomic uint64_t sent, sent_bytes;
	_Atomic uint64_t drops[PORT_DROP_COUNT];
};

/* The same of all workers, summed up. */
struct port_totals {
	uint64_t received, received_bytes;
	uint64_t sent, sent_bytes;
	uint64_t drops[PORT_DROP_COUNT];
};

struct port {
	const char *device; /* as configured */
	char name[64];      /* EAL's name of the device */
	uint16_t id;
	_Atomic bool up;            /* workers may touch the device; written by control, read by any */
	_Atomic uint32_t frame_max; /* bytes of the longest frame that can be sent, tags apart */
	bool started;
	struct port_life life;
	uint64_t losses[PORT_LOSS_COUNT]; /* before it was made again, or that the driver was not told of */
	uint16_t receive_queues, transmit_queues;
	struct outlet outlets[CONFIG_WORKERS_MAX];         /* by worker */
	struct port_counters counters[CONFIG_WORKERS_MAX]; /* by worker */
};

struct edge {
	const char *name;
	uint16_t index;  /* also its zone */
	bool own_file;   /* the appliance file names a policy of its own for it */
	bool own_policy; /* it does not follow the common policy */
	struct snapshot *snapshot;                   /* control thread */
	_Atomic uint32_t generation, semantics;      /* the snapshot's; written by control, read by any */
	_Atomic(struct sekisho_policy *) current;    /* written by control, read by workers */
	unsigned rss_entries;                        /* of its ports' tables; 0: no RSS */
	struct port ports[2];                        /* by the direction of what they receive */
};

enum mailbox_state { MAILBOX_IDLE, MAILBOX_REQUESTED, MAILBOX_DONE };
enum mailbox_question { MAILBOX_LIST, MAILBOX_CLOSE };

#define MAILBOX_FLOWS 1024

/*
 * One question to a worker. The control thread fills it and sets REQUESTED, the worker answers, a small
 * step between two bursts, and sets DONE; each touches the rest only in its own turn.
 */
struct mailbox {
	_Atomic int state; /* enum mailbox_state */
	uint64_t owner;    /* the walk that asked; 0 when nobody waits any more. Control thread. */
	enum mailbox_question question;
	uint32_t cursor; /* to list from, and where to go on */
	unsigned max;    /* to list */
	unsigned steps;  /* that the answer has taken */
	unsigned count;  /* of flows that are told, or to be closed */
	unsigned closed; /* of these that were still there */
	struct sekisho_flow_info flows[MAILBOX_FLOWS];
};

/* Frames to be handed over to one worker. */
struct worker_bundle {
	struct rte_mbuf *mbufs[DAEMON_BURST];
	unsigned count;
};

struct worker {
	struct daemon *daemon;
	unsigned index, lcore;
	struct poll polls[STEER_PORTS_MAX]; /* what it receives from */
	unsigned poll_count;
	struct worker_bundle bundles[CONFIG_WORKERS_MAX]; /* by worker; empty between two bursts */
	struct sekisho_engine *engine;
	const struct sekisho_policy *adopted[CONFIG_EDGES_MAX]; /* the engine's, by edge */
	_Atomic(struct shadow *) shadow_next; /* to go on with; written by control, read by the worker */
	struct shadow *shadow;                /* that judges beside the engine; NULL: none does */
	struct drops *drops;
	struct tap tap;
	size_t engine_bytes; /* that it took */
	_Alignas(64) _Atomic uint64_t heartbeat;
	_Atomic uint64_t handed_in, handed_out; /* frames, from and to other workers */
	_Atomic uint64_t handover_full;         /* that there was no room for */
	struct idle idle;
	_Alignas(64) struct mailbox mailbox;
	_Alignas(64) struct inquiry inquiry;
	_Alignas(64) struct save_box box;
};

struct daemon {
	const char *config_path;
	struct config_appliance *appliance;
	struct sekisho_rule_names *names;
	struct trial *trial; /* judges beside the enforced policies; NULL: none does */
	struct trial *trials_retired;
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr;
	struct edge *edges;
	unsigned edge_count;
	struct worker *workers;
	unsigned worker_count;
	bool hugepages;    /* engines live in them */
	bool shared_cpus;  /* fewer cpus than polling workers */
	struct snapshot *common;  /* of all edges without a policy of their own; NULL if there cannot be */
	struct snapshot *retired;
	struct history history;
	struct state state; /* the job thread's, once it runs */
	struct steering steering;
	struct jobs jobs;
	struct save save;
	struct resume resume;
	uint8_t proof_key[32]; /* of all engines, so that any may go on with what another remembers */
	struct watches watches;
	unsigned frame_room; /* bytes that a frame may take in an mbuf or a ring */
	int links;           /* netlink: something has changed about interfaces */
	uint64_t clients_refused; /* there was no place, memory or descriptor for them. Control thread. */
	uint64_t started_ms;
	uint64_t ms_per_tick; /* 2^64 * milliseconds in a tick */
	_Atomic bool stop;
	uint64_t stop_by_ms; /* when workers must have stopped, once they are to */
};

/* ---- log.c: one line each on stderr. Any thread but workers on their path. ---- */

void log_set_level(int level); /* CONFIG_LOG_* */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...)   log_line(CONFIG_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(CONFIG_LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(CONFIG_LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(CONFIG_LOG_DEBUG, __VA_ARGS__)

/* Milliseconds of the monotonic clock. */
uint64_t clock_ms(void);

/* Seconds since 1970. */
double clock_wall(void);

/* ---- eal.c ---- */

/* Start EAL as the appliance asks. 0, or -errno and a message. */
int eal_start(struct daemon *daemon, const char *program, char *message);

/* A virtual device as EAL is told of it: with what fits the frames that there is room for. NULL: no memory. */
char *eal_virtual(const struct daemon *daemon, const char *device);

/* ---- netdev.c: the kernel's interface that a device's iface argument names ---- */

/* Whether it names one at all. */
bool netdev_named(const char *device);

/* Its MTU. False if the device names none that is there. */
bool netdev_mtu(const char *device, unsigned *mtu);

/* Its index; 0 if the device names none that is there. */
unsigned netdev_index(const char *device);

/* Whether the device names one, and it is gone, or it or its link is down. */
bool netdev_is_down(const char *device);

/* Take its link down, or up. 0 or -errno. */
int netdev_lower(const char *device);
int netdev_raise(const char *device);

/* A socket that becomes readable when anything about interfaces changes: the fd, or -errno; and read it empty. */
int netdev_listen(void);
void netdev_drain(int fd);

/* ---- replayed.c ---- */

/* How many buffers a device keeps for the packets of a capture that it plays without end. */
unsigned replayed_packets(const char *device);

/* ---- port.c ---- */

/* How many mbufs the appliance needs. */
unsigned port_mbufs(const struct config_appliance *appliance, unsigned workers);

/* The bytes that a frame of any of its ports may take, with what a ring keeps beside it. */
unsigned port_frame_room(const struct config_appliance *appliance);

/* Whether a device is meant by its PCI address; else it is a virtual one to be made. */
bool port_is_pci(const char *device);

/* EAL's name of a device: what stands before the first comma; a PCI address with its domain. */
void port_device_name(const char *device, char *name, size_t size);

/* Make the pool, set up and start all ports. 0, or -errno and a message. */
int port_start_all(struct daemon *daemon, char *message);
void port_stop_all(struct daemon *daemon);

/* Whether there is what the device is made of: an interface of the kernel, or a PCI device with a driver. */
bool port_can_be_made(const struct port *port);

/* Make a device again and start its port. 0, or -errno and a message. Control thread. */
int port_plug(struct daemon *daemon, struct edge *edge, unsigned side, char *message);

/* Stop the port and take its device out of EAL. No worker may touch it any more. Control thread. */
void port_unplug(struct port *port);

/* Whether the port's link is up. Control thread. */
bool port_link_up(const struct port *port);

/* What all workers have counted of a port. Any thread. */
void port_totals_read(const struct daemon *daemon, const struct port *port,
		      struct port_totals *totals);

/* Whether workers may touch the port's device. */
static inline bool port_is_up(const struct port *port)
{
	return atomic_load_explicit(&port->up, memory_order_acquire);
}

/* Let workers touch it; it takes frames of so many bytes. Control thread. */
static inline void port_serve(struct port *port, uint32_t frame_max)
{
	atomic_store_explicit(&port->frame_max, frame_max, memory_order_relaxed);
	atomic_store_explicit(&port->up, true, memory_order_release);
}

/* ---- port_fit.c ---- */

/* Leave out and free frames that are longer than the port takes; how many are left. A worker. */
unsigned port_fit(const struct port *port, struct rte_mbuf **mbufs, unsigned count);

/* ---- port_losses.c ---- */

/* What was lost beside our own counters, since the start. Control thread. */
void port_losses_read(struct port *port, uint64_t losses[PORT_LOSS_COUNT]);

/* Keep it in mind, as the driver forgets it with the device. Control thread. */
void port_losses_keep(struct port *port);

/* ---- worker.c ---- */

/* What a worker's lcore runs; the argument is the worker. */
int worker_main(void *argument);

/* Answer what the mailbox asks, if it asks. The worker, between two bursts. */
void worker_answer(struct worker *worker, uint32_t now_ms);

/* The workers' clock, milliseconds that wrap. Any thread, once the workers have been started. */
uint32_t daemon_now_ms(const struct daemon *daemon);

/* ---- workers.c ---- */

/*
 * Make the engines, and deal out the queues of the ports, which have been started. 0, or -errno and a
 * message; worker_fini_all() in any case.
 */
int worker_init_all(struct daemon *daemon, char *message);

/* What a worker's engine is made from, or another beside it; its random key is new. 0, or -EIO and a message. */
int worker_engine_config(struct worker *worker, struct sekisho_engine_config *config,
			 char *message);

/* Launch the workers, who own the engines from then on. 0, or -errno and a message. */
int worker_launch_all(struct daemon *daemon, char *message);

/* Give the engines the policies of their edges, before the workers are launched. */
void worker_adopt_all(struct daemon *daemon);

/* Ask all to stop and wait; may be called again. false when one did not. */
bool worker_stop_all(struct daemon *daemon);
void worker_fini_all(struct daemon *daemon);

/* What all engines and ports have counted, summed up. */
struct daemon_totals {
	uint64_t received, sent, dropped, passed;
	uint64_t held; /* by engines, or on their way between workers */
	uint64_t port_drops[PORT_DROP_COUNT];
	struct sekisho_stats engines;
};
void daemon_totals_read(const struct daemon *daemon, struct daemon_totals *totals);

/* ---- snapshot.c ---- */

/*
 * Build a snapshot from a parsed policy, which it then owns; the caller holds it. NULL and a message on
 * failure. Any thread, but one at a time.
 */
struct snapshot *snapshot_create(struct daemon *daemon, struct config_policy *config, char *message);

/*
 * Set what a revision says of a snapshot: length, digest, rules, and what differs from `base`, if that
 * is not NULL. 0 or -ENOMEM. Any thread.
 */
int snapshot_describe(const struct snapshot *snapshot, const struct snapshot *base,
		      struct revision *revision);

/* Keep it, and let go of it: it is retired when nobody holds it. Control thread. */
void snapshot_hold(struct snapshot *snapshot);
void snapshot_drop(struct daemon *daemon, struct snapshot *snapshot);

/* Let an edge use another snapshot. Control thread. */
void snapshot_publish(struct daemon *daemon, struct edge *edge, struct snapshot *snapshot);

/* Have the retired snapshots freed that no worker can see any more. Never blocks. Control thread. */
void snapshot_reclaim(struct daemon *daemon);

/* Free all, when there are no workers and jobs any more. */
void snapshot_fini_all(struct daemon *daemon);

/* ---- start.c ---- */

/* Read what the state directory knows, if there is one. 0, or -errno, printed. */
int start_state(struct daemon *daemon);

/* Give each edge its policy: the last confirmed one, or that of its file. 0, or -errno, printed. */
int start_policies(struct daemon *daemon);

/* Print what is wrong, on stderr, and forget it. */
void start_print_errors(struct config_errors *errors);

/* ---- audit.c ---- */

/* Record a change: what, by whom, to which revision (NULL: none). Control thread. */
void audit_write(const struct daemon *daemon, const char *event, const struct actor *actor,
		 const struct revision *revision);

/* Record that somebody has closed flows, by which filter, and how many. Control thread. */
void audit_flows_kill(const struct daemon *daemon, const struct actor *actor, const char *filter,
		      uint64_t killed);

/* Record that somebody has put a policy on trial, or ended that. Control thread. */
void audit_shadow(const struct daemon *daemon, const char *event, const struct actor *actor,
		  const char *policy);

/* The daemon itself, for what nobody asked for. */
struct actor audit_daemon(void);

/* ---- control.c ---- */

/* Serve the sockets until a signal or `shutdown`. 0, or -errno and a message. */
int control_run(struct daemon *daemon, char *message);

#endif
