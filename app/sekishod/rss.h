/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rss.h: having NICs put packets into the queues of their owners.
 *
 * Both ports of an edge get the same symmetric key and matching indirection tables, and hash addresses alone.
 * It is not believed that they do: whoever receives a packet computes the same hash itself (lib/owner.c), which
 * takes a few instructions, and hands over what is not its own. So a driver that promises what it does
 * not do costs time and no verdict, and what no NIC can do, to look into what an ICMP error quotes, needs
 * nothing of its own. A test with packets at the start was rejected: it proves that those were put right.
 *
 * DPDK has a symmetric Toeplitz by name since 23.11; it is not used, since drivers sum up addresses each
 * in its own way before they hash them, which cannot be computed here. The plain one is asked for by name there.
 */
#ifndef SEKISHOD_RSS_H
#define SEKISHOD_RSS_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct edge;
struct rte_eth_conf;

/*
 * Settle which edges have it: those whose ports both can, if the appliance file leaves it to us. DPDK knows the
 * ports, they are not set up. 0, or -errno and a message if the file insists and a port cannot.
 */
int rss_plan(struct daemon *daemon, char *message);

/* Add it to what a port of the edge is configured with; nothing if the edge does not have it. */
void rss_configure(const struct edge *edge, unsigned side, struct rte_eth_conf *conf);

/*
 * A port could not be configured with it: leave it out for the whole edge, if the file does not insist. True if
 * it has been left out, and is not in `conf` any more. Before the workers run.
 */
bool rss_give_up(struct daemon *daemon, struct edge *edge, unsigned side,
		 struct rte_eth_conf *conf);

/* Write the indirection table of a port that has been started. 0 or -errno. */
int rss_apply(const struct daemon *daemon, const struct edge *edge, unsigned side);

#endif
