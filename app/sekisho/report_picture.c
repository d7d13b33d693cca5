/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report_picture.c: when it happened: all packets over time, those that differ, and the first flows
 * on a lane each. Pictures hold shapes only and may be stretched; words and numbers stand beside them
 * as text. Time is cut into bins, so that a picture's size does not depend on the capture's.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "html.h"
#include "render.h"
#include "report.h"

#define BINS      240
#define LANES     12
#define LANE_BINS 480

struct span {
	int64_t from, to;
};

/* What happened in a bin. */
struct bin {
	uint64_t alike, only[2];
};

static struct span span_of(const struct comparison *comparison)
{
	struct span span = {comparison->packets[0].time_us, comparison->packets[0].time_us};

	for (size_t i = 1; i < comparison->packet_count; i++) {
		int64_t time = comparison->packets[i].time_us;

		span.from = time < span.from ? time : span.from;
		span.to = time > span.to ? time : span.to;
	}
	return span;
}

/* Where a time is, in 0..bins-1. */
static unsigned bin_of(const struct span *span, int64_t time, unsigned bins)
{
	double length = (double)(span->to - span->from);

	if (length <= 0)
		return bins / 2;
	return (unsigned)((double)(time - span->from) / length * (bins - 1) + 0.5);
}

static void axis(const struct span *span, FILE *to)
{
	char first[RENDER_TIME_SIZE], last[RENDER_TIME_SIZE];

	render_time(span->from, first, sizeof(first));
	render_time(span->to, last, sizeof(last));
	fprintf(to, "<div class=\"axis\"><span>%s s</span><span>%s s</span></div>\n", first, last);
}

static void key_item(FILE *to, const char *shape, const char *text)
{
	fprintf(to, "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">%s</svg>%s</li>", shape,
		text);
}

/* ---- over time -------------------------------------------------------------------------------- */

static void bar_up(FILE *to, unsigned bin, const char *fill, double from, double height)
{
	if (height > 0)
		fprintf(to, "<rect class=\"%s\" x=\"%u\" y=\"%.2f\" width=\"4\" height=\"%.2f\"/>",
			fill, bin * 4, from, height);
}

/* Above the line what only a passes, below what only b passes; or all that is alike. */
static void strip(FILE *to, const struct bin *bins, bool differ, const char *label)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < BINS; i++) {
		most = differ && bins[i].only[0] > most ? bins[i].only[0] : most;
		most = differ && bins[i].only[1] > most ? bins[i].only[1] : most;
		most = !differ && bins[i].alike > most ? bins[i].alike : most;
	}
	fprintf(to,
		"<h3>%s</h3>\n<svg class=\"strip\" viewBox=\"0 0 %u 60\" "
		"preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s over time\">",
		label, BINS * 4, label);
	for (unsigned i = 0; i < BINS; i++) {
		double up = 28.0 * (double)bins[i].only[0] / (double)most;
		double down = 28.0 * (double)bins[i].only[1] / (double)most;
		double all = 58.0 * (double)bins[i].alike / (double)most;

		/* what is there is to be seen */
		if (differ) {
			bar_up(to, i, "fa", 30 - (up > 0 && up < 3 ? 3 : up),
			       up > 0 && up < 3 ? 3 : up);
			bar_up(to, i, "fb", 30, down > 0 && down < 3 ? 3 : down);
		} else {
			bar_up(to, i, "fr", 60 - (all > 0 && all < 3 ? 3 : all),
			       all > 0 && all < 3 ? 3 : all);
		}
	}
	if (differ)
		fprintf(to,
			"<path class=\"sl\" d=\"M0 30H%u\" vector-effect=\"non-scaling-stroke\"/>",
			BINS * 4);
	fprintf(to, "</svg>\n<p class=\"quiet\">highest: ");
	html_number(to, most);
	fprintf(to, " packet%s in 1/%u of the time</p>\n", most == 1 ? "" : "s", BINS);
}

/* ---- lanes ------------------------------------------------------------------------------------ */

#define LANE_UP   1
#define LANE_DOWN 2

