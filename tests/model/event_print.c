/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event_print.c: an event as a row's text. The words of packets.h are tried first and count only if
 * packets_build() makes the same bytes of them; else the row is the bytes themselves.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../unit/packets.h"
#include "event.h"

/* The letter that packets.h fills an SPI with, or one that it cannot mean. */
static char spi_letter(uint8_t spi)
{
	return spi == 0 ? '0' : spi > ' ' && spi < 127 ? (char)spi : '?';
}

static int words_of_ike(const struct event *event, char *text, size_t size)
{
	const struct event_ike *ike = &event->ike;
	const char *flags = ike->flags & 0x20   ? ike->flags & 0x08 ? "IR" : "R"
			    : ike->flags & 0x08 ? "I"
						: "-";

	return snprintf(text, size, "%sike%u %c %c %s %u %u",
			event->payload == PAYLOAD_NATT_IKE ? "natt " : "", ike->version >> 4,
			spi_letter(ike->initiator_spi), spi_letter(ike->responder_spi), flags,
			ike->exchange, ike->message);
}

static int words_of_wireguard(const struct event_wireguard *wireguard, char *text, size_t size)
{
	if (wireguard->type == 2)
		return snprintf(text, size, "wg2 %u %u", wireguard->index, wireguard->receiver);
	return snprintf(text, size, "wg%u %u", wireguard->type, wireguard->index);
}

static int words_of_dns(const struct event_dns *dns, char *text, size_t size)
{
	const char *name = event_dns_name(dns->question);

	int at = 0;

	if (dns->more > 0)
		at = snprintf(text, size, "set 5 %u ", dns->more + (name[0] != '\0'));
	text += at;
	size -= (size_t)at;
	return snprintf(text, size, "dns %s %u %s %u", dns->response ? "r" : "q", dns->id,
			name[0] != '\0' ? name : "-", dns->type);
}

static void words_of_udp(const struct event *event, char *text, size_t size)
{
	int at = snprintf(text, size, "udp %u %u ", event->tuple.source_port,
			  event->tuple.destination_port);

	if (event->payload_size > 0)
		at += snprintf(text + at, size - (size_t)at, "size %u ", event->payload_size);
	text += at;
	size -= (size_t)at;
	switch (event->payload) {
	case PAYLOAD_IKE:
	case PAYLOAD_NATT_IKE:
		words_of_ike(event, text, size);
		break;
	case PAYLOAD_WIREGUARD:
		words_of_wireguard(&event->wireguard, text, size);
		break;
	case PAYLOAD_DNS:
		words_of_dns(&event->dns, text, size);
		break;
	case PAYLOAD_NTP:
		snprintf(text, size, "ntp %u %c %c", event->ntp.mode, spi_letter(event->ntp.origin),
			 spi_letter(event->ntp.transmit));
		break;
	default:
		snprintf(text, size, "%s",
			 event->payload == PAYLOAD_KEEPALIVE ? "keepalive" : "junk");
	}
}

static void words_of_tcp(const struct event *event, char *text, size_t size)
{
	static const char letters[] = "FSRPAU";
	char flags[8] = "", scale[8] = "", *at = flags;

	for (int i = 0; letters[i] != '\0'; i++)
		if (event->tcp_flags & 1 << i)
			*at++ = letters[i];
	if (at == flags)
		*at++ = '.';
	*at = '\0';
	if (event->scale != EVENT_NO_SCALE)
		snprintf(scale, sizeof(scale), " %u", event->scale);
	snprintf(text, size, "tcp %u %u %s %u %u %u %u%s", event->tuple.source_port,
		 event->tuple.destination_port, flags, event->tuple.seq, event->tuple.ack,
		 event->length, event->window, scale);
}

static void words_of_error(const struct event *event, char *text, size_t size)
{
	const struct event_tuple *quoted = &event->quoted;

	snprintf(text, size, "error %u %u %s %u %u %u", event->tuple.icmp_type,
		 event->tuple.icmp_code, quoted->protocol == IPPROTO_TCP ? "tcp" : "udp",
		 quoted->source_port, quoted->destination_port, quoted->seq);
}

static void words_of_icmp(const struct event *event, char *text, size_t size)
{
	uint8_t type = event->tuple.icmp_type;

	if (type == 0 || type == 8 || type == 128 || type == 129)
		snprintf(text, size, "%s %u %u", type == 0 || type == 129 ? "reply" : "echo",
			 event->tuple.icmp_id, event->tuple.icmp_sequence);
	else
		words_of_error(event, text, size);
}

static void words_of(const struct event *event, char *text, size_t size)
{
	int at = snprintf(text, size, "%s%s ", event->direction == SEKISHO_EGRESS ? "out" : "in",
			  event->family == SEKISHO_IPV6 ? "6" : "");

	text += at;
	size -= (size_t)at;
	switch (event->tuple.protocol) {
	case IPPROTO_UDP:
		words_of_udp(event, text, size);
		break;
	case IPPROTO_TCP:
		words_of_tcp(event, text, size);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		words_of_icmp(event, text, size);
		break;
	default:
		snprintf(text, size, "proto %u", event->tuple.protocol);
	}
}

void event_print(const struct event *event, char *text, size_t size)
{
	uint8_t frame[EVENT_FRAME_MAX], again[EVENT_FRAME_MAX], direction;
	uint32_t length = event_build(event, frame);
	int at;

	words_of(event, text, size);
	if (length < 1500 && event_captured(event, length) == length &&
	    packets_build(text, again, &direction) == length && memcmp(frame, again, length) == 0)
		return;
	at = snprintf(text, size, "%s bytes ", event->direction == SEKISHO_EGRESS ? "out" : "in");
	for (uint32_t i = 12; i < length && (size_t)at + 3 < size; i++)
		at += snprintf(text + at, size - (size_t)at, "%02x", frame[i]);
}
