/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seccomp.c: the list, and its translation for the kernel: each call of it is a comparison, in the order
 * below; the kernel keeps the answers of those that are always allowed, so the length costs nothing.
 */
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE    AUDIT_ARCH_X86_64
#define NUMBER_MAX 0x3fffffffu /* above are those of x32 */
#elif defined(__aarch64__)
#define MACHINE    AUDIT_ARCH_AARCH64
#define NUMBER_MAX 0xffffffffu
#else
#define MACHINE    0 /* not known */
#define NUMBER_MAX 0xffffffffu
#endif

/* clang-format off */
static const unsigned allowed[] = {
	/* what is open */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev,
	SYS_lseek, SYS_close, SYS_close_range, SYS_dup, SYS_dup3, SYS_fcntl, SYS_flock, SYS_ioctl,
	SYS_pipe2, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_ftruncate, SYS_fallocate,
	SYS_fadvise64, SYS_copy_file_range, SYS_sendfile, SYS_syncfs,
	/* files */
	SYS_openat, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_faccessat,
	SYS_faccessat2, SYS_readlinkat, SYS_getdents64, SYS_getcwd, SYS_unlinkat, SYS_renameat,
	SYS_renameat2, SYS_mkdirat, SYS_linkat, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat,
	SYS_umask, SYS_utimensat,
	/* sockets */
	SYS_socket, SYS_socketpair, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_connect,
	SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_sendto,
	SYS_sendmsg, SYS_sendmmsg, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg,
	/* waiting */
	SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2,
	SYS_eventfd2, SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,
	SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch, SYS_nanosleep,
	SYS_clock_nanosleep,
	/* memory */
	SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_mincore, SYS_msync, SYS_mlock,
	SYS_mlock2, SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_brk, SYS_memfd_create, SYS_mbind,
	SYS_get_mempolicy, SYS_set_mempolicy, SYS_membarrier,
	/* threads and signals */
	SYS_clone, SYS_clone3, SYS_futex, SYS_set_robust_list, SYS_get_robust_list, SYS_set_tid_address,
	SYS_rseq, SYS_exit, SYS_exit_group, SYS_gettid, SYS_getpid, SYS_getppid, SYS_tgkill, SYS_tkill,
	SYS_kill, SYS_sched_yield, SYS_sched_setaffinity, SYS_sched_getaffinity, SYS_sched_getparam,
	SYS_sched_setparam, SYS_sched_getscheduler, SYS_sched_setscheduler, SYS_sched_get_priority_max,
	SYS_sched_get_priority_min, SYS_getpriority, SYS_setpriority, SYS_prctl, SYS_getcpu,
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait,
	SYS_rt_sigsuspend, SYS_sigaltstack, SYS_restart_syscall,
	/* time, and who and where we are */
	SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_times, SYS_timer_create,
	SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete, SYS_getuid,
	SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_capget,
	SYS_capset, SYS_uname, SYS_sysinfo, SYS_getrusage, SYS_prlimit64, SYS_getrandom,
#ifdef SYS_open /* machines that have the first forms of calls too */
	SYS_open, SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_getdents, SYS_unlink,
	SYS_rename, SYS_mkdir, SYS_rmdir, SYS_link, SYS_chmod, SYS_chown, SYS_dup2, SYS_pipe, SYS_poll,
	SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd, SYS_signalfd, SYS_inotify_init,
	SYS_time, SYS_getrlimit, SYS_setrlimit,
#endif
#ifdef SYS_arch_prctl
	SYS_arch_prctl,
#endif
#ifdef __SANITIZE_ADDRESS__ /* it looks at the process as it ends */
	SYS_ptrace, SYS_wait4, SYS_process_vm_readv,
#endif
};

static const unsigned fatal[] = {
	SYS_execve, SYS_execveat, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare,
	SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_reboot, SYS_process_vm_writev,
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct program {
	struct sock_filter code[2 * (COUNT(allowed) + COUNT(fatal)) + 16];
	unsigned short length;
};

static void add(struct program *program, struct sock_filter instruction)
{
	program->code[program->length++] = instruction;
}

/* If the call's number is this one, answer so. */
static void add_answer(struct program *program, unsigned number, unsigned answer)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer));
}

int seccomp_confine(bool bpf)
{
	struct program program = {.length = 0};
	struct sock_fprog list;
	long rc;

	if (MACHINE == 0)
		return -ENOSYS;
	add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, arch)));
	add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0));
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr)));
	add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NUMBER_MAX, 0, 1));
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	for (size_t i = 0; i < COUNT(allowed); i++)
		add_answer(&program, allowed[i], SECCOMP_RET_ALLOW);
	if (bpf)
		add_answer(&program, SYS_bpf, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < COUNT(fatal); i++)
		add_answer(&program, fatal[i], SECCOMP_RET_KILL_PROCESS);
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	list = (struct sock_fprog){.len = program.length, .filter = program.code};
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG, &list);
	if (rc > 0) /* a thread that has a filter of its own */
		return -ESRCH;
	return rc < 0 ? -errno : 0;
}