static void ticks(FILE *to, const uint8_t *marks, uint8_t mark, const char *stroke,
		  const char *line)
{
	bool any = false;

	for (unsigned i = 0; i < LANE_BINS; i++) {
		if (!(marks[i] & mark))
			continue;
		fprintf(to,
			any ? ""
			    : "<path class=\"%s\" vector-effect=\"non-scaling-stroke\" "
			      "stroke-width=\"2\" d=\"",
			stroke);
		fprintf(to, "M%u %s", i * 2, line);
		any = true;
	}
	if (any)
		fputs("\"/>", to);
}

static void lane(const struct comparison *comparison, const struct span *span, size_t index,
		 const uint8_t *marks, FILE *to)
{
	const struct comparison_flow *flow = keyed_item(&comparison->flows, index);
	char text[RENDER_TUPLE_SIZE];

	render_tuple(&flow->first.tuple, text, sizeof(text));
	fprintf(to, "<h3>%zu. <bdi>", index + 1);
	html_text(to, text);
	fprintf(to,
		"</bdi></h3>\n<svg class=\"lane\" viewBox=\"0 0 %u 32\" "
		"preserveAspectRatio=\"none\" role=\"img\" aria-label=\"packets of flow %zu that "
		"differ, over time\"><path class=\"sl\" d=\"M0 16H%u\" "
		"vector-effect=\"non-scaling-stroke\"/>",
		LANE_BINS * 2, index + 1, LANE_BINS * 2);
	ticks(to, marks, LANE_UP, "sa", "16V3");
	ticks(to, marks, LANE_DOWN, "sb", "16V29");
	for (unsigned j = 0; j < 2; j++) {
		const struct comparison_packet *opener =
			comparison_opener(comparison, &flow->first, j);

		if (opener)
			fprintf(to,
				"<path class=\"so\" stroke-width=\"2\" stroke-dasharray=\"3 3\" "
				"vector-effect=\"non-scaling-stroke\" d=\"M%u 1V31\"/>",
				bin_of(span, opener->time_us, LANE_BINS) * 2);
	}
	fputs("</svg>\n", to);
}

static void lanes(const struct comparison *comparison, const struct span *span,
		  uint8_t (*marks)[LANE_BINS], FILE *to)
{
	size_t count = comparison->flows.count < LANES ? comparison->flows.count : LANES;

	for (size_t i = 0; i < count; i++)
		lane(comparison, span, i, marks[i], to);
	axis(span, to);
	if (comparison->flows.count > LANES)
		fprintf(to, "<p class=\"quiet\">The first %d flows of %zu are drawn.</p>\n", LANES,
			comparison->flows.count);
}

bool report_picture(const struct report *report, FILE *to)
{
	const struct comparison *comparison = report->comparison;
	struct span span = span_of(comparison);
	struct bin *bins = calloc(BINS, sizeof(*bins));
	uint8_t(*marks)[LANE_BINS] = calloc(LANES, sizeof(*marks));

	if (!bins || !marks) {
		free(bins);
		free(marks);
		return false;
	}
	for (size_t i = 0; i < comparison->packet_count; i++) {
		const struct comparison_packet *packet = &comparison->packets[i];
		struct bin *bin = &bins[bin_of(&span, packet->time_us, BINS)];

		if (packet->passed[0] == packet->passed[1]) {
			bin->alike++;
			continue;
		}
		bin->only[packet->passed[1]]++;
		if (packet->flow < LANES)
			marks[packet->flow][bin_of(&span, packet->time_us, LANE_BINS)] |=
				packet->passed[1] ? LANE_DOWN : LANE_UP;
	}
	fputs("<h2>When</h2>\n<ul class=\"key\">", to);
	key_item(to, "<path class=\"sa\" stroke-width=\"3\" d=\"M8 15V1\"/>",
		 "upwards: only a passes");
	key_item(to, "<path class=\"sb\" stroke-width=\"3\" d=\"M8 1V15\"/>",
		 "downwards: only b passes");
	key_item(to,
		 "<path class=\"so\" stroke-width=\"2\" stroke-dasharray=\"3 3\" d=\"M8 0V16\"/>",
		 "dashed: the packet that opened the flow");
	fputs("</ul>\n", to);
	strip(to, bins, true, "Packets that differ");
	strip(to, bins, false, "Packets judged alike");
	axis(&span, to);
	lanes(comparison, &span, marks, to);
	free(bins);
	free(marks);
	return true;
}
