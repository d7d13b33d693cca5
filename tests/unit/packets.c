/* SPDX-License-Identifier: BSD-3-Clause */
/* packets.c: from a row's words to bytes, checksums included. */
#include "packets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 16

struct words {
	char text[512];
	char *word[WORDS];
	int count;
};

static void words_split(struct words *words, const char *text)
{
	char *save = NULL;

	snprintf(words->text, sizeof(words->text), "%s", text);
	words->count = 0;
	for (char *w = strtok_r(words->text, " ", &save); w != NULL && words->count < WORDS;
	     w = strtok_r(NULL, " ", &save))
		words->word[words->count++] = w;
}

static const char *word(const struct words *words, int i)
{
	return i < words->count ? words->word[i] : "";
}

static uint32_t number(const struct words *words, int i)
{
	return (uint32_t)strtoul(word(words, i), NULL, 0);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t sum(const uint8_t *p, size_t length, uint32_t from)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		from += (uint32_t)p[i] << 8 | p[i + 1];
	if (length & 1)
		from += (uint32_t)p[length - 1] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static void spi(uint8_t *p, const char *name)
{
	memset(p, name[0] == '0' ? 0 : name[0], 8);
}

static uint32_t ike(uint8_t *p, const struct words *w, int at)
{
	const char *flags = word(w, at + 3);

	memset(p, 0, 28);
	spi(p, word(w, at + 1));
	spi(p + 8, word(w, at + 2));
	p[17] = strcmp(word(w, at), "ike1") == 0 ? 0x10 : 0x20;
	p[18] = (uint8_t)number(w, at + 4);
	p[19] = (uint8_t)((strchr(flags, 'I') ? 0x08 : 0) | (strchr(flags, 'R') ? 0x20 : 0));
	put32(p + 20, number(w, at + 5));
	put32(p + 24, 28);
	return 28;
}

static uint32_t wireguard(uint8_t *p, const struct words *w, int at)
{
	static const char *const names[] = {"", "wg1", "wg2", "wg3", "wg4"};
	static const uint8_t lengths[] = {0, 148, 92, 64, 48};
	uint8_t type = 1;

	while (type < 4 && strcmp(word(w, at), names[type]) != 0)
		type++;
	memset(p, 0x22, lengths[type]);
	memset(p, 0, 12);
	p[0] = type;
	for (int i = 0; i < (type == 2 ? 2 : 1); i++) {
		uint32_t index = number(w, at + 1 + i);

		memcpy(p + 4 + 4 * i, &index, 4);
	}
	return lengths[type];
}

static uint32_t dns(uint8_t *p, const struct words *w, int at)
{
	const char *label = word(w, at + 3);
	uint32_t length = 12;

	memset(p, 0, 12);
	put16(p, number(w, at + 2));
	p[2] = word(w, at + 1)[0] == 'r' ? 0x81 : 0x01;
	if (label[0] == '-')
		return length;
	p[5] = 1;
	while (label[0] != '\0') {
		size_t size = strcspn(label, ".");

		p[length] = (uint8_t)size;
		memcpy(p + length + 1, label, size);
		length += (uint32_t)size + 1;
		label += size + (label[size] == '.');
	}
	p[length++] = 0;
	put16(p + length, w->count > at + 4 ? number(w, at + 4) : 1);
	put16(p + length + 2, 1);
	return length + 4;
}

static uint32_t ntp(uint8_t *p, const struct words *w, int at)
{
	memset(p, 0, 48);
	p[0] = (uint8_t)(4 << 3 | number(w, at + 1));
	spi(p + 24, word(w, at + 2));
	spi(p + 40, word(w, at + 3));
	return 48;
}

static uint32_t udp_payload(uint8_t *p, const struct words *w, int at)
{
	const char *what = word(w, at);

	if (strcmp(what, "size") == 0) {
		uint32_t length = udp_payload(p, w, at + 2), size = number(w, at + 1);

		if (size > length)
			memset(p + length, 0, size - length);
		return size;
	}
	if (strcmp(what, "set") == 0) {
		uint32_t length = udp_payload(p, w, at + 3);

		p[number(w, at + 1)] = (uint8_t)number(w, at + 2);
		return length;
	}
	if (strncmp(what, "ike", 3) == 0)
		return ike(p, w, at);
	if (strncmp(what, "wg", 2) == 0)
		return wireguard(p, w, at);
	if (strcmp(what, "dns") == 0)
		return dns(p, w, at);
	if (strcmp(what, "ntp") == 0)
		return ntp(p, w, at);
	if (strcmp(what, "natt") == 0) {
		memset(p, 0, 4);
		return 4 + ike(p + 4, w, at + 1);
	}
	if (strcmp(what, "keepalive") == 0) {
		p[0] = 0xff;
		return 1;
	}
	memset(p, 0x11, 32);
	return 32;
}

static uint32_t udp(uint8_t *p, const struct words *w, int at)
{
	uint32_t length = 8 + udp_payload(p + 8, w, at + 3);

	put16(p, number(w, at + 1));
	put16(p + 2, number(w, at + 2));
	put16(p + 4, length);
	put16(p + 6, 0);
	return length;
}

static uint32_t tcp(uint8_t *p, const struct words *w, int at)
{
	static const char letters[] = "FSRPAU";
	bool scaled = w->count > at + 8;
	uint32_t header = scaled ? 24 : 20, length = number(w, at + 6);

	memset(p, 0, header + length);
	put16(p, number(w, at + 1));
	put16(p + 2, number(w, at + 2));
	put32(p + 4, number(w, at + 4));
	put32(p + 8, number(w, at + 5));
	p[12] = (uint8_t)(header << 2);
	for (int i = 0; letters[i]; i++)
		p[13] |= (uint8_t)(strchr(word(w, at + 3), letters[i]) ? 1 << i : 0);
	put16(p + 14, w->count > at + 7 ? number(w, at + 7) : 65535);
	if (scaled) { /* no-operation, and the option */
		put32(p + 20, 0x01030300 | number(w, at + 8));
	}
	return header + length;
}

static uint32_t echo(uint8_t *p, const struct words *w, int at, bool v6)
{
	bool reply = strcmp(word(w, at), "reply") == 0;

	memset(p, 0, 16);
	p[0] = (uint8_t)(v6 ? (reply ? 129 : 128) : (reply ? 0 : 8));
	put16(p + 4, number(w, at + 1));
	put16(p + 6, number(w, at + 2));
	return 16;
}

static uint8_t protocol_of(const struct words *w, bool v6)
{
	const char *name = word(w, 1);

	if (strcmp(name, "udp") == 0)
		return IPPROTO_UDP;
	if (strcmp(name, "tcp") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "proto") == 0)
		return (uint8_t)number(w, 2);
	return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static uint32_t portless(uint8_t *p, const struct words *w)
{
	memset(p, 0x11, 24);
	if (w->count > 3)
		memset(p, word(w, 3)[0], 4);
	return 24;
}

static uint32_t ip_header(uint8_t *p, bool v6, bool out, uint8_t protocol, uint32_t payload)
{
	memset(p, 0, 40);
	if (v6) {
		p[0] = 0x60;
		put16(p + 4, payload);
		p[6] = protocol;
		p[7] = 64;
		inet_pton(AF_INET6, out ? "2001:db8::2" : "2001:db8::1", p + 8);
		inet_pton(AF_INET6, out ? "2001:db8::1" : "2001:db8::2", p + 24);
		return 40;
	}
	p[0] = 0x45;
	put16(p + 2, 20 + payload);
	p[8] = 64;
	p[9] = protocol;
	inet_pton(AF_INET, out ? "198.51.100.2" : "198.51.100.1", p + 12);
	inet_pton(AF_INET, out ? "198.51.100.1" : "198.51.100.2", p + 16);
	put16(p + 10, ~sum(p, 20, 0));
	return 20;
}

/* The quoted packet went the other way. */
static uint32_t error(uint8_t *p, const struct words *w, bool v6, bool out)
{
	uint8_t l4[64];
	struct words quoted = *w;
	uint32_t header;

	memset(p, 0, 8);
	p[0] = (uint8_t)number(w, 2);
	p[1] = (uint8_t)number(w, 3);
	put16(p + 6, 1400);
	quoted.word[1] = quoted.word[4];
	header = ip_header(p + 8, v6, !out, protocol_of(&quoted, v6), 40);
	memset(l4, 0, sizeof(l4));
	put16(l4, number(w, 5));
	put16(l4 + 2, number(w, 6));
	put32(l4 + 4, number(w, 7));
	memcpy(p + 8 + header, l4, 8);
	return 8 + header + 8;
}

static void checksum(uint8_t *ip, uint32_t header, uint8_t protocol, uint32_t length)
{
	uint8_t *l4 = ip + header;
	bool v6 = header == 40;
	uint32_t at = protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
	uint32_t pseudo = 0;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_ICMP &&
	    protocol != IPPROTO_ICMPV6)
		return;
	if (protocol != IPPROTO_ICMP)
		pseudo = sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, protocol + length);
	put16(l4 + at, 0);
	put16(l4 + at, ~sum(l4, length, pseudo));
}

