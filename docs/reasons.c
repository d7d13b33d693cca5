/* SPDX-License-Identifier: BSD-3-Clause */
/* reasons.c: writes sekisho-reasons(7) out of lib/verdict.h, for scdoc. Built and run by the build. */
#include <stdio.h>
#include <string.h>

#include <verdict.h>

struct row {
	const char *word, *action, *by, *sentence;
};

static const struct row rows[] = {
#define X(id, word, action, by, sentence) {word, #action, #by, sentence},
	SEKISHO_REASONS(X)
#undef X
};

static const struct row ends[] = {
#define X(id, word, sentence) {word, "", "NONE", sentence},
	SEKISHO_ENDS(X)
#undef X
};

static const struct chapter {
	const char *action, *title, *text;
} chapters[] = {
	{"PASS", "PASSED",
	 "What admitted the packet stands behind the word: a rule, a flow, the list of "
	 "addresses that are never filtered, or that it keeps the link alive."},
	{"DROP", "DROPPED", "A dropped packet changes nothing: no flow, no timer (STRICT-7)."},
	{"HOLD", "HELD",
	 "Neither passed nor dropped yet; the packet gets one of the words above later."},
};

/* scdoc takes these for markup. */
static void text_print(const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\_*<>#", *text) != NULL)
			putchar('\\');
		putchar(*text);
	}
}

static void row_print(const struct row *row)
{
	printf("*%s*", row->word);
	if (strcmp(row->by, "NONE") != 0) {
		printf(" (");
		for (const char *letter = row->by; *letter != '\0'; letter++)
			putchar(*letter | 0x20);
		printf(")");
	}
	printf("\n\t");
	text_print(row->sentence);
	printf(".\n\n");
}

int main(void)
{
	printf("sekisho-reasons(7)\n\n# NAME\n\nsekisho-reasons - why a packet passed or was "
	       "dropped\n\n"
	       "# DESCRIPTION\n\n"
	       "Each packet gets exactly one reason. Its word is the same everywhere: in the "
	       "counters of "
	       "*sekisho stats* and *sekisho drops*, in the lines of *sekisho replay* and *sekisho "
	       "compare*, and on the control socket. Words in brackets with a number are clauses "
	       "of the "
	       "semantics, AWS-n of _aws-like_ and STRICT-n of _strict_.\n\n");
	for (size_t c = 0; c < sizeof(chapters) / sizeof(chapters[0]); c++) {
		printf("# %s\n\n%s\n\n", chapters[c].title, chapters[c].text);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (strcmp(rows[i].action, chapters[c].action) == 0)
				row_print(&rows[i]);
	}
	printf("# FLOWS THAT END\n\nThe *reason* in an _end_ event of *sekisho events* and of the "
	       "records:\n\n");
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		row_print(&ends[i]);
	printf("# SEE ALSO\n\n*sekisho*(1), *sekisho.yaml*(5), *sekishod*(8)\n");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
