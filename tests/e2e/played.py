# SPDX-License-Identifier: BSD-3-Clause
"""A sekishod whose two ports play captures, and the packets for them. For tests to import."""
import socket
import struct

from daemon import Daemon

INSIDE = "198.51.100.2"
PEER = "198.51.100.1"

# An initiation, and the founding case's policy with either semantics.
IKE = bytes([9] * 8) + bytes(8) + bytes([33, 0x20, 34, 8]) + bytes(4) + (28).to_bytes(4, "big")

FOUNDING = """version: 1
semantics: %s
endpoints:
  - {name: gateway-b, addresses: [198.51.100.2/32], groups: [vpn]}
groups:
  - name: vpn
    ingress:
      - {id: esp-in, protocol: esp, from: [198.51.100.1/32]}
    egress:
      - {id: all-out, protocol: all, to: [0.0.0.0/0, "::/0"]}
"""


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(source, destination, protocol, payload):
    """An Ethernet frame with an IPv4 packet."""
    def header(value):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, value,
                           socket.inet_aton(source), socket.inet_aton(destination))
    return bytes(12) + b"\x08\x00" + header(checksum(header(0))) + payload


def udp(source, sport, destination, dport, data=b"data"):
    return frame(source, destination, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data)


def tcp(source, sport, destination, dport, flags, sequence=1, acknowledged=0):
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", 6, 20)

    def header(value):
        return struct.pack("!HHIIBBHHH", sport, dport, sequence, acknowledged, 0x50, flags, 65535, value, 0)
    return frame(source, destination, 6, header(checksum(pseudo + header(0))))


def echo(source, destination, kind, identifier):
    body = struct.pack("!BBHHH", kind, 0, 0, identifier, 1)
    return frame(source, destination, 1, struct.pack("!BBHHH", kind, 0, checksum(body), identifier, 1))


def capture(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for data in frames:
            file.write(struct.pack("=IIII", 0, 0, len(data), len(data)) + data)


class Played(Daemon):
    """One edge, "lan": frames from the inside, and from the outside, each in turn up to 32 of them."""

    def __init__(self, build, work, policy, egress, ingress=(), flows=65536, more=""):
        super().__init__(build, work, policy)
        capture(f"{work}/in.pcap", egress)
        capture(f"{work}/out.pcap", ingress)
        with open(f"{work}/sekisho.yaml", "w") as file:
            file.write(f"""version: 1
policy: policy.yaml
edges:
  - name: lan
    inside: {{device: "net_pcap0,rx_pcap={work}/in.pcap,tx_pcap={work}/in-sent.pcap"}}
    outside: {{device: "net_pcap1,rx_pcap={work}/out.pcap,tx_pcap={work}/out-sent.pcap"}}
workers: [1]
memory: {{flows: {flows}, hugepages: no}}
control: {{socket: {self.socket_path}, readonly_socket: {work}/ro.sock}}
audit: {work}/audit
{more}
""")
