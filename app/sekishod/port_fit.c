/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_fit.c: frames that are longer than the port they are for takes.
 *
 * The kernel drops such frames behind AF_PACKET without a word to the driver, so they are dropped, and counted,
 * before. A VLAN tag does not count towards the MTU: the kernel leaves room for one, NICs for two.
 */
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "daemon.h"

#define NETDEV_TAGS 1u
#define NIC_TAGS    2u

/* How many tags a frame has, up to `most`. */
static unsigned frame_tags(const struct rte_mbuf *mbuf, unsigned most)
{
	const uint8_t *type =
		rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, 2 * RTE_ETHER_ADDR_LEN);
	unsigned tags = 0;

	while (tags < most &&
	       mbuf->data_len >= RTE_ETHER_HDR_LEN + (tags + 1) * sizeof(struct rte_vlan_hdr) &&
	       ((type[0] == 0x81 && type[1] == 0x00) || (type[0] == 0x88 && type[1] == 0xa8))) {
		type += sizeof(struct rte_vlan_hdr);
		tags++;
	}
	return tags;
}

unsigned port_fit(const struct port *port, struct rte_mbuf **mbufs, unsigned count)
{
	uint32_t most = atomic_load_explicit(&port->frame_max, memory_order_relaxed);
	unsigned tags = port->life.interface != 0 ? NETDEV_TAGS : NIC_TAGS, kept = 0;

	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];

		if (mbuf->pkt_len <= most ||
		    mbuf->pkt_len - most <= frame_tags(mbuf, tags) * sizeof(struct rte_vlan_hdr))
			mbufs[kept++] = mbuf;
		else
			rte_pktmbuf_free(mbuf);
	}
	return kept;
}
