/* SPDX-License-Identifier: BSD-3-Clause */
/* spelling.h: what a wrong word may have been meant to be. */
#ifndef CONFIG_SPELLING_H
#define CONFIG_SPELLING_H

#include <stddef.h>

/* Words by position; `word_at(list, i)` for i below `count`. */
struct spelling {
	const char *(*word_at)(const void *list, size_t i);
	const void *list;
	size_t count;
};

#define SPELLING_HINT 256

/*
 * The end of a message about a word that is none of these: "; did you mean 'groups'?" if one is
 * near, else nothing. Letters changed, added, left out, swapped or in the wrong case make words
 * near, and so does an end that is missing. Looks at each word once. Returns `hint`.
 */
const char *spelling_near(char hint[SPELLING_HINT], const char *wrong,
			  const struct spelling *words);

/* The same; and if none is near, which there are, as many as have room. */
const char *spelling_hint(char hint[SPELLING_HINT], const char *wrong,
			  const struct spelling *words);

/* The same for words in an array of strings, which is `list`. */
const char *spelling_word_at(const void *list, size_t i);

#endif
