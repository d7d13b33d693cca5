/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics.c: what Prometheus reads.
 *
 * A family is a row: a name, a type, a sentence, whose samples it has (a set: of the daemon, one a
 * reason, port, edge, worker or rule), and how a sample's value is got. Names and units follow
 * Prometheus's rules: base units, _total for what only counts up.
 */
#include "metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_version.h>

#include "counters.h"

#define PART_BYTES 16384

/* Samples that belong together by their labels. */
struct set {
	unsigned (*count)(const struct metrics_page *page);
	/* Write the labels without braces; false if there is no such sample. */
	bool (*labels)(FILE *to, const struct metrics_page *page, unsigned i);
};

struct family {
	const char *name, *type, *help;
	const struct set *set;
	uint64_t (*value)(const struct metrics_page *page, unsigned i);
};

static void label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			fputs("\\n", to);
		else if (*value == '\\' || *value == '"')
			fprintf(to, "\\%c", *value);
		else
			fputc(*value, to);
	}
	fputc('"', to);
}

/* ---- the daemon ------------------------------------------------------------------------------- */

static unsigned one_count(const struct metrics_page *page)
{
	return 1;
}

static bool one_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	return true;
}

static bool build_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	label(to, "version", SEKISHO_VERSION);
	fputc(',', to);
	label(to, "dpdk", rte_version());
	return true;
}

static const struct set one = {one_count, one_labels}, build = {one_count, build_labels};

static uint64_t build_value(const struct metrics_page *page, unsigned i)
{
	return 1;
}

static uint64_t start_value(const struct metrics_page *page, unsigned i)
{
	return (uint64_t)time(NULL) - (clock_ms() - page->daemon->started_ms) / 1000;
}

#define TOTAL(name, member)                                               \
	static uint64_t name(const struct metrics_page *page, unsigned i) \
	{                                                                 \
		return page->totals.member;                               \
	}
TOTAL(received_value, received)
TOTAL(sent_value, sent)
TOTAL(held_value, held)
TOTAL(flows_value, engines.flows)
TOTAL(capacity_value, engines.flows_capacity)
TOTAL(half_open_value, engines.flows_half_open)
TOTAL(created_value, engines.flows_created)
TOTAL(expired_value, engines.flows_expired)
TOTAL(recycled_value, engines.flows_recycled)
TOTAL(closed_value, engines.flows_closed)
TOTAL(available_value, engines.flows_available)
TOTAL(exceeded_value, engines.by_reason[SEKISHO_REASON_TABLE_FULL])

static uint64_t saves_value(const struct metrics_page *page, unsigned i)
{
	return page->daemon->save.saves;
}

static uint64_t save_failures_value(const struct metrics_page *page, unsigned i)
{
	return page->daemon->save.failures;
}

static uint64_t saved_value(const struct metrics_page *page, unsigned i)
{
	return page->daemon->save.last.time_ms / 1000;
}

static uint64_t refused_value(const struct metrics_page *page, unsigned i)
{
	return page->daemon->clients_refused;
}

static uint64_t resumed_value(const struct metrics_page *page, unsigned i)
{
	return page->daemon->resume.counts[SEKISHO_IMPORT_RESUMED];
}

/* ---- reasons ---------------------------------------------------------------------------------- */

static unsigned reasons_count(const struct metrics_page *page)
{
	return COUNTERS_REASON_COUNT;
}

static bool passed_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	if (i >= SEKISHO_REASON_COUNT || sekisho_reason_action(i) != SEKISHO_PASS)
		return false;
	label(to, "reason", sekisho_reason_word(i));
	return true;
}

static bool dropped_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	if (i < SEKISHO_REASON_COUNT && sekisho_reason_action(i) != SEKISHO_DROP)
		return false;
	label(to, "reason", counters_reason_word(i));
	return true;
}

static const struct set passed = {reasons_count, passed_labels};
static const struct set dropped = {reasons_count, dropped_labels};

static uint64_t reason_value(const struct metrics_page *page, unsigned i)
{
	return counters_by_reason(&page->totals, i);
}

/* ---- ports, edges, workers --------------------------------------------------------------------- */

static unsigned ports_count(const struct metrics_page *page)
{
	return page->daemon->edge_count * 2;
}

static const struct port *port_at(const struct metrics_page *page, unsigned i)
{
	return &page->daemon->edges[i / 2].ports[i % 2];
}

static bool port_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	label(to, "edge", page->daemon->edges[i / 2].name);
	fputc(',', to);
	label(to, "side", i % 2 == SEKISHO_EGRESS ? "inside" : "outside");
	fputc(',', to);
	label(to, "device", port_at(page, i)->device);
	return true;
}

