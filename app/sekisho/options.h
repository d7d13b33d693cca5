/* SPDX-License-Identifier: BSD-3-Clause */
/* options.h: what the options are called, take and mean; an option means the same for every verb. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdio.h>

#include "cli.h"

enum options_result { OPTIONS_TAKEN, OPTIONS_HELP, OPTIONS_WRONG };

/*
 * Read the command line of the verb cli->verb, argv[0] being the program, into `cli`, operands
 * included. `takes` has the letters of the options that the verb takes. When it is OPTIONS_WRONG,
 * stderr has why.
 */
enum options_result options_parse(struct cli *cli, const char *takes, int argc, char **argv);

/* The first option of the letters `needs` that was not given; NULL if all were. */
const char *options_lacking(const struct cli *cli, const char *needs);

/* What the options of the letters `takes` mean, one after the other. */
void options_print(FILE *to, const char *takes);

#endif
