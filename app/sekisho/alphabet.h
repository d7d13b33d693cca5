/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alphabet.h: the packets that a search puts together: of two ends, one of each kind that either
 * semantics may treat unlike the others. Each is a text in the words of `sekisho explain`, and the
 * frame that these words mean.
 */
#ifndef ALPHABET_H
#define ALPHABET_H

#include <stdbool.h>
#include <stdint.h>

#include <sekisho.h>

#define ALPHABET_MAX       64
#define ALPHABET_FRAME_MAX 256

struct alphabet_packet {
	uint8_t direction; /* enum sekisho_direction */
	uint16_t length;
	char text[220];
	uint8_t bytes[ALPHABET_FRAME_MAX];
};

struct alphabet {
	struct alphabet_packet packets[ALPHABET_MAX];
	unsigned count;
};

/* Both ends of the packets, by enum sekisho_direction of who sends: [0] the local one, [1] the peer. */
struct alphabet_ends {
	uint8_t family;
	uint8_t address[2][16]; /* IPv4 in the first 4 bytes */
	uint16_t port[2];       /* TCP, UDP */
};

/* Add TCP: segments of a connection, some that are none of it, and ICMP errors about it. */
void alphabet_add_tcp(struct alphabet *alphabet, const struct alphabet_ends *ends);

/* Add UDP: of the grammars spoken on its ports, bits by enum sekisho_grammar; and of none. */
void alphabet_add_udp(struct alphabet *alphabet, const struct alphabet_ends *ends,
		      unsigned grammars);

/* Add ICMP errors about a flow of `protocol`, each way. */
void alphabet_add_errors(struct alphabet *alphabet, const struct alphabet_ends *ends,
			 const char *protocol);

/* Add a request and its reply, each way; or a type that is none. */
void alphabet_add_icmp(struct alphabet *alphabet, const struct alphabet_ends *ends, uint8_t type,
		       uint8_t code);

/* Add a protocol that is none of these, each way. */
void alphabet_add_other(struct alphabet *alphabet, const struct alphabet_ends *ends,
			uint8_t protocol);

#endif
