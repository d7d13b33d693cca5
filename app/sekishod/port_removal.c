/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_removal.c: devices that are taken away from under their drivers.
 *
 * Who tells of it differs: a driver that sees it by itself has an event of the port; with vfio-pci the kernel asks the
 * process to let go of the device, which DPDK's PCI bus passes on as an event of the device. Until it is let go of, it
 * stays in /sys, so there is nothing to look for. DPDK's interrupt thread may not take a device away itself, so both are
 * just noted, for the control thread.
 */
#define ALLOW_EXPERIMENTAL_API /* events of devices: the same in 22.11 and in 24.11, and nothing else tells of vfio's */
#include "port_life.h"

#include <stdatomic.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

/* By number of a port. Set by EAL's interrupt thread. */
static _Atomic bool removed[RTE_MAX_ETHPORTS];

static int on_port(uint16_t id, enum rte_eth_event_type event, void *context, void *data)
{
	atomic_store(&removed[id], true);
	return 0;
}

static void on_device(const char *name, enum rte_dev_event_type event, void *context)
{
	uint16_t id;

	if (event == RTE_DEV_EVENT_REMOVE && rte_eth_dev_get_port_by_name(name, &id) == 0)
		atomic_store(&removed[id], true);
}

int port_removal_init(void)
{
	int rc = rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, on_port, NULL);

	return rc < 0 ? rc : rte_dev_event_callback_register(NULL, on_device, NULL);
}

void port_removal_fini(void)
{
	rte_dev_event_callback_unregister(NULL, on_device, NULL);
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, on_port, NULL);
}

bool port_removal_told(uint16_t id)
{
	return atomic_load(&removed[id]);
}

void port_removal_forget(uint16_t id)
{
	atomic_store(&removed[id], false);
}
