#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Explains every packet that sekishod did not forward.

usage: explain_drops.py PCAP IN IN-NEAR OUT OUT-NEAR

PCAP is a recording of what ports received (LINUX_SLL2); the numbers are the interfaces of sekishod's
ports, IN and OUT, and of the far ends of their wires, which receive what sekishod sends. So what came
at IN and did not come, the same to the byte, at OUT-NEAR was dropped; likewise the other direction.

A drop is in order only if the packet was TCP and nobody needed it, as told by what was forwarded before:

- a copy that the wire made of one forwarded before (what a host sends again differs);
- bytes that their receiver had acknowledged, late or sent again by a host that did not know yet;
- an acknowledgement without bytes that a later one had overtaken;
- of a connection that was reset;
- of a second handshake, which a late copy of a SYN begins at a server whose connection has ended:
  its SYN-ACK, and then what the client says to that.

All else is printed, and the exit code is 1. Connections that began before the recording are not judged.
"""
import collections
import struct
import sys

FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP = 6
COPY_AGE = 2.0  # seconds within which a copy comes
STAY = 1.0      # seconds that a packet may stay in sekishod


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
    """What has been forwarded of one connection; sides are by the address of the sender."""

    def __init__(self, syn):
        self.seq = syn.seq
        self.acked = {}      # by the receiver: the highest sequence that it has acknowledged
        self.fins = {}       # by the sender: where it has ended
        self.reset = None    # when
        self.second = False  # a second handshake has begun

    def forwarded(self, packet):
        sender, _ = packet.ends
        if packet.flags & RST:
            self.reset = self.reset or packet.time
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
        if packet.flags & SYN and packet.flags & ACK and self.has_ended():
            self.second = True
        if self.second and not packet.flags & FIN and packet.length == 0:
            return "second handshakes"
        if packet.end == packet.seq:
            overtaken = sender in self.acked and not at_or_before(self.acked[sender], packet.ack)
            return "acknowledgements overtaken" if overtaken and packet.flags & ACK else None
        known = receiver in self.acked and at_or_before(packet.end, self.acked[receiver])
        return "bytes acknowledged before" if known else None


class Judge:
    def __init__(self, left_at):
        self.left_at = left_at  # port: where its packets leave
        self.connections = {}
        self.waiting = {}       # what has come and may yet leave, oldest first
        self.copies = collections.OrderedDict()
        self.tally = collections.Counter()

    def came(self, packet):
        key = (self.left_at[packet.port], packet.ip)
        connection = why = None
        if packet.tcp:
            connection = self.connections.get(frozenset(packet.ends))
            if connection:
                why = connection.needless(packet)
            elif packet.flags & (SYN | ACK) != SYN:
                why = "begun before the recording"
            if key in self.copies:
                why = "copies"
        self.waiting.setdefault(key, collections.deque()).append((packet, connection, why))

    def left(self, packet):
        key = (packet.port, packet.ip)
        if key not in self.waiting:
            self.tally["INVENTED"] += 1
            return
        self.waiting[key].popleft()
        if not self.waiting[key]:
            del self.waiting[key]
        self.tally["forwarded"] += 1
        if packet.tcp:
            self.copies.pop(key, None)
            self.copies[key] = packet.time
            self.follow(packet)

    def follow(self, packet):
        ends = frozenset(packet.ends)
        connection = self.connections.get(ends)
        if packet.flags & (SYN | ACK) == SYN and (not connection or connection.seq != packet.seq):
            connection = self.connections[ends] = Connection(packet)
        if connection:
            connection.forwarded(packet)

    def time_is(self, now):
        while self.waiting:
            key = next(iter(self.waiting))
            packet, connection, why = self.waiting[key][0]
            if packet.time > now - STAY:
                break
            for packet, connection, why in self.waiting.pop(key):
                self.dropped(packet, connection, why)
        while self.copies and next(iter(self.copies.values())) < now - COPY_AGE:
            self.copies.popitem(last=False)

    def dropped(self, packet, connection, why):
        # a reset that came later may have been judged first: it came at the other port
        if connection and connection.reset and connection.reset < packet.time + STAY:
            why = why or "after a reset"
        self.tally[f"dropped: {why}" if why else "UNEXPLAINED"] += 1
        if not why:
            print("unexplained drop:", packet)


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
