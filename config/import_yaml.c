/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_yaml.c: the policy file, laid out as a person would: one rule a line, words bare where YAML
 * takes them for words, quoted where not. libyaml's emitter was tried on paper and left: it folds
 * long lines and has no say on which mapping stands on one line.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "import_model.h"

/* ---- scalars ---------------------------------------------------------------------------------- */

/* Words that some reader of YAML takes for something else. */
static bool is_reserved(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on",
					    "off",  "null",  "y",   "n",  "~"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter first, then letters, digits and what means nothing; single blanks between. */
static bool is_plain(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > 128 || !is_letter(text[0]) || text[length - 1] == ' ')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_letter(text[i]) && (text[i] == '\0' || !strchr("0123456789_.-/ ", text[i])))
			return false;
	}
	return !is_reserved(text);
}

/* The character at `*at`, which is UTF-8 as JSON's reader has seen to; `*at` goes past it. */
static uint32_t character_next(const unsigned char **at)
{
	uint32_t c = *(*at)++;
	unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more > 0)
		c &= 0x3fu >> more;
	for (; more > 0; more--)
		c = c << 6 | (*(*at)++ & 0x3f);
	return c;
}

/* Whether YAML lets it stand in a file, and a person can see it. */
static bool is_printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfeff || c >= 0x10ffff)
		return false;
	/* no width, turns of direction, ends of lines and paragraphs */
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e))
		return false;
	if (c >= 0x2066 && c <= 0x2069)
		return false;
	return (c & 0xfffe) != 0xfffe;
}

/* What stands between double quotes. */
static void escaped(FILE *to, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		const unsigned char *start = at;
		uint32_t c = character_next(&at);

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", (int)c);
		else if (is_printable(c))
			fwrite(start, 1, (size_t)(at - start), to);
		else if (c == '\n')
			fputs("\\n", to);
		else if (c == '\t')
			fputs("\\t", to);
		else
			fprintf(to, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
	}
}

static void scalar(FILE *to, const char *text)
{
	if (is_plain(text)) {
		fputs(text, to);
		return;
	}
	putc('"', to);
	escaped(to, text);
	putc('"', to);
}

/* What follows '#' up to the end of the line. */
static void comment(FILE *to, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		const unsigned char *start = at;

		if (is_printable(character_next(&at)))
			fwrite(start, 1, (size_t)(at - start), to);
		else
			putc(' ', to);
	}
}

static void block(FILE *to, const struct sekisho_prefix *prefix)
{
	char text[ADDRESS_TEXT_SIZE];

	address_print(prefix, text);
	fprintf(to, prefix->family == SEKISHO_IPV6 ? "\"%s\"" : "%s", text);
}

/* ---- things ----------------------------------------------------------------------------------- */

static void write_endpoint(FILE *to, const struct import_endpoint *endpoint)
{
	const char *before = "";

	fputs("  - {name: ", to);
	scalar(to, endpoint->thing.name);
	if (endpoint->thing.id != NULL) {
		fputs(", id: ", to);
		scalar(to, endpoint->thing.id);
	}
	fputs(", addresses: [", to);
	for (size_t a = 0; a < endpoint->addresses.count; a++) {
		fputs(a > 0 ? ", " : "", to);
		block(to, &endpoint->addresses.items[a]);
	}
	fputs("], groups: [", to);
	for (size_t g = 0; g < endpoint->groups.count; g++) {
		fputs(g > 0 ? ", " : "", to);
		scalar(to, endpoint->groups.items[g]->thing.name);
	}
	fputs("]", to);
	for (unsigned t = 0; t < IMPORT_TIMER_COUNT; t++) {
		if (endpoint->seconds[t] == 0)
			continue;
		fprintf(to, "%s%s: %ld", before[0] ? before : ", timeouts: {",
			import_timer_names[t], endpoint->seconds[t]);
		before = ", ";
	}
	fprintf(to, "%s%s}\n", before[0] ? "}" : "",
		endpoint->auto_tracked ? ", auto_tracked: true" : "");
}

static void write_thing(FILE *to, const struct import_thing *thing)
{
	fputs("  - name: ", to);
	scalar(to, thing->name);
	if (!thing->known)
		fputs(" # not described in what was imported", to);
	if (thing->id != NULL && strcmp(thing->id, thing->name) != 0) {
		fputs("\n    id: ", to);
		scalar(to, thing->id);
	}
	if (thing->description != NULL && thing->description[0] != '\0') {
		fputs("\n    description: ", to);
		scalar(to, thing->description);
	}
	putc('\n', to);
}

static void write_list(FILE *to, const struct import_list *list)
{
	write_thing(to, &list->thing);
	if (list->entries.count == 0)
		fputs("    entries: []\n", to);
	else
		fputs("    entries:\n", to);
	for (size_t e = 0; e < list->entries.count; e++) {
		const struct import_entry *entry = &list->entries.items[e];

		fputs("      - ", to);
		block(to, &entry->prefix);
		if (entry->description != NULL && entry->description[0] != '\0') {
			fputs(" # ", to);
			comment(to, entry->description);
		}
		putc('\n', to);
	}
}

/* ---- rules ------------------------------------------------------------------------------------ */

