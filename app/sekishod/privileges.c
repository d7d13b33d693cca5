/* SPDX-License-Identifier: BSD-3-Clause */
/* privileges.c: users and capabilities, by the kernel's own calls. */
#include "privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "seccomp.h"

#define BIT(capability) (1ULL << (capability))
#define THREAD_WAIT_MS  30000 /* on a machine where others have the cpus */

/* Opening files, devices and memory for EAL and its drivers. */
#define STARTING                                                                               \
	(BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN) | BIT(CAP_IPC_LOCK) | BIT(CAP_BPF) |            \
	 BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_NICE) | \
	 BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_CHOWN))

/* What making a port again needs, by the beginning of its device's name. PCI devices: see needed(). */
static const struct {
	const char *driver;
	uint64_t capabilities;
} drivers[] = {
	{"net_af_packet", BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN)},
	{"net_af_xdp", BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN) | BIT(CAP_BPF) | BIT(CAP_IPC_LOCK)},
	{"net_pcap", BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN)},
	{"net_tap", BIT(CAP_NET_ADMIN)},
	{"net_virtio_user", BIT(CAP_NET_ADMIN)},
};

/* ---- One thread's capabilities ----------------------------------------------------------------- */

/* Give up all but `mask` in the calling thread. Only system calls, so a signal handler may. */
static int capabilities_limit(uint64_t mask)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(mask >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* What the calling thread may do now. */
static uint64_t capabilities_read(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

void privileges_none(void)
{
	capabilities_limit(0);
}

/* ---- Before everything ------------------------------------------------------------------------ */

/* Be another user, with its groups, and keep the capabilities. */
static int become(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return -ENOENT;
	if (geteuid() == user->pw_uid)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return -errno;
	return 0;
}

/* AF_PACKET locks its rings: a limit that is raised now is one capability less to keep for making them again. */
static void unlimit_locking(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &none); /* if not, needed() sees it */
}

static bool locking_is_limited(void)
{
	struct rlimit memory;

	return getrlimit(RLIMIT_MEMLOCK, &memory) < 0 || memory.rlim_cur != RLIM_INFINITY;
}

int privileges_begin(const struct config_appliance *appliance, char *message)
{
	int rc = 0;

	if (appliance->user != NULL) {
		rc = become(appliance->user);
		if (rc < 0)
			snprintf(message, DAEMON_MESSAGE_MAX, "user '%s': %s", appliance->user,
				 rc == -ENOENT ? "there is no such" : strerror(-rc));
	}
	if (rc == 0) {
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
		rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno
								: capabilities_limit(STARTING);
		if (rc < 0)
			snprintf(message, DAEMON_MESSAGE_MAX, "privileges cannot be given up: %s",
				 strerror(-rc));
		unlimit_locking();
	}
	return rc;
}

/* ---- When all is there ------------------------------------------------------------------------ */

static uint64_t needed(const struct config_appliance *appliance)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < appliance->edge_count; i++)
		for (unsigned side = 0; side < 2; side++) {
			const char *device = appliance->edges[i].device[side];

			if (port_is_pci(device)) /* memory that a device reaches is locked */
				mask |= BIT(CAP_IPC_LOCK);
			for (size_t d = 0; d < sizeof(drivers) / sizeof(drivers[0]); d++)
				if (strncmp(device, drivers[d].driver, strlen(drivers[d].driver)) ==
				    0)
					mask |= drivers[d].capabilities;
		}
	if ((mask & BIT(CAP_NET_RAW)) && locking_is_limited())
		mask |= BIT(CAP_IPC_LOCK);
	return mask;
}

static uint64_t limit;
static _Atomic unsigned limited;

static void limit_on_signal(int number)
{
	int kept = errno;

	if (capabilities_limit(limit) == 0)
		atomic_fetch_add(&limited, 1);
	errno = kept;
}

/* Wait until `count` threads have done it. */
static int limited_wait(unsigned count)
{
	uint64_t until = clock_ms() + THREAD_WAIT_MS;

	while (atomic_load(&limited) < count) {
		const struct timespec pause = {.tv_nsec = 1000000};

		if (clock_ms() > until)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Have every thread of the process give up all but `mask`. */
static int all_threads_limit(uint64_t mask)
{
	struct sigaction action = {.sa_handler = limit_on_signal, .sa_flags = SA_RESTART};
	DIR *directory = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned asked = 0;
	int rc;

	if (directory == NULL)
		return -errno;
	limit = mask;
	atomic_store(&limited, 0);
	sigaction(SIGRTMIN, &action, NULL);
	while ((entry = readdir(directory)) != NULL) {
		pid_t thread = (pid_t)atoi(entry->d_name);

		if (thread > 0 && thread != gettid() && tgkill(getpid(), thread, SIGRTMIN) == 0)
			asked++;
	}
	closedir(directory);
	rc = limited_wait(asked);
	signal(SIGRTMIN, SIG_IGN); /* one that comes late must not end us */
	return rc < 0 ? rc : capabilities_limit(mask);
}

int privileges_settle(const struct daemon *daemon, char *message)
{
	const struct config_appliance *appliance = daemon->appliance;
	uint64_t mask = needed(appliance);
	int rc = all_threads_limit(mask), confined = -ECANCELED;

	if (rc < 0) {
		snprintf(message, DAEMON_MESSAGE_MAX, "privileges cannot be given up: %s",
			 strerror(-rc));
		return rc;
	}
	if (daemon->state.directory >= 0 &&
	    faccessat(daemon->state.directory, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		rc = -errno;
		if (rc == -EACCES)
			snprintf(message, DAEMON_MESSAGE_MAX,
				 "state directory %s: user %u may not write in it; give it to that "
				 "user",
				 daemon->state.path, (unsigned)geteuid());
		else
			snprintf(message, DAEMON_MESSAGE_MAX,
				 "state directory %s: nothing can be kept in it: %s",
				 daemon->state.path, strerror(-rc));
		return rc;
	}
	if (appliance->seccomp)
		confined = seccomp_confine((mask & BIT(CAP_BPF)) != 0);
	if (appliance->seccomp && confined < 0)
		log_warning("system calls are not confined: %s",
			    confined == -ENOSYS ? "not on this kind of machine"
						: strerror(-confined));
	log_info("user %u, capabilities 0x%llx, system calls %s", (unsigned)geteuid(),
		 (unsigned long long)capabilities_read(), confined == 0 ? "by list" : "not confined");
	return 0;
}
