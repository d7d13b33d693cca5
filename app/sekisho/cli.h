/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli.h: what the verbs of `sekisho` share: the parsed command line, the exit codes, the verbs.
 *
 * A verb gets a command line that main.c has already checked against the verb's row of the table:
 * required options are there, the number of operands is right. It returns an exit code and leaves
 * flushing of stdout to main.c.
 */
#ifndef CLI_H
#define CLI_H

#include <remark.h>
#include <stddef.h>

/* Scripts rely on these (design, section 5). */
enum cli_exit {
	CLI_OK = 0,
	CLI_NO = 1,          /* a negative answer: differs, invalid */
	CLI_USAGE = 2,       /* wrong command line, or an input file that cannot be read */
	CLI_UNREACHABLE = 3, /* no daemon behind the socket */
	CLI_FAILED = 4       /* the daemon refused, or something failed here */
};

enum cli_output { CLI_TABLE, CLI_JSON, CLI_CONNTRACK, CLI_CSV };

/* What --witness looks for. */
enum cli_witness { CLI_WITNESS_NONE, CLI_WITNESS_SEQUENCES, CLI_WITNESS_STATIC };

#define CLI_PREFIX_LISTS_MAX 100 /* as many as a Region has (AWS-122) */

/* Of `bench`, each as given; NULL where it was not. */
struct cli_bench {
	const char *flows, *mix, *size, *semantics, *cores, *duration, *ports, *shadow;
};

struct cli {
	const char *verb;
	enum cli_output output;
	const char *policy; /* --policy */
	const char *a, *b;  /* --a, --b */
	enum cli_witness witness;
	const char *expect; /* --expect; NULL means whatever comes */
	const char *after;  /* --after: a capture; NULL means nothing has been before */
	long later_ms;      /* --later */
	const char *report; /* --report; NULL means none */
	const char *config; /* --config: the appliance file */
	const char *root;   /* --root; NULL means / */
	const char *picture; /* --picture; NULL means none */
	const char *socket; /* --socket; NULL takes the default ones */
	const char *edge;   /* --edge; NULL means all */
	const char *filter; /* --filter; NULL means all */
	const char *kinds;  /* --kinds, as given; NULL means all */
	const char *out;    /* --out */
	long count, bytes;  /* --count, --bytes; 0 means no bound */
	long for_ms;        /* --for; 0 means no bound */
	int drops;          /* --drops: what is dropped only */
	int off;            /* --off */
	const char *sort;   /* --sort; NULL means any order */
	const char *cursor; /* --cursor; NULL means from the start */
	long limit;         /* --limit; 0 means none */
	long interval_ms;   /* --interval; 0 means the verb's own */
	int watch;          /* --watch: again and again */
	int why;            /* --why: what has opened it */
	long confirm_ms;    /* --confirm; 0 means none is needed */
	long generation;    /* --if-generation; 0 means whichever */
	const char *to;     /* --to; NULL means stdout */
	char *prefix_lists[CLI_PREFIX_LISTS_MAX]; /* --prefix-list, each as given */
	int prefix_list_count;
	struct cli_bench bench;
	char **operands;
	int operand_count;
};

/* Say remarks on stderr, with a count at the end, as lines or (--output json) objects. */
void cli_tell(const struct cli *cli, const struct remarks *remarks);

/* Read a whole number from 1 on, with nothing after it; 0 if it is none. */
long cli_number(const char *text);

/* Read a time as 60, 60s, 5m or 1h, in milliseconds; 0 if it is none, or over a day. */
long cli_duration_ms(const char *text);

/* Write what a verb has made to --to or stdout, whole; says so if it cannot. */
enum cli_exit cli_write(const struct cli *cli, const char *text, size_t length);

enum cli_exit cmd_explain(const struct cli *cli);
enum cli_exit cmd_replay(const struct cli *cli);
enum cli_exit cmd_compare(const struct cli *cli);
enum cli_exit cmd_scenario(const struct cli *cli);
enum cli_exit cmd_check(const struct cli *cli);
enum cli_exit cmd_holes(const struct cli *cli);
enum cli_exit cmd_import(const struct cli *cli);
enum cli_exit cmd_export(const struct cli *cli);
enum cli_exit cmd_doctor(const struct cli *cli);
enum cli_exit cmd_status(const struct cli *cli);
enum cli_exit cmd_stats(const struct cli *cli);
enum cli_exit cmd_flows(const struct cli *cli);
enum cli_exit cmd_rules(const struct cli *cli);
enum cli_exit cmd_drops(const struct cli *cli);
enum cli_exit cmd_shadow(const struct cli *cli);
enum cli_exit cmd_top(const struct cli *cli);
enum cli_exit cmd_trace(const struct cli *cli);
enum cli_exit cmd_events(const struct cli *cli);
enum cli_exit cmd_capture(const struct cli *cli);
enum cli_exit cmd_policy(const struct cli *cli);
enum cli_exit cmd_commit(const struct cli *cli);
enum cli_exit cmd_confirm(const struct cli *cli);
enum cli_exit cmd_rollback(const struct cli *cli);
enum cli_exit cmd_history(const struct cli *cli);
enum cli_exit cmd_bench(const struct cli *cli);
enum cli_exit cmd_state(const struct cli *cli);
enum cli_exit cmd_shutdown(const struct cli *cli);

#endif
