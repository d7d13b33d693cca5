/* SPDX-License-Identifier: BSD-3-Clause */
/* port_life.c: see port_life.h. */
#include "port_life.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_rcu_qsbr.h>

#include "daemon.h"

#define RETRY_MS     500u
#define RETRY_MAX_MS 16000u

/* Frames wait in rings between workers for some rounds, each of which is a grace period at least. */
#define GRACE_PERIODS 128

static const char *side_word(unsigned side)
{
	return side == SEKISHO_EGRESS ? "inside" : "outside";
}

static struct port *port_at(struct daemon *daemon, unsigned i)
{
	return &daemon->edges[i / 2].ports[i % 2];
}

/* Tell who watches of a port as it is now. */
static void tell(struct daemon *daemon, unsigned i)
{
	const struct port *port = port_at(daemon, i);
	const struct port_life *life = &port->life;
	json_t *event;

	if (!watches_want(&daemon->watches, WATCH_PORT))
		return;
	event = json_pack("{s:s,s:f,s:s,s:s,s:s,s:s,s:b,s:o}", "event", "port", "time",
			  clock_wall(), "edge", daemon->edges[i / 2].name, "side", side_word(i % 2),
			  "device", port->device, "link", life->link ? "up" : "down", "present",
			  life->stage == PORT_SERVING, "mtu",
			  life->mtu == 0 ? json_null() : json_integer(life->mtu));
	watches_tell(&daemon->watches, WATCH_PORT, event);
}

/* ---- leaving, and coming back ----------------------------------------------------------------- */

/* Whether a port that serves has nothing behind it any more. */
static bool is_gone(const struct port *port)
{
	struct rte_eth_link link = {0};

	if (port_removal_told(port->id))
		return true;
	if (netdev_named(port->device))
		return netdev_index(port->device) != port->life.interface;
	/* A client of a vhost socket has lost its server for good; a server of one waits by itself. */
	return strncmp(port->device, "net_virtio_user", strlen("net_virtio_user")) == 0 &&
	       strstr(port->device, "server=1") == NULL &&
	       rte_eth_link_get_nowait(port->id, &link) == 0 && !link.link_status;
}

static void leave(struct daemon *daemon, unsigned i)
{
	struct port *port = port_at(daemon, i);

	atomic_store_explicit(&port->up, false, memory_order_release);
	port->life.stage = PORT_LEAVING;
	port->life.passed = 0;
	port->life.token = rte_rcu_qsbr_start(daemon->qsbr);
	log_warning("edge '%s' is down: its %s port, device '%s', is gone",
		    daemon->edges[i / 2].name, side_word(i % 2), port->device);
}

/* Close the port if no worker can touch it any more. */
static void leave_continue(struct daemon *daemon, struct port *port)
{
	struct port_life *life = &port->life;

	if (rte_rcu_qsbr_check(daemon->qsbr, life->token, false) == 0)
		return;
	if (++life->passed < GRACE_PERIODS) {
		life->token = rte_rcu_qsbr_start(daemon->qsbr);
		return;
	}
	port_unplug(port);
	life->stage = PORT_ABSENT;
	life->retry_ms = 0;
	life->retry_wait_ms = RETRY_MS;
}

/* Make the port again if that can be. True if it serves. */
static bool come_back(struct daemon *daemon, unsigned i)
{
	struct port *port = port_at(daemon, i);
	struct port_life *life = &port->life;
	char message[DAEMON_MESSAGE_MAX] = "";
	uint64_t now = clock_ms();

	if (!port_can_be_made(port)) {
		life->retry_ms = 0;
		return false;
	}
	if (now < life->retry_ms)
		return false;
	if (port_plug(daemon, &daemon->edges[i / 2], i % 2, message) < 0) {
		log_warning("edge '%s', %s port: %s; it is tried again", daemon->edges[i / 2].name,
			    side_word(i % 2), message);
		life->retry_ms = now + life->retry_wait_ms;
		life->retry_wait_ms = RTE_MIN(2 * life->retry_wait_ms, RETRY_MAX_MS);
		return false;
	}
	port_removal_forget(port->id);
	steer_port(daemon, i / 2, i % 2);
	life->interface = netdev_index(port->device);
	life->stage = PORT_SERVING;
	life->lowered = false;
	log_info("edge '%s': its %s port, device '%s', is there again", daemon->edges[i / 2].name,
		 side_word(i % 2), port->device);
	return true;
}

