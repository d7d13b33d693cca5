/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_start.c: the daemon is started and stopped again and again, while the first, the second, the third ... thing
 * that it asks for on its way is not to be had: memory, a file, a thread, a ring, a queue of a port. Each time it
 * either says why it does not start, or does, judges, and stops with each packet accounted for; nothing is left over.
 *
 * The linker has what the daemon's own objects call go through here (-Wl,--wrap), so sanitizers may be there too,
 * and tell what was not freed. EAL is started once; what it would do at each start and end, as far as
 * the next start depends on it, is done here. Threads that the daemon starts are left in peace.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_acl.h>
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "wrapped.h"

struct rte_eth_conf;
struct rte_eth_rxconf;
struct rte_eth_txconf;
struct rte_ring;

/* ---- what is not to be had -------------------------------------------------------------------- */

static struct {
	unsigned long made; /* or tried */
	unsigned long fail; /* the one that fails; 0: none */
	bool forever;       /* and all after it */
	const char *failed; /* the first that did */
} wanted;

static _Thread_local bool counts;

static bool fails(const char *what)
{
	if (!counts)
		return false;
	wanted.made++;
	if (wanted.fail == 0 || wanted.made < wanted.fail ||
	    (wanted.made > wanted.fail && !wanted.forever))
		return false;
	if (wanted.failed == NULL)
		wanted.failed = what;
	return true;
}

