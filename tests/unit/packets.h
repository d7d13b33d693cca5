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
 *	udp SPORT DPORT PAYLOAD
 *	tcp SPORT DPORT FLAGS SEQ ACK LENGTH [WINDOW [SCALE]]	flags of SAFRPU, '.' for none
 *	echo ID SEQ, reply ID SEQ			ICMP or ICMPv6
 *	proto N [SPI]					24 bytes of 0x11, the first four of the letter
 *	error TYPE CODE udp SPORT DPORT | tcp SPORT DPORT SEQ	quoting what went the other way
 *
 * UDP payloads; the first two are put in front of others:
 *
 *	size BYTES ...					made so long, cut or with zeros behind
 *	set OFFSET VALUE ...				with one byte changed
 *	ike1|ike2 SPIi SPIr FLAGS EXCHANGE [ID]		IKE; flags I, R (response), - for none
 *	natt ike1|ike2 ...the same			behind the non-ESP marker
 *	wg1 INDEX, wg2 INDEX RECEIVER, wg3 RECEIVER, wg4 RECEIVER	WireGuard
 *	dns q|r ID NAME [TYPE]				a query or its answer; NAME a.b, or - for no question
 *	ntp MODE ORIGIN TRANSMIT			version 4; timestamps as SPIs
 *	keepalive, esp, junk				one byte 0xff; 32 bytes 0x11
 *
 * In front of the protocol, up to four of these spoil the packet:
 *
 *	ip OFFSET VALUE, l4 OFFSET VALUE ...		a byte of the IP header, or behind it, is another; the
 *							checksums are right all the same, unless it is one of theirs
 *	cut BYTES ...					it ends so many bytes after the Ethernet header
 *
 * SPIs are one letter or 0. What no words say is said by its bytes, from the EtherType on:
 *
 *	out bytes HEX, in bytes HEX
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <sekisho.h>

struct row {
	uint32_t at_ms;
	const char *packet;
	const char *reason;
};

/* Build the described packet into `frame`, which is large enough; its length, direction in *direction. */
uint32_t packets_build(const char *text, uint8_t *frame, uint8_t *direction);

#endif
