/* SPDX-License-Identifier: BSD-3-Clause */
/* proof.c: which proof speaks for which grammar. */
#include "proof.h"

static const struct proof *const proofs[] = {
	[SEKISHO_GRAMMAR_IKE] = &proof_ike,
	[SEKISHO_GRAMMAR_NAT_T] = &proof_ike,
};

_Static_assert(sizeof(proofs) / sizeof(proofs[0]) == SEKISHO_GRAMMAR_COUNT,
	       "each grammar has a proof");

const struct proof *proof_of(const struct flow *flow)
{
	return flow->grammar == 0 ? NULL : proofs[flow->grammar - 1];
}
