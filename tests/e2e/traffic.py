#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Traffic of real kernels, and a check that it arrives whole.

serve PORT                            answers all that follows, by TCP and UDP, until it is ended
talk HOST PORT COUNT SIZE [AT_ONCE [WAYS [FIRST]]]
                                      COUNT connections of SIZE bytes there and back, which take the WAYS in turn
                                      ("esr" if not told), each from a port of its own from FIRST on, if told
send HOST PORT BYTES                  one connection, one way; the far end's digest must be ours
hold HOST PORT COUNT [SIZE]           COUNT connections, each with a byte there and back every second, or SIZE bytes
                                      as fast as they go, until it is ended; then tells how many still live
datagrams HOST PORT SIZE...           a datagram of each size there and back
number HOST PORT COUNT RATE           COUNT flows of numbered datagrams, RATE of them in a second, there and back,
                                      until it is ended; then tells how many were sent and how many came back
probe HOST PORT SIZE                  datagrams of SIZE until the path refuses them, then one that fits

`send` and `probe` print the path's MTU as their kernel has learnt it.

A TCP client first says in nine bytes what it wants: a letter, and the number of bytes that follow.
  e  echo, then the client closes first       r  echo, then the client resets
  s  echo, then the server closes first       d  digest of the bytes, not the bytes
