/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alphabet.c: packets by tables of words. Each row is sent from either end. What no word says fits
 * together by itself: the answer from one end answers the question from the other (packet_words.h).
 */
#include "alphabet.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "packet_words.h"
#include "protocols.h"

#define END_SIZE (INET6_ADDRSTRLEN + 10)

/* An end as packets in words have it. */
static void end_text(const struct alphabet_ends *ends, unsigned end, bool with_port,
		     char text[END_SIZE])
{
	bool is_v6 = ends->family == SEKISHO_IPV6;
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(is_v6 ? AF_INET6 : AF_INET, ends->address[end], address, sizeof(address));
	if (!with_port)
		snprintf(text, END_SIZE, "%s", address);
	else
		snprintf(text, END_SIZE, is_v6 ? "[%s]:%u" : "%s:%u", address, ends->port[end]);
}

static void add(struct alphabet *alphabet, unsigned direction, const char *text)
{
	static uint8_t frame[PACKET_WORDS_FRAME_MAX];
	struct alphabet_packet *packet = &alphabet->packets[alphabet->count];
	struct packet_words_error error;
	uint32_t length = packet_words_frame(text, NULL, frame, &error);

	assert(length > 0 && length <= ALPHABET_FRAME_MAX && alphabet->count < ALPHABET_MAX);
	snprintf(packet->text, sizeof(packet->text), "%s", text);
	packet->direction = (uint8_t)direction;
	packet->length = (uint16_t)length;
	memcpy(packet->bytes, frame, length);
	alphabet->count++;
}

/* Add a packet of each row, first all from the local end. */
static void add_rows(struct alphabet *alphabet, const struct alphabet_ends *ends,
		     const char *protocol, const char *const *rows)
{
	bool with_port = strcmp(protocol, "tcp") == 0 || strcmp(protocol, "udp") == 0;
	char from[END_SIZE], to[END_SIZE], text[sizeof(alphabet->packets[0].text)];

	for (unsigned d = 0; d < 2; d++) {
		end_text(ends, d, with_port, from);
		end_text(ends, !d, with_port, to);
		for (const char *const *row = rows; *row != NULL; row++) {
			snprintf(text, sizeof(text), "%s %s > %s%s%s", protocol, from, to,
				 **row ? " " : "", *row);
			add(alphabet, d, text);
		}
	}
}

void alphabet_add_errors(struct alphabet *alphabet, const struct alphabet_ends *ends,
			 const char *protocol)
{
	/* unreachable, redirected, too big for so small a link that there is none */
	static const char *const kinds[2][3] = {
		{"icmp %s > %s type=3 code=1", "icmp %s > %s type=5 code=1",
		 "icmp %s > %s type=3 code=4 mtu=60"},
		{"icmpv6 %s > %s type=1 code=4", "icmpv6 %s > %s type=137 code=0",
		 "icmpv6 %s > %s type=2 code=0 mtu=1000"}};
	char from[END_SIZE], to[END_SIZE], text[sizeof(alphabet->packets[0].text)];
	int length;

	for (unsigned d = 0; d < 2; d++) {
		for (unsigned i = 0; i < 3; i++) {
			const char *kind = kinds[ends->family == SEKISHO_IPV6][i];

			end_text(ends, d, false, from);
			end_text(ends, !d, false, to);
			length = snprintf(text, sizeof(text), kind, from, to);
			end_text(ends, d, true, from);
			end_text(ends, !d, true, to);
			snprintf(text + length, sizeof(text) - (size_t)length, " about %s %s > %s",
				 protocol, to, from);
			add(alphabet, d, text);
		}
	}
}

void alphabet_add_tcp(struct alphabet *alphabet, const struct alphabet_ends *ends)
{
	/* then: acknowledges what was not sent; far outside; in the window, yet not the next */
	static const char *const rows[] = {"flags=S",
					   "flags=SA",
					   "flags=A",
					   "flags=FA",
					   "flags=R",
					   "flags=RA",
					   "flags=SF",
					   "flags=SA ack=77777",
					   "flags=A seq=900000000",
					   "flags=R seq=1101",
					   NULL};

	add_rows(alphabet, ends, "tcp", rows);
	alphabet_add_errors(alphabet, ends, "tcp");
}

void alphabet_add_udp(struct alphabet *alphabet, const struct alphabet_ends *ends,
		      unsigned grammars)
{
	/* answers to what the other end has not asked have numbers of their own */
	static const char *const ike[] = {"ike=init",
					  "ike=answer",
					  "ike=auth",
					  "ike=info spi_i=3 spi_r=4",
					  "ike=info-answer spi_i=3 spi_r=4",
					  "ike=main",
					  "ike=main-answer",
					  NULL};
	static const char *const nat_t[] = {"ike=init marker",
					    "ike=answer marker",
					    "ike=auth marker",
					    "ike=info marker spi_i=3 spi_r=4",
					    "ike=info-answer marker spi_i=3 spi_r=4",
					    "esp",
					    "keepalive",
					    NULL};
	static const char *const wireguard[] = {"wg=init", "wg=response", "wg=response receiver=3",
						"wg=data", NULL};
	static const char *const dns[] = {"dns=query", "dns=answer", "dns=answer id=3", NULL};
	static const char *const ntp[] = {"ntp=client", "ntp=server", "ntp=server origin=3",
					  "ntp=active", NULL};
	static const char *const plain[] = {"", NULL};
	static const char *const *const rows[] = {
		[SEKISHO_GRAMMAR_IKE] = ike,
		[SEKISHO_GRAMMAR_NAT_T] = nat_t,
		[SEKISHO_GRAMMAR_WIREGUARD] = wireguard,
		[SEKISHO_GRAMMAR_DNS] = dns,
		[SEKISHO_GRAMMAR_NTP] = ntp};
	_Static_assert(sizeof(rows) / sizeof(rows[0]) == SEKISHO_GRAMMAR_COUNT,
		       "each grammar has its messages");

	for (unsigned g = 0; g < SEKISHO_GRAMMAR_COUNT; g++) {
		if (grammars >> g & 1)
			add_rows(alphabet, ends, "udp", rows[g]);
	}
	add_rows(alphabet, ends, "udp", plain);
}

/* The reply to a request; the type itself if it is none. */
static unsigned reply_of(uint8_t family, unsigned type)
{
	if (family == SEKISHO_IPV6)
		return type == 128 ? 129 : type;
	return type == 8 ? 0 : type == 13 || type == 15 || type == 17 ? type + 1 : type;
}

void alphabet_add_icmp(struct alphabet *alphabet, const struct alphabet_ends *ends, uint8_t type,
		       uint8_t code)
{
	unsigned reply = reply_of(ends->family, type);
	char request[32], answer[32], strange[32];
	const char *rows[] = {request, answer, strange, NULL};

	snprintf(request, sizeof(request), "type=%u code=%u", type, code);
	snprintf(answer, sizeof(answer), "type=%u code=%u", reply, code);
	snprintf(strange, sizeof(strange), "type=%u code=%u seq=77", reply, code);
	if (reply == type)
		rows[1] = NULL;
	add_rows(alphabet, ends, ends->family == SEKISHO_IPV6 ? "icmpv6" : "icmp", rows);
}

void alphabet_add_other(struct alphabet *alphabet, const struct alphabet_ends *ends,
			uint8_t protocol)
{
	static const char *const rows[] = {"", NULL};
	const char *known = protocols_name(protocol);
	char name[16];

	if (known)
		snprintf(name, sizeof(name), "%s", known);
	else
		snprintf(name, sizeof(name), "proto-%u", protocol);
	add_rows(alphabet, ends, name, rows);
}
