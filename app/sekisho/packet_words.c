/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_words.c: reading a packet's words into a sketch, with the column of what is wrong.
 *
 * Words are separated by blanks and never copied: a slice points into the text. `about` ends a
 * packet's words: what follows is the packet that an ICMP error quotes, in the same language.
 */
#include "packet_words.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet_sketch.h"
#include "protocols.h"

#define ETHERNET 14
#define SHOWN    40 /* bytes of a word in a message */

struct slice {
	const char *at;
	size_t length;
};

struct parser {
	const char *text; /* all of it */
	const char *at;   /* what is not read yet */
	const struct packet_words_names *names;
	struct packet_words_error *error;
};

struct word {
	const char *name;
	uint8_t value; /* enum packet_value */
	uint16_t of;   /* PACKET_OF_* */
	uint64_t most;
	const char *does;
};

static const struct word words[] = {
#define X(id, name, value, most, of, does) {name, PACKET_##value, PACKET_OF_##of, most, does},
	PACKET_WORDS(X)
#undef X
};

/* What a packet is, by bit of enum packet_of. */
static const char *const of_names[] = {"tcp",  "udp",  "icmp", "esp", "ah", "other protocols",
				       "ike=", "dns=", "ntp=", "wg="};

/* ---- words and messages ----------------------------------------------------------------------- */

/* Say what is wrong at a place in the text; false, so that callers can return it. */
static bool __attribute__((format(printf, 3, 4)))
fail(struct parser *parser, const char *at, const char *format, ...)
{
	char *text = parser->error->text;
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(parser->error->text), format, list);
	va_end(list);
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	parser->error->column = (unsigned)(at - parser->text) + 1;
	return false;
}

static int shown(struct slice word)
{
	return word.length < SHOWN ? (int)word.length : SHOWN;
}

