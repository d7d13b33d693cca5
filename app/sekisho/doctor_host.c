/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor_host.c: the machine: memory, cpus, the clock, and what may be done here. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

#define MIB            (1u << 20)
#define FLOW_BYTES     256          /* with its place in the index, generously */
#define EDGE_BYTES     (16u * MIB)  /* frames of two ports */
#define DPDK_BYTES     (256u * MIB) /* classifiers, rings, drivers */
#define MENDED_PAGE_KB 2048
#define PORTS_MAX      (2 * CONFIG_EDGES_MAX)

/* Whether any port is a PCI device. */
static bool any_pci(const struct doctor *doctor)
{
	struct doctor_port ports[PORTS_MAX];
	unsigned count = doctor_ports(doctor, ports);
	bool any = false;

	for (unsigned i = 0; i < count; i++)
		any |= ports[i].pci;
	return any;
}

/* ---- Hugepages -------------------------------------------------------------------------------- */

struct pages {
	const struct doctor *doctor;
	unsigned long free_mb;
};

static bool pages_add(void *context, const char *name)
{
	struct pages *pages = context;
	unsigned long kilobytes;
	char path[128];

	if (sscanf(name, "hugepages-%lukB", &kilobytes) == 1) {
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%.60s/free_hugepages", name);
		pages->free_mb +=
			(unsigned long)doctor_number(pages->doctor, path, 0) * kilobytes / 1024;
	}
	return true;
}

void doctor_hugepages(struct doctor *doctor)
{
	const struct config_appliance *appliance = doctor->appliance;
	struct doctor_finding finding = {.check = "hugepages"};
	struct pages pages = {.doctor = doctor};
	uint64_t flows = appliance ? appliance->flows : 1048576;
	uint64_t edges = appliance ? appliance->edge_count : 1;
	unsigned long needed_mb =
		(unsigned long)((flows * FLOW_BYTES + edges * EDGE_BYTES + DPDK_BYTES) / MIB);
	char mend[128];

	doctor_entries(doctor, "/sys/kernel/mm/hugepages", pages_add, &pages);
	if (appliance != NULL && appliance->hugepages == CONFIG_HUGEPAGES_NO) {
		doctor_tell(doctor, &finding, "the appliance file asks for none");
		return;
	}
	if (pages.free_mb >= needed_mb) {
		doctor_tell(doctor, &finding, "%lu MiB are free, about %lu MiB are needed",
			    pages.free_mb, needed_mb);
		return;
	}
	finding.state = appliance != NULL && appliance->hugepages == CONFIG_HUGEPAGES_YES
				? DOCTOR_FAIL
				: DOCTOR_WARN;
	snprintf(mend, sizeof(mend), "sysctl -w vm.nr_hugepages=%lu",
		 needed_mb * 1024 / MENDED_PAGE_KB + 1);
	finding.mend = mend;
	doctor_tell(doctor, &finding, "%lu MiB are free, about %lu MiB are needed%s", pages.free_mb,
		    needed_mb,
		    finding.state == DOCTOR_WARN ? "; ordinary memory is slower with many flows"
						 : "");
}

/* ---- What devices need ------------------------------------------------------------------------ */

static bool found_any(void *context, const char *name)
{
	*(bool *)context = true;
	return false;
}

void doctor_iommu(struct doctor *doctor)
{
	struct doctor_finding finding = {.check = "iommu"};
	char vendor[64], mend[256];
	bool groups = false;

	if (!any_pci(doctor)) {
		doctor_tell(doctor, &finding, "no port is a PCI device");
		return;
	}
	doctor_entries(doctor, "/sys/kernel/iommu_groups", found_any, &groups);
	if (groups) {
		doctor_tell(doctor, &finding, "it is on");
		return;
	}
	doctor_field(doctor, "/proc/cpuinfo", "vendor_id", vendor, sizeof(vendor));
	snprintf(mend, sizeof(mend),
		 "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&%s_iommu=on iommu=pt /' /etc/default/grub && "
		 "update-grub && reboot",
		 strstr(vendor, "AMD") ? "amd" : "intel");
	finding.state = DOCTOR_FAIL;
	finding.mend = mend;
	if (doctor_line(doctor, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", vendor,
			sizeof(vendor)) &&
	    vendor[0] == 'Y') {
		finding.state = DOCTOR_WARN;
		doctor_tell(doctor, &finding,
			    "there is none, and vfio is told to do without: a "
			    "device may write anywhere");
	} else {
		doctor_tell(doctor, &finding, "it is off, and vfio-pci needs it");
	}
}

void doctor_memlock(struct doctor *doctor)
{
	struct doctor_finding finding = {.check = "memlock"};
	char limit[128];

	if (!any_pci(doctor)) {
		doctor_tell(doctor, &finding, "no port is a PCI device");
		return;
	}
	if (!doctor_field(doctor, "/proc/self/limits", "Max locked memory", limit, sizeof(limit)))
		snprintf(limit, sizeof(limit), "unknown");
	limit[strcspn(limit, " ")] = '\0';
	if (strcmp(limit, "unlimited") == 0) {
		doctor_tell(doctor, &finding, "there is no limit");
		return;
	}
	finding.state = DOCTOR_WARN;
	finding.mend = "ulimit -l unlimited    # the unit sekishod.service does so";
	doctor_tell(doctor, &finding,
		    "%s bytes may be locked here; a PCI device needs all of the memory locked, or "
		    "CAP_IPC_LOCK",
		    limit);
}

