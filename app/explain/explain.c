/* SPDX-License-Identifier: BSD-3-Clause */
/* explain.c: an explanation in words, phase by phase. */
#include "explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An explanation that is being put into words. */
struct telling {
	const struct explain_subject *subject;
	const struct sekisho_explanation *found;
	enum sekisho_phase decided; /* where */
	char text[1024];            /* of the phase that is told now */
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct telling *telling, const char *format,
						      ...)
{
	size_t room = sizeof(telling->text) - telling->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(telling->text + telling->used, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		telling->used += (size_t)length < room ? (size_t)length : room - 1;
}

static const char *other(unsigned direction)
{
	return sekisho_direction_word(!direction);
}

json_t *explain_place(const struct sekisho_policy *policy, uint32_t rule)
{
	struct sekisho_rule_origin origin;
	char text[1024];

	if (rule == SEKISHO_RULE_NONE || !sekisho_policy_rule_origin(policy, rule, &origin) ||
	    origin.file == NULL)
		return json_null();
	snprintf(text, sizeof(text), "%s:%u", origin.file, origin.line);
	return json_string(text);
}

/* "rule vpn/all-out (policy.yaml:14)". */
static void say_rule(struct telling *telling, uint32_t rule)
{
	const char *name = sekisho_rule_name(telling->subject->names, rule);
	struct sekisho_rule_origin origin;

	say(telling, "rule %s", name ? name : "of a former policy");
	if (sekisho_policy_rule_origin(telling->subject->policy, rule, &origin) && origin.file)
		say(telling, " (%s:%u)", origin.file, origin.line);
}

static void say_parse(struct telling *telling)
{
	const struct sekisho_explanation *found = telling->found;

	if (telling->decided == SEKISHO_PHASE_PARSE)
		say(telling, "%s", sekisho_reason_sentence(found->verdict.reason));
	else
		say(telling, "sound IPv%u", found->tuple.family);
}

/* Whether it goes as the first fragment of its datagram went, which has the ports. */
static bool follows(const struct sekisho_explanation *found)
{
	return found->tuple.is_fragment && found->datagram.decided &&
	       (found->verdict.action == SEKISHO_PASS ||
		found->verdict.reason == SEKISHO_REASON_FRAGMENT_REFUSED);
}

/* Whether it is of no live flow of its own, and what passes it is the IKE SA of its pair (STRICT-40). */
static bool follows_ike(const struct sekisho_explanation *found)
{
	enum sekisho_reason reason = found->verdict.reason;

	return found->met != SEKISHO_MET_LIVE && !found->tuple.is_fragment &&
	       (reason == SEKISHO_REASON_FLOW_ORIGINATOR || reason == SEKISHO_REASON_FLOW_ANSWER);
}

/* What is known of the rest of a fragment's datagram. */
static void say_datagram(struct telling *telling)
{
	const struct sekisho_datagram *datagram = &telling->found->datagram;

	if (datagram->pieces == 0) {
		say(telling, "; nothing is known of the rest of its datagram");
		return;
	}
	say(telling, "; of its datagram %u fragment%s", datagram->pieces,
	    datagram->pieces == 1 ? " has come" : "s have come");
	if (datagram->decided)
		say(telling, ", the first was judged %s", sekisho_reason_word(datagram->reason));
	else
		say(telling, ", the first not yet");
	say(telling, "; remembered for another %.1f s", datagram->expires_ms / 1000.0);
}

static void say_fragment(struct telling *telling)
{
	const struct sekisho_explanation *found = telling->found;

	if (!found->is_fragment && telling->decided != SEKISHO_PHASE_FRAGMENT) {
		say(telling, "a whole datagram");
		return;
	}
	if (follows(found))
		say(telling, "a later fragment, without ports, which goes the way of the first");
	else if (telling->decided == SEKISHO_PHASE_FRAGMENT)
		say(telling, "%s", sekisho_reason_sentence(found->verdict.reason));
	else
		say(telling, "the first fragment, judged as a whole packet would be");
	say_datagram(telling);
}

/* The flow's life: who opened it, by which packet, when, and how long it still lives. */
static void say_life(struct telling *telling)
{
	const struct sekisho_flow_info *flow = &telling->found->flow;
	bool first = true;

	say(telling, "%s",
	    telling->found->verdict.reason == SEKISHO_REASON_ICMP_RELATED
		    ? "it quotes a packet of a live flow"
		    : "a live flow");
	say(telling, ", %s", flow->state);
	for (unsigned i = 0; i < 2; i++) {
		unsigned side = i == 0 ? flow->opener : !flow->opener;

		if (!flow->opened[side])
			continue;
		say(telling, "%s opened by %s packet %llu", first ? "," : " and",
		    sekisho_direction_word(side), (unsigned long long)flow->opened_by[side]);
		if (first)
			say(telling, " %.1f s ago", flow->age_ms / 1000.0);
		say(telling, " under ");
		say_rule(telling, flow->rule[side]);
		first = false;
	}
	say(telling, "; it lives another %.1f s unless a packet refreshes it",
	    flow->expires_ms / 1000.0);
}

static void say_flow(struct telling *telling)
{
	const struct sekisho_explanation *found = telling->found;

	switch (found->met) {
	case SEKISHO_MET_NONE:
		say(telling, found->tuple.is_fragment ? "not asked: a later fragment has no ports"
						      : "no flow");
		break;
	case SEKISHO_MET_EXPIRED:
		say(telling, "a flow that has expired, which is none");
		break;
	case SEKISHO_MET_LIVE:
		say_life(telling);
		break;
	}
	if (follows_ike(found))
		say(telling, "; but an IKE SA of its address pair is alive, which speaks for ESP");
	if (telling->decided == SEKISHO_PHASE_FLOW && found->verdict.action == SEKISHO_DROP)
		say(telling, "; %s", sekisho_reason_sentence(found->verdict.reason));
}

static void say_proof(struct telling *telling)
{
	const struct sekisho_explanation *found = telling->found;
	enum sekisho_reason reason = found->verdict.reason;

	if (telling->decided == SEKISHO_PHASE_PROOF)
		say(telling, "%s", sekisho_reason_sentence(reason));
	else if (found->tuple.is_fragment)
		say(telling, "not asked: a later fragment shows none");
	else if (follows_ike(found))
		say(telling, "none is asked: by strict.esp it follows IKE");
	else if (reason == SEKISHO_REASON_FLOW_ORIGINATOR)
		say(telling, "none is asked: its own side opened the flow");
	else if (reason == SEKISHO_REASON_ICMP_RELATED)
		say(telling, "none is asked but that the packet which it quotes is one of the flow");
	else if (reason != SEKISHO_REASON_FLOW_ANSWER)
		say(telling, "not asked: it answers no flow");
	else if (telling->subject->spec->semantics == SEKISHO_STRICT)
		say(telling, "it is an answer to what the other side was admitted to send");
	else
		say(telling, "none is asked: whatever comes back on the flow's tuple is an answer");
}

static void say_rules(struct telling *telling)
{
	const struct sekisho_explanation *found = telling->found;
	unsigned direction = telling->subject->frame->direction & 1;
	enum sekisho_admitted_by by = sekisho_reason_admitted_by(found->verdict.reason);

	if (!found->sound) {
		say(telling, "not asked");
		return;
	}
	if (found->verdict.reason == SEKISHO_REASON_NEVER_FILTERED) {
		say(telling, "%s", sekisho_reason_sentence(found->verdict.reason));
		return;
	}
	if (found->tuple.is_fragment) {
		say(telling, "not asked: a later fragment has no ports");
		return;
	}
	if (by == SEKISHO_BY_FLOW)
		say(telling, "not asked, the %s is enough; they would say: ",
		    follows_ike(found) ? "IKE SA" : "flow");
	if (found->endpoint == 0)
		say(telling, "its inside address is no endpoint's, so no rule speaks of it");
	else if (found->rule == SEKISHO_RULE_NONE)
		say(telling, "no %s rule of endpoint %s admits it",
		    sekisho_direction_word(direction),
		    telling->subject->spec->endpoints[found->endpoint - 1].name);
	else {
		say_rule(telling, found->rule);
		say(telling, " admits it");
	}
	if (found->denied_by != SEKISHO_RULE_NONE) {
		say(telling, "; the network ACL denies it by ");
		say_rule(telling, found->denied_by);
	}
	if (found->verdict.reason == SEKISHO_REASON_RULE_UNTRACKED)
		say(telling, "; rules open both ways leave nothing to track");
}

static void say_limits(struct telling *telling)
{
	const struct sekisho_excerpt *excerpt = telling->subject->excerpt;
	const struct sekisho_explanation *found = telling->found;

	if (telling->decided == SEKISHO_PHASE_LIMITS)
		say(telling, "%s: ", sekisho_reason_sentence(found->verdict.reason));
	else if (!found->verdict.opened) {
		say(telling, "not asked: it opens no flow");
		return;
	}
	say(telling, "room for %u more of %u entries, %u half-open", excerpt->free_entries,
	    excerpt->capacity, excerpt->half_open);
}

static void say_verdict(struct telling *telling)
{
	const struct sekisho_verdict *verdict = &telling->found->verdict;

	say(telling, "%s, %s",
	    verdict->action == SEKISHO_DROP   ? "drop"
	    : verdict->action == SEKISHO_PASS ? "pass"
					      : "held",
	    sekisho_reason_word(verdict->reason));
	if (follows(telling->found))
		say(telling, ": as the first fragment of its datagram");
	else if (verdict->reason == SEKISHO_REASON_FLOW_ANSWER &&
		 telling->found->rule == SEKISHO_RULE_NONE) {
		const struct sekisho_flow_info *flow = &telling->found->flow;
		unsigned direction = telling->subject->frame->direction & 1;

		say(telling, ": open only because of the %s packet %llu under ", other(direction),
		    (unsigned long long)verdict->opened_by);
		say_rule(telling, verdict->rule);
		if (follows_ike(telling->found))
			say(telling, ", which made the IKE SA, while that is alive");
		else
			say(telling, ", until %.1f s from now", flow->expires_ms / 1000.0);
	}
}

static void (*const sayings[SEKISHO_PHASE_COUNT])(struct telling *) = {
	[SEKISHO_PHASE_PARSE] = say_parse,     [SEKISHO_PHASE_FRAGMENT] = say_fragment,
	[SEKISHO_PHASE_FLOW] = say_flow,       [SEKISHO_PHASE_PROOF] = say_proof,
	[SEKISHO_PHASE_RULES] = say_rules,     [SEKISHO_PHASE_LIMITS] = say_limits,
	[SEKISHO_PHASE_VERDICT] = say_verdict,
};

/* What a packet that is no sound one comes to. */
static bool is_reached(const struct telling *telling, enum sekisho_phase phase)
{
	return telling->found->sound || phase == SEKISHO_PHASE_PARSE ||
	       phase == SEKISHO_PHASE_VERDICT;
}

static json_t *phases_json(struct telling *telling)
{
	json_t *array = json_array();

	for (unsigned phase = 0; phase < SEKISHO_PHASE_COUNT; phase++) {
		telling->used = 0;
		telling->text[0] = '\0';
		if (is_reached(telling, phase))
			sayings[phase](telling);
		else
			say(telling, "not reached");
		json_array_append_new(
			array, json_pack("{s:s,s:s,s:s,s:b}", "phase", sekisho_phase_word(phase),
					 "asks", sekisho_phase_question(phase), "outcome",
					 telling->text, "decides", phase == telling->decided));
	}
	return array;
}

json_t *explain_clauses(enum sekisho_reason reason, enum sekisho_semantics semantics)
{
	const char *ours = semantics == SEKISHO_STRICT ? "STRICT" : "AWS";
	const char *clauses = sekisho_reason_clauses(reason);
	bool all = strstr(clauses, ours) == NULL;
	json_t *array = json_array();

	while (*clauses != '\0') {
		size_t length = strcspn(clauses, ",");

		if (all || strncmp(clauses, ours, strlen(ours)) == 0)
			json_array_append_new(array, json_stringn(clauses, length));
		clauses += length;
		clauses += strspn(clauses, ", ");
	}
	return array;
}

static json_t *opening_json(const struct telling *telling, unsigned side)
{
	const struct sekisho_flow_info *flow = &telling->found->flow;
	const char *rule = sekisho_rule_name(telling->subject->names, flow->rule[side]);

	if (!flow->opened[side])
		return json_null();
	return json_pack("{s:I,s:s?,s:o}", "packet", (json_int_t)flow->opened_by[side], "rule",
			 rule, "at", explain_place(telling->subject->policy, flow->rule[side]));
}

static json_t *flow_json(const struct telling *telling)
{
	const struct sekisho_flow_info *flow = &telling->found->flow;

	if (telling->found->met == SEKISHO_MET_NONE)
		return json_null();
	return json_pack(
		"{s:s,s:b,s:s,s:{s:o,s:o},s:I,s:I}", "state", flow->state, "live",
		telling->found->met == SEKISHO_MET_LIVE, "opener",
		sekisho_direction_word(flow->opener), "opened_by",
		sekisho_direction_word(SEKISHO_EGRESS), opening_json(telling, SEKISHO_EGRESS),
		sekisho_direction_word(SEKISHO_INGRESS), opening_json(telling, SEKISHO_INGRESS),
		"age_ms", (json_int_t)flow->age_ms, "expires_ms",
		telling->found->met == SEKISHO_MET_LIVE ? (json_int_t)flow->expires_ms : 0);
}

json_t *explain(const struct explain_subject *subject)
{
	struct sekisho_explanation found;
	const struct sekisho_verdict *verdict = &found.verdict;
	struct telling telling = {.subject = subject, .found = &found};
	json_t *would_change = json_array(), *whole;

	if (would_change == NULL || !sekisho_explain(subject->policy, subject->names,
						     subject->frame, subject->excerpt, &found)) {
		json_decref(would_change);
		return NULL;
	}
	telling.decided =
		follows(&found) ? SEKISHO_PHASE_FRAGMENT : sekisho_reason_phase(verdict->reason);
	what_if_append(subject, &found, would_change);
	whole = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s?,s:s?,s:o,s:I,s:o,s:s,s:o,s:o,s:o}",
			  "direction", sekisho_direction_word(subject->frame->direction & 1),
			  "semantics", sekisho_semantics_word(subject->spec->semantics), "verdict",
			  verdict->action == SEKISHO_DROP   ? "drop"
			  : verdict->action == SEKISHO_PASS ? "pass"
							    : "hold",
			  "reason", sekisho_reason_word(verdict->reason), "because",
			  sekisho_reason_sentence(verdict->reason), "admitted_by",
			  sekisho_admitted_by_word(sekisho_reason_admitted_by(verdict->reason)),
			  "rule", sekisho_rule_name(subject->names, verdict->rule), "at",
			  explain_place(subject->policy, verdict->rule), "opened_by",
			  (json_int_t)verdict->opened_by, "clauses",
			  explain_clauses(verdict->reason, subject->spec->semantics), "phase",
			  sekisho_phase_word(telling.decided), "phases", phases_json(&telling),
			  "flow", flow_json(&telling), "would_change", would_change);
	return whole;
}
