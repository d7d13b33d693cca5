/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_image.c: flows as records, so that they outlive their engine: exported between bursts in small
 * steps, imported by an engine that has judged nothing yet.
 *
 * A record says nothing of the table that it came from: not where an entry stood, nor by which secret it
 * was found there. Its times are relative to the image's, and the numbers of its rules and its zone are
 * the exporter's, which whoever keeps the image has names for. What proofs remember is hashed with a key
 * of its own (sekisho_engine_config.proof_key), which goes with the image. Left behind are fragments,
 * packet numbers, and the counts of sources, which the importer makes anew.
 *
 * Each byte of a record is hostile. What a tracker would take for granted is checked by its own file
 * (track_memory_is_sound()); what may have any value, as sequence numbers may, is not.
 *
 * A record has the byte order of its machine, and the layout of this file: a change of struct flow's
 * unions, or of what proofs keep in extensions, changes the layout as well (SEKISHO_RECORD_LAYOUT).
 */
#include "job.h"

/* What is there of each; then the extension, if there is one. */
struct record {
	struct flow_key key;
	uint64_t bytes[2];
	uint32_t packets[2];
	uint32_t rule[2];
	uint32_t left_ms;   /* from the image's time on */
	uint32_t opened_ms; /* after the image's time: mostly before, so that it wraps */
	uint8_t state, opened, opener, grammar;
	uint16_t turns; /* or a mark: what is in the union of struct flow */
	uint8_t extended;
	uint8_t judged; /* a pair's entry: by the last policy, so that it may vouch */
	uint8_t track[24];
};

_Static_assert(sizeof(struct record) == 112 &&
		       sizeof(((struct flow *)0)->track) == sizeof(((struct record *)0)->track),
	       "a record has no padding and holds what its flow is tracked by");
_Static_assert(sizeof(struct record) + sizeof(struct flow) == SEKISHO_RECORD_MAX, "as it is told");

/*
 * No timer is longer, nor is what an address pair is remembered for: from the last packet on, which may have come
 * while the export was under way, at most so long after the image's time.
 */
#define EXPORT_MAX_MS (86400u * 1000u)
#define LEFT_MAX_MS   (432000u * 1000u + EXPORT_MAX_MS)

static bool is_pair(const struct flow_key *key)
{
	return key->family & FLOW_KEY_PAIR;
}

/* ---- exporting -------------------------------------------------------------------------------- */

static void record_make(const struct sekisho_engine *engine, const struct flow *flow,
			uint32_t base_ms, struct record *record)
{
	*record = (struct record){
		.key = flow->key,
		.bytes = {flow->bytes[0], flow->bytes[1]},
		.packets = {flow->packets[0], flow->packets[1]},
		.rule = {flow->rule[0], flow->rule[1]},
		.left_ms = flow->expires_at - base_ms,
		.opened_ms = flow->opened_at - base_ms,
		.state = flow->state,
		.opened = flow->opened,
		.opener = flow->opener,
		.grammar = flow->grammar,
		.turns = flow->syn_mark,
		.extended = flow->extension != FLOW_NONE,
		.judged = flow->generation == engine->zones[flow->key.zone].policy->generation,
	};
	memcpy(record->track, &flow->track, sizeof(record->track));
}

/* Write a flow's record; returns its length. */
static size_t record_write(const struct sekisho_engine *engine, const struct flow *flow,
			   uint32_t base_ms, uint8_t *to)
{
	struct flow memory;
	struct record record;

	record_make(engine, flow, base_ms, &record);
	memcpy(to, &record, sizeof(record));
	if (!record.extended)
		return sizeof(record);
	memcpy(&memory, flow_table_extension(&engine->table, flow), sizeof(memory));
	track_memory_move(&flow->key, flow->grammar, &memory, 0 - base_ms);
	memcpy(to + sizeof(record), &memory, sizeof(memory));
	return SEKISHO_RECORD_MAX;
}

