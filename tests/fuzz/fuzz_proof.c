/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_proof.c: any bytes as payloads of two flows between one pair of addresses, under proof. So each
 * proof's parser is met, its memory over many packets, and the float of IKE from one flow to the other.
 *
 * The first two bytes choose what the flows speak and how small the table is, so that proofs run out
 * of room. Then each step has a head of three bytes, enum step_head, and its payload.
 *
 * Besides the sanitizers: a packet that no proof lets pass has changed nothing (STRICT-7), no entry is
 * lost or taken twice, and no proof's memory looks like a flow to the sweep.
 */
#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proof/proof.h"

#define CAPACITY_MAX 16
#define FLOWS        2
#define IDLE_MS      180000
#define ECHO         SEKISHO_GRAMMAR_COUNT /* spoken besides the grammars */
#define SPOKEN       (SEKISHO_GRAMMAR_COUNT + 1)

/* The head of a step: what kind of packet, how long its payload, and how much of that is missing. */
enum step_head { STEP_KIND, STEP_LENGTH, STEP_MISSING, STEP_HEAD };

#define STEP_INGRESS  0x01
#define STEP_OTHER    0x02 /* of the second flow */
#define STEP_ADMITTED 0x04 /* a rule opens the flow to it, if no flow lets it pass */
#define STEP_WAIT     0x18 /* time goes by before it */

static const uint16_t grammar_ports[] = {
#define X(id, name, port, known_by, clause) [SEKISHO_GRAMMAR_##id] = port,
	SEKISHO_GRAMMARS(X)
#undef X
};

struct scene {
	struct flow_table table;
	struct track track;
	struct flow_key keys[FLOWS];
	_Alignas(128) struct flow flows[CAPACITY_MAX];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct flow_key key_of(unsigned spoken, unsigned number)
{
	struct flow_key key = {.local = {2}, .peer = {1}, .family = SEKISHO_IPV4};

	if (spoken == ECHO) {
		key.protocol = IPPROTO_ICMP;
		key.local_port = (uint16_t)number;
		key.peer_port = 8;
		return key;
	}
	key.protocol = IPPROTO_UDP;
	key.local_port = key.peer_port = grammar_ports[spoken];
	/* the second flow of IKE is the one that it floats to; others have one from another port */
	if (number == 1 && spoken == SEKISHO_GRAMMAR_IKE)
		key.local_port = key.peer_port = grammar_ports[SEKISHO_GRAMMAR_NAT_T];
	else if (number == 1)
		key.local_port = 40000;
	return key;
}

/* ---- what must hold --------------------------------------------------------------------------- */

/* Every entry that is taken is a flow, the entry of a pair, or the memory of one of these. */
static void check_entries(const struct scene *scene)
{
	const struct flow_table *table = &scene->table;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < table->capacity; i++) {
		const struct flow *flow = &table->flows[i];

		if (flow->key.family == 0)
			continue;
		assert((flow->key.family & ~FLOW_KEY_PAIR) == SEKISHO_IPV4);
		assert(flow_table_find(table, &flow->key, flow_table_hash(table, &flow->key)) ==
		       flow);
		taken++;
		if (flow->extension == FLOW_NONE)
			continue;
		assert(flow->extension < table->capacity);
		assert(table->flows[flow->extension].key.family == 0);
		taken++;
	}
	assert(taken == table->taken);
}

/* ---- a step ----------------------------------------------------------------------------------- */

/* Open a flow for a packet that a rule has admitted, as the engine does; NULL if there is no room. */
static struct flow *open_flow(struct scene *scene, const struct flow_key *key,
			      const struct packet *packet, unsigned direction)
{
	struct flow_table *table = &scene->table;
	struct flow *flow;

	if (table->free_head == FLOW_NONE &&
	    !flow_age_recycle(table, scene->track.now, FLOW_VICTIM_UNANSWERED, NULL))
		return NULL;
	flow = flow_table_insert(table, key, flow_table_hash(table, key));
	if (flow == NULL)
		return NULL;
	flow->rule[0] = flow->rule[1] = SEKISHO_RULE_NONE;
	flow->opened_at = scene->track.now;
	if (!track_open(&scene->track, flow, packet, direction)) {
		flow_table_remove(table, flow);
		return NULL;
	}
	flow->expires_at = scene->track.now + IDLE_MS;
	return flow;
}

