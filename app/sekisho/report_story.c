/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report_story.c: what differs, why, and how much, in plain words. Each sentence is worked out from
 * the comparison: none is written for a case.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "packet_words.h"
#include "render.h"
#include "report.h"

#define CAUSES_TOLD 6

static void count(FILE *to, uint64_t number, const char *noun)
{
	html_number(to, number);
	fprintf(to, " %s%s", noun, number == 1 ? "" : "s");
}

static void policy_name(const struct report *report, FILE *to, unsigned j)
{
	fprintf(to, "<span class=\"%c\">%c</span> (<bdi>", "ab"[j], "ab"[j]);
	html_text(to, report->comparison->policies[j]);
	fprintf(to, "</bdi>, %s)", comparison_semantics(report->comparison, j));
}

static void flow_name(FILE *to, const struct trace_row *row)
{
	char flow[RENDER_TUPLE_SIZE];

	render_tuple(&row->tuple, flow, sizeof(flow));
	fputs("<bdi>", to);
	html_text(to, flow);
	fputs("</bdi>", to);
}

static void seconds(FILE *to, int64_t time_us)
{
	char text[RENDER_TIME_SIZE];

	render_time(time_us, text, sizeof(text));
	fprintf(to, "%s s", text);
}

/* ---- how much --------------------------------------------------------------------------------- */

static void tell_alike(const struct report *report, FILE *to)
{
	const struct comparison *comparison = report->comparison;
	uint64_t passed = 0;

	for (size_t i = 0; i < comparison->packet_count; i++)
		passed += comparison->packets[i].passed[0];
	fputs("<h1>The two policies judge every packet alike</h1>\n<p class=\"lead\">", to);
	policy_name(report, to, 0);
	fputs(" and ", to);
	policy_name(report, to, 1);
	fputs(" were shown the same ", to);
	count(to, comparison->packet_count, "packet");
	fputs(". Both pass ", to);
	html_number(to, passed);
	fputs(" and drop ", to);
	html_number(to, comparison->packet_count - passed);
	fputs(", the same ones.</p>\n<p>That says nothing of packets that are not in the capture: "
	      "<code>sekisho compare --witness</code> looks for those.</p>\n",
	      to);
}

static void tell_how_much(const struct report *report, FILE *to)
{
	const struct comparison *comparison = report->comparison;
	uint64_t differ = comparison_differ(comparison);

	fputs("<h1>", to);
	count(to, differ, "packet");
	fprintf(to, " of ");
	html_number(to, comparison->packet_count);
	fprintf(to, " %s judged differently</h1>\n<p class=\"lead\">", differ == 1 ? "is" : "are");
	policy_name(report, to, 0);
	fputs(" and ", to);
	policy_name(report, to, 1);
	fputs(" were shown the same packets. ", to);
	for (unsigned j = 0; j < 2; j++) {
		if (comparison->passed_by[j] == 0)
			continue;
		fprintf(to, "Policy <span class=\"%c\">%c</span> passes ", "ab"[j], "ab"[j]);
		count(to, comparison->passed_by[j], "packet");
		fprintf(to, " that <span class=\"%c\">%c</span> drops. ", "ab"[!j], "ab"[!j]);
	}
	fputs("They belong to ", to);
	count(to, comparison->flows.count, "flow");
	fputs(".</p>\n", to);
	if (comparison->in_both) {
		fputs("<p>", to);
		count(to, comparison->in_both, "packet");
		fputs(" were in both captures and are judged once, where they were seen "
		      "first.</p>\n",
		      to);
	}
}

/* ---- why -------------------------------------------------------------------------------------- */

/*
 * What judge j would say of the packet if there were no flow: the engine is asked again, with nothing in
 * its table. SEKISHO_REASON_COUNT if that cannot be told.
 */
