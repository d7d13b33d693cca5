/* SPDX-License-Identifier: BSD-3-Clause */
/* appliance.c: the appliance file: edges, workers, memory, sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "spelling.h"

#define FLOWS_DEFAULT 1048576u
#define FLOWS_MIN     1024u
#define FLOWS_MAX     (1u << 28)
#define SAVE_INTERVAL         60 /* seconds between two saves of the flows */
#define SAVE_INTERVAL_MIN     5
#define SAVE_INTERVAL_MAX     86400
#define RECORDS_INTERVAL_MIN  1
#define RECORDS_INTERVAL      600 /* seconds: as long as AWS allows (AWS-160) */
#define RECORDS_MEGABYTES     100
#define RECORDS_MEGABYTES_MAX 65536
#define RECORDS_HOURS_MAX     8784 /* of a year */
#define RECORDS_KEEP          5
#define RECORDS_KEEP_MAX      100
#define LCORE_MAX     127

/* An appliance with what its plain struct points into. */
struct whole {
	struct config_appliance appliance; /* first, so that both have one address */
	struct schema_appliance *schema;
	char *name;
	char *paths[5 + CONFIG_EDGES_MAX]; /* policy, shadow, state, records, and the edges' policies */
	unsigned path_count;
	struct config_edge edges[CONFIG_EDGES_MAX];
	uint16_t workers[CONFIG_WORKERS_MAX];
};

struct builder {
	struct whole *whole;
	const struct reader *reader;
	struct config_errors *errors;
};

#define SAY(b, path, ...) reader_error((b)->reader, (b)->errors, path, __VA_ARGS__)

/* A path as written, relative to the folder of the appliance file. */
static const char *resolve(struct builder *builder, const char *path)
{
	struct whole *whole = builder->whole;
	const char *slash = strrchr(whole->name, '/');
	char *resolved;

	if (path[0] == '/' || slash == NULL)
		return path;
	if (asprintf(&resolved, "%.*s/%s", (int)(slash - whole->name), whole->name, path) < 0) {
		reader_error_at(whole->name, 0, 0, builder->errors, "not enough memory");
		return path;
	}
	whole->paths[whole->path_count++] = resolved;
	return resolved;
}

/* Whether DPDK calls both the same: by what stands before the first comma, and PCI's domain 0 may be left out. */
static bool is_same_device(const char *one, const char *other)
{
	static const char domain[] = "0000:";
	size_t length;

	one += strncmp(one, domain, strlen(domain)) == 0 ? strlen(domain) : 0;
	other += strncmp(other, domain, strlen(domain)) == 0 ? strlen(domain) : 0;
	length = strcspn(one, ",");
	return strcspn(other, ",") == length && strncmp(one, other, length) == 0;
}

static void build_edge(struct builder *builder, size_t i)
{
	struct whole *whole = builder->whole;
	const struct schema_edge *from = &whole->schema->edges[i];
	struct config_edge *to = &whole->edges[i];
	char at[64];

	*to = (struct config_edge){
		.name = from->name,
		.device = {[SEKISHO_EGRESS] = from->inside.device,
			   [SEKISHO_INGRESS] = from->outside.device},
		.policy = from->policy ? resolve(builder, from->policy) : whole->appliance.policy,
	};
	for (unsigned d = 0; d < 2; d++) {
		const char *side = d == SEKISHO_EGRESS ? "inside" : "outside";

		snprintf(at, sizeof(at), "edges[%zu].%s.device", i, side);
		if (to->device[d][0] == '\0')
			SAY(builder, at, "the %s port of edge '%s' has no device", side, to->name);
		for (size_t j = 0; j <= i; j++) {
			for (unsigned e = 0; e < (j == i ? d : 2u); e++)
				if (is_same_device(whole->edges[j].device[e], to->device[d]))
					SAY(builder, at, "device '%.*s' is used twice",
					    (int)strcspn(to->device[d], ","), to->device[d]);
		}
	}
	snprintf(at, sizeof(at), "edges[%zu].name", i);
	for (size_t j = 0; j < i; j++) {
		if (strcmp(whole->edges[j].name, to->name) == 0)
			SAY(builder, at, "edge '%s' is there twice", to->name);
	}
}

