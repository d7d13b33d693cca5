/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bad_wire.c: joins two ports and damages what passes, in both directions, for machines whose kernel
 * has no netem. A frame is lost, doubled or made late with the given chances; one that is late lets
 * those behind it overtake. The two copies of a doubled frame are late or not each by its own chance,
 * as with netem. The same seed damages the same sequence of frames in the same way.
 *
 * Every late frame waits equally long, so the frames that wait are a queue in order of their time.
 * Prints "joined" once it passes frames, and goes on until it is ended by a signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST         64
#define FRAME_MAX     9216
#define WAITING_MAX   1024 /* past these a late frame goes at once */
#define RECEIVE_BYTES (16 << 20)

struct chances {
	double loss, duplicate, late; /* percent */
	uint64_t wait_ns;
};

struct waiting {
	uint64_t due_ns;
	int to; /* socket */
	size_t length;
	uint8_t frame[FRAME_MAX];
};

static struct waiting queue[WAITING_MAX];
static unsigned queue_first, queue_count;
static uint64_t random_state = 1;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* True in `percent` of the cases (xorshift64*, Vigna). */
static int happens(double percent)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (double)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 11) <
	       percent / 100 * 0x1p53;
}

static int port_open(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int one = 1, bytes = RECEIVE_BYTES;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "bad_wire: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

static void transmit(int to, const uint8_t *frame, size_t length)
{
	while (send(to, frame, length, 0) < 0 && errno == ENOBUFS)
		poll(NULL, 0, 1);
}

static void pass(int to, const uint8_t *frame, size_t length, const struct chances *chances)
{
	struct waiting *late;

	if (!happens(chances->late) || queue_count == WAITING_MAX) {
		transmit(to, frame, length);
		return;
	}
	late = &queue[(queue_first + queue_count++) % WAITING_MAX];
	late->due_ns = now_ns() + chances->wait_ns;
	late->to = to;
	late->length = length;
	memcpy(late->frame, frame, length);
}

/* Send the late frames whose time has come; how long until the next one, for ppoll(). */
static struct timespec pass_late(void)
{
	uint64_t now = now_ns(), wait = 1000000000;

	for (; queue_count > 0; queue_count--) {
		struct waiting *late = &queue[queue_first];

		if (late->due_ns > now) {
			wait = late->due_ns - now;
			break;
		}
		transmit(late->to, late->frame, late->length);
		queue_first = (queue_first + 1) % WAITING_MAX;
	}
	return (struct timespec){(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
}

static void pass_burst(int from, int to, const struct chances *chances)
{
	static uint8_t frames[BURST][FRAME_MAX];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	int count;

	for (unsigned i = 0; i < BURST; i++) {
		parts[i] = (struct iovec){frames[i], FRAME_MAX};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	count = recvmmsg(from, messages, BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		if (happens(chances->loss))
			continue;
		if (happens(chances->duplicate))
			pass(to, frames[i], messages[i].msg_len, chances);
		pass(to, frames[i], messages[i].msg_len, chances);
	}
}

static void usage(void)
{
	fputs("usage: bad_wire [--loss PERCENT] [--duplicate PERCENT] [--late PERCENT]\n"
	      "                [--wait MILLISECONDS] [--seed NUMBER] PORT PORT\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"loss", required_argument, NULL, 'l'}, {"duplicate", required_argument, NULL, 'd'},
		{"late", required_argument, NULL, 'r'}, {"wait", required_argument, NULL, 'w'},
		{"seed", required_argument, NULL, 's'}, {NULL, 0, NULL, 0},
	};
	struct chances chances = {.wait_ns = 1000000};
	struct pollfd ports[2];
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			chances.loss = strtod(optarg, NULL);
			break;
		case 'd':
			chances.duplicate = strtod(optarg, NULL);
			break;
		case 'r':
			chances.late = strtod(optarg, NULL);
			break;
		case 'w':
			chances.wait_ns = (uint64_t)(strtod(optarg, NULL) * 1e6);
			break;
		case 's':
			random_state = strtoull(optarg, NULL, 0) | 1;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2)
		usage();
	for (int i = 0; i < 2; i++)
		ports[i] = (struct pollfd){.fd = port_open(argv[optind + i]), .events = POLLIN};
	puts("joined");
	fflush(stdout);
	for (;;) {
		struct timespec wait = pass_late();

		if (ppoll(ports, 2, &wait, NULL) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (ports[i].revents & POLLIN)
				pass_burst(ports[i].fd, ports[!i].fd, &chances);
	}
}
