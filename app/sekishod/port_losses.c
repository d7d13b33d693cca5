/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_losses.c: what driver, NIC and kernel have lost of a port's frames, apart from our own counters.
 *
 * The kernel counts for each packet socket what found its ring full, and forgets the count as it tells it.
 * The driver of AF_PACKET asks for it in later versions of DPDK only; whoever asks gets each loss once, so the sum
 * of what it was told and what we were is right with any version.
 */
#include <dirent.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_ethdev.h>

#include "daemon.h"

/* Losses of the packet socket `fd` since somebody last asked, if it is one of this interface. */
static uint64_t socket_losses(int fd, unsigned interface)
{
	struct sockaddr_ll address;
	struct tpacket_stats stats;
	socklen_t length = sizeof(address), size = sizeof(stats);

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
	    length < offsetof(struct sockaddr_ll, sll_hatype) || address.sll_family != AF_PACKET ||
	    (unsigned)address.sll_ifindex != interface ||
	    getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0)
		return 0;
	return stats.tp_drops;
}

/* The same of all packet sockets that the process has on an interface. */
static uint64_t ring_losses(unsigned interface)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t losses = 0;
	struct dirent *entry;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			losses += socket_losses(atoi(entry->d_name), interface);
	closedir(directory);
	return losses;
}

void port_losses_read(struct port *port, uint64_t losses[PORT_LOSS_COUNT])
{
	struct rte_eth_stats stats = {0};
	unsigned interface = netdev_index(port->device);

	if (port->started && interface != 0)
		port->losses[PORT_LOSS_MISSED] += ring_losses(interface);
	if (port->started)
		rte_eth_stats_get(port->id, &stats);
#define X(id, key, member, sentence) \
	losses[PORT_LOSS_##id] = port->losses[PORT_LOSS_##id] + stats.member;
	PORT_LOSSES(X)
#undef X
}

void port_losses_keep(struct port *port)
{
	uint64_t losses[PORT_LOSS_COUNT];

	port_losses_read(port, losses);
	memcpy(port->losses, losses, sizeof(port->losses));
}
