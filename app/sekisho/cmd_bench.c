/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_bench.c: `sekisho bench`: how fast this machine tracks connections, and how near that is to what
 * its memory allows at all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_default.h"
#include "bench_report.h"
#include "cli.h"

#define FLOWS_MAX       (1u << 26)
#define FRESH_DEFAULT   10
#define SECONDS_DEFAULT 10
#define SECONDS_MAX     600
#define RULES           100 /* of the policy that is made when none is given */

/* The words of the command line, understood. */
struct request {
	struct bench_plan plan;
	enum sekisho_semantics semantics[2];
	unsigned semantics_count; /* 0: whatever the given policy says */
	enum sekisho_semantics shadow; /* of the policy beside it, if one is asked for */
	bool has_shadow;
	char flows_why[160];      /* that were not asked for; empty: nothing to say */
};

/* ---- the command line ------------------------------------------------------------------------- */

static bool refuse(const char *option, const char *given, const char *allowed)
{
	fprintf(stderr, "sekisho: --%s is \"%s\", must be %s\n", option, given, allowed);
	return false;
}

/* 1000000, 64k or 1M; k and M are 2^10 and 2^20. */
static bool flows_read(const char *text, uint32_t *flows)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	unsigned shift = 0;

	if (*end == 'k' || *end == 'M')
		shift = *end++ == 'k' ? 10 : 20;
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 ||
	    number > FLOWS_MAX >> shift)
		return refuse("flows", text, "a number from 1 to 64M");
	*flows = (uint32_t)(number << shift);
	return true;
}

static bool mix_read(const char *text, unsigned *fresh)
{
	unsigned established;
	int length = 0;

	if (sscanf(text, "established:%3u,new:%3u%n", &established, fresh, &length) == 2 &&
	    text[length] == '\0' && established + *fresh == 100 && (*fresh <= 50 || *fresh == 100))
		return true;
	return refuse(
		"mix", text,
		"as established:90,new:10: percents that make 100, and new at most 50, or 100");
}

static bool size_read(const char *text, enum frames_size *size)
{
	*size = strcmp(text, "imix") == 0 ? FRAMES_IMIX : FRAMES_64;
	return *size == FRAMES_IMIX || strcmp(text, "64") == 0 ||
	       refuse("size", text, "64 or imix");
}

static bool semantics_read(const char *text, struct request *request)
{
	for (unsigned s = SEKISHO_AWS_LIKE; s <= SEKISHO_STRICT; s++)
		if (strcmp(text, "both") == 0 || strcmp(text, sekisho_semantics_word(s)) == 0)
			request->semantics[request->semantics_count++] = s;
	return request->semantics_count > 0 ||
	       refuse("semantics", text, "aws-like, strict or both");
}

static bool shadow_read(const char *text, struct request *request)
{
	for (unsigned s = SEKISHO_AWS_LIKE; s <= SEKISHO_STRICT; s++)
		if (strcmp(text, sekisho_semantics_word(s)) == 0) {
			request->shadow = s;
			request->has_shadow = true;
		}
	return request->has_shadow || refuse("shadow", text, "aws-like or strict");
}

static bool request_read(const struct cli *cli, struct request *request)
{
	const struct cli_bench *given = &cli->bench;
	struct bench_plan *plan = &request->plan;
	long cores = given->cores ? cli_number(given->cores) : 1;
	long seconds = given->duration ? cli_duration_ms(given->duration) / 1000 : SECONDS_DEFAULT;

	plan->fresh_percent = FRESH_DEFAULT;
	if ((given->flows && !flows_read(given->flows, &plan->flows)) ||
	    (given->mix && !mix_read(given->mix, &plan->fresh_percent)) ||
	    (given->size && !size_read(given->size, &plan->size)))
		return false;
	if (cores < 1 || cores > BENCH_CORES_MAX)
		return refuse("cores", given->cores, "a number from 1 to 64");
	if (seconds < 1 || seconds > SECONDS_MAX)
		return refuse("duration", given->duration, "a time from 1s to 600s");
	if (given->ports && !bench_wire_devices(given->ports, plan->devices))
		return refuse("ports", given->ports,
			      "two DPDK devices that a cable joins, as 0000:00:06.0,0000:00:07.0");
	if (given->ports && cores > 1)
		return refuse("cores", given->cores, "1 with --ports");
	plan->cores = (unsigned)cores;
	plan->seconds = (double)seconds;
	if (plan->fresh_percent == 100)
		plan->flows = 0;
	else if (!given->flows)
		plan->flows = bench_default_flows(plan->cores, request->flows_why,
						  sizeof(request->flows_why));
	else if (plan->flows < plan->cores)
		return refuse("flows", given->flows, "at least as many as --cores");
	if ((given->semantics && !semantics_read(given->semantics, request)) ||
	    (given->shadow && !shadow_read(given->shadow, request)))
		return false;
	if (!cli->policy && request->semantics_count == 0)
		return semantics_read("both", request);
	return true;
}

/* ---- policies --------------------------------------------------------------------------------- */

static struct config_policy *policy_parse(const char *name, const char *text, size_t length)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse(name, text, length, &errors);

	if (!config)
		fputs(errors.text ? errors.text : "sekisho: out of memory\n", stderr);
	config_errors_fini(&errors);
	return config;
}

