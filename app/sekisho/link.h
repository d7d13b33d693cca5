/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.h: captures of any supported link type, as Ethernet frames.
 *
 * The engine takes Ethernet only. A capture without it (raw IP, Linux "cooked", loopback, PPP) gets
 * a header made up of zero addresses and the ethertype that its own link header tells.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_ETHERNET_HEADER 14

/* Where the network layer of a packet begins, and what it is. */
struct link_payload {
	bool is_ethernet; /* the packet is a frame already; the rest is not set */
	uint32_t offset;
	uint16_t ether_type;
};

/* Whether a data-link type (DLT_*) can be replayed. */
bool link_supported(int type);

/*
 * Find the payload of a packet of a supported type. Returns false when the capture ends inside the
 * link header: `offset` is then where the payload would have begun.
 */
bool link_read(int type, const uint8_t *data, uint32_t captured, struct link_payload *payload);

#endif
