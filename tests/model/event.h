/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event.h: one step of a sequence as fields: a packet, or a change of policy.
 *
 * Generators write events, mutations bend single fields, the shrinker sets fields back to their plain
 * values. The bytes are made last, by event_build(), and bytes are all that model and engine are
 * given: what an event meant to be is nobody's business but the generator's.
 *
 * A plain event describes a packet exactly as tests/unit/packets.h would build it, so that a shrunk
 * sequence can be printed as rows of that language.
 */
#ifndef EVENT_H
#define EVENT_H

#include <sekisho.h>

/* Indices into the table of addresses that event_address() reads. */
enum event_address {
	ADDRESS_ENDPOINT, /* 198.51.100.2, 2001:db8::2 */
	ADDRESS_PEER,     /* 198.51.100.1, 2001:db8::1 */
	ADDRESS_ENDPOINT_B,
	ADDRESS_PEER_B,
	ADDRESS_ROUTER,   /* outside, the source of errors */
	ADDRESS_STRANGER, /* inside, of no endpoint */
	ADDRESS_NEVER_FILTERED,
	ADDRESS_MULTICAST,
	ADDRESS_BROADCAST, /* IPv6: an IPv4-mapped address */
	ADDRESS_LOOPBACK,
	ADDRESS_UNSPECIFIED,
	ADDRESS_COUNT
};

enum event_kind { EVENT_PACKET, EVENT_POLICY };

#define EVENT_NO_SCALE 0xff

/* What decides which flow a packet is of; a packet's own, or that which an ICMP error quotes. */
struct event_tuple {
	uint8_t source, destination; /* enum event_address */
	uint8_t protocol;
	uint8_t icmp_type, icmp_code;
	uint16_t source_port, destination_port;
	uint16_t icmp_id, icmp_sequence;
	uint32_t seq, ack;
};

enum event_payload {
	PAYLOAD_JUNK,
	PAYLOAD_IKE,
	PAYLOAD_NATT_IKE, /* IKE behind the non-ESP marker */
	PAYLOAD_KEEPALIVE,
	PAYLOAD_WIREGUARD,
	PAYLOAD_DNS,
	PAYLOAD_NTP,
	PAYLOAD_COUNT
};

struct event_ike {
	uint8_t initiator_spi, responder_spi; /* the byte that fills the SPI; 0 is none */
	uint8_t version;                      /* as on the wire: 0x10, 0x20 */
	uint8_t exchange, flags;
	uint32_t message;
	int16_t length_off; /* added to the length that the header tells */
};

struct event_wireguard {
	uint8_t type;             /* 1..4 */
	uint32_t index, receiver; /* receiver: of type 2 */
};

struct event_dns {
	bool response;
	uint16_t id;
	uint8_t question; /* which of the builder's names; 0 is none */
	uint8_t more;     /* questions that it tells of and has not */
	uint8_t type;
};

struct event_ntp {
	uint8_t mode;
	uint8_t origin, transmit; /* the byte that fills a timestamp */
};

/* One fragment of the datagram that the event describes. */
struct event_fragment {
	bool is_fragment, more;
	uint16_t id;
	uint16_t first, bytes; /* of what follows the IP header; zeros past the described bytes */
};

/* What is wrong with the bytes, done last. */
struct event_damage {
	bool ip_checksum, l4_checksum;
	bool no_checksum;   /* 0 in its place, which in UDP says that there is none */
	bool called_good;   /* the NIC says that layer 4's checksum is right */
	uint8_t twist_with; /* on a byte of layer 4, whose checksum is right all the same */
	uint16_t twist_at;
	uint8_t xor_with; /* on the byte at xor_at, if that is in the frame */
	uint16_t xor_at;
	uint16_t layer4_cut; /* bytes that layer 4 lacks at its end, and IP does not speak of */
	uint16_t cut;        /* bytes that the wire lost at the end */
	uint16_t padding;    /* bytes that the wire added at the end */
	uint16_t clip;       /* bytes at the end that were not captured */
};

struct event {
	uint32_t gap_ms; /* since the event before */
	uint8_t kind;    /* enum event_kind */
	uint8_t zone;
	uint8_t policy; /* EVENT_POLICY: which of the sequence's policies the zone has from now on */
	uint8_t direction; /* enum sekisho_direction */
	uint8_t family;    /* 4 or 6; anything else: the EtherType of `ether_type` and junk */
	uint8_t vlan_tags;
	uint16_t ether_type; /* where family is neither 4 nor 6 */
	uint8_t hop_limit;
	uint8_t ip_extra; /* which options or extension headers: a row of the builder's tables, 0 none */
	struct event_tuple tuple;
	uint8_t tcp_flags;
	uint8_t scale; /* or EVENT_NO_SCALE */
	uint16_t window;
	uint16_t length; /* payload of TCP, of junk in UDP, of ICMP queries and others */
	uint8_t payload; /* enum event_payload, UDP */
	struct event_ike ike;
	struct event_wireguard wireguard;
	struct event_dns dns;
	struct event_ntp ntp;
	uint16_t payload_size; /* what a UDP payload is cut or filled up to; 0: as it is */
	uint16_t mtu;
	struct event_tuple quoted;
	uint8_t quoted_bytes; /* of the quoted packet's layer 4 */
	struct event_fragment fragment;
	struct event_damage damage;
};

#define EVENT_DATA_MAX  2048 /* longer lengths are taken modulo this */
#define EVENT_FRAME_MAX 4096

/* An event with every field plain: a junk UDP packet from the endpoint to its peer. */
struct event event_plain(void);

/* The address of an index in a family; IPv4 in the first 4 bytes, the rest zero. */
const uint8_t *event_address(uint8_t family, unsigned index);

/* event_payload.c: write a UDP payload; its length. */
uint32_t event_build_payload(const struct event *event, uint8_t *at);

/* The name in a DNS question, "" for none. */
const char *event_dns_name(unsigned question);

/* Build the frame of a packet event into EVENT_FRAME_MAX bytes; its length on the wire. */
uint32_t event_build(const struct event *event, uint8_t *frame);

/* How many bytes of a frame of this length the event has captured. */
uint32_t event_captured(const struct event *event, uint32_t length);

/*
 * The packet as a row's text (packets.h): in its words if they give the same bytes, otherwise the
 * bytes themselves.
 */
void event_print(const struct event *event, char *text, size_t size);

#endif