static uint32_t frame_of_bytes(const char *hex, uint8_t *frame)
{
	uint32_t length = 12;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		frame[length++] = (uint8_t)byte;
	return length;
}

#define FLAWS_MAX      4
#define IP_CHECKSUM_AT 10

/* What is wrong with a packet on purpose. */
struct flaws {
	struct {
		bool l4;
		uint32_t at;
		uint8_t value;
	} change[FLAWS_MAX];
	int changes;
	uint32_t cut; /* 0: it is whole */
};

/* Take the words on flaws out of a row's. */
static void flaws_take(struct flaws *flaws, struct words *w)
{
	*flaws = (struct flaws){0};
	for (int taken; w->count > 1; w->count -= taken) {
		bool l4 = strcmp(word(w, 1), "l4") == 0;

		taken = strcmp(word(w, 1), "cut") == 0 ? 2 : 3;
		if (taken == 2) {
			flaws->cut = number(w, 2);
		} else if (l4 || strcmp(word(w, 1), "ip") == 0) {
			flaws->change[flaws->changes].l4 = l4;
			flaws->change[flaws->changes].at = number(w, 2);
			flaws->change[flaws->changes++].value = (uint8_t)number(w, 3);
		} else {
			return;
		}
		memmove(&w->word[1], &w->word[1 + taken],
			(size_t)(w->count - 1 - taken) * sizeof(w->word[0]));
	}
}

