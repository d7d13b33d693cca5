/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_mirror.c: the link of one side of an edge as that of the other, `link_mirror: true`.
 *
 * A side whose own link is up is lowered while the other's is down, so that who is behind it sees what it would
 * see without us. The link of a lowered side cannot be known, so only the other side is looked at until
 * it has come back; then the lowered side is raised, and counts as up for as long as a link may take to be
 * negotiated.
 */
#include "port_life.h"

#include <string.h>

#include <rte_ethdev.h>

#include "daemon.h"

#define SETTLE_MS 5000

static int link_lower(struct port *port)
{
	return netdev_named(port->device) ? netdev_lower(port->device)
					  : rte_eth_dev_set_link_down(port->id);
}

static int link_raise(struct port *port)
{
	if (port->life.stage != PORT_SERVING)
		return 0;
	return netdev_named(port->device) ? netdev_raise(port->device)
					  : rte_eth_dev_set_link_up(port->id);
}

/* Whether the port's link is up, or may still come up. */
static bool is_up(const struct port *port)
{
	return port->life.link || clock_ms() < port->life.settled_ms;
}

/* Do as the other side does. */
static void follow(const struct edge *edge, struct port *port, const struct port *other)
{
	struct port_life *life = &port->life;
	int rc;

	if (life->lowered && other->life.link) {
		life->lowered = false;
		life->settled_ms = clock_ms() + SETTLE_MS;
		rc = link_raise(port);
		log_info("edge '%s': the link of device '%s' is raised, as device '%s' has one%s%s",
			 edge->name, port->device, other->device, rc < 0 ? ": " : "",
			 rc < 0 ? strerror(-rc) : "");
	} else if (!life->lowered && !life->unmirrored && !other->life.lowered && life->link &&
		   !is_up(other)) {
		rc = link_lower(port);
		life->lowered = rc == 0;
		life->unmirrored = rc < 0;
		log_warning("edge '%s': the link of device '%s' %s, as device '%s' has none%s%s",
			    edge->name, port->device, rc == 0 ? "is lowered" : "cannot be lowered",
			    other->device, rc < 0 ? ": " : "", rc < 0 ? strerror(-rc) : "");
	}
}

void port_mirror_look(struct daemon *daemon, unsigned edge)
{
	struct port *ports = daemon->edges[edge].ports;

	for (unsigned side = 0; side < 2; side++)
		follow(&daemon->edges[edge], &ports[side], &ports[!side]);
}

void port_mirror_undo(struct daemon *daemon, unsigned edge)
{
	for (unsigned side = 0; side < 2; side++) {
		struct port *port = &daemon->edges[edge].ports[side];

		if (port->life.lowered)
			link_raise(port);
		port->life.lowered = false;
	}
}