static void build_edges(struct builder *builder)
{
	struct whole *whole = builder->whole;
	size_t count = whole->schema->edges_count;

	if (count == 0 || count > CONFIG_EDGES_MAX) {
		SAY(builder, "edges", "%zu edges, 1..%d are allowed", count, CONFIG_EDGES_MAX);
		return;
	}
	for (size_t i = 0; i < count; i++)
		build_edge(builder, i);
	whole->appliance.edges = whole->edges;
	whole->appliance.edge_count = count;
}

static void build_workers(struct builder *builder)
{
	struct whole *whole = builder->whole;
	size_t count = whole->schema->workers_count;

	whole->workers[0] = 1;
	whole->appliance.workers = whole->workers;
	whole->appliance.worker_count = 1;
	if (!reader_has(builder->reader, "workers"))
		return;
	if (count == 0 || count > CONFIG_WORKERS_MAX) {
		SAY(builder, "workers", "%zu workers, 1..%d are allowed", count,
		    CONFIG_WORKERS_MAX);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char at[64];

		snprintf(at, sizeof(at), "workers[%zu]", i);
		whole->workers[i] = whole->schema->workers[i];
		if (whole->workers[i] > LCORE_MAX)
			SAY(builder, at, "lcore %u is out of bounds: 0..%d", whole->workers[i],
			    LCORE_MAX);
		for (size_t j = 0; j < i; j++) {
			if (whole->workers[j] == whole->workers[i])
				SAY(builder, at, "lcore %u is there twice", whole->workers[i]);
		}
	}
	whole->appliance.worker_count = count;
}

/* The position of a word in a NULL-terminated list. */
static int word_of(struct builder *builder, const char *word, const char *const *words,
		   const char *path)
{
	struct spelling known = {.word_at = spelling_word_at, .list = words};
	char hint[SPELLING_HINT];

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
		known.count++;
	}
	SAY(builder, path, "'%s' is not allowed%s", word, spelling_hint(hint, word, &known));
	return 0;
}

/* Where metrics are told: nowhere unless the key is there. */
static void build_metrics(struct builder *builder)
{
	struct config_appliance *to = &builder->whole->appliance;
	const struct schema_appliance *from = builder->whole->schema;

	if (!reader_has(builder->reader, "metrics"))
		return;
	if (from->metrics.port == NULL && from->metrics.socket == NULL)
		SAY(builder, "metrics", "metrics need a port, a socket or both");
	if (from->metrics.port != NULL && (*from->metrics.port < 1 || *from->metrics.port > 65535))
		SAY(builder, "metrics.port", "port %u is out of bounds: 1..65535",
		    *from->metrics.port);
	else if (from->metrics.port != NULL)
		to->metrics_port = (uint16_t)*from->metrics.port;
	to->metrics_socket = from->metrics.socket;
	if (to->metrics_socket == NULL)
		return;
	if (strlen(to->metrics_socket) > 100 || to->metrics_socket[0] == '\0')
		SAY(builder, "metrics.socket", "a socket's path has 1..100 bytes");
	if (strcmp(to->metrics_socket, to->socket) == 0 ||
	    strcmp(to->metrics_socket, to->readonly_socket) == 0)
		SAY(builder, "metrics.socket", "a control socket has the same path '%s'",
		    to->metrics_socket);
}

