/* SPDX-License-Identifier: BSD-3-Clause */
/* tell_end.h: what a tap says of a flow that has ended, as filters and as people read it. The watch thread's. */
#ifndef SEKISHOD_TELL_END_H
#define SEKISHOD_TELL_END_H

#include <jansson.h>

#include "filter.h"
#include "tap.h"

struct daemon;

/* One end, for all who watch. */
struct tell_end {
	const struct daemon *daemon;
	const struct tap_record *record;
	const struct sekisho_flow_end *end; /* in the record */
	double time;                        /* when it was told, in seconds since 1970 */
	unsigned worker;                    /* that had the flow */
	struct filter_subject subject;      /* points into the record */
};

void tell_end_init(struct tell_end *tell, const struct daemon *daemon, unsigned worker,
		   const struct tap_record *record, double time);

/* The event `kind` of the flow's end. */
json_t *tell_flow_end(const struct tell_end *tell, const char *kind);

#endif
