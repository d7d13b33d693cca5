/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragment.c: a pool of datagrams and one of held frames, both through free lists; see fragment.h.
 *
 * The spans of a datagram are kept ordered and merged, so that fragments in order need one, and an
 * overlap shows at the one place where a new span would go. Any overlap spoils the datagram, an
 * exact duplicate too: a receiver may keep either copy, and only one of them was judged.
 */
#include "fragment.h"

#include <string.h>

#define IPV4_LIFE_MS 30000u /* STRICT-71 */
#define IPV6_LIFE_MS 60000u
#define CHAIN_MAX    32 /* datagrams looked at in one bucket */

static uint32_t bucket_count(uint32_t datagrams)
{
	uint32_t count = 2;

	while (count < datagrams)
		count *= 2;
	return count;
}

static size_t align(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

static size_t datagrams_size(const struct fragment_limits *limits)
{
	return align(limits->datagrams * sizeof(struct fragment_datagram));
}

static size_t held_size(const struct fragment_limits *limits)
{
	return align(limits->frames * sizeof(struct fragment_held));
}

size_t fragment_table_size(const struct fragment_limits *limits)
{
	return datagrams_size(limits) + held_size(limits) +
	       bucket_count(limits->datagrams) * sizeof(uint32_t);
}

void fragment_table_init(struct fragment_table *table, const struct fragment_limits *limits,
			 void *memory, const uint8_t *random)
{
	const struct fragment_list none = {FRAGMENT_NONE, FRAGMENT_NONE};
	uint8_t *at = memory;

	memset(table, 0, sizeof(*table));
	table->limits = *limits;
	table->datagrams = (struct fragment_datagram *)at;
	table->held = (struct fragment_held *)(at + datagrams_size(limits));
	table->buckets = (uint32_t *)(at + datagrams_size(limits) + held_size(limits));
	table->bucket_mask = bucket_count(limits->datagrams) - 1;
	for (uint32_t i = 0; i < limits->datagrams; i++)
		table->datagrams[i].chain = i + 1 < limits->datagrams ? i + 1 : FRAGMENT_NONE;
	for (uint32_t i = 0; i < limits->frames; i++)
		table->held[i].next = i + 1 < limits->frames ? i + 1 : FRAGMENT_NONE;
	memset(table->buckets, 0xff, ((size_t)table->bucket_mask + 1) * sizeof(uint32_t));
	table->age[0] = table->age[1] = table->ready = none;
	flow_hash_secret_init(&table->secret, random);
}

/* ---- the pool of datagrams ------------------------------------------------------------------- */

/* IPv6 identifies by addresses and identification alone (RFC 8200, 4.5). */
static struct flow_key key_of(const struct packet *packet, uint16_t zone)
{
	struct flow_key key = {
		.local_port = (uint16_t)(packet->fragment_id >> 16),
		.peer_port = (uint16_t)packet->fragment_id,
		.zone = zone,
		.protocol = packet->family == 6 ? 0 : packet->protocol,
		.family = packet->family,
	};

	memcpy(key.local, packet->source, sizeof(key.local));
	memcpy(key.peer, packet->destination, sizeof(key.peer));
	return key;
}

static uint32_t *bucket_of(const struct fragment_table *table, const struct flow_key *key)
{
	return &table->buckets[flow_key_hash(key, &table->secret) & table->bucket_mask];
}

static struct fragment_list *age_of(struct fragment_table *table,
				    const struct fragment_datagram *datagram)
{
	return &table->age[datagram->key.family == 6];
}

static bool is_over(const struct fragment_datagram *datagram, uint32_t now)
{
	return (int32_t)(now - datagram->expires_at) >= 0;
}

/* The place that holds the index of a key's datagram, or of none; NULL if the chain is too long. */
static uint32_t *chain_find(struct fragment_table *table, const struct flow_key *key,
			    unsigned direction)
{
	uint32_t *link = bucket_of(table, key);

	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		struct fragment_datagram *datagram;

		if (*link == FRAGMENT_NONE)
			return link;
		datagram = &table->datagrams[*link];
		if (datagram->direction == direction && flow_key_equal(&datagram->key, key))
			return link;
		link = &datagram->chain;
	}
	return NULL;
}

static void age_append(struct fragment_table *table, struct fragment_datagram *datagram)
{
	struct fragment_list *age = age_of(table, datagram);
	uint32_t index = (uint32_t)(datagram - table->datagrams);

	datagram->older = age->last;
	datagram->newer = FRAGMENT_NONE;
	if (age->last == FRAGMENT_NONE)
		age->first = index;
	else
		table->datagrams[age->last].newer = index;
	age->last = index;
}

