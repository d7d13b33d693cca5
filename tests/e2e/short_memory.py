#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks sekishod each thing while its control thread has no memory, at each allocation in turn.

usage: short_memory.py SOCKET WORDS POLICY
WORDS is the file of short_memory.c. Each method is asked once to see how many allocations it takes; then again and
again while the first, the second, ... of them fails, and then all from it on. It answers, or says why not, or
closes the connection; and answers rightly as soon as there is memory again.
"""
import mmap
import struct
import sys
import time

from daemon import Client, check

EACH = 100  # allocations of a method that fail one by one; past these every 13th


class Memory:
    def __init__(self, path):
        with open(path, "r+b") as file:
            self.words = mmap.mmap(file.fileno(), 24)

    def set(self, fail, forever=False):
        self.words[0:24] = struct.pack("=QQQ", 0, fail, forever)

    def made(self):
        return struct.unpack("=Q", self.words[0:8])[0]


def ask(path, method, params):
    """One question on a connection of its own; None if it was closed."""
    try:
        client = Client(path)
        try:
            return client.call(method, **params) if client.hello else None
        finally:
            client.socket.close()
    except (ConnectionError, BrokenPipeError):
        return None


path, memory = sys.argv[1], Memory(sys.argv[2])
with open(sys.argv[3]) as file:
    policy = file.read()
frame = ("020000000001020000000002" "0800" "4500001c000000004011f6ce" "c0000202" "c0000201" "01f401f400080000")
questions = [
    ("rpc.discover", {}), ("status", {}), ("stats", {}), ("drops.list", {}), ("shadow.get", {}),
    ("flows.list", {"why": True}), ("flows.list", {"sort": "bytes", "filter": "proto udp"}), ("holes.list", {}),
    ("flows.kill", {"filter": "port 9"}), ("rules.list", {}), ("explain", {"frame": frame}),
    ("policy.get", {}), ("policy.history", {}), ("state.save", {}), ("events.start", {"count": 1, "for_ms": 1}),
    ("trace.start", {"count": 1, "for_ms": 1}), ("policy.stage", {"offset": 0, "text": policy}),
    ("policy.commit", {"name": "policy.yaml", "text": policy}), ("policy.rollback", {}),
    ("policy.confirm", {}), ("none", {}),
]
for method, params in questions:
    memory.set(0)
    good = ask(path, method, params)
    count, answers, closed, failed = memory.made(), 0, 0, 0
    steps = [k for k in range(1, count + 1) if k <= EACH or k % 13 == 0]
    for forever in (False, True):
        for k in steps[::3] if forever else steps:
            memory.set(k, forever)
            answer = ask(path, method, params)
            memory.set(0)
            answers += "result" in (answer or {})
            failed += "error" in (answer or {})
            closed += answer is None
    for _ in range(50):  # what clients that have gone have left behind is cleared away
        again = ask(path, method, params)
        if again is not None and ("result" in again) == ("result" in good):
            break
        time.sleep(0.1)
    check(f"{method}: {len(steps)} of {count} allocations: {answers} answered, {failed} refused, {closed} closed",
          again is not None and ("result" in again) == ("result" in good), again)
