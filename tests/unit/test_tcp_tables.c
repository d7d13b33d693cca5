/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_tcp_tables.c: the scenarios of tests/tables/, TCP traces as rows, through the whole
 * engine.
 *
 * Each scenario runs under both semantics, with the opener inside and outside, in both families,
 * and with its sequence numbers at several places of their circle: at 0, and where 32 bits and
 * where the sign of a difference turn over. A row that is dropped must leave its flow as it was
 * (STRICT-7).
 *
 * A file is scenarios. A scenario begins with its title, "== CLAUSES: words"; then come
 * directives and rows. Empty lines and what follows a # say nothing.
 *
 *	DT DIRECTION FLAGS SEQ ACK LENGTH WINDOW [scale=N] | EXPECTED [| EXPECTED]
 *	DT DIRECTION quote SEQ | EXPECTED [| EXPECTED]
 *
 * DT is milliseconds since the row before. The direction is > from the side that opens, < from
 * the other. FLAGS are letters of SAFRPU, . for none. SEQ is in its sender's numbers and ACK in
 * its receiver's, - for none. `quote` is an ICMP error, packet too big, about a segment of the
 * other side. The first EXPECTED is under aws-like, the second under strict; one counts for
 * both:
 *
 *	REASON[:BOUND][/STATE]		STATE - is no flow
 *
 * Directives, before the rows or between them:
 *
 *	!rules opener | both | none | open	which sides' TCP the rules admit (opener unless said); open
 *						is from and to everywhere, so that AWS-10 tracks nothing
 *	!pickup no				aws.tcp_pickup
 *	!semantics other			go on under the other semantics
 *
 * The rules of `opener` are for the peer's address alone, so that all is tracked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "segments.h"

#include "../../lib/engine.h"

#define LINE_MAX_LENGTH 256
#define SCENARIO_LINES  80
#define SCENARIOS_MAX   256

struct line {
	int number; /* in its file */
	char text[LINE_MAX_LENGTH];
};

struct scenario {
	char title[LINE_MAX_LENGTH];
	const char *file;
	int count;
	struct line lines[SCENARIO_LINES];
};

/* One way to run a scenario. */
struct variant {
	enum sekisho_semantics semantics;
	uint8_t opener; /* enum sekisho_direction */
	uint8_t family;
	uint32_t base[2]; /* added to numbers of the opener, and of the other */
	uint32_t at_ms;
};

struct run {
	const struct scenario *scenario;
	const struct line *line;
	struct variant variant;
	struct bench bench;
	struct sekisho_policy_spec spec;
	char rules[8]; /* which sides' TCP they admit */
	uint32_t now;
};

#define FAIL(run, ...)                                                                          \
	do {                                                                                    \
		char why[2 * LINE_MAX_LENGTH];                                                  \
		snprintf(why, sizeof(why), __VA_ARGS__);                                        \
		fail_msg("%s:%d: %s, from %s, IPv%d, base %x: %s", (run)->scenario->file,       \
			 (run)->line->number, sekisho_semantics_word((run)->variant.semantics), \
			 (run)->variant.opener == SEKISHO_EGRESS ? "inside" : "outside",        \
			 (run)->variant.family, (run)->variant.base[0], why);                   \
	} while (0)

/* ---- policies ------------------------------------------------------------------------------ */

static void install(struct run *run)
{
	bool open = strcmp(run->rules, "open") == 0, both = open || strcmp(run->rules, "both") == 0;
	const struct sekisho_prefix *peers = open ? bench_everything : bench_peer;
	struct sekisho_rule_spec rules[2];
	size_t count = 0;

	for (unsigned d = 0; d < 2; d++) {
		if (both || (strcmp(run->rules, "opener") == 0 && d == run->variant.opener))
			rules[count++] =
				bench_rule(d == SEKISHO_EGRESS ? "t/out" : "t/in", (uint8_t)d,
					   open ? SEKISHO_PROTOCOL_ALL : 6, peers);
	}
	bench_install(&run->bench, &run->spec, rules, count);
}

