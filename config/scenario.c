/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario.c: from a scenario file to plain structs, with the place of what is wrong. */
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

/* A scenario with what its plain struct points into. */
struct whole {
	struct scenario scenario; /* first, so that both have one address */
	struct schema_scenario *schema;
	char *name;
	char *paths[SCENARIO_CASES_MAX * SCENARIO_POLICIES_MAX];
	size_t path_count;
	const char *policies[SCENARIO_CASES_MAX][SCENARIO_POLICIES_MAX];
};

struct builder {
	struct whole *whole;
	const struct reader *reader;
	struct config_errors *errors;
};

#define SAY(b, path, ...) reader_error((b)->reader, (b)->errors, path, __VA_ARGS__)

/* ---- times ------------------------------------------------------------------------------------ */

/* A number of up to 9 digits and 6 behind a point, in millionths; false if it is none. */
static bool read_decimal(const char *text, size_t length, uint64_t *millionths)
{
	uint64_t value = 0, unit = 0;

	if (length == 0 || length > 16 || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' && unit == 0) {
			unit = 1000000;
			continue;
		}
		if (text[i] < '0' || text[i] > '9' || unit == 1)
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		unit /= 10;
	}
	*millionths = unit ? value * unit : value * 1000000;
	return *millionths <= UINT64_C(1000000000) * 1000000;
}

/* A time as 0s, 11.2s, 500ms or 2m, in milliseconds. */
static uint32_t time_of(struct builder *builder, const char *text, const char *path)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
	size_t length = strspn(text, "0123456789.");
	uint64_t value;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + length, units[i].unit) != 0 ||
		    !read_decimal(text, length, &value))
			continue;
		value = value * units[i].ms / 1000000;
		if (value <= SCENARIO_TIME_MAX_MS)
			return (uint32_t)value;
	}
	SAY(builder, path, "'%.40s' is no time, must be as 0s, 11.2s, 500ms or 2m, a day at most",
	    text);
	return 0;
}

/* ---- parts ------------------------------------------------------------------------------------ */

/* Expectations: a word of the list for all cases, or one for each. */
static struct scenario_expect expect_of(struct builder *builder, char **words, unsigned count,
					const char *path, bool (*is_word)(const char *word),
					const char *allowed)
{
	size_t cases = builder->whole->schema->cases_count;
	char at[128];

	if (count > 1 && count != (cases ? cases : 1))
		SAY(builder, path, "%u expectations for %zu cases, must be one, or one for each",
		    count, cases ? cases : 1);
	for (unsigned i = 0; i < count; i++) {
		snprintf(at, sizeof(at), "%s[%u]", path, i);
		if (!is_word(words[i]))
			SAY(builder, at, "'%.40s' is not allowed, must be %s", words[i], allowed);
	}
	return (struct scenario_expect){words, count};
}

static bool is_verdict(const char *word)
{
	if (strcmp(word, "pass") == 0 || strcmp(word, "drop") == 0)
		return true;
	for (unsigned reason = 0; reason < SEKISHO_REASON_COUNT; reason++)
		if (strcmp(word, sekisho_reason_word(reason)) == 0)
			return true;
	return false;
}

static bool is_outcome(const char *word)
{
	return strcmp(word, "up") == 0 || strcmp(word, "down") == 0;
}

static bool is_share(const char *word)
{
	return strcmp(word, "always") == 0 || strcmp(word, "sometimes") == 0 ||
	       strcmp(word, "never") == 0;
}

static struct scenario_words words_of(struct builder *builder, const char *text, const char *path)
{
	struct scenario_words words = {.text = text};

	reader_place(builder->reader, path, &words.line, &words.column);
	return words;
}

static void build_addresses(struct builder *builder)
{
	struct scenario *to = &builder->whole->scenario;
	const struct schema_scenario *from = builder->whole->schema;
	char at[64];

	for (size_t i = 0; i < to->address_count; i++) {
		to->addresses[i] = (struct scenario_address){from->addresses[i].name,
							     from->addresses[i].address};
		snprintf(at, sizeof(at), "addresses[%zu].name", i);
		for (size_t j = 0; j < i; j++)
			if (strcmp(to->addresses[j].name, to->addresses[i].name) == 0)
				SAY(builder, at, "address '%.40s' is there twice",
				    to->addresses[i].name);
	}
}

/* A path as written, relative to the folder of the scenario. NULL: no memory. */
static const char *resolve(struct whole *whole, const char *path)
{
	const char *slash = strrchr(whole->name, '/');
	char *resolved;

	if (path[0] == '/' || slash == NULL)
		return path;
	if (asprintf(&resolved, "%.*s/%s", (int)(slash - whole->name), whole->name, path) < 0)
		return NULL;
	whole->paths[whole->path_count++] = resolved;
	return resolved;
}

