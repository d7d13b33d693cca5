/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc_shadow.c: where the shadow policy would decide otherwise, with both explanations.
 *
 * All is counted since the start. Who wants rates asks twice: `time_ms` is the daemon's clock.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "control.h"
#include "counters.h"

/* The pairs of all workers, those of the same reasons together. */
struct pairs {
	struct shadow_pair pair[SEKISHO_REASON_COUNT * 2];
	unsigned count;
};

/* Newest first, as many as one worker keeps. */
static void samples_merge(struct shadow_pair *to, const struct shadow_pair *from)
{
	struct shadow_sample merged[SHADOW_SAMPLES];
	unsigned count = 0, a = 0, b = 0;

	while (count < SHADOW_SAMPLES && (a < to->sample_count || b < from->sample_count)) {
		bool later = b == from->sample_count ||
			     (a < to->sample_count &&
			      (int32_t)(to->samples[a].at_ms - from->samples[b].at_ms) >= 0);

		merged[count++] = later ? to->samples[a++] : from->samples[b++];
	}
	for (unsigned i = 0; i < count; i++)
		to->samples[i] = merged[i];
	to->sample_count = count;
}

static void pairs_add(struct pairs *pairs, const struct shadow_pair *pair)
{
	unsigned i = 0;

	while (i < pairs->count && (pairs->pair[i].reasons[0] != pair->reasons[0] ||
				    pairs->pair[i].reasons[1] != pair->reasons[1]))
		i++;
	if (i == sizeof(pairs->pair) / sizeof(pairs->pair[0]))
		return;
	if (i == pairs->count) {
		pairs->pair[pairs->count++] = *pair;
		return;
	}
	pairs->pair[i].packets += pair->packets;
	samples_merge(&pairs->pair[i], pair);
}

/* The most frequent first. */
static int pair_compare(const void *left, const void *right)
{
	const struct shadow_pair *a = left, *b = right;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	if (a->reasons[0] != b->reasons[0])
		return a->reasons[0] - b->reasons[0];
	return a->reasons[1] - b->reasons[1];
}

static void pairs_read(struct pairs *pairs, const struct daemon *daemon, struct shadow_counts *sum)
{
	struct shadow_counts counts;
	struct shadow_pair pair;

	for (unsigned w = 0; w < daemon->worker_count; w++) {
		const struct shadow *shadow = trial_shadow(daemon, w);

		shadow_counts_read(shadow, &counts);
		sum->packets += counts.packets;
		sum->differ += counts.differ;
		sum->uncompared += counts.uncompared;
		for (unsigned i = 0; i < SHADOW_PAIRS && shadow_pair_read(shadow, i, &pair); i++)
			pairs_add(pairs, &pair);
	}
	qsort(pairs->pair, pairs->count, sizeof(pairs->pair[0]), pair_compare);
}

/* ---- as JSON ---------------------------------------------------------------------------------- */

/* The packet, as `sekisho explain` takes it. */
static void tuple_text(const struct sekisho_tuple *tuple, char *text, size_t size)
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {{IPPROTO_TCP, "tcp"},
		     {IPPROTO_UDP, "udp"},
		     {IPPROTO_ICMP, "icmp"},
		     {IPPROTO_ICMPV6, "icmpv6"},
		     {IPPROTO_ESP, "esp"}};
	char protocol[16], from[INET6_ADDRSTRLEN] = "?", to[INET6_ADDRSTRLEN] = "?";
	bool six = tuple->family == SEKISHO_IPV6;

	if (tuple->family == 0) {
		snprintf(text, size, "ether-0x%04x", tuple->ether_type);
		return;
	}
	snprintf(protocol, sizeof(protocol), "proto-%u", tuple->protocol);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == tuple->protocol)
			snprintf(protocol, sizeof(protocol), "%s", names[i].name);
	inet_ntop(six ? AF_INET6 : AF_INET, tuple->source, from, sizeof(from));
	inet_ntop(six ? AF_INET6 : AF_INET, tuple->destination, to, sizeof(to));
	if (tuple->has_ports)
		snprintf(text, size, six ? "%s [%s]:%u > [%s]:%u" : "%s %s:%u > %s:%u", protocol,
			 from, tuple->source_port, to, tuple->destination_port);
	else if (tuple->has_icmp)
		snprintf(text, size, "%s %s > %s type=%u code=%u", protocol, from, to,
			 tuple->icmp_type, tuple->icmp_code);
	else
		snprintf(text, size, "%s %s > %s%s", protocol, from, to,
			 tuple->is_fragment ? " fragment" : "");
}

