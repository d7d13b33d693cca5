#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Explains every packet that sekishod did not forward.

usage: explain_drops.py PCAP IN IN-NEAR OUT OUT-NEAR

PCAP is a recording of what ports received (LINUX_SLL2); the numbers are the interfaces of sekishod's
ports, IN and OUT, and of the far ends of their wires, which receive what sekishod sends. So what came
at IN and did not come, the same to the byte, at OUT-NEAR was dropped; likewise the other direction.

A drop is in order only if the packet was TCP and nobody needed it, as told by what had come before:

- a copy that the wire made of one that was forwarded (what a host sends again differs);
- bytes that their receiver had acknowledged, late or sent again by a host that did not know yet;
- an acknowledgement without bytes that a later one had overtaken;
- of a connection that was reset then: a host that has gone so may send more than one, and not each is exact;
- an answer to a late copy of a SYN, at a server whose connection has ended: an ACK or, of what it takes
  for a second handshake, a SYN-ACK, and then what the client says to that.

All else is printed, and the exit code is 1. Not judged are connections that began before the recording,
and what came after sekishod had last sent something.
"""
import collections
import struct
import sys

FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP = 6
STAY = 10.0  # seconds that a packet may wait in sekishod's rings, on a machine with more to do


def at_or_before(a, b):
    return (b - a) & 0xffffffff < 1 << 31


class Packet:
    def __init__(self, time, port, ip):
        v4 = ip[0] >> 4 == 4
        at, total = ((ip[0] & 15) * 4, int.from_bytes(ip[2:4], "big")) if v4 else \
            (40, 40 + int.from_bytes(ip[4:6], "big"))
        self.time, self.port, self.ip = time, port, ip
        self.ends = (ip[12:16], ip[16:20]) if v4 else (ip[8:24], ip[24:40])
        self.tcp = ip[9 if v4 else 6] == TCP
        if self.tcp:
            source, destination, self.seq, self.ack, offset, self.flags = \
                struct.unpack_from("!HHIIBB", ip, at)
            self.ends = ((self.ends[0], source), (self.ends[1], destination))
            self.length = total - at - (offset >> 4) * 4
            self.end = (self.seq + self.length + bool(self.flags & (SYN | FIN))) & 0xffffffff

    def __str__(self):
        return f"{self.time:.6f} port {self.port} {self.ip[:60].hex()}"


class Connection:
    """What has come of one connection; sides are by the address of the sender."""

    def __init__(self, syn):
        self.seq = syn.seq
        self.acked = {}  # by the receiver: the highest sequence that it has acknowledged
        self.fins = {}   # by the sender: where it has ended
        self.reset = None       # when one was forwarded
        self.syn_again = False  # or an answer to it, once it had ended

    def follow(self, packet):
        sender, _ = packet.ends
        if packet.flags & RST:
            return
        if packet.flags & FIN:
            self.fins[sender] = packet.end
        if packet.flags & ACK and at_or_before(self.acked.get(sender, packet.ack), packet.ack):
            self.acked[sender] = packet.ack

    def has_ended(self):
        return len(self.fins) == 2 and all(
            other in self.acked and at_or_before(end, self.acked[other])
            for (_, end), other in zip(self.fins.items(), reversed(self.fins)))

    def needless(self, packet):
        """Why nobody needs this packet, or None."""
        sender, receiver = packet.ends
        if packet.flags & SYN and self.has_ended():
            self.syn_again = True
        if self.syn_again and not packet.flags & FIN and packet.length == 0:
            return "answers to a late SYN"
        if packet.end == packet.seq:
            overtaken = sender in self.acked and not at_or_before(self.acked[sender], packet.ack)
            return "acknowledgements overtaken" if overtaken and packet.flags & ACK else None
        known = receiver in self.acked and at_or_before(packet.end, self.acked[receiver])
        return "bytes acknowledged before" if known else None


class Judge:
    """Two queues: what has come and not yet left, and, since the kernel records ports on several cpus,
    what has left and not yet come. Both by where a packet leaves and its bytes, oldest first."""

    def __init__(self, left_at):
        self.left_at = left_at  # port: where its packets leave
        self.connections = {}
        self.came_only, self.left_only = {}, {}
        self.forwarded = collections.OrderedDict()  # of late: when
        self.last_left = 0.0
        self.tally = collections.Counter()

    def came(self, packet):
        key = (self.left_at[packet.port], packet.ip)
        opinion = self.follow(packet) if packet.tcp else (None, None)
        if not take(self.left_only, key):
            put(self.came_only, key, packet, *opinion)

    def left(self, packet):
        key = (packet.port, packet.ip)
        if not take(self.came_only, key):
            put(self.left_only, key, packet)
        self.tally["forwarded"] += 1
        self.last_left = max(self.last_left, packet.time)
        self.forwarded.pop(key, None)
        self.forwarded[key] = packet.time
        if packet.tcp and packet.flags & RST:
            connection = self.connections.get(frozenset(packet.ends))
            if connection:
                connection.reset = connection.reset or packet.time

    def follow(self, packet):
        """Its connection, and why nobody would need it, should it be dropped."""
        ends = frozenset(packet.ends)
        connection = self.connections.get(ends)
        if packet.flags & (SYN | ACK) == SYN and (not connection or connection.seq != packet.seq):
            self.connections[ends] = connection = Connection(packet)
            return connection, None
        if not connection:
            return None, "begun before the recording"
        why = connection.needless(packet)
        connection.follow(packet)
        return connection, why

    def time_is(self, now):
        for packet, connection, why in expired(self.came_only, now - STAY):
            self.dropped(packet, connection, why)
        for packet, in expired(self.left_only, now - STAY):
            self.tally["INVENTED"] += 1
            print("invented:", packet)
        while self.forwarded and next(iter(self.forwarded.values())) < now - 2 * STAY:
            self.forwarded.popitem(last=False)

    def dropped(self, packet, connection, why):
        if packet.time > self.last_left:
            why = "came after the end"
        elif packet.tcp and (self.left_at[packet.port], packet.ip) in self.forwarded:
            why = "copies"
        elif connection and connection.reset and connection.reset < packet.time + STAY:
            why = why or "around a reset"
        self.tally[f"dropped: {why}" if why else "UNEXPLAINED"] += 1
        if not why:
            print("unexplained drop:", packet)


def put(queue, key, *entry):
    queue.setdefault(key, collections.deque()).append(entry)


def take(queue, key):
    entries = queue.get(key)
    if not entries:
        return False
    entries.popleft()
    if not entries:
        del queue[key]
    return True


def expired(queue, time):
    while queue:
        key = next(iter(queue))
        if queue[key][0][0].time > time:
            return
        yield from queue.pop(key)


def read(path):
    with open(path, "rb") as file:
        file.seek(24)
        while header := file.read(16):
            seconds, microseconds, captured, _ = struct.unpack("<IIII", header)
            frame = file.read(captured)
            yield Packet(seconds + microseconds / 1e6, int.from_bytes(frame[4:8], "big"), frame[20:])


def main(path, inside, inside_near, outside, outside_near):
    judge = Judge({int(inside): int(outside_near), int(outside): int(inside_near)})
    for packet in read(path):
        judge.time_is(packet.time)
        if packet.port in judge.left_at:
            judge.came(packet)
        elif packet.port in judge.left_at.values():
            judge.left(packet)
    judge.time_is(float("inf"))
    tally = judge.tally
    print(", ".join(f"{count} {what}" for what, count in sorted(tally.items())))
    return 1 if tally["UNEXPLAINED"] or tally["INVENTED"] or not tally["forwarded"] else 0


sys.exit(main(*sys.argv[1:]))