static const struct set ports = {ports_count, port_labels};

static uint64_t port_up_value(const struct metrics_page *page, unsigned i)
{
	return port_link_up(port_at(page, i));
}

#define PORT(name, member)                                                \
	static uint64_t name(const struct metrics_page *page, unsigned i) \
	{                                                                 \
		struct port_totals totals;                                \
		port_totals_read(page->daemon, port_at(page, i), &totals); \
		return totals.member;                                     \
	}
PORT(port_received_value, received)
PORT(port_received_bytes_value, received_bytes)
PORT(port_sent_value, sent)
PORT(port_sent_bytes_value, sent_bytes)
#define X(id, key, word, sentence, whose) PORT(port_##key##_value, drops[PORT_DROP_##id])
PORT_DROPS(X)
#undef X

static uint64_t port_loss(const struct metrics_page *page, unsigned i, enum port_loss loss)
{
	uint64_t losses[PORT_LOSS_COUNT];

	port_losses_read(&page->daemon->edges[i / 2].ports[i % 2], losses);
	return losses[loss];
}

#define X(id, key, member, sentence)                                                     \
	static uint64_t port_driver_##key##_value(const struct metrics_page *page, unsigned i) \
	{                                                                                \
		return port_loss(page, i, PORT_LOSS_##id);                               \
	}
PORT_LOSSES(X)
#undef X

static unsigned edges_count(const struct metrics_page *page)
{
	return page->daemon->edge_count;
}

static bool edge_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	label(to, "edge", page->daemon->edges[i].name);
	return true;
}

static const struct set edges = {edges_count, edge_labels};

static uint64_t generation_value(const struct metrics_page *page, unsigned i)
{
	return page->daemon->edges[i].snapshot->generation;
}

static unsigned workers_count(const struct metrics_page *page)
{
	return page->daemon->worker_count;
}

static bool worker_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	fprintf(to, "lcore=\"%u\"", page->daemon->workers[i].lcore);
	return true;
}

static const struct set workers = {workers_count, worker_labels};

#define WORKER(name, member)                                                \
	static uint64_t name(const struct metrics_page *page, unsigned i)   \
	{                                                                   \
		return atomic_load_explicit(&page->daemon->workers[i].member, \
					    memory_order_relaxed);          \
	}
WORKER(heartbeat_value, heartbeat)
WORKER(handed_in_value, handed_in)
WORKER(handed_out_value, handed_out)
WORKER(handover_full_value, handover_full)

/* ---- rules ------------------------------------------------------------------------------------ */

static unsigned rules_count(const struct metrics_page *page)
{
	return sekisho_rule_names_count(page->daemon->names);
}

static bool rule_labels(FILE *to, const struct metrics_page *page, unsigned i)
{
	label(to, "rule", sekisho_rule_name(page->daemon->names, i));
	return true;
}

static const struct set rules = {rules_count, rule_labels};

#define RULE(name, member)                                                \
	static uint64_t name(const struct metrics_page *page, unsigned i) \
	{                                                                 \
		return counters_of_rule(page->daemon, i).member;          \
	}
RULE(rule_packets_value, packets)
RULE(rule_bytes_value, bytes)
RULE(rule_flows_value, flows)
RULE(rule_live_value, live)

