/* SPDX-License-Identifier: BSD-3-Clause */
/* proof.c: which proof speaks for which grammar, and what proofs share. */
#include "proof.h"

static const struct proof *const proofs[] = {
	[SEKISHO_GRAMMAR_IKE] = &proof_ike,
	[SEKISHO_GRAMMAR_NAT_T] = &proof_ike,
	[SEKISHO_GRAMMAR_WIREGUARD] = &proof_wireguard,
	[SEKISHO_GRAMMAR_DNS] = &proof_dns,
	[SEKISHO_GRAMMAR_NTP] = &proof_ntp,
};

_Static_assert(sizeof(proofs) / sizeof(proofs[0]) == SEKISHO_GRAMMAR_COUNT,
	       "each grammar has a proof");

const struct proof *proof_of(const struct flow *flow)
{
	return flow->grammar == 0 ? NULL : proofs[flow->grammar - 1];
}

bool proof_make_room(const struct track *track, const struct flow *flow, uint32_t entries)
{
	struct flow_table *table = track->table;

	for (uint32_t tries = 0; table->capacity - table->taken < entries; tries++) {
		if (tries == entries ||
		    !flow_age_recycle(table, track->now, FLOW_VICTIM_UNANSWERED, flow))
			return false;
	}
	return true;
}

void *proof_memory(const struct track *track, struct flow *flow)
{
	void *memory = flow_table_extension(track->table, flow);

	if (memory != NULL)
		return memory;
	return proof_make_room(track, flow, 1) ? flow_table_extend(track->table, flow) : NULL;
}

/* Block by block with a keyed hash, each with the hash of those before it in front. */
uint64_t proof_hash(const struct track *track, uint64_t what, const uint8_t *bytes, uint32_t length)
{
	union {
		struct flow_key key;
		struct {
			uint64_t before;
			uint8_t bytes[sizeof(struct flow_key) - sizeof(uint64_t)];
		} part;
	} block;
	uint64_t hash = what << 16 | length;

	do {
		uint32_t size =
			length < sizeof(block.part.bytes) ? length : sizeof(block.part.bytes);

		memset(&block, 0, sizeof(block));
		block.part.before = hash;
		memcpy(block.part.bytes, bytes, size);
		hash = flow_key_hash(&block.key, &track->table->proof_secret);
		bytes += size;
		length -= size;
	} while (length > 0);
	return hash ? hash : 1;
}
