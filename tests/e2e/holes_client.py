#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks for holes under both semantics, and for those that are many. usage: holes_client.py BUILD"""
import json
import shutil
import sys
import tempfile
import time

import daemon
from daemon import check
from played import FOUNDING, IKE, INSIDE, PEER, echo, frame, Played, tcp, udp

BUILD = sys.argv[1]

SENT = [udp(INSIDE, 500, PEER, 500, IKE), udp(INSIDE, 1194, PEER, 1194), udp(INSIDE, 40000, PEER, 9999),
        tcp(INSIDE, 40001, PEER, 443, 2), echo(INSIDE, PEER, 8, 7), frame(INSIDE, PEER, 50, bytes([1] * 24)),
        frame(INSIDE, PEER, 47, bytes(24))]


def holes(test, *arguments):
    said = test.cli("holes", "-o", "json", *arguments)
    return [json.loads(line) for line in said.stdout.splitlines()]


def wait_for(client, count):
    for _ in range(800):
        if client.call("stats")["result"]["received"] == count:
            return
        time.sleep(0.05)


def played(work, semantics, sent, ask):
    test = Played(BUILD, work, FOUNDING % semantics, sent)
    try:
        test.start()
        client = test.client()
        wait_for(client, len(sent))
        ask(test, client)
        client.close()
        check("a clean stop", test.stop() == 0 and "holds" in test.log(), test.log()[-300:])
    finally:
        test.end()


def aws_like(test, client):
    before = client.call("stats")["result"]
    listed = holes(test)
    check("all that was sent but ESP, which a rule lists, has made a hole", len(listed) == 6, listed)
    check("of any packet", {hole["lets_in"] for hole in listed} == {"any-packet"}, listed)
    check("the longest first", [hole["expires_ms"] for hole in listed] ==
          sorted((hole["expires_ms"] for hole in listed), reverse=True), listed)
    ike = [hole for hole in listed if hole["inbound"] == f"udp {PEER}:500 > {INSIDE}:500"]
    check("who opened the founding one: packet 1, outwards, by all-out", len(ike) == 1 and
          (ike[0]["why"][0]["packet"], ike[0]["why"][0]["direction"], ike[0]["why"][0]["rule"],
           ike[0]["why"][0]["line"]) == (1, "egress", "vpn/all-out", 10), ike)
    check("and for how long", 0 < ike[0]["expires_ms"] <= 30000, ike)
    check("a filter", [hole["protocol"] for hole in holes(test, "--filter", "proto tcp")] == ["tcp"])
    check("a limit is of the worst", [hole["inbound"] for hole in holes(test, "--limit", "2")] ==
          [hole["inbound"] for hole in listed[:2]])
    said = test.cli("holes")
    check("as a table", said.returncode == 0 and said.stdout.startswith("LETS IN") and
          said.stdout.count("any-packet") == 6 and "policy.yaml:10" in said.stdout, said)
    print(said.stdout)
    after = client.call("stats")["result"]
    check("asking changes nothing", after == dict(before, **{k: after[k] for k in after if k.endswith("_ms")}))
    check("a filter that is none: exit 4", test.cli("holes", "--filter", "port").returncode == 4)


def strict(test, _):
    said = {hole["inbound"]: hole["lets_in"] for hole in holes(test)}
    check("strict: what its answers must show", said == {
        f"udp {PEER}:9999 > {INSIDE}:40000": "any-packet",
        f"tcp {PEER}:443 > {INSIDE}:40001": "in-window",
        f"udp {PEER}:500 > {INSIDE}:500": "answers-with-proof",
        f"icmp {PEER} > {INSIDE}": "answers-with-proof"}, said)
    check("the worst first", [hole["lets_in"] for hole in holes(test)][:2] == ["any-packet", "in-window"])


def many(test, _):
    listed = holes(test)
    check("all of many pages, each once", len({hole["inbound"] for hole in listed}) == len(listed) == 2000, len(listed))


def none(test, _):
    check("without flows there is none", test.cli("holes").stdout.startswith("none"))


def main():
    work = tempfile.mkdtemp()
    try:
        played(work, "aws-like", SENT, aws_like)
        played(work, "strict", SENT, strict)
        played(work, "aws-like", [udp(INSIDE, 20000 + n, PEER, 9) for n in range(2000)], many)
        played(work, "aws-like", [udp(PEER, 9, INSIDE, 9)], none)
    finally:
        shutil.rmtree(work)
    sys.exit(1 if daemon.failed else 0)


main()
