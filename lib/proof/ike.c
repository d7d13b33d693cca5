/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ike.c: IKE on UDP 500 and, behind the non-ESP marker, on UDP 4500; ESP in UDP and keepalives there
 * (STRICT-30..38). RFC 7296 3.1, RFC 2408 3.1, RFC 3948.
 *
 * What a flow knows, by initiator's SPI, each in a bounded set of its own:
 *
 *   asked    initiations that passed, and by which side (STRICT-32). The oldest of the side that
 *            holds more makes room; an SPI that its side goes on speaking with is not the oldest.
 *   adopted  SAs made by rekeying, as the answering side told them (STRICT-33b). Anybody who can
 *            forge its address fills this set, so it pushes out nothing but itself.
 *   barred   SPIs that a stranger's initiation was answered with (STRICT-35). Where an adopted SPI
 *            may have been pushed out, a response of the kind that such an SA begins with bars none.
 *   awaited  requests of unknown SAs, until their response (STRICT-38).
 *
 * The flow's *address pair* has an entry of its own in the table, with the same sets: the pair's 500
 * flow fills them and its 4500 flow reads them (the float, STRICT-36). It also has the word on
 * whether an IKE SA of the pair is alive: one is once an admitted initiation was answered, for 600 s
 * after the last that was heard of it or of the ESP that it stands for. Deletes are encrypted and
 * cannot be seen. An initiation takes all the entries that its answer will need.
 */
#include "proof.h"

#include "bounded_set.h"

#define IKE_HEADER          28
#define IKE_FLAG_RESPONSE   0x20
#define IKE_CREATE_CHILD_SA 36
#define IKE_INFORMATIONAL   37
#define IDLE_MS             (600u * 1000u) /* as long as ESP itself, STRICT-41 */

#define BARRED  4
#define ASKED   8
#define ADOPTED 3
#define AWAITED (sizeof(((struct flow *)0)->track.proof) / sizeof(uint64_t))

/* In a table entry: of a flow, or of an address pair. */
struct ike_memory {
	uint64_t barred[BARRED];
	uint32_t alive_until; /* pair: tick, if `alive` */
	bool alive;           /* pair: an SA was answered */
	bool forgot;          /* an adopted SPI was pushed out */
	uint8_t answered;     /* bit by direction: an SA which that side asked for was answered */
	uint8_t none; /* zero where a key's family stands: the sweep sees that this is no flow */
	uint64_t asked[ASKED]; /* asked_by() */
	uint64_t adopted[ADOPTED];
};

_Static_assert(offsetof(struct ike_memory, none) == offsetof(struct flow_key, family) &&
		       sizeof(struct ike_memory) <= sizeof(struct flow),
	       "fits an entry of the table");

/* A byte that is to be a truth must be one. */
bool proof_ike_memory_is_sound(const void *memory)
{
	const uint8_t *bytes = memory;

	return bytes[offsetof(struct ike_memory, alive)] <= 1 &&
	       bytes[offsetof(struct ike_memory, forgot)] <= 1 &&
	       bytes[offsetof(struct ike_memory, answered)] <= 3;
}

void proof_ike_memory_move(void *memory, uint32_t ticks)
{
	((struct ike_memory *)memory)->alive_until += ticks;
}

/* ---- messages --------------------------------------------------------------------------------- */

enum ike_what { IKE_MESSAGE, IKE_ESP, IKE_KEEPALIVE, IKE_MALFORMED };

