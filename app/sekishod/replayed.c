/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replayed.c: captures that DPDK's net_pcap plays again and again (infinite_rx=1).
 *
 * That driver keeps each packet of the file in a buffer of the port's own pool, and refuses to start
 * when there are not enough; so the pool must be made for them.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

/* The value of a device's argument, cut at `size`; false if it has none of that name. */
static bool argument_of(const char *device, const char *name, char *value, size_t size)
{
	const char *found = strstr(device, name);

	if (found == NULL)
		return false;
	found += strlen(name);
	return (size_t)snprintf(value, size, "%.*s", (int)strcspn(found, ","), found) < size;
}

static unsigned packets_of(const char *path)
{
	char message[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	unsigned count = 0;
	pcap_t *capture = pcap_open_offline(path, message);

	if (capture == NULL)
		return 0; /* the driver will say why */
	while (pcap_next_ex(capture, &header, &bytes) == 1)
		count++;
	pcap_close(capture);
	return count;
}

unsigned replayed_packets(const char *device)
{
	char path[4096], infinite[8];

	if (strncmp(device, "net_pcap", strlen("net_pcap")) != 0 ||
	    !argument_of(device, ",infinite_rx=", infinite, sizeof(infinite)) ||
	    strcmp(infinite, "0") == 0 || !argument_of(device, ",rx_pcap=", path, sizeof(path)))
		return 0;
	return packets_of(path);
}
