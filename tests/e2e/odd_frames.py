#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames as a wire may bring them, and what must become of each.

odd_frames.py send PORT     sends them all
odd_frames.py judge PCAP [LEAST]
                            those that must pass are in the recording, in order and the same to the byte; zeros may
                            fill up those of fewer than LEAST bytes, as NICs do
odd_frames.py reasons [LEAST]
                            a line for each that must not, and has LEAST bytes: the reason
"""
import socket
import struct
import sys

ETHERNET = bytes.fromhex("020000000001" "020000000002")
IPV4, ARP, VLAN = b"\x08\0", b"\x08\x06", b"\x81\0"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def datagram(size):
    udp = struct.pack("!HHHH", 40000, 9, 8 + size, 0) + bytes(size)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), size, 0x4000, 64, 17, 0,
                         socket.inet_aton("192.0.2.2"), socket.inet_aton("192.0.2.1"))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def tag(number, priority=0):
    return VLAN + struct.pack("!H", priority << 13 | number)


ARP_REQUEST = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + ETHERNET[6:] + \
    socket.inet_aton("192.0.2.2") + bytes(6) + socket.inet_aton("192.0.2.1")

# (frame after the link addresses, reason if it is dropped)
FRAMES = [
    (IPV4 + datagram(32), None),
    (IPV4 + datagram(1472), None),
    (IPV4 + datagram(4) + b"padding of the wire", None),
    (tag(5) + IPV4 + datagram(32), None),
    (tag(0, priority=5) + IPV4 + datagram(32), None),
    (tag(5) + IPV4 + datagram(1472), None),
    (tag(5) + tag(7) + IPV4 + datagram(32), None),
    (ARP + ARP_REQUEST, None),
    (ARP + ARP_REQUEST + bytes(18), None),
    (tag(5) + tag(6) + tag(7) + IPV4 + datagram(32), "vlan-depth"),
    (IPV4, "truncated"),
    (IPV4 + datagram(32)[:10], "truncated"),
    (IPV4 + datagram(32)[:40], "bad-ip-header"),
    (b"\0\x26\x42\x42\3" + bytes(35), "not-ip"),   # LLC, as of spanning tree
    (b"\x88\xcc" + bytes(50), "not-ip"),           # LLDP
    (b"\x88\x8e" + bytes(50), "not-ip"),           # EAPOL
    (b"\xff\xff" + bytes(1500), "not-ip"),
]


def send(port):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((port, 0))
    for frame, _ in FRAMES:
        wire.send(ETHERNET + frame)


def judge(path, least="0"):
    with open(path, "rb") as file:
        file.seek(24)
        came = []
        while header := file.read(16):
            came.append(file.read(struct.unpack("<IIII", header)[2]))
    must = [ETHERNET + frame for frame, reason in FRAMES if reason is None]
    came = [frame if len(frame) > int(least) or i >= len(must) or frame[len(must[i]):].strip(b"\0") else must[i]
            for i, frame in enumerate(came)]
    for i, (one, other) in enumerate(zip(must, came)):
        if one != other:
            print(f"frame {i}: {other[:40].hex()}, not {one[:40].hex()}")
    print(len(came), "came,", len(must), "must")
    return came != must


def reasons(least="0"):
    for frame, reason in FRAMES:
        if reason and len(ETHERNET + frame) >= int(least):
            print(reason)


sys.exit({"send": send, "judge": judge, "reasons": reasons}[sys.argv[1]](*sys.argv[2:]))