static void build_case(struct builder *builder, size_t i)
{
	struct whole *whole = builder->whole;
	const struct schema_case *from = &whole->schema->cases[i];
	struct scenario_case *to = &whole->scenario.cases[i];
	char at[64];

	*to = (struct scenario_case){from->name, whole->policies[i], from->policies_count};
	snprintf(at, sizeof(at), "cases[%zu].policies", i);
	if (from->policies_count == 0 || from->policies_count > SCENARIO_POLICIES_MAX) {
		SAY(builder, at, "%u policies, must be 1..%d", from->policies_count,
		    SCENARIO_POLICIES_MAX);
		return;
	}
	for (size_t p = 0; p < to->policy_count; p++) {
		to->policies[p] = resolve(whole, from->policies[p]);
		if (to->policies[p] == NULL)
			SAY(builder, at, "not enough memory");
	}
}

static void build_packets(struct builder *builder)
{
	struct scenario *to = &builder->whole->scenario;
	char at[64];

	for (size_t i = 0; i < to->packet_count; i++) {
		const struct schema_packet *from = &builder->whole->schema->packets[i];
		struct scenario_packet *packet = &to->packets[i];

		snprintf(at, sizeof(at), "packets[%zu].at", i);
		packet->at_ms = time_of(builder, from->at, at);
		snprintf(at, sizeof(at), "packets[%zu].send", i);
		packet->send = words_of(builder, from->send, at);
		snprintf(at, sizeof(at), "packets[%zu].expect", i);
		packet->expect = expect_of(builder, from->expect, from->expect_count, at,
					   is_verdict, "pass, drop or a reason");
	}
}

/* When to ask again: `first` later, then `factor` times as long each time. */
static void build_retry(struct builder *builder, const struct schema_retry *from,
			struct scenario_conversation *to, const char *path)
{
	size_t length = from->factor ? strlen(from->factor) : 0;
	uint64_t factor, wait, sum;
	char at[128];

	snprintf(at, sizeof(at), "%s.first", path);
	wait = time_of(builder, from->first, at);
	snprintf(at, sizeof(at), "%s.factor", path);
	if (!read_decimal(from->factor, length, &factor) || factor < 1000000 || factor > 10000000) {
		SAY(builder, at, "factor is '%.20s', must be 1..10", from->factor);
		return;
	}
	snprintf(at, sizeof(at), "%s.tries", path);
	if (from->tries > SCENARIO_TRIES_MAX) {
		SAY(builder, at, "%u tries, must be 0..%d", from->tries, SCENARIO_TRIES_MAX);
		return;
	}
	sum = wait;
	to->tries = from->tries;
	wait *= 1000; /* microseconds: so that rounding does not add up */
	for (size_t i = 0; i < to->tries; i++) {
		to->retry_ms[i] = (uint32_t)(wait / 1000);
		wait = wait * factor / 1000000;
		sum += wait / 1000;
		if (sum > SCENARIO_TIME_MAX_MS) {
			SAY(builder, at, "it would try for more than a day");
			return;
		}
	}
	to->patience_ms = (uint32_t)(wait / 1000);
}

static bool build_conversation(struct builder *builder, size_t i)
{
	const struct schema_conversation *from = &builder->whole->schema->conversations[i];
	struct scenario_conversation *to = &builder->whole->scenario.conversations[i];
	char at[96];
	unsigned column;

	snprintf(at, sizeof(at), "conversations[%zu]", i);
	*to = (struct scenario_conversation){.name = from->name,
					     .exchange_count = from->exchanges_count};
	reader_place(builder->reader, at, &to->line, &column);
	to->exchanges = calloc(from->exchanges_count + 1, sizeof(*to->exchanges));
	if (to->exchanges == NULL)
		return false;
	if (from->exchanges_count == 0)
		SAY(builder, at, "conversation '%.40s' has no exchange", from->name);
	for (size_t e = 0; e < to->exchange_count; e++) {
		snprintf(at, sizeof(at), "conversations[%zu].exchanges[%zu].ask", i, e);
		to->exchanges[e].ask = words_of(builder, from->exchanges[e].ask, at);
		snprintf(at, sizeof(at), "conversations[%zu].exchanges[%zu].answer", i, e);
		to->exchanges[e].answer = words_of(builder, from->exchanges[e].answer, at);
	}
	snprintf(at, sizeof(at), "conversations[%zu].at", i);
	to->at_ms = time_of(builder, from->at, at);
	snprintf(at, sizeof(at), "conversations[%zu].retry", i);
	if (reader_has(builder->reader, at))
		build_retry(builder, &from->retry, to, at);
	snprintf(at, sizeof(at), "conversations[%zu].expect", i);
	to->expect =
		expect_of(builder, from->expect, from->expect_count, at, is_outcome, "up or down");
	return true;
}

