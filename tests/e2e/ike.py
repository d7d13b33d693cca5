#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""IKE initiations between the two hosts of two_hosts.sh. Run in the inside host's namespace.

  ike.py cross PEER-NAMESPACE [SECONDS]   an initiation out, then the peer's own in; exit 0 if that arrives in time
  ike.py fragments PEER-NAMESPACE         the peer's own, in two fragments, the last one first; exit 0 if both arrive
"""
import ctypes
import socket
import struct
import sys

HERE, PEER, PORT = "192.0.2.2", "192.0.2.1", 500
CLONE_NEWNET = 0x40000000
PATIENCE = 30  # seconds until what has not come counts as dropped


def initiation(spi, size=28):
    header = struct.pack("!8s8sBBBBII", spi, bytes(8), 33, 0x20, 34, 0x08, 0, size)
    return header + bytes(size - len(header))


def enter(path):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path) as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


def peer_sockets(namespace):
    """The peer's UDP socket and a raw one: a socket stays in the namespace where it was made."""
    with open("/proc/self/ns/net") as home:
        enter(f"/run/netns/{namespace}")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((PEER, PORT))
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        enter(f"/proc/self/fd/{home.fileno()}")
    return udp, raw


def fragment(ident, offset, more, data):
    flags = (0x2000 if more else 0) | offset // 8
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), ident, flags, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(PEER), socket.inet_aton(HERE)) + data


def main():
    what, namespace, *patience = sys.argv[1:]
    peer, raw = peer_sockets(namespace)
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind((HERE, PORT))
    here.settimeout(float(patience[0]) if patience else PATIENCE)
    peer.settimeout(PATIENCE)
    here.sendto(initiation(b"B" * 8), (PEER, PORT))
    peer.recv(2048)  # it has passed the filter, so what comes now comes later
    if what == "cross":
        sent = initiation(b"A" * 8)
        peer.sendto(sent, (HERE, PORT))
    else:
        sent = initiation(b"A" * 8, 1000)
        datagram = struct.pack("!HHHH", PORT, PORT, 8 + len(sent), 0) + sent
        raw.sendto(fragment(7, 512, False, datagram[512:]), (HERE, 0))
        raw.sendto(fragment(7, 0, True, datagram[:512]), (HERE, 0))
    try:
        if here.recv(2048) != sent:
            sys.exit("what has come is not what was sent")
    except socket.timeout:
        sys.exit("it has not arrived")


main()
