/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h: the control sockets, their clients and the methods. All of it is the control thread's.
 *
 * Nothing here may wait: sockets are non-blocking, a client's output is queued up to a bound, a
 * question to a worker is asked again by a timer until it is answered (rpc_flows.c), and what takes
 * long is a job (commit.h).
 */
#ifndef SEKISHOD_CONTROL_H
#define SEKISHOD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "commit.h"
#include "daemon.h"
#include "watchdog.h"

#define CONTROL_LINE_MAX    65536
#define CONTROL_DEPTH_MAX   16
#define CONTROL_CLIENTS_MAX 64
#define CONTROL_READERS_MAX 56 /* of them: whoever may change things gets in all the same */
#define CONTROL_OUTPUT_MAX  (1u << 20)
#define CONTROL_STALL_MS    10000 /* a client that takes no byte for so long is closed */
#define CONTROL_STAGED_MAX  (64u << 20) /* bytes of staged texts, of all clients */

enum control_role { CONTROL_READER, CONTROL_ADMIN };

struct flow_walk; /* rpc_flows.c */
struct explaining; /* rpc_explain.c */
struct metrics_server;
struct save_call; /* save.c */

struct client {
	int fd; /* -1: free place */
	enum control_role role;
	uid_t uid;
	pid_t pid;
	bool ended;   /* it sends no more */
	bool closing; /* to be closed when the output is out */
	uint32_t interest; /* epoll events asked for */
	char *input;  /* CONTROL_LINE_MAX + 1 bytes */
	size_t input_length;
	char *output;
	size_t output_length, output_sent;
	uint64_t progress_ms; /* when output last moved */
	/* a request that waits, for a worker or a job; no other is taken meanwhile */
	struct flow_walk *walk;
	struct change *change;
	struct explaining *explaining;
	struct save_call *saving;
	struct trial *trial; /* trial.c */
	struct watch *watch; /* what it is told of besides; NULL: nothing */
	char *staged; /* a policy's text that comes in parts (rpc_text.c) */
	size_t staged_length;
};

struct control {
	struct daemon *daemon;
	int epoll, signals, timer;
	int deadline; /* timer of what is pending */
	int listeners[2]; /* by enum control_role; -1 if there is none */
	int spare; /* descriptor, for socket_accept() */
	bool refuses; /* and the log has said so */
	bool timer_fast;
	struct watchdog watchdog;
	bool stop;
	size_t staged; /* bytes, of all clients */
	struct change *change; /* the one that is under way */
	bool trial_built;      /* a trial is being built */
	struct pending pending;
	struct metrics_server *metrics; /* NULL: they are off */
	struct client clients[CONTROL_CLIENTS_MAX];
};

/* ---- socket.c ---- */

/* Whether socket_listen() can succeed; NULL is no socket. 0, or -errno and a message. */
int socket_check(const char *path, char *message);

/* Listen at `path`. Takes the place of a socket that nobody listens on. fd, or -errno and a message. */
int socket_listen(const char *path, const char *group, char *message);

/*
 * Accept a client. fd; -EAGAIN if none waits; -EMFILE or -ENFILE if one was told `refusal` and hung up, as
 * there are no descriptors: `spare`, which is kept for this, is one that can be done without.
 */
int socket_accept(int listener, int *spare, const char *refusal);

/* ---- client.c ---- */

/* What a client is told that cannot be served. */
extern const char client_refusal[];

void client_open(struct control *control, int fd, enum control_role role);
void client_close(struct control *control, struct client *client);

/* What epoll says of a client. */
void client_event(struct control *control, struct client *client, uint32_t events);

/* Queue one object as a line; takes the reference. */
void client_send(struct client *client, json_t *object);

/* Go on with a client: take its next lines, write, ask for the right events, close if it is done. */
void client_continue(struct control *control, struct client *client);

/* ---- rpc.c ---- */

#define RPC_PARSE     (-32700)
#define RPC_REQUEST   (-32600)
#define RPC_METHOD    (-32601)
#define RPC_PARAMS    (-32602)
#define RPC_INTERNAL  (-32603)
#define RPC_ROLE      (-32001)
#define RPC_COMMIT    (-32002)
#define RPC_WORKER    (-32003)
#define RPC_TOO_LARGE (-32004)
#define RPC_CLIENTS   (-32005)
#define RPC_BUSY      (-32006)
#define RPC_PENDING   (-32007)
#define RPC_CHANGED   (-32008)
#define RPC_STATE     (-32009)

/* A request under way. A method sets `result`, or an error, or `later`. */
struct rpc_call {
	struct control *control;
	struct client *client;
	const char *method;
	json_t *id;     /* NULL: a notification, which gets no answer */
	json_t *params; /* an object or NULL */
	json_t *result;
	int code; /* of an error, 0 if none */
	char message[DAEMON_MESSAGE_MAX];
	json_t *data; /* of an error */
	bool later;   /* rpc_answer() will be called when it is ready */
};

/* Take one line. */
void rpc_line(struct control *control, struct client *client, const char *line, size_t length);

/* Fail a call. */
void rpc_fail(struct rpc_call *call, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Answer a request and free what the call holds; or free it without an answer. */
void rpc_answer(struct rpc_call *call);
void rpc_drop(struct rpc_call *call);

/* An error object that answers no known request. */
json_t *rpc_error(int code, const char *message);

/* What all that take a policy have: its file's name, and its text, given or staged, which is the caller's then;
 * NULL with the call failed. */
const char *rpc_policy_name(struct rpc_call *call);
char *rpc_policy_text(struct rpc_call *call, size_t *length);

/* The edge that params name as "edge"; NULL with the call failed if there is no such. */
struct edge *rpc_edge(struct rpc_call *call);

/* The edge that params name, or the first that has the common policy, or the first at all. */
struct edge *rpc_edge_shown(struct rpc_call *call);

/* Methods. */
void rpc_status(struct rpc_call *call);
void rpc_stats(struct rpc_call *call);
void rpc_rules_list(struct rpc_call *call);
void rpc_drops_list(struct rpc_call *call);
void rpc_flows_list(struct rpc_call *call);
void rpc_explain(struct rpc_call *call);
void rpc_flows_kill(struct rpc_call *call);
void rpc_holes_list(struct rpc_call *call);
void rpc_shadow_get(struct rpc_call *call);
void rpc_trace_start(struct rpc_call *call);
void rpc_events_start(struct rpc_call *call);
void rpc_policy_get(struct rpc_call *call);
void rpc_policy_stage(struct rpc_call *call);
void rpc_policy_commit(struct rpc_call *call);
void rpc_policy_confirm(struct rpc_call *call);
void rpc_policy_rollback(struct rpc_call *call);
void rpc_policy_history(struct rpc_call *call);
void rpc_state_save(struct rpc_call *call);

/* ---- rpc_policy.c ---- */

/* What is pending, for people; null if nothing is. */
json_t *pending_json(const struct control *control);

/* ---- rpc_text.c ---- */

/* Free a client's staged text; or count it no more, as somebody else has it now. */
void staged_fini(struct control *control, struct client *client);
void staged_give(struct control *control, struct client *client);

/* ---- rpc_explain.c ---- */

/* Go on with what a client wants explained; answers it when it is done. */
void explaining_continue(struct control *control, struct client *client);

/* A client has gone, or its question has failed. */
void explaining_forget(struct control *control, struct client *client);

/* ---- rpc_flows.c ---- */

/* Go on with a client's walk; answers it when it is done. */
void flow_walk_continue(struct control *control, struct client *client);
void flow_walk_destroy(struct control *control, struct flow_walk *walk);

#endif
