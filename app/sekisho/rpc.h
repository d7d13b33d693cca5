/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.h: a client of the daemon's control socket.
 *
 * JSON-RPC 2.0 over a UNIX stream, one object a line. The server speaks first (`hello`). One call
 * at a time; notifications in between go to who wants them. Every failure is one message on stderr here,
 * and the exit code that goes with it.
 */
#ifndef RPC_H
#define RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli.h"

#define RPC_REQUEST_MAX (64u << 10) /* newline included: the server takes no more */
#define RPC_ANSWER_MAX  (4u << 20)  /* lists of rules may be long */
#define RPC_API         1           /* the version of the methods that this client speaks */

struct rpc {
	int fd;
	json_int_t id;
	size_t length; /* bytes in `buffer` past the last line taken */
	char *buffer;  /* RPC_ANSWER_MAX */
	void (*notified)(const char *method,
			 const json_t *params); /* NULL: notifications are passed over */
};

enum rpc_access { RPC_READ, RPC_WRITE };

/*
 * Connect and take the server's hello. `path` NULL takes the default socket, and for RPC_READ the
 * read-only one when the first cannot be used. Call rpc_fini() in any case.
 */
enum cli_exit rpc_init(struct rpc *rpc, const char *path, enum rpc_access access);
void rpc_fini(struct rpc *rpc);

/* How long to wait for each answer from now on; 30 seconds otherwise. */
void rpc_wait(struct rpc *rpc, unsigned seconds);

/* Whether anything listens where rpc_init() would connect to read. Says nothing. */
bool rpc_answers(const char *path);

/* Call a method. Takes over `params`. On CLI_OK, *result is the caller's to json_decref(). */
enum cli_exit rpc_call(struct rpc *rpc, const char *method, json_t *params, json_t **result);

/*
 * Take notifications of this method until `take` returns false, the daemon says no more, or no line comes
 * for `seconds`; 0 waits for ever. CLI_OK if `take` had enough.
 */
enum cli_exit rpc_listen(struct rpc *rpc, const char *method, unsigned seconds,
			 bool (*take)(void *context, const json_t *params), void *context);

/* What a verb exits with whose last notification, `done`, is this; says so if the daemon has stopped. */
enum cli_exit rpc_done(const json_t *done);

#endif
