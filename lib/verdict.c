/* SPDX-License-Identifier: BSD-3-Clause */
/* verdict.c: the rows of verdict.h as tables. */
#include <stddef.h>

#include "verdict.h"

static const struct {
	const char *word, *sentence;
	enum sekisho_admitted_by by;
} reasons[] = {
#define X(id, word_, action_, by_, sentence_)                                                      \
	[SEKISHO_REASON_##id] = {word_, sentence_, SEKISHO_BY_##by_},
	SEKISHO_REASONS(X)
#undef X
};

static const struct {
	const char *clauses; /* NULL: the row is missing, which the count below does not let happen */
	enum sekisho_phase phase;
} origins[] = {
#define X(id, phase_, clauses_) [SEKISHO_REASON_##id] = {clauses_, SEKISHO_PHASE_##phase_},
	SEKISHO_REASON_ORIGINS(X)
#undef X
};

enum {
#define X(id, phase, clauses) ORIGIN_OF_##id,
	SEKISHO_REASON_ORIGINS(X)
#undef X
		ORIGIN_COUNT
};

_Static_assert((int)ORIGIN_COUNT == (int)SEKISHO_REASON_COUNT, "each reason has an origin");

static const struct {
	const char *word, *question;
} phases[] = {
#define X(id, word_, question_) [SEKISHO_PHASE_##id] = {word_, question_},
	SEKISHO_PHASES(X)
#undef X
};

static const struct {
	const char *word, *sentence;
} ends[SEKISHO_END_COUNT] = {
#define X(id, word, sentence) [SEKISHO_END_##id] = {word, sentence},
	SEKISHO_ENDS(X)
#undef X
};

const unsigned char sekisho_reason_actions[SEKISHO_REASON_COUNT] = {
#define X(id, word, action_, by, sentence) [SEKISHO_REASON_##id] = SEKISHO_##action_,
	SEKISHO_REASONS(X)
#undef X
};

const char *sekisho_reason_word(enum sekisho_reason reason)
{
	return reasons[reason].word;
}

const char *sekisho_reason_sentence(enum sekisho_reason reason)
{
	return reasons[reason].sentence;
}

enum sekisho_admitted_by sekisho_reason_admitted_by(enum sekisho_reason reason)
{
	return reasons[reason].by;
}

const char *sekisho_admitted_by_word(enum sekisho_admitted_by by)
{
	static const char *const words[] = {NULL, "rule", "flow", "list", "link"};

	return words[by];
}

enum sekisho_phase sekisho_reason_phase(enum sekisho_reason reason)
{
	return origins[reason].phase;
}

const char *sekisho_reason_clauses(enum sekisho_reason reason)
{
	return origins[reason].clauses;
}

const char *sekisho_phase_word(enum sekisho_phase phase)
{
	return phases[phase].word;
}

const char *sekisho_phase_question(enum sekisho_phase phase)
{
	return phases[phase].question;
}

const char *sekisho_end_word(enum sekisho_end end)
{
	return ends[end].word;
}

const char *sekisho_end_sentence(enum sekisho_end end)
{
	return ends[end].sentence;
}
