/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_report.c: see bench_report.h. A row of the table is a row here, whichever way it is printed.
 */
#include "bench_report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <rte_version.h>

#include <jansson.h>

#include "bench_words.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

#define CELL 64

/* ---- the machine ------------------------------------------------------------------------------ */

struct machine {
	char cpu[128];
	char system[160];
	long cpus;
};

static void machine_read(struct machine *machine)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	struct utsname name;
	char line[256];

	snprintf(machine->cpu, sizeof(machine->cpu), "unknown cpu");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %127[^\n]", machine->cpu) == 1)
			break;
	if (file)
		fclose(file);
	machine->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (uname(&name) == 0)
		snprintf(machine->system, sizeof(machine->system), "%s %s", name.sysname,
			 name.release);
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* A number with a unit of thousands: "11.24 M". */
static void quantity(double value, char *text, size_t size)
{
	static const char *const units[] = {"", " k", " M", " G"};
	unsigned unit = 0;

	while (value >= 1000 && unit < 3) {
		value /= 1000;
		unit++;
	}
	snprintf(text, size, "%.*f%s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[unit]);
}

static void ns_cell(double ns, char *text, size_t size)
{
	if (ns > 0)
		snprintf(text, size, "%.1f", ns);
	else
		snprintf(text, size, "not enough memory");
}

static void packets_cell(const struct bench_report *report, const struct bench_result *result,
			 char *text)
{
	quantity(result->packets_per_s, text, CELL);
}

static void bits_cell(const struct bench_report *report, const struct bench_result *result,
		      char *text)
{
	snprintf(text, CELL, "%.2f", result->bits_per_s / 1e9);
}

static void opened_cell(const struct bench_report *report, const struct bench_result *result,
			char *text)
{
	quantity(result->flows_per_s, text, CELL);
}

static void whole_cell(const struct bench_report *report, const struct bench_result *result,
		       char *text)
{
	ns_cell(result->ns_per_packet, text, CELL);
}

static void receive_cell(const struct bench_report *report, const struct bench_result *result,
			 char *text)
{
	snprintf(text, CELL, "%.1f", result->stages.receive);
}

static void judge_cell(const struct bench_report *report, const struct bench_result *result,
		       char *text)
{
	snprintf(text, CELL, "%.1f", result->stages.judge);
}

static void transmit_cell(const struct bench_report *report, const struct bench_result *result,
			  char *text)
{
	snprintf(text, CELL, "%.1f", result->stages.transmit);
}

static void between_cell(const struct bench_report *report, const struct bench_result *result,
			 char *text)
{
	snprintf(text, CELL, "%.1f", result->stages.between);
}

static void shadowed_cell(const struct bench_report *report, const struct bench_result *result,
			  char *text)
{
	if (result->shadowed_ns > 0)
		snprintf(text, CELL, "%.1f (%.2f x)", result->shadowed_ns,
			 result->shadowed_ns / result->ns_per_packet);
	else
		snprintf(text, CELL, "not measured");
}

static void limit_cell(const struct bench_report *report, const struct bench_result *result,
		       char *text)
{
	ns_cell(report->limits.memory_ns, text, CELL);
}

static void ratio_cell(const struct bench_report *report, const struct bench_result *result,
		       char *text)
{
	if (report->limits.memory_ns > 0)
		snprintf(text, CELL, "%.2f", result->ns_per_packet / report->limits.memory_ns);
	else
		snprintf(text, CELL, "-");
}

static void hash_cell(const struct bench_report *report, const struct bench_result *result,
		      char *text)
{
	ns_cell(report->limits.hash_ns, text, CELL);
}

static void times_cell(const double us[BENCH_SHARES], char *text)
{
	if (us[0] > 0)
		snprintf(text, CELL, "%.1f / %.1f / %.1f", us[0], us[1], us[2]);
	else
		snprintf(text, CELL, "not measured");
}

static void burst_cell(const struct bench_report *report, const struct bench_result *result,
		       char *text)
{
	times_cell(result->burst_us, text);
}

static void first_load_cell(const struct bench_report *report, const struct bench_result *result,
			    char *text)
{
	times_cell(result->loads[0].latency_us, text);
}

static void second_load_cell(const struct bench_report *report, const struct bench_result *result,
			     char *text)
{
	times_cell(result->loads[1].latency_us, text);
}

static void third_load_cell(const struct bench_report *report, const struct bench_result *result,
			    char *text)
{
	times_cell(result->loads[2].latency_us, text);
}

static void bytes_cell(const struct bench_report *report, const struct bench_result *result,
		       char *text)
{
	snprintf(text, CELL, "%.0f", result->bytes_per_flow);
}

static void trials_cell(const struct bench_report *report, const struct bench_result *result,
			char *text)
{
	snprintf(text, CELL, "%u, %.1f %%", result->trials, result->spread_percent);
}

static const struct row {
	const char *title;
	void (*cell)(const struct bench_report *report, const struct bench_result *result,
		     char *text);
} rows[] = {
	{"packets/s", packets_cell},
	{"Gbit/s", bits_cell},
	{"new flows/s", opened_cell},
	{"ns/packet, of a core", whole_cell},
	{"  receive", receive_cell},
	{"  judge: parse to verdict, counters", judge_cell},
	{"  transmit", transmit_cell},
	{"  between two bursts", between_cell},
	{"  the whole with a shadow beside", shadowed_cell},
	{"memory limit, ns/packet", limit_cell},
	{"ratio to the memory limit", ratio_cell},
	{"rte_hash + 64 B update, ns", hash_cell},
	{"burst p50 / p99 / p99.9, us", burst_cell},
	{"latency, us, at 10 % of packets/s", first_load_cell},
	{"  at 50 %", second_load_cell},
	{"  at 90 %", third_load_cell},
	{"bytes/flow, table 85 % full", bytes_cell},
	{"trials, spread of ns/packet", trials_cell},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

/* What was not asked for has no row. */
static bool row_is_told(const struct bench_report *report, const struct row *row)
{
	return row->cell != shadowed_cell || report->shadow;
}

/* ---- as a table ------------------------------------------------------------------------------- */

void bench_report_table(FILE *to, const struct bench_report *report)
{
	char sentences[BENCH_SENTENCES][BENCH_SENTENCE], title[BENCH_SENTENCE], cell[CELL];
	struct machine machine;
	unsigned count;

	machine_read(&machine);
	bench_title_write(report, title, sizeof(title));
	fprintf(to, "%s\n%s, %ld cpus, %s, %s, %s\n\n%-36s", title, machine.cpu, machine.cpus,
		machine.system, rte_version(), COMPILER, "");
	for (unsigned i = 0; i < report->count; i++)
		fprintf(to, "  %24s", sekisho_semantics_word(report->results[i].semantics));
	fputc('\n', to);
	for (unsigned r = 0; r < ROW_COUNT; r++) {
		if (!row_is_told(report, &rows[r]))
			continue;
		fprintf(to, "%-36s", rows[r].title);
		for (unsigned i = 0; i < report->count; i++) {
			rows[r].cell(report, &report->results[i], cell);
			fprintf(to, "  %24s", cell);
		}
		fputc('\n', to);
	}
	fputc('\n', to);
	count = bench_remarks_write(report, sentences);
	for (unsigned i = 0; i < count; i++)
		fprintf(to, "%s\n", sentences[i]);
	count = bench_notes_write(report, sentences);
	for (unsigned i = 0; i < count; i++)
		fprintf(to, "%s\n", sentences[i]);
}

/* ---- as JSON ---------------------------------------------------------------------------------- */

/* A number with as many digits as it is worth. */
static json_t *figure(double value, double unit)
{
	return json_real(round(value / unit) * unit);
}

/* The same; null where it was not measured. */
static json_t *number(double value, double unit)
{
	return value > 0 ? figure(value, unit) : json_null();
}

static json_t *stages_json(const struct bench_stage_ns *stages)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "receive_ns", figure(stages->receive, 0.01),
			 "judge_ns", figure(stages->judge, 0.01), "transmit_ns",
			 figure(stages->transmit, 0.01), "between_ns",
			 figure(stages->between, 0.01));
}

