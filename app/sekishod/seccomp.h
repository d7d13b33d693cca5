/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seccomp.h: the system calls that the daemon may make once it serves.
 *
 * A call that is on the list is made; one that only an intruder would make, as to run another program,
 * ends the process; any other fails with EPERM, and the kernel notes it where it is told to
 * (kernel.seccomp.actions_logged). So a call that a new C library makes for an old purpose is an
 * error that is told, not an outage.
 */
#ifndef SEKISHOD_SECCOMP_H
#define SEKISHOD_SECCOMP_H

#include <stdbool.h>

/*
 * Confine all threads, for good. Needs no_new_privs. With `bpf` the calls that AF_XDP loads its program
 * with are allowed. 0, or -errno; -ENOSYS where the list does not know the machine.
 */
int seccomp_confine(bool bpf);

#endif
