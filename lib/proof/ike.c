/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ike.c: IKE on UDP 500 and, behind the non-ESP marker, on UDP 4500; ESP in UDP and keepalives
 * there (STRICT-30..38). RFC 7296 3.1, RFC 2408 3.1, RFC 3948.
 *
 * What is remembered. Each flow has a set of initiator SPIs, eight of them, the oldest makes room:
 * which side may answer with it, whether it has, and whether it is barred. The flow's *address
 * pair* has an entry of its own in the table, with a set that the pair's 500 flow fills and its
 * 4500 flow reads (the float, STRICT-36), and with the word on whether an IKE SA of the pair is
 * alive. That entry lives as long as IKE, ESP in UDP or ESP that follows IKE keeps passing.
 *
 * An SA is alive once an admitted initiation was answered. Deletes are encrypted and cannot be
 * seen.
 */
#include "proof.h"

#include <string.h>

#define IKE_HEADER          28
#define IKE_FLAG_RESPONSE   0x20
#define IKE_CREATE_CHILD_SA 36
#define IKE_INFORMATIONAL   37
#define IKE_SPIS            8
#define PAIR_IDLE_MS        (600u * 1000u) /* as long as ESP itself, STRICT-41 */

/* Flags of a remembered SPI. MAY(d): packets of direction d that carry it are answers. */
#define SPI_MAY(direction) (uint8_t)(1u << (direction))
#define SPI_ANSWERED       0x04
#define SPI_BARRED         0x08
#define SPI_PENDING        0x10 /* no right as yet, but a request with it waits for its response */

/* Fits a table entry; the empty key in front tells the sweep that this is no flow. */
struct ike_memory {
	struct flow_key none;
	uint64_t spi[IKE_SPIS];
	uint8_t flags[IKE_SPIS];
	/* a request of an unknown SA, waiting for its response (STRICT-38) */
	uint32_t pending_id;
	uint8_t pending_spi[4 + 4]; /* responder's */
	uint8_t pending;            /* index of its initiator's SPI, plus one; 0: none waits */
	uint8_t pending_may;        /* direction of the response */
	uint8_t next;               /* where the next SPI goes */
	uint8_t answered;           /* bit d: an SA was answered by direction d */
};

_Static_assert(sizeof(struct ike_memory) <= sizeof(struct flow), "fits an entry of the table");

enum ike_what { IKE_MESSAGE, IKE_ESP, IKE_KEEPALIVE, IKE_MALFORMED };

struct ike {
	enum ike_what what;
	uint64_t spi_i;
	uint8_t spi_r[8];
	uint32_t message_id;
	uint8_t version, exchange;
	bool response, has_spi_r;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void ike_parse_message(struct ike *ike, const uint8_t *p, uint32_t length, uint32_t captured)
{
	static const uint8_t zero[8];
	uint32_t told;

	if (length < IKE_HEADER || captured < IKE_HEADER)
		return;
	told = be32(p + 24);
	ike->version = p[17] >> 4;
	memcpy(&ike->spi_i, p, 8);
	if ((ike->version != 1 && ike->version != 2) || told < IKE_HEADER || told > length ||
	    ike->spi_i == 0 || p[18] == 0)
		return;
	memcpy(ike->spi_r, p + 8, 8);
	ike->has_spi_r = memcmp(ike->spi_r, zero, 8) != 0;
	ike->exchange = p[18];
	ike->response = ike->version == 2 && (p[19] & IKE_FLAG_RESPONSE);
	ike->message_id = be32(p + 20);
	ike->what = IKE_MESSAGE;
}

/* Read a UDP payload of a flow that speaks IKE; `nat_t`: on a port that has the non-ESP marker. */
static struct ike ike_parse(const struct packet *packet, bool nat_t)
{
	static const uint8_t marker[4];
	struct ike ike = {.what = IKE_MALFORMED};
	const uint8_t *p = packet->payload;
	uint32_t length = packet->payload_length, captured = packet->payload_captured;

