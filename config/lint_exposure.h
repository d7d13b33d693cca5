/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_exposure.h: what lint_exposure.c finds and lint_exposure_say.c puts into words. */
#ifndef CONFIG_LINT_EXPOSURE_H
#define CONFIG_LINT_EXPOSURE_H

#include "linter.h"

/*
 * What both ends use the same port for, or none: an answer looks like a start of the other end's
 * own.
 */
struct lint_service {
	uint16_t protocol, port; /* port 0: the protocol has none */
	const char *name;        /* may be NULL */
};

#define LINT_SERVICES_MAX 320 /* all protocols, the known ports, and those of the grammars */

/* Seconds, the least and the most of all endpoints concerned. */
struct lint_span {
	uint32_t least, most;
};

/* What a rule exposes. */
struct lint_exposure {
	uint64_t services[LINT_SERVICES_MAX / 64]; /* a bit for each */
	const struct sekisho_prefix *example;      /* one of the blocks; NULL: it exposes nothing */
	const struct linter_class *class;          /* the last that it was found for */
	size_t endpoints;
	struct lint_span udp, stream, other;
};

struct lint_exposures {
	struct lint_service services[LINT_SERVICES_MAX];
	unsigned service_count;
	struct lint_exposure *of_rule;
};

/*
 * Whether a rule is for one protocol without ports; ICMP, which has its own kind of answers, aside.
 */
bool lint_names_portless(const struct sekisho_rule_spec *spec);

/* Have a service looked for, once. */
void lint_exposures_add(struct lint_exposures *exposures, struct lint_service service);

/* Make findings of what rule `r` exposes. */
void lint_exposure_say(struct linter *linter, const struct lint_exposures *exposures, size_t r);

#endif