static bool is_word(struct slice word, const char *text)
{
	return strlen(text) == word.length && memcmp(word.at, text, word.length) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next word; empty at the end. */
static struct slice next_word(struct parser *parser)
{
	struct slice word;

	while (is_blank(*parser->at))
		parser->at++;
	word.at = parser->at;
	while (*parser->at && !is_blank(*parser->at))
		parser->at++;
	word.length = (size_t)(parser->at - word.at);
	return word;
}

/* Read a number, decimal or with 0x; false if it is none or over `most`. */
static bool read_number(struct slice word, uint64_t most, uint64_t *number)
{
	bool hex = word.length > 2 && word.at[0] == '0' && word.at[1] == 'x';
	unsigned base = hex ? 16 : 10;
	uint64_t value = 0;

	if (word.length == 0)
		return false;
	for (size_t i = hex ? 2 : 0; i < word.length; i++) {
		const char *digits = "0123456789abcdef0123456789ABCDEF";
		const char *digit = strchr(digits, word.at[i]);
		unsigned worth = digit && *digit ? (unsigned)(digit - digits) % 16 : 16;

		if (worth >= base || value > (most - worth) / base)
			return false;
		value = value * base + worth;
	}
	*number = value;
	return true;
}

/* ---- protocol and addresses ------------------------------------------------------------------- */

static bool read_protocol(struct parser *parser, struct packet_sketch *sketch)
{
	struct slice word = next_word(parser), number = word;
	uint64_t value;
	int known = protocols_number(word.at, word.length);

	if (known >= 0) {
		sketch->protocol = (uint8_t)known;
		return true;
	}
	if (is_word(word, "proto"))
		number = next_word(parser);
	else if (word.length > 6 && memcmp(word.at, "proto-", 6) == 0)
		number = (struct slice){word.at + 6, word.length - 6};
	else if (word.length == 0)
		return fail(parser, word.at,
			    "nothing, must be a packet as \"udp 198.51.100.1:500 > "
			    "198.51.100.2:500\"");
	else
		return fail(parser, word.at,
			    "protocol is \"%.*s\", must be tcp, udp, icmp, icmpv6, esp, ah, gre, "
			    "another name, or proto N",
			    shown(word), word.at);
	if (!read_number(number, UINT8_MAX, &value))
		return fail(parser, number.at, "protocol is \"%.*s\", must be a number up to 255",
			    shown(number), number.at);
	sketch->protocol = (uint8_t)value;
	return true;
}

/* One side of a packet. */
struct side {
	struct slice word, host, port;
	uint8_t family;
	uint8_t address[16];
	uint16_t number; /* of the port */
	bool has_port;
};

/* Take [host]:port, host:port or host apart. */
static bool split_side(struct parser *parser, struct side *side)
{
	struct slice word = side->word;
	const char *end = word.at + word.length, *colon;

	side->host = word;
	if (word.length && word.at[0] == '[') {
		const char *close = memchr(word.at, ']', word.length);

		if (!close || (close + 1 < end && close[1] != ':'))
			return fail(parser, word.at,
				    "address is \"%.*s\", must be as [2001:db8::1]:500",
				    shown(word), word.at);
		side->host = (struct slice){word.at + 1, (size_t)(close - word.at) - 1};
		colon = close + 1 < end ? close + 1 : NULL;
	} else {
		colon = memchr(word.at, ':', word.length);
		if (colon && memchr(colon + 1, ':', (size_t)(end - colon) - 1))
			colon = NULL; /* IPv6 without a port */
		if (colon)
			side->host.length = (size_t)(colon - word.at);
	}
	side->has_port = colon != NULL;
	if (colon)
		side->port = (struct slice){colon + 1, (size_t)(end - colon) - 1};
	return true;
}

/* The digits that a host stands for: those of its name, or its own. */
static void host_digits(const struct parser *parser, struct slice host, char *digits, size_t size)
{
	for (size_t i = 0; parser->names && i < parser->names->count; i++) {
		if (is_word(host, parser->names->list[i].name)) {
			snprintf(digits, size, "%s", parser->names->list[i].address);
			return;
		}
	}
	snprintf(digits, size, "%.*s", host.length < size ? (int)host.length : 0, host.at);
}

static bool read_side(struct parser *parser, struct side *side)
{
	char digits[INET6_ADDRSTRLEN];
	uint64_t port;

	side->word = next_word(parser);
	if (!split_side(parser, side))
		return false;
	host_digits(parser, side->host, digits, sizeof(digits));
	if (inet_pton(AF_INET, digits, side->address) == 1)
		side->family = 4;
	else if (inet_pton(AF_INET6, digits, side->address) == 1)
		side->family = 6;
	else
		return fail(parser, side->host.at, "address is \"%.*s\", must be IPv4 or IPv6%s",
			    shown(side->host), side->host.at,
			    parser->names && parser->names->count ? ", or a name of `addresses`"
								  : "");
	if (!side->has_port)
		return true;
	if (!read_number(side->port, UINT16_MAX, &port))
		return fail(parser, side->port.at, "port is \"%.*s\", must be a number up to 65535",
			    shown(side->port), side->port.at);
	side->number = (uint16_t)port;
	return true;
}

static bool read_sides(struct parser *parser, struct packet_sketch *sketch)
{
	struct side source = {0}, destination = {0};
	struct slice between;

	if (!read_side(parser, &source))
		return false;
	between = next_word(parser);
	if (!is_word(between, ">"))
		return fail(parser, between.at,
			    "\"%.*s\" after the source, must be > and the destination",
			    shown(between), between.at);
	if (!read_side(parser, &destination))
		return false;
	if (source.family != destination.family)
		return fail(parser, destination.host.at,
			    "destination is IPv%u and source IPv%u, must be of one family",
			    destination.family, source.family);
	if (source.has_port != destination.has_port)
		return fail(parser, source.has_port ? destination.word.at : source.word.at,
			    "no port on this side, must be on both or none");
	sketch->family = source.family;
	sketch->has_ports = source.has_port;
	sketch->source_port = source.number;
	sketch->destination_port = destination.number;
	memcpy(sketch->source, source.address, 16);
	memcpy(sketch->destination, destination.address, 16);
	return true;
}

/* ---- words behind ----------------------------------------------------------------------------- */

static unsigned of_protocol(uint8_t protocol)
{
	switch (protocol) {
	case 6:
		return PACKET_OF_TCP;
	case 17:
		return PACKET_OF_UDP;
	case 1:
	case 58:
		return PACKET_OF_ICMP;
	case 50:
		return PACKET_OF_ESP;
	case 51:
		return PACKET_OF_AH;
	default:
		return PACKET_OF_OTHER;
	}
}

/* Words that say what UDP carries. */
static const struct {
	uint8_t word;
	uint16_t of;
} udp_payloads[] = {
	{PACKET_WORD_IKE, PACKET_OF_IKE}, {PACKET_WORD_ESP, PACKET_OF_ESP},
	{PACKET_WORD_DNS, PACKET_OF_DNS}, {PACKET_WORD_NTP, PACKET_OF_NTP},
	{PACKET_WORD_WG, PACKET_OF_WG},   {PACKET_WORD_KEEPALIVE, 0},
};
#define UDP_PAYLOADS (sizeof(udp_payloads) / sizeof(udp_payloads[0]))

/* All that a packet is, as bits of enum packet_of. */
static unsigned of_sketch(const struct packet_sketch *sketch)
{
	unsigned of = of_protocol(sketch->protocol);

	for (size_t i = 0; i < UDP_PAYLOADS; i++)
		if (packet_is_given(sketch, udp_payloads[i].word))
			of |= udp_payloads[i].of;
	return of;
}

static bool read_flags(struct parser *parser, struct slice value, uint64_t *flags)
{
	static const char letters[] = "FSRPAUEC";

	*flags = 0;
	if (is_word(value, "."))
		return true;
	for (size_t i = 0; i < value.length; i++) {
		const char *letter = strchr(letters, value.at[i]);

		if (!letter)
			return fail(parser, value.at + i,
				    "flags has \"%c\", must be letters of FSRPAUEC, or . for none",
				    value.at[i]);
		*flags |= UINT64_C(1) << (letter - letters);
	}
	if (value.length == 0)
		return fail(parser, value.at, "flags is empty, must be letters of FSRPAUEC, or .");
	return true;
}

static const char *const *choices_of(enum packet_word word)
{
	switch (word) {
	case PACKET_WORD_IKE:
		return packet_ike_choices;
	case PACKET_WORD_DNS:
		return packet_dns_choices;
	case PACKET_WORD_NTP:
		return packet_ntp_choices;
	default:
		return packet_wg_choices;
	}
}

static bool read_choice(struct parser *parser, struct slice value, enum packet_word word,
			uint64_t *index)
{
	const char *const *choices = choices_of(word);
	char list[160] = "";
	size_t length = 0;

	for (*index = 0; choices[*index]; (*index)++) {
		if (is_word(value, choices[*index]))
			return true;
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   length ? ", " : "", choices[*index]);
	}
	return fail(parser, value.at, "%s is \"%.*s\", must be one of: %s", words[word].name,
		    shown(value), value.at, list);
}

