/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.c: the ports of the edges, with a queue of each kind for each worker, if the driver has so many.
 *
 * The mbuf pool is sized at start so that it cannot run dry: all descriptors of all ports, what
 * workers have in hand, the pool's caches, and captures that are played without end.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "daemon.h"
#include "rss.h"

#define POOL_CACHE  256
#define XDP_FRAMES  4096 /* AF_XDP's rings to be filled and emptied, of 2048 each */

/* Room for frames is given in steps, so that four of them fill whole pages. */
#define ROOM_STEP   1024u
#define ROOM_MIN    ((unsigned)RTE_MBUF_DEFAULT_DATAROOM)
#define ROOM_MAX    16384u
#define ROOM_BESIDE 128u /* Ethernet, two VLAN tags, and an AF_PACKET ring's own header */

/* Frames that a driver keeps beside its descriptors. */
static unsigned port_kept_frames(const char *device)
{
	static const char driver[] = "net_af_xdp";

	return strncmp(device, driver, sizeof(driver) - 1) == 0 ? XDP_FRAMES : 0;
}

unsigned port_mbufs(const struct config_appliance *appliance, unsigned workers)
{
	unsigned ports = (unsigned)appliance->edge_count * 2, kept = 0;
	unsigned descriptors = workers * steer_descriptors(workers);

	for (size_t i = 0; i < appliance->edge_count; i++)
		for (unsigned side = 0; side < 2; side++)
			kept += replayed_packets(appliance->edges[i].device[side]) +
				port_kept_frames(appliance->edges[i].device[side]);
	return kept + ports * 2 * descriptors +
	       workers * (SEKISHO_HELD_DEFAULT + steer_room(workers)) +
	       (workers + 1) * (2 * POOL_CACHE + 2 * DAEMON_BURST);
}

unsigned port_frame_room(const struct config_appliance *appliance)
{
	unsigned most = ROOM_MIN;

	for (size_t i = 0; i < appliance->edge_count; i++)
		for (unsigned side = 0; side < 2; side++) {
			unsigned mtu, room;

			if (!netdev_mtu(appliance->edges[i].device[side], &mtu))
				continue;
			room = RTE_ALIGN_CEIL(mtu + ROOM_BESIDE, ROOM_STEP);
			most = RTE_MAX(most, RTE_MIN(room, ROOM_MAX));
		}
	return most;
}

bool port_is_pci(const char *device)
{
	/* "0000:00:06.0" or "00:06.0"; a virtual device may have a ':' only among its arguments. */
	size_t name = strcspn(device, ",");

	return isxdigit((unsigned char)device[0]) && memchr(device, ':', name) != NULL;
}

void port_device_name(const char *device, char *name, size_t size)
{
	bool short_address = port_is_pci(device) && strcspn(device, ":") <= 2;

	snprintf(name, size, "%s%.*s", short_address ? "0000:" : "", (int)strcspn(device, ","),
		 device);
}

bool port_link_up(const struct port *port)
{
	struct rte_eth_link link = {0};

	/* DPDK's drivers of kernel interfaces take them to be up always. */
	return port->life.stage == PORT_SERVING && !netdev_is_down(port->device) &&
	       rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status;
}

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void port_totals_read(const struct daemon *daemon, const struct port *port,
		      struct port_totals *totals)
{
	*totals = (struct port_totals){0};
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		const struct port_counters *counters = &port->counters[i];

		totals->received += load(&counters->received);
		totals->received_bytes += load(&counters->received_bytes);
		totals->sent += load(&counters->sent);
		totals->sent_bytes += load(&counters->sent_bytes);
		for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
			totals->drops[d] += load(&counters->drops[d]);
	}
}

/*
 * Offloads of a driver by which it checks what has come. A paravirtual one takes checksums on trust: another guest
 * of the same host makes none, if we say that we need none, and it would be for us to make them as the frame leaves.
 */
