#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Commits hostile policies to a running sekishod: each is refused with its errors, the policy stays as it
was, and the daemon does not grow. usage: hostile_commits.py ADMIN_SOCKET PID"""
import sys

import hostile_policies
from daemon import Client

GROWTH = 128  # MiB, of memory that the allocator keeps


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))


def texts():
    """What can be told in JSON. Of long ones the beginning and the end are as bad as the whole."""
    for name, make in hostile_policies.REFUSED.items():
        whole = make()
        if name in ("64 MiB", "a byte order mark") or not whole.isascii() or b"\0" in whole:
            continue
        text = whole.decode()
        if len(text) > 12 << 20:
            text = text[:1 << 20] + text[-1000:]
        yield name, text


def main():
    client, pid, wrong = Client(sys.argv[1]), sys.argv[2], 0
    text, before, generation = client.text(), resident(pid), client.call("status")["result"]["generation"]
    for name, hostile in texts():
        client.stage(hostile)
        answer = client.call("policy.commit", name="hostile.yaml")
        error = answer.get("error", {})
        good = error.get("code") == -32002 and "error: " in error["data"]["errors"]
        if not good:
            wrong += 1
            print(f"BAD  {name}: {str(answer)[:200]}")
    good = client.text() == text and client.call("status")["result"]["generation"] == generation
    after = resident(pid)
    print(f"{'ok  ' if good else 'BAD '} the policy is what it was")
    print(f"{'ok  ' if after - before < GROWTH else 'BAD '} from {before} to {after} MiB")
    sys.exit(wrong != 0 or not good or after - before >= GROWTH)


main()
