/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor_ports.c: the devices of the appliance file: their drivers, memory nodes, offloads and other ends. */
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor.h"

#define PORTS_MAX (2 * CONFIG_EDGES_MAX)

/* Run a check for each port that is a PCI device, or for each that is an interface of the kernel. */
static void each_port(struct doctor *doctor, bool pci,
		      void (*check)(struct doctor *doctor, const struct doctor_port *port))
{
	struct doctor_port ports[PORTS_MAX];
	unsigned count = doctor_ports(doctor, ports);

	for (unsigned i = 0; i < count; i++)
		if (ports[i].pci == pci && ports[i].address[0] != '\0')
			check(doctor, &ports[i]);
}

/* ---- Drivers ---------------------------------------------------------------------------------- */

static bool interface_exists(const struct doctor *doctor, const struct doctor_port *port)
{
	char path[160];

	snprintf(path, sizeof(path), "/sys/class/net/%s", port->address);
	return doctor_exists(doctor, path);
}

static void driver_of_pci(struct doctor *doctor, const struct doctor_port *port)
{
	/* The last ones share the device with the kernel. */
	static const char *const fit[] = {"vfio-pci",  "igb_uio",   "uio_pci_generic",
					  "mlx5_core", "mlx4_core", "mana"};
	struct doctor_finding finding = {.check = "driver", .subject = port->address};
	char path[160], driver[64], mend[160];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", port->address);
	if (!doctor_exists(doctor, path)) {
		finding.state = DOCTOR_FAIL;
		finding.mend = "lspci -D    # which devices there are";
		doctor_tell(doctor, &finding, "there is no such PCI device");
		return;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", port->address);
	doctor_link(doctor, path, driver, sizeof(driver));
	for (size_t i = 0; i < sizeof(fit) / sizeof(fit[0]); i++)
		if (strcmp(driver, fit[i]) == 0) {
			doctor_tell(doctor, &finding, "bound to %s", driver);
			return;
		}
	finding.state = DOCTOR_FAIL;
	snprintf(mend, sizeof(mend), "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci %s",
		 port->address);
	finding.mend = mend;
	doctor_tell(doctor, &finding, "bound to %s, which DPDK cannot take it from",
		    driver[0] ? driver : "no driver");
}

static void interface_is_up(struct doctor *doctor, const struct doctor_port *port)
{
	struct doctor_finding finding = {.check = "driver", .subject = port->address};
	char path[160], mend[160];

	if (!interface_exists(doctor, port)) {
		finding.state = DOCTOR_FAIL;
		finding.mend = "ip link    # which interfaces there are";
		doctor_tell(doctor, &finding, "there is no such interface");
		return;
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", port->address);
	if ((doctor_number(doctor, path, 0) & IFF_UP) != 0) {
		doctor_tell(doctor, &finding, "the interface is there, and up");
		return;
	}
	finding.state = DOCTOR_FAIL;
	snprintf(mend, sizeof(mend), "ip link set %s up", port->address);
	finding.mend = mend;
	doctor_tell(doctor, &finding, "the interface is down");
}

void doctor_drivers(struct doctor *doctor)
{
	each_port(doctor, true, driver_of_pci);
	each_port(doctor, false, interface_is_up);
}

/* ---- NUMA ------------------------------------------------------------------------------------- */

/* The first worker whose lcore is not among these cpus; every worker polls every port. False: there is none. */
static bool worker_outside(const struct doctor *doctor, const char *cpus, unsigned *lcore)
{
	for (size_t i = 0; i < doctor->appliance->worker_count; i++) {
		*lcore = doctor->appliance->workers[i];
		if (!doctor_in_list(cpus, *lcore))
			return true;
	}
	return false;
}

static void node_of_pci(struct doctor *doctor, const struct doctor_port *port)
{
	struct doctor_finding finding = {.check = "numa", .subject = port->address};
	char path[160], cpus[256], mend[560];
	unsigned lcore;
	long node;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", port->address);
	node = doctor_number(doctor, path, -1);
	if (node < 0) {
		doctor_tell(doctor, &finding, "the machine has one memory node");
		return;
	}
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%ld/cpulist", node);
	doctor_line(doctor, path, cpus, sizeof(cpus));
	if (!worker_outside(doctor, cpus, &lcore)) {
		doctor_tell(doctor, &finding, "on node %ld, as all workers", node);
		return;
	}
	finding.state = DOCTOR_WARN;
	snprintf(mend, sizeof(mend), "sed -i 's/^workers:.*/workers: [%d]/' %.200s    # any of %s",
		 atoi(cpus), doctor->appliance->name, cpus);
	finding.mend = mend;
	doctor_tell(doctor, &finding,
		    "on node %ld, but a worker, lcore %u, is not: its packets cross over", node,
		    lcore);
}

void doctor_numa(struct doctor *doctor)
{
	each_port(doctor, true, node_of_pci);
}

/* ---- Offloads --------------------------------------------------------------------------------- */

static const struct {
	unsigned command;
	const char *name; /* as ethtool -K has it */
} offloads[] = {
	{ETHTOOL_GRXCSUM, "rx"}, {ETHTOOL_GTXCSUM, "tx"}, {ETHTOOL_GTSO, "tso"},
	{ETHTOOL_GGSO, "gso"},   {ETHTOOL_GGRO, "gro"},
};

/* Whether one is on; false also where it cannot be asked. */
static bool offload_is_on(int fd, const char *interface, unsigned command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {.ifr_data = (void *)&value};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", interface);
	return ioctl(fd, SIOCETHTOOL, &request) == 0 && value.data != 0;
}

static void offloads_of(struct doctor *doctor, const struct doctor_port *port)
{
	struct doctor_finding finding = {.check = "offloads", .subject = port->address};
	char mend[192], on[64] = "";
	size_t length, used = 0;
	int fd;

	if (!interface_exists(doctor, port))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	length = (size_t)snprintf(mend, sizeof(mend), "ethtool -K %s", port->address);
	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		if (fd < 0 || !offload_is_on(fd, port->address, offloads[i].command))
			continue;
		used += (size_t)snprintf(on + used, sizeof(on) - used, " %s", offloads[i].name);
		length += (size_t)snprintf(mend + length, sizeof(mend) - length, " %s off",
					   offloads[i].name);
	}
	if (fd >= 0)
		close(fd);
	if (used == 0) {
		doctor_tell(doctor, &finding, "none is on");
		return;
	}
	finding.state = DOCTOR_WARN;
	finding.mend = mend;
	doctor_tell(
		doctor, &finding,
		"on:%s; frames come joined, or with checksums still to be made, here and from a "
		"veth's other end",
		on);
}

void doctor_offloads(struct doctor *doctor)
{
	/* Only the kernel of this very root can be asked. */
	if (doctor->root[0] == '\0')
		each_port(doctor, false, offloads_of);
}

/* ---- What else is at a port ------------------------------------------------------------------- */

/* Whether the kernel speaks IP on an interface: it then answers what the firewall is to judge. */
static bool has_addresses(const struct doctor *doctor, const char *interface)
{
	char path[160], rest[256], start[32];

	snprintf(path, sizeof(path), "/proc/net/route");
	snprintf(start, sizeof(start), "%.20s\t", interface);
	return doctor_field(doctor, path, start, rest, sizeof(rest));
}

static void peers_of(struct doctor *doctor, const struct doctor_port *port)
{
	struct doctor_finding finding = {.check = "peer", .subject = port->address};
	char path[160], bridge[64], mend[160];

	if (!interface_exists(doctor, port))
		return;
	snprintf(path, sizeof(path), "/sys/class/net/%s/master", port->address);
	finding.mend = mend;
	if (doctor_link(doctor, path, bridge, sizeof(bridge))) {
		finding.state = DOCTOR_FAIL;
		snprintf(mend, sizeof(mend), "ip link set %s nomaster", port->address);
		doctor_tell(doctor, &finding,
			    "it is a port of %s, which forwards frames past the firewall", bridge);
		return;
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier", port->address);
	if (doctor_number(doctor, path, 0) != 1) {
		finding.state = DOCTOR_FAIL;
		snprintf(mend, sizeof(mend), "ip link set PEER up    # the other end of %s",
			 port->address);
		doctor_tell(doctor, &finding, "there is no carrier: its other end is down");
		return;
	}
	if (has_addresses(doctor, port->address)) {
		finding.state = DOCTOR_WARN;
		snprintf(mend, sizeof(mend), "ip address flush dev %s", port->address);
		doctor_tell(
			doctor, &finding,
			"the kernel has routes over it: it answers what the firewall is to judge");
		return;
	}
	finding.mend = NULL;
	doctor_tell(doctor, &finding, "its other end is up, and nobody else is on it");
}

void doctor_peers(struct doctor *doctor)
{
	each_port(doctor, false, peers_of);
}
