/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy.c: the policy file's third pass: what it means. Goes on after an error, so that one run tells
 * all that is wrong; a policy with errors is thrown away whole.
 */
#include "builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "utf8.h"

void *policy_own(struct config_policy *config, size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		goto fail;
	if (config->owned_count == config->owned_size) {
		size_t wanted = config->owned_size ? config->owned_size * 2 : 64;
		void **owned = realloc(config->owned, wanted * sizeof(*owned));

		if (owned == NULL)
			goto fail;
		config->owned = owned;
		config->owned_size = wanted;
	}
	config->owned[config->owned_count++] = memory;
	return memory;
fail:
	free(memory);
	reader_error_at(config->name, 0, 0, config->errors, "not enough memory");
	return NULL;
}

char *policy_print(struct config_policy *config, const char *format, ...)
{
	va_list arguments;
	char *made = NULL, *text = NULL;
	int length;

	va_start(arguments, format);
	length = vasprintf(&made, format, arguments);
	va_end(arguments);
	if (length < 0) {
		reader_error_at(config->name, 0, 0, config->errors, "not enough memory");
		return NULL;
	}
	text = policy_own(config, (size_t)length + 1, 1);
	if (text != NULL)
		memcpy(text, made, (size_t)length);
	free(made);
	return text;
}

/* ---- names ------------------------------------------------------------------------------------ */

bool policy_build_names(struct config_policy *config, struct names *names,
			const struct spelling *list)
{
	if (names_init(names, list))
		return true;
	reader_error_at(config->name, 0, 0, config->errors, "not enough memory");
	return false;
}

struct duplicates {
	struct config_policy *config;
	const struct names *names;
	const char *list, *what;
};

static void say_twice(void *context, size_t position, size_t earlier)
{
	const struct duplicates *in = context;
	char at[128];

	(void)earlier;
	snprintf(at, sizeof(at), "%s[%zu].name", in->list, position);
	POLICY_ERROR(in->config, at, "%s '%s' is there twice", in->what,
		     in->names->list.word_at(in->names->list.list, position));
}

void policy_refuse_duplicates(struct config_policy *config, const struct names *names,
			      const char *list, const char *what)
{
	struct duplicates in = {config, names, list, what};

	names_duplicates(names, say_twice, &in);
}

size_t policy_find(struct config_policy *config, const struct names *names, const char *what,
		   const char *name, const char *path)
{
	size_t found = names_find(names, name);
	char hint[SPELLING_HINT];

	/* what is past the last error that is told needs no search for what was meant */
	if (found == NAMES_NONE && config->errors->count < CONFIG_ERRORS_MAX)
		POLICY_ERROR(config, path, "no %s '%s'%s", what, name,
			     spelling_hint(hint, name, &names->list));
	return found;
}

/* ---- timers, knobs ---------------------------------------------------------------------------- */

void policy_build_timeouts(struct config_policy *config, const struct schema_timeouts *from,
			   uint32_t *to, const char *path)
{
	for (unsigned t = 0; t < SEKISHO_TIMEOUT_COUNT; t++) {
		const struct sekisho_timeout_info *info = &sekisho_timeouts[t];
		char at[512];

		if (from->seconds[t] == NULL)
			continue;
		to[t] = *from->seconds[t];
		snprintf(at, sizeof(at), "%s.%s", path, info->name);
		if (to[t] < info->min || to[t] > info->max)
			POLICY_ERROR(config, at, "%s of %u s is out of bounds: %u..%u", info->name,
				     to[t], info->min, info->max);
	}
}

/* One of two words; the second's position is 1. */
static int one_of(struct config_policy *config, const char *word, const char *first,
		  const char *second, const char *path)
{
	const char *const words[] = {first, second};
	const struct spelling known = {spelling_word_at, words, 2};
	char hint[SPELLING_HINT];

	if (strcmp(word, first) != 0 && strcmp(word, second) != 0)
		POLICY_ERROR(config, path, "'%s' is not allowed: %s or %s%s", word, first, second,
			     spelling_near(hint, word, &known));
	return strcmp(word, second) == 0;
}

static const char *const grammar_names[] = {
#define X(id, name, port, known_by, clause) [SEKISHO_GRAMMAR_##id] = name,
	SEKISHO_GRAMMARS(X)
#undef X
};