static void age_remove(struct fragment_table *table, const struct fragment_datagram *datagram)
{
	struct fragment_list *age = age_of(table, datagram);

	if (datagram->older == FRAGMENT_NONE)
		age->first = datagram->newer;
	else
		table->datagrams[datagram->older].newer = datagram->newer;
	if (datagram->newer == FRAGMENT_NONE)
		age->last = datagram->older;
	else
		table->datagrams[datagram->newer].older = datagram->older;
}

/* All that wait may leave, by one reason. */
static void let_go(struct fragment_table *table, struct fragment_datagram *datagram,
		   enum sekisho_reason reason)
{
	if (datagram->held_first == FRAGMENT_NONE)
		return;
	for (uint32_t i = datagram->held_first; i != FRAGMENT_NONE; i = table->held[i].next) {
		table->held[i].reason = (uint8_t)reason;
		table->held[i].rule = datagram->rule;
		table->held[i].opened_by = datagram->opened_by;
	}
	if (table->ready.last == FRAGMENT_NONE)
		table->ready.first = datagram->held_first;
	else
		table->held[table->ready.last].next = datagram->held_first;
	table->ready.last = datagram->held_last;
	datagram->held_first = datagram->held_last = FRAGMENT_NONE;
}

void fragment_forget(struct fragment_table *table, struct fragment_datagram *datagram)
{
	uint32_t index = (uint32_t)(datagram - table->datagrams);
	uint32_t *link = bucket_of(table, &datagram->key);

	let_go(table, datagram, SEKISHO_REASON_FRAGMENT_TIMEOUT);
	while (*link != index)
		link = &table->datagrams[*link].chain;
	*link = datagram->chain;
	age_remove(table, datagram);
	datagram->chain = table->free_datagram;
	table->free_datagram = index;
}

static struct fragment_datagram *begin(struct fragment_table *table, const struct flow_key *key,
				       uint32_t *link, const struct fragment_origin *origin)
{
	struct fragment_datagram *datagram;
	uint32_t index = table->free_datagram;

	if (index == FRAGMENT_NONE)
		return NULL;
	datagram = &table->datagrams[index];
	table->free_datagram = datagram->chain;
	*datagram = (struct fragment_datagram){
		.key = *key,
		.expires_at = origin->now + (key->family == 6 ? IPV6_LIFE_MS : IPV4_LIFE_MS),
		.chain = FRAGMENT_NONE,
		.held_first = FRAGMENT_NONE,
		.held_last = FRAGMENT_NONE,
		.direction = origin->direction,
		.spoilt = PACKET_REASON_NONE,
		.rule = UINT32_MAX,
	};
	*link = index;
	age_append(table, datagram);
	return datagram;
}

/* The live datagram of a packet, begun if there is none; NULL when there is no room. */
static struct fragment_datagram *datagram_of(struct fragment_table *table,
					     const struct packet *packet,
					     const struct fragment_origin *origin)
{
	struct flow_key key = key_of(packet, origin->zone);
	uint32_t *link;

	if (table->free_datagram == FRAGMENT_NONE)
		fragment_age(table, origin->now, 1);
	link = chain_find(table, &key, origin->direction);
	if (link != NULL && *link != FRAGMENT_NONE) {
		struct fragment_datagram *datagram = &table->datagrams[*link];

		if (!is_over(datagram, origin->now))
			return datagram;
		fragment_forget(table, datagram);
		link = chain_find(table, &key, origin->direction);
	}
	return link == NULL ? NULL : begin(table, &key, link, origin);
}

/* ---- bytes that have been seen --------------------------------------------------------------- */

/* Note bytes first .. past - 1; false if some of them were seen before. */
static bool span_add(struct fragment_datagram *datagram, uint16_t first, uint16_t past)
{
	struct fragment_span *span = datagram->span;
	unsigned at = 0, count = datagram->spans;

	while (at < count && span[at].past < first)
		at++;
	/* span[at] is the first that is not wholly before, with a gap */
	if (at < count && span[at].past == first) {
		if (at + 1 < count && span[at + 1].first < past)
			return false;
		span[at].past = past;
		if (at + 1 < count && span[at + 1].first == past) {
			span[at].past = span[at + 1].past;
			memmove(&span[at + 1], &span[at + 2], (count - at - 2) * sizeof(*span));
			datagram->spans--;
		}
		return true;
	}
	if (at < count && span[at].first < past)
		return false;
	if (at < count && span[at].first == past) {
		span[at].first = first;
		return true;
	}
	memmove(&span[at + 1], &span[at], (count - at) * sizeof(*span));
	span[at] = (struct fragment_span){first, past};
	datagram->spans++;
	return true;
}

