/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report.h: a comparison as one HTML page that needs nothing else: no network, no other file.
 *
 * The story first, in words; then a picture of time, what differs by reason and by rule, and the
 * flows. Readable without its script, which only filters the table. Its size is bounded whatever the
 * capture: what is left out is said where it is.
 */
#ifndef REPORT_H
#define REPORT_H

#include "comparison.h"

struct report {
	const struct comparison *comparison;
	char *const *captures; /* their files */
	int capture_count;
};

/* Write the page. False if something could not be written, or for want of memory. */
bool report_write(const struct report *report, FILE *to);

/* The parts, in the order of the page: report_story.c, report_picture.c, report_tables.c. */
void report_story(const struct report *report, FILE *to);
bool report_picture(const struct report *report, FILE *to);
bool report_reasons(const struct report *report, FILE *to);
bool report_rules(const struct report *report, FILE *to);
void report_flows(const struct report *report, FILE *to);
void report_glossary(const struct report *report, FILE *to);

/* A bar of a share of its cell: `part` of `whole`. */
void report_bar(FILE *to, const char *style, uint64_t part, uint64_t whole);

/* Write what stands behind judge j's verdict (comparison_behind()), escaped. */
void report_behind(FILE *to, const struct comparison *comparison, const struct trace_row *row,
		   unsigned j);

#endif