static json_t *loads_json(const struct bench_load loads[BENCH_LOADS])
{
	json_t *list = json_array();

	for (unsigned i = 0; i < BENCH_LOADS; i++)
		json_array_append_new(
			list, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "load_percent",
					(int)bench_load_percent[i], "mpps",
					number(loads[i].packets_per_s / 1e6, 0.001), "p50_us",
					number(loads[i].latency_us[0], 0.01), "p99_us",
					number(loads[i].latency_us[1], 0.01), "p999_us",
					number(loads[i].latency_us[2], 0.01), "lost_percent",
					figure(loads[i].lost_percent, 0.001)));
	return list;
}

static json_t *result_json(const struct bench_report *report, const struct bench_result *result,
			   const struct machine *machine)
{
	const struct bench_limits *limits = &report->limits;
	double ratio = limits->memory_ns > 0 ? result->ns_per_packet / limits->memory_ns : 0;
	json_t *line = json_pack("{s:s, s:i, s:I, s:s, s:{s:i, s:i}}", "semantics",
				 sekisho_semantics_word(result->semantics), "cores",
				 (int)report->plan.cores, "flows", (json_int_t)report->plan.flows,
				 "size", report->plan.size == FRAMES_IMIX ? "imix" : "64", "mix",
				 "established", (int)(100 - report->plan.fresh_percent), "new",
				 (int)report->plan.fresh_percent);
	const struct {
		const char *key;
		double value, unit;
	} numbers[] = {
		{"ns_per_packet", result->ns_per_packet, 0.01},
		{"mpps", result->packets_per_s / 1e6, 0.001},
		{"gbit_per_s", result->bits_per_s / 1e9, 0.001},
		{"new_flows_per_s", result->flows_per_s, 1},
		{"bytes_per_flow", result->bytes_per_flow, 0.1},
		{"ports_ns", result->ports_ns, 0.01},
		{"memory_limit_ns", limits->memory_ns, 0.01},
		{"ratio_to_memory_limit", ratio, 0.001},
		{"rte_hash_ns", limits->hash_ns, 0.01},
		{"burst_p50_us", result->burst_us[0], 0.01},
		{"burst_p99_us", result->burst_us[1], 0.01},
		{"burst_p999_us", result->burst_us[2], 0.01},
		{"core_share_percent", 100 * result->core_share, 0.1},
		{"shadowed_ns_per_packet", result->shadowed_ns, 0.01},
		{"shadow_ratio", result->shadowed_ns / result->ns_per_packet, 0.01},
	};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(line, numbers[i].key,
				    number(numbers[i].value, numbers[i].unit));
	json_object_set_new(line, "stages", stages_json(&result->stages));
	json_object_set_new(line, "latency", loads_json(result->loads));
	json_object_set_new(line, "spread_percent", figure(result->spread_percent, 0.1));
	json_object_set_new(line, "policy",
			    json_string(report->policy ? report->policy : "100 rules"));
	json_object_set_new(line, "shadow",
			    report->shadow ? json_string(report->shadow) : json_null());
	json_object_set_new(line, "trials", json_integer(result->trials));
	json_object_set_new(line, "flows_alive", json_integer((json_int_t)result->flows));
	json_object_set_new(line, "clock_factor", json_integer(result->clock_factor));
	json_object_set_new(line, "dropped", json_integer((json_int_t)result->dropped));
	json_object_set_new(line, "not_sent", json_integer((json_int_t)result->unsent));
	if (bench_has_devices(report))
		json_object_set_new(
			line, "ports",
			json_pack("[s, s]", report->plan.devices[0], report->plan.devices[1]));
	json_object_set_new(line, "hugepages", json_boolean(report->hugepages));
	json_object_set_new(line, "cpu", json_string(machine->cpu));
	json_object_set_new(line, "cpus", json_integer(machine->cpus));
	json_object_set_new(line, "system", json_string(machine->system));
	json_object_set_new(line, "dpdk", json_string(rte_version()));
	json_object_set_new(line, "compiler", json_string(COMPILER));
	return line;
}

