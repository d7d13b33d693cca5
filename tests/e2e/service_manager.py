#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a service manager hears, and how a thread is held, for test_service.sh.

    service_manager.py listen SOCKET   prints each line that is sent to the socket
    service_manager.py hold THREAD     stops one thread of another process, prints "held"; lets it go on SIGTERM
"""
import ctypes
import os
import signal
import socket
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000  # threads too


def listen(path):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    os.chmod(path, 0o666)
    while True:
        print(manager.recv(4096).decode(), flush=True)


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) < 0:
        error = ctypes.get_errno()
        print(f"thread {thread} cannot be held: {os.strerror(error)}", flush=True)
        sys.exit(77)


def hold(thread):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WAIT_ALL)
    print("held", flush=True)
    signal.sigwait({signal.SIGTERM})
    ptrace(PTRACE_DETACH, thread)


if sys.argv[1] == "listen":
    listen(sys.argv[2])
else:
    hold(int(sys.argv[2]))
