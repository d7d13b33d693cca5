/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c: random sequences through the model and the engine, until they differ or all have agreed.
 *
 *	model [--sequences N] [--seed S] [--semantics aws-like|strict] [--quiet]
 *						N sequences from seed S on, or those of them of one semantics
 *	model --replay-seed S				one, with its rows
 *
 * Exit 0: they agree. 1: they differ; the seed and the shortest rows are printed. Also 1 if many sequences
 * have left out a reason of verdict.h. 2: usage, memory.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "properties.h"
#include "shrink.h"

struct options {
	uint64_t sequences, seed;
	const char *semantics; /* or NULL: both */
	bool quiet;
};

static int usage(void)
{
	fprintf(stderr, "usage: model [--sequences N] [--seed S] [--semantics aws-like|strict] "
			"[--quiet] | --replay-seed S\n");
	return 2;
}

/* One sequence in `every` is checked so; those that run the engine twice are not worth more. */
static const struct {
	check *finds;
	unsigned every;
} checks[] = {
	{compare_sequence, 1},
	{property_dropped_change_nothing, 4},
	{property_bursts_are_no_matter, 8},
	{property_mirror, 16},
	{property_explained, 1},
	{property_restart, 1},
};

/* Run one sequence; false if a check finds something, which is then told. */
static bool run(struct sequence *sequence, uint64_t seed)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct difference difference = {.found = false};

		if (seed % checks[i].every == 0)
			difference = checks[i].finds(sequence);
		if (!difference.found)
			continue;
		difference = shrink(sequence, checks[i].finds, difference);
		shrink_print(sequence, &difference);
		return false;
	}
	return true;
}

#define SEQUENCES_MANY 100000 /* so many that each reason is met */

/*
 * A reason that no sequence gets is not compared, so the generators must get everywhere. Out of reach is
 * only limit-half-open: in a table as small as ours there is always one that can make room.
 */
static bool reached_all(void)
{
	const uint64_t *reasons = compare_reasons();
	bool all = true;

	for (unsigned r = 0; r < SEKISHO_REASON_COUNT; r++) {
		if (reasons[r] > 0 || r == SEKISHO_REASON_LIMIT_HALF_OPEN)
			continue;
		printf("no sequence met %s\n", sekisho_reason_word(r));
		all = false;
	}
	return all;
}

static bool is_wanted(const struct options *options, const struct sequence *sequence)
{
	return options->semantics == NULL ||
	       strcmp(options->semantics, sekisho_semantics_word(sequence->semantics)) == 0;
}

static int run_all(const struct options *options)
{
	static struct sequence sequence;
	uint64_t last = options->seed + options->sequences, events = 0;
	struct pool *pool = pool_create(options->seed);
	bool agree = true;

	for (uint64_t seed = options->seed; seed < last && agree; seed++) {
		if (pool->seed != seed / POOL_SEQUENCES) {
			pool_destroy(pool);
			pool = pool_create(seed);
		}
		sequence_generate(&sequence, pool, seed);
		if (is_wanted(options, &sequence))
			agree = run(&sequence, seed);
		events += sequence.count;
		if (!options->quiet && (seed - options->seed) % 100000 == 99999) {
			printf("%llu sequences agree\n",
			       (unsigned long long)(seed - options->seed + 1));
			fflush(stdout);
		}
	}
	pool_destroy(pool);
	if (agree)
		printf("model and engine agree on %llu sequences of %llu events from seed %llu\n",
		       (unsigned long long)options->sequences, (unsigned long long)events,
		       (unsigned long long)options->seed);
	if (agree && options->sequences >= SEQUENCES_MANY && options->semantics == NULL)
		agree = reached_all();
	return agree ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"sequences", required_argument, NULL, 'n'},
					      {"seed", required_argument, NULL, 's'},
					      {"replay-seed", required_argument, NULL, 'r'},
					      {"semantics", required_argument, NULL, 'm'},
					      {"quiet", no_argument, NULL, 'q'},
					      {0}};
	struct options options = {.sequences = 1000, .seed = 1};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'n':
			options.sequences = strtoull(optarg, NULL, 0);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			options.seed = strtoull(optarg, NULL, 0);
			options.sequences = 1;
			break;
		case 'm':
			if (strcmp(optarg, "strict") != 0 && strcmp(optarg, "aws-like") != 0)
				return usage();
			options.semantics = optarg;
			break;
		case 'q':
			options.quiet = true;
			break;
		default:
			return usage();
		}
	}
	return optind == argc ? run_all(&options) : usage();
}