void doctor_capabilities(struct doctor *doctor)
{
	static const struct {
		unsigned number;
		const char *name;
	} known[] = {{CAP_NET_ADMIN, "NET_ADMIN"},
		     {CAP_NET_RAW, "NET_RAW"},
		     {CAP_IPC_LOCK, "IPC_LOCK"},
		     {CAP_BPF, "BPF"}};
	struct doctor_finding finding = {.check = "capabilities"};
	struct doctor_port ports[PORTS_MAX];
	unsigned count = doctor_ports(doctor, ports);
	uint64_t needed = 0, bounding;
	char text[64], names[128] = "", mend[256] = "docker run";
	size_t used = 0, length = strlen(mend);

	doctor_field(doctor, "/proc/self/status", "CapBnd:", text, sizeof(text));
	bounding = strtoull(text, NULL, 16);
	for (unsigned i = 0; i < count; i++)
		needed |= ports[i].capabilities;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint64_t bit = 1ULL << known[i].number;

		if ((needed & bit) == 0)
			continue;
		used += (size_t)snprintf(names + used, sizeof(names) - used, " %s", known[i].name);
		if ((bounding & bit) == 0)
			length += (size_t)snprintf(mend + length, sizeof(mend) - length,
						   " --cap-add %s", known[i].name);
	}
	if ((needed & ~bounding) == 0) {
		doctor_tell(doctor, &finding, "needed:%s", needed ? names : " none");
		return;
	}
	snprintf(mend + length, sizeof(mend) - length, " ...");
	finding.state = DOCTOR_FAIL;
	finding.mend = mend;
	doctor_tell(doctor, &finding, "needed:%s; not all of them can be had in here", names);
}

/* ---- Cpus and clock --------------------------------------------------------------------------- */

static void core_tell(struct doctor *doctor, unsigned lcore)
{
	struct doctor_finding finding = {.check = "cores"};
	char online[256], isolated[256], subject[32], mend[560];

	snprintf(subject, sizeof(subject), "lcore %u", lcore);
	finding.subject = subject;
	doctor_line(doctor, "/sys/devices/system/cpu/online", online, sizeof(online));
	doctor_line(doctor, "/sys/devices/system/cpu/isolated", isolated, sizeof(isolated));
	if (!doctor_in_list(online, lcore)) {
		finding.state = DOCTOR_WARN;
		snprintf(mend, sizeof(mend),
			 "sed -i 's/^workers:.*/workers: [%d]/' %.200s    # any of %s",
			 atoi(online), doctor->appliance->name, online);
		finding.mend = mend;
		doctor_tell(doctor, &finding, "there is no such cpu, so it shares those there are");
	} else if (!doctor_in_list(isolated, lcore)) {
		finding.state = DOCTOR_WARN;
		snprintf(mend, sizeof(mend),
			 "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=%u nohz_full=%u "
			 "rcu_nocbs=%u /' /etc/default/grub && update-grub && reboot",
			 lcore, lcore, lcore);
		finding.mend = mend;
		doctor_tell(doctor, &finding, "its cpu is not isolated: others run on it as well");
	} else {
		doctor_tell(doctor, &finding, "its cpu is isolated");
	}
}

void doctor_cores(struct doctor *doctor)
{
	for (size_t i = 0; doctor->appliance != NULL && i < doctor->appliance->worker_count; i++)
		core_tell(doctor, doctor->appliance->workers[i]);
}

void doctor_clock(struct doctor *doctor)
{
	const char *folder = "/sys/devices/system/clocksource/clocksource0";
	struct doctor_finding finding = {.check = "clock"};
	char path[128], current[64], available[256], mend[160];

	snprintf(path, sizeof(path), "%s/current_clocksource", folder);
	doctor_line(doctor, path, current, sizeof(current));
	if (strcmp(current, "tsc") == 0 || strcmp(current, "arch_sys_counter") == 0) {
		doctor_tell(doctor, &finding, "the kernel trusts the cpu's counter (%s)", current);
		return;
	}
	snprintf(path, sizeof(path), "%s/available_clocksource", folder);
	doctor_line(doctor, path, available, sizeof(available));
	finding.state = DOCTOR_WARN;
	if (strstr(available, "tsc") != NULL)
		snprintf(mend, sizeof(mend), "echo tsc > %s/current_clocksource", folder);
	else
		snprintf(mend, sizeof(mend), "dmesg | grep -i tsc    # why it is not trusted");
	finding.mend = mend;
	doctor_tell(
		doctor, &finding,
		"the kernel runs by '%s': the cpu's counter, by which flows age, may not be even",
		current);
}
