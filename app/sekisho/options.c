/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options.c: see options.h.
 *
 * One row an option: what it is called, the letter by which a verb says that it takes it, what kind
 * of value it has, where in struct cli that goes, how the value is written and what it means. Help,
 * sekisho(1) and completion have their words from here.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, FLAG, NUMBER, DURATION, FORM, WITNESS, PREFIX_LIST, HELP };

struct row {
	const char *name;
	const char *shorter; /* as it is shown: "-o, ", or nothing */
	char letter;
	enum kind kind;
	size_t at;         /* in struct cli; of FORM, WITNESS, PREFIX_LIST and HELP unused */
	const char *value; /* with what stands between it and the name */
	const char *does;
};

#define AT(member) offsetof(struct cli, member)
#define FORMS      " table|json"
#define FLOW_FORMS " table|json|conntrack|csv"

static const struct row rows[] = {
	{"output", "-o, ", 'o', FORM, 0, FORMS,
	 "a table for people, or one object a line for programs"},
	{"output", "-o, ", 'O', FORM, 0, FLOW_FORMS,
	 "a table, one object a line, comma-separated values, or lines as of conntrack -L"},
	{"socket", "", 's', TEXT, AT(socket), " PATH",
	 "the daemon's control socket; not given, /run/sekisho/sekisho.sock, or sekisho-ro.sock "
	 "beside "
	 "it where that cannot be opened and nothing is changed"},
	{"edge", "", 'e', TEXT, AT(edge), " NAME",
	 "the edge that is meant, where edges have policies of their own"},
	{"policy", "", 'p', TEXT, AT(policy), " FILE", "the policy file that judges"},
	{"a", "", 'a', TEXT, AT(a), " FILE", "the one policy file"},
	{"b", "", 'b', TEXT, AT(b), " FILE", "the other policy file"},
	{"after", "", 'A', TEXT, AT(after), " PCAP", "begin with the flows that a capture leaves"},
	{"later", "", 'L', DURATION, AT(later_ms), " TIME", "and so much later (60s, 5m, 1h)"},
	{"witness", "", 'w', WITNESS, 0, "[=static]",
	 "without a capture: the shortest sequences of packets that make a difference; static: all "
	 "first packets that one policy admits and the other does not"},
	{"expect", "", 'x', TEXT, AT(expect), " FILE",
	 "what compare -o json has printed before: exit 0 if exactly that differs"},
	{"report", "", 'r', TEXT, AT(report), " FILE.html", "the same as a page for a browser"},
	{"picture", "", 'I', TEXT, AT(picture), " FILE.svg", "draw when each conversation is up"},
	{"prefix-list", "", 'P', PREFIX_LIST, 0, " ID=FILE",
	 "what get-managed-prefix-list-entries prints of the prefix list ID; may be given again"},
	{"to", "", 't', TEXT, AT(to), " FILE", "write there, not to stdout"},
	{"config", "-c, ", 'c', TEXT, AT(config), " FILE", "the appliance file"},
	{"root", "", 'R', TEXT, AT(root), " DIR", "where the /proc and /sys of the machine are"},
	{"flows", "", 'N', TEXT, AT(bench.flows), " NUMBER", "so many live flows, as 64k or 1M"},
	{"mix", "", 'm', TEXT, AT(bench.mix), " established:PERCENT,new:PERCENT",
	 "which share of the packets belongs to live flows, and which opens new ones"},
	{"size", "", 'z', TEXT, AT(bench.size), " 64|imix", "the frames, in bytes"},
	{"semantics", "", 'M', TEXT, AT(bench.semantics), " both|aws-like|strict",
	 "what is measured"},
	{"cores", "", 'J', TEXT, AT(bench.cores), " NUMBER", "so many workers"},
	{"shadow", "", 'H', TEXT, AT(bench.shadow), " aws-like|strict",
	 "what it costs to have the same policy under these semantics beside it as a shadow"},
	{"ports", "", 'G', TEXT, AT(bench.ports), " DEVICE,DEVICE",
	 "over two devices that a cable joins, not in memory"},
	{"duration", "", 'd', TEXT, AT(bench.duration), " TIME", "how long it takes in all"},
	{"filter", "", 'f', TEXT, AT(filter), " FILTER",
	 "only what is meant: 'proto udp and not port 500'; see FILTERS in sekisho(1)"},
	{"sort", "", 'S', TEXT, AT(sort), " bytes|packets|age|expires",
	 "the largest, the oldest, or the soonest to expire first"},
	{"limit", "", 'l', NUMBER, AT(limit), " NUMBER", "so many at most"},
	{"cursor", "", 'C', TEXT, AT(cursor), " CURSOR", "go on where a list was cut"},
	{"why", "", 'y', FLAG, AT(why), "", "which packet has opened each, under which rule"},
	{"kinds", "", 'K', TEXT, AT(kinds), " new,end,drop,policy,port,worker",
	 "only events of these kinds"},
	{"count", "", 'n', NUMBER, AT(count), " NUMBER", "end after so many"},
	{"for", "", 'F', DURATION, AT(for_ms), " TIME", "end after so long (60s, 5m, 1h)"},
	{"out", "", 'u', TEXT, AT(out), " FILE", "the pcapng file to write; - is stdout"},
	{"drops", "", 'D', FLAG, AT(drops), "", "only packets that are dropped"},
	{"bytes", "", 'B', NUMBER, AT(bytes), " NUMBER", "end before the file is larger"},
	{"interval", "", 'i', DURATION, AT(interval_ms), " TIME", "how long to measure"},
	{"watch", "", 'W', FLAG, AT(watch), "", "again and again"},
	{"off", "", 'X', FLAG, AT(off), "", "end the trial"},
	{"confirm", "", 'k', DURATION, AT(confirm_ms), " TIME",
	 "take it back after so long (60s, 5m, 1h) unless it is confirmed"},
	{"if-generation", "", 'g', NUMBER, AT(generation), " NUMBER",
	 "only while this generation is in force; not given, the one that is when the verb begins"},
	{"help", "-h, ", 'h', HELP, 0, "", "print this"},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* The row that a letter stands for; where two have its name, the one that is taken. */
static const struct row *row_find(int letter, const char *takes)
{
	const struct row *found = rows;

	while (found->letter != letter)
		found++;
	for (const struct row *row = rows; row < rows + ROW_COUNT; row++)
		if (strcmp(row->name, found->name) == 0 && strchr(takes, row->letter))
			return row;
	return found;
}

static void long_options_fill(struct option *options)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		int argument = rows[i].value[0] == '[' ? optional_argument : required_argument;

		options[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].value[0] == '\0' ? no_argument : argument,
			.val = rows[i].letter,
		};
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