static bool read_bytes(struct parser *parser, struct slice value, struct packet_sketch *sketch)
{
	if (value.length % 2 || value.length / 2 > PACKET_PAYLOAD_MAX)
		return fail(parser, value.at,
			    "payload has %zu digits, must be two a byte and at most %d bytes",
			    value.length, PACKET_PAYLOAD_MAX);
	for (size_t i = 0; i < value.length; i += 2) {
		char digits[5] = {'0', 'x', value.at[i], value.at[i + 1], 0};
		uint64_t byte;

		if (!read_number((struct slice){digits, 4}, UINT8_MAX, &byte))
			return fail(parser, value.at + i,
				    "payload has \"%.2s\", must be hexadecimal digits",
				    value.at + i);
		sketch->payload[i / 2] = (uint8_t)byte;
	}
	sketch->payload_length = (uint32_t)value.length / 2;
	return true;
}

/* A name of DNS: labels of 1 to 63 bytes. */
static bool read_name(struct parser *parser, struct slice value, struct packet_sketch *sketch)
{
	size_t label = 0;

	for (size_t i = 0; i <= value.length && value.length <= PACKET_NAME_MAX; i++) {
		if (i < value.length && value.at[i] != '.') {
			label++;
			continue;
		}
		if (label == 0 || label > 63)
			break;
		if (i == value.length) {
			memcpy(sketch->name, value.at, value.length);
			return true;
		}
		label = 0;
	}
	return fail(parser, value.at,
		    "name is \"%.*s\", must be as example.org: labels of 1 to 63 bytes",
		    shown(value), value.at);
}