static void directive(struct run *run, char *text)
{
	char *save = NULL, *word = strtok_r(text, " \t", &save),
	     *value = strtok_r(NULL, " \t", &save);

	if (value == NULL)
		FAIL(run, "a directive without a value");
	if (strcmp(word, "!rules") == 0)
		snprintf(run->rules, sizeof(run->rules), "%s", value);
	else if (strcmp(word, "!pickup") == 0)
		run->spec.aws.tcp_pickup = strcmp(value, "no") != 0;
	else if (strcmp(word, "!semantics") == 0)
		sekisho_policy_spec_init(&run->spec, run->spec.semantics == SEKISHO_STRICT
							     ? SEKISHO_AWS_LIKE
							     : SEKISHO_STRICT);
	else
		FAIL(run, "no directive: %s", word);
	install(run);
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* The flow that the scenario is about, or NULL. */
static struct flow *the_flow(struct run *run)
{
	struct flow_table *table = &run->bench.engine->table;

	for (uint32_t i = 0; i < table->capacity; i++) {
		if (table->flows[i].key.family != 0)
			return &table->flows[i];
	}
	return NULL;
}

static const char *state_now(struct run *run)
{
	struct sekisho_flow_info info;
	uint32_t cursor = 0;

	return sekisho_engine_flows(run->bench.engine, run->now, &cursor, UINT32_MAX, &info, 1) == 1
		       ? info.state
		       : "-";
}

static void expect(struct run *run, const struct sekisho_verdict *verdict, const char *expected)
{
	char copy[LINE_MAX_LENGTH], *state, *bound;
	const char *got = sekisho_bound_word(verdict->bound);

	snprintf(copy, sizeof(copy), "%s", expected);
	state = strchr(copy, '/');
	if (state != NULL)
		*state++ = '\0';
	bound = strchr(copy, ':');
	if (bound != NULL)
		*bound++ = '\0';
	if (strcmp(sekisho_reason_word(verdict->reason), copy) != 0)
		FAIL(run, "%s (%s), expected %s", sekisho_reason_word(verdict->reason),
		     got ? got : "no bound", copy);
	if (bound != NULL && (got == NULL || strcmp(got, bound) != 0))
		FAIL(run, "bound %s, expected %s", got ? got : "none", bound);
	if (state != NULL && strcmp(state_now(run), state) != 0)
		FAIL(run, "state %s, expected %s", state_now(run), state);
}

static void half_open_counts(struct run *run)
{
	struct flow *flow = the_flow(run);
	struct sekisho_stats stats;

	sekisho_engine_stats(run->bench.engine, &stats);
	if (stats.flows_half_open != (flow != NULL && flow_is_half_open(flow)))
		FAIL(run, "%u half-open flows", (unsigned)stats.flows_half_open);
}

static void send_frame(struct run *run, struct sekisho_frame frame, const char *expected)
{
	struct flow *flow = the_flow(run), before = {0};
	struct sekisho_verdict verdict;
	uint8_t *exact = malloc(frame.captured);

	if (flow != NULL)
		before = *flow;
	memcpy(exact, frame.data, frame.captured);
	frame.data = exact;
	sekisho_engine_burst(run->bench.engine, run->now, &frame, 1, &verdict);
	free(exact);
	expect(run, &verdict, expected);
	half_open_counts(run);
	if (verdict.action == SEKISHO_DROP && flow != NULL && flow == the_flow(run) &&
	    before.generation == flow->generation && memcmp(&before, flow, sizeof(before)) != 0)
		FAIL(run, "a dropped packet has changed the flow");
}

static uint8_t flags_of(struct run *run, const char *word)
{
	static const char letters[] = "FSRPAU";
	uint8_t flags = 0;

	for (; *word != '\0' && *word != '.'; word++) {
		const char *at = strchr(letters, *word);

		if (at == NULL)
			FAIL(run, "no flags: %s", word);
		flags |= (uint8_t)(1 << (at - letters));
	}
	return flags;
}

static uint32_t number(const char *word, uint32_t base)
{
	return strcmp(word, "-") == 0 ? 0 : base + (uint32_t)strtol(word, NULL, 0);
}

static void row(struct run *run, char *text, const char *expected)
{
	char *word[9] = {NULL}, *save = NULL;
	struct segment_spec spec = {.family = run->variant.family,
				    .scale = SEGMENT_NO_SCALE,
				    .local_port = 4000,
				    .peer_port = 443};
	uint8_t bytes[SEGMENT_FRAME_MAX];
	int count = 0;
	bool other;

	for (char *w = strtok_r(text, " \t", &save); w != NULL && count < 9;
	     w = strtok_r(NULL, " \t", &save))
		word[count++] = w;
	if (count < 4)
		FAIL(run, "no row");
	run->now += (uint32_t)strtoul(word[0], NULL, 10);
	other = word[1][0] == '<';
	if (strcmp(word[2], "quote") == 0) {
		spec.direction = other ? run->variant.opener : !run->variant.opener;
		spec.seq = number(word[3], run->variant.base[!other]);
		send_frame(run, segment_error(&spec, bytes), expected);
		return;
	}
	if (count < 7)
		FAIL(run, "no row");
	spec.direction = other ? !run->variant.opener : run->variant.opener;
	spec.flags = flags_of(run, word[2]);
	spec.seq = number(word[3], run->variant.base[other]);
	spec.ack = number(word[4], run->variant.base[!other]);
	spec.length = (uint32_t)strtoul(word[5], NULL, 10);
	spec.window = (uint16_t)strtoul(word[6], NULL, 10);
	if (count > 7)
		spec.scale = (uint8_t)strtoul(word[7] + strlen("scale="), NULL, 10);
	send_frame(run, segment_frame(&spec, bytes), expected);
}

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length > 0 && strchr(" \t\n", text[length - 1]))
		text[--length] = '\0';
	return text;
}

