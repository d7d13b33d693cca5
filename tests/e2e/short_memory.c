/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * short_memory.c: makes allocations of a process fail, on the word of another. Preloaded into sekishod by
 * test_faults.sh. SHORT_MEMORY names a file of 64-bit numbers, which is mapped; see struct words.
 *
 * Counted are those of the process's first thread, sekishod's control thread, or those of all others: jobs, and
 * the thread that tells those who watch; workers allocate nothing. DPDK's own heap, of which compiled rules take,
 * counts as well. Frames come from a pool without caches, so that the lack of them is sudden and whole.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

enum { OF_FIRST_THREAD, OF_OTHERS };

struct words {
	_Atomic uint64_t made;    /* allocations since its owner last wrote 0 here */
	_Atomic uint64_t fail;    /* which of them fails; 0: none */
	_Atomic uint64_t forever; /* 1: and all after it */
	_Atomic uint64_t whose;
	_Atomic uint64_t no_frames; /* 1: the pool of frames has none to give */
	_Atomic uint64_t frames_refused;
};

static struct words *words;
static _Thread_local bool is_first;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SHORT_MEMORY");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped = MAP_FAILED;

	if (fd >= 0) {
		mapped = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (mapped != MAP_FAILED)
		words = mapped;
	is_first = true;
}

/* Whether this allocation is one that is to fail. */
static bool fails(void)
{
	uint64_t made, fail;

	if (words == NULL || is_first != (atomic_load(&words->whose) == OF_FIRST_THREAD))
		return false;
	made = atomic_fetch_add(&words->made, 1) + 1;
	fail = atomic_load(&words->fail);
	if (fail == 0 || made < fail || (made > fail && atomic_load(&words->forever) == 0))
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- the C library's heap --------------------------------------------------------------------- */

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return fails() ? NULL : __libc_realloc(memory, size);
}

/* ---- DPDK's ----------------------------------------------------------------------------------- */

typedef void *socket_malloc(const char *type, size_t size, unsigned align, int socket);

/* The function of this name behind ours. */
static socket_malloc *behind(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	socket_malloc *function;

	memcpy(&function, &found, sizeof(function));
	return function;
}

void *rte_malloc_socket(const char *type, size_t size, unsigned align, int socket)
{
	return fails() ? NULL : behind(__func__)(type, size, align, socket);
}

void *rte_zmalloc_socket(const char *type, size_t size, unsigned align, int socket)
{
	return fails() ? NULL : behind(__func__)(type, size, align, socket);
}

/* ---- frames ----------------------------------------------------------------------------------- */

static const char handler[RTE_MEMPOOL_OPS_NAMESIZE] = "short";
static rte_mempool_dequeue_t plain_dequeue;

static int short_dequeue(struct rte_mempool *pool, void **objects, unsigned count)
{
	if (words == NULL || atomic_load(&words->no_frames) == 0)
		return plain_dequeue(pool, objects, count);
	atomic_fetch_add(&words->frames_refused, count);
	return -ENOBUFS;
}

/* The pool that was asked for, by a handler which is the usual one but for what it refuses. */
struct rte_mempool *rte_pktmbuf_pool_create(const char *name, unsigned count, unsigned cache,
					    uint16_t private_size, uint16_t room, int socket)
{
	(void)cache;
	for (uint32_t i = 0; i < rte_mempool_ops_table.num_ops; i++) {
		struct rte_mempool_ops ops = rte_mempool_ops_table.ops[i];

		if (strcmp(ops.name, "ring_mp_mc") != 0)
			continue;
		plain_dequeue = ops.dequeue;
		ops.dequeue = short_dequeue;
		memcpy(ops.name, handler, sizeof(ops.name));
		rte_mempool_register_ops(&ops);
		break;
	}
	return rte_pktmbuf_pool_create_by_ops(name, count, 0, private_size, room, socket, handler);
}