void bench_report_json(FILE *to, const struct bench_report *report)
{
	struct machine machine;

	machine_read(&machine);
	for (unsigned i = 0; i < report->count; i++) {
		json_t *line = result_json(report, &report->results[i], &machine);

		json_dumpf(line, to, JSON_COMPACT | JSON_REAL_PRECISION(10));
		fputc('\n', to);
		json_decref(line);
	}
}

/* ---- as a page -------------------------------------------------------------------------------- */

#define CHART_WIDTH   720
#define CHART_HEIGHT  220
#define CHART_BOTTOM  190 /* where the axis is */
#define SHARE_DECADES 5   /* from 0.001 % to 100 % */

static void html_text(FILE *to, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '&':
			fputs("&amp;", to);
			break;
		default:
			fputc(*text, to);
		}
}

static void html_element(FILE *to, const char *element, const char *text)
{
	fprintf(to, "<%s>", element);
	html_text(to, text);
	fprintf(to, "</%s>\n", element);
}

/* Times from 100 ns on, six decades of them. */
static double chart_x(double us)
{
	return (log10(us) + 1) * CHART_WIDTH / 6;
}

/* How often bursts took how long: both axes logarithmic. */
static void html_chart(FILE *to, const struct bench_result *result)
{
	static const char *const words[] = {"100 ns", "1 us", "10 us", "100 us", "1 ms", "10 ms"};
	double total = (double)histogram_total(&result->ticks);

	fprintf(to,
		"<h3>Bursts under %s: how long they take, and which share of them</h3>\n"
		"<svg viewBox='-50 0 %d %d' width='%d' height='%d'>\n",
		sekisho_semantics_word(result->semantics), CHART_WIDTH + 60, CHART_HEIGHT,
		CHART_WIDTH + 60, CHART_HEIGHT);
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		fprintf(to, "<path d='M%u 0V%u' class='g'/><text x='%u' y='%u'>%s</text>\n",
			i * CHART_WIDTH / 6, CHART_BOTTOM, i * CHART_WIDTH / 6, CHART_BOTTOM + 16,
			words[i]);
	for (unsigned i = 0; i < SHARE_DECADES; i++)
		fprintf(to, "<path d='M0 %uH%u' class='g'/><text x='-50' y='%u'>%g %%</text>\n",
			i * CHART_BOTTOM / SHARE_DECADES, CHART_WIDTH,
			i * CHART_BOTTOM / SHARE_DECADES + 10, 100 / pow(10, i));
	for (unsigned b = 1; b < HISTOGRAM_BUCKETS; b++) {
		double share = (double)result->ticks.count[b] / total, left, right, height;

		if (result->ticks.count[b] == 0)
			continue;
		left = chart_x(bench_us(histogram_bound(b - 1)));
		right = chart_x(bench_us(histogram_bound(b)));
		height = CHART_BOTTOM * (log10(share) / SHARE_DECADES + 1);
		if (height > 0 && left >= 0 && right <= CHART_WIDTH)
			fprintf(to, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f'/>\n", left,
				CHART_BOTTOM - height, right - left, height);
	}
	fputs("</svg>\n", to);
}