struct ike {
	enum ike_what what;
	uint8_t version, exchange;
	bool response, has_spi_r;
	uint64_t spi_i;
	const uint8_t *spis; /* both, 16 bytes */
	const uint8_t *id;   /* of the message, 4 bytes */
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void ike_parse_message(struct ike *ike, const uint8_t *p, uint32_t length, uint32_t captured)
{
	static const uint8_t zero[8];
	uint32_t told;

	if (captured < IKE_HEADER)
		return;
	told = be32(p + 24);
	ike->version = p[17] >> 4;
	memcpy(&ike->spi_i, p, sizeof(ike->spi_i));
	if ((ike->version != 1 && ike->version != 2) || told < IKE_HEADER || told > length ||
	    ike->spi_i == 0 || p[18] == 0)
		return;
	ike->spis = p;
	ike->has_spi_r = memcmp(p + 8, zero, sizeof(zero)) != 0;
	ike->exchange = p[18];
	ike->response = ike->version == 2 && (p[19] & IKE_FLAG_RESPONSE);
	ike->id = p + 20;
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
	} else if (captured >= 4 && memcmp(p, marker, 4) == 0) {
		ike_parse_message(&ike, p + 4, length - 4, captured - 4);
	} else if (captured >= 4 && length >= 8) {
		ike.what = IKE_ESP;
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

/* What an SA begins with that was made by rekeying (STRICT-33b). */
static bool begins_rekeyed(const struct ike *ike)
{
	return ike->version == 2 &&
	       (ike->exchange == IKE_CREATE_CHILD_SA || ike->exchange == IKE_INFORMATIONAL);
}

/* ---- memories --------------------------------------------------------------------------------- */

/* The entry of a flow's address pair, live or not; NULL if there is none. */
static struct flow *pair_entry(const struct track *track, const struct flow_key *key,
			       struct flow_key *pair)
{
	*pair = (struct flow_key){.zone = key->zone, .family = key->family | FLOW_KEY_PAIR};
	memcpy(pair->local, key->local, sizeof(pair->local));
	memcpy(pair->peer, key->peer, sizeof(pair->peer));
	return flow_table_find(track->table, pair, flow_table_hash(track->table, pair));
}

/* The live entry of a flow's address pair, or NULL. */
static struct flow *pair_find(const struct track *track, const struct flow_key *key)
{
	struct flow_key pair;
	struct flow *entry = pair_entry(track, key, &pair);

	return entry == NULL || flow_time_reached(track->now, entry->expires_at) ? NULL : entry;
}

/* What a flow may rely on: its own memory, and on 4500 the pair's. */
struct knowledge {
	const struct ike_memory *own, *pair;
};

static struct knowledge knowledge_of(const struct track *track, const struct flow *flow)
{
	static const struct ike_memory nothing;
	const struct flow *entry = is_nat_t(flow) ? pair_find(track, &flow->key) : NULL;
	struct knowledge known = {&nothing, &nothing};

	if (flow->extension != FLOW_NONE)
		known.own = flow_table_extension(track->table, flow);
	if (entry != NULL)
		known.pair = flow_table_extension(track->table, entry);
	return known;
}

/* What is written of a flow: its own memory, and the pair's. */
struct memories {
	struct ike_memory *own, *pair;
	struct flow *pair_entry;
	bool floats; /* what the flow learns is for the pair as well */
};

/* Find or make both. False if there is no room; then nothing is made. */
static bool memories_make(const struct track *track, struct flow *flow, struct memories *memories)
{
	struct flow_key key;
	struct flow *entry = pair_entry(track, &flow->key, &key);
	uint32_t wanted = flow->extension == FLOW_NONE ? 1 : 0;

	if (entry != NULL && flow_time_reached(track->now, entry->expires_at)) {
		flow_table_remove(track->table, entry);
		entry = NULL;
	}
	if (!proof_make_room(track, flow, entry == NULL ? wanted + 2 : wanted))
		return false;
	if (entry == NULL) {
		entry = flow_table_insert(track->table, &key, flow_table_hash(track->table, &key));
		if (entry == NULL)
			return false;
		flow_table_extend(track->table, entry);
	}
	entry->expires_at = track->now + IDLE_MS;
	memories->own = proof_memory(track, flow);
	memories->pair = flow_table_extension(track->table, entry);
	memories->pair_entry = entry;
	memories->floats = !is_nat_t(flow);
	if (flow_time_reached(track->now, memories->pair->alive_until)) /* before ticks wrap */
		memories->pair->alive = false;
	return true;
}

/* ---- what is known ---------------------------------------------------------------------------- */

/* An SPI and the side that asked with it, which is the lowest bit; never 0. */
static uint64_t asked_by(const struct track *track, const struct ike *ike, unsigned asker)
{
	return (proof_hash(track, 0, ike->spis, sizeof(ike->spi_i)) & ~UINT64_C(3)) | 2 | asker;
}

static bool has_asked(const struct knowledge *known, uint64_t asked)
{
	return bounded_set_has(known->own->asked, ASKED, asked) ||
	       bounded_set_has(known->pair->asked, ASKED, asked);
}

static bool is_adopted(const struct knowledge *known, uint64_t spi)
{
	return bounded_set_has(known->own->adopted, ADOPTED, spi) ||
	       bounded_set_has(known->pair->adopted, ADOPTED, spi);
}

static bool is_barred(const struct knowledge *known, uint64_t spi)
{
	return bounded_set_has(known->own->barred, BARRED, spi) ||
	       bounded_set_has(known->pair->barred, BARRED, spi);
}

/* Whether an SA that `asker` opened was answered on the flow. */
static bool carries_answered(const struct knowledge *known, unsigned asker)
{
	return (known->own->answered | known->pair->answered) >> asker & 1;
}

/* ---- learning --------------------------------------------------------------------------------- */

/* Whose oldest makes room: that of the side that holds more, or else of the one that asks. */
static unsigned crowded_side(const struct ike_memory *memory, unsigned asker)
{
	unsigned of_second = 0;

	for (unsigned i = 0; i < ASKED; i++)
		of_second += memory->asked[i] & 1;
	return of_second == ASKED / 2 ? asker : of_second > ASKED / 2;
}

static void asked_add(struct ike_memory *memory, uint64_t asked)
{
	if (bounded_set_is_full(memory->asked, ASKED) &&
	    !bounded_set_has(memory->asked, ASKED, asked)) {
		unsigned crowded = crowded_side(memory, asked & 1), i = 0;

		while ((memory->asked[i] & 1) != crowded)
			i++;
		bounded_set_take(memory->asked, ASKED, memory->asked[i]);
	}
	bounded_set_add(memory->asked, ASKED, asked);
}

static void learn_asked(const struct memories *memories, uint64_t asked)
{
	asked_add(memories->own, asked);
	if (memories->floats)
		asked_add(memories->pair, asked);
}

static void adopt(struct ike_memory *memory, uint64_t spi)
{
	if (bounded_set_add(memory->adopted, ADOPTED, spi) != 0)
		memory->forgot = true;
}

static void learn_adopted(const struct memories *memories, uint64_t spi)
{
	adopt(memories->own, spi);
	if (memories->floats)
		adopt(memories->pair, spi);
}

static void learn_barred(const struct memories *memories, uint64_t spi)
{
	bounded_set_add(memories->own->barred, BARRED, spi);
	if (memories->floats)
		bounded_set_add(memories->pair->barred, BARRED, spi);
}

/* ---- the SA of a pair ------------------------------------------------------------------------- */

static void pair_revive(const struct track *track, struct flow *entry)
{
	struct ike_memory *memory = flow_table_extension(track->table, entry);

	memory->alive = true;
	memory->alive_until = entry->expires_at = track->now + IDLE_MS;
}

/*
 * An SA that `asker` opened was answered on the flow; it may now speak for ESP as the flow would: by the
 * asker's rule, or by the other side's if the asker asked elsewhere and has none on this flow.
 */
static void learn_answered(const struct track *track, const struct flow *flow,
			   const struct memories *memories, unsigned asker)
{
	struct flow *entry = memories->pair_entry;
	unsigned opener = flow->rule[asker] != SEKISHO_RULE_NONE ? asker : !asker;

	memories->own->answered |= (uint8_t)(1u << asker);
	if (memories->floats)
		memories->pair->answered |= (uint8_t)(1u << asker);
	entry->generation = flow->generation;
	entry->opener = opener & 1;
	entry->rule[opener] = flow->rule[opener];
	entry->opened_by[opener] = flow->opened_by[opener];
	pair_revive(track, entry);
}

/* The entry of a flow's address pair if an SA of it is alive, or NULL. */
static struct flow *sa_find(const struct track *track, const struct flow_key *key)
{
	struct flow *entry = pair_find(track, key);
	const struct ike_memory *memory;

	if (entry == NULL)
		return NULL;
	memory = flow_table_extension(track->table, entry);
	return memory->alive && !flow_time_reached(track->now, memory->alive_until) ? entry : NULL;
}

bool proof_ike_sa_refresh(const struct track *track, const struct flow_key *key)
{
	struct flow *entry = sa_find(track, key);

	if (entry != NULL)
		pair_revive(track, entry);
	return entry != NULL;
}

const struct flow *proof_ike_sa_vouch(const struct track *track, const struct flow_key *key)
{
	struct flow *entry = sa_find(track, key);

	if (entry == NULL || entry->generation != track->generation)
		return NULL;
	pair_revive(track, entry);
	return entry;
}

/* ---- the two halves --------------------------------------------------------------------------- */

static uint64_t *awaited_of(struct flow *flow)
{
	return (uint64_t *)flow->track.proof;
}

/* What a request of `asker` and its response have in common, and no other message has. */
static uint64_t exchange_hash(const struct track *track, const struct ike *ike, unsigned asker)
{
	return proof_hash(track, (uint64_t)be32(ike->id) << 1 | asker, ike->spis, 16);
}

/* Whether a request of `asker` waits for this response (STRICT-38). */
static bool is_awaited(const struct track *track, const struct flow *flow, const struct ike *ike,
		       unsigned asker)
{
	return ike->response && bounded_set_has((const uint64_t *)flow->track.proof, AWAITED,
						exchange_hash(track, ike, asker));
}

/* It has come. */
static void awaited_take(const struct track *track, struct flow *flow, const struct ike *ike,
			 unsigned asker)
{
	if (ike->response)
		bounded_set_take(awaited_of(flow), AWAITED, exchange_hash(track, ike, asker));
}

/* What a message is that goes by a rule of its own side. */
enum ike_part {
	IKE_INITIATES,
	IKE_ANSWERS,   /* what the other side has asked for, which was admitted too */
	IKE_CONTINUES, /* what its own side has asked for */
	IKE_REKEYED,   /* it goes on in an adopted SA */
	IKE_REQUESTS,  /* in an SA that is not known, and its response is marked */
	IKE_STRANGER,  /* it answers what was never admitted */
	IKE_NOTHING
};

static enum ike_part part_of(const struct track *track, const struct flow *flow,
			     const struct ike *ike, unsigned direction)
{
	struct knowledge known = knowledge_of(track, flow);

	if (is_initiation(ike))
		return IKE_INITIATES;
	if (has_asked(&known, asked_by(track, ike, !direction)) ||
	    is_awaited(track, flow, ike, !direction))
		return ike->has_spi_r ? IKE_ANSWERS : IKE_NOTHING;
	if (has_asked(&known, asked_by(track, ike, direction)))
		return IKE_CONTINUES;
	if (is_adopted(&known, ike->spi_i))
		return IKE_REKEYED;
	if (ike->response) {
		bool forgotten = known.own->forgot || known.pair->forgot;

		return forgotten && begins_rekeyed(ike) ? IKE_NOTHING : IKE_STRANGER;
	}
	return ike->version == 2 && !is_barred(&known, ike->spi_i) ? IKE_REQUESTS : IKE_NOTHING;
}

/* Remember a message of an admitted side; false if there is no memory for it. */
static bool remember(const struct track *track, struct flow *flow, const struct ike *ike,
		     unsigned direction)
{
	enum ike_part part = part_of(track, flow, ike, direction);
	struct memories memories;

	if (part == IKE_REQUESTS)
		bounded_set_add(awaited_of(flow), AWAITED, exchange_hash(track, ike, direction));
	if (part == IKE_CONTINUES || part == IKE_REKEYED)
		proof_ike_sa_refresh(track, &flow->key);
	if (part == IKE_REQUESTS || part == IKE_REKEYED || part == IKE_NOTHING)
		return true;
	if (!memories_make(track, flow, &memories))
		return false;
	if (part == IKE_STRANGER) {
		learn_barred(&memories, ike->spi_i);
	} else if (part == IKE_ANSWERS) {
		awaited_take(track, flow, ike, !direction);
		learn_asked(&memories, asked_by(track, ike, !direction));
		learn_answered(track, flow, &memories, !direction);
	} else {
		learn_asked(&memories, asked_by(track, ike, direction));
	}
	return true;
}

static struct track_result ike_entitle(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	struct ike ike = ike_parse(packet, is_nat_t(flow));

	if (ike.what == IKE_ESP || ike.what == IKE_KEEPALIVE)
		proof_ike_sa_refresh(track, &flow->key);
	else if (ike.what == IKE_MESSAGE && !remember(track, flow, &ike, direction))
		return track_no(TRACK_DROP, SEKISHO_REASON_TABLE_FULL);
	return TRACK_PASSED;
}

/* Judge an IKE message that no rule of its own side has opened the flow for. */
static struct track_result answer_message(const struct track *track, struct flow *flow,
					  const struct ike *ike, unsigned direction)
{
	struct knowledge known = knowledge_of(track, flow);
	uint64_t asked = asked_by(track, ike, !direction);
	bool was_asked = is_awaited(track, flow, ike, !direction) || has_asked(&known, asked);
	bool rekeyed = is_adopted(&known, ike->spi_i) ||
		       (begins_rekeyed(ike) && !is_barred(&known, ike->spi_i) &&
			carries_answered(&known, !direction));
	struct memories memories;

	if (is_initiation(ike) || (!was_asked && !rekeyed))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_IKE);
	if (!ike->has_spi_r) /* COOKIE, INVALID_KE_PAYLOAD: no SA is made yet (STRICT-31) */
		return TRACK_PASSED;
	if (!memories_make(track, flow, &memories))
		return track_no(TRACK_DROP, SEKISHO_REASON_TABLE_FULL);
	if (was_asked) {
		awaited_take(track, flow, ike, !direction);
		learn_asked(&memories, asked);
		learn_answered(track, flow, &memories, !direction);
	} else {
		learn_adopted(&memories, ike->spi_i);
		proof_ike_sa_refresh(track, &flow->key);
	}
	return TRACK_PASSED;
}

static struct track_result ike_answer(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction)
{
	struct ike ike = ike_parse(packet, is_nat_t(flow));

	if (ike.what == IKE_MALFORMED)
		return track_no(TRACK_JUDGE, SEKISHO_REASON_IKE_MALFORMED);
	if (ike.what == IKE_MESSAGE)
		return answer_message(track, flow, &ike, direction);
	if (!proof_ike_sa_refresh(track, &flow->key))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_IKE_SA);
	return TRACK_PASSED;
}

const struct proof proof_ike = {.entitle = ike_entitle, .answer = ike_answer};