/* clang-format off */
static const struct family families[] = {
	{"sekisho_build_info", "gauge", "What runs; always 1.", &build, build_value},
	{"sekisho_start_time_seconds", "gauge", "When it started, since the epoch.", &one, start_value},
	{"sekisho_packets_received_total", "counter", "Packets that all ports have received.", &one, received_value},
	{"sekisho_packets_sent_total", "counter", "Packets that all ports have sent.", &one, sent_value},
	{"sekisho_packets_held", "gauge", "Packets that wait for their verdict now.", &one, held_value},
	{"sekisho_packets_passed_total", "counter", "Packets that were admitted, by reason.", &passed, reason_value},
	{"sekisho_packets_dropped_total", "counter", "Packets that were dropped, by reason.", &dropped, reason_value},
	{"sekisho_flows", "gauge", "Flows in the table now.", &one, flows_value},
	{"sekisho_flows_capacity", "gauge", "Flows that there is room for.", &one, capacity_value},
	{"sekisho_flows_half_open", "gauge", "Half-open flows now.", &one, half_open_value},
	{"sekisho_flows_created_total", "counter", "Flows that were opened.", &one, created_value},
	{"sekisho_flows_expired_total", "counter", "Flows that ended by their timer.", &one, expired_value},
	{"sekisho_flows_recycled_total", "counter", "Flows that had to make room for others.", &one, recycled_value},
	{"sekisho_flows_closed_total", "counter", "Flows closed by policy, by their last answer, for a new opening, or by hand.", &one, closed_value},
	{"sekisho_conntrack_allowance_available", "gauge", "Flows that can still be opened.", &one, available_value},
	{"sekisho_conntrack_allowance_exceeded_total", "counter", "Packets dropped because no flow could be opened any more.", &one, exceeded_value},
	{"sekisho_flow_image_saves_total", "counter", "Times that the flows were saved.", &one, saves_value},
	{"sekisho_flow_image_failures_total", "counter", "Times that they could not be saved.", &one, save_failures_value},
	{"sekisho_flow_image_saved_seconds", "gauge", "When they were last saved, since the epoch; 0 if not yet.", &one, saved_value},
	{"sekisho_flows_resumed", "gauge", "Flows of the run before that have gone on.", &one, resumed_value},
	{"sekisho_clients_refused_total", "counter", "Clients of the control sockets for whom there was no place, memory or file descriptor.", &one, refused_value},
	{"sekisho_port_up", "gauge", "Whether the port has a link.", &ports, port_up_value},
	{"sekisho_port_received_packets_total", "counter", "Packets that the port has received.", &ports, port_received_value},
	{"sekisho_port_received_bytes_total", "counter", "Bytes that the port has received.", &ports, port_received_bytes_value},
	{"sekisho_port_sent_packets_total", "counter", "Packets that the port has sent.", &ports, port_sent_value},
	{"sekisho_port_sent_bytes_total", "counter", "Bytes that the port has sent.", &ports, port_sent_bytes_value},
#define X(id, key, word, sentence, whose) {"sekisho_port_" #key "_packets_total", "counter", "Packets lost at the port; each: " sentence ".", &ports, port_##key##_value},
	PORT_DROPS(X)
#undef X
#define X(id, key, member, sentence) {"sekisho_port_driver_" #key "_packets_total", "counter", "Packets lost by driver, NIC or kernel; each: " sentence ".", &ports, port_driver_##key##_value},
	PORT_LOSSES(X)
#undef X
	{"sekisho_policy_generation", "gauge", "The generation of the policy in force.", &edges, generation_value},
	{"sekisho_worker_handed_in_packets_total", "counter", "Packets that other workers have handed over to it.", &workers, handed_in_value},
	{"sekisho_worker_handed_out_packets_total", "counter", "Packets that it has handed over to other workers.", &workers, handed_out_value},
	{"sekisho_worker_handover_full_packets_total", "counter", "Packets that it could not hand over for lack of room.", &workers, handover_full_value},
	{"sekisho_worker_loops_total", "counter", "Rounds of the worker over its ports: its heartbeat.", &workers, heartbeat_value},
	{"sekisho_rule_packets_total", "counter", "Packets admitted by the rule or by a flow that it opened, or denied by an entry of a network ACL.", &rules, rule_packets_value},
	{"sekisho_rule_bytes_total", "counter", "Bytes of these packets.", &rules, rule_bytes_value},
	{"sekisho_rule_flows_total", "counter", "Flows that the rule has opened.", &rules, rule_flows_value},
	{"sekisho_rule_live_flows", "gauge", "Of these, flows in the table now.", &rules, rule_live_value},
};
/* clang-format on */
#define FAMILY_COUNT (sizeof(families) / sizeof(families[0]))

void metrics_page_init(struct metrics_page *page, const struct daemon *daemon)
{
	*page = (struct metrics_page){.daemon = daemon};
	daemon_totals_read(daemon, &page->totals);
}

/* One sample, or nothing where the set has none at this place. */
static void sample_write(const struct metrics_page *page, FILE *to)
{
	const struct family *family = &families[page->family];
	char *labels = NULL;
	size_t length = 0;
	FILE *text = open_memstream(&labels, &length);
	bool there;

	if (text == NULL)
		return;
	there = family->set->labels(text, page, page->sample);
	if (fclose(text) == 0 && there)
		fprintf(to, length > 0 ? "%s{%s} %" PRIu64 "\n" : "%s%s %" PRIu64 "\n",
			family->name, labels, family->value(page, page->sample));
	free(labels);
}

bool metrics_page_write(struct metrics_page *page, FILE *to)
{
	while (page->family < FAMILY_COUNT && ftell(to) < PART_BYTES) {
		const struct family *family = &families[page->family];

		if (page->sample == 0)
			fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
				family->name, family->type);
		if (page->sample < family->set->count(page)) {
			sample_write(page, to);
			page->sample++;
			continue;
		}
		page->sample = 0;
		page->family++;
	}
	return page->family < FAMILY_COUNT;
}