	if (!nat_t) {
		ike_parse_message(&ike, p, length, captured);
	} else if (length == 1 && captured == 1 && p[0] == 0xff) {
		ike.what = IKE_KEEPALIVE;
	} else if (length >= 8 && captured >= 4 && memcmp(p, marker, 4) != 0) {
		ike.what = IKE_ESP;
	} else if (length >= 4 && captured >= 4 && memcmp(p, marker, 4) == 0) {
		ike_parse_message(&ike, p + 4, length - 4, captured - 4);
	}
	return ike;
}

static bool is_nat_t(const struct flow *flow)
{
	return flow->grammar == SEKISHO_GRAMMAR_NAT_T + 1;
}

static bool is_initiation(const struct ike *ike)
{
	return !ike->has_spi_r && !ike->response;
}

/* ---- the sets ---------------------------------------------------------------------------------
 */

static int set_find(const struct ike_memory *memory, uint64_t spi)
{
	for (int i = 0; memory != NULL && i < IKE_SPIS; i++) {
		if (memory->flags[i] != 0 && memory->spi[i] == spi)
			return i;
	}
	return -1;
}

static int set_add(struct ike_memory *memory, uint64_t spi, uint8_t flags)
{
	int i = set_find(memory, spi);

	if (i < 0) {
		i = memory->next;
		memory->next = (uint8_t)((memory->next + 1) % IKE_SPIS);
		memory->spi[i] = spi;
		memory->flags[i] = 0;
		if (memory->pending == i + 1)
			memory->pending = 0;
	}
	memory->flags[i] |= flags;
	return i;
}

static struct flow_key pair_key(const struct flow_key *key)
{
	struct flow_key pair = {.zone = key->zone, .family = key->family | FLOW_KEY_PAIR};

	memcpy(pair.local, key->local, sizeof(pair.local));
	memcpy(pair.peer, key->peer, sizeof(pair.peer));
	return pair;
}

/* The live entry of a flow's address pair, or NULL. */
static struct flow *pair_find(const struct track *track, const struct flow_key *key)
{
	struct flow_key pair = pair_key(key);
	struct flow *entry =
		flow_table_find(track->table, &pair, flow_table_hash(track->table, &pair));

	if (entry == NULL || flow_time_reached(track->now, entry->expires_at))
		return NULL;
	return entry;
}

static struct ike_memory *memory_of(const struct track *track, const struct flow *flow)
{
	return flow == NULL ? NULL : flow_table_extension(track->table, flow);
}

static struct ike_memory *memory_make(const struct track *track, struct flow *flow)
{
	struct ike_memory *memory = memory_of(track, flow);

	return memory != NULL ? memory : flow_table_extend(track->table, flow);
}

static struct ike_memory *pair_make(const struct track *track, const struct flow_key *key)
{
	struct flow_key pair = pair_key(key);
	uint64_t hash = flow_table_hash(track->table, &pair);
	struct flow *entry = flow_table_find(track->table, &pair, hash);
	struct ike_memory *memory;

