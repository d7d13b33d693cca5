/* SPDX-License-Identifier: BSD-3-Clause */
/* grammar.c: see grammar.h. */
#include "grammar.h"

#include <netinet/in.h>
#include <string.h>

#define L4_MAX      1536
#define LOCAL_FIRST 2 /* last bytes of addresses: two endpoints, two peers */
#define PEER_FIRST  100

static const uint16_t ports[GRAMMAR_PORTS] = {40000, 443, 500,   4500, 53, 123,
					      51820, 80,  40001, 999,  22, 0};

struct step grammar_step(const uint8_t *data, size_t i)
{
	struct step step;

	memcpy(&step, records_at(data, i), sizeof(step));
	step.what %= GRAMMAR_WHAT_COUNT;
	step.local_port %= GRAMMAR_PORTS;
	step.peer_port %= GRAMMAR_PORTS;
	return step;
}

uint32_t grammar_gap_ms(const struct step *step)
{
	/* none, little, and around the timers; no more than half of what the clock can compare */
	static const uint32_t gaps[] = {0,       1,       20,       1000,      9999,       10000,
					29999,   30000,   30001,    60000,     119999,     120000,
					179999,  180000,  350000,   599999,    600000,     7440000,
					7439999, 3600000, 90000000, 432000000, 0x3fffffff, 500};

	return gaps[step->gap % (sizeof(gaps) / sizeof(gaps[0]))];
}

static uint32_t put_ports(const struct step *step, uint8_t *l4)
{
	bool in = step->way & GRAMMAR_INGRESS;

	craft_put16(l4, ports[in ? step->peer_port : step->local_port]);
	craft_put16(l4 + 2, ports[in ? step->local_port : step->peer_port]);
	return 4;
}

/* A signed offset: 16 bits, shifted. */
static uint32_t offset(uint8_t high, uint8_t low, uint8_t shift)
{
	return (uint32_t)(int16_t)(high << 8 | low) << (shift & 15);
}

static uint32_t tcp(struct grammar *grammar, const struct step *step, uint8_t *l4)
{
	static const uint16_t windows[] = {65535, 0, 1, 1024};
	/* the letters of a flag byte, most useful first: SYN, SYN-ACK, ACK, PSH-ACK, ... */
	static const uint8_t sets[] = {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x19,
				       0x00, 0x03, 0x06, 0x01, 0x3f, 0x29, 0x38, 0x13};
	unsigned side = step->way & GRAMMAR_INGRESS, six = !!(step->way & GRAMMAR_IPV6);
	uint32_t *next = grammar->next[six][step->local_port][step->peer_port];
	uint8_t flags = sets[step->flags & 15];
	uint32_t off = offset(step->a[0], step->a[1], step->a[2]), header = 20;

	put_ports(step, l4);
	craft_put32(l4 + 4, next[side] + off);
	craft_put32(l4 + 8, next[!side] + offset(step->b[0], step->b[1], step->a[2] >> 4));
	l4[13] = flags;
	craft_put16(l4 + 14, windows[step->flags >> 4 & 3]);
	if (step->flags & 0x40) {
		static const uint8_t scale[4] = {3, 3, 7, 1};

		memcpy(l4 + header, scale, sizeof(scale));
		l4[header + 2] = step->a[3];
		header += 4;
	}
	l4[12] = (uint8_t)(header / 4 << 4);
	if (off == 0)
		next[side] += step->length + !!(flags & 2) + (flags & 1u);
	return header + step->length;
}

/* An SPI of eight like bytes; 0 is none. */
static void spi(uint8_t *at, uint8_t which)
{
	memset(at, which, 8);
}

static uint32_t ike(const struct step *step, uint8_t *message)
{
	static const uint8_t exchanges[] = {34, 35, 36, 37, 2, 4, 5, 32};

	spi(message, step->a[0] & 7);
	spi(message + 8, step->a[1] & 7);
	message[17] = step->flags & 4 ? 0x10 : 0x20;
	message[18] = exchanges[step->a[2] & 7];
	message[19] = (uint8_t)((step->flags & 1 ? 0x20 : 0) | (step->flags & 2 ? 0x08 : 0));
	craft_put32(message + 20, step->a[3]);
	craft_put32(message + 24, 28u + step->length);
	return 28u + (step->flags & 0x80 ? 0 : step->length);
}

