/* SPDX-License-Identifier: BSD-3-Clause */
/* holes_after.h: the holes that a capture leaves under a policy, as the daemon's holes.list tells its own. */
#ifndef HOLES_AFTER_H
#define HOLES_AFTER_H

#include <jansson.h>

#include "cli.h"

/* Append those that --filter means, if it is given, as they are --later. Why not is on stderr. */
enum cli_exit holes_after(const struct cli *cli, json_t *holes);

#endif