static bool read_value(struct parser *parser, struct packet_sketch *sketch, enum packet_word word,
		       struct slice value)
{
	uint64_t *number = &sketch->value[word];

	switch (words[word].value) {
	case PACKET_NUMBER:
		if (read_number(value, words[word].most, number))
			return true;
		return fail(parser, value.at, "%s is \"%.*s\", must be a number up to %llu",
			    words[word].name, shown(value), value.at,
			    (unsigned long long)words[word].most);
	case PACKET_FLAGS:
		return read_flags(parser, value, number);
	case PACKET_CHOICE:
		return read_choice(parser, value, word, number);
	case PACKET_BYTES:
		return read_bytes(parser, value, sketch);
	case PACKET_NAME:
		return read_name(parser, value, sketch);
	default:
		return true;
	}
}

/* Find a word of the language; PACKET_WORD_COUNT if it is none. */
static enum packet_word word_find(struct slice name)
{
	unsigned i = 0;

	while (i < PACKET_WORD_COUNT && !is_word(name, words[i].name))
		i++;
	return (enum packet_word)i;
}

/* Say which words a packet takes. */
static bool fail_word(struct parser *parser, struct slice word, const struct packet_sketch *sketch)
{
	unsigned of = of_sketch(sketch);
	char list[160] = "";
	size_t length = 0;

	for (unsigned i = 0; i < PACKET_WORD_COUNT && length < sizeof(list) - 16; i++)
		if (words[i].of & of)
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s%s",
						   length ? " " : "", words[i].name,
						   words[i].value == PACKET_BARE ? "" : "=");
	return fail(parser, word.at, "\"%.*s\", must be one of: %s", shown(word), word.at, list);
}

static bool take_word(struct parser *parser, struct packet_sketch *sketch, struct slice token)
{
	const char *equals = memchr(token.at, '=', token.length);
	size_t length = equals ? (size_t)(equals - token.at) : token.length;
	struct slice name = {token.at, length}, value = {token.at + length, 0};
	enum packet_word word = word_find(name);

	if (equals)
		value = (struct slice){equals + 1, token.length - length - 1};
	if (word == PACKET_WORD_COUNT || !equals != (words[word].value == PACKET_BARE) ||
	    !(words[word].of & of_sketch(sketch)))
		return fail_word(parser, token, sketch);
	if (packet_is_given(sketch, word))
		return fail(parser, token.at, "%s is there twice, must be once", words[word].name);
	for (size_t i = 0; i < UDP_PAYLOADS; i++)
		for (size_t j = 0; j < UDP_PAYLOADS && word == udp_payloads[i].word; j++)
			if (packet_is_given(sketch, udp_payloads[j].word))
				return fail(parser, token.at,
					    "%s after %s, must be one payload only",
					    words[word].name, words[udp_payloads[j].word].name);
	if (!read_value(parser, sketch, word, value))
		return false;
	sketch->given |= UINT64_C(1) << word;
	return true;
}

/* ---- a packet --------------------------------------------------------------------------------- */

