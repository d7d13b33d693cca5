/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness_sequences.c: `compare --witness`: all subjects searched side by side, shortest sequences
 * first, and what is found, printed.
 *
 * Sequences are of one *class* when they go the same ways after the same gaps, and both policies say
 * the same words about each packet. A class is printed once, with the sequence that was found first and
 * how many others there are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "render.h"
#include "subjects.h"
#include "witness.h"
#include "witness_search.h"

#define SECONDS_MAX 300        /* of one search */
#define NODES_MAX   (8u << 20) /* sequences that are kept, of all subjects: some 400 MB at most */

/* What is being searched, of one subject. */
struct subject {
	struct alphabet alphabet;
	struct witness_search search;
	bool more;
};

/* Witnesses alike, and the first of them. */
struct class
{
	uint64_t key;
	struct witness_found first;
	uint64_t count;
};

struct searches {
	const struct witness *witness;
	const struct subjects_walk *walk;
	struct subject **subjects;
	size_t count, room;
	struct class *classes; /* of the present length */
	size_t class_count, class_room;
	uint64_t nodes, told; /* told: classes, of all lengths */
	time_t until;
	bool late, large, out_of_memory;
};

/* ---- classes ---------------------------------------------------------------------------------- */

static uint64_t class_key(const struct witness_found *found)
{
	const struct alphabet_packet *packets = found->alphabet->packets;
	uint64_t key = found->length;

	for (unsigned i = 0; i < found->length; i++) {
		const struct witness_step *step = &found->steps[i];
		const uint64_t says[] = {packets[step->packet].direction, step->gap_ms,
					 step->verdicts[0].reason, step->verdicts[1].reason};

		key = number_mix(key, says, sizeof(says));
	}
	/* the protocol of what came first */
	return number_mix(key, packets[found->steps[0].packet].text,
			  strcspn(packets[found->steps[0].packet].text, " "));
}

static bool found_take(void *context, const struct witness_found *found)
{
	struct searches *searches = context;
	const uint64_t key = class_key(found);
	size_t i = 0;

	while (i < searches->class_count && searches->classes[i].key != key)
		i++;
	if (i == searches->class_room) {
		size_t room = i ? 2 * i : 64;
		struct class *larger = realloc(searches->classes, room * sizeof(*larger));

		searches->out_of_memory = larger == NULL;
		if (larger == NULL)
			return false;
		searches->classes = larger;
		searches->class_room = room;
	}
	if (i == searches->class_count) {
		searches->classes[i] = (struct class){.key = key, .first = *found};
		searches->class_count++;
	}
	searches->classes[i].count += 1 + found->other_count;
	return true;
}

/* ---- printing --------------------------------------------------------------------------------- */

static const char *semantics_of(const struct trace_judge *judge)
{
	return sekisho_semantics_word(sekisho_policy_semantics(judge->policy));
}

/* What a policy says of the last packet. */
static void side_print(const struct trace_judge *judge, char side,
		       const struct sekisho_verdict *verdict)
{
	printf("  %c (%s) %s %s: %s\n", side, semantics_of(judge),
	       verdict->action == SEKISHO_PASS ? "passes it," : "drops it,",
	       sekisho_reason_word(verdict->reason), sekisho_reason_sentence(verdict->reason));
	if (sekisho_rule_name(judge->names, verdict->rule) || verdict->opened_by) {
		fputs("    ", stdout);
		render_origin(stdout, verdict, judge);
		putchar('\n');
	}
}

/* The command that explains the last packet under one of the policies. */
static void command_print(const struct witness_found *found, const char *policy)
{
	printf("  explain:  sekisho explain --policy %s", policy);
	for (unsigned i = 0; i < found->length; i++) {
		const struct witness_step *step = &found->steps[i];

		if (step->gap_ms > 0)
			printf(" +%ums", step->gap_ms);
		printf(" '%s'", found->alphabet->packets[step->packet].text);
	}
	putchar('\n');
}

