/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packets.h: packets as rows of a table. A row is a time, a line that describes one packet, and the
 * word of the reason that it must get.
 *
 *	{0, "out udp 500 500 ike2 A 0 I 34", "rule-match"}
 *
 * First `out` (from the inside endpoint 198.51.100.2 to the peer 198.51.100.1) or `in` (the way back),
 * a `6` glued to it for IPv6 (2001:db8::2 and ::1). Then the protocol:
 *
 *	udp SPORT DPORT [ike1|ike2 SPIi SPIr FLAGS EXCHANGE [ID]] [natt ...the same] [esp] [keepalive] [junk]
 *	tcp SPORT DPORT FLAGS SEQ ACK LENGTH [WINDOW]	flags of SAFRPU, '.' for none
 *	echo ID SEQ, reply ID SEQ			ICMP or ICMPv6
 *	proto N
 *	error TYPE CODE udp SPORT DPORT | tcp SPORT DPORT SEQ	quoting what went the other way
 *
 * SPIs are one letter or 0. IKE flags: I, R (response), - for none.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <sekisho.h>

struct row {
	uint32_t at_ms;
	const char *packet;
	const char *reason;
};

/* Build the described packet into `frame` (at least 256 bytes); its length, direction in *direction. */
uint32_t packets_build(const char *text, uint8_t *frame, uint8_t *direction);

#endif
