/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * commit.h: changing the policy in force, with a way back. Control thread.
 *
 * A *change* goes through these steps, and nothing else changes a policy while the daemon runs:
 *
 *	build   (job)      the text is parsed, the policy compiled, what differs is counted
 *	save    (job)      the text and the history with the new revision go to the state directory
 *	publish (control)  the edges of the scope are given the new policy, the client its answer
 *
 * One change is under way at a time; another is refused, not queued: its author has not seen this
 * one's result. A client that goes away while its policy is built has it thrown away. Once the saving has
 * begun the change is made. Whatever ends the daemon, and when, a restart finds the history as it
 * was before or as it is after.
 *
 * With a time to confirm in, the former policies are kept as they are in memory, so that the way back
 * needs neither time nor memory nor disk. The clock is the daemon's: it goes back by itself when the
 * client, its terminal or its route to us has gone. On disk the revision is pending, which a restart takes
 * for withdrawn.
 */
#ifndef SEKISHOD_COMMIT_H
#define SEKISHOD_COMMIT_H

#include "daemon.h"

#define COMMIT_CONFIRM_MIN_MS 1000
#define COMMIT_CONFIRM_MAX_MS 86400000

struct control;
struct client;
struct rpc_call;

struct change; /* under way */

/* What comes back unless the pending revision is confirmed. */
struct pending {
	struct revision *revision; /* NULL: nothing is pending */
	uint64_t deadline_ms;
	struct snapshot *common; /* NULL: it did not change */
	struct {
		struct snapshot *snapshot; /* NULL: the edge did not change */
		bool own_policy;
	} edges[CONFIG_EDGES_MAX];
};

/* What is to change. */
struct commit_request {
	enum revision_event event;
	struct edge *edge; /* the scope; NULL: all edges without a policy of their own */
	const char
		*name; /* of the text's file; NULL: the edge is to follow the common policy again */
	char *text;    /* malloc'd, and no longer the caller's; NULL: that of `origin` */
	size_t length;
	const struct revision *origin; /* of a rollback */
	uint32_t confirm_ms;           /* 0: no confirmation is asked for */
	bool tells;                    /* the client wants to hear how far it is */
};

/* Begin; the call is answered when it is done, or failed now. */
void commit_begin(struct rpc_call *call, const struct commit_request *request);

/* Tell who waits for the change under way how far it is, once a second. Call it often. */
void commit_tell(struct control *control);

/* Confirm what is pending; the call is answered when that is saved. */
void commit_confirm(struct rpc_call *call);

/* Go back to what was before the pending revision: an actor wants it, or its time is over. */
void commit_withdraw(struct control *control, const char *event, const struct actor *actor);

/* A client has gone: what it asked for is thrown away, or goes on without it. */
void commit_forget(struct control *control, struct client *client);

/* The generation in force in a scope; 0 if the scope has none. */
uint32_t commit_generation(const struct daemon *daemon, const struct edge *edge);

/* Let go of what is kept for the way back; the revision stays pending. */
void commit_fini(struct control *control);

#endif