"""
import asyncio
import errno
import hashlib
import random
import signal
import socket
import struct
import sys

HEADER = struct.Struct("!cQ")
CHUNK = 1 << 18
PATIENCE = 120  # seconds; a lossy wire may cost a connection several retransmissions, each twice as late
IP_MTU_DISCOVER, IP_MTU = 10, 14  # of Linux; the socket module does not name them
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24
PMTUDISC_DO = 2
SO_RCVBUFFORCE = 33
RECEIVE_ROOM = 1 << 24  # bytes; what a process that sleeps for a second must not lose


async def serve_one(reader, writer):
    try:
        while True:
            way, length = HEADER.unpack(await reader.readexactly(HEADER.size))
            if way == b"d":
                digest = hashlib.sha1()
                while length > 0:
                    data = await reader.readexactly(min(length, CHUNK))
                    digest.update(data)
                    length -= len(data)
                writer.write(digest.digest())
            else:
                writer.write(await reader.readexactly(length))
            await writer.drain()
            if way == b"s":
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


async def serve(port):
    both = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_ROOM)
    both.bind(("::", int(port)))
    await asyncio.get_running_loop().create_datagram_endpoint(Echo, sock=both)
    server = await asyncio.start_server(serve_one, None, int(port), backlog=4096, limit=CHUNK * 4)
    await server.serve_forever()


async def talk_one(address, way, data, local):
    reader, writer = await asyncio.open_connection(*address, local_addr=local)
    try:
        writer.write(HEADER.pack(way, len(data)) + data)
        if await reader.readexactly(len(data)) != data:
            raise ValueError("other bytes came back")
        if way == b"s" and await reader.read(1):
            raise ValueError("bytes came after the last")
        if way == b"r":
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    finally:
        writer.close()
        await writer.wait_closed()


async def talk(host, port, count, size, at_once="1", ways="esr", first=None):
    turns = iter(range(int(count)))

    async def worker():
        for turn in turns:
            way = ways[turn % len(ways)].encode()
            local = ("::" if ":" in host else "0.0.0.0", int(first) + turn) if first else None
            await asyncio.wait_for(
                talk_one((host, int(port)), way, random.randbytes(int(size)), local), PATIENCE)

    await asyncio.gather(*(worker() for _ in range(int(at_once))))


async def send(host, port, size):
    reader, writer = await asyncio.open_connection(host, int(port))
    left, digest = int(size), hashlib.sha1()
    block = random.randbytes(CHUNK)
    writer.write(HEADER.pack(b"d", left))
    while left > 0:
        data = block[:left]
        digest.update(data)
        writer.write(data)
        await writer.drain()
        left -= len(data)
    answer = await reader.readexactly(digest.digest_size)
    print("mtu", path_mtu(writer.get_extra_info("socket")))
    writer.close()
    if answer != digest.digest():
        raise ValueError("other bytes arrived")


async def hold_one(reader, writer, ended, size):
    while not ended.is_set():
        data = random.randbytes(size or 1)
        writer.write(HEADER.pack(b"e", len(data)) + data)
        if await asyncio.wait_for(reader.readexactly(len(data)), PATIENCE) != data:
            raise ValueError("other bytes came back")
        if size == 0:
            await asyncio.sleep(1)
    writer.close()


async def hold(host, port, count, size="0"):
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    open_ones = [await asyncio.open_connection(host, int(port)) for _ in range(int(count))]
    print("all are open", flush=True)
    results = await asyncio.gather(*(hold_one(*one, ended, int(size)) for one in open_ones),
                                   return_exceptions=True)
    lost = [result for result in results if result is not None]
    print(f"{len(results) - len(lost)} of {len(results)} live", *set(map(repr, lost)))
    sys.exit(len(lost) > 0)


def path_mtu(wire):
    if wire.family == socket.AF_INET6:
        return wire.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    return wire.getsockopt(socket.IPPROTO_IP, IP_MTU)


def datagram_socket(host, port):
    wire = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    wire.settimeout(5)
    wire.connect((host, int(port)))
    return wire


def refused(wire, data):
    try:
        wire.send(data)
        return False
    except OSError as error:
        if error.errno != errno.EMSGSIZE:
            raise
        return True


async def probe(host, port, size):
    wire = datagram_socket(host, port)
    v6 = wire.family == socket.AF_INET6
    wire.setsockopt(*(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if v6
                    else (socket.IPPROTO_IP, IP_MTU_DISCOVER), PMTUDISC_DO)
    for _ in range(20):
        if refused(wire, bytes(int(size))):
            break
        await asyncio.sleep(0.1)
    else:
        raise ValueError(f"datagrams of {size} are still taken")
    wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # the router's word, if the kernel's came first
    fits = random.randbytes(path_mtu(wire) - (48 if v6 else 28))
    wire.send(fits)
    if wire.recv(65536) != fits:
        raise ValueError("other bytes came back")
    print("mtu", path_mtu(wire))


async def datagrams(host, port, *sizes):
    wire = datagram_socket(host, port)
    for size in sizes:
        data = random.randbytes(int(size))
        wire.send(data)
        if wire.recv(65536) != data:
            raise ValueError(f"other bytes came back of {size}")


def take_numbers(wire, seen):
    try:
        while True:
            seen.add(int(wire.recv(64)))
    except BlockingIOError:
        pass


async def number(host, port, count, rate):
    loop, ended, sent, seen = asyncio.get_running_loop(), asyncio.Event(), 0, set()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    wires = [datagram_socket(host, port) for _ in range(int(count))]
    for wire in wires:
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_ROOM)
        wire.setblocking(False)
        loop.add_reader(wire, take_numbers, wire, seen)
    start = loop.time()
    while not ended.is_set():
        # After a sleep that was too long the rest follows no faster than twice the rate.
        due = min(int((loop.time() - start) * int(rate)), sent + int(rate) // 100)
        while sent < due:
            wires[sent % len(wires)].send(b"%d" % sent)
            sent += 1
        await asyncio.sleep(0.005)
    patience = loop.time() + 10
    while len(seen) < sent and loop.time() < patience:
        await asyncio.sleep(0.1)
    print(f"{sent} sent, {len(seen)} came back")
    sys.exit(len(seen) < sent)


asyncio.run({"serve": serve, "talk": talk, "send": send, "hold": hold, "datagrams": datagrams,
             "number": number, "probe": probe}[sys.argv[1]](*sys.argv[2:]))