/* IKE, behind the non-ESP marker where one of the ports is 4500. */
static uint32_t ike_message(const struct step *step, uint8_t *payload)
{
	bool marked = ports[step->local_port] == 4500 || ports[step->peer_port] == 4500;

	return marked ? 4 + ike(step, payload + 4) : ike(step, payload);
}

static uint32_t esp_in_udp(const struct step *step, uint8_t *payload)
{
	payload[0] = 0xff;
	if (step->flags & 1)
		return 1;
	craft_put32(payload, step->a[0] + 1u);
	return 8u + step->length;
}

static uint32_t wireguard(const struct step *step, uint8_t *payload)
{
	static const uint16_t lengths[] = {148, 92, 64, 32};
	uint8_t type = step->flags & 3;

	payload[0] = (uint8_t)(type + 1);
	payload[1] = step->flags & 0x80 ? 1 : 0; /* reserved */
	payload[4] = step->a[0] & 7;             /* sender, or receiver of type 4 */
	if (type == 1)
		payload[8] = step->a[1] & 7; /* receiver */
	return lengths[type] + (type == 3 ? step->length & ~15u : step->length & 1u);
}

static uint32_t dns(const struct step *step, uint8_t *payload)
{
	craft_put16(payload, step->a[0] & 7);
	payload[2] = step->flags & 1 ? 0x80 : 0x01;
	payload[5] = step->flags & 0x80 ? step->a[3] : 1; /* questions */
	payload[12] = 1;
	payload[13] = (uint8_t)('a' + (step->a[1] & 3));
	payload[16] = step->a[2] & 1 ? 28 : 1;
	payload[18] = 1;
	return 19u + step->length;
}

static uint32_t ntp(const struct step *step, uint8_t *payload)
{
	payload[0] = (uint8_t)(4 << 3 | (step->flags & 7)); /* version 4, mode */
	payload[31] = step->a[0] & 7;                       /* origin timestamp */
	payload[47] = step->a[1] & 7;                       /* transmit timestamp */
	return step->flags & 0x80 ? step->length : 48;
}

static uint32_t udp(const struct step *step, uint8_t *l4)
{
	uint8_t *payload = l4 + 8;
	uint32_t length = step->length;

	put_ports(step, l4);
	switch (step->what) {
	case GRAMMAR_IKE:
		length = ike_message(step, payload);
		break;
	case GRAMMAR_ESP_IN_UDP:
		length = esp_in_udp(step, payload);
		break;
	case GRAMMAR_WIREGUARD:
		length = wireguard(step, payload);
		break;
	case GRAMMAR_DNS:
		length = dns(step, payload);
		break;
	case GRAMMAR_NTP:
		length = ntp(step, payload);
		break;
	default:
		payload[0] = step->a[0];
		break;
	}
	craft_put16(l4 + 4, 8 + length);
	return 8 + length;
}

static uint32_t icmp(const struct step *step, uint8_t *l4)
{
	static const uint8_t four[] = {8, 0, 13, 14, 9, 10, 42, 17};
	static const uint8_t six[] = {128, 129, 130, 131, 143, 139, 200, 132};

	l4[0] = (step->way & GRAMMAR_IPV6 ? six : four)[step->flags & 7];
	l4[1] = step->flags >> 6;
	craft_put16(l4 + 4, step->a[0] & 3);
	craft_put16(l4 + 6, step->a[1]);
	return 8u + step->length;
}

/* An error that quotes one of the last packets, and goes to its sender unless told otherwise. */
static uint32_t icmp_error(const struct grammar *grammar, const struct step *step,
			   struct craft *craft, uint8_t *l4)
{
	static const uint8_t four[] = {3, 11, 12, 4, 5, 3, 3, 11};
	static const uint8_t six[] = {1, 2, 3, 4, 137, 1, 2, 3};
	unsigned which = (grammar->sent - 1 - (step->a[1] & 7)) % GRAMMAR_QUOTES;
	uint32_t length = grammar->quotes[which].length;

	if (step->flags & 0x80 && length > step->length)
		length = step->length;
	if (!(step->flags & 0x40))
		craft->to = grammar->quotes[which].from;
	l4[0] = (step->way & GRAMMAR_IPV6 ? six : four)[step->flags & 7];
	l4[1] = step->a[0];
	craft_put16(l4 + 6, (uint32_t)step->a[2] << 8 | step->a[3]);
	memcpy(l4 + 8, grammar->quotes[which].bytes, length);
	return 8 + length;
}

