/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_words.h: a packet in words, as people type it, made into a frame.
 *
 *	udp 198.51.100.1:500 > 198.51.100.2:500 ike=init
 *	tcp [2001:db8::1]:40000 > [2001:db8::2]:22 flags=SA seq=7000 ack=1001
 *	icmp 192.0.2.9 > 198.51.100.2 type=3 code=4 mtu=1400 about udp 198.51.100.2:500 > 198.51.100.1:500
 *
 * PROTOCOL SOURCE > DESTINATION [WORD...]. The protocol is a name, `proto N` or `proto-N`; addresses
 * have ports with tcp and udp. What the tools print as the flow of a sound packet can be read back.
 * What no word says has a default with which packets of the same addresses fit together: a
 * handshake is flags=S, flags=SA, flags=A; `ike=answer` answers the `ike=init` of the addresses
 * turned round, and so do dns=, ntp= and wg=. packet_words_help() has all words.
 *
 * libc only: neither EAL nor pcap, so that the daemon can use it. Texts are hostile.
 */
#ifndef PACKET_WORDS_H
#define PACKET_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_WORDS_FRAME_MAX 9216

/* Names that stand for addresses, as a scenario has them. */
struct packet_words_name {
	const char *name;
	const char *address; /* IPv4 or IPv6, in digits */
};

struct packet_words_names {
	const struct packet_words_name *list;
	size_t count;
};

struct packet_words_error {
	unsigned column; /* 1 is the first byte */
	char text[200];  /* what was found, what is allowed */
};

/*
 * Make an Ethernet frame of a text. `names` may be NULL. Returns its length; 0 and an error if the
 * text is no packet. The frame has no padding and right checksums. Any thread.
 */
uint32_t packet_words_frame(const char *text, const struct packet_words_names *names,
			    uint8_t frame[PACKET_WORDS_FRAME_MAX],
			    struct packet_words_error *error);

/* One word of the language, for help. */
struct packet_words_help {
	const char *word; /* "flags=" or "keepalive" */
	const char *of;   /* "tcp" */
	const char *does;
};

/* Word number `index`, from 0 on; false past the last. */
int packet_words_help(unsigned index, struct packet_words_help *help);

#endif