static void run_line(struct run *run)
{
	char text[LINE_MAX_LENGTH], *save = NULL, *packet, *expected[2];

	snprintf(text, sizeof(text), "%s", run->line->text);
	if (text[0] == '!') {
		directive(run, text);
		return;
	}
	packet = strtok_r(text, "|", &save);
	expected[0] = strtok_r(NULL, "|", &save);
	expected[1] = strtok_r(NULL, "|", &save);
	if (expected[0] == NULL)
		FAIL(run, "a row that expects nothing");
	row(run, packet,
	    trim(expected[run->variant.semantics == SEKISHO_STRICT && expected[1] != NULL]));
}

static void run_variant(const struct scenario *scenario, const struct variant *variant)
{
	struct run run = {.scenario = scenario,
			  .line = scenario->lines,
			  .variant = *variant,
			  .rules = "opener",
			  .now = variant->at_ms};

	bench_init(&run.bench, 64);
	sekisho_policy_spec_init(&run.spec, variant->semantics);
	install(&run);
	for (int i = 0; i < scenario->count; i++) {
		run.line = &scenario->lines[i];
		run_line(&run);
	}
	bench_fini(&run.bench);
}

/* ---- all ways of all scenarios ------------------------------------------------------------- */

static void run_scenario(void **state)
{
	static const struct {
		uint8_t family;
		uint32_t base[2], at_ms;
	} places[] = {
		{SEKISHO_IPV4, {0, 0}, 0},
		{SEKISHO_IPV6, {0, 0}, 0x7fffff00},
		{SEKISHO_IPV4, {0xffffff00, 0xfffffe00}, 0xfffffff0},
		{SEKISHO_IPV4, {0x7fffff00, 0xffffff00}, 0},
		{SEKISHO_IPV4, {0xfffff000, 0x7ffff000}, 0},
		{SEKISHO_IPV6, {0xffff0000, 0xffff8000}, 0xfffffff0},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (unsigned way = 0; way < 4; way++) {
			struct variant variant = {
				.semantics = way & 1 ? SEKISHO_STRICT : SEKISHO_AWS_LIKE,
				.opener = way & 2 ? SEKISHO_INGRESS : SEKISHO_EGRESS,
				.family = places[i].family,
				.base = {places[i].base[0], places[i].base[1]},
				.at_ms = places[i].at_ms};

			run_variant(*state, &variant);
		}
	}
}

static struct scenario *scenarios[SCENARIOS_MAX];
static size_t scenario_count;

/* Add the scenarios of a file. */
static void load(const char *path)
{
	char text[LINE_MAX_LENGTH], *line;
	struct scenario *scenario = NULL;
	FILE *file = fopen(path, "r");

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	for (int number = 1; fgets(text, sizeof(text), file) != NULL; number++) {
		if (strchr(text, '#') != NULL)
			*strchr(text, '#') = '\0';
		line = trim(text);
		if (*line == '\0')
			continue;
		if (strncmp(line, "==", 2) == 0) {
			scenario = calloc(1, sizeof(*scenario));
			snprintf(scenario->title, sizeof(scenario->title), "%s", trim(line + 2));
			scenario->file = strrchr(path, '/') + 1;
			scenarios[scenario_count++] = scenario;
		} else if (scenario == NULL || scenario->count == SCENARIO_LINES) {
			fprintf(stderr, "%s:%d: belongs to no scenario, or is too much\n", path,
				number);
			exit(1);
		} else {
			struct line *slot = &scenario->lines[scenario->count++];

			slot->number = number;
			memcpy(slot->text, line, strlen(line) + 1);
		}
		if (scenario_count == SCENARIOS_MAX)
			break;
	}
	fclose(file);
}

int main(void)
{
	static struct CMUnitTest tests[SCENARIOS_MAX];
	glob_t found;
	int failed;

	if (glob(SOURCE_ROOT "/tests/tables/*.tcp", 0, NULL, &found) != 0) {
		fprintf(stderr, "no tables\n");
		return 1;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		load(found.gl_pathv[i]);
	for (size_t i = 0; i < scenario_count; i++)
		tests[i] = (struct CMUnitTest){.name = scenarios[i]->title,
					       .test_func = run_scenario,
					       .initial_state = scenarios[i]};
	failed = _cmocka_run_group_tests("tables", tests, scenario_count, NULL, NULL);
	for (size_t i = 0; i < scenario_count; i++)
		free(scenarios[i]);
	globfree(&found);
	return failed;
}
