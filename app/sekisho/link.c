/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.c: link headers of captures. Byte layouts are those of
 * https://www.tcpdump.org/linktypes.html.
 */
#include "link.h"

#include <pcap/pcap.h>

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_PPP  0x880b /* for PPP that carries no IP: "not-ip", and the number says what it was \
			  */

static uint16_t read_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool read_raw(const uint8_t *data, uint32_t captured, struct link_payload *payload)
{
	payload->offset = 0;
	/* Anything that is not version 6 goes as IPv4, so that the engine names what is wrong. */
	payload->ether_type = captured > 0 && data[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4;
	return true;
}

static bool read_cooked(const uint8_t *data, uint32_t captured, struct link_payload *payload)
{
	payload->offset = 16;
	if (captured < 16)
		return false;
	payload->ether_type = read_be16(data + 14);
	return true;
}

static bool read_cooked2(const uint8_t *data, uint32_t captured, struct link_payload *payload)
{
	payload->offset = 20;
	if (captured < 20)
		return false;
	payload->ether_type = read_be16(data);
	return true;
}

/* The family is in the byte order of the capturing host (NULL) or the network's (LOOP): take both.
 */
static bool read_loopback(const uint8_t *data, uint32_t captured, struct link_payload *payload)
{
	unsigned family;

	payload->offset = 4;
	if (captured < 4)
		return false;
	family = data[0] == 0 && data[1] == 0 ? read_be16(data + 2) : data[0] | data[1] << 8;
	switch (family) {
	case 2:
		payload->ether_type = TYPE_IPV4;
		break;
	case 10: /* AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin */
	case 24:
	case 28:
	case 30:
		payload->ether_type = TYPE_IPV6;
		break;
	default:
		payload->ether_type = 0xffff;
		break;
	}
	return true;
}

/* RFC 1661 and 1662: an address and control field that may have been compressed away. */
static bool read_ppp(const uint8_t *data, uint32_t captured, struct link_payload *payload)
{
	uint32_t at = captured >= 2 && data[0] == 0xff && data[1] == 0x03 ? 2 : 0;

	payload->offset = at + 2;
	if (captured < at + 2)
		return false;
	switch (read_be16(data + at)) {
	case 0x0021:
		payload->ether_type = TYPE_IPV4;
		break;
	case 0x0057:
		payload->ether_type = TYPE_IPV6;
		break;
	default:
		payload->ether_type = TYPE_PPP;
		break;
	}
	return true;
}

bool link_supported(int type)
{
	switch (type) {
	case DLT_EN10MB:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_NULL:
	case DLT_LOOP:
	case DLT_PPP:
		return true;
	default:
		return false;
	}
}

bool link_read(int type, const uint8_t *data, uint32_t captured, struct link_payload *payload)
{
	*payload = (struct link_payload){0};
	switch (type) {
	case DLT_EN10MB:
		payload->is_ethernet = true;
		return true;
	case DLT_IPV4:
		payload->ether_type = TYPE_IPV4;
		return true;
	case DLT_IPV6:
		payload->ether_type = TYPE_IPV6;
		return true;
	case DLT_LINUX_SLL:
		return read_cooked(data, captured, payload);
	case DLT_LINUX_SLL2:
		return read_cooked2(data, captured, payload);
	case DLT_NULL:
	case DLT_LOOP:
		return read_loopback(data, captured, payload);
	case DLT_PPP:
		return read_ppp(data, captured, payload);
	default:
		return read_raw(data, captured, payload);
	}
}
