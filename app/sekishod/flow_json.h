/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_json.h: a flow for people, and for filters. Control thread, where nothing else is said. */
#ifndef SEKISHOD_FLOW_JSON_H
#define SEKISHOD_FLOW_JSON_H

#include <jansson.h>

#include "daemon.h"
#include "filter.h"

/* What to tell of a flow. */
enum flow_json_detail {
	FLOW_JSON_FACTS,
	FLOW_JSON_WHY, /* and what has opened it: the packets, and the rules with their places */
	FLOW_JSON_HOLE /* and what it lets in */
};

json_t *flow_json(const struct daemon *daemon, const struct sekisho_flow_info *flow,
		  enum flow_json_detail detail);

/* Add to an event what a flow's last record has in common with `sekisho flows`. Any thread. */
void flow_json_add_last(const struct sekisho_flow_info *flow, json_t *event);

/* The tuple of its opener's packets, as far as a flow knows it. Any thread. */
void flow_tuple(const struct sekisho_flow_info *flow, struct sekisho_tuple *tuple);

/* A flow as filters see it: from its opener to the other end. Points into both. Any thread. */
struct filter_subject flow_subject(const struct daemon *daemon,
				   const struct sekisho_flow_info *flow);

#endif