#define X(type, failure, error, name, parameters, arguments) \
	type __real_##name parameters;                       \
	type __wrap_##name parameters;                       \
	type __wrap_##name parameters                        \
	{                                                    \
		if (!fails(#name))                           \
			return __real_##name arguments;      \
		errno = rte_errno = error;                   \
		return failure;                              \
	}
WRAPPED(X)
#undef X

/* Those with any number of arguments. */
int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = __wrap_vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}

#define OPENING(name, parameters, arguments)                        \
	int __real_##name parameters;                               \
	int __wrap_##name parameters;                               \
	int __wrap_##name parameters                                \
	{                                                           \
		va_list more;                                       \
		mode_t mode;                                        \
                                                                    \
		va_start(more, flags);                              \
		mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;  \
		va_end(more);                                       \
		errno = EMFILE;                                     \
		return fails(#name) ? -1 : __real_##name arguments; \
	}
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

/* ---- EAL, which is there already -------------------------------------------------------------- */

/* Bytes of DPDK's heap: the driver keeps a packet for each queue, and forgets it; and what may become of gaps. */
#define NULL_FORGETS 4096

static const char *const devices[] = {"net_null0", "net_null1"};

int __real_rte_eal_init(int count, char **words);
int __wrap_rte_eal_init(int count, char **words);
int __wrap_rte_eal_init(int count, char **words)
{
	static bool is_there;
	bool counted = counts;

	counts = false;
	if (!is_there && __real_rte_eal_init(count, words) < 0)
		abort();
	for (unsigned i = 0; is_there && i < 2; i++)
		if (rte_vdev_init(devices[i], "") < 0)
			abort();
	is_there = true;
	counts = counted;
	return count;
}

int __wrap_rte_eal_cleanup(void);
int __wrap_rte_eal_cleanup(void)
{
	for (unsigned i = 0; i < 2; i++)
		rte_vdev_uninit(devices[i]);
	rte_mempool_free(rte_mempool_lookup("frames"));
	return 0;
}

/* ---- one start and one end -------------------------------------------------------------------- */

int sekishod_main(int count, char **words);

static char folder[] = "/tmp/sekisho-start-XXXXXX";

static void file_write(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static size_t heap_of_dpdk(void)
{
	struct rte_malloc_socket_stats stats;
	size_t bytes = 0;

	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	return bytes;
}

/* Start the daemon with the signal to stop pending; its exit code, and what it said. */
static int start(char *said, size_t size)
{
	char config[256], log[256], *words[] = {(char[]){"sekishod"}, (char[]){"-c"}, config, NULL};
	const struct timespec now = {0};
	sigset_t stop;
	ssize_t length;
	int fd, kept, code;

	snprintf(config, sizeof(config), "%s/sekisho.yaml", folder);
	snprintf(log, sizeof(log), "%s/log", folder);
	kept = dup(STDERR_FILENO);
	fd = open(log, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (kept < 0 || fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		abort();
	kill(getpid(), SIGTERM);
	optind = 1;
	counts = true;
	code = sekishod_main(3, words);
	counts = false;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigtimedwait(&stop, NULL, &now); /* if it did not get so far */
	length = pread(fd, said, size - 1, 0);
	said[length < 0 ? 0 : length] = '\0';
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(fd);
	return code;
}

static bool is_good(int code, const char *said)
{
	if (strstr(said, "BROKEN") != NULL)
		return false;
	return code == EXIT_SUCCESS ? strstr(said, ": holds") != NULL
				    : strstr(said, "error") != NULL;
}

/*
 * All starts, each with another failure. Returns how many did not run. What is left in DPDK's heap is held against the
 * most that was there so far: with some versions a start that fails early leaves less than one that runs.
 */
static unsigned try_all(bool forever, unsigned long step)
{
	static char said[65536];
	size_t most = heap_of_dpdk();
	unsigned refused = 0, tried = 0;

	for (unsigned long fail = 1;; fail += step) {
		size_t left;
		int code;

		wanted.made = 0;
		wanted.fail = fail;
		wanted.forever = forever;
		wanted.failed = NULL;
		code = start(said, sizeof(said));
		if (wanted.failed == NULL)
			break;
		tried++;
		refused += code != EXIT_SUCCESS;
		left = heap_of_dpdk();
		if (is_good(code, said) && left <= most + NULL_FORGETS) {
			most = left > most ? left : most;
			continue;
		}
		fprintf(stderr, "%lu, %s%s: exit %d, %zu bytes, at most %zu, said:\n%s\n", fail,
			wanted.failed, forever ? " and all after it" : "", code, left,
			most + NULL_FORGETS, said);
		exit(EXIT_FAILURE);
	}
	printf("%u starts%s, %u refused\n", tried, forever ? ", all after it failing as well" : "",
	       refused);
	return refused;
}

static void files_make(void)
{
	char text[1024];

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(text, sizeof(text),
		 "version: 1\npolicy: policy.yaml\nshadow: policy.yaml\nedges:\n"
		 "  - {name: e, inside: {device: net_null0}, outside: {device: net_null1}}\n"
		 "workers: [1, 2]\nmemory: {flows: 1024, hugepages: no}\nstate: %s/state\n"
		 "control: {socket: %s/s.sock, readonly_socket: %s/ro.sock}\n"
		 "metrics: {socket: %s/m.sock}\nprivileges: {seccomp: false}\naudit: %s/audit\n"
		 "records: {flow_log: {file: %s/flows}, events: {file: %s/events}}\n",
		 folder, folder, folder, folder, folder, folder, folder);
	file_write("sekisho.yaml", text);
	file_write("policy.yaml",
		   "version: 1\nsemantics: strict\nendpoints:\n"
		   "  - {name: h, addresses: [192.0.2.2], groups: [g]}\ngroups:\n  - name: g\n"
		   "    egress:\n      - {id: out, protocol: udp, to: [198.51.100.0/24]}\n");
}

static void files_remove(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		abort();
}

int main(int count, char **words)
{
	unsigned long step = count > 1 ? strtoul(words[1], NULL, 10) : 1;
	static char said[65536];
	unsigned refused;
	sigset_t stop;

	/* before EAL makes threads, or one of them would take it */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	files_make();
	for (unsigned i = 0; i < 2;
	     i++) /* what is taken once in the life of the process is taken */
		if (start(said, sizeof(said)) != EXIT_SUCCESS || !is_good(EXIT_SUCCESS, said)) {
			fprintf(stderr, "it does not start at all: %s\n", said);
			return EXIT_FAILURE;
		}
	printf("%lu things are asked for\n", wanted.made);
	refused = try_all(false, step) + try_all(true, 16 * step);
	files_remove();
	return refused > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