static void class_print(const struct searches *searches, const struct class *class)
{
	const struct witness_found *found = &class->first;
	const struct alphabet_packet *packets = found->alphabet->packets;
	uint32_t now_ms = 0;

	printf("%s%u packet%s\n", searches->told ? "\n" : "", found->length,
	       found->length == 1 ? "" : "s");
	for (unsigned i = 0; i < found->length; i++) {
		const struct witness_step *step = &found->steps[i];

		now_ms += step->gap_ms;
		printf("  %8u.%03u s  %-7s  '%s'%s%s\n", now_ms / 1000, now_ms % 1000,
		       sekisho_direction_word(packets[step->packet].direction),
		       packets[step->packet].text, i + 1 < found->length ? "  both pass, " : "",
		       i + 1 < found->length ? sekisho_reason_word(step->verdicts[0].reason) : "");
	}
	for (unsigned p = 0; p < 2; p++)
		side_print(&searches->witness->judges[p], "ab"[p],
			   &found -> steps[found->length - 1].verdicts[p]);
	command_print(found, searches->witness->cli->a);
	command_print(found, searches->witness->cli->b);
	if (class->count > 1)
		printf("  and %" PRIu64 " sequence%s of this class\n", class->count - 1,
		       class->count == 2 ? "" : "s");
}

static void class_print_json(const struct searches *searches, const struct class *class)
{
	const struct witness_found *found = &class->first;
	const struct alphabet_packet *packets = found->alphabet->packets;
	uint32_t now_ms = 0;

	printf("{\"length\":%u,\"sequences\":%" PRIu64 ",\"packets\":[", found->length,
	       class->count);
	for (unsigned i = 0; i < found->length; i++) {
		const struct witness_step *step = &found->steps[i];

		now_ms += step->gap_ms;
		printf("%s{\"time\":%u.%03u,\"direction\":\"%s\",\"packet\":", i ? "," : "",
		       now_ms / 1000, now_ms % 1000,
		       sekisho_direction_word(packets[step->packet].direction));
		render_string_json(stdout, packets[step->packet].text);
		for (unsigned p = 0; p < 2; p++) {
			const struct trace_judge *judge = &searches->witness->judges[p];

			printf(",\"%c\":{", "ab"[p]);
			render_verdict_json(stdout, &step->verdicts[p], judge->names);
			printf(",\"semantics\":\"%s\"}", semantics_of(judge));
		}
		putchar('}');
	}
	puts("]}");
}

static bool classes_print(struct searches *searches)
{
	for (size_t i = 0; i < searches->class_count; i++) {
		if (searches->witness->cli->output == CLI_JSON)
			class_print_json(searches, &searches->classes[i]);
		else
			class_print(searches, &searches->classes[i]);
		searches->told++;
	}
	searches->class_count = 0;
	return !ferror(stdout);
}

static void summary_print(const struct searches *searches, unsigned length, bool complete)
{
	uint64_t sequences = 0, kinds = 0;

	for (size_t i = 0; i < searches->count; i++) {
		sequences += searches->subjects[i]->search.sequences;
		kinds += searches->subjects[i]->alphabet.count;
	}
	if (searches->witness->cli->output == CLI_JSON) {
		printf("{\"summary\":{\"classes\":%" PRIu64 ",\"flows\":%" PRIu64
		       ",\"flows_unlike\":%zu,\"packet_kinds\":%" PRIu64 ",\"sequences\":%" PRIu64
		       ",\"length\":%u,\"complete\":%s}}\n",
		       searches->told, searches->walk->found, searches->count, kinds, sequences,
		       length, complete ? "true" : "false");
		return;
	}
	printf("%s%s: %" PRIu64 " flow%s, %zu of them unlike, with %" PRIu64
	       " kinds of packets; %" PRIu64 " sequences of up to %u packets, with no time between "
	       "two or as much as ends just before, or with, a timer that runs\n",
	       searches->told ? "\n" : "",
	       searches->told ? "searched" : "no sequence makes a difference",
	       searches->walk->found, searches->walk->found == 1 ? "" : "s", searches->count, kinds,
	       sequences, length);
}