static void flaws_apply(const struct flaws *flaws, uint8_t *ip, uint32_t header)
{
	for (int i = 0; i < flaws->changes; i++)
		ip[flaws->change[i].at + (flaws->change[i].l4 ? header : 0)] =
			flaws->change[i].value;
}

/* Checksums over what is wrong; then those that are to be wrong themselves. */
static void spoil(const struct flaws *flaws, uint8_t *ip, uint32_t header, uint8_t protocol,
		  uint32_t length)
{
	flaws_apply(flaws, ip, header);
	if (header == 20) {
		put16(ip + IP_CHECKSUM_AT, 0);
		put16(ip + IP_CHECKSUM_AT, ~sum(ip, (ip[0] & 15u) * 4, 0)); /* options as well */
	}
	checksum(ip, header, protocol, length);
	flaws_apply(flaws, ip, header);
}

uint32_t packets_build(const char *text, uint8_t *frame, uint8_t *direction)
{
	const char *hex = strstr(text, " bytes ");
	struct words w;
	uint8_t l4[1600];
	bool v6, out;
	uint8_t protocol;
	struct flaws flaws;
	uint32_t length, header;

	words_split(&w, text);
	flaws_take(&flaws, &w);
	out = strncmp(word(&w, 0), "out", 3) == 0;
	*direction = out ? SEKISHO_EGRESS : SEKISHO_INGRESS;
	memset(frame, 2, 12);
	if (hex != NULL)
		return frame_of_bytes(hex + strlen(" bytes "), frame);
	v6 = strchr(word(&w, 0), '6') != NULL;
	protocol = protocol_of(&w, v6);
	if (protocol == IPPROTO_UDP)
		length = udp(l4, &w, 1);
	else if (protocol == IPPROTO_TCP)
		length = tcp(l4, &w, 1);
	else if (strcmp(word(&w, 1), "proto") == 0)
		length = portless(l4, &w);
	else if (strcmp(word(&w, 1), "error") == 0)
		length = error(l4, &w, v6, out);
	else
		length = echo(l4, &w, 1, v6);
	put16(frame + 12, v6 ? 0x86dd : 0x0800);
	header = ip_header(frame + 14, v6, out, protocol, length);
	memcpy(frame + 14 + header, l4, length);
	checksum(frame + 14, header, protocol, length);
	if (flaws.changes > 0)
		spoil(&flaws, frame + 14, header, protocol, length);
	return 14 + (flaws.cut > 0 ? flaws.cut : header + length);
}