static void build_rest(struct builder *builder)
{
	static const char *const hugepages[] = {"auto", "yes", "no", NULL};
	static const char *const steering[] = {"auto", "rss", "software", NULL};
	static const char *const idle[] = {"poll", "sleep", NULL};
	static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
	struct config_appliance *to = &builder->whole->appliance;
	const struct schema_appliance *from = builder->whole->schema;

	if (from->steering != NULL)
		to->steering = word_of(builder, from->steering, steering, "steering");
	if (from->idle != NULL)
		to->idle = word_of(builder, from->idle, idle, "idle");
	to->flows = from->memory.flows ? *from->memory.flows : FLOWS_DEFAULT;
	if (to->flows < FLOWS_MIN || to->flows > FLOWS_MAX)
		SAY(builder, "memory.flows", "%u flows are out of bounds: %u..%u", to->flows,
		    FLOWS_MIN, FLOWS_MAX);
	if (from->memory.hugepages != NULL)
		to->hugepages =
			word_of(builder, from->memory.hugepages, hugepages, "memory.hugepages");
	to->socket = from->control.socket ? from->control.socket : "/run/sekisho/sekisho.sock";
	to->readonly_socket = from->control.readonly_socket ? from->control.readonly_socket
							    : "/run/sekisho/sekisho-ro.sock";
	if (strlen(to->socket) > 100 || to->socket[0] == '\0')
		SAY(builder, "control.socket", "a socket's path has 1..100 bytes");
	if (strlen(to->readonly_socket) > 100 || to->readonly_socket[0] == '\0')
		SAY(builder, "control.readonly_socket", "a socket's path has 1..100 bytes");
	if (strcmp(to->socket, to->readonly_socket) == 0)
		SAY(builder, "control", "both sockets have the same path '%s'", to->socket);
	to->group = from->control.group;
	to->dpdk_telemetry = from->dpdk_telemetry;
	to->link_mirror = from->link_mirror;
	build_metrics(builder);
	to->eal_arguments = (const char *const *)from->eal;
	to->eal_argument_count = from->eal_count;
	to->log_level = CONFIG_LOG_INFO;
	if (from->log.level != NULL)
		to->log_level = word_of(builder, from->log.level, levels, "log.level");
	to->audit = from->audit;
	to->user = from->privileges.user;
	to->seccomp = from->privileges.seccomp == NULL || *from->privileges.seccomp;
	if (from->state != NULL && from->state[0] == '\0')
		SAY(builder, "state", "the state directory has no name");
	else if (from->state != NULL)
		to->state = resolve(builder, from->state);
}

/* How often flows are saved. */
static void build_flow_image(struct builder *builder)
{
	struct config_appliance *to = &builder->whole->appliance;
	const uint32_t *interval = builder->whole->schema->flow_image.interval;

	to->save_interval = SAVE_INTERVAL;
	if (!reader_has(builder->reader, "flow_image"))
		return;
	if (to->state == NULL)
		SAY(builder, "flow_image", "flows are saved in the state directory: there is no state");
	if (interval != NULL)
		to->save_interval = *interval;
	if (to->save_interval != 0 &&
	    (to->save_interval < SAVE_INTERVAL_MIN || to->save_interval > SAVE_INTERVAL_MAX))
		SAY(builder, "flow_image.interval",
		    "%u is out of bounds: %d..%d seconds, or 0 for only when the daemon stops",
		    to->save_interval, SAVE_INTERVAL_MIN, SAVE_INTERVAL_MAX);
}

/* A record's file, which must have a name. */
static const char *record_file(struct builder *builder, const char *file, const char *path)
{
	if (file != NULL && file[0] != '\0')
		return resolve(builder, file);
	SAY(builder, path, "a record needs a file");
	return NULL;
}

/* An account is printed in a line of words. */
static bool is_account(const char *text)
{
	return text[0] != '\0' && strlen(text) <= 64 &&
	       strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") ==
		       strlen(text);
}

static void build_flow_log(struct builder *builder)
{
	const struct schema_records *from = &builder->whole->schema->records;
	struct config_records *to = &builder->whole->appliance.records;

	to->flow_log = record_file(builder, from->flow_log.file, "records.flow_log");
	to->flow_format = from->flow_log.format;
	reader_place(builder->reader, "records.flow_log.format", &to->flow_format_line,
		     &to->flow_format_column);
	to->account = from->flow_log.account_id;
	if (to->account != NULL && !is_account(to->account))
		SAY(builder, "records.flow_log.account_id",
		    "'%s' is no account: up to 64 letters, digits, '-', '_' and '.'", to->account);
	if (from->flow_log.interval != NULL)
		to->interval = *from->flow_log.interval;
	if (to->interval < RECORDS_INTERVAL_MIN || to->interval > RECORDS_INTERVAL)
		SAY(builder, "records.flow_log.interval", "%u is out of bounds: %d..%d seconds",
		    to->interval, RECORDS_INTERVAL_MIN, RECORDS_INTERVAL);
}

