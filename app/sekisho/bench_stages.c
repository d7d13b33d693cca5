/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_stages.c: see bench_stages.h. */
#include "bench_stages.h"

#define OURS_MAX (1u << 17) /* ticks; an interval of a burst that is longer was not ours alone */

void bench_stages_received(struct bench_stages *stages, bool whole, uint64_t now)
{
	if (stages->sent_at != 0) {
		uint64_t judging = stages->sent_at - stages->received_at;
		uint64_t around = now - stages->sent_at;

		if (judging < OURS_MAX && around < OURS_MAX) {
			stages->judging += judging;
			stages->around += around;
		}
	}
	stages->received_at = whole ? now : 0;
	stages->sent_at = 0;
}

void bench_stages_sent(struct bench_stages *stages, uint64_t now)
{
	if (stages->received_at != 0 && stages->sent_at == 0)
		stages->sent_at = now;
}

void bench_stages_ports(struct bench_stages *stages, uint64_t began, uint64_t half, uint64_t ended)
{
	if (ended - began >= OURS_MAX)
		return;
	stages->receiving += half - began;
	stages->sending += ended - half;
}

void bench_stages_add(struct bench_stages *sum, const struct bench_stages *stages)
{
	sum->judging += stages->judging;
	sum->around += stages->around;
	sum->receiving += stages->receiving;
	sum->sending += stages->sending;
}

static double share(uint64_t of, uint64_t rest)
{
	return of + rest > 0 ? (double)of / (double)(of + rest) : 0;
}

struct bench_stage_ns bench_stages_split(const struct bench_stages *stages, double whole,
					 double ports)
{
	struct bench_stage_ns ns = {
		.judge = whole * share(stages->judging, stages->around),
		.receive = ports * share(stages->receiving, stages->sending),
		.transmit = ports * share(stages->sending, stages->receiving),
	};

	ns.between = whole - ns.judge - ns.receive - ns.transmit;
	if (ns.between < 0) /* the ports took longer alone than among other work */
		ns.between = 0;
	return ns;
}
