/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_payload.c: payloads of packets in words: IKE, ESP in UDP, DNS, NTP, WireGuard.
 *
 * Numbers that tie an answer to its question are made of the asker's address unless words say them,
 * so that a question and its answer fit when their addresses do.
 */
#include "packet_sketch.h"

#include <string.h>

#define NAT_T_PORT    4500
#define IKE_HEADER    28
#define IKE_INITIATOR 0x08
#define IKE_RESPONSE  0x20

/* A number of 64 bits that belongs to an address; never 0. FNV-1a. */
static uint64_t voice(const uint8_t address[16])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (int i = 0; i < 16; i++)
		hash = (hash ^ address[i]) * UINT64_C(0x100000001b3);
	return hash | 1;
}

/* ---- IKE (RFC 7296 3.1, RFC 2408 3.1) --------------------------------------------------------- */

struct ike_kind {
	uint8_t version, exchange, flags;
	bool answers;   /* the destination is the initiator */
	bool has_spi_r; /* not the first message */
	uint32_t id;
};

/* In the order of packet_ike_choices. */
static const struct ike_kind ike_kinds[] = {
	{2, 34, IKE_INITIATOR, false, false, 0},
	{2, 34, IKE_RESPONSE, true, true, 0},
	{2, 35, IKE_INITIATOR, false, true, 1},
	{2, 35, IKE_RESPONSE, true, true, 1},
	{2, 36, IKE_INITIATOR, false, true, 2},
	{2, 36, IKE_RESPONSE, true, true, 2},
	{2, 37, IKE_INITIATOR, false, true, 3},
	{2, 37, IKE_RESPONSE, true, true, 3},
	{1, 2, 0, false, false, 0},
	{1, 2, 0, true, true, 0},
	{1, 4, 0, false, false, 0},
	{1, 4, 0, true, true, 0},
	{1, 32, 0, false, true, 1},
	{1, 32, 0, true, true, 1},
};

const char *const packet_ike_choices[] = {
	"init",  "answer",       "auth", "auth-answer", "child",      "child-answer",
	"info",  "info-answer",  "main", "main-answer", "aggressive", "aggressive-answer",
	"quick", "quick-answer", NULL};

_Static_assert(sizeof(packet_ike_choices) / sizeof(packet_ike_choices[0]) ==
		       sizeof(ike_kinds) / sizeof(ike_kinds[0]) + 1,
	       "a kind for each word");

static bool has_marker(const struct packet_sketch *sketch)
{
	return packet_is_given(sketch, PACKET_WORD_MARKER) || sketch->source_port == NAT_T_PORT ||
	       sketch->destination_port == NAT_T_PORT;
}

static uint32_t ike_write(const struct packet_sketch *sketch, uint8_t *at)
{
	const struct ike_kind *kind = &ike_kinds[sketch->value[PACKET_WORD_IKE]];
	const uint8_t *initiator = kind->answers ? sketch->destination : sketch->source;
	const uint8_t *responder = kind->answers ? sketch->source : sketch->destination;
	uint32_t before = has_marker(sketch) ? 4 : 0;

	memset(at, 0, before + IKE_HEADER);
	at += before;
	packet_put64(at, packet_value_or(sketch, PACKET_WORD_SPI_I, voice(initiator)));
	packet_put64(at + 8, packet_value_or(sketch, PACKET_WORD_SPI_R,
					     kind->has_spi_r ? voice(responder) : 0));
	at[17] = (uint8_t)(kind->version << 4);
	at[18] = kind->exchange;
	at[19] = kind->flags;
	packet_put32(at + 20, (uint32_t)packet_value_or(sketch, PACKET_WORD_MID, kind->id));
	packet_put32(at + 24, IKE_HEADER);
	return before + IKE_HEADER;
}

/* ESP (RFC 4303): SPI, sequence number, and 24 bytes that are nobody's to read. */
static uint32_t esp_write(const struct packet_sketch *sketch, uint8_t *at)
{
	uint32_t spi = (uint32_t)voice(sketch->destination);

	packet_put32(at, (uint32_t)packet_value_or(sketch, PACKET_WORD_SPI, spi));
	packet_put32(at + 4, (uint32_t)packet_value_or(sketch, PACKET_WORD_SEQ, 1));
	memset(at + 8, 0x11, 24);
	return 32;
}

/* AH (RFC 4302), over nothing. */
static uint32_t ah_write(const struct packet_sketch *sketch, uint8_t *at)
{
	uint32_t spi = (uint32_t)voice(sketch->destination);

	memset(at, 0, 24);
	at[0] = 59; /* no next header */
	at[1] = 4;
	packet_put32(at + 4, (uint32_t)packet_value_or(sketch, PACKET_WORD_SPI, spi));
	packet_put32(at + 8, (uint32_t)packet_value_or(sketch, PACKET_WORD_SEQ, 1));
	return 24;
}

/* ---- DNS (RFC 1035 4.1) ----------------------------------------------------------------------- */

const char *const packet_dns_choices[] = {"query", "answer", NULL};

