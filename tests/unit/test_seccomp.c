/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process may still do that has confined its system calls: each case in a child of its own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "seccomp.h"

#define REFUSED 100 /* exit code: the call failed with EPERM */

/* Run one call in a confined child; its exit status as of waitpid(). */
static int confined(long (*call)(void))
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		long rc;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		rc = seccomp_confine(false);
		if (rc == -ENOSYS || rc == -EINVAL)
			_exit(77);
		if (rc < 0)
			_exit(1);
		_exit(call() < 0 ? (errno == EPERM ? REFUSED : 2) : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	return status;
}

static long call_open(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static long call_acct(void)
{
	return syscall(SYS_acct, NULL);
}

static long call_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long call_execve(void)
{
	char *const words[] = {"/bin/true", NULL};

	return execve(words[0], words, NULL);
}

static long call_unshare(void)
{
	return syscall(SYS_unshare, 0);
}

static void what_it_needs_is_made(void **state)
{
	int status = confined(call_open);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void what_is_on_no_list_fails(void **state)
{
	long (*const calls[])(void) = {call_acct, call_bpf};

	for (unsigned i = 0; i < 2; i++) {
		int status = confined(calls[i]);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), REFUSED);
	}
}

static void what_only_an_intruder_wants_is_fatal(void **state)
{
	long (*const calls[])(void) = {call_execve, call_unshare};

	for (unsigned i = 0; i < 2; i++) {
		int status = confined(calls[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_needs_is_made),
		cmocka_unit_test(what_is_on_no_list_fails),
		cmocka_unit_test(what_only_an_intruder_wants_is_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
