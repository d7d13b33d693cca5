/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fanout.c: keeps the kernel from putting IPv4 fragments together on AF_PACKET ports.
 *
 * DPDK's AF_PACKET driver puts the socket of each port into a fanout group with the flag
 * PACKET_FANOUT_FLAG_DEFRAG, whether it has one queue or many, and offers no argument against it. Then
 * fragments never come: the whole datagram does, longer than any frame of the wire, or cut where the
 * driver's ring frames end. A firewall must judge what came and pass it on as it came (STRICT-71).
 *
 * The flag cannot be taken from a socket that has joined its group. But the driver calls setsockopt()
 * by its dynamic symbol, which the executable comes before libc in defining; so this definition takes
 * the flag away before the kernel sees it. Rejected: net_pcap, which copies each frame once more and
 * shares the ring's latency; a driver of our own.
 */
#include <linux/if_packet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FANOUT_DEFRAG ((uint32_t)PACKET_FANOUT_FLAG_DEFRAG << 16)

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	uint32_t fanout; /* the group's number, and type and flags above it */

	if (level == SOL_PACKET && option == PACKET_FANOUT && length == sizeof(fanout)) {
		memcpy(&fanout, value, sizeof(fanout));
		fanout &= ~FANOUT_DEFRAG;
		value = &fanout;
	}
	return (int)syscall(SYS_setsockopt, fd, level, option, value, length);
}
