/* SPDX-License-Identifier: BSD-3-Clause */
/* tell.h: what a tap's record says, as filters and as people read it. The watch thread's. */
#ifndef SEKISHOD_TELL_H
#define SEKISHOD_TELL_H

#include <jansson.h>

#include "filter.h"
#include "tap.h"

struct daemon;

#define TELL_TUPLE_SIZE 160
#define TELL_SNAP       192 /* bytes of a frame that hold all headers that a tuple is read from */

/* One packet, taken apart once for all who watch. */
struct tell {
	const struct daemon *daemon;
	const struct tap_record *record;
	double time;     /* seconds since 1970 */
	unsigned worker; /* that has judged it */
	struct sekisho_tuple tuple;
	struct filter_subject subject; /* points into the tuple */
};

void tell_init(struct tell *tell, const struct daemon *daemon, unsigned worker,
	       const struct tap_record *record, double time);

/* "udp 198.51.100.1:500 > 198.51.100.2:500", as `sekisho explain` takes it. */
void tell_tuple(const struct sekisho_tuple *tuple, char *text, size_t size);

/* The event `kind` of the packet, and at most `snap` bytes of its frame in hexadecimal. */
json_t *tell_packet(const struct tell *tell, const char *kind, uint32_t snap);

#endif