	if (entry != NULL && flow_time_reached(track->now, entry->expires_at)) {
		flow_table_remove(track->table, entry);
		entry = NULL;
	}
	if (entry == NULL)
		entry = flow_table_insert(track->table, &pair, hash);
	if (entry == NULL)
		return NULL;
	entry->expires_at = track->now + PAIR_IDLE_MS;
	memory = memory_make(track, entry);
	if (memory == NULL)
		flow_table_remove(track->table, entry);
	return memory;
}

/* What is known of an SPI on this flow: its own flags, and by the float those of the pair. */
static uint8_t flags_of(const struct track *track, const struct flow *flow, uint64_t spi)
{
	const struct ike_memory *own = memory_of(track, flow);
	const struct ike_memory *pair = NULL;
	uint8_t flags = 0;
	int i = set_find(own, spi);

	if (i >= 0)
		flags = own->flags[i];
	if (is_nat_t(flow))
		pair = memory_of(track, pair_find(track, &flow->key));
	i = set_find(pair, spi);
	return i >= 0 ? flags | pair->flags[i] : flags;
}

/* Remember on the flow, and from a 500 flow on the pair too. False: no memory. */
static bool learn(const struct track *track, struct flow *flow, uint64_t spi, uint8_t flags)
{
	struct ike_memory *own = memory_make(track, flow);
	struct ike_memory *pair = own == NULL ? NULL : pair_make(track, &flow->key);

	if (pair == NULL)
		return false;
	set_add(own, spi, flags);
	if (!is_nat_t(flow))
		set_add(pair, spi, flags);
	return true;
}

static void sa_answered(const struct track *track, struct flow *flow, uint64_t spi,
			unsigned direction)
{
	struct ike_memory *own = memory_of(track, flow);
	struct ike_memory *pair;

	if (!learn(track, flow, spi, (uint8_t)(SPI_ANSWERED | SPI_MAY(direction))))
		return;
	own = memory_of(track, flow);
	pair = pair_make(track, &flow->key);
	own->answered |= SPI_MAY(direction);
	if (pair != NULL)
		pair->answered |= SPI_MAY(direction);
}

bool proof_ike_sa_is_alive(const struct track *track, const struct flow_key *key)
{
	const struct ike_memory *pair = memory_of(track, pair_find(track, key));

	return pair != NULL && pair->answered != 0;
}

void proof_ike_sa_touch(const struct track *track, const struct flow_key *key)
{
	struct flow *entry = pair_find(track, key);

	if (entry != NULL)
		entry->expires_at = track->now + PAIR_IDLE_MS;
}

/* ---- the two halves ---------------------------------------------------------------------------
 */

/* STRICT-38: a request of an SA that is not known may be answered, once, by its response. */
static bool expect_response(const struct track *track, struct flow *flow, const struct ike *ike,
			    unsigned direction)
{
	struct ike_memory *own = memory_make(track, flow);

	if (own == NULL)
		return false;
	memcpy(own->pending_spi, ike->spi_r, sizeof(own->pending_spi));
	own->pending_id = ike->message_id;
	own->pending_may = (uint8_t)!direction;
	own->pending = (uint8_t)(set_add(own, ike->spi_i, SPI_PENDING) + 1);
	return true;
}

static bool is_expected_response(const struct ike_memory *own, const struct ike *ike,
				 unsigned direction)
{
	return own != NULL && own->pending != 0 && ike->response && ike->has_spi_r &&
	       own->pending_may == direction && own->pending_id == ike->message_id &&
	       own->spi[own->pending - 1] == ike->spi_i &&
	       memcmp(own->pending_spi, ike->spi_r, sizeof(own->pending_spi)) == 0;
}

static bool remember(const struct track *track, struct flow *flow, const struct packet *packet,
		     unsigned direction)
{
	struct ike ike = ike_parse(packet, is_nat_t(flow));
	unsigned other = !direction;
	uint8_t flags;

	if (ike.what != IKE_MESSAGE) {
		if (ike.what != IKE_MALFORMED)
			proof_ike_sa_touch(track, &flow->key);
		return true;
	}
	flags = flags_of(track, flow, ike.spi_i);
	if (is_initiation(&ike))
		return learn(track, flow, ike.spi_i, SPI_MAY(other));
	if (flags &
	    SPI_MAY(direction)) { /* it answers an admitted initiation from the other side */
		if (ike.has_spi_r)
			sa_answered(track, flow, ike.spi_i, direction);
		return true;
	}
	if (flags & SPI_MAY(other)) {
		proof_ike_sa_touch(track, &flow->key);
		return !is_nat_t(flow) ||
		       learn(track, flow, ike.spi_i, flags & (uint8_t)~SPI_BARRED);
	}
	if (ike.response) /* STRICT-35 */
		return learn(track, flow, ike.spi_i, SPI_BARRED);
	if (ike.version == 2 && ike.has_spi_r && !(flags & SPI_BARRED))
		return expect_response(track, flow, &ike, direction);
	return true;
}

/* STRICT-33(b): a message that only an SA made by rekeying begins with. */
static bool is_rekeyed(const struct track *track, const struct flow *flow, const struct ike *ike,
		       uint8_t flags, unsigned direction)
{
	const struct ike_memory *own = memory_of(track, flow);
	const struct ike_memory *pair =
		is_nat_t(flow) ? memory_of(track, pair_find(track, &flow->key)) : NULL;
	uint8_t answered = (uint8_t)((own ? own->answered : 0) | (pair ? pair->answered : 0));

	return ike->version == 2 && !(flags & SPI_BARRED) && (answered & SPI_MAY(direction)) &&
	       (ike->exchange == IKE_CREATE_CHILD_SA || ike->exchange == IKE_INFORMATIONAL);
}

static struct track_result ike_entitle(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	if (!remember(track, flow, packet, direction))
		return track_no(TRACK_DROP, SEKISHO_REASON_TABLE_FULL);
	return TRACK_PASSED;
}

static struct track_result ike_answer(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction)
{
	struct ike ike = ike_parse(packet, is_nat_t(flow));
	uint8_t flags;

	if (ike.what == IKE_MALFORMED)
		return track_no(TRACK_JUDGE, SEKISHO_REASON_IKE_MALFORMED);
	if (ike.what != IKE_MESSAGE) {
		if (!proof_ike_sa_is_alive(track, &flow->key))
			return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_IKE_SA);
		proof_ike_sa_touch(track, &flow->key);
		return TRACK_PASSED;
	}
	if (is_initiation(&ike))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_IKE);
	flags = flags_of(track, flow, ike.spi_i);
	if ((flags & SPI_MAY(direction)) || is_rekeyed(track, flow, &ike, flags, direction)) {
		/* COOKIE and INVALID_KE_PAYLOAD come without an SPIr: no SA is made yet (STRICT-31)
		 */
		if (ike.has_spi_r)
			sa_answered(track, flow, ike.spi_i, direction);
		return TRACK_PASSED;
	}
	if (is_expected_response(memory_of(track, flow), &ike, direction)) {
		((struct ike_memory *)memory_of(track, flow))->pending = 0;
		sa_answered(track, flow, ike.spi_i, direction);
		return TRACK_PASSED;
	}
	return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_IKE);
}

const struct proof proof_ike = {.entitle = ike_entitle, .answer = ike_answer};