/* Say what keeps the search from being complete. */
static void limits_print(const struct searches *searches)
{
	if (searches->late)
		fprintf(stderr, "sekisho: not all was searched: it was stopped after %d s\n",
			SECONDS_MAX);
	if (searches->large)
		fprintf(stderr, "sekisho: not all was searched: %u sequences are kept at most\n",
			NODES_MAX);
	if (searches->walk->shortened)
		fputs("sekisho: not all was searched: of some addresses more than 64 unlike ports "
		      "are told apart\n",
		      stderr);
	if (searches->out_of_memory)
		fputs("sekisho: not all was searched: out of memory\n", stderr);
}

/* ---- searching -------------------------------------------------------------------------------- */

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static bool go_on(void *context)
{
	struct searches *searches = context;

	searches->late = seconds_now() > searches->until;
	return !searches->late;
}

static uint64_t first_word(void *context, const struct sekisho_frame *frame)
{
	const struct searches *searches = context;
	uint64_t word = 0;

	for (unsigned p = 0; p < 2; p++) {
		const struct trace_judge *judge = &searches->witness->judges[p];
		struct sekisho_verdict verdict = probe_ask(judge, 0, frame);

		word = word << 8 | verdict.reason;
		if (verdict.opened)
			probe_forget(judge, 0);
	}
	return word;
}

static bool subject_take(void *context, const struct alphabet *alphabet)
{
	struct searches *searches = context;
	struct subject *subject = malloc(sizeof(*subject));

	if (searches->count == searches->room) {
		size_t room = searches->room ? searches->room * 2 : 64;
		struct subject **larger = realloc(searches->subjects, room * sizeof(*larger));

		if (larger == NULL) {
			free(subject);
			subject = NULL;
		} else {
			searches->subjects = larger;
			searches->room = room;
		}
	}
	searches->out_of_memory = subject == NULL;
	if (subject == NULL)
		return false;
	*subject = (struct subject){.alphabet = *alphabet,
				    .search = {.judges = searches->witness->judges,
					       .alphabet = &subject->alphabet,
					       .found = found_take,
					       .go_on = go_on,
					       .context = searches},
				    .more = true};
	searches->subjects[searches->count++] = subject;
	return go_on(searches);
}

/* All sequences of a length. Returns 0 to go on. */
static int length_search(struct searches *searches, unsigned length, bool *more)
{
	int rc = 0;

	*more = false;
	for (size_t i = 0; rc == 0 && i < searches->count; i++) {
		struct subject *subject = searches->subjects[i];
		size_t before = subject->search.node_count;

		if (!subject->more)
			continue;
		rc = witness_search_length(&subject->search, length, &subject->more);
		searches->nodes += subject->search.node_count - before;
		searches->large = searches->nodes > NODES_MAX;
		*more |= subject->more;
		if (rc == 0 && searches->large)
			rc = 1;
	}
	searches->out_of_memory |= rc == -ENOMEM;
	return classes_print(searches) ? rc : 1;
}

enum cli_exit witness_sequences(const struct witness *witness)
{
	struct searches searches = {.witness = witness, .until = seconds_now() + SECONDS_MAX};
	struct subjects_walk walk = {.specs = {witness->specs[0], witness->specs[1]},
				     .first_word = first_word,
				     .subject = subject_take,
				     .context = &searches};
	unsigned length = 0;
	bool more = true, complete;
	int rc = subjects_walk(&walk);

	searches.walk = &walk;
	searches.out_of_memory |= rc == -ENOMEM;
	while (rc == 0 && more && length < WITNESS_PACKETS_MAX)
		rc = length_search(&searches, ++length, &more);
	complete = rc == 0 && !walk.shortened;
	summary_print(&searches, length, complete);
	limits_print(&searches);
	for (size_t i = 0; i < searches.count; i++) {
		witness_search_fini(&searches.subjects[i]->search);
		free(searches.subjects[i]);
	}
	free(searches.subjects);
	free(searches.classes);
	if (searches.told)
		return CLI_NO;
	return complete ? CLI_OK : CLI_FAILED;
}