static void judge(struct scene *scene, struct flow *flow, const struct packet *packet, uint8_t kind)
{
	static struct flow before[CAPACITY_MAX];
	unsigned direction = kind & STEP_INGRESS;
	bool originator = track_is_originator(flow, direction);
	uint32_t taken = scene->table.taken;
	struct track_result result;

	memcpy(before, scene->flows, sizeof(before));
	result = track_inspect(&scene->track, flow, packet, direction);
	switch (result.outcome) {
	case TRACK_PASS:
		flow->expires_at = scene->track.now + IDLE_MS;
		break;
	case TRACK_LAST:
		flow_table_remove(&scene->table, flow);
		break;
	case TRACK_JUDGE:
		assert(!originator);
		assert(sekisho_reason_action(result.reason) == SEKISHO_DROP);
		assert(memcmp(before, scene->flows, sizeof(before)) == 0);
		assert(scene->table.taken == taken);
		if ((kind & STEP_ADMITTED) && track_open(&scene->track, flow, packet, direction))
			flow->expires_at = scene->track.now + IDLE_MS;
		break;
	default:
		assert(result.outcome == TRACK_DROP && result.reason == SEKISHO_REASON_TABLE_FULL);
		assert(memcmp(flow, &before[flow_table_index(&scene->table, flow)],
			      sizeof(*flow)) == 0);
	}
}

static void play(struct scene *scene, const uint8_t *head, const uint8_t *payload)
{
	static const uint32_t waits[] = {0, 1, 30000, 170000};
	uint8_t kind = head[STEP_KIND];
	unsigned direction = kind & STEP_INGRESS;
	const struct flow_key *key = &scene->keys[(kind & STEP_OTHER) != 0];
	struct packet packet = {.protocol = key->protocol,
				.family = key->family,
				.payload = payload,
				.payload_captured = head[STEP_LENGTH],
				.payload_length = head[STEP_LENGTH] + (uint32_t)head[STEP_MISSING]};
	struct flow *flow;

	scene->track.now += waits[(kind & STEP_WAIT) / 8];
	if (key->protocol == IPPROTO_UDP) {
		packet.l4_kind = PACKET_L4_UDP;
		packet.source_port = direction ? key->peer_port : key->local_port;
		packet.destination_port = direction ? key->local_port : key->peer_port;
	} else {
		packet.l4_kind = PACKET_L4_ICMP_QUERY;
		packet.icmp.type = head[STEP_MISSING] & 1 ? 8 : 0;
		packet.icmp.id = key->local_port;
		packet.icmp.sequence = head[STEP_LENGTH];
	}
	flow = flow_table_find(&scene->table, key, flow_table_hash(&scene->table, key));
	if (flow != NULL && flow_time_reached(scene->track.now, flow->expires_at)) {
		flow_table_remove(&scene->table, flow);
		flow = NULL;
	}
	if (flow != NULL)
		judge(scene, flow, &packet, kind);
	else if (kind & STEP_ADMITTED)
		open_flow(scene, key, &packet, direction);
	flow_age_sweep(&scene->table, scene->track.now);
	check_entries(scene);
}

/* The entry of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene scene;
	static _Alignas(64) uint8_t buckets[4096], limits[65536];
	static const uint8_t random[32] = {7};
	struct flow_table_memory memory = {scene.flows, buckets, limits, NULL};
	struct sekisho_policy_spec spec;
	uint32_t capacity;
	size_t at = 2;

	if (size < 2)
		return 0;
	memset(&scene, 0, sizeof(scene));
	memset(buckets, 0, sizeof(buckets));
	capacity = 1 + data[1] % CAPACITY_MAX;
	assert(flow_table_buckets_size(capacity) <= sizeof(buckets));
	assert(limit_size(capacity) <= sizeof(limits));
	flow_table_init(&scene.table, capacity, &memory, (struct flow_table_random){random, random});
	sekisho_policy_spec_init(&spec, SEKISHO_STRICT);
	scene.track = (struct track){.profile = semantics_profile(SEKISHO_STRICT),
				     .strict = &spec.strict,
				     .aws = &spec.aws,
				     .table = &scene.table,
				     .now = (uint32_t)data[1] << 24};
	for (unsigned i = 0; i < FLOWS; i++)
		scene.keys[i] = key_of(data[0] % SPOKEN, i);
	while (size - at >= STEP_HEAD) {
		const uint8_t *head = data + at;
		size_t length = head[STEP_LENGTH];
		uint8_t *payload;

		at += STEP_HEAD;
		if (length > size - at)
			break;
		payload = malloc(length > 0 ? length
					    : 1); /* exact, so that one byte too far is seen */
		if (payload == NULL)
			break;
		memcpy(payload, data + at, length);
		at += length;
		play(&scene, head, payload);
		free(payload);
	}
	return 0;
}
