/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor_read.c: what the kernel says in /proc and /sys, and which devices it is asked about. */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

static FILE *file_open(const struct doctor *doctor, const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s%s", doctor->root, path);
	return fopen(whole, "re");
}

bool doctor_line(const struct doctor *doctor, const char *path, char *line, size_t size)
{
	return doctor_field(doctor, path, "", line, size);
}

long doctor_number(const struct doctor *doctor, const char *path, long otherwise)
{
	char line[64], *end;
	long number;

	if (!doctor_line(doctor, path, line, sizeof(line)))
		return otherwise;
	number = strtol(line, &end, 0);
	return end == line ? otherwise : number;
}

bool doctor_field(const struct doctor *doctor, const char *path, const char *start, char *rest,
		  size_t size)
{
	FILE *file = file_open(doctor, path);
	char line[4096];
	bool found = false;

	rest[0] = '\0';
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		const char *from = line + strlen(start);

		if (strncmp(line, start, strlen(start)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		from += strspn(from, " \t");
		snprintf(rest, size, "%s", from);
		found = true;
	}
	if (file != NULL)
		fclose(file);
	return found;
}

bool doctor_link(const struct doctor *doctor, const char *path, char *name, size_t size)
{
	char whole[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t length;

	snprintf(whole, sizeof(whole), "%s%s", doctor->root, path);
	name[0] = '\0';
	length = readlink(whole, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : target);
	return true;
}

bool doctor_exists(const struct doctor *doctor, const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s%s", doctor->root, path);
	return access(whole, F_OK) == 0;
}

void doctor_entries(const struct doctor *doctor, const char *path,
		    bool (*each)(void *context, const char *name), void *context)
{
	char whole[PATH_MAX];
	struct dirent *entry;
	DIR *directory;
	bool more = true;

	snprintf(whole, sizeof(whole), "%s%s", doctor->root, path);
	directory = opendir(whole);
	while (directory != NULL && more && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			more = each(context, entry->d_name);
	if (directory != NULL)
		closedir(directory);
}

bool doctor_in_list(const char *list, unsigned number)
{
	while (isdigit((unsigned char)*list)) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (number >= first && number <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

#define BIT(capability) (1ULL << (capability))

/* What opening a device needs, by the beginning of its name. */
static const struct {
	const char *driver;
	uint64_t capabilities;
} drivers[] = {
	{"net_af_packet", BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN)},
	{"net_af_xdp", BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN) | BIT(CAP_BPF)},
	{"net_pcap", BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN)},
	{"net_tap", BIT(CAP_NET_ADMIN)},
};

static void port_fill(struct doctor_port *port)
{
	const char *device = port->device, *argument = strstr(device, ",iface=");
	size_t name = strcspn(device, ",");

	port->pci = isxdigit((unsigned char)device[0]) && memchr(device, ':', name) != NULL;
	port->capabilities = port->pci ? BIT(CAP_IPC_LOCK) : 0;
	port->address[0] = '\0';
	if (port->pci && strcspn(device, ":") <= 2) /* the domain may be left out */
		snprintf(port->address, sizeof(port->address), "0000:%.*s", (int)name, device);
	else if (port->pci)
		snprintf(port->address, sizeof(port->address), "%.*s", (int)name, device);
	else if (argument != NULL)
		snprintf(port->address, sizeof(port->address), "%.*s",
			 (int)strcspn(argument + 7, ","), argument + 7);
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strncmp(device, drivers[i].driver, strlen(drivers[i].driver)) == 0)
			port->capabilities = drivers[i].capabilities;
}

unsigned doctor_ports(const struct doctor *doctor, struct doctor_port *ports)
{
	const struct config_appliance *appliance = doctor->appliance;
	unsigned count = 0;

	for (size_t i = 0; appliance != NULL && i < appliance->edge_count; i++)
		for (unsigned side = 0; side < 2; side++) {
			struct doctor_port *port = &ports[count++];

			port->device = appliance->edges[i].device[side];
			port_fill(port);
		}
	return count;
}
