/* SPDX-License-Identifier: BSD-3-Clause */
/* event_payload.c: what UDP carries, as packets.h would write it. */
#include <string.h>

#include "event.h"

static const char *const names[] = {"", "a.example", "b.example", "A.example"};

const char *event_dns_name(unsigned question)
{
	return names[question % (sizeof(names) / sizeof(names[0]))];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t build_ike(const struct event_ike *ike, uint8_t *at)
{
	memset(at, 0, 28);
	memset(at, ike->initiator_spi, 8);
	memset(at + 8, ike->responder_spi, 8);
	at[17] = ike->version;
	at[18] = ike->exchange;
	at[19] = ike->flags;
	put32(at + 20, ike->message);
	put32(at + 24, (uint32_t)(28 + ike->length_off));
	return 28;
}

static uint32_t build_wireguard(const struct event_wireguard *wireguard, uint8_t *at)
{
	static const uint8_t lengths[] = {148, 148, 92, 64, 48};
	uint32_t length = lengths[wireguard->type % sizeof(lengths)];

	memset(at, 0x22, length);
	memset(at, 0, 12);
	at[0] = wireguard->type;
	memcpy(at + 4, &wireguard->index, 4);
	if (wireguard->type == 2)
		memcpy(at + 8, &wireguard->receiver, 4);
	return length;
}

static uint32_t build_dns(const struct event_dns *dns, uint8_t *at)
{
	const char *label = event_dns_name(dns->question);
	uint32_t length = 12;

	memset(at, 0, 12);
	put16(at, dns->id);
	at[2] = dns->response ? 0x81 : 0x01;
	at[5] = dns->more;
	if (label[0] == '\0')
		return length;
	at[5]++;
	while (label[0] != '\0') {
		size_t size = strcspn(label, ".");

		at[length] = (uint8_t)size;
		memcpy(at + length + 1, label, size);
		length += (uint32_t)size + 1;
		label += size + (label[size] == '.');
	}
	at[length++] = 0;
	put16(at + length, dns->type);
	put16(at + length + 2, 1);
	return length + 4;
}

static uint32_t build_ntp(const struct event_ntp *ntp, uint8_t *at)
{
	memset(at, 0, 48);
	at[0] = (uint8_t)(4 << 3 | ntp->mode);
	memset(at + 24, ntp->origin, 8);
	memset(at + 40, ntp->transmit, 8);
	return 48;
}

static uint32_t build_plain(const struct event *event, uint8_t *at)
{
	uint32_t length = event->length % EVENT_DATA_MAX;

	switch (event->payload) {
	case PAYLOAD_IKE:
		return build_ike(&event->ike, at);
	case PAYLOAD_NATT_IKE:
		memset(at, 0, 4);
		return 4 + build_ike(&event->ike, at + 4);
	case PAYLOAD_KEEPALIVE:
		at[0] = 0xff;
		return 1;
	case PAYLOAD_WIREGUARD:
		return build_wireguard(&event->wireguard, at);
	case PAYLOAD_DNS:
		return build_dns(&event->dns, at);
	case PAYLOAD_NTP:
		return build_ntp(&event->ntp, at);
	default:
		length = length > 0 ? length : 32;
		memset(at, 0x11, length);
		return length;
	}
}

uint32_t event_build_payload(const struct event *event, uint8_t *at)
{
	uint32_t length = build_plain(event, at), size = event->payload_size % EVENT_DATA_MAX;

	if (size == 0)
		return length;
	if (size > length)
		memset(at + length, 0, size - length);
	return size;
}
