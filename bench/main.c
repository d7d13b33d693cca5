/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c: all subjects in one program, so that ratios are of one run. Takes Google Benchmark's
 * options, as --benchmark_filter=REGEX and --benchmark_format=json; bench/run gives them and reads the
 * answer. Exit code 1 when a subject failed, 2 for a wrong command line.
 */
#include <rte_eal.h>
#include <stdio.h>

#include "subjects.h"

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(int argc, char **argv)
{
	/* EAL's own memory is for compiled rules; what is not used is not taken from the system */
	static char *eal[] = {
		"bench",       "--no-huge",      "-m",       "8192",    "--no-pci",
		"--no-shconf", "--no-telemetry", "--lcores", "0@(0,1)", "--log-level=error"};

	if (rte_eal_init(COUNT(eal), eal) < 0) {
		fprintf(stderr, "bench: DPDK does not start\n");
		return 1;
	}
	bench_baseline_register();
	bench_path_register();
	bench_new_register();
	bench_turnover_register();
	bench_listing_register();
	bench_table_register();
	return gbench_main(argc, argv);
}