static uint64_t checking_offloads(const struct rte_eth_dev_info *info)
{
	static const char *const trusting[] = {"net_virtio", "net_vhost"};

	for (size_t i = 0; i < sizeof(trusting) / sizeof(trusting[0]); i++)
		if (strncmp(info->driver_name, trusting[i], strlen(trusting[i])) == 0)
			return 0;
	return info->rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
					RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
}

/* Some devices take only a power of two of queues, or fewer than they say: try less. False if that cannot be. */
static bool queues_reduce(const struct edge *edge, struct port *port)
{
	if (edge->rss_entries != 0 || (port->receive_queues == 1 && port->transmit_queues == 1))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t *queues = i == 0 ? &port->receive_queues : &port->transmit_queues;

		if (*queues > 1)
			*queues = (uint16_t)rte_align32prevpow2(*queues - 1u);
	}
	return true;
}

/* Set the queues of a port up, which has been told their numbers. 0 or -errno. */
static int port_set_queues(const struct daemon *daemon, const struct port *port)
{
	uint16_t receive = steer_descriptors(port->receive_queues);
	uint16_t transmit = steer_descriptors(port->transmit_queues);
	unsigned socket = (unsigned)rte_eth_dev_socket_id(port->id);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &receive, &transmit);

	if (rc == -ENOTSUP)
		rc = 0;
	for (uint16_t q = 0; rc == 0 && q < port->receive_queues; q++)
		rc = rte_eth_rx_queue_setup(port->id, q, receive, socket, NULL, daemon->pool);
	for (uint16_t q = 0; rc == 0 && q < port->transmit_queues; q++)
		rc = rte_eth_tx_queue_setup(port->id, q, transmit, socket, NULL);
	return rc;
}

/* A port with its queues, and with what checksum checking its NIC offers. 0 or -errno. */
static int port_configure(struct daemon *daemon, struct edge *edge, unsigned side)
{
	struct port *port = &edge->ports[side];
	uint16_t queues = (uint16_t)steer_queues(daemon), mtu = 0;
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port->id, &info);

	if (rc < 0)
		return rc;
	port->receive_queues = RTE_MIN(queues, info.max_rx_queues);
	port->transmit_queues = RTE_MIN(queues, info.max_tx_queues);
	conf.rxmode.offloads = checking_offloads(&info);
	if (rte_eth_dev_get_mtu(port->id, &mtu) == 0 && mtu > 1500) {
		conf.rxmode.mtu = mtu <= info.max_mtu ? mtu : info.max_mtu;
		conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
		conf.txmode.offloads |= info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	}
	conf.intr_conf.rmv = (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	rss_configure(edge, side, &conf);
	do
		rc = rte_eth_dev_configure(port->id, port->receive_queues, port->transmit_queues,
					   &conf);
	while (rc < 0 &&
	       (rss_give_up(daemon, edge, side, &conf) || queues_reduce(edge, port)));
	return rc == 0 ? port_set_queues(daemon, port) : rc;
}

/* Learn the number of a port. 0, or -errno and a message. */
static int port_find(struct port *port, char *message)
{
	int rc = rte_eth_dev_get_port_by_name(port->name, &port->id);

	if (rc < 0)
		snprintf(message, DAEMON_MESSAGE_MAX, "device '%s': DPDK found no such port%s",
			 port->device,
			 port_is_pci(port->device) ? "; 'sekisho doctor' looks at its driver" : "");
	return rc;
}

