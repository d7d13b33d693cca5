/* SPDX-License-Identifier: BSD-3-Clause */
/* running.h: the policy that a daemon enforces. */
#ifndef RUNNING_H
#define RUNNING_H

#include "rpc.h"

/*
 * What policy.get says of the policy in use, for --edge if given, with its text whole. On CLI_OK,
 * *result is the caller's to json_decref(); else a message is on stderr.
 */
enum cli_exit running_read(const struct cli *cli, struct rpc *rpc, json_t **result);

/* Send a policy's text ahead of the method that takes it. What is wrong is on stderr. */
enum cli_exit running_stage(struct rpc *rpc, const char *text, size_t length);

#endif
