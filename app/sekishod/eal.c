/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal.c: from the appliance file to EAL's command line.
 *
 * The control thread gets an lcore id of its own, the lowest that no worker has, and floats over all
 * cpus of the process. A worker's lcore is pinned to the cpu of the same number where the process may
 * use it, else it floats too; so an appliance file for four cores still starts on two.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "daemon.h"

#define EAL_ARGUMENTS_MAX 512
#define MBUF_BYTES        512 /* one mbuf without its data room, and the pool's own */
#define EAL_RULES_MB 2048
#define EAL_SPARE_MB      256  /* classifiers, rings, drivers */

struct eal_arguments {
	char *argv[EAL_ARGUMENTS_MAX + 1];
	char *words[EAL_ARGUMENTS_MAX]; /* the same; EAL reorders argv and loses one */
	int argc;
};

static void arguments_add(struct eal_arguments *arguments, const char *word)
{
	if (arguments->argc == EAL_ARGUMENTS_MAX)
		return;
	arguments->words[arguments->argc] = strdup(word);
	arguments->argv[arguments->argc] = arguments->words[arguments->argc];
	arguments->argc++;
}

/* Free memory in hugepages of all sizes, in MiB. */
static uint64_t hugepages_free_mb(void)
{
	const char *base = "/sys/kernel/mm/hugepages";
	DIR *directory = opendir(base);
	struct dirent *entry;
	uint64_t total = 0;

	if (directory == NULL)
		return 0;
	while ((entry = readdir(directory)) != NULL) {
		unsigned long kilobytes, pages = 0;
		char path[PATH_MAX];
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kilobytes) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", base, entry->d_name);
		file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fscanf(file, "%lu", &pages) == 1)
			total += (uint64_t)pages * kilobytes / 1024;
		fclose(file);
	}
	closedir(directory);
	return total;
}

static void add_memory(struct daemon *daemon, struct eal_arguments *arguments)
{
	const struct config_appliance *appliance = daemon->appliance;
	uint64_t mbufs = port_mbufs(appliance, daemon->worker_count);
	uint64_t mbuf_bytes = MBUF_BYTES + daemon->frame_room;
	uint64_t pool_mb = mbufs * mbuf_bytes / (1 << 20) + EAL_SPARE_MB;
	/* A flow takes at most 128 bytes and its share of the buckets. */
	uint64_t engines = appliance->shadow != NULL ? 2 : 1;
	uint64_t all_mb = pool_mb + engines * appliance->flows * 256 / (1 << 20);
	char number[32];

	daemon->hugepages = appliance->hugepages == CONFIG_HUGEPAGES_YES;
	if (appliance->hugepages == CONFIG_HUGEPAGES_AUTO)
		daemon->hugepages = hugepages_free_mb() >= all_mb;
	if (daemon->hugepages) {
		arguments_add(arguments, "--in-memory");
		return;
	}
	/*
	 * Without hugepages EAL's heap cannot grow, so engines use the C library's; but compiled rules
	 * of an old and a new policy must find room in it. What is not used is not taken from the
	 * system. --in-memory is refused with --no-huge; --no-shconf alone then leaves no files behind.
	 */
	arguments_add(arguments, "--no-huge");
	arguments_add(arguments, "--no-shconf");
	arguments_add(arguments, "-m");
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)(pool_mb + EAL_RULES_MB));
	arguments_add(arguments, number);
}

