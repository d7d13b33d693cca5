/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owner.c: which of several engines owns a packet.
 *
 * Almost always a look at the link and IP headers is enough. What may be an ICMP error is taken apart as
 * the engine will do it, so that both see the same quote. No more is asked of a packet than that its two
 * addresses can be read: a malformed first fragment must meet the rest of its datagram as well.
 *
 * Each address is hashed by itself and the two are added up, so that their order makes no difference. The
 * hash is keyed: who does not know the secret cannot choose addresses that all have one owner.
 *
 * With RSS the hash is the NIC's. Toeplitz adds up, without carries, a window of the key for each bit that is
 * set. The key repeats itself every 16 bits, and so do its windows: the hash of all words is that of their
 * sum without carries. So two look-ups do, and what a NIC does need not be believed but can be checked
 * for every packet.
 */
#include <netinet/in.h>

#include <sekisho.h>

#include "packet.h"
#include "packet_bytes.h"

/* The addresses that decide; NULL where there are none. */
struct ends {
	const uint8_t *source, *destination;
	size_t size; /* of each, in bytes */
};

void sekisho_owners_init(struct sekisho_owners *owners, uint32_t engines, const uint8_t random[32])
{
	*owners = (struct sekisho_owners){.engines = engines};
	memcpy(owners->secret, random, sizeof(owners->secret));
}

/* The window of the key that a bit of a word adds, the first being its highest. */
static uint16_t window(unsigned bit)
{
	return (uint16_t)(SEKISHO_OWNERS_TOEPLITZ << bit | SEKISHO_OWNERS_TOEPLITZ >> (16 - bit));
}

void sekisho_owners_init_rss(struct sekisho_owners *owners, uint32_t engines, uint32_t entries)
{
	*owners = (struct sekisho_owners){.engines = engines, .entries = entries};
	for (unsigned i = 0; i < 256; i++)
		for (unsigned bit = 0; bit < 8; bit++)
			if (i & (0x80u >> bit)) {
				owners->toeplitz[0][i] ^= window(bit);
				owners->toeplitz[1][i] ^= window(bit + 8);
			}
	for (uint32_t i = 0; i < entries; i++)
		owners->table[i] = (uint8_t)(i % engines);
}

/* All 16-bit words of an address, added up without carries; in the network's order. */
static inline uint16_t fold_end(const uint8_t *address, size_t size)
{
	uint64_t words[2] = {0, 0}, sum;

	memcpy(words, address, size);
	sum = words[0] ^ words[1];
	sum ^= sum >> 32;
	return (uint16_t)(sum ^ (sum >> 16));
}

static inline uint32_t owner_by_rss(const struct sekisho_owners *owners, const struct ends *ends)
{
	uint16_t sum = fold_end(ends->source, ends->size) ^ fold_end(ends->destination, ends->size);
	uint8_t bytes[2];
	uint16_t hash;

	memcpy(bytes, &sum, sizeof(bytes));
	hash = owners->toeplitz[0][bytes[0]] ^ owners->toeplitz[1][bytes[1]];
	return owners->table[hash & (owners->entries - 1)];
}

static inline uint64_t mix(uint64_t hash)
{
	hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ (hash >> 32);
}

static inline uint64_t hash_end(const uint64_t *secret, const uint8_t *address, size_t size)
{
	uint64_t words[2] = {0, 0};
	unsigned __int128 product;

	memcpy(words, address, size);
	product = (unsigned __int128)(words[0] + secret[0]) * (words[1] + secret[1]);
	return mix(((uint64_t)product ^ (uint64_t)(product >> 64)) + secret[2]);
}

static inline uint32_t owner_of(const struct sekisho_owners *owners, uint16_t zone,
				const struct ends *ends)
{
	const uint64_t *secret = owners->secret;
	uint64_t hash;

	if (owners->entries != 0)
		return owner_by_rss(owners, ends);
	hash = hash_end(secret, ends->source, ends->size) +
	       hash_end(secret, ends->destination, ends->size) + zone * secret[3];
	return (uint32_t)((mix(hash) >> 32) * owners->engines >> 32);
}

/* What may be an ICMP error: by its quote if it is one, and whole. */
static __attribute__((noinline)) uint32_t owner_quoted(const struct sekisho_owners *owners,
						       const struct sekisho_frame *frame)
{
	struct packet packet, quoted, *by = &packet;

	packet_parse(&packet, frame->data, frame->captured, frame->length);
	if (!packet.is_fragment && packet_parse_quoted(&quoted, &packet))
		by = &quoted;
	return owner_of(owners, frame->zone,
			&(struct ends){by->source, by->destination, by->family == 4 ? 4 : 16});
}

/* Where the IP header is, and the ether type before it; 0 if the frame ends before. */
static inline uint32_t ip_offset(const uint8_t *frame, uint32_t captured, uint32_t *type)
{
	uint32_t at = ETHER_HEADER;

	if (captured < ETHER_HEADER)
		return 0;
	*type = load16(frame + 12);
	for (uint32_t tags = 0; is_vlan(*type); tags++) {
		if (tags == VLAN_TAGS_MAX || captured - at < 4)
			return 0;
		*type = load16(frame + at + 2);
		at += 4;
	}
	return at;
}

uint32_t sekisho_frame_owner(const struct sekisho_owners *owners, const struct sekisho_frame *frame)
{
	uint32_t captured = least(frame->captured, frame->length), type = 0;
	uint32_t at = ip_offset(frame->data, captured, &type);
	const uint8_t *ip = frame->data + at;

	if (at == 0)
		return SEKISHO_OWNER_ANY;
	if (type == TYPE_IPV4 && captured - at >= IPV4_HEADER && ip[0] >> 4 == 4) {
		if (ip[9] == IPPROTO_ICMP)
			return owner_quoted(owners, frame);
		return owner_of(owners, frame->zone, &(struct ends){ip + 12, ip + 16, 4});
	}
	if (type == TYPE_IPV6 && captured - at >= IPV6_HEADER && ip[0] >> 4 == 6) {
		/* Whatever else comes next may have ICMPv6 behind it. */
		if (ip[6] != IPPROTO_TCP && ip[6] != IPPROTO_UDP && ip[6] != IPPROTO_ESP)
			return owner_quoted(owners, frame);
		return owner_of(owners, frame->zone, &(struct ends){ip + 8, ip + 24, 16});
	}
	return SEKISHO_OWNER_ANY;
}

uint32_t sekisho_addresses_owner(const struct sekisho_owners *owners, uint16_t zone, uint8_t family,
				 const uint8_t *one, const uint8_t *other)
{
	return owner_of(owners, zone, &(struct ends){one, other, family == SEKISHO_IPV4 ? 4 : 16});
}