static unsigned reason_alone(const struct report *report, const struct trace_row *row, unsigned j)
{
	const struct trace_judge *judge = &report->comparison->judges[j];
	struct sekisho_engine_config config = {.flows = 64, .zones = 1, .names = judge->names};
	struct packet_words_error error;
	struct sekisho_verdict verdict = {.reason = SEKISHO_REASON_COUNT};
	struct sekisho_engine *engine;
	struct sekisho_frame frame = {.direction = row->directions[j]};
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	char flow[RENDER_TUPLE_SIZE], message[128];

	render_tuple(&row->tuple, flow, sizeof(flow));
	frame.captured = frame.length = packet_words_frame(flow, NULL, bytes, &error);
	frame.data = bytes;
	engine = frame.length ? sekisho_engine_create(&config, message, sizeof(message)) : NULL;
	if (!engine)
		return SEKISHO_REASON_COUNT;
	sekisho_engine_set_policy(engine, 0, judge->policy);
	sekisho_engine_burst(engine, 0, &frame, 1, &verdict);
	sekisho_engine_destroy(engine);
	return verdict.reason;
}

/* Why a packet fits the flow of one that went the other way. */
static void tell_fit(const struct trace_row *row, FILE *to)
{
	const struct sekisho_tuple *tuple = &row->tuple;

	if (tuple->has_ports && tuple->source_port == tuple->destination_port)
		fprintf(to,
			" Both ports are %u, at either end. So a packet that the peer sends of its "
			"own accord has exactly the addresses and ports of an answer: to a filter "
			"that looks at those only, the two are the same.",
			tuple->source_port);
	else if (!tuple->has_ports && !tuple->has_icmp && tuple->family)
		fputs(" This protocol has no ports. So every packet of it between the two "
		      "addresses "
		      "looks like an answer to one that went the other way.",
		      to);
}

/* A packet that passed because of another one. */
static void tell_flow(const struct report *report, const struct trace_row *row, unsigned j,
		      FILE *to)
{
	const struct sekisho_verdict *verdict = &row->verdicts[j];
	const struct comparison_packet *opener = comparison_opener(report->comparison, row, j);
	const char *side = row->directions[j] == SEKISHO_INGRESS ? "inbound" : "outbound";
	unsigned alone;

	if (!opener)
		return;
	alone = reason_alone(report, row, j);
	if (alone == SEKISHO_REASON_NO_RULE)
		fprintf(to, " No %s rule admits such a packet. It passes only because of ", side);
	else
		fputs(" It passes because of ", to);
	fprintf(to, "packet %" PRIu64 ", which %s ", verdict->opened_by,
		opener->direction == SEKISHO_EGRESS ? "went out" : "came in");
	seconds(to, row->time_us - opener->time_us);
	fputs(" before and opened a flow.", to);
	if (verdict->reason == SEKISHO_REASON_FLOW_ANSWER)
		tell_fit(row, to);
}

static void tell_side(const struct report *report, const struct trace_row *row, unsigned j,
		      FILE *to)
{
	const struct comparison *comparison = report->comparison;
	const struct sekisho_verdict *verdict = &row->verdicts[j];
	bool passes = verdict->action == SEKISHO_PASS;
	char clauses[RENDER_CLAUSES_SIZE];

	fprintf(to,
		"<div class=\"why side-%c\"><strong>Why <span class=\"%c\">%c</span> %s "
		"it.</strong> ",
		"ab"[j], "ab"[j], "ab"[j], passes ? "passes" : "drops");
	fprintf(to, "<code>%s</code>: ", sekisho_reason_word(verdict->reason));
	html_text(to, sekisho_reason_sentence(verdict->reason));
	comparison_clauses(comparison, row, j, clauses);
	fprintf(to, ". <span class=\"quiet\">Clause%s %s.</span>", strchr(clauses, ',') ? "s" : "",
		clauses);
	if (passes && sekisho_reason_admitted_by(verdict->reason) == SEKISHO_BY_FLOW)
		tell_flow(report, row, j, to);
	if (sekisho_rule_name(comparison->judges[j].names, verdict->rule) ||
	    comparison_opener(comparison, row, j) || sekisho_bound_word(verdict->bound)) {
		fputs(" <span class=\"quiet\"><bdi>", to);
		report_behind(to, comparison, row, j);
		fputs("</bdi></span>", to);
	}
	fputs("</div>\n", to);
}

