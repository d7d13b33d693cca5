/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_exposure_say.c: exposure in words, by the semantics of the policy. */
#include "lint_exposure.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "address.h"

#define NAMED_MAX 4 /* services that are named; there may be more */

/* A text that grows as long as there is room. */
struct words {
	char text[640];
	size_t length;
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
	size_t room = sizeof(words->text) - words->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(words->text + words->length, room, format, arguments);
	va_end(arguments);
	words->length += length < (int)room ? (size_t)length : room - 1;
}

/* ---- services --------------------------------------------------------------------------------- */

/* The grammar that is spoken on a port, or SEKISHO_GRAMMAR_COUNT. */
static unsigned grammar_of(const struct linter *linter, const struct lint_service *service)
{
	const struct sekisho_strict_spec *strict = &linter->spec->strict;

	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++) {
		for (unsigned p = 0; p < strict->port_count[g]; p++) {
			if (service->protocol == IPPROTO_UDP &&
			    strict->ports[g][p] == service->port)
				return g;
		}
	}
	return SEKISHO_GRAMMAR_COUNT;
}

/* Which services are meant. */
enum kind { UDP, UDP_WITHOUT_GRAMMAR, PORTLESS };

static bool is_kind(const struct linter *linter, const struct lint_service *service, enum kind kind)
{
	if (service->protocol != IPPROTO_UDP)
		return kind == PORTLESS;
	return kind == UDP || (kind == UDP_WITHOUT_GRAMMAR &&
			       grammar_of(linter, service) == SEKISHO_GRAMMAR_COUNT);
}

static bool is_exposed(const struct lint_exposure *exposure, unsigned service)
{
	return exposure->services[service / 64] >> service % 64 & 1;
}

/* What is told of: a rule and what it exposes. */
struct lint_told {
	struct linter *linter;
	const struct lint_exposures *exposures;
	const struct lint_exposure *exposure;
	const struct linter_rule *rule;
	bool egress;
};

static unsigned count_kind(const struct lint_told *told, enum kind kind)
{
	unsigned count = 0;

	for (unsigned s = 0; s < told->exposures->service_count; s++)
		count += is_exposed(told->exposure, s) &&
			 is_kind(told->linter, &told->exposures->services[s], kind);
	return count;
}

static void add_service(struct words *words, const struct lint_service *service)
{
	char protocol[ADDRESS_TEXT_SIZE];

	address_print_protocol(service->protocol, protocol);
	if (service->port == 0)
		add(words, "%s", service->name ? service->name : protocol);
	else if (service->name != NULL)
		add(words, "%u (%s)", service->port, service->name);
	else
		add(words, "%u", service->port);
}

/*
 * "500 (IKE), 4500 (NAT-T) and 3 more"; without the rest for a rule that admits any, where those
 * that are known are but examples.
 */
static void add_services(struct words *words, const struct lint_told *told, enum kind kind,
			 bool admits_any)
{
	const struct lint_exposures *exposures = told->exposures;
	unsigned count = count_kind(told, kind), named = 0;

	for (unsigned s = 0; s < exposures->service_count && named < NAMED_MAX; s++) {
		if (!is_exposed(told->exposure, s) ||
		    !is_kind(told->linter, &exposures->services[s], kind))
			continue;
		add(words, "%s", named++ ? ", " : "");
		add_service(words, &exposures->services[s]);
	}
	if (count > named && !admits_any)
		add(words, " and %u more", count - named);
}

static void add_span(struct words *words, const struct lint_span *span)
{
	if (span->least == span->most)
		add(words, "%u s", span->most);
	else
		add(words, "%u to %u s", span->least, span->most);
}

/* What may start: udp ports and protocols of these kinds, and for how long. */
static void add_exposed(struct words *words, const struct lint_told *told, enum kind udp)
{
	const struct sekisho_rule_spec *spec = told->rule->spec;
	const struct lint_exposure *exposure = told->exposure;
	bool has_udp = count_kind(told, udp) > 0;

	if (has_udp) {
		bool any = spec->port_count == 0;

		add(words, any ? "udp between equal ports, as " : "udp ");
		add_services(words, told, udp, any);
		add(words, any ? ", within " : " between equal ports, within ");
		add_span(words, &exposure->udp);
		add(words, ", or ");
		add_span(words, &exposure->stream);
		add(words, " of a stream");
	}
	if (udp == UDP && count_kind(told, PORTLESS) > 0) {
		bool any = spec->protocol == SEKISHO_PROTOCOL_ALL;

		add(words, "%s%s", has_udp ? "; " : "", any ? "protocols without ports, as " : "");
		add_services(words, told, PORTLESS, any);
		add(words, ", within ");
		add_span(words, &exposure->other);
	}
}

/* For whom, where it is not for all. */
static void add_extent(struct words *words, const struct lint_told *told)
{
	size_t carriers = linter_carriers(told->linter, told->rule->group);
	char block[ADDRESS_TEXT_SIZE];

	if (told->exposure->example != told->rule->spec->peers) {
		address_print(told->exposure->example, block);
		add(words, "; with %s for one", block);
	}
	if (told->exposure->endpoints < carriers)
		add(words, "; on %zu of %zu endpoints", told->exposure->endpoints, carriers);
}