/* A policy of RULES rules, the last of which admits what is sent. */
static struct config_policy *policy_make(enum sekisho_semantics semantics)
{
	struct config_policy *config = NULL;
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	if (!to)
		return NULL;
	fprintf(to, "version: 1\nsemantics: %s\n", sekisho_semantics_word(semantics));
	fputs("endpoints: [{name: inside, addresses: [10.0.0.1/32], groups: [all]}]\n"
	      "groups:\n  - name: all\n    egress:\n",
	      to);
	for (unsigned i = 1; i < RULES; i++)
		fprintf(to,
			"      - {id: rule-%u, protocol: tcp, ports: %u, to: [172.16.%u.0/24]}\n",
			i, 1000 + i, i);
	fputs("      - {id: all-out, protocol: all, to: [0.0.0.0/0]}\n", to);
	if (fclose(to) == 0)
		config = policy_parse("a policy of its own", text, length);
	free(text);
	return config;
}

/* The user's policy with another word for its semantics, where the file says it in a line of its own. */
static struct config_policy *policy_change(const struct config_policy *given,
					   enum sekisho_semantics semantics)
{
	static const char key[] = "\nsemantics:";
	const size_t after = sizeof(key) - 1;
	const char *name = config_policy_name(given), *value;
	size_t length;
	const char *text = config_policy_text(given, &length);
	struct config_policy *config;
	char *changed;
	int printed;

	if (strncmp(text, key + 1, after - 1) == 0)
		value = text + after - 1;
	else if ((value = strstr(text, key)))
		value += after;
	if (!value) {
		fprintf(stderr,
			"sekisho: %s has no line \"semantics: ...\" to change; leave "
			"--semantics out\n",
			name);
		return NULL;
	}
	printed = asprintf(&changed, "%.*s %s%s", (int)(value - text), text,
			   sekisho_semantics_word(semantics), value + strcspn(value, "\n"));
	if (printed < 0)
		return NULL;
	config = policy_parse(name, changed, (size_t)printed);
	free(changed);
	return config;
}

static struct config_policy *policy_load(const char *path)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(path, &errors);

	if (!config)
		fputs(errors.text ? errors.text : "sekisho: out of memory\n", stderr);
	config_errors_fini(&errors);
	return config;
}

/* ---- all -------------------------------------------------------------------------------------- */

/* The policy to measure, under these semantics. */
static struct config_policy *policy_under(const struct config_policy *given,
					  enum sekisho_semantics semantics)
{
	return given ? policy_change(given, semantics) : policy_make(semantics);
}

/* Measure one policy. */
static enum cli_exit measure(struct bench *bench, const struct request *request,
			     const struct config_policy *given, enum sekisho_semantics semantics,
			     struct bench_report *report)
{
	struct config_policy *config = policy_under(given, semantics), *shadow = NULL;
	char message[BENCH_MESSAGE_MAX] = "";
	bool done;

	if (config && request->has_shadow)
		shadow = policy_under(given, request->shadow);
	if (!config || (request->has_shadow && !shadow)) {
		config_policy_destroy(config);
		return CLI_USAGE;
	}
	done = bench_policy(bench, config, shadow, &report->results[report->count], message);
	config_policy_destroy(config);
	if (done) {
		report->count++;
		return CLI_OK;
	}
	fprintf(stderr, "sekisho: %s\n", message);
	return CLI_FAILED;
}

static enum cli_exit measure_all(struct bench *bench, const struct request *request,
				 const struct config_policy *given, struct bench_report *report)
{
	enum cli_exit code = CLI_OK;

	for (unsigned i = 0; code == CLI_OK && i < request->semantics_count; i++)
		code = measure(bench, request, given, request->semantics[i], report);
	return code;
}

static enum cli_exit report_write(const struct cli *cli, const struct bench_report *report)
{
	FILE *to;
	int failed;

	if (cli->output == CLI_JSON)
		bench_report_json(stdout, report);
	else
		bench_report_table(stdout, report);
	if (!cli->report)
		return CLI_OK;
	to = fopen(cli->report, "we");
	if (to)
		bench_report_html(to, report);
	failed = !to || ferror(to);
	if (to && fclose(to))
		failed = 1;
	if (!failed)
		return CLI_OK;
	fprintf(stderr, "sekisho: cannot write %s\n", cli->report);
	return CLI_FAILED;
}

enum cli_exit cmd_bench(const struct cli *cli)
{
	char message[BENCH_MESSAGE_MAX] = "";
	struct request request = {0};
	struct bench_report report = {0};
	struct config_policy *given = NULL;
	struct bench *bench = NULL;
	enum cli_exit code;

	if (!request_read(cli, &request))
		return CLI_USAGE;
	if (cli->policy) {
		given = policy_load(cli->policy);
		if (!given)
			return CLI_USAGE;
		if (request.semantics_count == 0)
			request.semantics[request.semantics_count++] =
				config_policy_spec(given)->semantics;
	}
	report.plan = request.plan;
	report.policy = cli->policy;
	report.shadow = cli->bench.shadow;
	memcpy(report.flows_why, request.flows_why, sizeof(report.flows_why));
	bench = bench_create(&request.plan, &report.limits, message);
	if (bench) {
		report.hugepages = bench_has_hugepages(bench);
		code = measure_all(bench, &request, given, &report);
		if (report.count > 0 && report_write(cli, &report) != CLI_OK)
			code = CLI_FAILED;
		bench_destroy(bench);
	} else {
		fprintf(stderr, "sekisho: %s\n", message);
		code = CLI_FAILED;
	}
	config_policy_destroy(given);
	return code;
}
