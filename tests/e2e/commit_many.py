#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Commits again and again, and watches the daemon's memory. usage: commit_many.py SOCKET SMALL COUNT POLICY...

First SMALL fills the history, which is bounded; then each POLICY is committed once, so that all rules have
their names. From there on COUNT commits, of the policies in turn, must leave memory as it was.
"""
import sys
import time

import daemon
from daemon import Client, check

HISTORY = 140  # more than it keeps
HEAP_SLACK = 512 << 10  # what the C library keeps at hand for each thread counts as in use
RESIDENT_SLACK = 16 << 20  # less than two policies


def read(path):
    with open(path) as file:
        return path, file.read()


def commit(client, name, text):
    client.stage(text)
    answer = client.call("policy.commit", name=name)
    assert "result" in answer, answer
    return answer["result"]["generation"]


def memory(client):
    """What is in use once the retired policies are freed: when it stays the same for a while."""
    last, same = None, 0
    while same < 5:
        time.sleep(0.1)
        now = client.call("status")["result"]["memory"]
        same = same + 1 if last == (now["heap"], now["dpdk"]) else 0
        last = now["heap"], now["dpdk"]
    return now


client = Client(sys.argv[1], 120)
small, count, policies = read(sys.argv[2]), int(sys.argv[3]), [read(path) for path in sys.argv[4:]]
for _ in range(HISTORY):
    commit(client, *small)
for policy in policies + policies[:1]:
    commit(client, *policy)
before, start = memory(client), time.monotonic()
for i in range(count):
    generation = commit(client, *policies[(i + 1) % len(policies)])
took = time.monotonic() - start
while (i + 1) % len(policies) != 0:  # end with the policy that memory was measured with
    i += 1
    commit(client, *policies[(i + 1) % len(policies)])
after = memory(client)
print(f"{count} commits in {took:.1f} s, up to generation {generation}; in bytes before {before}, after {after}")
check("the heap in use is what it was", abs(after["heap"] - before["heap"]) <= HEAP_SLACK)
check("so is DPDK's", after["dpdk"] == before["dpdk"])
check("and what is in memory", after["resident"] - before["resident"] <= RESIDENT_SLACK)
sys.exit(1 if daemon.failed else 0)
