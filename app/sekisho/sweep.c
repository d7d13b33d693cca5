/* SPDX-License-Identifier: BSD-3-Clause */
#include "sweep.h"

#include <inttypes.h>
#include <stdlib.h>

#include "html.h"

uint32_t sweep_delay(const struct scenario *scenario, size_t step)
{
	return scenario->sweep.from_ms + (uint32_t)step * scenario->sweep.step_ms;
}

/* The conversation that came up first, if any did. */
static struct sweep_point point_of(const struct stage_play *play, size_t count)
{
	struct sweep_point point = {0};

	for (size_t i = 0; i < count; i++)
		if (play->ends[i].is_up && (!point.is_up || play->ends[i].at_ms < point.at_ms))
			point = (struct sweep_point){true, play->ends[i].at_ms, i};
	return point;
}

bool sweep_run(struct sweep *sweep, struct stage *stage)
{
	const struct scenario_sweep *from = &stage->scenario->sweep;
	bool good = true;

	*sweep = (struct sweep){
		.step_count = (from->to_ms - from->from_ms) / from->step_ms + 1,
		.case_count = stage->case_count,
	};
	sweep->points = calloc(sweep->step_count * sweep->case_count, sizeof(*sweep->points));
	if (!sweep->points)
		return false;
	for (size_t i = 0; good && i < sweep->step_count * sweep->case_count; i++) {
		struct stage_play play = {0};

		good = stage_play(stage, i % sweep->case_count, from->conversation,
				  sweep_delay(stage->scenario, i / sweep->case_count), &play);
		if (good)
			sweep->points[i] = point_of(&play, stage->scenario->conversation_count);
		stage_play_fini(&play);
	}
	return good;
}

void sweep_fini(struct sweep *sweep)
{
	free(sweep->points);
}

size_t sweep_ups(const struct sweep *sweep, size_t index)
{
	size_t ups = 0;

	for (size_t step = 0; step < sweep->step_count; step++)
		ups += sweep_point(sweep, step, index)->is_up;
	return ups;
}

/* ---- the picture ------------------------------------------------------------------------------ */

#define WIDTH  960
#define LEFT   80
#define RIGHT  20
#define TOP    96
#define PANEL  230 /* of a case, with its title and its axis */
#define HEIGHT 150 /* of its plot */
#define PLOT   (WIDTH - LEFT - RIGHT)
#define MARKS  5 /* on an axis, at least */

/* What is drawn, and its scales. */
struct picture {
	FILE *to;
	const struct sweep *sweep;
	const struct stage *stage;
	uint32_t latest_ms; /* of all that came up, at least 1 */
};

static double x_of(const struct picture *picture, uint32_t delay_ms)
{
	const struct scenario_sweep *sweep = &picture->stage->scenario->sweep;
	uint32_t length = sweep->to_ms - sweep->from_ms;

	return LEFT + (length ? (double)PLOT * (delay_ms - sweep->from_ms) / length : PLOT / 2.0);
}

/* Up from the panel's base line. */
static double y_of(const struct picture *picture, uint32_t at_ms)
{
	return HEIGHT - (double)(HEIGHT - 10) * at_ms / picture->latest_ms;
}

/* A round distance between marks: 1, 2 or 5 times a power of ten. */
static uint32_t mark_step(uint32_t length_ms)
{
	static const uint32_t rounds[] = {1, 2, 5};
	uint32_t best = 1;

	for (uint32_t power = 1; power <= SCENARIO_TIME_MAX_MS; power *= 10)
		for (unsigned r = 0; r < 3; r++)
			if (power * rounds[r] * MARKS <= length_ms)
				best = power * rounds[r];
	return best;
}

static void seconds(FILE *to, uint32_t ms)
{
	fprintf(to, ms % 1000 ? "%u.%03u" : "%u", ms / 1000, ms % 1000);
}

static void axis_x(const struct picture *picture)
{
	const struct scenario_sweep *sweep = &picture->stage->scenario->sweep;
	uint32_t step = mark_step(sweep->to_ms - sweep->from_ms);

	for (uint32_t at = (sweep->from_ms + step - 1) / step * step; at <= sweep->to_ms;
	     at += step) {
		fprintf(picture->to,
			"<path class=\"l\" d=\"M%.1f %dv5\"/><text x=\"%.1f\" y=\"%d\" "
			"text-anchor=\"middle\">",
			x_of(picture, at), HEIGHT, x_of(picture, at), HEIGHT + 20);
		seconds(picture->to, at);
		fputs("</text>", picture->to);
	}
	fprintf(picture->to, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">s later</text>\n",
		LEFT + PLOT / 2, HEIGHT + 38);
}

