/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_words.h: sentences about what `sekisho bench` has found. */
#ifndef BENCH_WORDS_H
#define BENCH_WORDS_H

#include "bench_report.h"

#define BENCH_SENTENCE  512 /* bytes, at most */
#define BENCH_SENTENCES 12

/* Whether frames went over a cable between devices. */
bool bench_has_devices(const struct bench_report *report);

/* What was measured. */
void bench_title_write(const struct bench_report *report, char *text, size_t size);

/* What is particular to this run; returns how many sentences. */
unsigned bench_remarks_write(const struct bench_report *report, char (*out)[BENCH_SENTENCE]);

/* How to read the figures; returns how many sentences. */
unsigned bench_notes_write(const struct bench_report *report, char (*out)[BENCH_SENTENCE]);

#endif
