#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Answers a passing TCP segment with a "packet too big" as a router would, or as nobody would.

usage: forge_icmp.py PORT SOURCE MTU [PORTS-SHIFT [SEQUENCE-SHIFT]]

Waits at PORT for an acknowledgement without data, whose sequence is the next that its sender will use, and
tells that sender from SOURCE that the segment was longer than MTU. The shifts are added to the source
port and to the sequence that are quoted.
"""
import socket
import struct
import sys

ETHERNET = 14
TCP, ICMP, ICMPV6 = 6, 1, 58
ACK = 0x10


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def is_acknowledgement(frame, family):
    ip = frame[ETHERNET:]
    if family == socket.AF_INET:
        if frame[12:14] != b"\x08\x00" or ip[9] != TCP:
            return False
        at, end = (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)[0]
    else:
        if frame[12:14] != b"\x86\xdd" or ip[6] != TCP:
            return False
        at, end = 40, 40 + struct.unpack_from("!H", ip, 4)[0]
    return ip[at + 13] == ACK and at + (ip[at + 12] >> 4) * 4 == end


def quote(ip, at, ports_shift, sequence_shift):
    source, = struct.unpack_from("!H", ip, at)
    sequence, = struct.unpack_from("!I", ip, at + 4)
    return (ip[:at] + struct.pack("!H", (source + ports_shift) & 0xffff) + ip[at + 2:at + 4] +
            struct.pack("!I", (sequence + sequence_shift) & 0xffffffff) + ip[at + 8:at + 20])


def too_big_v4(ip, source, mtu, shifts):
    body = struct.pack("!I", mtu) + quote(ip, (ip[0] & 15) * 4, *shifts)
    error = b"\3\4" + struct.pack("!H", checksum(b"\3\4\0\0" + body)) + body
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(error), 0, 0, 64, ICMP, 0) + source + ip[12:16]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + error


def too_big_v6(ip, source, mtu, shifts):
    body = struct.pack("!I", mtu) + quote(ip, 40, *shifts)
    pseudo = source + ip[8:24] + struct.pack("!II", 4 + len(body), ICMPV6)
    error = b"\2\0" + struct.pack("!H", checksum(pseudo + b"\2\0\0\0" + body)) + body
    return struct.pack("!IHBB", 6 << 28, len(error), ICMPV6, 64) + source + ip[8:24] + error


def main(port, source, mtu, *shifts):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    shifts = (list(map(int, shifts)) + [0, 0])[:2]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((port, 0))
    wire.settimeout(10)
    while True:
        frame, address = wire.recvfrom(65536)
        if address[2] != socket.PACKET_OUTGOING and is_acknowledgement(frame, family):
            break
    make = too_big_v6 if family == socket.AF_INET6 else too_big_v4
    wire.send(frame[6:12] + frame[0:6] + frame[12:14] +
              make(frame[ETHERNET:], socket.inet_pton(family, source), int(mtu), shifts))


main(*sys.argv[1:])
