/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness.h: `sekisho compare --witness`: where two policies differ, found without a capture.
 *
 * Both searches print what they find as they go and return a verb's exit code: CLI_OK if there is no
 * difference, CLI_NO if there is one, CLI_FAILED if the search could not be finished and has found none.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include "cli.h"
#include "probe.h"

struct witness {
	const struct cli *cli;
	struct trace_judge judges[2]; /* a and b */
	const struct sekisho_policy_spec *specs[2];
};

/* The exact set of first packets that one admits and the other does not. */
/* The shortest sequences of packets over which they differ. */
enum cli_exit witness_sequences(const struct witness *witness);

enum cli_exit witness_static(const struct witness *witness);

#endif