/* ---- MTU -------------------------------------------------------------------------------------- */

static uint32_t frame_max(const struct port *port)
{
	return port->life.mtu == 0 ? UINT32_MAX : port->life.mtu + RTE_ETHER_HDR_LEN;
}

/* Take the port's MTU as it is now. */
static void mtu_look(struct port *port)
{
	uint16_t configured;
	unsigned mtu = 0;

	if (port->life.stage == PORT_SERVING && !netdev_mtu(port->device, &mtu) &&
	    port_is_pci(port->device) && rte_eth_dev_get_mtu(port->id, &configured) == 0)
		mtu = configured;
	port->life.mtu = mtu;
	atomic_store_explicit(&port->frame_max, frame_max(port), memory_order_relaxed);
}

/* Say if what an edge's ports take does not go together. */
static void mtu_check(const struct daemon *daemon, unsigned edge)
{
	const struct port *ports = daemon->edges[edge].ports;
	const struct port *inside = &ports[SEKISHO_EGRESS], *outside = &ports[SEKISHO_INGRESS];
	unsigned room = daemon->frame_room;

	if (inside->life.mtu != 0 && outside->life.mtu != 0 &&
	    inside->life.mtu != outside->life.mtu)
		log_warning(
			"edge '%s': the inside port, device '%s', has an MTU of %u, the outside "
			"port, device '%s', one of %u; longer packets are dropped, too-long",
			daemon->edges[edge].name, inside->device, inside->life.mtu, outside->device,
			outside->life.mtu);
	for (unsigned side = 0; side < 2; side++)
		if (ports[side].life.mtu > room)
			log_warning("edge '%s', %s port: its MTU of %u is more than there was room "
				    "for at the start; restart sekishod for frames of more than %u "
				    "bytes",
				    daemon->edges[edge].name, side_word(side), ports[side].life.mtu,
				    room);
}

/* ---- looking ---------------------------------------------------------------------------------- */

static void look(struct daemon *daemon, unsigned i)
{
	struct port *port = port_at(daemon, i);
	struct port_life *life = &port->life;
	const struct port_life before = *life;

	if (life->stage == PORT_SERVING && is_gone(port))
		leave(daemon, i);
	if (life->stage == PORT_LEAVING)
		leave_continue(daemon, port);
	if (life->stage == PORT_ABSENT && come_back(daemon, i)) {
		mtu_look(port);
		port_serve(port, frame_max(port));
	}
	life->link = port_link_up(port);
	mtu_look(port);
	if (life->mtu != before.mtu && life->mtu != 0)
		mtu_check(daemon, i / 2);
	if (life->link != before.link || life->mtu != before.mtu ||
	    (life->stage == PORT_SERVING) != (before.stage == PORT_SERVING))
		tell(daemon, i);
}

void port_life_look(struct daemon *daemon)
{
	netdev_drain(daemon->links);
	for (unsigned i = 0; i < daemon->edge_count * 2; i++)
		look(daemon, i);
	for (unsigned i = 0; daemon->appliance->link_mirror && i < daemon->edge_count; i++)
		port_mirror_look(daemon, i);
}

bool port_life_hurries(const struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->edge_count * 2; i++)
		if (daemon->edges[i / 2].ports[i % 2].life.stage == PORT_LEAVING)
			return true;
	return false;
}

int port_life_init(struct daemon *daemon, char *message)
{
	int rc;

	daemon->links = netdev_listen();
	if (daemon->links < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "the kernel does not tell of links: %s",
			 strerror(-daemon->links));
		return daemon->links;
	}
	for (unsigned i = 0; i < daemon->edge_count * 2; i++) {
		struct port *port = port_at(daemon, i);

		port->life.stage = PORT_SERVING;
		port->life.interface = netdev_index(port->device);
		port->life.link = port_link_up(port);
		mtu_look(port);
		port_serve(port, frame_max(port));
	}
	for (unsigned i = 0; i < daemon->edge_count; i++)
		mtu_check(daemon, i);
	rc = port_removal_init();
	if (rc < 0)
		snprintf(message, DAEMON_MESSAGE_MAX, "DPDK does not tell of devices that go: %s",
			 strerror(-rc));
	return rc;
}

void port_life_fini(struct daemon *daemon)
{
	port_removal_fini();
	for (unsigned i = 0; i < daemon->edge_count; i++)
		port_mirror_undo(daemon, i);
	if (daemon->links >= 0)
		close(daemon->links);
	daemon->links = -1;
}