static int port_start(struct daemon *daemon, struct edge *edge, unsigned side, char *message)
{
	struct port *port = &edge->ports[side];
	int rc = port_find(port, message);

	if (rc < 0)
		return rc;
	rc = port_configure(daemon, edge, side);
	if (rc == 0)
		rc = rte_eth_dev_start(port->id);
	if (rc == 0 && rss_apply(daemon, edge, side) < 0)
		log_warning("device '%s': its table of queues cannot be written; it may put packets "
			    "anywhere",
			    port->device);
	if (rc < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "device '%s': cannot be started: %s",
			 port->device, strerror(-rc));
		return rc;
	}
	port->started = true;
	/* A bump in the wire must see frames for others; what cannot filter needs no telling. */
	rc = rte_eth_promiscuous_enable(port->id);
	if (rc < 0 && rc != -ENOTSUP)
		log_warning("device '%s': cannot be made promiscuous: %s", port->device,
			    strerror(-rc));
	return 0;
}

int port_start_all(struct daemon *daemon, char *message)
{
	unsigned room = RTE_PKTMBUF_HEADROOM + daemon->frame_room;
	int rc = 0;

	daemon->pool = rte_pktmbuf_pool_create("frames",
					       port_mbufs(daemon->appliance, daemon->worker_count),
					       POOL_CACHE, 0, (uint16_t)room, SOCKET_ID_ANY);
	if (daemon->pool == NULL) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no memory for %u frames",
			 port_mbufs(daemon->appliance, daemon->worker_count));
		return -ENOMEM;
	}
	for (unsigned i = 0; rc == 0 && i < daemon->edge_count * 2; i++)
		rc = port_find(&daemon->edges[i / 2].ports[i % 2], message);
	if (rc == 0)
		rc = rss_plan(daemon, message);
	for (unsigned i = 0; rc == 0 && i < daemon->edge_count * 2; i++)
		rc = port_start(daemon, &daemon->edges[i / 2], i % 2, message);
	return rc;
}

static void port_stop(struct port *port)
{
	if (!port->started)
		return;
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	port->started = false;
}

void port_stop_all(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->edge_count; i++)
		for (unsigned side = 0; side < 2; side++)
			port_stop(&daemon->edges[i].ports[side]);
}

/* ---- made again -------------------------------------------------------------------------------- */

bool port_can_be_made(const struct port *port)
{
	static const char maker[] = "net_tap"; /* of the interface that it names */
	char path[128];

	if (port_is_pci(port->device)) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", port->name);
		return access(path, F_OK) == 0;
	}
	return !netdev_named(port->device) || netdev_index(port->device) != 0 ||
	       strncmp(port->device, maker, sizeof(maker) - 1) == 0;
}

static const char *port_bus(const struct port *port)
{
	return port_is_pci(port->device) ? "pci" : "vdev";
}

void port_unplug(struct port *port)
{
	port_losses_keep(port);
	port_stop(port);
	rte_eal_hotplug_remove(port_bus(port), port->name);
}

int port_plug(struct daemon *daemon, struct edge *edge, unsigned side, char *message)
{
	struct port *port = &edge->ports[side];
	const uint16_t receive = port->receive_queues, transmit = port->transmit_queues;
	char *whole = port_is_pci(port->device) ? strdup(port->device)
						: eal_virtual(daemon, port->device);
	const char *comma = whole == NULL ? NULL : strchr(whole, ',');
	int rc = whole == NULL ? -ENOMEM
			       : rte_eal_hotplug_add(port_bus(port), port->name,
						     comma == NULL ? "" : comma + 1);

	free(whole);
	if (rc < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "device '%s': cannot be made: %s",
			 port->device, strerror(-rc));
		return rc;
	}
	rc = port_start(daemon, edge, side, message);
	if (rc == 0 && (port->receive_queues != receive || port->transmit_queues != transmit)) {
		snprintf(message, DAEMON_MESSAGE_MAX, "device '%s': it had %u and %u queues before, "
			 "and has %u and %u now", port->device, receive, transmit,
			 port->receive_queues, port->transmit_queues);
		rc = -ENODEV;
	}
	if (rc == 0)
		return 0;
	port->receive_queues = receive;
	port->transmit_queues = transmit;
	port_stop(port);
	rte_eal_hotplug_remove(port_bus(port), port->name);
	return rc;
}