static void write_traffic(FILE *to, const struct import_traffic *traffic)
{
	char protocol[ADDRESS_TEXT_SIZE];

	address_print_protocol(traffic->protocol, protocol);
	fprintf(to, "protocol: %s", protocol);
	if (traffic->protocol == IPPROTO_TCP || traffic->protocol == IPPROTO_UDP) {
		if (traffic->first == traffic->last)
			fprintf(to, ", ports: %d", traffic->first);
		else if (traffic->first != 0 || traffic->last != UINT16_MAX)
			fprintf(to, ", ports: %d-%d", traffic->first, traffic->last);
		return;
	}
	if (traffic->first != -1)
		fprintf(to, ", icmp_type: %d", traffic->first);
	if (traffic->last != -1)
		fprintf(to, ", icmp_code: %d", traffic->last);
}

static void write_peer(FILE *to, const struct import_peer *peer)
{
	if (peer->kind == IMPORT_PEER_PREFIX) {
		block(to, &peer->prefix);
		return;
	}
	fputs(peer->kind == IMPORT_PEER_GROUP ? "\"group:" : "\"prefix_list:", to);
	escaped(to,
		peer->kind == IMPORT_PEER_GROUP ? peer->group->thing.name : peer->list->thing.name);
	putc('"', to);
}

/* Write the rule at `at` and those that join it on its line; returns where the next line begins. */
static size_t write_rule(FILE *to, const struct import_group *group, size_t at)
{
	const struct import_rule *rule = &group->rules.items[at], *more = rule;

	fputs("      - {", to);
	if (rule->id != NULL) {
		fputs("id: ", to);
		scalar(to, rule->id);
		fputs(", ", to);
	}
	write_traffic(to, &rule->traffic);
	fprintf(to, ", %s: [", rule->traffic.direction == SEKISHO_INGRESS ? "from" : "to");
	do {
		fputs(more > rule ? ", " : "", to);
		write_peer(to, &more->peer);
		more++;
		at++;
	} while (at < group->rules.count && import_rule_joins(rule, more));
	putc(']', to);
	if (rule->description[0] != '\0') {
		fputs(", description: ", to);
		scalar(to, rule->description);
	}
	fputs("}\n", to);
	return at;
}

static void write_group(FILE *to, const struct import_group *group)
{
	size_t at = 0;

	write_thing(to, &group->thing);
	while (at < group->rules.count) {
		enum sekisho_direction direction = group->rules.items[at].traffic.direction;

		fprintf(to, "    %s:\n", sekisho_direction_word(direction));
		while (at < group->rules.count &&
		       group->rules.items[at].traffic.direction == direction)
			at = write_rule(to, group, at);
	}
}

/* ---- network ACLs ----------------------------------------------------------------------------- */

static void write_acl_entry(FILE *to, const struct import_acl_entry *entry)
{
	fprintf(to, "      - {number: %u, action: %s, ", entry->number,
		entry->deny ? "deny" : "allow");
	write_traffic(to, &entry->traffic);
	fprintf(to, ", %s: [", entry->traffic.direction == SEKISHO_INGRESS ? "from" : "to");
	block(to, &entry->peer);
	fputs("]}\n", to);
}

static void write_acl(FILE *to, const struct import_acl *acl)
{
	size_t at = 0;

	write_thing(to, &acl->thing);
	fputs("    endpoints: [", to);
	for (size_t e = 0; e < acl->endpoints.count; e++) {
		fputs(e > 0 ? ", " : "", to);
		scalar(to, acl->endpoints.items[e]->thing.name);
	}
	fputs("]\n", to);
	if (acl->subnet != NULL && acl->subnet->blocks.count > 0) {
		fputs("    subnets: [", to);
		for (size_t b = 0; b < acl->subnet->blocks.count; b++) {
			fputs(b > 0 ? ", " : "", to);
			block(to, &acl->subnet->blocks.items[b]);
		}
		fputs("]\n", to);
	}
	while (at < acl->entries.count) {
		enum sekisho_direction direction = acl->entries.items[at].traffic.direction;

		fprintf(to, "    %s:\n", sekisho_direction_word(direction));
		while (at < acl->entries.count &&
		       acl->entries.items[at].traffic.direction == direction)
			write_acl_entry(to, &acl->entries.items[at++]);
	}
}

char *import_yaml(const struct import *import, size_t *length)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, length);
	bool failed;

	if (to == NULL)
		return NULL;
	fputs("version: 1\nsemantics: aws-like\n", to);
	if (import->endpoints.count > 0)
		fputs("\nendpoints:\n", to);
	for (size_t e = 0; e < import->endpoints.count; e++)
		write_endpoint(to, import->endpoints.items[e]);
	if (import->lists.count > 0)
		fputs("\nprefix_lists:\n", to);
	for (size_t l = 0; l < import->lists.count; l++)
		write_list(to, import->lists.items[l]);
	if (import->acls.count > 0)
		fputs("\nnetwork_acls:\n", to);
	for (size_t a = 0; a < import->acls.count; a++)
		write_acl(to, import->acls.items[a]);
	if (import->groups.count > 0)
		fputs("\ngroups:\n", to);
	for (size_t g = 0; g < import->groups.count; g++)
		write_group(to, import->groups.items[g]);
	failed = ferror(to);
	if (fclose(to) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
