/* SPDX-License-Identifier: BSD-3-Clause */
/* netdev.c: what the kernel says of the interface behind a virtual device, where there is one. */
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
	if (length >= sizeof(answer->ifr_name))
		return false;
	memset(answer, 0, sizeof(*answer));
	memcpy(answer->ifr_name, name, length);
	return true;
}

static bool netdev_ask(unsigned long question, struct ifreq *answer)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done;

	if (fd < 0)
		return false;
	done = ioctl(fd, question, answer) == 0;
	close(fd);
	return done;
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

	return netdev_of(device, &answer) ? if_nametoindex(answer.ifr_name) : 0;
}

bool netdev_is_down(const char *device)
{
	const int up = IFF_UP | IFF_RUNNING;
	struct ifreq answer;

	if (!netdev_of(device, &answer))
		return false;
	return !netdev_ask(SIOCGIFFLAGS, &answer) || (answer.ifr_flags & up) != up;
}
