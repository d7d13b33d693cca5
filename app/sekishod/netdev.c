/* SPDX-License-Identifier: BSD-3-Clause */
/* netdev.c: what the kernel says of the interface behind a virtual device, where there is one. Control thread. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"

/* Set the name of an answer to the interface that a device's iface argument names, if any. */
static bool netdev_of(const char *device, struct ifreq *answer)
{
	static const char argument[] = ",iface=";
	const char *name = strstr(device, argument);
	size_t length;

	if (name == NULL)
		return false;
	name += sizeof(argument) - 1;
	length = strcspn(name, ",");
	/* A vhost port's is the path of a socket. */
	if (length >= sizeof(answer->ifr_name) || memchr(name, '/', length) != NULL ||
	    strncmp(device, "net_vhost", strlen("net_vhost")) == 0)
		return false;
	memset(answer, 0, sizeof(*answer));
	memcpy(answer->ifr_name, name, length);
	return true;
}

/* The socket that asks is kept: want of descriptors must not look like want of an interface. */
static bool netdev_ask(unsigned long question, struct ifreq *answer)
{
	static int fd = -1;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, question, answer) == 0;
}

bool netdev_named(const char *device)
{
	struct ifreq answer;

	return netdev_of(device, &answer);
}

bool netdev_mtu(const char *device, unsigned *mtu)
{
	struct ifreq answer;

	if (!netdev_of(device, &answer) || !netdev_ask(SIOCGIFMTU, &answer))
		return false;
	*mtu = (unsigned)answer.ifr_mtu;
	return true;
}

unsigned netdev_index(const char *device)
{
	struct ifreq answer;

	if (!netdev_of(device, &answer) || !netdev_ask(SIOCGIFINDEX, &answer))
		return 0;
	return (unsigned)answer.ifr_ifindex;
}

bool netdev_is_down(const char *device)
{
	const int up = IFF_UP | IFF_RUNNING;
	struct ifreq answer;

	if (!netdev_of(device, &answer))
		return false;
	return !netdev_ask(SIOCGIFFLAGS, &answer) || (answer.ifr_flags & up) != up;
}

/* Give the interface those of `mask` of its flags that are in `flags`. */
static int flags_set(const char *device, short mask, short flags)
{
	struct ifreq answer;

	if (!netdev_of(device, &answer) || !netdev_ask(SIOCGIFFLAGS, &answer))
		return -ENODEV;
	answer.ifr_flags = (short)((answer.ifr_flags & ~mask) | flags);
	return netdev_ask(SIOCSIFFLAGS, &answer) ? 0 : -errno;
}

int netdev_lower(const char *device)
{
	return flags_set(device, IFF_UP, 0);
}

int netdev_raise(const char *device)
{
	return flags_set(device, IFF_UP, IFF_UP);
}

int netdev_listen(void)
{
	const struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&links, sizeof(links)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

void netdev_drain(int fd)
{
	char message[8192];

	/* One that was lost for want of room says as much as one that is read. */
	while (recv(fd, message, sizeof(message), 0) > 0 || errno == ENOBUFS)
		continue;
}
