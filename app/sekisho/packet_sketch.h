/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_sketch.h: what the words of a packet say, before it is bytes. Between packet_words.c, which
 * reads words, and packet_frame.c and packet_payload.c, which make bytes; nobody else's.
 */
#ifndef PACKET_SKETCH_H
#define PACKET_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#define PACKET_PAYLOAD_MAX 9000
#define PACKET_NAME_MAX    253 /* of DNS, as text */

/* What a word may be said of: a protocol, or a payload of UDP. */
enum packet_of {
	PACKET_OF_TCP = 1 << 0,
	PACKET_OF_UDP = 1 << 1,
	PACKET_OF_ICMP = 1 << 2,
	PACKET_OF_ESP = 1 << 3, /* in UDP as well */
	PACKET_OF_AH = 1 << 4,
	PACKET_OF_OTHER = 1 << 5,
	PACKET_OF_IKE = 1 << 6,
	PACKET_OF_DNS = 1 << 7,
	PACKET_OF_NTP = 1 << 8,
	PACKET_OF_WG = 1 << 9,
	PACKET_OF_ALL = (1 << 10) - 1
};

enum packet_value {
	PACKET_BARE,   /* no value */
	PACKET_NUMBER, /* decimal, or hexadecimal with 0x */
	PACKET_FLAGS,  /* of TCP: letters, or . for none */
	PACKET_CHOICE, /* one word of a list: its index */
	PACKET_BYTES,  /* hexadecimal */
	PACKET_NAME    /* of DNS */
};

/* (ID, word, value, greatest number, what it may be said of, what it does) */
/* clang-format off */
#define PACKET_WORDS(X) \
	X(FLAGS,    "flags",     FLAGS,  0,          TCP,   "letters of FSRPAUEC, or . for none; S if not given") \
	X(SEQ,      "seq",       NUMBER, UINT32_MAX, TCP | PACKET_OF_ICMP | PACKET_OF_ESP | PACKET_OF_AH, "sequence number") \
	X(ACK,      "ack",       NUMBER, UINT32_MAX, TCP,   "acknowledgement number") \
	X(WIN,      "win",       NUMBER, UINT16_MAX, TCP,   "window as on the wire; 65535 if not given") \
	X(SCALE,    "scale",     NUMBER, 14,         TCP,   "window scale option") \
	X(TYPE,     "type",      NUMBER, UINT8_MAX,  ICMP,  "an echo request if not given") \
	X(CODE,     "code",      NUMBER, UINT8_MAX,  ICMP,  "0 if not given") \
	X(MTU,      "mtu",       NUMBER, UINT16_MAX, ICMP,  "of a packet too big") \
	X(ID,       "id",        NUMBER, UINT16_MAX, ICMP | PACKET_OF_DNS, "identifier; 1 if not given") \
	X(SPI,      "spi",       NUMBER, UINT32_MAX, ESP | PACKET_OF_AH, "of the security association") \
	X(LEN,      "len",       NUMBER, PACKET_PAYLOAD_MAX, ALL, "bytes of payload: cut, or filled with zeros") \
	X(PAYLOAD,  "payload",   BYTES,  0,          ALL,   "the payload's bytes in hexadecimal") \
	X(IKE,      "ike",       CHOICE, 0,          UDP,   "an IKE message: init, auth, child, info, IKEv1's main, aggressive, quick; answer to init, the others' with -answer") \
	X(SPI_I,    "spi_i",     NUMBER, UINT64_MAX, IKE,   "initiator's SPI; made of its address if not given") \
	X(SPI_R,    "spi_r",     NUMBER, UINT64_MAX, IKE,   "responder's SPI; made of its address if not given") \
	X(MID,      "mid",       NUMBER, UINT32_MAX, IKE,   "message id") \
	X(MARKER,   "marker",    BARE,   0,          IKE,   "put the non-ESP marker in front, as on port 4500") \
	X(ESP,      "esp",       BARE,   0,          UDP,   "ESP in UDP") \
	X(KEEPALIVE, "keepalive", BARE,  0,          UDP,   "a NAT keepalive") \
	X(DNS,      "dns",       CHOICE, 0,          UDP,   "a DNS message: query or answer") \
	X(NAME,     "name",      NAME,   0,          DNS,   "the question; example.org if not given") \
	X(QTYPE,    "qtype",     NUMBER, UINT16_MAX, DNS,   "the question's type; 1 if not given") \
	X(NTP,      "ntp",       CHOICE, 0,          UDP,   "an NTP message: client, server, active, passive or broadcast") \
	X(ORIGIN,   "origin",    NUMBER, UINT64_MAX, NTP,   "origin timestamp; an answer has the asker's if not given") \
	X(TRANSMIT, "transmit",  NUMBER, UINT64_MAX, NTP,   "transmit timestamp; made of the source if not given") \
	X(WG,       "wg",        CHOICE, 0,          UDP,   "a WireGuard message: init, response, cookie or data") \
	X(SENDER,   "sender",    NUMBER, UINT32_MAX, WG,    "sender's index; made of the source if not given") \
	X(RECEIVER, "receiver",  NUMBER, UINT32_MAX, WG,    "receiver's index; made of the destination if not given") \
	X(TTL,      "ttl",       NUMBER, UINT8_MAX,  ALL,   "time to live, or hop limit; 64 if not given") \
	X(IPID,     "ipid",      NUMBER, UINT32_MAX, ALL,   "identification of the datagram, for its fragments") \
	X(OFFSET,   "offset",    NUMBER, 65528,      ALL,   "a fragment, so many bytes into its datagram") \
	X(MORE,     "more",      BARE,   0,          ALL,   "a fragment that others follow") \
	X(FRAGMENT, "fragment",  BARE,   0,          ALL,   "a later fragment; offset=1480 if not given")
