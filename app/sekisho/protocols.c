/* SPDX-License-Identifier: BSD-3-Clause */
#include "protocols.h"

#include <string.h>

struct protocol {
	uint8_t number;
	const char *name;
};

/* IANA's names for what is seen at a VPN edge; the rest goes by number. */
static const struct protocol protocols[] = {
	{1, "icmp"},  {2, "igmp"},  {4, "ipip"},   {6, "tcp"},    {17, "udp"},    {33, "dccp"},
	{41, "ipv6"}, {47, "gre"},  {50, "esp"},   {51, "ah"},    {58, "icmpv6"}, {88, "eigrp"},
	{89, "ospf"}, {103, "pim"}, {112, "vrrp"}, {115, "l2tp"}, {132, "sctp"},  {136, "udplite"},
};
#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const char *protocols_name(uint8_t number)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++)
		if (protocols[i].number == number)
			return protocols[i].name;
	return NULL;
}

int protocols_number(const char *name, size_t length)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++)
		if (strlen(protocols[i].name) == length &&
		    memcmp(protocols[i].name, name, length) == 0)
			return protocols[i].number;
	return -1;
}