static void html_figures(FILE *to, const struct bench_report *report)
{
	char cell[CELL];

	fputs("<table>\n<tr><th></th>", to);
	for (unsigned i = 0; i < report->count; i++)
		html_element(to, "th", sekisho_semantics_word(report->results[i].semantics));
	fputs("</tr>\n", to);
	for (unsigned r = 0; r < ROW_COUNT; r++) {
		if (!row_is_told(report, &rows[r]))
			continue;
		fputs("<tr>", to);
		html_element(to, "td", rows[r].title);
		for (unsigned i = 0; i < report->count; i++) {
			rows[r].cell(report, &report->results[i], cell);
			html_element(to, "td", cell);
		}
		fputs("</tr>\n", to);
	}
	fputs("</table>\n", to);
}

void bench_report_html(FILE *to, const struct bench_report *report)
{
	char sentences[BENCH_SENTENCES][BENCH_SENTENCE], text[BENCH_SENTENCE];
	struct machine machine;
	unsigned count;

	machine_read(&machine);
	fputs("<!doctype html>\n<html lang='en'>\n<meta charset='utf-8'>\n<title>sekisho "
	      "bench</title>\n"
	      "<style>body{font:15px sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
	      "td,th{padding:.2em 1em;text-align:right;border-bottom:1px solid #ddd}"
	      "td:first-child{text-align:left;white-space:pre}table{border-collapse:collapse}"
	      "svg text{font-size:12px}svg rect{fill:#0072b2}.g{stroke:#ddd}</style>\n"
	      "<h1>sekisho bench</h1>\n",
	      to);
	bench_title_write(report, text, sizeof(text));
	html_element(to, "p", text);
	snprintf(text, sizeof(text), "%s, %ld cpus, %s, %s, %s, sekisho " SEKISHO_VERSION,
		 machine.cpu, machine.cpus, machine.system, rte_version(), COMPILER);
	html_element(to, "p", text);
	html_figures(to, report);
	count = bench_remarks_write(report, sentences);
	for (unsigned i = 0; i < count; i++)
		html_element(to, "p", sentences[i]);
	for (unsigned i = 0; i < report->count; i++)
		html_chart(to, &report->results[i]);
	fputs("<h3>How to read this</h3>\n", to);
	count = bench_notes_write(report, sentences);
	for (unsigned i = 0; i < count; i++)
		html_element(to, "p", sentences[i]);
	fputs("</html>\n", to);
}