/* clang-format on */

enum packet_word {
#define X(id, ...) PACKET_WORD_##id,
	PACKET_WORDS(X)
#undef X
		PACKET_WORD_COUNT
};

/* Lists of the words whose values are choices; NULL ends each. */
extern const char *const packet_ike_choices[],
	*const packet_dns_choices[], *const packet_ntp_choices[], *const packet_wg_choices[];

struct packet_sketch {
	uint8_t family, protocol;
	bool has_ports;
	uint8_t source[16], destination[16]; /* IPv4 in the first 4 */
	uint16_t source_port, destination_port;
	uint64_t given; /* bit by enum packet_word */
	uint64_t value[PACKET_WORD_COUNT];
	char name[PACKET_NAME_MAX + 1];
	uint8_t payload[PACKET_PAYLOAD_MAX];
	uint32_t payload_length;
	uint8_t quote[60 + 8]; /* what an ICMP error is about */
	uint32_t quote_length;
};

static inline bool packet_is_given(const struct packet_sketch *sketch, enum packet_word word)
{
	return sketch->given >> word & 1;
}

static inline uint64_t packet_value_or(const struct packet_sketch *sketch, enum packet_word word,
				       uint64_t otherwise)
{
	return packet_is_given(sketch, word) ? sketch->value[word] : otherwise;
}

/* Whether it is a fragment other than the first, which has no layer 4. */
bool packet_is_later_fragment(const struct packet_sketch *sketch);

/* Put the payload that the words ask for into `at`, which has room for PACKET_PAYLOAD_MAX. */
uint32_t packet_payload_write(const struct packet_sketch *sketch, uint8_t *at);

/* Put the whole frame into `frame`, of PACKET_WORDS_FRAME_MAX; its length. */
uint32_t packet_frame_write(const struct packet_sketch *sketch, uint8_t *frame);

/* Big-endian stores. */
static inline void packet_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void packet_put32(uint8_t *at, uint32_t value)
{
	packet_put16(at, value >> 16);
	packet_put16(at + 2, value);
}

static inline void packet_put64(uint8_t *at, uint64_t value)
{
	packet_put32(at, (uint32_t)(value >> 32));
	packet_put32(at + 4, (uint32_t)value);
}

#endif