static uint32_t seen_end(const struct fragment_datagram *datagram)
{
	return datagram->spans == 0 ? 0 : datagram->span[datagram->spans - 1].past;
}

/* Note a fragment's bytes; the reason if they spoil the datagram. */
static enum sekisho_reason note_piece(struct fragment_datagram *datagram,
				      const struct packet *packet)
{
	uint32_t past = (uint32_t)packet->fragment_offset + packet->fragment_length;

	if (datagram->pieces == FRAGMENT_PIECES_MAX)
		return SEKISHO_REASON_FRAGMENT_TOO_MANY;
	if (!packet->more_fragments) {
		/* the last one: it says how long the whole is, once and for all */
		if (datagram->end != 0 && datagram->end != past)
			return SEKISHO_REASON_FRAGMENT_BAD;
		if (seen_end(datagram) > past)
			return SEKISHO_REASON_FRAGMENT_BAD;
		datagram->end = past;
	} else if (datagram->end != 0 && past >= datagram->end) {
		return past > datagram->end ? SEKISHO_REASON_FRAGMENT_BAD
					    : SEKISHO_REASON_FRAGMENT_OVERLAP;
	}
	if (!span_add(datagram, packet->fragment_offset, (uint16_t)past))
		return SEKISHO_REASON_FRAGMENT_OVERLAP;
	datagram->pieces++;
	return PACKET_REASON_NONE;
}

bool fragment_is_complete(const struct fragment_datagram *datagram)
{
	return datagram->decided && datagram->spoilt == PACKET_REASON_NONE && datagram->end != 0 &&
	       datagram->spans == 1 && datagram->span[0].first == 0 &&
	       datagram->span[0].past == datagram->end;
}

/* ---- what becomes of a fragment -------------------------------------------------------------- */

static struct fragment_admission refused(enum sekisho_reason reason)
{
	return (struct fragment_admission){.outcome = FRAGMENT_REFUSE, .reason = reason};
}

static bool may_hold(const struct fragment_table *table, uint32_t length)
{
	return table->free_held != FRAGMENT_NONE && length <= table->limits.bytes - table->bytes;
}

/* No room for a fragment that would have to wait: as if it had never come. */
static struct fragment_admission over_budget(struct fragment_table *table,
					     struct fragment_datagram *datagram)
{
	if (datagram->pieces == 0)
		fragment_forget(table, datagram);
	return refused(SEKISHO_REASON_FRAGMENT_BUDGET);
}

struct fragment_admission fragment_admit(struct fragment_table *table, const struct packet *packet,
					 const struct fragment_origin *origin)
{
	struct fragment_datagram *datagram = datagram_of(table, packet, origin);
	enum fragment_outcome outcome;

	if (datagram == NULL)
		return refused(SEKISHO_REASON_FRAGMENT_BUDGET);
	if (datagram->spoilt != PACKET_REASON_NONE)
		return refused(datagram->spoilt);
	outcome = packet->fragment_offset == 0 ? FRAGMENT_JUDGE
		  : datagram->decided          ? FRAGMENT_FOLLOW
					       : FRAGMENT_WAIT;
	if (outcome == FRAGMENT_WAIT && !may_hold(table, packet->frame_length))
		return over_budget(table, datagram);
	datagram->spoilt = (uint8_t)note_piece(datagram, packet);
	if (datagram->spoilt != PACKET_REASON_NONE) {
		let_go(table, datagram, datagram->spoilt);
		return refused(datagram->spoilt);
	}
	return (struct fragment_admission){
		.outcome = outcome, .reason = PACKET_REASON_NONE, .datagram = datagram};
}

void fragment_refuse(struct fragment_table *table, const struct packet *packet,
		     const struct fragment_origin *origin)
{
	struct fragment_datagram *datagram = datagram_of(table, packet, origin);

	if (datagram == NULL || datagram->spoilt != PACKET_REASON_NONE)
		return;
	datagram->spoilt = SEKISHO_REASON_FRAGMENT_REFUSED;
	let_go(table, datagram, SEKISHO_REASON_FRAGMENT_REFUSED);
}

enum sekisho_reason fragment_inherit(const struct fragment_datagram *datagram)
{
	enum sekisho_reason reason = datagram->reason;

