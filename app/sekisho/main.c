/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c: the command line of `sekisho`.
 *
 * One row of the table a verb: what it is called, which options it takes and needs, how many
 * operands, who does it. All verbs share one option parser (options.c), so that an option means the
 * same everywhere and refusing one that a verb does not take costs no code in the verb.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

struct verb {
	const char *name;
	enum cli_exit (*run)(const struct cli *cli);
	const char *takes; /* letters of options.c */
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
	 "--a P1 --b P2 [--expect FILE] [--report FILE.html] [--limit N] PCAP|INSIDE "
	 "OUTSIDE|--witness[=static]",
	 "the packets that two policies judge differently; exit 1 if any (that FILE does not "
	 "have)"},
	{"scenario", cmd_scenario, "opI", "", 1, 1, "[--policy P] [--picture FILE.svg] FILE",
	 "timed packets in words, judged on a virtual clock; exit 1 if anything is not as "
	 "expected"},
	{"explain", cmd_explain, "opseAL", "", 1, ANY_NUMBER,
	 "[--edge NAME] PACKET | --policy P [--after PCAP] [PACKET|+TIME...] [--later TIME] PACKET",
	 "why a packet ('udp 192.0.2.1:500 > 192.0.2.2:500') would pass or not, and what would "
	 "change it"},
	{"check", cmd_check, "ose", "", 1, 1, "[--edge NAME] P",
	 "validate a policy, look through it, compare it with what runs; exit 1 if not valid"},
	{"import", cmd_import, "otP", "", 1, ANY_NUMBER,
	 "aws [--prefix-list ID=FILE] [--to FILE] FILE...",
	 "what describe-* and terraform show -json print, as a policy"},
	{"export", cmd_export, "ot", "", 2, 2, "aws [--to FILE] P",
	 "a policy as describe-* would print it"},
	{"doctor", cmd_doctor, "ocR", "", 0, 0, "[-c FILE] [--root DIR]",
	 "is this machine fit for the appliance FILE: what is not, and the command that mends it; "
	 "exit 1 if it will not run"},
	{"bench", cmd_bench, "opNmzMJHdGr", "", 0, 0,
	 "[--flows 1M] [--mix established:90,new:10] [--size 64|imix] [--semantics "
	 "both|aws-like|strict] [--policy P] [--shadow aws-like|strict] [--cores N] [--ports A,B] "
	 "[--duration 10s] [--report FILE.html]",
	 "how fast this machine tracks connections"},
	{"status", cmd_status, "os", "", 0, 0, "", "the running daemon: edges, workers, policy"},
	{"stats", cmd_stats, "os", "", 0, 0, "", "its counters, drops by reason included"},
	{"flows", cmd_flows, "OslfSCy", "", 0, 2,
	 "[--filter FILTER] [--sort KEY] [--limit N] [--cursor C] [--why] | kill FILTER",
	 "its live flows, the first by bytes, packets, age or expires; or close those that FILTER "
	 "means. "
	 "-o conntrack and -o csv are forms as well"},
	{"holes", cmd_holes, "osflpAL", "", 0, 0,
	 "[--filter FILTER] [--limit N] [--policy P --after PCAP [--later TIME]]",
	 "what comes in now only because of a flow and is listed by no inbound rule, the worst "
	 "first"},
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
	 "where its shadow policy would decide otherwise, and how often over TIME (1s if not "
	 "given); put P in its place"},
	{"top", cmd_top, "osi", "", 0, 0, "[--interval TIME]",
	 "a screen of its rates, flows, drops, ports and workers, anew every TIME (2s if not "
	 "given); q ends it"},
	{"policy", cmd_policy, "ose", "", 0, 0, "[--edge NAME]", "the policy that it enforces"},
	{"commit", cmd_commit, "osekg", "", 1, 1,
	 "[--edge NAME] [--confirm TIME] [--if-generation N] P",
	 "check a policy and make it the running one; with TIME (60s, 5m), only until then"},
	{"confirm", cmd_confirm, "os", "", 0, 1, "[N]",
	 "keep the policy that was committed with --confirm"},
	{"rollback", cmd_rollback, "osekg", "", 0, 1,
	 "[--edge NAME] [--confirm TIME] [--if-generation N] [N]",
	 "take back an unconfirmed commit; else go back to the policy before, or to generation N"},
	{"history", cmd_history, "os", "", 0, 0, "",
	 "which policies were in force, since when, and by whom"},
	{"state", cmd_state, "os", "", 1, 1, "save",
	 "save its flows now, as it does by itself now and then"},
	{"shutdown", cmd_shutdown, "os", "", 0, 0, "", "stop the daemon"},
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_usage(FILE *to)
{
	fprintf(to, "usage: sekisho VERB [-o table|json] ...\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		int width = fprintf(to, "  %s %s", verbs[i].name, verbs[i].usage);

		if (width > 30)
			width = fprintf(to, "\n") - 1;
		fprintf(to, "%*s%s\n", 31 - width, "", verbs[i].does);
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

/* Whether the verb has all that it needs; says what is missing. */
static int cli_complete(const struct cli *cli, const struct verb *verb)
{
	const char *lacking = options_lacking(cli, verb->needs);

	if (lacking) {
		fprintf(stderr, "sekisho: %s needs --%s\n", verb->name, lacking);
		return 0;
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
	switch (options_parse(&cli, verb->takes, argc, argv)) {
	case OPTIONS_WRONG:
		return CLI_USAGE;
	case OPTIONS_HELP:
		printf("usage: sekisho %s%s%s\n%s\n\n", verb->name, *verb->usage ? " " : "", verb->usage, verb->does);
		options_print(stdout, verb->takes);
		return output_close(CLI_OK);
	case OPTIONS_TAKEN:
		break;
	}
	if (!cli_complete(&cli, verb)) {
		fprintf(stderr, "usage: sekisho %s %s\n", verb->name, verb->usage);
		return CLI_USAGE;
	}
	return output_close(verb->run(&cli));
}
