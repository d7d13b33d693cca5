/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * short_memory.c: makes allocations of a process fail, on the word of another. Preloaded into sekishod by
 * test_faults.sh. SHORT_MEMORY names a file of three 64-bit numbers, which is mapped: how many allocations
 * were made since the file's owner last wrote 0 there; which of them fails, 0 for none; and whether all
 * after it fail as well. Only those of the process's first thread are counted, for sekishod's control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

struct words {
	_Atomic uint64_t made, fail, forever;
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

	if (words == NULL || !is_first)
		return false;
	made = atomic_fetch_add(&words->made, 1) + 1;
	fail = atomic_load(&words->fail);
	if (fail == 0 || made < fail || (made > fail && atomic_load(&words->forever) == 0))
		return false;
	errno = ENOMEM;
	return true;
}

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