static void axis_y(const struct picture *picture)
{
	uint32_t step = mark_step(picture->latest_ms);

	for (uint32_t at = 0; at <= picture->latest_ms; at += step) {
		fprintf(picture->to,
			"<path class=\"l\" d=\"M%d %.1fh%d\"/><text x=\"%d\" "
			"y=\"%.1f\" text-anchor=\"end\">",
			LEFT, y_of(picture, at), PLOT, LEFT - 8, y_of(picture, at) + 5);
		seconds(picture->to, at);
		fputs(" s</text>", picture->to);
	}
	fputc('\n', picture->to);
}

/* When the other conversations ask, as far as nothing answers them. */
static void askings(const struct picture *picture)
{
	const struct scenario *scenario = picture->stage->scenario;

	for (size_t c = 0; c < scenario->conversation_count; c++) {
		const struct scenario_conversation *other = &scenario->conversations[c];
		uint32_t at = other->at_ms;

		for (size_t i = 0; other != scenario->sweep.conversation; i++) {
			if (at >= scenario->sweep.from_ms && at <= scenario->sweep.to_ms)
				fprintf(picture->to, "<path class=\"q\" d=\"M%.1f 0V%d\"/>",
					x_of(picture, at), HEIGHT);
			if (i == other->tries)
				break;
			at += other->retry_ms[i];
		}
	}
	fputc('\n', picture->to);
}

/* A mark for each step: a full one at its time, or a hollow one on the base line. */
static void steps(const struct picture *picture, size_t index)
{
	for (size_t step = 0; step < picture->sweep->step_count; step++) {
		const struct sweep_point *point = sweep_point(picture->sweep, step, index);
		double x = x_of(picture, sweep_delay(picture->stage->scenario, step));

		if (point->is_up)
			fprintf(picture->to,
				"<circle class=\"u\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"/>", x,
				y_of(picture, point->at_ms));
		else
			fprintf(picture->to, "<path class=\"d\" d=\"M%.1f %dv8\"/>", x, HEIGHT - 8);
	}
	fputc('\n', picture->to);
}

static void panel(const struct picture *picture, size_t index)
{
	size_t ups = sweep_ups(picture->sweep, index);

	fprintf(picture->to,
		"<g transform=\"translate(0 %zu)\">\n<text class=\"t\" x=\"%d\" "
		"y=\"-12\">",
		TOP + index * PANEL, LEFT);
	html_text(picture->to, picture->stage->cases[index].from->name);
	fprintf(picture->to, ": up for %zu of %zu delays</text>\n", ups,
		picture->sweep->step_count);
	axis_y(picture);
	askings(picture);
	steps(picture, index);
	axis_x(picture);
	fputs("</g>\n", picture->to);
}

void sweep_draw(FILE *to, const struct sweep *sweep, const struct stage *stage)
{
	struct picture picture = {to, sweep, stage, 1};
	const struct scenario *scenario = stage->scenario;
	size_t height = TOP + sweep->case_count * PANEL;

	for (size_t i = 0; i < sweep->step_count * sweep->case_count; i++)
		if (sweep->points[i].is_up && sweep->points[i].at_ms > picture.latest_ms)
			picture.latest_ms = sweep->points[i].at_ms;
	fprintf(to,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\" width=\"%d\" "
		"height=\"%zu\" role=\"img\">\n<style>svg{color-scheme:light dark;"
		"background:light-dark(#fff,#12161b)}text{font:14px system-ui,sans-serif;"
		"fill:light-dark(#1b1f24,#e6eaef)}.t{font-weight:600;font-size:17px}"
		".l{stroke:light-dark(#d0d7de,#39424c);fill:none}"
		".q{stroke:light-dark(#57606a,#9aa4af);stroke-dasharray:2 4;fill:none}"
		".u{fill:light-dark(#0b57b0,#79b0ff)}"
		".d{stroke:light-dark(#a33c00,#ffa36b);stroke-width:1.5;fill:none}</"
		"style>\n<title>",
		WIDTH, height, WIDTH, height);
	html_text(to, scenario->title ? scenario->title : scenario->name);
	fprintf(to, "</title>\n<text class=\"t\" x=\"%d\" y=\"26\">", LEFT);
	html_text(to, scenario->title ? scenario->title : scenario->name);
	fprintf(to, "</text>\n<text x=\"%d\" y=\"50\">dot: when it comes up, if ", LEFT);
	html_text(to, scenario->sweep.conversation->name);
	fputs(" begins so much later; stroke on the base line: it stays down; dotted: the others "
	      "ask"
	      "</text>\n",
	      to);
	for (size_t i = 0; i < sweep->case_count; i++)
		panel(&picture, i);
	fputs("</svg>\n", to);
}
