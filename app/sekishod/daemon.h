/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon.h: what the daemon is made of.
 *
 * Threads. The *control thread* is the process's first one (EAL's main lcore); it owns everything
 * here but what a worker's part says. A *worker* is one polling lcore with one engine. Edges are dealt
 * out round robin: edge i belongs to worker i % worker_count, and both ports of an edge belong to the
 * same worker. So both directions of a flow meet in one engine without any hand-over between cores;
 * the price is that one edge is as fast as one core.
 *
 * Sharing. Counters have one writer (the worker) and are read by the control thread with relaxed
 * atomics. A policy goes to a worker through `edge.current`; see worker.c for how an old one is freed.
 * Flow listings go through the worker's mailbox.
 */
#ifndef SEKISHOD_DAEMON_H
#define SEKISHOD_DAEMON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <config.h>
#include <sekisho.h>

struct rte_mempool;
struct rte_rcu_qsbr;

#define DAEMON_BURST         32
#define DAEMON_FLOWS_MAX     64      /* flows in one message of a mailbox */
#define DAEMON_RULE_NAMES    1048576 /* different rule names in the life of the process */
#define DAEMON_MESSAGE_MAX   512     /* bytes of a message for the user */
#define DAEMON_STOP_MS       3000    /* how long a worker may take to stop */

/* One policy in use. Control thread only; workers see just `policy`. */
struct snapshot {
	struct config_policy *config;
	struct sekisho_policy *policy;
	unsigned edges; /* that use it */
	/* once no edge uses it: */
	struct snapshot *next;
	uint64_t token;  /* of the grace period under way */
	unsigned passed; /* grace periods that are over */
};

/* Counters of a port. Written by its worker only. */
struct port_counters {
	_Atomic uint64_t received, received_bytes;
	_Atomic uint64_t sent, sent_bytes;
	_Atomic uint64_t transmit_full; /* passed, but the port took no more */
	_Atomic uint64_t unreadable;    /* received in pieces that could not be joined */
};

struct port {
	const char *device; /* as configured */
	char name[64];      /* EAL's name of the device */
	uint16_t id;
	bool started;
	_Alignas(64) struct port_counters counters;
};

struct edge {
	const char *name;
	uint16_t index;  /* also its zone */
	unsigned worker; /* index */
	bool own_policy; /* not the appliance's common one */
	struct snapshot *snapshot;                   /* control thread */
	_Atomic(struct sekisho_policy *) current;    /* written by control, read by the worker */
	struct sekisho_policy *adopted;              /* worker */
	struct port ports[2];                        /* by the direction of what they receive */
};

enum mailbox_state { MAILBOX_IDLE, MAILBOX_REQUESTED, MAILBOX_DONE };

/*
 * One question to a worker. The control thread fills it and sets REQUESTED, the worker answers
 * between two bursts and sets DONE; each touches the rest only in its own turn.
 */
struct mailbox {
	_Atomic int state; /* enum mailbox_state */
	uint64_t owner;    /* the walk that asked; 0 when nobody waits any more. Control thread. */
	uint32_t cursor;
	unsigned max;
	unsigned count;
	struct sekisho_flow_info flows[DAEMON_FLOWS_MAX];
};

struct worker {
	struct daemon *daemon;
	unsigned index, lcore;
	struct sekisho_engine *engine;
	_Alignas(64) _Atomic uint64_t heartbeat;
	_Alignas(64) struct mailbox mailbox;
};

struct daemon {
	const char *config_path;
	struct config_appliance *appliance;
	struct sekisho_rule_names *names;
	struct rte_mempool *pool;
	struct rte_rcu_qsbr *qsbr;
	struct edge *edges;
	unsigned edge_count;
	struct worker *workers;
	unsigned worker_count;
	bool hugepages;    /* engines live in them */
	bool shared_cpus;  /* fewer cpus than polling workers */
	struct snapshot *retired;
	uint64_t started_ms;
	uint64_t ms_per_tick; /* 2^64 * milliseconds in a tick */
	_Atomic bool stop;
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

/* ---- eal.c ---- */

/* Start EAL as the appliance asks. 0, or -errno and a message. */
int eal_start(struct daemon *daemon, const char *program, char *message);

/* ---- port.c ---- */

/* How many mbufs the appliance needs. */
unsigned port_mbufs(const struct config_appliance *appliance, unsigned workers);

/* Whether a device is meant by its PCI address; else it is a virtual one to be made. */
bool port_is_pci(const char *device);

/* EAL's name of a device: what stands before the first comma. */
void port_device_name(const char *device, char *name, size_t size);

/* Make the pool, set up and start all ports. 0, or -errno and a message. */
int port_start_all(struct daemon *daemon, char *message);
void port_stop_all(struct daemon *daemon);

/* Whether the port's link is up. Control thread. */
bool port_link_up(const struct port *port);

/* ---- worker.c ---- */

/* Make the engines and launch the workers. 0, or -errno and a message. */
int worker_start_all(struct daemon *daemon, char *message);

/* Ask all to stop and wait. false when one did not. */
bool worker_stop_all(struct daemon *daemon);
void worker_fini_all(struct daemon *daemon);

/* Let an edge use another snapshot; the former is retired when no edge uses it. Control thread. */
void worker_publish(struct daemon *daemon, struct edge *edge, struct snapshot *snapshot);

/* Free the retired snapshots that no worker can see any more. Never blocks. Control thread. */
void worker_reclaim(struct daemon *daemon);

/* Build a snapshot from a parsed policy, which it then owns. NULL and a message on failure. */
struct snapshot *snapshot_create(struct daemon *daemon, struct config_policy *config, char *message);
void snapshot_destroy(struct snapshot *snapshot);

/* The workers' clock, milliseconds that wrap. Any thread, once the workers have been started. */
uint32_t daemon_now_ms(const struct daemon *daemon);

/* What all engines and ports have counted, summed up. */
struct daemon_totals {
	uint64_t received, sent, dropped, passed;
	uint64_t transmit_full, unreadable;
	struct sekisho_stats engines;
};
void daemon_totals_read(const struct daemon *daemon, struct daemon_totals *totals);

/* ---- control.c ---- */

/* Serve the sockets until a signal or `shutdown`. 0, or -errno and a message. */
int control_run(struct daemon *daemon, char *message);

#endif
