/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_other.c: ESP, AH, GRE, IPIP and all else without ports: addresses and the protocol number are
 * all there is (AWS-35, 41), and nothing in a packet proves it an answer (STRICT-40).
 *
 * ESP is counted by SPI for those who look at the flow (STRICT-41), in an entry of the table that is
 * taken if one is free and never waited for.
 */
#include <netinet/in.h>

#include "proof/proof.h"
#include "track.h"

/* In a table entry; the empty key in front tells the sweep that this is no flow. */
struct esp_memory {
	struct flow_key none;
	struct sekisho_spi_count spis[2][SEKISHO_FLOW_SPIS];
};

_Static_assert(sizeof(struct esp_memory) <= sizeof(struct flow), "fits an entry of the table");

/* The SPI of an ESP packet, 0 if it is not there. */
static uint32_t spi_of(const struct packet *packet)
{
	const uint8_t *p = packet->payload;

	if (packet->protocol != IPPROTO_ESP || packet->payload_captured < 4)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void count_spi(const struct track *track, struct flow *flow, const struct packet *packet,
		      unsigned direction)
{
	struct esp_memory *memory = flow_table_extension(track->table, flow);
	uint32_t spi = spi_of(packet);
	struct sekisho_spi_count *spis;
	unsigned i = 0;

	if (spi == 0 || !track->profile->answers_need_proof)
		return;
	if (memory == NULL)
		memory = flow_table_extend(track->table, flow);
	if (memory == NULL)
		return;
	spis = memory->spis[direction];
	while (i < SEKISHO_FLOW_SPIS && spis[i].spi != spi)
		i++;
	if (i == SEKISHO_FLOW_SPIS) {
		i = 0;
		memmove(&spis[1], &spis[0], (SEKISHO_FLOW_SPIS - 1) * sizeof(spis[0]));
		spis[0] = (struct sekisho_spi_count){.spi = spi};
	}
	spis[i].packets++;
}

void track_other_spis(const struct flow_table *table, const struct flow *flow,
		      struct sekisho_spi_count spis[2][SEKISHO_FLOW_SPIS])
{
	const struct esp_memory *memory = flow_table_extension(table, flow);

	if (flow->key.protocol == IPPROTO_ESP && memory != NULL)
		memcpy(spis, memory->spis, sizeof(memory->spis));
}

/* STRICT-40: whether an IKE SA may speak for the packet. */
static bool follows_ike(const struct track *track, const struct packet *packet)
{
	return track->profile->answers_need_proof && packet->protocol == IPPROTO_ESP &&
	       track->strict->esp == SEKISHO_ESP_FOLLOWS_IKE;
}

const struct flow *track_other_vouches(const struct track *track, const struct flow_key *key,
				       const struct packet *packet)
{
	return follows_ike(track, packet) ? proof_ike_sa_vouch(track, key) : NULL;
}

struct track_result track_other_inspect(const struct track *track, struct flow *flow,
					const struct packet *packet, unsigned direction)
{
	bool followed = follows_ike(track, packet) && proof_ike_sa_refresh(track, &flow->key);

	if (track->profile->answers_need_proof && !followed &&
	    !track_is_originator(flow, direction))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_PROTOCOL);
	if (direction != flow->opener)
		flow->state = FLOW_ANSWERED;
	count_spi(track, flow, packet, direction);
	return TRACK_PASSED;
}

bool track_other_open(const struct track *track, struct flow *flow, const struct packet *packet,
		      unsigned direction)
{
	if (follows_ike(track, packet))
		proof_ike_sa_refresh(track, &flow->key);
	flow->state = flow->opened ? FLOW_ANSWERED : FLOW_UNANSWERED;
	count_spi(track, flow, packet, direction);
	return true;
}
