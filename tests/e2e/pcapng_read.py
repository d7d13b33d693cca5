#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A small reader of pcapng, strict about its blocks: one JSON object a packet, with its interface and comment."""
import json
import struct
import sys


def options(data):
    at, found = 0, {}
    while True:
        code, length = struct.unpack_from("=HH", data, at)
        if code == 0:
            assert length == 0 and at + 4 == len(data), "an end that is none"
            return found
        found[code] = data[at + 4:at + 4 + length].decode()
        at += 4 + (length + 3) // 4 * 4


def blocks(data):
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        assert length % 4 == 0 and length >= 12, "a block's length"
        assert struct.unpack_from("=I", data, at + length - 4)[0] == length, "a block's second length"
        yield kind, data[at + 8:at + length - 4]
        at += length
    assert at == len(data), "a block that is cut"


def main():
    interfaces = []
    for number, (kind, body) in enumerate(blocks(open(sys.argv[1], "rb").read())):
        if number == 0:
            assert kind == 0x0A0D0D0A and body[:8] == struct.pack("=IHH", 0x1A2B3C4D, 1, 0), "a section's header"
            options(body[16:])
        elif kind == 1:
            assert struct.unpack_from("=H", body)[0] == 1, "Ethernet"
            interfaces.append(options(body[8:])[2])
        else:
            assert kind == 6, f"a block of type {kind}"
            interface, high, low, captured, length = struct.unpack_from("=IIIII", body)
            frame = body[20:20 + captured]
            comment = options(body[20 + (captured + 3) // 4 * 4:])[1]
            print(json.dumps({"interface": interfaces[interface], "time": (high << 32 | low) / 1e6,
                              "length": length, "frame": frame.hex(), "comment": comment}))


main()
