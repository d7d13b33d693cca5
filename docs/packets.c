/* SPDX-License-Identifier: BSD-3-Clause */
/* packets.c: writes sekisho-packet(7) out of the words that packet_words.c knows, for scdoc. */
#include <stdio.h>
#include <string.h>

#include <packet_words.h>

/* scdoc takes these for markup. */
static void text_print(const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\_*<>#", *text) != NULL)
			putchar('\\');
		putchar(*text);
	}
}

static void words_print(void)
{
	struct packet_words_help help;

	for (unsigned i = 0; packet_words_help(i, &help); i++) {
		putchar('*');
		text_print(help.word);
		printf("* (%s)\n\t", help.of);
		text_print(help.does);
		printf(".\n\n");
	}
}

int main(void)
{
	printf("sekisho-packet(7)\n\n# NAME\n\nsekisho-packet - packets in words\n\n"
	       "# DESCRIPTION\n\n"
	       "Where a packet is typed, as in the files of *sekisho scenario*, it is a protocol, "
	       "a "
	       "source, \\>, a destination, and words:\n\n"
	       "```\nudp 198.51.100.1:500 > 198.51.100.2:500 ike=init\n"
	       "tcp [2001:db8::1]:40000 > [2001:db8::2]:22 flags=SA seq=7000 ack=1001\n"
	       "icmp 192.0.2.9 > 198.51.100.2 type=3 code=4 mtu=1400 about udp 198.51.100.2:500 > "
	       "198.51.100.1:500\n```\n\n"
	       "The protocol is a name, _proto N_ or _proto-N_. With tcp and udp both addresses "
	       "have a "
	       "port. Behind _about_ stands the packet that an ICMP error quotes. Numbers are "
	       "decimal, "
	       "or hexadecimal with _0x_.\n\n"
	       "What no word says has a value with which packets of the same addresses fit "
	       "together: "
	       "flags=S, flags=SA, flags=A are a handshake; ike=answer answers the ike=init of the "
	       "addresses turned round, and so it is with dns=, ntp= and wg=.\n\n# WORDS\n\n"
	       "In brackets stands the first of what a word may be said of.\n\n");
	words_print();
	printf("# SEE ALSO\n\n*sekisho*(1), *sekisho.yaml*(5)\n");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
