#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A sekishod with very many flows: million_client.py write FILE FLOWS, million_client.py ask SOCKET FLOWS QUESTIONS.

`write` makes a capture of the packets that open the flows: TCP that is under way, which lives long under aws-like. `ask`
has packets of these flows explained, there and back, and packets of none, and prints how long that took. It fails if an
answer is wrong or the median is not below 10 ms.
"""
import json
import random
import socket
import struct
import sys
import time

MOST_MS = 10
SLOW = -32003  # the worker does not answer: the machine has no time for it
PORTS = 40000  # of the inside host, to each host outside


def folded(total):
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def segment(source, source_port, destination, destination_port):
    """A frame with an ACK; addresses as numbers. Its own check is 0, as aws-like does not ask for it."""
    head = folded(0x4500 + 40 + 0x4000 + 0x4006 + (source >> 16) + (source & 0xffff) + (destination >> 16) +
                  (destination & 0xffff))
    return (bytes(12) + b"\x08\x00" +
            struct.pack(">BBHHHBBHII", 0x45, 0, 40, 0, 0x4000, 64, 6, head, source, destination) +
            struct.pack(">HHIIBBHHH", source_port, destination_port, 1, 1, 0x50, 0x10, 1000, 0, 0))


INSIDE = 10 << 24 | 1


def ends(flow):
    """The inside's address and port, and the outside's."""
    return (INSIDE, 20000 + flow % PORTS), ((198 << 24 | 51 << 16 | 100 << 8 | 1) + flow // PORTS, 443)


def write(path, flows):
    with open(path, "wb") as to:
        to.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for flow in range(flows):
            inside, outside = ends(flow)
            to.write(struct.pack("<IIII", 0, 0, 54, 54) + segment(*inside, *outside))
    return 0


class Daemon:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.lines = self.socket.makefile()
        self.lines.readline()  # hello

    def ask(self, method, **params):
        """The result, None if the worker was not heard of; and how many milliseconds it took."""
        began = time.monotonic()
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.lines.readline())
        if answer.get("error", {}).get("code", SLOW) != SLOW:
            sys.exit(f"{method} {params}: {answer}")
        return answer.get("result"), 1000 * (time.monotonic() - began)


def ask(path, flows, questions):
    daemon = Daemon(path)
    chance = random.Random(1)
    times, wrong = [], 0
    for i in range(questions):
        inside, outside = ends(chance.randrange(flows))
        frame, expected = ((segment(*outside, *inside), "flow-answer"), (segment(*inside, *outside), "flow-originator"),
                           (segment(outside[0], 80, *inside), "no-rule"))[i % 3]
        said, took = daemon.ask("explain", frame=frame.hex())
        times.append(took)
        wrong += said is not None and said["reason"] != expected
    times.sort()
    median, late = times[len(times) // 2], times[len(times) * 99 // 100]
    live = daemon.ask("stats")[0]["flows"]["now"]
    print(f"{questions} explained among {live} flows: median {median:.2f} ms, 99 % {late:.2f} ms, worst "
          f"{times[-1]:.2f} ms; {wrong} wrong")
    return 0 if wrong == 0 and median < MOST_MS else 1


if __name__ == "__main__":
    sys.exit(write(sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "write" else
             ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
