#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes memory short for a running sekishod, by the words of short_memory.c.

short_memory.py ask SOCKET WORDS POLICY    asks each thing while the control thread has no memory, at each allocation in
                                           turn: once to see how many allocations it takes; then again and again while
                                           the first, the second, ... of them fails, and then all from it on. It answers,
                                           or says why not, or closes the connection; and answers rightly as soon as
                                           there is memory again.
short_memory.py work SOCKET WORDS POLICY   the same for what other threads do: jobs, and telling those who watch, while
                                           packets go by
short_memory.py frames WORDS yes|no        from now on there are frames to receive in, or none
"""
import mmap
import struct
import sys
import time

import daemon
from daemon import Client, check

EACH = 100  # allocations of a method that fail one by one; past these every 13th
WORDS = struct.Struct("=6Q")
CONTROL_THREAD, OTHERS = 0, 1


class Memory:
    def __init__(self, path, whose=CONTROL_THREAD):
        with open(path, "r+b") as file:
            self.words = mmap.mmap(file.fileno(), WORDS.size)
        self.whose = whose

    def set(self, fail, forever=False):
        self.words[0:32] = struct.pack("=4Q", 0, fail, forever, self.whose)

    def frames(self, there):
        self.words[32:40] = struct.pack("=Q", not there)

    def made(self):
        return WORDS.unpack(self.words[:WORDS.size])[0]


def ask(path, method, params):
    """One question on a connection of its own; None if it was closed."""
    try:
        client = Client(path)
        try:
            return client.call(method, **params) if client.hello else None
        finally:
            client.close()
    except (ConnectionError, BrokenPipeError):
        return None


def steps(count):
    """(k, whether all after it fail as well) of the allocations that are to fail."""
    each = [k for k in range(1, count + 1) if k <= EACH or k % 13 == 0]
    return [(k, False) for k in each] + [(k, True) for k in each[::3]]


def try_method(path, memory, method, params):
    """Ask with each failure; then it must answer as it did at first."""
    memory.set(0)
    good = ask(path, method, params)
    count, answers, closed, failed = memory.made(), 0, 0, 0
    for k, forever in steps(count):
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
    check(f"{method}: {count} allocations: {answers} answered, {failed} refused, {closed} closed",
          again is not None and ("result" in again) == ("result" in good), again)
    return count, failed


def watch(path, memory, method, params, k, forever):
    """Watch while memory is short; the answer, how many allocations were made, and the last line."""
    client = Client(path)
    client.send(method, **params)
    answer = client.line()
    memory.set(k, forever)
    for _ in range(500):
        if memory.made() >= max(k, 1) + 3 * forever:
            break
        time.sleep(0.01)
    made = memory.made()
    memory.set(0)
    while (event := client.line()) is not None:
        if event.get("params", {}).get("event") == "done":
            break
    client.close()
    return answer, made, (event or {}).get("params")


def try_watch(path, memory, method, params):
    """Nothing is told half, and each watch hears of its end, and of what it has lost."""
    told = lost = 0
    for k, forever in [(0, False)] + [(k, forever) for forever in (False, True) for k in range(1, 21)]:
        answer, made, done = watch(path, memory, method, params, k, forever)
        if "result" not in answer or made == 0 or done is None:
            check(f"{method}: the {k}th allocation fails", False, (answer, made, done))
            return
        told, lost = told + done["told"], lost + done["lost"]
    check(f"{method}: {told} events told, {lost} lost without memory", told > 0 and lost > 0)


def control_thread(path, memory, policy):
    frame = ("020000000001020000000002" "0800" "4500001c000000004011f6ce" "c0000202" "c0000201" "01f401f400080000")
    for method, params in [
            ("rpc.discover", {}), ("status", {}), ("stats", {}), ("drops.list", {}), ("shadow.get", {}),
            ("flows.list", {"why": True}), ("flows.list", {"sort": "bytes", "filter": "proto udp"}),
            ("holes.list", {}), ("flows.kill", {"filter": "port 9"}), ("rules.list", {}), ("explain", {"frame": frame}),
            ("policy.get", {}), ("policy.history", {}), ("state.save", {}),
            ("events.start", {"count": 1, "for_ms": 1}), ("trace.start", {"count": 1, "for_ms": 1}),
            ("policy.stage", {"offset": 0, "text": policy}), ("policy.commit", {"name": "policy.yaml", "text": policy}),
            ("policy.rollback", {}), ("policy.confirm", {}), ("none", {})]:
        try_method(path, memory, method, params)


def others(path, memory, policy):
    for method, params in [("policy.commit", {"name": "policy.yaml", "text": policy}),
                           ("shadow.set", {"name": "policy.yaml", "text": policy}), ("state.save", {})]:
        count, failed = try_method(path, memory, method, params)
        check(f"{method}: another thread works for it, and what that lacks is said", (count == 0) == (failed == 0))
    for method, params in ("trace.start", {}), ("trace.start", {"frame_bytes": 128}), ("events.start", {}):
        try_watch(path, memory, method, {"count": 2, **params})


what, arguments = sys.argv[1], sys.argv[2:]
if what == "frames":
    Memory(arguments[0]).frames(arguments[1] == "yes")
    sys.exit()
with open(arguments[2]) as file:
    text = file.read()
if what == "ask":
    control_thread(arguments[0], Memory(arguments[1]), text)
else:
    others(arguments[0], Memory(arguments[1], OTHERS), text)
sys.exit(daemon.failed > 0)