/* What one side says of a packet: words, and the rule with its place. */
static json_t *side_json(const struct daemon *daemon, unsigned who,
			 const struct sekisho_verdict *verdict)
{
	struct sekisho_rule_origin origin = {0};
	bool beside = who == SHADOW_BESIDE, found;
	const char *rule = sekisho_rule_name(beside ? trial_policy(daemon)->names : daemon->names,
					     verdict->rule);
	json_t *json =
		json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:n,s:n}", "verdict",
			  verdict->action == SEKISHO_PASS ? "pass" : "drop", "reason",
			  sekisho_reason_word(verdict->reason), "sentence",
			  sekisho_reason_sentence(verdict->reason), "admitted_by",
			  sekisho_admitted_by_word(sekisho_reason_admitted_by(verdict->reason)),
			  "rule", rule, "file", "line");

	if (json == NULL || rule == NULL)
		return json;
	found = beside ? sekisho_policy_rule_origin(trial_policy(daemon)->policy, verdict->rule,
						    &origin)
		       : counters_rule_origin(daemon, verdict->rule, &origin);
	if (found)
		json_object_update_new(json, json_pack("{s:s?,s:I}", "file", origin.file, "line",
						       (json_int_t)origin.line));
	return json;
}

static json_t *sample_json(const struct daemon *daemon, const struct shadow_sample *sample)
{
	/* A worker's clock may be a burst ahead of the one read here. */
	int32_t age_ms = (int32_t)(daemon_now_ms(daemon) - sample->at_ms);
	char text[160];

	tuple_text(&sample->tuple, text, sizeof(text));
	return json_pack(
		"{s:I,s:s,s:s,s:s,s:o,s:o}", "age_ms", (json_int_t)(age_ms < 0 ? 0 : age_ms),
		"edge", daemon->edges[sample->zone].name, "direction",
		sekisho_direction_word(sample->direction), "flow", text, "enforced",
		side_json(daemon, SHADOW_ENFORCED, &sample->verdicts[SHADOW_ENFORCED]), "shadow",
		side_json(daemon, SHADOW_BESIDE, &sample->verdicts[SHADOW_BESIDE]));
}

static json_t *pair_json(const struct daemon *daemon, const struct shadow_pair *pair)
{
	json_t *samples = json_array();

	for (unsigned i = 0; i < pair->sample_count; i++)
		json_array_append_new(samples, sample_json(daemon, &pair->samples[i]));
	return json_pack("{s:s,s:s,s:s,s:I,s:o}", "verdict",
			 sekisho_reason_action(pair->reasons[SHADOW_BESIDE]) == SEKISHO_PASS
				 ? "shadow passes"
				 : "shadow drops",
			 "enforced", sekisho_reason_word(pair->reasons[SHADOW_ENFORCED]), "shadow",
			 sekisho_reason_word(pair->reasons[SHADOW_BESIDE]), "packets",
			 (json_int_t)pair->packets, "samples", samples);
}

void rpc_shadow_get(struct rpc_call *call)
{
	const struct daemon *daemon = call->control->daemon;
	const struct shadow_policy *policy = trial_policy(daemon);
	struct shadow_counts sum = {0};
	struct pairs *pairs;
	json_t *list;

	if (policy == NULL) {
		call->result = json_pack("{s:n}", "policy");
		return;
	}
	pairs = calloc(1, sizeof(*pairs));
	if (pairs == NULL) {
		rpc_fail(call, RPC_INTERNAL, "no memory");
		return;
	}
	pairs_read(pairs, daemon, &sum);
	list = json_array();
	for (unsigned i = 0; i < pairs->count; i++)
		json_array_append_new(list, pair_json(daemon, &pairs->pair[i]));
	call->result = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "policy",
				 config_policy_name(policy->config), "semantics",
				 sekisho_semantics_word(sekisho_policy_semantics(policy->policy)),
				 "time_ms", (json_int_t)clock_ms(), "since_ms",
				 (json_int_t)(clock_ms() - policy->since_ms), "packets",
				 (json_int_t)sum.packets, "differ", (json_int_t)sum.differ,
				 "uncompared", (json_int_t)sum.uncompared, "pairs", list);
	free(pairs);
}
