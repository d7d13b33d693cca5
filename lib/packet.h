/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.h: one frame, taken apart. Knows libc and verdict words only.
 *
 * Parsing goes as far as it can and notes the first thing that is wrong (STRICT-70..72, RFC 791, 8200,
 * 9293, 768, 792, 4443). Every read is bounded by what was captured; lengths are judged by what was on
 * the wire, so that a clipped capture is not called malformed for its clipping alone, unless a header
 * that must be read was clipped.
 */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "verdict.h"

#define PACKET_REASON_NONE SEKISHO_REASON_COUNT /* nothing is wrong */

enum packet_kind {
	PACKET_OTHER_FRAME, /* not IP, not ARP; or not readable */
	PACKET_ARP,
	PACKET_IP
};

/* What layer 4 is, once the checks of its header are done. */
enum packet_l4 {
	PACKET_L4_NONE, /* a later fragment, or not read */
	PACKET_L4_TCP,
	PACKET_L4_UDP,
	PACKET_L4_ICMP_QUERY, /* echo, timestamp, mask, information; ICMPv6 echo, node information */
	PACKET_L4_ICMP_ERROR, /* 3, 4, 5, 11, 12; ICMPv6 1..4 and 137 (redirect) */
	PACKET_L4_ICMP_OTHER, /* router discovery, MLD, unknown types */
	PACKET_L4_ND,         /* ICMPv6 133..136 */
	PACKET_L4_OTHER       /* ESP, AH, GRE, SCTP, ... */
};

#define PACKET_TCP_FIN 0x01
#define PACKET_TCP_SYN 0x02
#define PACKET_TCP_RST 0x04
#define PACKET_TCP_PSH 0x08
#define PACKET_TCP_ACK 0x10
#define PACKET_TCP_URG 0x20

#define PACKET_TCP_NO_SCALE 0xff /* no window scale option */

/* A TCP segment, as its tracker sees it. */
struct packet_tcp {
	uint32_t seq, ack;
	uint32_t length; /* of its data, as far as this packet holds them */
	uint16_t window; /* as on the wire */
	uint8_t flags;   /* PACKET_TCP_*: the low 6 bits */
	uint8_t scale;   /* of a SYN; PACKET_TCP_NO_SCALE if absent */
};

/* Addresses are 16 bytes; IPv4 uses the first 4 and the rest is zero. */
struct packet {
	union {
		struct {
			uint8_t source[16], destination[16];
		};
		uint8_t address[2][16];
	};
	union {
		struct {
			uint16_t source_port, destination_port; /* host order; 0: there are none */
		};
		uint16_t port[2];
	};
	uint16_t ether_type; /* host order, after up to two VLAN tags */
	uint16_t vlan;       /* outer VLAN id, 0 if untagged */
	uint8_t kind;        /* enum packet_kind */
	uint8_t family;      /* 4, 6, or 0 */
	uint8_t protocol;    /* after extension headers; ICMPv6 is 58 */
	uint8_t l4_kind;     /* enum packet_l4 */
	uint8_t reason;      /* first thing wrong, or PACKET_REASON_NONE */
	uint8_t hop_limit;
	uint16_t ip_offset; /* of the IP header in the frame */
	uint16_t l4_offset; /* of layer 4 in the frame */
	/* bytes of layer 4 by the IP lengths; those captured; captured <= length */
	uint32_t l4_length, l4_captured;
	/* layer 4 payload: after the UDP or TCP header; UDP's of the whole datagram, if fragmented */
	const uint8_t *payload;
	uint32_t payload_length, payload_captured;
	uint32_t frame_length; /* on the wire */
	const uint8_t *frame;

	bool is_fragment; /* any fragment, the first included (not an IPv6 atomic fragment) */
	bool more_fragments;
	uint16_t fragment_offset; /* bytes */
	uint16_t fragment_length; /* bytes that this fragment has of the datagram */
	uint32_t fragment_id;

	union {
		struct packet_tcp tcp;
		struct {
			uint8_t type, code;
			uint16_t id, sequence; /* of a query, host order */
			uint32_t mtu;          /* of packet too big and fragmentation needed */
		} icmp;
	};
};

/* The sequence number after a segment's last, as far as its packet holds it. */
static inline uint32_t packet_tcp_end(const struct packet_tcp *tcp)
{
	uint32_t syn = !!(tcp->flags & PACKET_TCP_SYN);
	uint32_t fin = !!(tcp->flags & PACKET_TCP_FIN);

	return tcp->seq + tcp->length + syn + fin;
}

/*
 * Take `captured` bytes of a frame of `length` bytes apart. Always fills all of `packet`; what could
 * not be read is zero and `reason` says why. Reads never pass `captured`. Any thread.
 */
void packet_parse(struct packet *packet, const uint8_t *frame, uint32_t captured, uint32_t length);

/* The same, without the short way that packet_parse() has for plain frames. */
void packet_parse_any(struct packet *packet, const uint8_t *frame, uint32_t captured,
		      uint32_t length);

/*
 * Take apart the packet that an ICMP error quotes, as far as 8 bytes of its layer 4 (RFC 792), or more
 * where quoted (RFC 4884). `quoted` gets addresses, protocol, ports, TCP seq, ICMP query id and type,
 * as the quoted packet had them. Lengths are not judged: quotes are cut. Returns false if the quote
 * does not hold an IP header of the same family and the first 8 bytes of layer 4, is itself an ICMP
 * error, or is a later fragment. For protocols without ports the IP header alone is enough.
 */
bool packet_parse_quoted(struct packet *quoted, const struct packet *error);

/*
 * Whether layer 4's checksum is right: TCP, UDP (0 is fine in IPv4 only), ICMP, ICMPv6; true for all
 * other protocols, for fragments, and where the capture was clipped.
 */
bool packet_checksum_ok(const struct packet *packet);

/* Whether no packet may come from an address, 16 bytes with IPv4 in the first 4: it is dropped `bad-source`. */
bool packet_is_bad_source(unsigned family, const uint8_t *address);

#endif
