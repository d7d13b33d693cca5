/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_bytes.h: what the parsers of packets share: sizes and numbers of headers, loads from the
 * network's order, and the internet checksum (RFC 1071).
 */
#ifndef PACKET_BYTES_H
#define PACKET_BYTES_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ETHER_HEADER        14u
#define VLAN_TAGS_MAX       2u
#define IPV4_HEADER         20u
#define IPV6_HEADER         40u
#define TCP_HEADER          20u
#define UDP_HEADER          8u
#define ICMP_HEADER         8u
#define DATAGRAM_MAX        65535u
#define EXTENSIONS_MAX      8u
#define EXTENSION_BYTES_MAX 256u
#define SCALE_MAX           14u /* RFC 7323, 2.3 */
#define PROTOCOL_HIP        139
#define PROTOCOL_SHIM6      140

enum ether_type {
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_VLAN = 0x8100,
	TYPE_IPV6 = 0x86dd,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100
};

/* Whether an ether type is that of a VLAN tag. */
static inline bool is_vlan(uint32_t type)
{
	return type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD;
}

/* 16 and 32 bits of the network at `bytes`, in host order. */
static inline uint16_t load16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohs(value);
}

static inline uint32_t load32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

static inline uint32_t least(uint32_t one, uint32_t other)
{
	return one < other ? one : other;
}

/* Sum of native 32-bit words for the internet checksum (RFC 1071); an odd tail is zero-padded. */
static inline uint64_t sum_bytes(const uint8_t *bytes, uint32_t length)
{
	uint64_t sum = 0;
	uint32_t word;

	for (; length >= 4; length -= 4, bytes += 4) {
		memcpy(&word, bytes, 4);
		sum += word;
	}
	if (length > 0) {
		word = 0;
		memcpy(&word, bytes, length);
		sum += word;
	}
	return sum;
}

/* Whether a sum that includes the checksum field folds to all ones. */
static inline bool sum_is_right(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

#endif