static void build_grammar_ports(struct config_policy *config, unsigned grammar)
{
	const struct schema_ports *from = &config->schema->strict.ports;
	struct sekisho_strict_spec *to = &config->spec.strict;
	char at[128];

	snprintf(at, sizeof(at), "strict.ports.%s", grammar_names[grammar]);
	if (!reader_has(config->reader, at))
		return;
	to->port_count[grammar] = (uint8_t)from->list_count[grammar];
	for (unsigned i = 0; i < from->list_count[grammar]; i++) {
		long port = 0;

		if (!address_parse_number(from->list[grammar][i], 1, 65535, &port))
			POLICY_ERROR(config, at, "'%s' is no port: 1..65535",
				     from->list[grammar][i]);
		to->ports[grammar][i] = (uint16_t)port;
	}
}

/* The first grammar before `end` that is spoken on a port; `end` if there is none. */
static unsigned grammar_on(const struct sekisho_strict_spec *strict, uint16_t port, unsigned end)
{
	for (unsigned grammar = 0; grammar < end; grammar++) {
		for (unsigned i = 0; i < strict->port_count[grammar]; i++) {
			if (strict->ports[grammar][i] == port)
				return grammar;
		}
	}
	return end;
}

/* A port speaks one grammar. The error stands at a list that the file gives, not at a default. */
static void check_grammar_ports(struct config_policy *config, unsigned grammar)
{
	const struct sekisho_strict_spec *strict = &config->spec.strict;
	char at[128];

	for (unsigned i = 0; i < strict->port_count[grammar]; i++) {
		uint16_t port = strict->ports[grammar][i];
		unsigned other = grammar_on(strict, port, grammar), told = other;

		if (other == grammar)
			continue;
		snprintf(at, sizeof(at), "strict.ports.%s", grammar_names[grammar]);
		if (!reader_has(config->reader, at)) {
			snprintf(at, sizeof(at), "strict.ports.%s", grammar_names[other]);
			told = grammar;
		}
		POLICY_ERROR(config, at, "port %u is spoken by %s already", port,
			     grammar_names[told]);
	}
}

static void build_knobs(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	struct sekisho_policy_spec *spec = &config->spec;

	if (schema->strict.symmetric_udp != NULL)
		spec->strict.symmetric_udp =
			one_of(config, schema->strict.symmetric_udp, "rule", "tuple",
			       "strict.symmetric_udp");
	if (schema->strict.esp != NULL)
		spec->strict.esp =
			one_of(config, schema->strict.esp, "rule", "follows-ike", "strict.esp");
	if (schema->strict.verify_checksums != NULL)
		spec->strict.verify_checksums = *schema->strict.verify_checksums;
	for (unsigned grammar = 0; grammar < SEKISHO_GRAMMAR_COUNT; grammar++)
		build_grammar_ports(config, grammar);
	for (unsigned grammar = 0; grammar < SEKISHO_GRAMMAR_COUNT; grammar++)
		check_grammar_ports(config, grammar);
	if (schema->aws.tcp_pickup != NULL)
		spec->aws.tcp_pickup = *schema->aws.tcp_pickup;
}

/* A ceiling; 0 takes it away. */
static void build_ceiling(struct config_policy *config, const uint32_t *from, uint32_t *to,
			  uint32_t max, const char *path)
{
	if (from == NULL)
		return;
	*to = *from;
	if (*to > max)
		POLICY_ERROR(config, path, "%s of %u is out of bounds: 0..%u, 0 means no ceiling",
			     strchr(path, '.') + 1, *to, max);
}

static void build_limits(struct config_policy *config)
{
	const struct schema_limits *from = &config->schema->limits;
	struct sekisho_limits_spec *to = &config->spec.limits;

	build_ceiling(config, from->half_open_percent, &to->half_open_percent, 100,
		      "limits.half_open_percent");
	build_ceiling(config, from->half_open_per_source, &to->half_open_per_source, UINT32_MAX,
		      "limits.half_open_per_source");
	build_ceiling(config, from->flows_per_source, &to->flows_per_source, UINT32_MAX,
		      "limits.flows_per_source");
}

struct sekisho_prefix *policy_build_blocks(struct config_policy *config, char *const *list,
					   size_t count, const char *path)
{
	struct sekisho_prefix *blocks = policy_own(config, count + 1, sizeof(*blocks));

	for (size_t i = 0; blocks != NULL && i < count; i++) {
		char at[512];

		snprintf(at, sizeof(at), "%s[%zu]", path, i);
		if (!address_parse(list[i], &blocks[i]))
			POLICY_ERROR(config, at, "'%s' is no address or block of addresses, as "
				     "198.51.100.0/24 or 2001:db8::/32", list[i]);
	}
	return blocks;
}

