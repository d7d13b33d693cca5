/* SPDX-License-Identifier: BSD-3-Clause */
/* address.c: small exact parsers; what they do not know they refuse. */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint16_t number;
} protocols[] = {
	{"all", SEKISHO_PROTOCOL_ALL}, {"-1", SEKISHO_PROTOCOL_ALL}, {"icmp", 1}, {"igmp", 2},
	{"ipip", 4}, {"tcp", 6}, {"udp", 17}, {"ipv6", 41}, {"gre", 47}, {"esp", 50}, {"ah", 51},
	{"icmpv6", 58}, {"ospf", 89}, {"pim", 103}, {"vrrp", 112}, {"l2tp", 115}, {"sctp", 132},
};

const char address_protocol_names[] =
	"all, icmp, igmp, ipip, tcp, udp, ipv6, gre, esp, ah, icmpv6, ospf, pim, vrrp, l2tp, sctp or "
	"a number 0..255";

static const char *protocol_name_at(const void *list, size_t i)
{
	(void)list;
	return protocols[i].name;
}

const struct spelling address_protocols = {protocol_name_at, protocols,
					   sizeof(protocols) / sizeof(protocols[0])};

bool address_parse_number(const char *text, long min, long max, long *number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 10)
		return false;
	*number = strtol(text, &end, 10);
	return *end == '\0' && *number >= min && *number <= max;
}

bool address_parse(const char *text, struct sekisho_prefix *prefix)
{
	char address[64];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	long bits, most;

	*prefix = (struct sekisho_prefix){0};
	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	prefix->family = strchr(address, ':') ? SEKISHO_IPV6 : SEKISHO_IPV4;
	most = prefix->family == SEKISHO_IPV6 ? 128 : 32;
	if (inet_pton(prefix->family == SEKISHO_IPV6 ? AF_INET6 : AF_INET, address,
		      prefix->address) != 1)
		return false;
	bits = most;
	if (slash != NULL && !address_parse_number(slash + 1, 0, most, &bits))
		return false;
	prefix->length = (uint8_t)bits;
	for (long i = bits; i < most; i++)
		prefix->address[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	return true;
}

bool address_parse_ports(const char *text, struct sekisho_port_range *range)
{
	char first[8];
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);
	long from, to;

	if (length >= sizeof(first))
		return false;
	memcpy(first, text, length);
	first[length] = '\0';
	if (!address_parse_number(first, 0, 65535, &from))
		return false;
	to = from;
	if (dash != NULL && !address_parse_number(dash + 1, from, 65535, &to))
		return false;
	*range = (struct sekisho_port_range){(uint16_t)from, (uint16_t)to};
	return true;
}

bool address_parse_protocol(const char *text, uint16_t *protocol)
{
	long number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(protocols[i].name, text) == 0) {
			*protocol = protocols[i].number;
			return true;
		}
	}
	if (!address_parse_number(text, 0, 255, &number))
		return false;
	*protocol = (uint16_t)number;
	return true;
}

void address_print(const struct sekisho_prefix *prefix, char text[ADDRESS_TEXT_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(prefix->family == SEKISHO_IPV6 ? AF_INET6 : AF_INET, prefix->address, address,
		  sizeof(address));
	snprintf(text, ADDRESS_TEXT_SIZE, "%s/%u", address, prefix->length);
}

void address_print_protocol(uint16_t protocol, char text[ADDRESS_TEXT_SIZE])
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (protocols[i].number == protocol) {
			snprintf(text, ADDRESS_TEXT_SIZE, "%s", protocols[i].name);
			return;
		}
	}
	snprintf(text, ADDRESS_TEXT_SIZE, "%u", protocol);
}
