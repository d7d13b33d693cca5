/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_key.h: what makes two packets one flow, and its keyed hash.
 *
 * The key is normalised by *side*, not by comparing addresses: `local` is what stands inside, `peer`
 * what stands outside, and a packet's direction says which of its ends is which. Both directions give
 * the same key without a comparison, and a packet that comes from the wrong side with a live flow's
 * addresses simply has another key: it finds no flow to ride on.
 *
 * The hash is a sum of 64 x 64 -> 128 bit products of key words with secret words (the NH family:
 * Black et al., "UMAC", CRYPTO 1999), folded and mixed. Over a random secret the chance that two given
 * keys collide is about 2^-64, whoever chose them, as long as the secret is not known.
 */
#ifndef FLOW_KEY_H
#define FLOW_KEY_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* 40 bytes without padding; unused bytes are zero, so that keys compare by memory. */
struct flow_key {
	uint8_t local[16], peer[16];    /* IPv4 in the first 4 bytes */
	uint16_t local_port, peer_port; /* host order; ICMP queries: identifier, request type */
	uint16_t zone;
	uint8_t protocol;
	uint8_t family; /* 4 or 6; with FLOW_KEY_PAIR the entry of an address pair, not a flow */
};

#define FLOW_KEY_PAIR 0x80

_Static_assert(sizeof(struct flow_key) == 40, "a key has no padding");

/* What is in a key besides the addresses. */
struct flow_key_rest {
	uint16_t local_port, peer_port, zone;
	uint8_t protocol, family;
};

/* A key's bytes by eights. */
static inline uint64_t flow_key_word(const struct flow_key *key, unsigned i)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)key + 8 * i, sizeof(word));
	return word;
}

static inline void flow_key_set_word(struct flow_key *key, unsigned i, uint64_t word)
{
	memcpy((uint8_t *)key + 8 * i, &word, sizeof(word));
}

static inline void flow_key_set_rest(struct flow_key *key, const struct flow_key_rest *rest)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	flow_key_set_word(key, 4,
			  (uint64_t)rest->local_port | (uint64_t)rest->peer_port << 16 |
				  (uint64_t)rest->zone << 32 | (uint64_t)rest->protocol << 48 |
				  (uint64_t)rest->family << 56);
#else
	key->local_port = rest->local_port;
	key->peer_port = rest->peer_port;
	key->zone = rest->zone;
	key->protocol = rest->protocol;
	key->family = rest->family;
#endif
}

/*
 * Make a key. Bytes go in by eights, as flow_key_hash() takes them out again: a load that spans smaller
 * stores would have to wait until they have reached the cache.
 */
static inline void flow_key_set(struct flow_key *key, const uint8_t *local, const uint8_t *peer,
				const struct flow_key_rest *rest)
{
	uint64_t words[4];

	memcpy(words, local, 16);
	memcpy(words + 2, peer, 16);
	for (unsigned i = 0; i < 4; i++)
		flow_key_set_word(key, i, words[i]);
	flow_key_set_rest(key, rest);
}

/* The same with addresses of 4 bytes. */
static inline void flow_key_set_ipv4(struct flow_key *key, const uint8_t *local,
				     const uint8_t *peer, const struct flow_key_rest *rest)
{
	uint32_t from, to;

	memcpy(&from, local, sizeof(from));
	memcpy(&to, peer, sizeof(to));
	flow_key_set_word(key, 0, htole64(le32toh(from)));
	flow_key_set_word(key, 1, 0);
	flow_key_set_word(key, 2, htole64(le32toh(to)));
	flow_key_set_word(key, 3, 0);
	flow_key_set_rest(key, rest);
}

struct flow_hash_secret {
	uint64_t word[6];
};

/* Make the secret from 32 random bytes. */
static inline void flow_hash_secret_init(struct flow_hash_secret *secret, const uint8_t random[32])
{
	uint64_t seed[4], x = 0;

	memcpy(seed, random, sizeof(seed));
	for (int i = 0; i < 6; i++) {
		/* splitmix64 over the random words: distinct, odd-looking lanes even from a poor seed */
		x += seed[i % 4] + UINT64_C(0x9e3779b97f4a7c15);
		uint64_t z = x;
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		secret->word[i] = z ^ (z >> 31);
	}
}

/* A keyed 64-bit hash; all its bits are good. */
static inline uint64_t flow_key_hash(const struct flow_key *key, const struct flow_hash_secret *s)
{
	unsigned __int128 sum;
	uint64_t h;

	sum = (unsigned __int128)(flow_key_word(key, 0) + s->word[0]) *
	      (flow_key_word(key, 1) + s->word[1]);
	sum += (unsigned __int128)(flow_key_word(key, 2) + s->word[2]) *
	       (flow_key_word(key, 3) + s->word[3]);
	sum += (unsigned __int128)(flow_key_word(key, 4) + s->word[4]) * s->word[5];
	h = (uint64_t)sum ^ (uint64_t)(sum >> 64);
	h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ (h >> 32);
}

/* Whether two keys are the same, without a branch for each word. */
static inline int flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < 5; i++)
		differ |= flow_key_word(a, i) ^ flow_key_word(b, i);
	return differ == 0;
}

#endif