static void tell_first(const struct report *report, const struct comparison_flow *flow, FILE *to)
{
	const struct trace_row *row = &flow->first;

	fprintf(to, "<p>Packet %" PRIu64 ", ", row->number);
	seconds(to, row->time_us);
	fprintf(to, " into the capture, %s: ",
		row->directions[0] == SEKISHO_INGRESS ? "coming in" : "going out");
	flow_name(to, row);
	fputs("</p>\n", to);
	for (unsigned j = 0; j < 2; j++)
		tell_side(report, row, j, to);
}

static int cause_order(const void *x, const void *y)
{
	const struct comparison_cause *a = *(const struct comparison_cause *const *)x;
	const struct comparison_cause *b = *(const struct comparison_cause *const *)y;

	return a->packets != b->packets ? (a->packets < b->packets ? 1 : -1)
	       : a->flow < b->flow      ? -1
					: a->flow > b->flow;
}

/* The causes in short, the ones of most packets first. */
static void tell_causes(const struct report *report, FILE *to)
{
	const struct keyed *causes = &report->comparison->causes;
	const struct comparison_cause **order = calloc(causes->count + 1, sizeof(*order));

	if (!order || causes->count < 2) {
		free(order);
		return;
	}
	for (size_t i = 0; i < causes->count; i++)
		order[i] = keyed_item(causes, i);
	qsort(order, causes->count, sizeof(*order), cause_order);
	fprintf(to, "<h3>In how many ways they differ: %zu</h3>\n<ul>\n", causes->count);
	for (size_t i = 0; i < causes->count && i < CAUSES_TOLD; i++) {
		const struct comparison_cause *cause = order[i];

		fputs("<li>", to);
		count(to, cause->packets, "packet");
		for (unsigned j = 0; j < 2; j++) {
			fprintf(to, "%s<span class=\"%c\">%c</span>: <code>%s</code>, ",
				j ? "; " : ": ", "ab"[j], "ab"[j],
				sekisho_reason_word(cause->pair.reason[j]));
			html_text(to, sekisho_reason_sentence(cause->pair.reason[j]));
		}
		fputs("</li>\n", to);
	}
	fputs("</ul>\n", to);
	if (causes->count > CAUSES_TOLD)
		fprintf(to, "<p class=\"quiet\">%zu more are in the table by reason.</p>\n",
			causes->count - CAUSES_TOLD);
	free(order);
}

/* What came after the first difference. */
static void tell_rest(const struct report *report, const struct comparison_flow *first, FILE *to)
{
	const struct comparison *comparison = report->comparison;
	const struct comparison_flow *second;

	if (comparison->flows.count < 2)
		return;
	second = keyed_item(&comparison->flows, 1);
	fputs("<p>", to);
	count(to, comparison->flows.count - 1, "other flow");
	fprintf(to, " differ%s later, from packet %" PRIu64 " on, ",
		comparison->flows.count == 2 ? "s" : "", second->first.number);
	seconds(to, second->first.time_us - first->first.time_us);
	fputs(" after this one. What one policy lets through, the other side may go on with, so "
	      "later differences often follow from the first.</p>\n",
	      to);
}

void report_story(const struct report *report, FILE *to)
{
	const struct comparison_flow *first;

	if (comparison_differ(report->comparison) == 0) {
		tell_alike(report, to);
		return;
	}
	first = keyed_item(&report->comparison->flows, 0);
	tell_how_much(report, to);
	fputs("<h2>Where it begins, and why</h2>\n", to);
	tell_first(report, first, to);
	tell_rest(report, first, to);
	tell_causes(report, to);
}
