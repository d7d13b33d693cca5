#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks a sekishod, which can open nothing any more, for what would need a file.

usage: no_descriptors.py SOCKET POLICY PID
"""
import os
import resource
import sys
import time

import daemon
from daemon import Client, check

path, pid = sys.argv[1], int(sys.argv[3])
with open(sys.argv[2]) as file:
    policy = file.read()


def message(answer):
    return ((answer or {}).get("error") or {}).get("message", "")


client = Client(path)
links = [edge["link"] for edge in client.call("status")["result"]["edges"]]
taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
lowest = next(number for number in range(4096) if number not in taken)
resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
for method, params in ("policy.commit", {"name": "policy.yaml", "text": policy}), ("state.save", {}):
    answer = client.call(method, **params)
    check(f"{method} without descriptors is refused, and why: {message(answer)}", "Too many open files" in message(answer),
          answer)
status = client.call("status")["result"]
check("the status says that flows cannot be saved", "Too many open files" in (status["flow_image"]["failure"] or ""),
      status["flow_image"])
time.sleep(2.5)  # the control thread looks at its ports once a second
check("the edges are there as before", [edge["link"] for edge in client.call("status")["result"]["edges"]] == links)
check("what is read answers", all("result" in client.call(method) for method in ("stats", "flows.list", "policy.get")))
sys.exit(daemon.failed > 0)