/* ---- findings --------------------------------------------------------------------------------- */

/* What the other end may start, where its tuple is all that is looked at. */
static void say_symmetric(const struct lint_told *told, enum kind udp)
{
	bool has_udp = count_kind(told, udp) > 0, has_others = count_kind(told, PORTLESS) > 0;
	const char *clauses = udp != UDP              ? "STRICT-22"
			      : has_udp && has_others ? "AWS-70, AWS-71, AWS-36"
			      : has_udp               ? "AWS-70, AWS-71"
			      : told->egress          ? "AWS-36"
						      : "AWS-38";
	struct words words = {.length = 0};

	add(&words, "%s that was sent to may itself start what no %s rule admits: ",
	    told->egress ? "a peer" : "an endpoint", told->egress ? "ingress" : "egress");
	add_exposed(&words, told, udp);
	add_extent(&words, told);
	LINTER_SAY_RULE(told->linter, told->egress ? LINT_SYMMETRIC_PORTS : LINT_SYMMETRIC_EGRESS,
			told->rule, clauses, "%s", words.text);
}

static void say_one_way(const struct lint_told *told)
{
	char protocol[ADDRESS_TEXT_SIZE], block[ADDRESS_TEXT_SIZE];

	address_print_protocol(told->rule->spec->protocol, protocol);
	address_print(told->exposure->example, block);
	LINTER_SAY_RULE(
		told->linter, LINT_ONE_WAY, told->rule, "STRICT-40",
		"answers do not pass: %s has nothing to prove them by, and no %s rule admits "
		"it %s %s",
		protocol, told->egress ? "ingress" : "egress", told->egress ? "from" : "to", block);
}

/* By what proof answers pass, grammar by grammar; and their clauses. */
static void add_proofs(const struct lint_told *told, struct words *words, struct words *clauses)
{
	static const struct {
		const char *word, *clause;
	} proofs[] = {
#define X(id, name, port, known_by, clause) [SEKISHO_GRAMMAR_##id] = {known_by, clause},
		SEKISHO_GRAMMARS(X)
#undef X
	};

	for (unsigned s = 0; s < told->exposures->service_count; s++) {
		const struct lint_service *service = &told->exposures->services[s];
		unsigned grammar = grammar_of(told->linter, service);

		if (!is_exposed(told->exposure, s) || grammar == SEKISHO_GRAMMAR_COUNT)
			continue;
		add(words, "%s%u by %s", words->length ? ", " : "answers pass by proof: udp ",
		    service->port, proofs[grammar].word);
		if (strstr(clauses->text, proofs[grammar].clause) == NULL)
			add(clauses, "%s%s", clauses->length ? ", " : "", proofs[grammar].clause);
	}
}

/* What guards the ways that aws-like leaves open. */
static void say_guarded(const struct lint_told *told)
{
	bool by_rule = told->linter->spec->strict.symmetric_udp == SEKISHO_SYMMETRIC_RULE &&
		       count_kind(told, UDP_WITHOUT_GRAMMAR) > 0;
	bool portless = count_kind(told, PORTLESS) > 0;
	bool follows = told->linter->spec->strict.esp == SEKISHO_ESP_FOLLOWS_IKE;
	struct words words = {.length = 0}, clauses = {.length = 0};

	add_proofs(told, &words, &clauses);
	if (by_rule || portless)
		add(&words, "%sanswers of %s%s%s pass only by a rule of their own direction",
		    words.length ? "; " : "",
		    !by_rule       ? ""
		    : words.length ? "other udp between equal ports"
				   : "udp between equal ports",
		    by_rule && portless ? " and of " : "",
		    !portless ? ""
		    : follows ? "protocols without ports but esp"
			      : "protocols without ports");
	if (by_rule)
		add(&clauses, "%sSTRICT-22", clauses.length ? ", " : "");
	if (portless)
		add(&clauses, "%sSTRICT-40", clauses.length ? ", " : "");
	if (words.length > 0)
		LINTER_SAY_RULE(told->linter, LINT_GUARDED_PORTS, told->rule, clauses.text, "%s",
				words.text);
}

void lint_exposure_say(struct linter *linter, const struct lint_exposures *exposures, size_t r)
{
	const struct sekisho_rule_spec *rule = linter->rules[r].spec;
	const struct sekisho_strict_spec *strict = &linter->spec->strict;
	const struct lint_told told = {
		.linter = linter,
		.exposures = exposures,
		.exposure = &exposures->of_rule[r],
		.rule = &linter->rules[r],
		.egress = rule->direction == SEKISHO_EGRESS,
	};

	if (linter->spec->semantics == SEKISHO_AWS_LIKE) {
		say_symmetric(&told, UDP);
		return;
	}
	if (lint_names_portless(rule)) {
		if (rule->protocol != IPPROTO_ESP || strict->esp != SEKISHO_ESP_FOLLOWS_IKE)
			say_one_way(&told);
		return;
	}
	if (strict->symmetric_udp == SEKISHO_SYMMETRIC_TUPLE &&
	    count_kind(&told, UDP_WITHOUT_GRAMMAR) > 0)
		say_symmetric(&told, UDP_WITHOUT_GRAMMAR);
	if (told.egress)
		say_guarded(&told);
}
