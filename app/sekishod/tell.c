/* SPDX-License-Identifier: BSD-3-Clause */
/* tell.c: packets in words. */
#include "tell.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <explain.h>
#include <protocols.h>

#include "community_id.h"
#include "daemon.h"

void tell_init(struct tell *tell, const struct daemon *daemon, unsigned worker,
	       const struct tap_record *record, double time)
{
	const struct sekisho_frame frame = {.data = (const uint8_t *)(record + 1),
					    .captured = record->captured,
					    .length = record->length,
					    .direction = record->direction};
	const struct sekisho_tuple *tuple = &tell->tuple;

	*tell = (struct tell){.daemon = daemon, .record = record, .time = time, .worker = worker};
	sekisho_frame_tuple(&frame, &tell->tuple);
	tell->subject = (struct filter_subject){
		.family = tuple->family,
		.protocol = tuple->protocol,
		.direction = record->direction,
		.has_ports = tuple->has_ports,
		.address = {tuple->source, tuple->destination},
		.port = {tuple->source_port, tuple->destination_port},
		.edge = daemon->edges[record->zone].name,
		.rule = sekisho_rule_name(daemon->names, record->verdict.rule),
		.reason = sekisho_reason_word(record->verdict.reason),
		.verdict = record->verdict.action == SEKISHO_PASS ? "pass" : "drop",
	};
}

static void side_print(const struct sekisho_tuple *tuple, const uint8_t *address, uint16_t port,
		       char *text, size_t size)
{
	char plain[INET6_ADDRSTRLEN] = "?";
	bool six = tuple->family == SEKISHO_IPV6;

	inet_ntop(six ? AF_INET6 : AF_INET, address, plain, sizeof(plain));
	if (!tuple->has_ports)
		snprintf(text, size, "%s", plain);
	else
		snprintf(text, size, six ? "[%s]:%u" : "%s:%u", plain, port);
}

/* " flags=SA", or nothing. */
static void flags_print(uint8_t flags, char *text, size_t size)
{
	static const char letters[] = "FSRPAU";
	size_t used = 0;

	if (flags != 0)
		used = (size_t)snprintf(text, size, " flags=");
	for (unsigned i = 0; letters[i] != '\0' && used + 1 < size; i++)
		if (flags >> i & 1)
			text[used++] = letters[i];
	text[used] = '\0';
}

void tell_tuple(const struct sekisho_tuple *tuple, char *text, size_t size)
{
	const char *name = protocols_name(tuple->protocol);
	char number[16], from[64], to[64], flags[16], icmp[32] = "";

	if (tuple->family == 0) {
		snprintf(text, size, tuple->ether_type == 0x0806 ? "arp" : "ether-0x%04x",
			 tuple->ether_type);
		return;
	}
	snprintf(number, sizeof(number), "proto-%u", tuple->protocol);
	side_print(tuple, tuple->source, tuple->source_port, from, sizeof(from));
	side_print(tuple, tuple->destination, tuple->destination_port, to, sizeof(to));
	if (tuple->has_icmp)
		snprintf(icmp, sizeof(icmp), " type=%u code=%u", tuple->icmp_type,
			 tuple->icmp_code);
	flags_print(tuple->tcp_flags, flags, sizeof(flags));
	snprintf(text, size, "%s %s > %s%s%s%s", name != NULL ? name : number, from, to, icmp,
		 flags, tuple->is_fragment ? " fragment" : "");
}

/* Bytes in hexadecimal; NULL without memory. */
static json_t *frame_json(const struct tap_record *record, uint32_t snap)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *data = (const uint8_t *)(record + 1);
	uint32_t count = record->captured < snap ? record->captured : snap;
	char *text = malloc(2 * (size_t)count + 1);
	json_t *value;

	if (text == NULL)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	value = json_stringn_nocheck(text, 2 * (size_t)count);
	free(text);
	return value;
}

/* The numbers by which others find the packet's flow: ours, and that of all tools. */
static void ids_json(const struct tell *tell, json_t *event)
{
	uint64_t opened_by = tell->record->verdict.opened_by;
	char community[COMMUNITY_ID_SIZE];

	if (opened_by != 0)
		json_object_set_new(
			event, "flow_id",
			json_integer((json_int_t)((uint64_t)tell->worker << 32 | opened_by)));
	if (community_id(&tell->tuple, community))
		json_object_set_new(event, "community_id", json_string(community));
}

json_t *tell_packet(const struct tell *tell, const char *kind, uint32_t snap)
{
	const struct sekisho_verdict *verdict = &tell->record->verdict;
	const char *bound = sekisho_bound_word(verdict->bound);
	const struct edge *edge = &tell->daemon->edges[tell->record->zone];
	uint32_t semantics = atomic_load_explicit(&edge->semantics, memory_order_relaxed);
	char text[TELL_TUPLE_SIZE];
	json_t *event;

	tell_tuple(&tell->tuple, text, sizeof(text));
	event = json_pack(
		"{s:s,s:f,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s?,s:s?,s:o,s:I,s:I}", "event", kind,
		"time", tell->time, "edge", tell->subject.edge, "direction",
		sekisho_direction_word(tell->record->direction), "flow", text, "verdict",
		tell->subject.verdict, "reason", tell->subject.reason, "phase",
		sekisho_phase_word(sekisho_reason_phase(verdict->reason)), "clauses",
		explain_clauses(verdict->reason, semantics), "admitted_by",
		sekisho_admitted_by_word(sekisho_reason_admitted_by(verdict->reason)), "rule",
		tell->subject.rule, "opened_by",
		verdict->opened_by ? json_integer((json_int_t)verdict->opened_by) : json_null(),
		"packet", (json_int_t)verdict->packet, "length", (json_int_t)tell->record->length);
	if (event != NULL && bound != NULL)
		json_object_set_new(event, "bound", json_string(bound));
	if (event != NULL && snap == 0)
		ids_json(tell, event);
	if (event != NULL && snap > 0)
		json_object_set_new(event, "frame", frame_json(tell->record, snap));
	return event;
}