/* Each takes the value of one option; returns 0, or -1 after a message. */
static int positive_take(const struct row *row, long value, long *to, const char *allowed)
{
	*to = value;
	if (value > 0)
		return 0;
	fprintf(stderr, "sekisho: --%s is \"%s\", must be %s\n", row->name, optarg, allowed);
	return -1;
}

static int form_take(struct cli *cli, const struct row *row)
{
	static const char *const words[] = {"table", "json", "conntrack", "csv"};
	bool all = strcmp(row->value, FLOW_FORMS) == 0;

	for (int i = 0; i < (all ? 4 : 2); i++)
		if (strcmp(optarg, words[i]) == 0) {
			cli->output = (enum cli_output)i;
			return 0;
		}
	fprintf(stderr, "sekisho: -o is \"%s\", must be table%sjson%s\n", optarg,
		all ? ", " : " or ", all ? ", conntrack or csv" : "");
	return -1;
}

static int witness_take(struct cli *cli)
{
	if (optarg && strcmp(optarg, "static") != 0) {
		fprintf(stderr, "sekisho: --witness is \"%s\", must be static or nothing\n",
			optarg);
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

static int row_take(struct cli *cli, const struct row *row)
{
	void *to = (char *)cli + row->at;

	switch (row->kind) {
	case TEXT:
		*(const char **)to = optarg;
		return 0;
	case FLAG:
		*(int *)to = 1;
		return 0;
	case NUMBER:
		return positive_take(row, cli_number(optarg), to, "a number from 1 on");
	case DURATION:
		return positive_take(row, cli_duration_ms(optarg), to, "a time as 60s, 5m or 1h");
	case FORM:
		return form_take(cli, row);
	case WITNESS:
		return witness_take(cli);
	case PREFIX_LIST:
		return prefix_list_take(cli);
	case HELP:
		break;
	}
	return -1;
}

enum options_result options_parse(struct cli *cli, const char *takes, int argc, char **argv)
{
	struct option options[ROW_COUNT + 1] = {0};
	int letter;

	long_options_fill(options);
	while ((letter = getopt_long(argc, argv, "o:c:h", options, NULL)) != -1) {
		const struct row *row;

		if (letter == '?')
			return OPTIONS_WRONG;
		row = row_find(letter, takes);
		if (row->kind == HELP)
			return OPTIONS_HELP;
		if (!strchr(takes, row->letter)) {
			fprintf(stderr, "sekisho: %s takes no --%s\n", cli->verb, row->name);
			return OPTIONS_WRONG;
		}
		if (row_take(cli, row))
			return OPTIONS_WRONG;
	}
	cli->operands = argv + optind;
	cli->operand_count = argc - optind;
	return OPTIONS_TAKEN;
}

const char *options_lacking(const struct cli *cli, const char *needs)
{
	for (; *needs; needs++) {
		const struct row *row = row_find(*needs, needs);

		if (!*(const char *const *)((const char *)cli + row->at))
			return row->name;
	}
	return NULL;
}

void options_print(FILE *to, const char *takes)
{
	for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
		char name[64];

		if (!strchr(takes, row->letter) && row->kind != HELP)
			continue;
		snprintf(name, sizeof(name), "%s--%s%s", row->shorter, row->name, row->value);
		if (strlen(name) > 28)
			fprintf(to, "  %s\n  %-28s %s\n", name, "", row->does);
		else
			fprintf(to, "  %-28s %s\n", name, row->does);
	}
}
