/* SPDX-License-Identifier: BSD-3-Clause */
/* address.h: the words of a rule, read: blocks of addresses, port ranges, protocols. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <sekisho.h>

#include "spelling.h"

#define ADDRESS_TEXT_SIZE 56

/* "198.51.100.0/24", "::/0" or a bare address. Host bits are cleared (AWS-107). False: none of these. */
bool address_parse(const char *text, struct sekisho_prefix *prefix);

/* "500" or "1024-65535", first <= last, 0..65535. */
bool address_parse_ports(const char *text, struct sekisho_port_range *range);

/* A name, a number 0..255, "all" or "-1" (SEKISHO_PROTOCOL_ALL). */
bool address_parse_protocol(const char *text, uint16_t *protocol);

/* The protocol names there are, for messages. */
extern const char address_protocol_names[];
extern const struct spelling address_protocols;

/* Its shortest text, always with the length: "198.51.100.0/24". */
void address_print(const struct sekisho_prefix *prefix, char text[ADDRESS_TEXT_SIZE]);

/* How a protocol is written: by name if it has one, else by number; `all` for all. */
void address_print_protocol(uint16_t protocol, char text[ADDRESS_TEXT_SIZE]);

/* A decimal number in min..max and nothing else. */
bool address_parse_number(const char *text, long min, long max, long *number);

#endif
