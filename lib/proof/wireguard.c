/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wireguard.c: WireGuard (STRICT-50). Each side names a session by an index of its own choice, which
 * the other side's packets carry as receiver. So of what the inside hears,
 *
 *	1 initiation	is never an answer
 *	2 response	must carry the index of an initiation from the inside, which makes a session of it
 *	3 cookie	must carry the index of an initiation from the inside
 *	4 data		must carry the index of such a session
 *
 * Initiations that cross, and those by which a session is renewed, are each judged by these lines. A
 * session whose handshake was not seen is unknown until the next; that is at most two minutes away.
 *
 * Both sets are filled by the initiations of the asking side only. A session lives three minutes and
 * is renewed after two, so that a few cover it; initiations that wait have a set of their own, or
 * those that nobody answers would push the sessions out.
 */
#include "proof.h"

#include "bounded_set.h"

#define HEADER   12 /* as much of a message as must have been captured */
#define WAITING  2  /* initiations of a side; only the last is good */
#define SESSIONS 11

/* In a table entry. */
struct wireguard_memory {
	uint64_t waiting[2][WAITING]; /* by direction of the initiation */
	uint8_t none
		[8]; /* zero where a key's family stands: it tells the sweep that this is no flow */
	uint64_t sessions[SESSIONS];
};

_Static_assert(offsetof(struct wireguard_memory, none) <= offsetof(struct flow_key, family) &&
		       offsetof(struct flow_key, family) <
			       offsetof(struct wireguard_memory, sessions) &&
		       sizeof(struct wireguard_memory) <= sizeof(struct flow),
	       "fits an entry of the table");

enum wireguard_type {
	WIREGUARD_MALFORMED,
	WIREGUARD_INITIATION,
	WIREGUARD_RESPONSE,
	WIREGUARD_COOKIE,
	WIREGUARD_DATA,
	WIREGUARD_TYPE_COUNT
};

struct wireguard {
	enum wireguard_type type;
	uint32_t index; /* an initiation's sender, the others' receiver */
};

/* Indices are compared, never told, so their byte order does not matter. */
static uint32_t read_index(const uint8_t *p)
{
	uint32_t index;

	memcpy(&index, p, sizeof(index));
	return index;
}

static struct wireguard wireguard_parse(const struct packet *packet)
{
	static const struct {
		uint16_t length;
		uint8_t index;
	} layouts[WIREGUARD_TYPE_COUNT] = {
		[WIREGUARD_INITIATION] = {148, 4},
		[WIREGUARD_RESPONSE] = {92, 8},
		[WIREGUARD_COOKIE] = {64, 4},
		[WIREGUARD_DATA] = {32, 4},
	};
	struct wireguard wireguard = {.type = WIREGUARD_MALFORMED};
	const uint8_t *p = packet->payload;
	uint32_t length = packet->payload_length;

	if (packet->payload_captured < HEADER || p[0] == 0 || p[0] >= WIREGUARD_TYPE_COUNT ||
	    p[1] != 0 || p[2] != 0 || p[3] != 0)
		return wireguard;
	if (p[0] == WIREGUARD_DATA ? length < layouts[p[0]].length || length % 16 != 0
				   : length != layouts[p[0]].length)
		return wireguard;
	wireguard.type = (enum wireguard_type)p[0];
	wireguard.index = read_index(p + layouts[p[0]].index);
	return wireguard;
}

/* An index as a member of a set: whose it is stands above it, so that it is never 0. */
static uint64_t member(uint32_t index, unsigned owner)
{
	return (uint64_t)(owner + 1) << 32 | index;
}

/* Does the packet carry what the other side asked with? A response then makes a session of it. */
static bool is_answer(const struct track *track, struct flow *flow,
		      const struct wireguard *wireguard, unsigned direction)
{
	struct wireguard_memory *memory = flow_table_extension(track->table, flow);
	uint64_t asked = member(wireguard->index, !direction);

	if (memory == NULL || wireguard->type == WIREGUARD_INITIATION)
		return false;
	if (wireguard->type == WIREGUARD_DATA)
		return bounded_set_has(memory->sessions, SESSIONS, asked);
	if (!bounded_set_has(memory->waiting[!direction], WAITING, asked) &&
	    !bounded_set_has(memory->sessions, SESSIONS, asked))
		return false;
	if (wireguard->type == WIREGUARD_RESPONSE &&
	    bounded_set_take(memory->waiting[!direction], WAITING, asked))
		bounded_set_add(memory->sessions, SESSIONS, asked);
	return true;
}

static struct track_result wireguard_entitle(const struct track *track, struct flow *flow,
					     const struct packet *packet, unsigned direction)
{
	struct wireguard wireguard = wireguard_parse(packet);
	struct wireguard_memory *memory;

	if (wireguard.type != WIREGUARD_INITIATION) {
		if (wireguard.type != WIREGUARD_MALFORMED)
			is_answer(track, flow, &wireguard, direction);
		return TRACK_PASSED;
	}
	memory = proof_memory(track, flow);
	if (memory == NULL)
		return track_no(TRACK_DROP, SEKISHO_REASON_TABLE_FULL);
	bounded_set_add(memory->waiting[direction], WAITING, member(wireguard.index, direction));
	return TRACK_PASSED;
}

static struct track_result wireguard_answer(const struct track *track, struct flow *flow,
					    const struct packet *packet, unsigned direction)
{
	struct wireguard wireguard = wireguard_parse(packet);

	if (wireguard.type == WIREGUARD_MALFORMED)
		return track_no(TRACK_JUDGE, SEKISHO_REASON_WIREGUARD_MALFORMED);
	if (!is_answer(track, flow, &wireguard, direction))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_WIREGUARD);
	return TRACK_PASSED;
}

const struct proof proof_wireguard = {.entitle = wireguard_entitle, .answer = wireguard_answer};
