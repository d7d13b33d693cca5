#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Talks to a running sekishod, badly on purpose. usage: daemon_client.py ADMIN_SOCKET READONLY_SOCKET"""
import socket
import sys

import daemon
from daemon import Client, check, code

ADMIN, READER = sys.argv[1:3]


def methods():
    admin, reader = Client(ADMIN), Client(READER)
    check("hello of an admin", admin.hello["params"]["role"] == "admin", admin.hello)
    check("hello of a reader", reader.hello["params"]["role"] == "reader", reader.hello)
    needs = {"explain": {"frame": "00" * 64}}
    for method in admin.call("rpc.discover")["result"]["methods"]:
        # each by a client of its own, since some are told of things from then on
        name = method["name"]
        answer = Client(READER).call(name, **needs.get(name, {}))
        if method["role"] == "reader":
            check(f"{name} answers", "result" in answer and answer["id"] == 7, answer)
        else:
            check(f"a reader may not {name}", code(answer) == -32001, answer)
    before = admin.call("status")["result"]["generation"]
    text = admin.call("policy.get")["result"]["text"]
    answer = admin.call("policy.commit", name="bad.yaml", text="bad: [\n")
    check("a bad policy is refused with its errors",
          code(answer) == -32002 and answer["error"]["data"]["errors"], answer)
    check("and changes nothing", admin.call("status")["result"]["generation"] == before)
    for _ in range(20):
        answer = admin.call("policy.commit", name="good.yaml", text=text)
    check("a commit raises the generation", answer.get("result", {}).get("generation", 0) > before, answer)
    check("an unknown edge", code(admin.call("policy.get", edge="nowhere")) == -32602)
    for cursor in ("", "9:0", "0:1x", 5):
        check(f"flows.list refuses cursor {cursor!r}", code(admin.call("flows.list", cursor=cursor)) == -32602)
    for cursor in ("0:4294967295", "0:99999999999999999999", "0:-1"):
        answer = admin.call("flows.list", cursor=cursor)
        check(f"a cursor past the table ends the walk: {cursor}", answer.get("result") == {"flows": [], "cursor": None}, answer)


def long_texts():
    client, other = Client(ADMIN), Client(ADMIN)
    text = client.call("policy.get")["result"]["text"]
    long = text + "# \u95a2\u6240 \"quoted\"\n" * 20000
    check("nothing is staged at first", code(client.call("policy.commit", name="p")) == -32602)
    for wrong in (1, -1, "0", None):
        check(f"stage refuses offset {wrong!r}", code(client.call("policy.stage", offset=wrong, text="x")) == -32602)
    check("stage refuses what is no text", code(client.call("policy.stage", offset=0, text=1)) == -32602)
    client.call("policy.stage", offset=0, text="to be forgotten")
    length = 0
    for start in range(0, len(long), 3000):
        part = long[start:start + 3000]
        answer = client.call("policy.stage", offset=length, text=part)
        length += len(part.encode())
    check("stage counts bytes", answer["result"]["length"] == length == len(long.encode()), answer)
    check("what is staged is the client's own", code(other.call("policy.commit", name="p")) == -32602)
    check("a long policy is committed", "result" in client.call("policy.commit", name="long.yaml"))
    check("and is no longer staged", code(client.call("policy.commit", name="p")) == -32602)
    got, parts = b"", 0
    while True:
        result = other.call("policy.get", offset=len(got))["result"]
        got, parts = got + result["text"].encode(), parts + 1
        if not result["text"] or len(got) >= result["length"]:
            break
    check("and is read back in parts, byte for byte", got.decode() == long and parts > 5, parts)
    check("an offset past its end", code(other.call("policy.get", offset=length + 1)) == -32602)
    part, length = "#" * 60000, 0
    while code(answer := client.call("policy.stage", offset=length, text=part)) is None:
        length += len(part)
    check("a text may have 32 MiB", code(answer) == -32004 and length > 33000000, (length, answer))
    for _ in range(3):
        other, length = Client(ADMIN), 0
        while length < 33000000 and code(answer := other.call("policy.stage", offset=length, text=part)) is None:
            length += len(part)
        other.socket.close()
        other.file.close()
    check("what a client staged goes with it", length >= 33000000, (length, answer))
    client.call("policy.stage", offset=0, text="")
    check("back to the short one", "result" in client.call("policy.commit", name="good.yaml", text=text))


def raw(client, data):
    client.socket.sendall(data)
    return client.line()


def garbage():
    client = Client(READER)
    cases = [(b"garbage\n", -32700), (b"[]\n", -32600), (b"{}\n", -32600), (b"\xff\xfe\n", -32700),
             (b"[" * 17 + b"]" * 17 + b"\n", -32700), (b"[" * 60000 + b"\n", -32700),
             (b'{"jsonrpc":"2.0","id":[],"method":"status"}\n', -32600),
             (b'{"jsonrpc":"2.0","id":1,"method":"nothing"}\n', -32601),
             (b'{"jsonrpc":"2.0","id":1,"method":"flows.list","params":{"limit":0}}\n', -32602)]
    for data, expected in cases:
        check(f"{data[:40]!r} gives {expected}", code(raw(client, data)) == expected)
    client.socket.sendall(b'{"jsonrpc":"2.0","method":"status"}\n')
    check("a notification has no answer", client.call("status")["id"] == 7)
    long = Client(READER)
    try:
        long.socket.sendall(b"x" * (1 << 20))
    except OSError:
        pass
    try:
        answer = long.line()
        check("a line of 1 MiB is refused", code(answer) == -32600, answer)
    except OSError as error:
        check("a line of 1 MiB is refused", isinstance(error, ConnectionResetError), error)
    half = Client(READER)
    half.socket.sendall(b'{"jsonrpc":"2.0","id":1,"me')
    half.socket.shutdown(socket.SHUT_WR)
    check("half a line is no request", half.line() is None)
    end = Client(READER)
    end.socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"flows.list"}\n')
    end.socket.shutdown(socket.SHUT_WR)
    check("a client that has ended is still answered", "result" in (end.line() or {}))


def crowds():
    for _ in range(10000):
        one = socket.socket(socket.AF_UNIX)
        one.connect(READER)
        one.close()
    check("alive after 10000 connects", "result" in Client(READER).call("status"))
    full = [Client(READER) for _ in range(80)]
    refused = sum(code(client.hello) == -32005 for client in full)
    check("of 80 readers at once those past 56 are refused", 24 <= refused <= 25, refused)
    admins = [Client(ADMIN) for _ in range(10)]
    refused = sum(code(client.hello) == -32005 for client in admins)
    check("8 of who may change things get in all the same", 2 <= refused <= 3, refused)
    for client in full + admins:
        client.close()
    deaf = Client(READER)
    deaf.socket.settimeout(1)
    try:
        for _ in range(100000):
            deaf.socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"stats"}\n')
        check("a client that does not read is held back", False, "it could send 100000 requests")
    except OSError:
        check("a client that does not read is held back", True)
    check("and slows nobody", "result" in Client(READER).call("stats"))


methods()
long_texts()
garbage()
crowds()
sys.exit(1 if daemon.failed else 0)
