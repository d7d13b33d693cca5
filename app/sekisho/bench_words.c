/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_words.c: see bench_words.h. */
#include "bench_words.h"

#include <inttypes.h>
#include <stdio.h>

#define FULL_SHARE 0.97 /* of its core: less is told */

static const char *size_words(const struct bench_report *report)
{
	return report->plan.size == FRAMES_IMIX ? "simple IMIX (7 x 64, 4 x 594, 1 x 1518 bytes)"
						: "64-byte frames";
}

void bench_title_write(const struct bench_report *report, char *text, size_t size)
{
	snprintf(text, size,
		 "%u flows, established %u %%, new %u %% of the packets, %s, %u core%s, %s",
		 report->plan.flows, 100 - report->plan.fresh_percent, report->plan.fresh_percent,
		 size_words(report), report->plan.cores, report->plan.cores == 1 ? "" : "s",
		 report->policy ? report->policy : "100 rules");
}

/* What found a queue full, if anything did; returns how many sentences. */
static unsigned lost_write(const struct bench_result *result, char *out)
{
	const struct bench_load *loads = result->loads;

	if (loads[0].lost_percent + loads[1].lost_percent + loads[2].lost_percent == 0)
		return 0;
	snprintf(out, BENCH_SENTENCE,
		 "Under %s %.2g / %.2g / %.2g %% of the packets of %u / %u / %u %% load were lost, "
		 "as "
		 "the queue of their port was full.",
		 sekisho_semantics_word(result->semantics), loads[0].lost_percent,
		 loads[1].lost_percent, loads[2].lost_percent, bench_load_percent[0],
		 bench_load_percent[1], bench_load_percent[2]);
	return 1;
}

unsigned bench_remarks_write(const struct bench_report *report, char (*out)[BENCH_SENTENCE])
{
	unsigned count = 0;

	for (unsigned i = 0; i < report->count; i++) {
		const struct bench_result *result = &report->results[i];
		const char *semantics = sekisho_semantics_word(result->semantics);

		if (result->dropped > 0)
			snprintf(out[count++], BENCH_SENTENCE,
				 "%s dropped %" PRIu64 " packets, mostly %s: %s.", semantics,
				 result->dropped, sekisho_reason_word(result->drop_reason),
				 sekisho_reason_sentence(result->drop_reason));
		if (result->core_share < FULL_SHARE)
			snprintf(out[count++], BENCH_SENTENCE,
				 "Under %s the workers had %.0f %% of their cores, other programs "
				 "had "
				 "the rest. Figures are of the time that they had, bursts and "
				 "latency of all time.",
				 semantics, 100 * result->core_share);
		count += lost_write(result, out[count]);
		if (result->unsent > 0)
			snprintf(out[count++], BENCH_SENTENCE,
				 "Under %s %" PRIu64
				 " packets passed, but the port could not take them.",
				 semantics, result->unsent);
	}
	if (report->flows_why[0] != '\0')
		snprintf(out[count++], BENCH_SENTENCE, "%s", report->flows_why);
	if (!report->hugepages)
		snprintf(out[count++], BENCH_SENTENCE,
			 "No huge pages are set apart, so the kernel was asked for transparent "
			 "ones. "
			 "Setting some apart (sysctl vm.nr_hugepages=...) may make it faster.");
	return count;
}

bool bench_has_devices(const struct bench_report *report)
{
	return report->plan.devices[0][0] != '\0';
}

unsigned bench_notes_write(const struct bench_report *report, char (*out)[BENCH_SENTENCE])
{
	const struct bench_result *result = &report->results[0];
	unsigned count = 0;

	if (bench_has_devices(report))
		snprintf(out[count++], BENCH_SENTENCE,
			 "Frames go round over the cable between the two ports, through the "
			 "daemon's own "
			 "worker loop; where the cable carries less than the core could judge, "
			 "ns/packet "
			 "holds the waiting. Latency is measured between ports in memory only. "
			 "Gbit/s count "
			 "frames with their check sequence and without gaps.");
	else
		snprintf(out[count++], BENCH_SENTENCE,
			 "Frames go round between two ports in memory through the daemon's own "
			 "worker loop; "
			 "no network card is in it. Gbit/s count frames with their check sequence "
			 "and "
			 "without gaps.");
	if (report->plan.fresh_percent < 100)
		snprintf(out[count++], BENCH_SENTENCE,
			 "Established flows are %s; each sends in turn, in a random order.",
			 result->live_kind == FRAMES_TCP ? "TCP" : "UDP");
	if (report->plan.fresh_percent > 0)
		snprintf(out[count++], BENCH_SENTENCE,
			 "New flows are UDP, opened by one packet and never answered. The workers' "
			 "clock ran %u times as fast as time, so that they ended after 30 s of it, "
			 "as fast as others began.",
			 result->clock_factor);
	snprintf(
		out[count++], BENCH_SENTENCE,
		"What is judged is a burst at once, in steps that overlap, so the judging is one "
		"stage; receiving and transmitting were measured alone. "
		"The memory limit is two random cache lines a packet, in as much memory as a table "
		"of this size takes.");
	if (!bench_has_devices(report))
		snprintf(out[count++], BENCH_SENTENCE,
			 "Latency is of packets that come one after the other, from when one comes "
			 "to a "
			 "port until it is sent by the other; p50 / p99 / p99.9. A port's queue "
			 "takes 1024; "
			 "what finds it full is lost and has no latency.");
	snprintf(out[count++], BENCH_SENTENCE,
		 "RFC 9411: the number of flows is its concurrent connections, all held and used. "
		 "Its throughput is of whole HTTP transactions, and its connections per second are "
		 "opened, used and closed: packets/s and new flows/s are not comparable with "
		 "those.");
	return count;
}
