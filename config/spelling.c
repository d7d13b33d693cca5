/* SPDX-License-Identifier: BSD-3-Clause */
/* spelling.c: words by their distance, in letters (Damerau's, of neighbouring swaps). */
#include "spelling.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 64 /* longer ones are near to none */
#define FAR      99

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to change, add, leave out or swap, whatever their case. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX];
	size_t m = strlen(a), n = strlen(b);

	if (m >= WORD_MAX || n >= WORD_MAX)
		return FAR;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3];
		int letter = tolower((unsigned char)a[i - 1]);

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			int other = tolower((unsigned char)b[j - 1]);

			row[j] = least(above[j - 1] + (letter != other),
				       least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && letter == tolower((unsigned char)b[j - 2]) &&
			    tolower((unsigned char)a[i - 2]) == other)
				row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
		}
	}
	return rows[m % 3][n];
}

/* Which words there are: all, or the first and how many more. */
static void list_words(char hint[SPELLING_HINT], const struct spelling *words)
{
	const size_t room = SPELLING_HINT - 24; /* for ", N more" */
	size_t at, i;

	if (words->count == 0) {
		snprintf(hint, SPELLING_HINT, "; there is none");
		return;
	}
	at = (size_t)snprintf(hint, SPELLING_HINT,
			      words->count == 1 ? "; there is only " : "; there are ");
	for (i = 0; i < words->count; i++) {
		const char *word = words->word_at(words->list, i);

		if (at + strlen(word) + 2 > room)
			break;
		at += (size_t)snprintf(hint + at, SPELLING_HINT - at, "%s%s", i ? ", " : "", word);
	}
	if (i < words->count)
		snprintf(hint + at, SPELLING_HINT - at, "%s%zu %s", i ? ", " : "", words->count - i,
			 i ? "more" : "with long names");
}

const char *spelling_near(char hint[SPELLING_HINT], const char *wrong, const struct spelling *words)
{
	const char *nearest = NULL;
	size_t letters = strlen(wrong);
	unsigned best = least(2 + (unsigned)letters / 4, (unsigned)letters);

	hint[0] = '\0';
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->word_at(words->list, i);
		bool begins = letters > 2 && strncasecmp(word, wrong, letters) == 0;
		unsigned d = begins ? 1 : distance(wrong, word);

		if (d < best) {
			best = d;
			nearest = word;
		}
	}
	if (nearest != NULL)
		snprintf(hint, SPELLING_HINT, "; did you mean '%s'?", nearest);
	return hint;
}

const char *spelling_hint(char hint[SPELLING_HINT], const char *wrong, const struct spelling *words)
{
	if (spelling_near(hint, wrong, words)[0] == '\0')
		list_words(hint, words);
	return hint;
}

const char *spelling_word_at(const void *list, size_t i)
{
	return ((const char *const *)list)[i];
}