/* What is kept of packets: nothing unless the key is there. */
static void build_records(struct builder *builder)
{
	const struct schema_records *from = &builder->whole->schema->records;
	struct config_records *to = &builder->whole->appliance.records;
	uint32_t megabytes = from->rotate.megabytes ? *from->rotate.megabytes : RECORDS_MEGABYTES;

	to->interval = RECORDS_INTERVAL;
	to->rotate_keep = from->rotate.keep ? *from->rotate.keep : RECORDS_KEEP;
	to->rotate_bytes = (uint64_t)megabytes << 20;
	if (reader_has(builder->reader, "records.flow_log"))
		build_flow_log(builder);
	if (reader_has(builder->reader, "records.events"))
		to->events = record_file(builder, from->events.file, "records.events");
	if (to->events != NULL && to->flow_log != NULL && strcmp(to->events, to->flow_log) == 0)
		SAY(builder, "records.events.file", "the flow log has the same file '%s'", to->events);
	if (megabytes < 1 || megabytes > RECORDS_MEGABYTES_MAX)
		SAY(builder, "records.rotate.megabytes", "%u is out of bounds: 1..%d", megabytes,
		    RECORDS_MEGABYTES_MAX);
	if (from->rotate.hours != NULL)
		to->rotate_hours = *from->rotate.hours;
	if (from->rotate.hours != NULL &&
	    (to->rotate_hours < 1 || to->rotate_hours > RECORDS_HOURS_MAX))
		SAY(builder, "records.rotate.hours", "%u is out of bounds: 1..%d", to->rotate_hours,
		    RECORDS_HOURS_MAX);
	if (to->rotate_keep < 1 || to->rotate_keep > RECORDS_KEEP_MAX)
		SAY(builder, "records.rotate.keep", "%u is out of bounds: 1..%d", to->rotate_keep,
		    RECORDS_KEEP_MAX);
}

static void build(struct builder *builder)
{
	struct whole *whole = builder->whole;

	if (whole->schema->version != 1)
		SAY(builder, "version", "version %u is not known, only 1 is",
		    whole->schema->version);
	whole->appliance.name = whole->name;
	whole->appliance.policy = resolve(builder, whole->schema->policy);
	if (whole->schema->shadow != NULL && whole->schema->shadow[0] == '\0')
		SAY(builder, "shadow", "the shadow policy has no name");
	else if (whole->schema->shadow != NULL)
		whole->appliance.shadow = resolve(builder, whole->schema->shadow);
	build_edges(builder);
	build_workers(builder);
	build_rest(builder);
	build_flow_image(builder);
	build_records(builder);
}

struct config_appliance *config_appliance_load(const char *path, struct config_errors *errors)
{
	size_t length;
	char *text = reader_file(path, &length, errors);
	struct whole *whole = text ? calloc(1, sizeof(*whole)) : NULL;
	struct reader *reader = NULL;
	unsigned before = errors->count;

	if (whole == NULL) {
		if (text != NULL)
			reader_error_at(path, 0, 0, errors, "not enough memory");
		free(text);
		return NULL;
	}
	whole->name = strdup(path);
	if (whole->name != NULL)
		reader = reader_create(path, text, length, &schema_appliance_file, errors);
	if (reader != NULL)
		whole->schema = schema_load_appliance(path, reader, errors);
	if (whole->schema != NULL)
		build(&(struct builder){whole, reader, errors});
	if (whole->schema == NULL && errors->count == before)
		reader_error_at(path, 0, 0, errors, "not enough memory");
	if (whole->schema == NULL || errors->count != before) {
		config_appliance_destroy(&whole->appliance);
		whole = NULL;
	}
	reader_destroy(reader);
	free(text);
	return whole ? &whole->appliance : NULL;
}

void config_appliance_destroy(struct config_appliance *appliance)
{
	struct whole *whole = (struct whole *)appliance;

	if (whole == NULL)
		return;
	for (unsigned i = 0; i < whole->path_count; i++)
		free(whole->paths[i]);
	schema_free_appliance(whole->schema);
	free(whole->name);
	free(whole);
}
