/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c: the command line of `sekisho`.
 *
 * One row of the table a verb: what it is called, which options it takes and needs, how many
 * operands, who does it. All verbs share one option parser, so that an option means the same
 * everywhere and refusing one that a verb does not take costs no code in the verb.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct verb {
	const char *name;
	enum cli_exit (*run)(const struct cli *cli);
	const char *takes; /* option letters of `long_options` */
	const char *needs;
	int least, most; /* operands */
	const char *usage;
	const char *does;
};

#define ANY_NUMBER INT_MAX /* of operands */

static const struct verb verbs[] = {
	{"replay", cmd_replay, "op", "p", 1, 1, "--policy P PCAP",
	 "a verdict for each packet of a capture"},
	{"compare", cmd_compare, "oabwxrl", "ab", 0, 2,
	 "--a P1 --b P2 [--expect FILE] [--report FILE.html] [--limit N] PCAP|INSIDE OUTSIDE|--witness[=static]",
	 "the packets that two policies judge differently; exit 1 if any (that FILE does not have)"},
	{"scenario", cmd_scenario, "opI", "", 1, 1, "[--policy P] [--picture FILE.svg] FILE",
	 "timed packets in words, judged on a virtual clock; exit 1 if anything is not as expected"},
	{"explain", cmd_explain, "opseAL", "", 1, ANY_NUMBER,
	 "[--edge NAME] PACKET | --policy P [--after PCAP] [PACKET|+TIME...] [--later TIME] PACKET",
	 "why a packet ('udp 192.0.2.1:500 > 192.0.2.2:500') would pass or not, and what would change it"},
	{"check", cmd_check, "ose", "", 1, 1, "[--edge NAME] P",
	 "validate a policy, look through it, compare it with what runs; exit 1 if not valid"},
	{"import", cmd_import, "otP", "", 1, ANY_NUMBER, "aws [--prefix-list ID=FILE] [--to FILE] FILE...",
	 "what describe-* and terraform show -json print, as a policy"},
	{"export", cmd_export, "ot", "", 2, 2, "aws [--to FILE] P",
	 "a policy as describe-* would print it"},
	{"doctor", cmd_doctor, "ocR", "", 0, 0, "[-c FILE] [--root DIR]",
	 "is this machine fit for the appliance FILE: what is not, and the command that mends it; exit 1 if it will not run"},
	{"bench", cmd_bench, "opNmzMJdGr", "", 0, 0,
	 "[--flows 1M] [--mix established:90,new:10] [--size 64|imix] [--semantics both|aws-like|strict] [--policy P] [--cores N] [--ports A,B] [--duration 10s] [--report FILE.html]",
	 "how fast this machine tracks connections"},
	{"status", cmd_status, "os", "", 0, 0, "", "the running daemon: edges, workers, policy"},
	{"stats", cmd_stats, "os", "", 0, 0, "", "its counters, drops by reason included"},
	{"flows", cmd_flows, "osOlfSCy", "", 0, 2,
	 "[--filter FILTER] [--sort KEY] [--limit N] [--cursor C] [--why] | kill FILTER",
	 "its live flows, the first by bytes, packets, age or expires; or close those that FILTER means. "
	 "-o conntrack and -o csv are forms as well"},
	{"holes", cmd_holes, "osflpAL", "", 0, 0,
	 "[--filter FILTER] [--limit N] [--policy P --after PCAP [--later TIME]]",
	 "what comes in now only because of a flow and is listed by no inbound rule, the worst first"},
	{"rules", cmd_rules, "os", "", 0, 0, "", "its rules with their counters"},
	{"drops", cmd_drops, "osliW", "", 0, 0, "[--interval TIME] [--limit N] [--watch]",
	 "why it drops packets, and how fast, over TIME (1s if not given)"},
	{"trace", cmd_trace, "osfnF", "", 0, 0, "[--filter FILTER] [--count N] [--for TIME]",
	 "each packet that FILTER means as it is judged, and why so"},
	{"events", cmd_events, "osfnFK", "", 0, 0,
	 "[--kinds new,end,drop,...] [--filter FILTER] [--count N] [--for TIME]",
	 "what happens: new flows, drops, policies put in force, links up and down"},
	{"capture", cmd_capture, "osfnFuDB", "u", 0, 0,
	 "--out FILE [--filter FILTER] [--drops] [--count N] [--bytes N] [--for TIME]",
	 "packets into a pcapng file, with the verdict and its reason as each one's comment"},
	{"shadow", cmd_shadow, "osipX", "", 0, 0, "[--interval TIME] | --policy P | --off",
	 "where its shadow policy would decide otherwise, and how often over TIME (1s if not given); put P in its place"},
	{"top", cmd_top, "osi", "", 0, 0, "[--interval TIME]",
	 "a screen of its rates, flows, drops, ports and workers, anew every TIME (2s if not given); q ends it"},
	{"policy", cmd_policy, "ose", "", 0, 0, "[--edge NAME]", "the policy that it enforces"},
	{"commit", cmd_commit, "osekg", "", 1, 1, "[--edge NAME] [--confirm TIME] [--if-generation N] P",
	 "check a policy and make it the running one; with TIME (60s, 5m), only until then"},
	{"confirm", cmd_confirm, "os", "", 0, 1, "[N]",
	 "keep the policy that was committed with --confirm"},
	{"rollback", cmd_rollback, "osekg", "", 0, 1,
	 "[--edge NAME] [--confirm TIME] [--if-generation N] [N]",
	 "take back an unconfirmed commit; else go back to the policy before, or to generation N"},
	{"history", cmd_history, "os", "", 0, 0, "", "which policies were in force, since when, and by whom"},
	{"state", cmd_state, "os", "", 1, 1, "save", "save its flows now, as it does by itself now and then"},
	{"shutdown", cmd_shutdown, "os", "", 0, 0, "", "stop the daemon"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct option long_options[] = {
	{"output", required_argument, NULL, 'o'},
	{"policy", required_argument, NULL, 'p'},
	{"a", required_argument, NULL, 'a'},
	{"b", required_argument, NULL, 'b'},
	{"socket", required_argument, NULL, 's'},
	{"edge", required_argument, NULL, 'e'},
	{"limit", required_argument, NULL, 'l'},
	{"filter", required_argument, NULL, 'f'},
	{"kinds", required_argument, NULL, 'K'},
	{"count", required_argument, NULL, 'n'},
	{"for", required_argument, NULL, 'F'},
	{"out", required_argument, NULL, 'u'},
	{"drops", no_argument, NULL, 'D'},
	{"off", no_argument, NULL, 'X'},
	{"bytes", required_argument, NULL, 'B'},
	{"sort", required_argument, NULL, 'S'},
	{"cursor", required_argument, NULL, 'C'},
	{"why", no_argument, NULL, 'y'},
	{"interval", required_argument, NULL, 'i'},
	{"watch", no_argument, NULL, 'W'},
	{"confirm", required_argument, NULL, 'k'},
	{"config", required_argument, NULL, 'c'},
	{"root", required_argument, NULL, 'R'},
	{"if-generation", required_argument, NULL, 'g'},
	{"to", required_argument, NULL, 't'},
	{"witness", optional_argument, NULL, 'w'},
	{"expect", required_argument, NULL, 'x'},
	{"report", required_argument, NULL, 'r'},
	{"picture", required_argument, NULL, 'I'},
	{"after", required_argument, NULL, 'A'},
	{"later", required_argument, NULL, 'L'},
	{"prefix-list", required_argument, NULL, 'P'},
	{"flows", required_argument, NULL, 'N'},
	{"mix", required_argument, NULL, 'm'},
	{"size", required_argument, NULL, 'z'},
	{"semantics", required_argument, NULL, 'M'},
	{"cores", required_argument, NULL, 'J'},
	{"duration", required_argument, NULL, 'd'},
	{"ports", required_argument, NULL, 'G'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void print_usage(FILE *to)
{
	fprintf(to, "usage: sekisho VERB [-o table|json] ...\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		char synopsis[128];

		snprintf(synopsis, sizeof(synopsis), "%s %s", verbs[i].name, verbs[i].usage);
		if (strlen(synopsis) > 28)
			fprintf(to, "  %s\n  %-28s %s\n", synopsis, "", verbs[i].does);
		else
			fprintf(to, "  %-28s %s\n", synopsis, verbs[i].does);
	}
	fprintf(to,
		"\nVerbs of the running daemon take --socket PATH (default "
		"/run/sekisho/sekisho.sock).\n"
		"Exit codes: 0 yes, 1 a negative answer, 2 usage or unreadable file, 3 daemon not "
		"reachable,\n4 daemon refused or failed.\n");
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static const char *option_name(int letter)
{
	for (const struct option *option = long_options; option->name; option++)
		if (option->val == letter)
			return option->name;
	return "?";
}

/* Where the value of an option that is plain text goes; NULL for the others. */
static const char **option_slot(struct cli *cli, int letter)
{
	switch (letter) {
	case 'p':
		return &cli->policy;
	case 'a':
		return &cli->a;
	case 'b':
		return &cli->b;
	case 'c':
		return &cli->config;
	case 'R':
		return &cli->root;
	case 'A':
		return &cli->after;
	case 's':
		return &cli->socket;
	case 'e':
		return &cli->edge;
	case 't':
		return &cli->to;
	case 'x':
		return &cli->expect;
	case 'r':
		return &cli->report;
	case 'f':
		return &cli->filter;
	case 'K':
		return &cli->kinds;
	case 'u':
		return &cli->out;
	case 'S':
		return &cli->sort;
	case 'C':
		return &cli->cursor;
	case 'I':
		return &cli->picture;
	case 'N':
		return &cli->bench.flows;
	case 'm':
		return &cli->bench.mix;
	case 'z':
		return &cli->bench.size;
	case 'M':
		return &cli->bench.semantics;
	case 'J':
		return &cli->bench.cores;
	case 'd':
		return &cli->bench.duration;
	case 'G':
		return &cli->bench.ports;
	default:
		return NULL;
	}
}

long cli_number(const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	return errno != 0 || *end != '\0' || end == text || number < 1 ? 0 : number;
}

long cli_duration_ms(const char *text)
{
	static const struct {
		char letter;
		long ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}};
	size_t length = strlen(text);
	char digits[12];
	long unit = 1000, number;

	if (length == 0 || length >= sizeof(digits))
		return 0;
	strcpy(digits, text);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (digits[length - 1] != units[i].letter)
			continue;
		unit = units[i].ms;
		digits[length - 1] = '\0';
		break;
	}
	number = cli_number(digits);
	return number > 86400 ? 0 : number * unit;
}

/* Where an option without a value is noted; NULL for the others. */
static int *flag_slot(struct cli *cli, int letter)
{
	switch (letter) {
	case 'W':
		return &cli->watch;
	case 'y':
		return &cli->why;
	case 'D':
		return &cli->drops;
	case 'X':
		return &cli->off;
	default:
		return NULL;
	}
}

/* Where the value of an option that is a time goes; NULL for the others. */
static long *duration_slot(struct cli *cli, int letter)
{
	switch (letter) {
	case 'k':
		return &cli->confirm_ms;
	case 'i':
		return &cli->interval_ms;
	case 'L':
		return &cli->later_ms;
	case 'F':
		return &cli->for_ms;
	default:
		return NULL;
	}
}

/* Where the value of an option that is a number goes. */
static long *number_slot(struct cli *cli, int letter)
{
	switch (letter) {
	case 'g':
		return &cli->generation;
	case 'n':
		return &cli->count;
	case 'B':
		return &cli->bytes;
	default:
		return &cli->limit;
	}
}

/* Each takes one option; returns 0, or -1 after a message. */
static int duration_take(long *ms, int letter)
{
	*ms = cli_duration_ms(optarg);
	if (*ms > 0)
		return 0;
	fprintf(stderr, "sekisho: --%s is \"%s\", must be a time as 60s, 5m or 1h\n",
		option_name(letter), optarg);
	return -1;
}

static int output_take(struct cli *cli, const struct verb *verb)
{
	static const char *const words[] = {"table", "json", "conntrack", "csv"};
	/* A verb that takes 'O' has the other forms as well. */
	bool all = strchr(verb->takes, 'O') != NULL;

	for (int i = 0; i < (all ? 4 : 2); i++)
		if (strcmp(optarg, words[i]) == 0) {
			cli->output = (enum cli_output)i;
			return 0;
		}
	fprintf(stderr, "sekisho: -o is \"%s\", must be table%sjson%s\n", optarg,
		all ? ", " : " or ", all ? ", conntrack or csv" : "");
	return -1;
}

static int number_take(long *number, int letter)
{
	*number = cli_number(optarg);
	if (*number > 0)
		return 0;
	fprintf(stderr, "sekisho: --%s is \"%s\", must be a number from 1 on\n",
		option_name(letter), optarg);
	return -1;
}

static int witness_take(struct cli *cli)
{
	if (optarg && strcmp(optarg, "static") != 0) {
		fprintf(stderr, "sekisho: --witness is \"%s\", must be static or nothing\n", optarg);
		return -1;
	}
	cli->witness = optarg ? CLI_WITNESS_STATIC : CLI_WITNESS_SEQUENCES;
	return 0;
}

static int prefix_list_take(struct cli *cli)
{
	if (cli->prefix_list_count == CLI_PREFIX_LISTS_MAX) {
		fprintf(stderr, "sekisho: at most %d --prefix-list are taken\n",
			CLI_PREFIX_LISTS_MAX);
		return -1;
	}
	cli->prefix_lists[cli->prefix_list_count++] = optarg;
	return 0;
}

static int option_take(struct cli *cli, const struct verb *verb, int letter)
{
	const char **slot = option_slot(cli, letter);

	if (!strchr(verb->takes, letter)) {
		fprintf(stderr, "sekisho: %s takes no --%s\n", verb->name, option_name(letter));
		return -1;
	}
	if (slot)
		*slot = optarg;
	else if (flag_slot(cli, letter))
		*flag_slot(cli, letter) = 1;
	else if (duration_slot(cli, letter))
		return duration_take(duration_slot(cli, letter), letter);
	else if (letter == 'o')
		return output_take(cli, verb);
	else if (letter == 'P')
		return prefix_list_take(cli);
	else if (letter == 'w')
		return witness_take(cli);
	else
		return number_take(number_slot(cli, letter), letter);
	return 0;
}

/* Whether the verb has all that it needs; says what is missing. */
static int cli_complete(struct cli *cli, const struct verb *verb)
{
	for (const char *letter = verb->needs; *letter; letter++) {
		if (!*option_slot(cli, *letter)) {
			fprintf(stderr, "sekisho: %s needs --%s\n", verb->name,
				option_name(*letter));
			return 0;
		}
	}
	if (cli->operand_count < verb->least || cli->operand_count > verb->most) {
		fprintf(stderr, "sekisho: %s takes %s%d operand%s%s, %d given\n", verb->name,
			verb->least < verb->most && verb->least == 0 ? "at most " : "",
			verb->least == 0 ? verb->most : verb->least,
			verb->least == 1 || verb->most == 1 ? "" : "s",
			verb->most == ANY_NUMBER ? " or more" : "", cli->operand_count);
		return 0;
	}
	return 1;
}

/* A reader that went away (`| head`) is no failure of ours; a full disk is. */
static int output_close(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE || errno == 0)
		return code;
	fprintf(stderr, "sekisho: cannot write the output: %s\n", strerror(errno));
	return CLI_FAILED;
}

enum cli_exit cli_write(const struct cli *cli, const char *text, size_t length)
{
	FILE *to;
	int failed;

	if (!cli->to) {
		fwrite(text, 1, length, stdout);
		return CLI_OK; /* main() looks after stdout */
	}
	to = fopen(cli->to, "we");
	failed = !to || fwrite(text, 1, length, to) != length;
	if (to && fclose(to))
		failed = 1;
	if (!failed)
		return CLI_OK;
	fprintf(stderr, "sekisho: cannot write %s: %s\n", cli->to, strerror(errno));
	return CLI_FAILED;
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? verb_find(argv[1]) : NULL;
	struct cli cli = {0};
	int letter;

	signal(SIGPIPE, SIG_IGN);
	if (!verb) {
		if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
				 strcmp(argv[1], "help") == 0)) {
			print_usage(stdout);
			return output_close(CLI_OK);
		}
		if (argc > 1 && strcmp(argv[1], "--version") == 0) {
			puts("sekisho " SEKISHO_VERSION);
			return output_close(CLI_OK);
		}
		if (argc > 1)
			fprintf(stderr, "sekisho: no verb \"%s\"\n\n", argv[1]);
		print_usage(stderr);
		return CLI_USAGE;
	}
	cli.verb = verb->name;
	/* The verb stands where getopt expects the program's name; keep its messages readable. */
	argv[1] = argv[0];
	argv++;
	argc--;
	while ((letter = getopt_long(argc, argv, "o:c:h", long_options, NULL)) != -1) {
		if (letter == 'h') {
			printf("usage: sekisho %s %s\n%s\n", verb->name, verb->usage, verb->does);
			return output_close(CLI_OK);
		}
		if (letter == '?' || option_take(&cli, verb, letter))
			return CLI_USAGE;
	}
	cli.operands = argv + optind;
	cli.operand_count = argc - optind;
	if (!cli_complete(&cli, verb)) {
		fprintf(stderr, "usage: sekisho %s %s\n", verb->name, verb->usage);
		return CLI_USAGE;
	}
	return output_close(verb->run(&cli));
}
