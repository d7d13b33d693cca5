#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Questions and answers of protocols that prove themselves, through real sockets.

serve ADDRESS       answers the questions on the ports of DNS, NTP and WireGuard, until it is ended. Before each
                    right answer it sends a forged one and an initiation of its own, and after it one more
ask ADDRESS         asks each twice, from its own port; prints what came for each, a word a packet, and fails
                    unless that is the right answer alone
esp ADDRESS SPI...  one ESP packet of each SPI
"""
import selectors
import socket
import struct
import sys


def dns(flags, ident, name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", ident, flags, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def ntp(mode, origin, transmit):
    return bytes([4 << 3 | mode]) + bytes(23) + struct.pack(">QQQ", origin, 0, transmit)


def wireguard(kind, *indices):
    size = {1: 148, 2: 92}[kind]
    return (bytes([kind, 0, 0, 0]) + struct.pack("<%dI" % len(indices), *indices)).ljust(size, b"\7")


# Each protocol by its port: the port asked from (0 for any), the question in round n, and to a question the packets
# before and after the right answer, by their words.
def dns_replies(question):
    ident = struct.unpack(">H", question[:2])[0]
    return [("forged", dns(0x8180, ident ^ 1, "example.org")), ("initiation", dns(0x0100, ident, "example.org")),
            ("answer", dns(0x8180, ident, "example.org")), ("again", dns(0x8580, ident, "example.org"))]


def ntp_replies(question):
    sent = struct.unpack(">Q", question[40:48])[0]
    return [("forged", ntp(4, sent ^ 1, 1 << 40)), ("initiation", ntp(1, sent ^ 2, 2 << 40)),
            ("answer", ntp(4, sent, 3 << 40)), ("again", ntp(4, sent, 4 << 40))]


def wireguard_replies(question):
    sender = struct.unpack("<I", question[4:8])[0]
    return [("forged", wireguard(2, 5, sender ^ 0x80)), ("initiation", wireguard(1, 6)),
            ("answer", wireguard(2, 7, sender))]


PROTOCOLS = {
    53: (0, lambda n: dns(0x0100, 1000 + n, "example.org"), dns_replies),
    123: (123, lambda n: ntp(3, 0, 0x1234567800000000 + n), ntp_replies),
    51820: (51820, lambda n: wireguard(1, 0xC0FFEE00 + n), wireguard_replies),
}


def bound(address, port):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    return sock


def serve(address):
    selector = selectors.DefaultSelector()
    for port in PROTOCOLS:
        selector.register(bound(address, port), selectors.EVENT_READ, PROTOCOLS[port][2])
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            question, peer = key.fileobj.recvfrom(2048)
            for _, packet in key.data(question):
                key.fileobj.sendto(packet, peer)


def ask(address):
    wrong = 0
    for port, (source, question, replies) in PROTOCOLS.items():
        sock = bound("::" if ":" in address else "0.0.0.0", source)
        sock.connect((address, port))
        sock.settimeout(0.4)
        for n in range(2):
            words = {packet: word for word, packet in replies(question(n))}
            came = []
            sock.send(question(n))
            try:
                while True:
                    came.append(words.get(sock.recv(2048), "unknown"))
            except socket.timeout:
                pass
            print(port, *came)
            wrong += came != ["answer"]
        sock.close()
    return wrong != 0


def esp(address, spis):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
    for spi in spis:
        sock.sendto(struct.pack(">II", int(spi, 0), 1) + bytes(24), (address, 0))


if __name__ == "__main__":
    what, address, *rest = sys.argv[1:]
    if what == "serve":
        serve(address)
    elif what == "ask":
        sys.exit(ask(address))
    elif what == "esp":
        esp(address, rest)
