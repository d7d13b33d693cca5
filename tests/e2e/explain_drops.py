#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Explains every packet that sekishod did not forward.

usage: explain_drops.py PCAP IN IN-NEAR OUT OUT-NEAR

PCAP is a recording of what ports received (LINUX_SLL2); the numbers are the interfaces of sekishod's
ports, IN and OUT, and of the far ends of their wires, which receive what sekishod sends. So what came
at IN and not at OUT-NEAR was dropped, and likewise for the other direction; the same means to the byte.

The drop of a packet that a host really sent is in order only in TCP, and there if it was the wire's copy of
one forwarded before (what a host sends again has another IP id or timestamp), or if a reset of its
connection was forwarded. All else is printed, and the exit code is 1.
"""
import collections
import struct
import sys

RST = 4
TCP = 6
WAITS = 0.1  # seconds a packet may wait in a port's queue, so that those of the other port go first


class Packet:
    def __init__(self, time, port, ip):
        v4 = ip[0] >> 4 == 4
        at = (ip[0] & 15) * 4 if v4 else 40
        self.time, self.port, self.bytes = time, port, ip
        self.ends = (ip[12:16], ip[16:20]) if v4 else (ip[8:24], ip[24:40])
        self.tcp = ip[at:] if ip[9 if v4 else 6] == TCP else b""

    def connection(self):
        return frozenset(zip(self.ends, (self.tcp[0:2], self.tcp[2:4])))

    def resets(self):
        return self.tcp and self.tcp[13] & RST

    def __str__(self):
        source, destination = (end.hex() for end in self.ends)
        return f"{self.time:.6f} port {self.port} {source} > {destination} {self.bytes[:60].hex()}"


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        seconds, microseconds, captured, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        yield Packet(seconds + microseconds / 1e6, struct.unpack_from("!I", frame, 4)[0], frame[20:])


def main(path, inside, inside_near, outside, outside_near):
    left_at = {int(inside): int(outside_near), int(outside): int(inside_near)}
    came, gone = [], collections.Counter()
    resets = collections.defaultdict(list)
    for packet in read(path):
        if packet.port in left_at:
            came.append(packet)
        elif packet.port in left_at.values():
            gone[packet.port, packet.bytes] += 1
            if packet.resets():
                resets[packet.connection()].append(packet.time)
    forwarded = set()
    tally = collections.Counter()
    for packet in came:
        sent = (left_at[packet.port], packet.bytes)
        if gone[sent] > 0:
            gone[sent] -= 1
            forwarded.add(sent)
            tally["forwarded"] += 1
        elif packet.tcp and sent in forwarded:
            tally["dropped copies"] += 1
        elif packet.tcp and any(time < packet.time + WAITS for time in resets[packet.connection()]):
            tally["dropped after a reset"] += 1
        else:
            tally["UNEXPLAINED"] += 1
            print("unexplained drop:", packet)
    tally["INVENTED"] = gone.total()
    print(", ".join(f"{count} {what}" for what, count in tally.items()))
    return 1 if tally["UNEXPLAINED"] or tally["INVENTED"] or not tally["forwarded"] else 0


sys.exit(main(*sys.argv[1:]))
