/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_log.c: sums of packets, and their lines. */
#include "flow_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 32 /* places where an entry may be */

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* (ID, name, version of AWS's format that brought it). Those without an own ID print `-`. */
/* clang-format off */
#define FIELDS(X) \
	X(VERSION, "version", 2) X(ACCOUNT, "account-id", 2) X(INTERFACE, "interface-id", 2) \
	X(SRCADDR, "srcaddr", 2) X(DSTADDR, "dstaddr", 2) X(SRCPORT, "srcport", 2) X(DSTPORT, "dstport", 2) \
	X(PROTOCOL, "protocol", 2) X(PACKETS, "packets", 2) X(BYTES, "bytes", 2) X(START, "start", 2) \
	X(END, "end", 2) X(ACTION, "action", 2) X(STATUS, "log-status", 2) \
	X(VPC, "vpc-id", 3) X(SUBNET, "subnet-id", 3) X(INSTANCE, "instance-id", 3) \
	X(TCP_FLAGS, "tcp-flags", 3) X(TYPE, "type", 3) X(PKT_SRCADDR, "pkt-srcaddr", 3) \
	X(PKT_DSTADDR, "pkt-dstaddr", 3) X(REGION, "region", 4) X(AZ, "az-id", 4) \
	X(SUBLOCATION_TYPE, "sublocation-type", 4) X(SUBLOCATION, "sublocation-id", 4) \
	X(SRC_SERVICE, "pkt-src-aws-service", 5) X(DST_SERVICE, "pkt-dst-aws-service", 5) \
	X(DIRECTION, "flow-direction", 5) X(PATH, "traffic-path", 5) X(REJECT_REASON, "reject-reason", 8) \
	X(RESOURCE, "resource-id", 9) X(ENCRYPTION, "encryption-status", 10)
/* clang-format on */

enum field {
#define X(id, name, version) FIELD_##id,
	FIELDS(X)
#undef X
		FIELD_COUNT
};

static const struct {
	const char *name;
	unsigned version;
} field_infos[] = {
#define X(id, name, version) {name, version},
	FIELDS(X)
#undef X
};

struct key {
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port, zone;
	uint8_t family, protocol, direction, accepted;
};

_Static_assert(sizeof(struct key) == 42, "no padding: keys are compared as bytes");

struct entry {
	struct key key;
	uint8_t tcp_flags;
	bool bad_flags;
	uint64_t packets; /* 0: free */
	uint64_t bytes;
	double first, last;
};

struct flow_log {
	struct flow_log_settings settings;
	struct entry *entries;
	bool *seen, *skipped; /* by zone */
	double since;
};

/* ---- format ----------------------------------------------------------------------------------- */

int flow_log_format_parse(struct flow_log_format *format, const char *text, char *message,
			  size_t size)
{
	*format = (struct flow_log_format){0};
	while (*(text += strspn(text, " ")) != '\0') {
		size_t length = strcspn(text, " ");
		unsigned field = 0;

		while (field < FIELD_COUNT &&
		       (length != strlen(field_infos[field].name) + 3 || text[0] != '$' ||
			text[1] != '{' || text[length - 1] != '}' ||
			memcmp(text + 2, field_infos[field].name, length - 3) != 0))
			field++;
		if (field == FIELD_COUNT || format->count == FLOW_LOG_FIELDS_MAX) {
			snprintf(message, size,
				 "'%.*s': a format has up to %d fields as ${srcaddr}, with the "
				 "names of "
				 "VPC Flow Logs",
				 length > 40 ? 40 : (int)length, text, FLOW_LOG_FIELDS_MAX);
			return -EINVAL;
		}
		format->fields[format->count++] = (uint8_t)field;
		if (field_infos[field].version > format->version)
			format->version = field_infos[field].version;
		text += length;
	}
	if (format->count > 0)
		return 0;
	snprintf(message, size, "a format has at least one field, as ${srcaddr}");
	return -EINVAL;
}

/* ---- sums ------------------------------------------------------------------------------------- */

struct flow_log *flow_log_create(const struct flow_log_settings *settings, double now)
{
	struct flow_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->settings = *settings;
	log->since = now;
	log->entries = calloc(settings->entries, sizeof(*log->entries));
	log->seen = calloc(settings->interface_count, sizeof(*log->seen));
	log->skipped = calloc(settings->interface_count, sizeof(*log->skipped));
	if (log->entries != NULL && log->seen != NULL && log->skipped != NULL)
		return log;
	flow_log_destroy(log);
	return NULL;
}

void flow_log_destroy(struct flow_log *log)
{
	if (log == NULL)
		return;
	free(log->entries);
	free(log->seen);
	free(log->skipped);
	free(log);
}

/* Multiply and fold, from the secret on: who does not know it cannot aim at a place. */
static uint32_t key_hash(const struct key *key, uint64_t secret)
{
	uint64_t words[6] = {0}, hash = secret;

	memcpy(words, key, sizeof(*key));
	for (unsigned i = 0; i < 6; i++) {
		unsigned __int128 product = (unsigned __int128)(hash ^ words[i]) *
					    (secret | UINT64_C(0x9e3779b97f4a7c15));

		hash = (uint64_t)product ^ (uint64_t)(product >> 64);
	}
	return (uint32_t)(hash ^ hash >> 32);
}

/* The entry of a key, new if there was none; NULL if there is no room. */
static struct entry *entry_find(struct flow_log *log, const struct key *key)
{
	uint32_t mask = log->settings.entries - 1, place = key_hash(key, log->settings.key);

	for (unsigned i = 0; i < PROBES; i++) {
		struct entry *entry = &log->entries[(place + i) & mask];

		if (entry->packets == 0) {
			*entry = (struct entry){.key = *key};
			return entry;
		}
		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	return NULL;
}

/* AWS-166: what a segment's flags add; ACK counts with SYN only. */
static void entry_add_flags(struct entry *entry, uint8_t flags)
{
	entry->bad_flags |= (flags & SYN) && (flags & (FIN | RST));
	entry->tcp_flags |= flags & (FIN | SYN | RST);
	if (flags & SYN)
		entry->tcp_flags |= flags & ACK;
}

void flow_log_add(struct flow_log *log, const struct flow_log_packet *packet)
{
	const struct sekisho_tuple *tuple = packet->tuple;
	struct key key = {.zone = packet->zone,
			  .family = tuple->family,
			  .protocol = tuple->protocol,
			  .direction = packet->direction,
			  .accepted = sekisho_reason_action(packet->reason) == SEKISHO_PASS};
	enum sekisho_admitted_by by = sekisho_reason_admitted_by(packet->reason);
	struct entry *entry;

	if (tuple->family == 0 || by == SEKISHO_BY_LIST || by == SEKISHO_BY_LINK)
		return;
	memcpy(key.source, tuple->source, sizeof(key.source));
	memcpy(key.destination, tuple->destination, sizeof(key.destination));
	if (tuple->has_ports) {
		key.source_port = tuple->source_port;
		key.destination_port = tuple->destination_port;
	}
	log->seen[packet->zone] = true;
	entry = entry_find(log, &key);
	if (entry == NULL) {
		log->skipped[packet->zone] = true;
		return;
	}
	if (entry->packets++ == 0)
		entry->first = packet->time;
	entry->last = packet->time;
	entry->bytes += tuple->ip_length;
	if (tuple->protocol == IPPROTO_TCP)
		entry_add_flags(entry, tuple->tcp_flags);
}

void flow_log_lose(struct flow_log *log)
{
	for (unsigned i = 0; i < log->settings.interface_count; i++)
		log->skipped[i] = true;
}

/* ---- lines ------------------------------------------------------------------------------------ */

/* One line: a sum, or what there is instead of one. */
struct line {
	const struct flow_log *log;
	const struct entry *entry; /* NULL: NODATA, SKIPDATA */
	const char *status;
	unsigned zone;
	double first, last;
};

static void address_print(const struct key *key, const uint8_t *address, char *text, size_t size)
{
	inet_ntop(key->family == SEKISHO_IPV6 ? AF_INET6 : AF_INET, address, text, (socklen_t)size);
}

/* A field that a sum has. */
static void entry_print(const struct entry *entry, enum field field, char *text, size_t size)
{
	const struct key *key = &entry->key;

	switch (field) {
	case FIELD_SRCADDR:
	case FIELD_PKT_SRCADDR:
		address_print(key, key->source, text, size);
		break;
	case FIELD_DSTADDR:
	case FIELD_PKT_DSTADDR:
		address_print(key, key->destination, text, size);
		break;
	case FIELD_SRCPORT:
		snprintf(text, size, "%u", key->source_port);
		break;
	case FIELD_DSTPORT:
		snprintf(text, size, "%u", key->destination_port);
		break;
	case FIELD_PROTOCOL:
		snprintf(text, size, "%u", key->protocol);
		break;
	case FIELD_PACKETS:
		snprintf(text, size, "%llu", (unsigned long long)entry->packets);
		break;
	case FIELD_BYTES:
		snprintf(text, size, "%llu", (unsigned long long)entry->bytes);
		break;
	case FIELD_ACTION:
		snprintf(text, size, "%s", key->accepted ? "ACCEPT" : "REJECT");
		break;
	case FIELD_TCP_FLAGS:
		if (!entry->bad_flags)
			snprintf(text, size, "%u", entry->tcp_flags);
		break;
	case FIELD_TYPE:
		snprintf(text, size, "IPv%u", key->family);
		break;
	case FIELD_DIRECTION:
		snprintf(text, size, "%s", sekisho_direction_word(key->direction));
		break;
	default:
		break;
	}
}

static void field_print(const struct line *line, enum field field, char *text, size_t size)
{
	const struct flow_log_settings *settings = &line->log->settings;

	snprintf(text, size, "-");
	switch (field) {
	case FIELD_VERSION:
		snprintf(text, size, "%u", settings->format.version);
		break;
	case FIELD_ACCOUNT:
		if (settings->account != NULL)
			snprintf(text, size, "%s", settings->account);
		break;
	case FIELD_INTERFACE:
		snprintf(text, size, "%s", settings->interfaces[line->zone]);
		break;
	case FIELD_START:
		snprintf(text, size, "%.0f", line->first);
		break;
	case FIELD_END:
		snprintf(text, size, "%.0f", line->last);
		break;
	case FIELD_STATUS:
		snprintf(text, size, "%s", line->status);
		break;
	default:
		if (line->entry != NULL)
			entry_print(line->entry, field, text, size);
		break;
	}
}

static void line_write(const struct line *line)
{
	const struct flow_log_settings *settings = &line->log->settings;
	char text[FLOW_LOG_LINE_MAX];
	size_t used = 0;

	for (unsigned i = 0; i < settings->format.count; i++) {
		char field[256];
		size_t length;

		field_print(line, settings->format.fields[i], field, sizeof(field));
		length = strlen(field);
		if (used + length + 2 > sizeof(text))
			break;
		memcpy(text + used, field, length);
		used += length;
		text[used++] = i + 1 < settings->format.count ? ' ' : '\n';
	}
	text[used - 1] = '\n';
	settings->write(settings->context, text, used);
}

/* A time as whole seconds: the one that it is in. */
static double second_of(double time)
{
	return (double)(int64_t)time;
}

void flow_log_flush(struct flow_log *log, double now)
{
	struct line line = {.log = log, .status = "OK"};

	for (uint32_t i = 0; i < log->settings.entries; i++) {
		struct entry *entry = &log->entries[i];

		if (entry->packets == 0)
			continue;
		line.entry = entry;
		line.zone = entry->key.zone;
		line.first = second_of(entry->first);
		line.last = second_of(entry->last);
		line_write(&line);
		entry->packets = 0;
	}
	line.entry = NULL;
	line.first = second_of(log->since);
	line.last = second_of(now);
	for (unsigned zone = 0; zone < log->settings.interface_count; zone++) {
		line.zone = zone;
		line.status = log->skipped[zone] ? "SKIPDATA" : "NODATA";
		if (log->skipped[zone] || !log->seen[zone])
			line_write(&line);
		log->seen[zone] = log->skipped[zone] = false;
	}
	log->since = now;
}
