/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report_tables.c: what differs by reason, by rule and by flow, and what the reasons' words mean.
 * Tables are cut at a number of rows; the row after the last says how many are left out.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "render.h"
#include "report.h"

#define REASON_ROWS 40
#define RULE_ROWS   40
#define FLOW_ROWS   1000

/* ---- by reason -------------------------------------------------------------------------------- */

/* Packets of a pair of reasons, whatever the rules. */
struct reason_sum {
	uint32_t reason[2];
	uint64_t packets, flows;
};

static int reason_order(const void *x, const void *y)
{
	const struct reason_sum *a = x, *b = y;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	return memcmp(a->reason, b->reason, sizeof(a->reason));
}

static void reason_row(FILE *to, const struct reason_sum *sum, uint64_t differ)
{
	unsigned passes = sekisho_reason_action(sum->reason[1]) == SEKISHO_PASS;

	fprintf(to, "<tr><th scope=\"row\">only <span class=\"%c\">%c</span> passes</th>",
		"ab"[passes], "ab"[passes]);
	for (unsigned j = 0; j < 2; j++)
		fprintf(to, "<td data-label=\"%c\"><code>%s</code></td>", "ab"[j],
			sekisho_reason_word(sum->reason[j]));
	fputs("<td class=\"n\" data-label=\"packets\">", to);
	html_number(to, sum->packets);
	fputs("</td><td class=\"n\" data-label=\"flows that begin so\">", to);
	html_number(to, sum->flows);
	fputs("</td><td class=\"bar\">", to);
	report_bar(to, passes ? "fb" : "fa", sum->packets, differ);
	fputs("</td></tr>\n", to);
}

static void left_out(FILE *to, size_t count, size_t shown)
{
	if (count > shown)
		fprintf(to, "<p class=\"quiet\">%zu more rows are left out.</p>\n", count - shown);
}

bool report_reasons(const struct report *report, FILE *to)
{
	const struct keyed *causes = &report->comparison->causes;
	struct keyed sums = {.key_size = 2 * sizeof(uint32_t),
			     .item_size = sizeof(struct reason_sum)};
	uint64_t differ = comparison_differ(report->comparison);

	for (size_t i = 0; i < causes->count; i++) {
		const struct comparison_cause *cause = keyed_item(causes, i);
		bool is_new;
		struct reason_sum *sum = keyed_take(&sums, cause->pair.reason, &is_new);

		if (!sum) {
			keyed_fini(&sums);
			return false;
		}
		sum->packets += cause->packets;
		sum->flows += cause->flows;
	}
	qsort(sums.items, sums.count, sums.item_size, reason_order);
	fputs("<h2>By reason</h2>\n<table class=\"charts\"><thead><tr><th scope=\"col\">who</th>"
	      "<th scope=\"col\">a</th><th scope=\"col\">b</th><th scope=\"col\" "
	      "class=\"n\">packets"
	      "</th><th scope=\"col\" class=\"n\">flows that begin so</th><th "
	      "scope=\"col\">share</th>"
	      "</tr></thead><tbody>\n",
	      to);
	for (size_t i = 0; i < sums.count && i < REASON_ROWS; i++)
		reason_row(to, keyed_item(&sums, i), differ);
	fputs("</tbody></table>\n", to);
	left_out(to, sums.count, REASON_ROWS);
	keyed_fini(&sums);
	return true;
}

/* ---- by rule ---------------------------------------------------------------------------------- */

/* Packets that only one policy passes, by the rule in it that is behind it. */
struct rule_sum {
	uint32_t judge, rule;
	uint64_t packets;
};

static int rule_order(const void *x, const void *y)
{
	const struct rule_sum *a = x, *b = y;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	return a->judge != b->judge ? (int)a->judge - (int)b->judge
				    : (a->rule > b->rule) - (a->rule < b->rule);
}

static void rule_row(const struct report *report, FILE *to, const struct rule_sum *sum)
{
	const struct trace_judge *judge = &report->comparison->judges[sum->judge];
	const char *name = sekisho_rule_name(judge->names, sum->rule);
	struct sekisho_rule_origin origin = {0};

	fputs("<tr><th scope=\"row\"><bdi>", to);
	html_text(to, name ? name : "no rule");
	fprintf(to, "</bdi></th><td>of <span class=\"%c\">%c</span>", "ab"[sum->judge],
		"ab"[sum->judge]);
	if (sekisho_policy_rule_origin(judge->policy, sum->rule, &origin) && origin.file) {
		fputs(", <bdi>", to);
		html_textf(to, "%s:%" PRIu32, origin.file, origin.line);
		fprintf(to, "</bdi>, %s", sekisho_direction_word(origin.direction));
	}
	fputs("</td><td class=\"n\" data-label=\"packets\">", to);
	html_number(to, sum->packets);
	fputs("</td><td class=\"bar\">", to);
	report_bar(to, sum->judge ? "fb" : "fa", sum->packets,
		   comparison_differ(report->comparison));
	fputs("</td></tr>\n", to);
}