static unsigned add_lcores(struct daemon *daemon, struct eal_arguments *arguments)
{
	const struct config_appliance *appliance = daemon->appliance;
	char all[4 * CPU_SETSIZE] = "", text[16384], number[16];
	unsigned main_lcore = 0, cpus = 0;
	size_t length = 0, used;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned cpu = 0; cpu < RTE_MAX_LCORE; cpu++)
		if (CPU_ISSET(cpu, &set))
			length += (size_t)snprintf(all + length, sizeof(all) - length, "%s%u",
						   cpus++ == 0 ? "" : ",", cpu);
	for (unsigned i = 0; i < appliance->worker_count; i++)
		if (appliance->workers[i] == main_lcore) {
			main_lcore++;
			i = UINT_MAX; /* look at all again */
		}
	used = (size_t)snprintf(text, sizeof(text), "%u@(%s)", main_lcore, all);
	for (unsigned i = 0; i < daemon->worker_count && used < sizeof(text); i++) {
		unsigned lcore = appliance->workers[i];

		if (CPU_ISSET(lcore, &set))
			snprintf(number, sizeof(number), "%u", lcore);
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",%u@(%s)", lcore,
					 CPU_ISSET(lcore, &set) ? number : all);
	}
	daemon->shared_cpus = cpus < daemon->worker_count + 1;
	arguments_add(arguments, "--lcores");
	arguments_add(arguments, text);
	arguments_add(arguments, "--main-lcore");
	snprintf(number, sizeof(number), "%u", main_lcore);
	arguments_add(arguments, number);
	return main_lcore;
}

/*
 * AF_PACKET's ring would cut what is longer than its frames, so these fit the MTU; and it has as many queues as it
 * is told to have.
 */
char *eal_virtual(const struct daemon *daemon, const char *device)
{
	static const char driver[] = "net_af_packet";
	char fitted[64] = "", queues[32] = "", *whole;
	unsigned room = daemon->frame_room;

	if (strncmp(device, driver, sizeof(driver) - 1) != 0)
		return strdup(device);
	if (room != RTE_MBUF_DEFAULT_DATAROOM && !strstr(device, "framesz=") &&
	    !strstr(device, "blocksz="))
		snprintf(fitted, sizeof(fitted), ",blocksz=%u,framesz=%u", 4 * room, room);
	if (steer_queues(daemon) > 1 && !strstr(device, "qpairs="))
		snprintf(queues, sizeof(queues), ",qpairs=%u", steer_queues(daemon));
	return asprintf(&whole, "%s%s%s", device, fitted, queues) < 0 ? NULL : whole;
}

static void add_virtual(const struct daemon *daemon, struct eal_arguments *arguments,
			const char *device)
{
	char *whole = eal_virtual(daemon, device);

	arguments_add(arguments, "--vdev");
	arguments_add(arguments, whole != NULL ? whole : device);
	free(whole);
}

static void add_devices(struct daemon *daemon, struct eal_arguments *arguments)
{
	const struct config_appliance *appliance = daemon->appliance;
	bool pci = false;

	for (size_t i = 0; i < appliance->edge_count; i++)
		for (unsigned side = 0; side < 2; side++) {
			const char *device = appliance->edges[i].device[side];

			if (!port_is_pci(device)) {
				add_virtual(daemon, arguments, device);
				continue;
			}
			arguments_add(arguments, "-a");
			arguments_add(arguments, device);
			pci = true;
		}
	if (!pci)
		arguments_add(arguments, "--no-pci");
}

int eal_start(struct daemon *daemon, const char *program, char *message)
{
	static const char *const levels[] = {"error", "warning", "notice", "info"};
	const struct config_appliance *appliance = daemon->appliance;
	/* EAL keeps pointers into the words, so they live as long as the process. */
	static struct eal_arguments arguments;
	char level[32];

	for (size_t i = 0; i < appliance->worker_count; i++)
		if (appliance->workers[i] >= RTE_MAX_LCORE - 1) {
			snprintf(message, DAEMON_MESSAGE_MAX, "worker %u: lcores are 0 to %u",
				 appliance->workers[i], RTE_MAX_LCORE - 2);
			return -EINVAL;
		}
	daemon->frame_room = port_frame_room(appliance);
	arguments_add(&arguments, program);
	if (!appliance->dpdk_telemetry)
		arguments_add(&arguments, "--no-telemetry");
	snprintf(level, sizeof(level), "--log-level=%s", levels[appliance->log_level]);
	arguments_add(&arguments, level);
	add_lcores(daemon, &arguments);
	add_memory(daemon, &arguments);
	add_devices(daemon, &arguments);
	for (size_t i = 0; i < appliance->eal_argument_count; i++)
		arguments_add(&arguments, appliance->eal_arguments[i]);
	if (rte_eal_init(arguments.argc, arguments.argv) < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "DPDK did not start: %s",
			 rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}