static uint32_t dns_write(const struct packet_sketch *sketch, uint8_t *at)
{
	const char *label =
		packet_is_given(sketch, PACKET_WORD_NAME) ? sketch->name : "example.org";
	uint32_t length = 12;

	memset(at, 0, 12);
	packet_put16(at, (uint32_t)packet_value_or(sketch, PACKET_WORD_ID, 1));
	at[2] = sketch->value[PACKET_WORD_DNS] ? 0x81 : 0x01;
	at[5] = 1;
	while (*label) {
		size_t size = strcspn(label, ".");

		at[length] = (uint8_t)size;
		memcpy(at + length + 1, label, size);
		length += (uint32_t)size + 1;
		label += size + (label[size] == '.');
	}
	at[length++] = 0;
	packet_put16(at + length, (uint32_t)packet_value_or(sketch, PACKET_WORD_QTYPE, 1));
	packet_put16(at + length + 2, 1);
	return length + 4;
}

/* ---- NTP (RFC 5905 7.3) ----------------------------------------------------------------------- */

const char *const packet_ntp_choices[] = {"active", "passive",   "client",
					  "server", "broadcast", NULL};

static uint32_t ntp_write(const struct packet_sketch *sketch, uint8_t *at)
{
	uint32_t mode = (uint32_t)sketch->value[PACKET_WORD_NTP] + 1;
	bool answers = mode == 2 || mode == 4;

	memset(at, 0, 48);
	at[0] = (uint8_t)(4 << 3 | mode);
	packet_put64(at + 24, packet_value_or(sketch, PACKET_WORD_ORIGIN,
					      answers ? voice(sketch->destination) : 0));
	packet_put64(at + 40, packet_value_or(sketch, PACKET_WORD_TRANSMIT, voice(sketch->source)));
	return 48;
}

/* ---- WireGuard -------------------------------------------------------------------------------- */

const char *const packet_wg_choices[] = {"init", "response", "cookie", "data", NULL};

static uint32_t wg_write(const struct packet_sketch *sketch, uint8_t *at)
{
	static const uint8_t lengths[] = {148, 92, 64, 32};
	uint64_t type = sketch->value[PACKET_WORD_WG];
	uint32_t sender = (uint32_t)voice(sketch->source);
	uint32_t receiver = (uint32_t)voice(sketch->destination);

	sender = (uint32_t)packet_value_or(sketch, PACKET_WORD_SENDER, sender);
	receiver = (uint32_t)packet_value_or(sketch, PACKET_WORD_RECEIVER, receiver);
	memset(at, 0x22, lengths[type]);
	memset(at, 0, 16);
	at[0] = (uint8_t)(type + 1);
	if (type < 2)
		packet_put32(at + 4, sender);
	if (type > 0)
		packet_put32(at + (type == 1 ? 8 : 4), receiver);
	return lengths[type];
}

/* ---- which ------------------------------------------------------------------------------------ */

struct writer {
	uint8_t word;
	uint32_t (*write)(const struct packet_sketch *sketch, uint8_t *at);
};

static const struct writer udp_writers[] = {
	{PACKET_WORD_IKE, ike_write}, {PACKET_WORD_ESP, esp_write}, {PACKET_WORD_DNS, dns_write},
	{PACKET_WORD_NTP, ntp_write}, {PACKET_WORD_WG, wg_write},
};

static uint32_t udp_write(const struct packet_sketch *sketch, uint8_t *at)
{
	for (unsigned i = 0; i < sizeof(udp_writers) / sizeof(udp_writers[0]); i++)
		if (packet_is_given(sketch, udp_writers[i].word))
			return udp_writers[i].write(sketch, at);
	if (packet_is_given(sketch, PACKET_WORD_KEEPALIVE)) {
		at[0] = 0xff;
		return 1;
	}
	memset(at, 0x11, 32);
	return 32;
}

/* What a packet carries of which no word speaks. */
static uint32_t plain_write(const struct packet_sketch *sketch, uint8_t *at)
{
	uint32_t length = packet_is_later_fragment(sketch) ? 64 : 0;

	if (length == 0 && sketch->protocol == 17)
		return udp_write(sketch, at);
	if (length == 0 && sketch->protocol == 50)
		return esp_write(sketch, at);
	if (length == 0 && sketch->protocol == 51)
		return ah_write(sketch, at);
	if (length == 0 && (sketch->protocol == 1 || sketch->protocol == 58)) {
		memcpy(at, sketch->quote, sketch->quote_length);
		return sketch->quote_length;
	}
	if (length == 0 && sketch->protocol != 6)
		length = 24;
	memset(at, 0x11, length);
	return length;
}

uint32_t packet_payload_write(const struct packet_sketch *sketch, uint8_t *at)
{
	uint32_t length, wanted;

	if (packet_is_given(sketch, PACKET_WORD_PAYLOAD)) {
		length = sketch->payload_length;
		memcpy(at, sketch->payload, length);
	} else {
		length = plain_write(sketch, at);
	}
	wanted = (uint32_t)packet_value_or(sketch, PACKET_WORD_LEN, length);
	if (wanted > length)
		memset(at + length, 0, wanted - length);
	return wanted;
}
