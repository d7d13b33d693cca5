/* SPDX-License-Identifier: BSD-3-Clause */
/* telemetry.h: our commands on DPDK's own telemetry socket, `dpdk_telemetry: true` in the appliance file. */
#ifndef SEKISHOD_TELEMETRY_H
#define SEKISHOD_TELEMETRY_H

#include "daemon.h"

/*
 * Register the commands, if they are wanted; the workers have been started. 0, or -errno and a message. No
 * command runs any more once telemetry_stop() has returned. Control thread.
 */
int telemetry_start(const struct daemon *daemon, char *message);
void telemetry_stop(void);

#endif