/*
 * What AWS never filters (AWS-115), as addresses: instance metadata, the resolver, time, Windows
 * activation, ECS task metadata. DHCP has no address of its own, nor have a VPC's "+2" resolver and
 * router one that could be known here.
 */
static char *const aws_services[] = {
	"169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.169.250",
	"169.254.169.251", "169.254.170.2",   "169.254.170.23",  "fd00:ec2::254",
	"fd00:ec2::253",   "fd00:ec2::123",   "fd00:ec2::250",   "fd00:ec2::23",
};

#define AWS_SERVICES (sizeof(aws_services) / sizeof(aws_services[0]))

/* Addresses, and the word `aws` for those above. */
static void build_never_filtered(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	size_t count = 0, room = schema->never_filtered_count * (AWS_SERVICES + 1);
	struct sekisho_prefix *blocks = policy_own(config, room + 1, sizeof(*blocks));

	for (size_t i = 0; blocks != NULL && i < schema->never_filtered_count; i++) {
		const char *word = schema->never_filtered[i];
		char at[64];

		if (strcmp(word, "aws") == 0) {
			for (size_t j = 0; j < AWS_SERVICES; j++)
				address_parse(aws_services[j], &blocks[count++]);
		} else if (!address_parse(word, &blocks[count++])) {
			snprintf(at, sizeof(at), "never_filtered[%zu]", i);
			POLICY_ERROR(config, at,
				     "'%s' is no address or block of addresses, nor 'aws'", word);
		}
	}
	config->spec.never_filtered = blocks;
	config->spec.never_filtered_count = count;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static void build(struct config_policy *config)
{
	const struct schema_policy *schema = config->schema;
	int strict;

	if (schema->version != 1)
		POLICY_ERROR(config, "version", "version %u is not known, only 1 is",
			     schema->version);
	strict = one_of(config, schema->semantics, "aws-like", "strict", "semantics");
	sekisho_policy_spec_init(&config->spec, strict ? SEKISHO_STRICT : SEKISHO_AWS_LIKE);
	policy_build_timeouts(config, &schema->timeouts, config->spec.timeouts, "timeouts");
	build_knobs(config);
	build_limits(config);
	if (!policy_build_references(config))
		return;
	policy_build_endpoints(config);
	policy_build_members(config);
	build_never_filtered(config);
	policy_build_groups(config);
	policy_build_acls(config);
}

struct config_policy *config_policy_parse(const char *name, const char *text, size_t length,
					  struct config_errors *errors)
{
	struct config_policy *config = calloc(1, sizeof(*config));
	struct reader *reader = NULL;
	unsigned before = errors->count;

	if (config == NULL) {
		reader_error_at(name, 0, 0, errors, "not enough memory");
		return NULL;
	}
	config->name = strdup(name);
	config->text = malloc(length + 1);
	config->length = length;
	config->errors = errors;
	if (config->name != NULL && config->text != NULL) {
		utf8_repair(config->name); /* where rules are written is told in JSON */
		memcpy(config->text, text, length);
		config->text[length] = '\0';
		reader = reader_create(name, config->text, length, &schema_policy_file, errors);
	}
	if (reader != NULL)
		config->schema = schema_load_policy(name, reader, errors);
	config->reader = reader;
	if (config->schema != NULL)
		build(config);
	names_fini(&config->group_names);
	names_fini(&config->list_names);
	names_fini(&config->endpoint_names);
	reader_destroy(reader);
	config->reader = NULL;
	if (config->schema == NULL || errors->count != before) {
		if (errors->count == before)
			reader_error_at(name, 0, 0, errors, "not enough memory");
		config_policy_destroy(config);
		return NULL;
	}
	return config;
}

struct config_policy *config_policy_load(const char *path, struct config_errors *errors)
{
	size_t length;
	char *text = reader_file(path, &length, errors);
	struct config_policy *config;

	if (text == NULL)
		return NULL;
	config = config_policy_parse(path, text, length, errors);
	free(text);
	return config;
}

void config_policy_destroy(struct config_policy *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->owned_count; i++)
		free(config->owned[i]);
	free(config->owned);
	schema_free_policy((struct schema_policy *)config->schema);
	free(config->name);
	free(config->text);
	free(config);
}

const struct sekisho_policy_spec *config_policy_spec(const struct config_policy *config)
{
	return &config->spec;
}

const char *config_policy_text(const struct config_policy *config, size_t *length)
{
	*length = config->length;
	return config->text;
}

const char *config_policy_name(const struct config_policy *config)
{
	return config->name;
}