/* What no word is to blame for. */
static bool judge(struct parser *parser, const char *start, const struct packet_sketch *sketch)
{
	bool wants_ports = (sketch->protocol == 6 || sketch->protocol == 17) &&
			   !packet_is_later_fragment(sketch);

	if (sketch->value[PACKET_WORD_OFFSET] % 8)
		return fail(parser, start, "offset is %u, must be a multiple of 8",
			    (unsigned)sketch->value[PACKET_WORD_OFFSET]);
	if (wants_ports != sketch->has_ports)
		return fail(parser, start, "%s",
			    wants_ports ? "no ports, must be behind both addresses: "
					  "198.51.100.1:500"
					: "ports, must be none: only tcp and udp have them, in the "
					  "first fragment");
	/* by number it is meant: to the other family it is a protocol like others */
	if (*start != 'p' && ((sketch->protocol == 1 && sketch->family == 6) ||
			      (sketch->protocol == 58 && sketch->family == 4)))
		return fail(parser, start,
			    "%s over IPv%u, must be icmp over IPv4, icmpv6 over IPv6",
			    sketch->protocol == 1 ? "icmp" : "icmpv6", sketch->family);
	if (sketch->family == 4 && sketch->value[PACKET_WORD_IPID] > UINT16_MAX)
		return fail(parser, start, "ipid is over 65535, must be 16 bits in IPv4");
	return true;
}

static bool read_packet(struct parser *parser, struct packet_sketch *sketch, bool may_quote);

/* Read the packet that an error is about, and keep what errors quote of it (RFC 792). */
static bool read_quote(struct parser *parser, struct slice about, struct packet_sketch *sketch)
{
	struct packet_sketch *quoted;
	uint8_t frame[PACKET_WORDS_FRAME_MAX];
	uint32_t length;
	bool good;

	if (of_protocol(sketch->protocol) != PACKET_OF_ICMP)
		return fail(parser, about.at, "\"about\", must be behind icmp or icmpv6 only");
	quoted = calloc(1, sizeof(*quoted));
	if (!quoted)
		return fail(parser, about.at, "out of memory");
	good = read_packet(parser, quoted, false);
	if (good && quoted->family != sketch->family)
		good = fail(parser, about.at, "about IPv%u, must be of the error's family",
			    quoted->family);
	if (good) {
		length = packet_frame_write(quoted, frame) - ETHERNET;
		if (length > (quoted->family == 6 ? 56u : 28u))
			length = quoted->family == 6 ? 56 : 28;
		memcpy(sketch->quote, frame + ETHERNET, length);
		sketch->quote_length = length;
	}
	free(quoted);
	return good;
}

static bool read_packet(struct parser *parser, struct packet_sketch *sketch, bool may_quote)
{
	const char *start = parser->at;
	struct slice token;

	while (is_blank(*start))
		start++;
	if (!read_protocol(parser, sketch) || !read_sides(parser, sketch))
		return false;
	for (token = next_word(parser); token.length; token = next_word(parser)) {
		if (may_quote && is_word(token, "about")) {
			if (!read_quote(parser, token, sketch))
				return false;
			break;
		}
		if (!take_word(parser, sketch, token))
			return false;
	}
	return judge(parser, start, sketch);
}

uint32_t packet_words_frame(const char *text, const struct packet_words_names *names,
			    uint8_t frame[PACKET_WORDS_FRAME_MAX], struct packet_words_error *error)
{
	struct parser parser = {text, text, names, error};
	struct packet_sketch *sketch = calloc(1, sizeof(*sketch));
	uint32_t length = 0;

	if (!sketch)
		fail(&parser, text, "out of memory");
	else if (read_packet(&parser, sketch, true))
		length = packet_frame_write(sketch, frame);
	free(sketch);
	return length;
}

int packet_words_help(unsigned index, struct packet_words_help *help)
{
	unsigned of = 0;

	if (index >= PACKET_WORD_COUNT)
		return 0;
	while (!(words[index].of >> of & 1))
		of++;
	help->word = words[index].name;
	help->of = words[index].of == PACKET_OF_ALL ? "all" : of_names[of];
	help->does = words[index].does;
	return 1;
}
