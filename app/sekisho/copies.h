/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copies.h: which packets of two captures are one packet that was recorded twice.
 *
 * The same bytes from the network layer on, on the other side, within COPIES_WINDOW_US: a firewall that
 * is a bump in the wire changes nothing. Each packet has one copy at most, so that one which is sent
 * again is no copy of the first.
 */
#ifndef COPIES_H
#define COPIES_H

#include <sekisho.h>
#include <sys/time.h>

#define COPIES_WINDOW_US 1000000

struct copies_packet {
	uint64_t hash; /* 0: free */
	int64_t time_us;
	unsigned side;
};

struct copies {
	struct copies_packet *table;
};

/* Returns 0, or -1 if there is no memory. A zeroed struct may be finished as well. */
int copies_init(struct copies *copies);
void copies_fini(struct copies *copies);

/* Whether a packet of side 0 or 1 is the copy of one from the other side, which is then forgotten. */
bool copies_take(struct copies *copies, const struct sekisho_frame *frame,
		 const struct timeval *time, unsigned side);

#endif
