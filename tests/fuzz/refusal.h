/* SPDX-License-Identifier: BSD-3-Clause */
/* refusal.h: how config/ must say what is wrong with a file. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include <stdbool.h>

#include <config.h>

/*
 * A file that was accepted has no errors; one that was not has at least one, and each is a line
 * "NAME: error: ..." or "NAME:LINE:COLUMN: error: ..." of printable text.
 */
void refusal_check(const char *name, bool accepted, const struct config_errors *errors);

#endif