size_t sekisho_engine_export(const struct sekisho_engine *engine, struct sekisho_export *under_way,
			     uint8_t *to, size_t room)
{
	const struct flow_table *table = &engine->table;
	uint32_t scan = SEKISHO_EXPORT_SCAN, flows = SEKISHO_EXPORT_FLOWS;
	size_t used = 0;

	while (scan-- > 0 && flows > 0 && room - used >= SEKISHO_RECORD_MAX &&
	       under_way->cursor < table->capacity) {
		const struct flow *flow = &table->flows[under_way->cursor++];

		if (flow->key.family == 0 || flow_time_reached(under_way->now_ms, flow->expires_at))
			continue;
		used += record_write(engine, flow, under_way->base_ms, to + used);
		under_way->records++;
		flows--;
	}
	under_way->done = under_way->cursor >= table->capacity;
	return used;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* A record and what it is extended by, aligned. */
struct entry {
	struct record record;
	struct flow memory;
};

static bool key_is_sound(const struct flow_key *key)
{
	static const uint8_t zero[12];
	uint8_t family = key->family & (uint8_t)~FLOW_KEY_PAIR;

	if (family == SEKISHO_IPV4 && (memcmp(key->local + 4, zero, sizeof(zero)) != 0 ||
				       memcmp(key->peer + 4, zero, sizeof(zero)) != 0))
		return false;
	if (is_pair(key) && (key->protocol != 0 || key->local_port != 0 || key->peer_port != 0))
		return false;
	return family == SEKISHO_IPV4 || family == SEKISHO_IPV6;
}

static bool state_is_sound(const struct record *record)
{
	bool tcp = record->key.protocol == IPPROTO_TCP, udp = record->key.protocol == IPPROTO_UDP;

	if (is_pair(&record->key))
		return record->state == 0 && record->opened == 0 && record->grammar == 0;
	if (record->opened < 1 || record->opened > 3 ||
	    record->grammar > (udp ? SEKISHO_GRAMMAR_COUNT : 0))
		return false;
	if (tcp)
		return record->state >= FLOW_SYN_SENT && record->state < FLOW_STATE_COUNT;
	return record->state <= (udp ? FLOW_STREAM : FLOW_ANSWERED);
}

static bool record_is_sound(const struct record *record, const struct sekisho_record_terms *terms)
{
	for (unsigned d = 0; d < 2; d++)
		if (record->rule[d] != SEKISHO_RULE_NONE && record->rule[d] >= terms->rule_count)
			return false;
	return key_is_sound(&record->key) && state_is_sound(record) &&
	       record->key.zone < terms->zone_count && record->left_ms <= LEFT_MAX_MS &&
	       record->opener <= 1 && record->extended <= 1 && record->judged <= 1 &&
	       (record->extended || !is_pair(&record->key));
}

/* Read what begins at `bytes`; returns its length, or 0 if it is no sound record. */
static size_t entry_read(const uint8_t *bytes, size_t length,
			 const struct sekisho_record_terms *terms, struct entry *entry)
{
	const struct record *record = &entry->record;

	if (length < sizeof(*record))
		return 0;
	memcpy(&entry->record, bytes, sizeof(entry->record));
	if (!record_is_sound(record, terms))
		return 0;
	if (!record->extended)
		return sizeof(*record);
	if (length < SEKISHO_RECORD_MAX)
		return 0;
	memcpy(&entry->memory, bytes + sizeof(*record), sizeof(entry->memory));
	return track_memory_is_sound(&record->key, record->grammar, &entry->memory)
		       ? SEKISHO_RECORD_MAX
		       : 0;
}

size_t sekisho_record_check(const uint8_t *bytes, size_t length,
			    const struct sekisho_record_terms *terms,
			    struct sekisho_record_owner *owner)
{
	struct entry entry;
	size_t read = entry_read(bytes, length, terms, &entry);
	const struct flow_key *key = &entry.record.key;

	if (read == 0)
		return 0;
	*owner = (struct sekisho_record_owner){
		.zone = key->zone,
		.family = key->family & (uint8_t)~FLOW_KEY_PAIR,
		.protocol = key->protocol,
		.is_pair = is_pair(key),
		.local_port = key->local_port,
		.peer_port = key->peer_port,
	};
	memcpy(owner->local, key->local, sizeof(owner->local));
	memcpy(owner->peer, key->peer, sizeof(owner->peer));
	return read;
}

/* ---- importing -------------------------------------------------------------------------------- */

/* The flow that a record tells of, not yet judged, and in no table. */
static struct flow flow_of(const struct record *record, const struct sekisho_record_terms *terms,
			   uint32_t base_ms)
{
	struct flow flow = {
		.key = record->key,
		.expires_at = base_ms + record->left_ms,
		.opened_at = base_ms + record->opened_ms,
		.state = record->state,
		.opened = record->opened & 3u,
		.opener = record->opener & 1u,
		.grammar = record->grammar,
		.extension = FLOW_NONE,
		.bytes = {record->bytes[0], record->bytes[1]},
		.packets = {record->packets[0], record->packets[1]},
	};

	flow.key.zone = terms->zones[record->key.zone];
	flow.syn_mark = record->turns;
	if (flow.state == FLOW_ESTABLISHED && !terms->exact)
		flow.state = FLOW_RESUMED;
	memcpy(&flow.track, record->track, sizeof(flow.track));
	for (unsigned d = 0; d < 2; d++)
		flow.rule[d] = record->rule[d] == SEKISHO_RULE_NONE ? SEKISHO_RULE_NONE
								    : terms->rules[record->rule[d]];
	return flow;
}

/* Room for a flow and its extension; one that has been answered may take that of one which has not. */
static bool make_room(struct flow_table *table, const struct flow *flow, uint32_t entries,
		      uint32_t now_ms)
{
	bool yields = !is_pair(&flow->key) && (flow_is_half_open(flow) || flow_is_unanswered(flow));

	for (uint32_t tries = 0; table->capacity - table->taken < entries; tries++)
		if (yields || tries == entries ||
		    !flow_age_recycle(table, now_ms, FLOW_VICTIM_UNANSWERED, NULL))
			return false;
	return true;
}

/* Put a flow into the table, in the place of an older state of it. NULL: no room. */
static struct flow *put(struct sekisho_engine *engine, const struct flow *flow,
			const struct flow *memory, uint32_t now_ms)
{
	struct flow_table *table = &engine->table;
	uint64_t hash = flow_table_hash(table, &flow->key);
	struct flow *place = flow_table_find(table, &flow->key, hash);

	if (place != NULL)
		flow_table_remove(table, place);
	if (!make_room(table, flow, memory == NULL ? 1 : 2, now_ms))
		return NULL;
	place = flow_table_insert(table, &flow->key, hash);
	if (place == NULL)
		return NULL;
	*place = *flow;
	place->rule[0] = place->rule[1] = SEKISHO_RULE_NONE;
	if (memory != NULL)
		memcpy(flow_table_extend(table, place), memory, sizeof(*memory));
	return place;
}

enum sekisho_import sekisho_engine_import(struct sekisho_engine *engine, uint32_t now_ms,
					  uint64_t down_ms, const uint8_t *bytes, size_t length,
					  const struct sekisho_record_terms *terms)
{
	const struct engine_zone *zone;
	struct entry entry;
	struct flow flow, *place;
	uint32_t base_ms = now_ms - (uint32_t)down_ms;

	if (entry_read(bytes, length, terms, &entry) == 0)
		return SEKISHO_IMPORT_UNSOUND;
	if (terms->zones[entry.record.key.zone] >= engine->config.zones)
		return SEKISHO_IMPORT_NO_ZONE;
	if (entry.record.left_ms <= down_ms)
		return SEKISHO_IMPORT_EXPIRED;
	flow = flow_of(&entry.record, terms, base_ms);
	zone = &engine->zones[flow.key.zone];
	if (is_pair(&flow.key))
		engine_pair_judge(zone->policy, &flow, entry.record.judged);
	else if (!engine_flow_judge(zone->policy, &flow))
		return SEKISHO_IMPORT_WITHDRAWN;
	if (entry.record.extended)
		track_memory_move(&flow.key, flow.grammar, &entry.memory, base_ms);
	place = put(engine, &flow, entry.record.extended ? &entry.memory : NULL, now_ms);
	if (place == NULL)
		return SEKISHO_IMPORT_NO_ROOM;
	if (is_pair(&flow.key)) {
		memcpy(place->rule, flow.rule, sizeof(place->rule));
		return SEKISHO_IMPORT_REMEMBERED;
	}
	engine->table.resumed_at = now_ms;
	limit_enter(&engine->table.limit, &zone->ceilings, place);
	for (unsigned d = 0; d < 2; d++)
		flow_table_set_rule(&engine->table, place, d, flow.rule[d]);
	return SEKISHO_IMPORT_RESUMED;
}
