/* SPDX-License-Identifier: BSD-3-Clause */
#include "comparison.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"

void comparison_init(struct comparison *comparison, const char *a, const char *b)
{
	*comparison = (struct comparison){
		.policies = {a, b},
		.flows = {.key_size = sizeof(struct comparison_key),
			  .item_size = sizeof(struct comparison_flow)},
		.causes = {.key_size = sizeof(struct comparison_pair),
			   .item_size = sizeof(struct comparison_cause)},
	};
}

void comparison_fini(struct comparison *comparison)
{
	keyed_fini(&comparison->flows);
	keyed_fini(&comparison->causes);
	free(comparison->packets);
	trace_judge_fini(&comparison->judges[0]);
	trace_judge_fini(&comparison->judges[1]);
}

static struct comparison_key key_of(const struct sekisho_tuple *tuple)
{
	struct comparison_key key = {.ether_type = tuple->ether_type, .protocol = tuple->protocol};
	int order = memcmp(tuple->source, tuple->destination, 16);
	int source;

	if (order == 0)
		order = (int)tuple->source_port - (int)tuple->destination_port;
	source = order > 0;
	memcpy(key.address[source], tuple->source, 16);
	memcpy(key.address[!source], tuple->destination, 16);
	key.port[source] = tuple->source_port;
	key.port[!source] = tuple->destination_port;
	return key;
}

static struct comparison_pair pair_of(const struct trace_row *row)
{
	return (struct comparison_pair){
		{row->verdicts[0].reason, row->verdicts[1].reason},
		{row->verdicts[0].rule, row->verdicts[1].rule},
	};
}

/* Keep what every packet leaves; NULL if there is no memory. */
static struct comparison_packet *packet_add(struct comparison *comparison,
					    const struct trace_row *row)
{
	struct comparison_packet *packet;

	if (comparison->packet_count == comparison->packet_capacity) {
		size_t capacity =
			comparison->packet_capacity ? comparison->packet_capacity * 2 : 1024;

		packet = realloc(comparison->packets, capacity * sizeof(*packet));
		if (!packet)
			return NULL;
		comparison->packets = packet;
		comparison->packet_capacity = capacity;
	}
	packet = &comparison->packets[comparison->packet_count++];
	*packet = (struct comparison_packet){.time_us = row->time_us,
					     .direction = row->directions[0]};
	for (int j = 0; j < 2; j++)
		packet->passed[j] = row->verdicts[j].action == SEKISHO_PASS;
	return packet;
}

int comparison_add(struct comparison *comparison, const struct trace_row *row,
		   struct comparison_place *place)
{
	struct comparison_packet *packet = packet_add(comparison, row);
	struct comparison_key key = key_of(&row->tuple);
	struct comparison_pair pair = pair_of(row);
	struct comparison_cause *cause;
	struct comparison_flow *flow;
	bool new_cause;

	if (!packet)
		return -1;
	if (packet->passed[0] == packet->passed[1])
		return 0;
	flow = keyed_take(&comparison->flows, &key, &place->is_first);
	cause = keyed_take(&comparison->causes, &pair, &new_cause);
	if (!flow || !cause)
		return -1;
	place->flow =
		(uint32_t)(flow - (struct comparison_flow *)keyed_item(&comparison->flows, 0));
	packet->flow = place->flow;
	flow->passed_by[packet->passed[1]]++;
	comparison->passed_by[packet->passed[1]]++;
	cause->packets++;
	if (new_cause)
		cause->flow = place->flow;
	if (place->is_first) {
		flow->first = *row;
		flow->cause = (uint32_t)(cause - (struct comparison_cause *)keyed_item(
							 &comparison->causes, 0));
		cause->flows++;
	}
	return 1;
}

uint64_t comparison_differ(const struct comparison *comparison)
{
	return comparison->passed_by[0] + comparison->passed_by[1];
}

const char *comparison_semantics(const struct comparison *comparison, unsigned j)
{
	return sekisho_semantics_word(sekisho_policy_semantics(comparison->judges[j].policy));
}

void comparison_clauses(const struct comparison *comparison, const struct trace_row *row,
			unsigned j, char text[RENDER_CLAUSES_SIZE])
{
	render_clauses(row->verdicts[j].reason,
		       sekisho_policy_semantics(comparison->judges[j].policy), text);
}

const struct comparison_packet *comparison_opener(const struct comparison *comparison,
						  const struct trace_row *row, unsigned j)
{
	uint64_t number = row->verdicts[j].opened_by;

	return number == 0 || number >= row->number || number > comparison->packet_count
		       ? NULL
		       : &comparison->packets[number - 1];
}

void comparison_behind(FILE *to, const struct comparison *comparison, const struct trace_row *row,
		       unsigned j)
{
	const struct sekisho_verdict *verdict = &row->verdicts[j];
	const struct comparison_packet *opener = comparison_opener(comparison, row, j);
	const char *rule = sekisho_rule_name(comparison->judges[j].names, verdict->rule);
	const char *bound = sekisho_bound_word(verdict->bound);
	struct sekisho_rule_origin origin = {0};
	char before[RENDER_TIME_SIZE];

	if (opener) {
		render_time(row->time_us - opener->time_us, before, sizeof(before));
		fprintf(to, "opened by packet %" PRIu64 ", %s, %s s before%s", verdict->opened_by,
			sekisho_direction_word(opener->direction), before, rule ? ", under " : "");
	}
	if (rule) {
		fprintf(to, "rule %s", rule);
		if (sekisho_policy_rule_origin(comparison->judges[j].policy, verdict->rule,
					       &origin) &&
		    origin.file)
			fprintf(to, " (%s:%" PRIu32 ")", origin.file, origin.line);
	}
	if (bound)
		fprintf(to, "%sbound %s", opener || rule ? ", " : "", bound);
}