	if (sekisho_reason_action(reason) != SEKISHO_PASS)
		return SEKISHO_REASON_FRAGMENT_REFUSED;
	return reason == SEKISHO_REASON_RULE_MATCH ? SEKISHO_REASON_FLOW_ORIGINATOR : reason;
}

void fragment_decide(struct fragment_table *table, struct fragment_datagram *datagram,
		     enum sekisho_reason reason, uint32_t rule, uint32_t opened_by)
{
	datagram->decided = true;
	datagram->reason = (uint8_t)reason;
	datagram->rule = rule;
	datagram->opened_by = opened_by;
	let_go(table, datagram, fragment_inherit(datagram));
}

/* ---- frames that wait ------------------------------------------------------------------------ */

void fragment_hold(struct fragment_table *table, struct fragment_datagram *datagram,
		   const struct fragment_held *frame)
{
	uint32_t index = table->free_held;
	struct fragment_held *held = &table->held[index];

	table->free_held = held->next;
	*held = *frame;
	held->next = FRAGMENT_NONE;
	if (datagram->held_last == FRAGMENT_NONE)
		datagram->held_first = index;
	else
		table->held[datagram->held_last].next = index;
	datagram->held_last = index;
	table->frames++;
	table->bytes += held->length;
}

bool fragment_take_ready(struct fragment_table *table, struct fragment_held *frame)
{
	uint32_t index = table->ready.first;

	if (index == FRAGMENT_NONE)
		return false;
	*frame = table->held[index];
	table->ready.first = frame->next;
	if (frame->next == FRAGMENT_NONE)
		table->ready.last = FRAGMENT_NONE;
	table->held[index].next = table->free_held;
	table->free_held = index;
	table->frames--;
	table->bytes -= frame->length;
	return true;
}

void fragment_age(struct fragment_table *table, uint32_t now, unsigned budget)
{
	for (unsigned family = 0; family < 2; family++) {
		for (unsigned i = 0; i < budget; i++) {
			uint32_t oldest = table->age[family].first;

			if (oldest == FRAGMENT_NONE || !is_over(&table->datagrams[oldest], now))
				break;
			fragment_forget(table, &table->datagrams[oldest]);
		}
	}
}

/* ---- samples ---------------------------------------------------------------------------------- */

/* Whether a datagram can be begun, if need be in the place of one whose time is over. */
static bool has_room(const struct fragment_table *table, uint32_t now)
{
	if (table->free_datagram != FRAGMENT_NONE)
		return true;
	for (unsigned family = 0; family < 2; family++) {
		uint32_t oldest = table->age[family].first;

		if (oldest != FRAGMENT_NONE && is_over(&table->datagrams[oldest], now))
			return true;
	}
	return false;
}

void fragment_sample_take(const struct fragment_table *table, const struct packet *packet,
			  const struct fragment_origin *origin, struct fragment_sample *sample)
{
	const struct flow_key key = key_of(packet, origin->zone);
	uint32_t index = *bucket_of(table, &key);

	*sample = (struct fragment_sample){.has_room = has_room(table, origin->now),
					   .has_frame = table->free_held != FRAGMENT_NONE,
					   .bytes_left = table->limits.bytes - table->bytes};
	for (unsigned i = 0; i < CHAIN_MAX && index != FRAGMENT_NONE; i++) {
		const struct fragment_datagram *datagram = &table->datagrams[index];

		sample->found = datagram->direction == origin->direction &&
				flow_key_equal(&datagram->key, &key);
		if (sample->found) {
			sample->datagram = *datagram;
			return;
		}
		index = datagram->chain;
	}
	sample->has_room &= index == FRAGMENT_NONE;
}

void fragment_sample_put(struct fragment_table *table, const struct fragment_sample *sample)
{
	struct fragment_datagram *datagram = &table->datagrams[table->free_datagram];

	table->limits.bytes = sample->bytes_left;
	if (sample->found) {
		uint32_t index = table->free_datagram;

		table->free_datagram = datagram->chain;
		*datagram = sample->datagram;
		datagram->key.zone = datagram->flow.zone = 0;
		datagram->chain = FRAGMENT_NONE;
		datagram->held_first = datagram->held_last = FRAGMENT_NONE;
		*bucket_of(table, &datagram->key) = index;
		age_append(table, datagram);
	}
	if (!sample->has_room)
		table->free_datagram = FRAGMENT_NONE;
	if (!sample->has_frame)
		table->free_held = FRAGMENT_NONE;
}
