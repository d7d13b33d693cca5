/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_settings.c: knobs that weaken strict or do nothing, AWS's quotas, what is never filtered. */
#include "linter.h"

#include <stdio.h>

#include "aws_quota.h"

static void say(struct linter *linter, enum lint_code code, const char *path, const char *clauses,
		const char *sentence)
{
	linter_say(linter, code, &(struct linter_subject){.path = path, .clauses = clauses}, "%s",
		   sentence);
}

/* A grammar that is spoken on no port. */
static void judge_grammars(struct linter *linter)
{
	static const char *const names[] = {
#define X(id, name, port, known_by, clause) name,
		SEKISHO_GRAMMARS(X)
#undef X
	};

	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++) {
		char path[LINTER_PATH];

		if (linter->spec->strict.port_count[g] > 0)
			continue;
		snprintf(path, sizeof(path), "strict.ports.%s", names[g]);
		linter_say(
			linter, LINT_WEAKENED_STRICT,
			&(struct linter_subject){.path = path, .clauses = "STRICT-20, STRICT-21"},
			"'%s' has no port, so its answers are known by their tuple alone, and need "
			"no proof",
			names[g]);
	}
}

static void judge_strict(struct linter *linter)
{
	const struct sekisho_policy_spec *spec = linter->spec;

	if (spec->strict.symmetric_udp == SEKISHO_SYMMETRIC_TUPLE)
		say(linter, LINT_WEAKENED_STRICT, "strict.symmetric_udp", "STRICT-22",
		    "UDP between equal ports needs no proof where its protocol has no grammar, so "
		    "a "
		    "peer may start what looks like an answer");
	if (spec->strict.esp == SEKISHO_ESP_FOLLOWS_IKE)
		say(linter, LINT_WEAKENED_STRICT, "strict.esp", "STRICT-40",
		    "ESP passes both ways without a rule while an IKE SA of its two addresses lives");
	if (!spec->strict.verify_checksums)
		say(linter, LINT_WEAKENED_STRICT, "strict.verify_checksums", "STRICT-73",
		    "packets with a wrong checksum make and change state");
	if (spec->limits.half_open_percent == 0)
		say(linter, LINT_WEAKENED_STRICT, "limits.half_open_percent", "STRICT-17",
		    "half-open flows may fill the whole table");
	if (spec->limits.half_open_per_source == 0)
		say(linter, LINT_WEAKENED_STRICT, "limits.half_open_per_source", "STRICT-17",
		    "one source may open as many half-open flows as it likes");
	judge_grammars(linter);
}

static void find_idle_knobs(struct linter *linter)
{
	bool strict = linter->spec->semantics == SEKISHO_STRICT;

	if (!strict && reader_has(linter->reader, "strict"))
		say(linter, LINT_NO_EFFECT, "strict", NULL,
		    "the knobs of strict do nothing under aws-like");
	if (strict && reader_has(linter->reader, "aws"))
		say(linter, LINT_NO_EFFECT, "aws", NULL,
		    "the knobs of aws-like do nothing under strict");
	for (size_t e = 0; strict && e < linter->spec->endpoint_count; e++) {
		char path[LINTER_PATH];

		if (!linter->spec->endpoints[e].auto_tracked)
			continue;
		snprintf(path, sizeof(path), "endpoints[%zu].auto_tracked", e);
		say(linter, LINT_NO_EFFECT, path, "STRICT-5",
		    "auto_tracked does nothing under strict, which tracks everything");
	}
}

static void judge_never_filtered(struct linter *linter)
{
	const struct sekisho_policy_spec *spec = linter->spec;

	if (spec->never_filtered_count == 0)
		return;
	linter_say(linter, LINT_NEVER_FILTERED,
		   &(struct linter_subject){.path = "never_filtered", .clauses = "AWS-115"},
		   "%zu block%s of addresses pass%s whatever the rules say",
		   spec->never_filtered_count, spec->never_filtered_count == 1 ? "" : "s",
		   spec->never_filtered_count == 1 ? "es" : "");
	for (size_t e = 0; e < spec->endpoint_count; e++) {
		for (size_t a = 0; a < spec->endpoints[e].address_count; a++) {
			char path[LINTER_PATH];

			if (!lint_ranges_hold(&linter->unfiltered,
					      &spec->endpoints[e].addresses[a]))
				continue;
			snprintf(path, sizeof(path), "endpoints[%zu].addresses[%zu]", e, a);
			linter_say(linter, LINT_UNFILTERED,
				   &(struct linter_subject){.path = path, .clauses = "AWS-115"},
				   "endpoint '%s' is on the never-filtered list: all its packets "
				   "pass",
				   spec->endpoints[e].name);
		}
	}
}

static void say_excess(void *context, const struct aws_excess *excess)
{
	linter_say(context, LINT_AWS_QUOTA,
		   &(struct linter_subject){.path = excess->path, .clauses = excess->clause},
		   "%zu %s, and AWS allows %zu unless asked for more", excess->count, excess->what,
		   excess->quota);
}

void lint_settings(struct linter *linter)
{
	if (linter->spec->semantics == SEKISHO_STRICT)
		judge_strict(linter);
	else if (!aws_quota_look(linter->config, say_excess, linter))
		linter->failed = true;
	find_idle_knobs(linter);
	judge_never_filtered(linter);
}
