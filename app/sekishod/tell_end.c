/* SPDX-License-Identifier: BSD-3-Clause */
/* tell_end.c: the ends of flows in words. */
#include "tell_end.h"

#include <string.h>

#include "community_id.h"
#include "daemon.h"
#include "flow_json.h"

void tell_end_init(struct tell_end *tell, const struct daemon *daemon, unsigned worker,
		   const struct tap_record *record, double time)
{
	const struct sekisho_flow_end *end = (const void *)(record + 1);

	*tell = (struct tell_end){.daemon = daemon,
				  .record = record,
				  .end = end,
				  .time = time,
				  .worker = worker,
				  .subject = flow_subject(daemon, &end->flow)};
	tell->subject.reason = sekisho_end_word(end->why);
}

json_t *tell_flow_end(const struct tell_end *tell, const char *kind)
{
	const struct sekisho_flow_info *flow = &tell->end->flow;
	uint64_t opened_by = flow->opened_by[flow->opener];
	double over = tell->time - tell->end->ago_ms / 1000.0;
	const char *rule = sekisho_rule_name(tell->daemon->names, flow->rule[flow->opener]);
	char community[COMMUNITY_ID_SIZE];
	struct sekisho_tuple tuple;
	json_t *event = json_pack(
		"{s:s,s:f,s:s,s:s,s:s,s:s,s:s?,s:I,s:f,s:f}", "event", kind, "time", tell->time,
		"edge", tell->subject.edge, "direction", sekisho_direction_word(flow->opener),
		"reason", tell->subject.reason, "admitted_by",
		sekisho_admitted_by_word(SEKISHO_BY_RULE), "rule", rule, "opened_by",
		(json_int_t)opened_by, "start", tell->time - flow->age_ms / 1000.0, "end", over);

	if (event == NULL)
		return NULL;
	flow_json_add_last(flow, event);
	json_object_set_new(event, "flow_id",
			    json_integer((json_int_t)((uint64_t)tell->worker << 32 | opened_by)));
	flow_tuple(flow, &tuple);
	if (community_id(&tuple, community))
		json_object_set_new(event, "community_id", json_string(community));
	return event;
}