static uint8_t protocol_of(const struct step *step)
{
	static const uint8_t others[] = {50, 51,  47,  132, 4, 41, 2, 89,
					 33, 136, 103, 255, 1, 58, 6, 17};

	switch (step->what) {
	case GRAMMAR_TCP:
		return IPPROTO_TCP;
	case GRAMMAR_ICMP:
	case GRAMMAR_ERROR:
	case GRAMMAR_LINK:
		return step->way & GRAMMAR_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	case GRAMMAR_PROTOCOL:
		return others[step->flags & 15];
	default:
		return IPPROTO_UDP;
	}
}

static uint32_t l4_of(struct grammar *grammar, const struct step *step, struct craft *craft,
		      uint8_t *l4)
{
	switch (step->what) {
	case GRAMMAR_TCP:
		return tcp(grammar, step, l4);
	case GRAMMAR_ICMP:
		return icmp(step, l4);
	case GRAMMAR_ERROR:
		return icmp_error(grammar, step, craft, l4);
	case GRAMMAR_PROTOCOL:
		craft_put32(l4, step->a[0]); /* an SPI, or the like */
		return 16u + step->length;
	case GRAMMAR_LINK:
		l4[0] = (uint8_t)(133 + (step->flags & 3));
		return 24u + step->length;
	default:
		return udp(step, l4);
	}
}

/* Cut a piece out of the datagram; its length, and in `craft` where it stands. */
static uint32_t cut(const struct step *step, struct craft *craft, uint32_t *from)
{
	*from = step->b[2] * 8u;
	if (*from > L4_MAX - 1024)
		*from = L4_MAX - 1024;
	craft->offset = (uint16_t)(step->b[2] * 8u);
	craft->more = step->fragment & 4;
	craft->id = step->fragment & 3;
	return (step->fragment >> 3) * 32u + (step->length & 31u);
}

static void remember(struct grammar *grammar, const struct craft *craft, const uint8_t *l4,
		     uint32_t length)
{
	unsigned which = grammar->sent++ % GRAMMAR_QUOTES;
	uint8_t ip[CRAFT_FRAME_MAX];
	uint32_t whole = craft_packet(craft, l4, length, ip);

	grammar->quotes[which].length = whole < GRAMMAR_QUOTE ? whole : GRAMMAR_QUOTE;
	grammar->quotes[which].from = craft->from;
	memcpy(grammar->quotes[which].bytes, ip, grammar->quotes[which].length);
}

/* Frames of no IP: ARP, and one of an unknown type. */
static uint32_t link_frame(const struct step *step, uint8_t *frame)
{
	memset(frame, 0, 60);
	craft_put16(frame + 12, step->flags & 0x10 ? 0x0806 : 0x88cc);
	return step->flags & 0x20 ? step->length % 60u : 60;
}

uint32_t grammar_frame(struct grammar *grammar, const struct step *step, uint8_t *frame)
{
	bool in = step->way & GRAMMAR_INGRESS;
	uint8_t local = (uint8_t)(LOCAL_FIRST + !!(step->way & GRAMMAR_OTHER_LOCAL));
	uint8_t peer = (uint8_t)(PEER_FIRST + !!(step->way & GRAMMAR_OTHER_PEER));
	struct craft craft = {.from = in ? peer : local,
			      .to = in ? local : peer,
			      .v6 = step->way & GRAMMAR_IPV6,
			      .protocol = protocol_of(step),
			      .tagged = step->way & GRAMMAR_TAGGED,
			      .hop_limit = 64};
	uint8_t l4[L4_MAX] = {0};
	uint32_t length, from = 0;

	if (step->what == GRAMMAR_LINK && !craft.v6)
		return link_frame(step, frame);
	if (step->what == GRAMMAR_LINK)
		craft.hop_limit = step->flags & 0x40 ? 64 : 255;
	if (step->options < CRAFT_OPTIONS_COUNT)
		craft.options = step->options;
	length = l4_of(grammar, step, &craft, l4);
	craft_checksum(&craft, l4, length);
	if (step->way & GRAMMAR_BAD_CHECKSUM)
		l4[length - 1] ^= 1;
	if (step->fragment != 0)
		length = cut(step, &craft, &from);
	remember(grammar, &craft, l4 + from, length);
	return craft_frame(&craft, l4 + from, length, frame);
}