static void build_sweep(struct builder *builder)
{
	struct scenario *scenario = &builder->whole->scenario;
	const struct schema_sweep *from = &builder->whole->schema->sweep;
	struct scenario_sweep *to = &scenario->sweep;
	unsigned column;

	if (!reader_has(builder->reader, "sweep"))
		return;
	reader_place(builder->reader, "sweep", &to->line, &column);
	if (from->conversation == NULL || from->to == NULL || from->step == NULL) {
		SAY(builder, "sweep", "sweep needs a conversation, to and step");
		return;
	}
	for (size_t i = 0; i < scenario->conversation_count; i++)
		if (strcmp(scenario->conversations[i].name, from->conversation) == 0)
			to->conversation = &scenario->conversations[i];
	if (to->conversation == NULL)
		SAY(builder, "sweep.conversation", "there is no conversation '%.40s'",
		    from->conversation);
	if (from->from != NULL)
		to->from_ms = time_of(builder, from->from, "sweep.from");
	to->to_ms = time_of(builder, from->to, "sweep.to");
	to->step_ms = time_of(builder, from->step, "sweep.step");
	if (to->step_ms == 0 || to->to_ms < to->from_ms ||
	    (to->to_ms - to->from_ms) / to->step_ms >= SCENARIO_STEPS_MAX)
		SAY(builder, "sweep", "from %u ms to %u ms by %u ms, must be 1..%u steps",
		    to->from_ms, to->to_ms, to->step_ms, SCENARIO_STEPS_MAX);
	to->expect = expect_of(builder, from->expect, from->expect_count, "sweep.expect", is_share,
			       "always, sometimes or never");
}

/* Take memory for all lists. */
static bool lists_make(struct scenario *to, const struct schema_scenario *from)
{
	to->address_count = from->addresses_count;
	to->case_count = from->cases_count;
	to->packet_count = from->packets_count;
	to->conversation_count = from->conversations_count;
	to->addresses = calloc(to->address_count + 1, sizeof(*to->addresses));
	to->cases = calloc(to->case_count + 1, sizeof(*to->cases));
	to->packets = calloc(to->packet_count + 1, sizeof(*to->packets));
	to->conversations = calloc(to->conversation_count + 1, sizeof(*to->conversations));
	return to->addresses && to->cases && to->packets && to->conversations;
}

static bool build(struct builder *builder)
{
	struct whole *whole = builder->whole;
	struct scenario *to = &whole->scenario;

	to->name = whole->name;
	to->title = whole->schema->title;
	if (whole->schema->version != 1)
		SAY(builder, "version", "version %u is not known, only 1 is",
		    whole->schema->version);
	if (whole->schema->cases_count > SCENARIO_CASES_MAX) {
		SAY(builder, "cases", "%u cases, must be at most %d", whole->schema->cases_count,
		    SCENARIO_CASES_MAX);
		return true;
	}
	if (!lists_make(to, whole->schema))
		return false;
	build_addresses(builder);
	for (size_t i = 0; i < to->case_count; i++)
		build_case(builder, i);
	build_packets(builder);
	for (size_t i = 0; i < to->conversation_count; i++)
		if (!build_conversation(builder, i))
			return false;
	build_sweep(builder);
	if (to->packet_count == 0 && to->conversation_count == 0)
		SAY(builder, "version", "there is nothing to send: no packets, no conversations");
	return true;
}

/* Build by a reader. Takes over `text`'s name only. */
static struct whole *whole_make(const char *path, const struct reader *reader,
				struct config_errors *errors)
{
	struct whole *whole = calloc(1, sizeof(*whole));
	struct builder builder = {whole, reader, errors};

	if (whole != NULL)
		whole->name = strdup(path);
	if (whole == NULL || whole->name == NULL) {
		reader_error_at(path, 0, 0, errors, "not enough memory");
		free(whole);
		return NULL;
	}
	whole->schema = schema_load_scenario(path, reader, errors);
	if (whole->schema != NULL && !build(&builder))
		reader_error_at(path, 0, 0, errors, "not enough memory");
	return whole;
}

struct scenario *scenario_load(const char *path, struct config_errors *errors)
{
	unsigned before = errors->count;
	size_t length;
	char *text = reader_file(path, &length, errors);
	struct reader *reader =
		text ? reader_create(path, text, length, &schema_scenario_file, errors) : NULL;
	struct whole *whole = reader ? whole_make(path, reader, errors) : NULL;

	reader_destroy(reader);
	free(text);
	if (whole != NULL && (whole->schema == NULL || errors->count != before)) {
		scenario_destroy(&whole->scenario);
		return NULL;
	}
	return whole ? &whole->scenario : NULL;
}

void scenario_destroy(struct scenario *scenario)
{
	struct whole *whole = (struct whole *)scenario;

	if (whole == NULL)
		return;
	for (size_t i = 0; scenario->conversations && i < scenario->conversation_count; i++)
		free(scenario->conversations[i].exchanges);
	for (size_t i = 0; i < whole->path_count; i++)
		free(whole->paths[i]);
	free(scenario->addresses);
	free(scenario->cases);
	free(scenario->packets);
	free(scenario->conversations);
	schema_free_scenario(whole->schema);
	free(whole->name);
	free(whole);
}

const char *scenario_expected(const struct scenario_expect *expect, size_t index)
{
	if (expect->count == 0)
		return NULL;
	return expect->words[expect->count == 1 ? 0 : index];
}
