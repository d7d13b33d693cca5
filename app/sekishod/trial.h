/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trial.h: the policy on trial: the shadow policy that runs, how another takes its place, and how it ends.
 *
 * A *trial* is a policy and, for each worker, the shadow (shadow.h) that judges by it. It is built as a job,
 * with all memory that it takes, and then given to the workers, which look once a round which shadow is
 * theirs. The one before is freed after two grace periods, as policies are (snapshot.c). A trial begins with
 * counters of 0, since what was counted under another policy says nothing of this one, and with no flows but
 * those of the flow image (resume.h) if it is there at the start.
 *
 * Control thread, but for the jobs.
 */
#ifndef SEKISHOD_TRIAL_H
#define SEKISHOD_TRIAL_H

#include "shadow.h"

struct client;
struct control;
struct daemon;
struct rpc_call;
struct trial;

/* Begin with the policy of a file, before workers run. 0, or -errno after the errors are printed. */
int trial_start(struct daemon *daemon, const char *path);

/* What judges now: the policy, and a worker's shadow. NULL: none runs. */
const struct shadow_policy *trial_policy(const struct daemon *daemon);
const struct shadow *trial_shadow(const struct daemon *daemon, unsigned worker);

/* Have the trials freed that no worker can see any more. Never blocks. */
void trial_reclaim(struct daemon *daemon);

/* A client has gone: what it asked for is thrown away. */
void trial_forget(struct client *client);

/* Free all, when there are no workers and jobs any more. */
void trial_fini(struct daemon *daemon);

/* Methods. */
void rpc_shadow_set(struct rpc_call *call);
void rpc_shadow_off(struct rpc_call *call);

#endif