bool report_rules(const struct report *report, FILE *to)
{
	const struct keyed *causes = &report->comparison->causes;
	struct keyed sums = {.key_size = 2 * sizeof(uint32_t),
			     .item_size = sizeof(struct rule_sum)};

	for (size_t i = 0; i < causes->count; i++) {
		const struct comparison_cause *cause = keyed_item(causes, i);
		uint32_t judge = sekisho_reason_action(cause->pair.reason[1]) == SEKISHO_PASS;
		uint32_t key[2] = {judge, cause->pair.rule[judge]};
		bool is_new;
		struct rule_sum *sum = keyed_take(&sums, key, &is_new);

		if (!sum) {
			keyed_fini(&sums);
			return false;
		}
		sum->packets += cause->packets;
	}
	qsort(sums.items, sums.count, sums.item_size, rule_order);
	fputs("<h2>By rule</h2>\n<p class=\"quiet\">The rule that admits what only one policy "
	      "passes, "
	      "or that admitted the packet which opened the flow.</p>\n<table "
	      "class=\"charts\"><thead>"
	      "<tr><th scope=\"col\">rule</th><th scope=\"col\">where</th>"
	      "<th scope=\"col\" class=\"n\">packets</th><th scope=\"col\">share</th></tr></thead>"
	      "<tbody>\n",
	      to);
	for (size_t i = 0; i < sums.count && i < RULE_ROWS; i++)
		rule_row(report, to, keyed_item(&sums, i));
	fputs("</tbody></table>\n", to);
	left_out(to, sums.count, RULE_ROWS);
	keyed_fini(&sums);
	return true;
}

/* ---- by flow ---------------------------------------------------------------------------------- */

static void side_cell(const struct report *report, FILE *to, const struct trace_row *row,
		      unsigned j)
{
	const struct sekisho_verdict *verdict = &row->verdicts[j];

	fprintf(to, "<td data-label=\"%c\">%s, <code>%s</code><br><span class=\"quiet\"><bdi>",
		"ab"[j], verdict -> action == SEKISHO_PASS ? "passes" : "drops",
		sekisho_reason_word(verdict->reason));
	report_behind(to, report->comparison, row, j);
	fputs("</bdi></span></td>", to);
}

static void flow_row(const struct report *report, FILE *to, size_t index)
{
	const struct comparison_flow *flow = keyed_item(&report->comparison->flows, index);
	char text[RENDER_TUPLE_SIZE], time[RENDER_TIME_SIZE];

	render_tuple(&flow->first.tuple, text, sizeof(text));
	render_time(flow->first.time_us, time, sizeof(time));
	fputs("<tr><th scope=\"row\"><bdi>", to);
	html_text(to, text);
	fprintf(to,
		"</bdi></th><td data-label=\"first difference\">packet %" PRIu64
		" at %s s, %s</td>",
		flow->first.number, time, sekisho_direction_word(flow->first.directions[0]));
	side_cell(report, to, &flow->first, 0);
	side_cell(report, to, &flow->first, 1);
	fprintf(to,
		"<td class=\"n\" data-label=\"only a passes\">%" PRIu64
		"</td><td class=\"n\" data-label=\"only b passes\">%" PRIu64 "</td></tr>\n",
		flow->passed_by[0], flow->passed_by[1]);
}

void report_flows(const struct report *report, FILE *to)
{
	size_t count = report->comparison->flows.count;

	fputs("<h2>Flows</h2>\n<div id=\"filter\" hidden><label>Show the flows that have all these "
	      "words <input type=\"search\" autocomplete=\"off\" placeholder=\"udp 500 "
	      "no-proof-ike\">"
	      "</label></div>\n<p id=\"said\" class=\"quiet\" aria-live=\"polite\">",
	      to);
	fprintf(to, "%zu flow%s", count, count == 1 ? "" : "s");
	if (count > FLOW_ROWS)
		fprintf(to,
			"; the first %d are in the table, %zu are left out: "
			"<code>sekisho compare -o json</code> has them all",
			FLOW_ROWS, count - FLOW_ROWS);
	fputs("</p>\n<table class=\"flows\" id=\"flows\"><caption>The first difference of each "
	      "flow, "
	      "and how many packets of it differ</caption><thead><tr><th scope=\"col\">flow</th>"
	      "<th scope=\"col\">first difference</th><th scope=\"col\">a</th>"
	      "<th scope=\"col\">b</th><th scope=\"col\" class=\"n\">only a</th>"
	      "<th scope=\"col\" class=\"n\">only b</th></tr></thead><tbody>\n",
	      to);
	for (size_t i = 0; i < count && i < FLOW_ROWS; i++)
		flow_row(report, to, i);
	fputs("</tbody></table>\n", to);
}

/* ---- words ------------------------------------------------------------------------------------ */

void report_glossary(const struct report *report, FILE *to)
{
	const struct keyed *causes = &report->comparison->causes;
	bool used[SEKISHO_REASON_COUNT] = {false};

	for (size_t i = 0; i < causes->count; i++) {
		const struct comparison_cause *cause = keyed_item(causes, i);

		used[cause->pair.reason[0]] = used[cause->pair.reason[1]] = true;
	}
	fputs("<h2>What the reasons mean</h2>\n<dl>\n", to);
	for (unsigned reason = 0; reason < SEKISHO_REASON_COUNT; reason++) {
		if (!used[reason])
			continue;
		fprintf(to, "<dt><code>%s</code> (%s)</dt><dd>", sekisho_reason_word(reason),
			sekisho_reason_action(reason) == SEKISHO_PASS ? "pass" : "drop");
		html_text(to, sekisho_reason_sentence(reason));
		fputs("</dd>\n", to);
	}
	fputs("</dl>\n", to);
}
